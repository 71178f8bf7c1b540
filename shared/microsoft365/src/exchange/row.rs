//! One object of an answer, by its properties (MICROSOFT.md 4.2): unset text is `""`, unset references are null,
//! dates have seven digits, and every key with an `@` is an annotation.

use gal::{Anchor, Field};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use uuid::Uuid;

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row(Map<String, Value>);

impl Row {
    /// A row; none if it is no object.
    pub(super) fn new(value: Value) -> Option<Self> {
        match value {
            Value::Object(mut properties) => {
                properties.retain(|name, _| !name.contains('@'));
                Some(Self(properties))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        }
    }

    /// Text that is not blank.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The texts of a list; a single text is a list of one.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            Some(Value::Array(values)) => {
                values.iter().filter_map(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned).collect()
            }
            Some(Value::String(text)) if !text.is_empty() => vec![text.clone()],
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) | None => Vec::new(),
        }
    }

    /// True or false, as such or as a word.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(word) if word.eq_ignore_ascii_case("true") => Some(true),
            Value::String(word) if word.eq_ignore_ascii_case("false") => Some(false),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A GUID that is not all zeros.
    pub(super) fn guid(&self, name: &str) -> Option<Uuid> {
        Uuid::parse_str(self.0.get(name)?.as_str()?).ok().filter(|guid| !guid.is_nil())
    }

    /// `ExternalDirectoryObjectId`.
    pub(super) fn anchor(&self) -> Option<Anchor> {
        self.guid("ExternalDirectoryObjectId").map(Anchor)
    }

    /// A moment; one without a zone is UTC.
    pub(super) fn moment(&self, name: &str) -> Option<Timestamp> {
        let text = self.0.get(name)?.as_str()?;
        text.parse().ok().or_else(|| text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp()))
    }

    /// The value of a field, in the form of `gal::Values`: a set has one value a line.
    pub(super) fn value(&self, field: Field) -> Option<String> {
        if field.is_set() {
            Some(self.list(field.property()).join("\n")).filter(|lines| !lines.is_empty())
        } else {
            self.text(field.property())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn properties_are_read_by_their_conventions() {
        let row = Row::new(json!({
            "Name": "x", "Title": "", "Notes": null, "Phone@odata.type": "#x", "Hidden": true, "Word": "False", "Number": 5,
            "List@odata.type": "#Collection(String)", "List": ["b", "", "a"], "One": "c",
            "Guid": "33333333-3333-3333-3333-333333333333", "NoGuid": "00000000-0000-0000-0000-000000000000",
            "A": "2024-04-10T08:56:22.0000000+00:00", "B": "2024-04-10T08:56:22.1234567Z", "C": "2024-04-10T08:56:22", "D": "yesterday",
            "OtherTelephone": ["1", "2"], "ExternalDirectoryObjectId": ""
        }))
        .unwrap();
        assert_eq!(
            (row.text("Name"), row.text("Title"), row.text("Notes"), row.text("Number")),
            (Some("x".into()), None, None, Some("5".into()))
        );
        assert_eq!(row.text("Phone@odata.type"), None);
        assert_eq!((row.flag("Hidden"), row.flag("Word"), row.flag("Name")), (Some(true), Some(false), None));
        assert_eq!(
            (row.list("List"), row.list("One"), row.list("None")),
            (vec!["b".to_owned(), "a".to_owned()], vec!["c".to_owned()], vec![])
        );
        assert!(row.guid("Guid").is_some() && row.guid("NoGuid").is_none() && row.anchor().is_none());
        assert_eq!(row.moment("A"), row.moment("C"));
        assert_eq!(row.moment("B"), Some("2024-04-10T08:56:22.1234567Z".parse().unwrap()));
        assert_eq!(row.moment("D"), None);
        assert_eq!(row.value(Field::OtherTelephone).as_deref(), Some("1\n2"));
        assert_eq!(Row::new(json!([])), None);
    }
}
