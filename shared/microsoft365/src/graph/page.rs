//! From a delta page's JSON to changes (MICROSOFT.md 3.1).
//!
//! The first enumeration gives whole objects, in which an absent property was never set. Later
//! rounds give only what changed, in which an absent property is not mentioned and null clears.

use engine::ports::{ChangePage, DirectoryChange, NextPage, Removal};
use gal::Anchor;
use gal::reading::{Collection, graph_fields};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The envelope of every collection.
#[derive(Deserialize)]
pub(super) struct Envelope {
    pub(super) value: Vec<Value>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    pub(super) delta: Option<String>,
}

impl Envelope {
    /// Reads a page; the error says what is wrong with it.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body)
            .map_err(|error| format!("a page of Graph is not readable at line {}, column {}", error.line(), error.column()))
    }

    /// A delta page has a nextLink or a deltaLink, never both.
    pub(super) fn next_page(&self) -> Result<NextPage, String> {
        match (&self.next, &self.delta) {
            (Some(next), None) => Ok(NextPage::More(next.clone())),
            (None, Some(delta)) => Ok(NextPage::Complete(delta.clone())),
            (Some(_), Some(_)) => Err("a delta page has both a nextLink and a deltaLink".to_owned()),
            (None, None) => Err("a delta page has neither a nextLink nor a deltaLink".to_owned()),
        }
    }
}

/// Reads a delta page. `whole`: it belongs to the first enumeration.
pub(super) fn change_page(body: &[u8], collection: Collection, whole: bool) -> Result<ChangePage, String> {
    let envelope = Envelope::parse(body)?;
    let next = envelope.next_page()?;
    let changes: Vec<DirectoryChange> = envelope.value.iter().filter_map(|entry| change(entry, collection, whole)).collect();
    let unreadable = envelope.value.len() - changes.len();
    if unreadable > 0 {
        tracing::warn!(
            collection = collection.as_str(),
            unreadable,
            "entries of a delta page have no readable id; the daily full reading will look again"
        );
    }
    Ok(ChangePage { changes, next })
}

/// The id of an entry.
pub(super) fn anchor(entry: &Value) -> Option<Anchor> {
    entry.get("id")?.as_str()?.parse().ok()
}

fn change(entry: &Value, collection: Collection, whole: bool) -> Option<DirectoryChange> {
    let anchor = anchor(entry)?;
    let entry = entry.as_object()?;
    let mut change = DirectoryChange::new(anchor);
    if let Some(removed) = entry.get("@removed") {
        change.removed = Some(removal(removed));
        return Some(change);
    }
    change.members_changed = entry.contains_key("members@delta");
    // A big group is split over several entries; the later ones may carry members alone.
    let whole = whole && entry.keys().any(|key| key != "id" && !key.contains('@'));
    let seen = Seen { entry, whole };
    change.mail = seen.text("mail");
    change.on_premises_sync = seen.flag("onPremisesSyncEnabled");
    match collection {
        Collection::Users => {
            change.account_enabled = seen.flag("accountEnabled");
            change.user_principal_name = seen.text("userPrincipalName");
            change.user_type = seen.text("userType");
            change.creation_type = seen.text("creationType");
            change.values = graph_fields().iter().filter_map(|field| Some((field, seen.text(field.row().graph?)?))).collect();
        }
        // Everything else of contacts and groups is read from Exchange.
        Collection::Contacts | Collection::Groups => {}
    }
    Some(change)
}

/// `changed`: it can come back. What is not known to be final is not.
fn removal(removed: &Value) -> Removal {
    match removed.get("reason").and_then(Value::as_str) {
        Some(reason) if reason.eq_ignore_ascii_case("deleted") => Removal::Deleted,
        Some(_) | None => Removal::SoftDeleted,
    }
}

/// An entry, and whether what it does not mention is null.
struct Seen<'a> {
    entry: &'a Map<String, Value>,
    whole: bool,
}

