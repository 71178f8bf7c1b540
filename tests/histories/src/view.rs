//! A tenant's directory, as the simulator has it.

use std::collections::{BTreeMap, BTreeSet};

use m365_simulator::GalEntry;
use serde_json::Value;
use uuid::Uuid;

use crate::script::FIELDS;

/// What is compared, field by field; a blank is none.
pub(crate) type Fields = BTreeMap<&'static str, String>;

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    pub(crate) anchor: Uuid,
    pub(crate) kind: String,
    /// Whether the application made it.
    pub(crate) made: bool,
    pub(crate) hidden: bool,
    pub(crate) properties: BTreeMap<String, Value>,
}

impl Object {
    fn of(entry: GalEntry) -> Self {
        let made = serde_json::to_value(entry.made_by).is_ok_and(|by| by == "app");
        Self { anchor: entry.anchor, kind: entry.kind, made, hidden: entry.hidden, properties: entry.properties }
    }

    /// A text; blank is none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.properties.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    /// A flag.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.properties.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The compared fields.
    pub(crate) fn fields(&self) -> Fields {
        FIELDS.iter().filter_map(|field| Some((*field, self.text(field)?.to_owned()))).collect()
    }

    /// Every mail address it holds, lower case.
    pub(crate) fn addresses(&self) -> BTreeSet<String> {
        let listed = self.properties.get("EmailAddresses").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let single = ["PrimarySmtpAddress", "ExternalEmailAddress"].into_iter().filter_map(|name| self.text(name));
        listed.chain(single).filter_map(bare).collect()
    }

    /// Where mail to it goes.
    pub(crate) fn address(&self) -> Option<String> {
        let name = if self.kind == "contact" { "ExternalEmailAddress" } else { "PrimarySmtpAddress" };
        self.text(name).and_then(bare).filter(|address| !address.ends_with(".onmicrosoft.com"))
    }
}

/// An address without its prefix; none for X500 and the like.
fn bare(address: &str) -> Option<String> {
    let bare = match address.split_once(':') {
        Some((prefix, bare)) if prefix.eq_ignore_ascii_case("smtp") => bare,
        Some(_) => return None,
        None => address,
    };
    bare.contains('@').then(|| bare.to_lowercase())
}

/// A directory, hidden objects too.
#[derive(Clone, Debug, Default)]
pub(crate) struct View(pub(crate) BTreeMap<Uuid, Object>);

impl View {
    /// From the simulator.
    pub(crate) fn of(entries: Vec<GalEntry>) -> Self {
        Self(entries.into_iter().map(|entry| (entry.anchor, Object::of(entry))).collect())
    }

    /// Who holds an address.
    pub(crate) fn holders<'v>(&'v self, address: &'v str) -> impl Iterator<Item = &'v Object> {
        self.0.values().filter(move |object| object.addresses().contains(address))
    }
}
