//! Items: attribute maps with a schema version, read with care and written in one place.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use engine::ports::StoreError;
use gal::Anchor;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::body::{self, BODY};
use crate::keys::{self, Key};

/// The schema this version writes, and the newest it reads. 1: bodies are text; 2: they may be packed ([`mod@crate::body`]).
pub(crate) const SCHEMA: u64 = 2;

/// The schema's attribute.
pub(crate) const V: &str = "v";
/// The version that conditions compare.
pub(crate) const VERSION: &str = "version";
/// Who wrote it: tells the SDK's own retry from another writer.
pub(crate) const BY: &str = "by";
/// When the service may drop it, in seconds since 1970.
pub(crate) const EXPIRES: &str = "expires";
/// Anchors, 16 bytes each.
pub(crate) const ANCHORS: &str = "anchors";

/// The attributes of an item.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A new item: its key and the schema.
pub(crate) fn new(key: &Key) -> Item {
    let mut item = key.attributes();
    item.insert(V.to_owned(), number(SCHEMA));
    item
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A moment as the time-to-live attribute wants it.
pub(crate) fn epoch(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_second().max(0).to_string())
}

/// A record as JSON text.
pub(crate) fn json<T: Serialize>(record: &T, key: &Key) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| corrupt(key, format!("it cannot be written as JSON: {error}")))
}

/// A new item that holds a record.
pub(crate) fn with_body<T: Serialize>(key: &Key, record: &T) -> Result<Item, StoreError> {
    let mut item = new(key);
    item.insert(BODY.to_owned(), body::pack(json(record, key)?));
    Ok(item)
}

pub(crate) fn corrupt(key: &Key, detail: impl Into<String>) -> StoreError {
    StoreError::Corrupt { item: key.to_string(), detail: detail.into() }
}

/// The key of an item that was read.
pub(crate) fn key_of(item: &Item) -> Result<Key, StoreError> {
    let (Some(AttributeValue::S(pk)), Some(AttributeValue::S(sk))) = (item.get(keys::PK), item.get(keys::SK)) else {
        return Err(StoreError::Corrupt { item: "an item without key".to_owned(), detail: "pk or sk is missing".to_owned() });
    };
    Ok(Key::new(pk, sk))
}

/// Refuses an item of a newer schema, or without one.
pub(crate) fn check_schema(item: &Item, key: &Key) -> Result<(), StoreError> {
    let found = get_number(item, V, key)?.ok_or_else(|| corrupt(key, "it has no schema version"))?;
    if found > SCHEMA {
        return Err(StoreError::NewerSchema { item: key.to_string(), found, known: SCHEMA });
    }
    Ok(())
}

pub(crate) fn get_text<'i>(item: &'i Item, name: &str, key: &Key) -> Result<Option<&'i str>, StoreError> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::S(value)) => Ok(Some(value)),
        Some(_) => Err(corrupt(key, format!("attribute {name} is not a text"))),
    }
}

pub(crate) fn get_number(item: &Item, name: &str, key: &Key) -> Result<Option<u64>, StoreError> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::N(value)) => {
            value.parse().map(Some).map_err(|_| corrupt(key, format!("attribute {name} is not a whole number: {value}")))
        }
        Some(_) => Err(corrupt(key, format!("attribute {name} is not a number"))),
    }
}

pub(crate) fn get_bytes<'i>(item: &'i Item, name: &str, key: &Key) -> Result<Option<&'i [u8]>, StoreError> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::B(value)) => Ok(Some(value.as_ref())),
        Some(_) => Err(corrupt(key, format!("attribute {name} is not binary"))),
    }
}

/// The version of an item.
pub(crate) fn version(item: &Item, key: &Key) -> Result<u64, StoreError> {
    get_number(item, VERSION, key)?.ok_or_else(|| corrupt(key, "it has no version"))
}

/// The record in an item, after a look at its schema.
pub(crate) fn body<T: DeserializeOwned>(item: &Item, key: &Key) -> Result<T, StoreError> {
    check_schema(item, key)?;
    let json = body::unpack(item, key)?.ok_or_else(|| corrupt(key, "it has no body"))?;
    from_json(&json, key)
}

/// Reads JSON. The message tells the place, never the content (it may hold addresses).
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, key: &Key) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| corrupt(key, format!("its JSON is not understood ({:?} error at column {})", error.classify(), error.column())))
}

/// Anchors as bytes.
pub(crate) fn pack(anchors: &[Anchor]) -> AttributeValue {
    let mut bytes = Vec::with_capacity(anchors.len() * 16);
    for anchor in anchors {
        bytes.extend_from_slice(anchor.0.as_bytes());
    }
    AttributeValue::B(Blob::new(bytes))
}

/// The anchors in an item, after a look at its schema.
pub(crate) fn unpack(item: &Item, key: &Key) -> Result<Vec<Anchor>, StoreError> {
    check_schema(item, key)?;
    let bytes = get_bytes(item, ANCHORS, key)?.ok_or_else(|| corrupt(key, "it has no anchors"))?;
    let (anchors, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(corrupt(key, format!("its anchors have {} bytes, not a multiple of 16", bytes.len())));
    }
    Ok(anchors.iter().map(|bytes| Anchor(Uuid::from_bytes(*bytes))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        keys::pair("p")
    }

    #[test]
    fn a_newer_schema_is_refused_and_named() {
        let mut item = with_body(&key(), &1_u8).unwrap();
        item.insert(V.to_owned(), number(SCHEMA + 1));
        let error = body::<u8>(&item, &key()).unwrap_err();
        assert!(matches!(&error, StoreError::NewerSchema { item, found: 3, known: 2 } if item == "item P#p/STATE"), "{error}");
    }

    #[test]
    fn nonsense_is_corrupt_and_does_not_show_its_content() {
        let mut item = with_body(&key(), &"ann@contoso.example").unwrap();
        let error = body::<u8>(&item, &key()).unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt { .. }) && !error.to_string().contains("contoso"), "{error}");
        item.remove(V);
        assert!(matches!(body::<String>(&item, &key()), Err(StoreError::Corrupt { .. })));
    }

    #[test]
    fn anchors_read_back() {
        let anchors: Vec<Anchor> = (0..100_u128).map(|n| Anchor(Uuid::from_u128(n << 64))).collect();
        let mut item = new(&key());
        item.insert(ANCHORS.to_owned(), pack(&anchors));
        assert_eq!(unpack(&item, &key()).unwrap(), anchors);
        item.insert(ANCHORS.to_owned(), AttributeValue::B(Blob::new(vec![0; 17])));
        assert!(matches!(unpack(&item, &key()), Err(StoreError::Corrupt { .. })));
    }
}
