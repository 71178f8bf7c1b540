//! Lines of an export.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use engine::ports::StoreError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::body::{self, BODY};
use crate::item::{self, Item};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub format: String,
    pub schema: u64,
    pub installation: Option<String>,
    pub exported_at: Timestamp,
}

/// The last line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Footer {
    pub items: u64,
    pub sha256: String,
}

/// A value in DynamoDB's own JSON. We store no other types.
#[derive(Debug, Serialize, Deserialize)]
enum Value {
    S(String),
    N(String),
    B(String),
}

/// An item as a line, attributes in alphabetical order, its body as text: a person can read an export.
pub(super) fn write(found: &Item) -> Result<String, StoreError> {
    let key = item::key_of(found)?;
    let mut values = BTreeMap::new();
    let body = body::unpack(found, &key)?;
    for (name, value) in found {
        let value = match value {
            _ if name == BODY => Value::S(body.as_deref().unwrap_or_default().to_owned()),
            AttributeValue::S(text) => Value::S(text.clone()),
            AttributeValue::N(number) => Value::N(number.clone()),
            AttributeValue::B(bytes) => Value::B(BASE64_STANDARD.encode(bytes)),
            _ => return Err(item::corrupt(&key, format!("attribute {name} is of a type that galbridge does not write"))),
        };
        values.insert(name, value);
    }
    item::json(&values, &key)
}

/// The item of a line, its body as the line has it; its schema is checked. `number` names the line in errors.
pub(super) fn read(line: &str, number: u64) -> Result<Item, StoreError> {
    let damaged = |detail: String| StoreError::BadExport { place: format!("line {number} of the export"), detail };
    let values: BTreeMap<String, Value> =
        serde_json::from_str(line).map_err(|error| damaged(format!("{:?} error at column {}", error.classify(), error.column())))?;
    let mut read = Item::new();
    for (name, value) in values {
        let value = match value {
            Value::S(text) => AttributeValue::S(text),
            Value::N(number) => AttributeValue::N(number),
            Value::B(bytes) => {
                let bytes = BASE64_STANDARD.decode(bytes).map_err(|error| damaged(format!("attribute {name}: {error}")))?;
                AttributeValue::B(Blob::new(bytes))
            }
        };
        read.insert(name, value);
    }
    let key = item::key_of(&read).map_err(|_| damaged("it has no key".to_owned()))?;
    item::check_schema(&read, &key)?;
    Ok(read)
}
