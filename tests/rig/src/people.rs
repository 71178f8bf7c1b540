//! People and contacts for tests, and looking for them in an address list.

use engine::act::{Action, Answer, StatusDocument};
use gal::Side;
use m365_simulator::GalEntry;
use serde_json::{Value, json};
use uuid::Uuid;

/// Makes a user of a tenant: `NAME@TENANT.example`, an engineer.
pub fn user(tenant: &str, name: &str) -> Value {
    let address = format!("{}@{tenant}.example", name.to_lowercase());
    json!({"op": "create", "kind": "user", "set": {"DisplayName": name, "FirstName": name, "PrimarySmtpAddress": address, "Title": "Engineer"}})
}

/// Makes a mail contact of an outside company: `NAME@partner.example`.
pub fn contact(name: &str, title: &str) -> Value {
    contact_at(name, &format!("{}@partner.example", name.to_lowercase()), title)
}

/// Makes a mail contact with this address.
pub fn contact_at(name: &str, address: &str, title: &str) -> Value {
    json!({"op": "create", "kind": "contact", "set": {"DisplayName": name, "ExternalEmailAddress": address, "Title": title}})
}

/// Makes a guest with this address, hidden as Entra makes them.
pub fn guest(name: &str, address: &str) -> Value {
    json!({"op": "create", "kind": "guest", "set": {"DisplayName": name, "ExternalEmailAddress": address, "HiddenFromAddressListsEnabled": true}})
}

/// Changes properties of an object.
pub fn update(anchor: Uuid, set: Value) -> Value {
    let mut operation = json!([{"op": "update", "anchor": anchor}]);
    operation[0]["set"] = set;
    operation
}

/// Deletes objects.
pub fn delete(anchors: &[Uuid]) -> Value {
    anchors.iter().map(|anchor| json!({"op": "delete", "anchor": anchor})).collect()
}

/// The entry with this display name.
pub fn find<'g>(gal: &'g [GalEntry], name: &str) -> Option<&'g GalEntry> {
    gal.iter().find(|entry| property(entry, "DisplayName") == name)
}

/// A property as text; empty if it has none.
pub fn property(entry: &GalEntry, name: &str) -> String {
    entry.properties.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// All display names, sorted.
pub fn names(gal: &[GalEntry]) -> Vec<String> {
    let mut names: Vec<String> = gal.iter().map(|entry| property(entry, "DisplayName")).collect();
    names.sort();
    names
}

/// How the first pair stands, as an operator is told.
pub async fn status(rig: &crate::Rig) -> StatusDocument {
    status_of(rig, &rig.pair()).await
}

/// How a pair stands, as an operator is told.
pub async fn status_of(rig: &crate::Rig, pair: &str) -> StatusDocument {
    match rig.engine.act(pair, Action::Status, rig.deadline()).await.expect("a status") {
        Answer::Status(status) => *status,
        other => panic!("{other:?}"),
    }
}

/// What `explain` says of an address on one side of a pair, in one word each.
pub async fn code(rig: &crate::Rig, pair: &str, address: &str, side: Side) -> Vec<String> {
    let explained = rig.engine.explain(pair, address).await.expect("an explanation");
    explained.into_iter().filter(|one| one.side == side).filter_map(|one| one.code).collect()
}