impl Seen<'_> {
    fn property(&self, name: &str) -> Option<&Value> {
        self.entry.get(name).or(self.whole.then_some(&Value::Null))
    }

    #[expect(clippy::option_option, reason = "not mentioned, null, and a value are three things; so is the port's type")]
    /// Text; of a list (`businessPhones` has at most one) the first.
    fn text(&self, name: &str) -> Option<Option<String>> {
        let value = match self.property(name)? {
            Value::Array(values) => values.first().and_then(Value::as_str),
            other => other.as_str(),
        };
        Some(value.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    #[expect(clippy::option_option, reason = "as above")]
    fn flag(&self, name: &str) -> Option<Option<bool>> {
        Some(self.property(name)?.as_bool())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gal::Field;
    use proptest::prelude::*;
    use serde_json::json;

    const ID: &str = "33333333-3333-3333-3333-333333333333";

    fn page(entry: &Value, collection: Collection, whole: bool) -> DirectoryChange {
        let body = json!({"value": [entry], "@odata.deltaLink": "https://g/x?$deltatoken=1"}).to_string();
        let mut page = change_page(body.as_bytes(), collection, whole).unwrap();
        assert_eq!(page.next, NextPage::Complete("https://g/x?$deltatoken=1".into()));
        page.changes.pop().unwrap()
    }

    #[test]
    fn the_first_enumeration_gives_whole_objects() {
        let change =
            page(&json!({"id": ID, "displayName": "Ann", "businessPhones": ["+1"], "accountEnabled": true}), Collection::Users, true);
        let value = |field| change.values.iter().find(|(known, _)| *known == field).map(|(_, value)| value.clone());
        assert_eq!(value(Field::DisplayName), Some(Some("Ann".into())));
        assert_eq!(value(Field::Phone), Some(Some("+1".into())));
        assert_eq!(value(Field::Title), Some(None));
        assert_eq!(value(Field::CustomAttribute1), None, "custom attributes come from Exchange");
        assert_eq!((change.account_enabled, change.mail, change.creation_type), (Some(Some(true)), Some(None), Some(None)));
    }

    #[test]
    fn later_rounds_mention_only_what_changed() {
        let change = page(&json!({"id": ID, "jobTitle": null, "businessPhones": [], "mail": ""}), Collection::Users, false);
        assert_eq!(change.values, [(Field::Title, None), (Field::Phone, None)]);
        assert_eq!((change.account_enabled, change.mail, change.user_principal_name), (None, Some(None), None));
    }

    #[test]
    fn a_removal_mentions_nothing_else_wherever_it_stands() {
        for (reason, expected) in [("changed", Removal::SoftDeleted), ("deleted", Removal::Deleted), ("odd", Removal::SoftDeleted)] {
            for whole in [true, false] {
                let change = page(&json!({"id": ID, "displayName": "x", "@removed": {"reason": reason}}), Collection::Users, whole);
                assert_eq!(change, DirectoryChange { removed: Some(expected), ..DirectoryChange::new(ID.parse().unwrap()) });
            }
        }
    }

    #[test]
    fn a_split_group_is_not_cleared_by_its_later_parts() {
        let first = page(
            &json!({"id": ID, "displayName": "All", "mail": "all@a.example", "members@delta": [{"id": ID}]}),
            Collection::Groups,
            true,
        );
        assert_eq!((first.mail, first.members_changed), (Some(Some("all@a.example".into())), true));
        let second = page(&json!({"id": ID, "members@delta": [{"id": ID}]}), Collection::Groups, true);
        assert_eq!((second.mail, second.on_premises_sync, second.members_changed), (None, None, true));
    }

    #[test]
    fn entries_without_id_are_left_out_and_links_are_checked() {
        let body = json!({"value": [{"displayName": "x"}, 5, {"id": "no guid"}, {"id": ID}], "@odata.nextLink": "n"}).to_string();
        assert_eq!(change_page(body.as_bytes(), Collection::Users, true).unwrap().changes.len(), 1);
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"value":[]}"#,
            r#"{"value":[],"@odata.nextLink":"a","@odata.deltaLink":"b"}"#,
            r#"{"value":5,"@odata.nextLink":"a"}"#,
        ] {
            assert!(change_page(bad.as_bytes(), Collection::Users, true).is_err(), "{bad}");
        }
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from)
        ];
        let keys = prop_oneof![
            Just("value".to_owned()),
            Just("id".to_owned()),
            Just("@odata.nextLink".to_owned()),
            Just("@odata.deltaLink".to_owned()),
            Just("@removed".to_owned()),
            Just("members@delta".to_owned()),
            Just("businessPhones".to_owned()),
            Just("mail".to_owned()),
            ".{0,5}".prop_map(String::from)
        ];
        leaf.prop_recursive(4, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), json in json_value(), whole: bool) {
            for collection in Collection::ALL {
                let _ = change_page(&bytes, collection, whole);
                let _ = change_page(json.to_string().as_bytes(), collection, whole);
                let page = json!({"value": [json.clone()], "@odata.nextLink": "n"});
                let _ = change_page(page.to_string().as_bytes(), collection, whole);
            }
        }
    }
}
