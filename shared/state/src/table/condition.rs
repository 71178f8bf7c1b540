//! The conditions of conditional writes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::{self, SCHEMA, V, VERSION};

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
        Self::new("attribute_not_exists(pk) OR #v <= :schema").name("#v", V).value(":schema", item::number(SCHEMA))
    }

    /// The item has this version.
    pub(crate) fn version_is(version: u64) -> Self {
        Self::new("#version = :expected AND #v <= :schema")
            .name("#version", VERSION)
            .name("#v", V)
            .value(":expected", item::number(version))
            .value(":schema", item::number(SCHEMA))
    }

    /// `None`: the item does not exist; else it has this version.
    pub(crate) fn expected(version: Option<u64>) -> Self {
        version.map_or_else(Self::absent, Self::version_is)
    }

    /// The item does not exist, or has at most this version.
    pub(crate) fn version_at_most(version: u64) -> Self {
        Self::new("attribute_not_exists(pk) OR #version <= :version").name("#version", VERSION).value(":version", item::number(version))
    }

    /// The item does not exist, or has exactly this version.
    pub(crate) fn absent_or_version(version: u64) -> Self {
        Self::new("attribute_not_exists(pk) OR #version = :version").name("#version", VERSION).value(":version", item::number(version))
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
