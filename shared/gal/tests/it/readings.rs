//! What two services said, as one recipient.

use std::fmt::Write as _;

use gal::reading::Reading;
use gal::recipient::Presence;
use gal::{Anchor, Field, Kind};
use serde_json::{Value, json};

use crate::written::{Table, matches};

fn graph(collection: &str, more: &Value) -> Value {
    merged(
        json!({"collection": collection, "values": {"DisplayName": "Graph's", "Title": "Graph's title", "Notes": "Graph's notes"}}),
        more,
    )
}

fn exchange(kind: &str, more: &Value) -> Value {
    let half = json!({
        "guid": "33333333-3333-3333-3333-333333333333", "name": "Name", "type_details": kind,
        "values": {"DisplayName": "Exchange's", "City": "Exchange's city", "Notes": "Exchange's notes", "CustomAttribute1": "one", "Manager": "value"},
        "email_addresses": ["SMTP:Ann@Contoso.example", "smtp:a@contoso.example", "X500:/o=old", "sip:ann@contoso.example", "bare@contoso.example"],
        "primary_smtp_address": "Ann@Contoso.example", "hidden": false, "detailed": true,
        "when_changed": "2026-01-15T08:00:00Z", "when_created": "2025-01-15T08:00:00Z"
    });
    merged(half, more)
}

fn merged(mut half: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().into_iter().flatten() {
        half[key] = value.clone();
    }
    half
}

#[allow(clippy::needless_pass_by_value, reason = "each call makes its own")]
fn said(graph: Option<Value>, exchange: Option<Value>) -> [String; 1] {
    let reading: Reading = serde_json::from_value(json!({"graph": graph, "exchange": exchange})).unwrap();
    let anchor: Anchor = "11111111-1111-1111-1111-111111111111".parse().unwrap();
    let one = reading.recipient(anchor, Field::CustomAttribute15, Presence::Present);
    let mut text = format!("{} <{}> {:?} {:?}", one.kind, one.primary.as_deref().unwrap_or("-"), one.addresses, one.x500);
    let values: Vec<String> = one.values.iter().map(|(field, value)| format!("{field}={value}")).collect();
    let _ = write!(text, " {{{}}}", values.join(", "));
    for (word, is) in [
        ("hidden", one.hidden),
        ("enabled", one.enabled == Some(true)),
        ("disabled", one.enabled == Some(false)),
        ("on-premises", one.directory_synced),
        ("from elsewhere", one.external_identity),
        ("authenticated senders only", one.authenticated_senders_only),
        ("stamped", one.mark.stamp().is_some()),
        ("not in Exchange", !one.exchange),
        ("not complete", !one.complete),
    ] {
        if is {
            let _ = write!(text, ", {word}");
        }
    }
    if let Some(manager) = &one.manager_name {
        let _ = write!(text, ", manager {manager}");
    }
    assert_eq!(one.guid.is_some(), one.exchange);
    assert_eq!(one.when_changed.is_some(), one.exchange);
    [text]
}

#[test]
fn two_services_say_one_recipient() {
    let none = json!({});
    let mut table = Table::default();
    for (name, more) in [
        ("a member", json!({})),
        ("disabled", json!({"account_enabled": false})),
        ("enabled", json!({"account_enabled": true})),
        ("userType Guest", json!({"user_type": "Guest"})),
        ("userType Member", json!({"user_type": "Member"})),
        ("#ext# in the name", json!({"user_principal_name": "ann_partner.example#ext#@contoso.example"})),
        ("creationType invitation", json!({"creation_type": "invitation"})),
        ("creationType LocalAccount", json!({"creation_type": "LocalAccount"})),
        ("mastered on-premises", json!({"on_premises_sync": true})),
        ("not mastered on-premises", json!({"on_premises_sync": false})),
        ("another mail", json!({"mail": "Other@contoso.example"})),
    ] {
        table.add("a user of both", name, &said(Some(graph("users", &more)), Some(exchange("UserMailbox", &none))));
        table.add("a user of Graph alone", name, &said(Some(graph("users", &more)), None));
    }
    for collection in ["users", "contacts", "groups"] {
        table.add("Graph alone", collection, &said(Some(graph(collection, &json!({"mail": "x@y.example"}))), None));
    }
    for kind in [
        "UserMailbox",
        "RemoteUserMailbox",
        "SharedMailbox",
        "RoomMailbox",
        "EquipmentMailbox",
        "MailContact",
        "MailUser",
        "GuestMailUser",
        "MailUniversalDistributionGroup",
        "DynamicDistributionGroup",
        "RoomList",
        "GroupMailbox",
        "PublicFolder",
        "SchedulingMailbox",
        "",
    ] {
        table.add("Exchange alone", kind, &said(None, Some(exchange(kind, &none))));
        table.add("of both", kind, &said(Some(graph("users", &none)), Some(exchange(kind, &none))));
    }
    for (name, more) in [
        ("hidden", json!({"hidden": true})),
        ("mastered on-premises", json!({"directory_synced": true})),
        ("manager", json!({"manager_name": "Boss"})),
        ("no manager", json!({"manager_name": ""})),
        ("legacyExchangeDN", json!({"legacy_exchange_dn": "/o=new"})),
        ("legacyExchangeDN held already", json!({"legacy_exchange_dn": "/O=OLD"})),
        ("no legacyExchangeDN", json!({"legacy_exchange_dn": ""})),
        ("authenticated senders only", json!({"authenticated_senders_only": true})),
        ("without details", json!({"detailed": false})),
        ("external address", json!({"external_email_address": "SMTP:Ann@Partner.example"})),
        ("no address", json!({"primary_smtp_address": "", "email_addresses": []})),
        ("not an address", json!({"primary_smtp_address": "nobody", "email_addresses": ["smtp:nobody"]})),
        (
            "stamped",
            json!({"values": {"CustomAttribute15": "galbridge1|here|contoso-id|33333333-3333-3333-3333-333333333333|made|projection|-"}}),
        ),
        ("somebody else's mark", json!({"values": {"CustomAttribute15": "tool"}})),
    ] {
        table.add("a contact", name, &said(None, Some(exchange("MailContact", &more))));
        table.add("a user", name, &said(Some(graph("users", &none)), Some(exchange("UserMailbox", &more))));
    }
    matches("readings.txt", &table.text());
}

/// What Graph tells of a kind is not kept twice.
#[test]
fn each_value_has_one_source() {
    let kept = |kind: &str| {
        let reading: Reading = serde_json::from_value(json!({"exchange": exchange(kind, &json!({}))})).unwrap();
        let half = reading.exchange.unwrap().without_graphs();
        half.values.iter().map(|(field, _)| field.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(kept("UserMailbox"), "Notes Manager CustomAttribute1");
    assert_eq!(kept("MailContact"), "DisplayName City Notes Manager CustomAttribute1");
    assert_eq!(Kind::from_type_details("RemoteRoomMailbox"), Kind::Room);
}

#[test]
fn a_side_and_an_anchor_are_said_as_they_are_read() {
    for side in gal::Side::BOTH {
        assert_eq!(side.to_string().parse(), Ok(side));
    }
    assert!("c".parse::<gal::Side>().is_err());
    let anchor = gal::Anchor(uuid::Uuid::from_u128(7));
    assert!(format!("{anchor:?}").contains("0007"), "{anchor:?}");
}
