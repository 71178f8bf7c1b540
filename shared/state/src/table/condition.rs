//! The conditions of conditional writes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use engine::ports::StoreError;

use crate::item::{self, BY, SCHEMA, V, VERSION};

/// An expression with its names and values. `#v` and `:schema` keep an older galbridge from overwriting
/// what a newer one wrote.
#[derive(Clone, Debug, Default)]
pub(crate) struct Condition {
    pub expression: String,
    pub names: HashMap<String, String>,
    pub values: HashMap<String, AttributeValue>,
}

impl Condition {
    pub(crate) fn new(expression: impl Into<String>) -> Self {
        Self { expression: expression.into(), ..Self::default() }
    }

    pub(crate) fn name(mut self, placeholder: &str, attribute: &str) -> Self {
        self.names.insert(placeholder.to_owned(), attribute.to_owned());
        self
    }

    pub(crate) fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values.insert(placeholder.to_owned(), value);
        self
    }

    /// The item does not exist.
    pub(crate) fn absent() -> Self {
        Self::new("attribute_not_exists(pk)")
    }

    /// The item does not exist, or was written by this version of galbridge or an older one.
    pub(crate) fn not_newer() -> Self {
        Self::new("attribute_not_exists(pk) OR #v <= :schema").known_schema()
    }

    /// The item has this version.
    pub(crate) fn version_is(version: u64) -> Self {
        Self::new("#version = :version AND #v <= :schema").version(version)
    }

    /// `None`: the item does not exist; else it has this version.
    pub(crate) fn expected(version: Option<u64>) -> Self {
        version.map_or_else(Self::absent, Self::version_is)
    }

    /// The item does not exist, or has at most this version.
    pub(crate) fn version_at_most(version: u64) -> Self {
        Self::new("attribute_not_exists(pk) OR (#version <= :version AND #v <= :schema)").version(version)
    }

    /// The item does not exist, or has exactly this version.
    pub(crate) fn absent_or_version(version: u64) -> Self {
        Self::new("attribute_not_exists(pk) OR (#version = :version AND #v <= :schema)").version(version)
    }

    /// The item has an older version.
    pub(crate) fn version_below(version: u64) -> Self {
        Self::new("#version < :version AND #v <= :schema").version(version)
    }

    fn version(self, version: u64) -> Self {
        self.known_schema().name("#version", VERSION).value(":version", item::number(version))
    }

    fn known_schema(self) -> Self {
        self.name("#v", V).value(":schema", item::number(SCHEMA))
    }
}

/// How a conditional write ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Written {
    /// It was done.
    Done,
    /// The condition did not hold; the item as it stands, where the database told.
    Refused(Option<item::Item>),
}

impl Written {
    /// Whether it was done: now, or by an earlier attempt of the SDK with the same mark, whose answer was lost.
    /// An item of a newer galbridge in the way is an error.
    pub(crate) fn succeeded(&self, mark: Option<&str>) -> Result<bool, StoreError> {
        match self {
            Self::Done => Ok(true),
            Self::Refused(None) => Ok(false),
            Self::Refused(Some(found)) => {
                item::check_schema(found, &item::key_of(found)?)?;
                Ok(mark.is_some_and(|mark| found.get(BY) == Some(&item::text(mark))))
            }
        }
    }
}
