//! Things to store.

use engine::ports::ReplicaWrite;
use engine::records::{AgendaRow, Due, Lease, OperationRecord, OperationResult, Outcome, Replica, RunKind, RunSummary};
use gal::reading::{ExchangeHalf, Reading};
use gal::recipient::Presence;
use gal::{Anchor, Base, Field, Link, LinkKey, Origin, Phase, Provenance, Role, Side, Sides};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Seconds after a Tuesday morning.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// The `n`-th anchor: spread like real ones.
pub(crate) fn anchor(n: u32) -> Anchor {
    Anchor(Uuid::from_u128((u128::from(n) << 96) | u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

pub(crate) fn lease(owner: &str, until: i64) -> Lease {
    Lease { owner: owner.to_owned(), until: at(until) }
}

/// A text of hexadecimal digits, each half a byte whatever packs it.
fn incompressible(length: usize) -> String {
    let blocks = (0..length.div_ceil(64) as u64).map(|block| hex::encode(Sha256::digest(block.to_le_bytes())));
    let mut text: String = blocks.collect();
    text.truncate(length);
    text
}

/// A mailbox with about 1 KB of values, and `padding` more.
pub(crate) fn replica_of(n: u32, version: u64, padding: usize) -> Replica {
    let notes = incompressible(padding);
    let name = format!("person{n}");
    let address = format!("{name}@contoso.example");
    let half = ExchangeHalf {
        guid: anchor(n).0,
        name: name.clone(),
        type_details: "UserMailbox".into(),
        values: [(Field::DisplayName, name.as_str()), (Field::Title, "Clerk"), (Field::Department, "Grüße & Co"), (Field::Notes, &notes)]
            .into_iter()
            .collect(),
        email_addresses: vec![format!("SMTP:{address}"), format!("smtp:{name}@alias.example")],
        primary_smtp_address: Some(address),
        external_email_address: None,
        hidden: false,
        directory_synced: false,
        manager_name: None,
        legacy_exchange_dn: Some(format!("/o=ExchangeLabs/ou=Exchange Administrative Group/cn=Recipients/cn={name}")),
        authenticated_senders_only: false,
        detailed: true,
        when_changed: at(-100),
        when_created: at(-100),
    };
    Replica {
        anchor: anchor(n),
        reading: Reading { graph: None, exchange: Some(half) },
        presence: Presence::Present,
        linked_to: None,
        version,
        first_seen: at(-50),
        written_at: None,
    }
}

pub(crate) fn replica(n: u32, version: u64) -> Replica {
    replica_of(n, version, 0)
}

/// A write of a replica with its holders and, for even versions too, an agenda row due at second `version`.
pub(crate) fn write(n: u32, expected: Option<u64>, version: u64) -> ReplicaWrite {
    let replica = replica(n, version);
    let holders = replica.holder_keys(Field::CustomAttribute15);
    let holders_before = if expected.is_some() { holders.clone() } else { Vec::new() };
    ReplicaWrite { side: Side::A, expected, holders, holders_before, agenda: Some(row(n, 0, version)), replica }
}

pub(crate) fn row(n: u32, due: i64, version: u64) -> AgendaRow {
    AgendaRow { due: at(due), side: Side::A, anchor: anchor(n), why: Due::Changed, version }
}

pub(crate) fn link_key(n: u32) -> LinkKey {
    LinkKey { origin: Origin::A, anchor: anchor(n) }
}

pub(crate) fn link(n: u32) -> Link {
    let (name, address) = (format!("galbridge-{n}"), format!("person{n}@contoso.example"));
    Link {
        phase: Phase::Live,
        base_source: Base::of(&[(Field::Title, "Clerk")].into_iter().collect()),
        base_target: Base::of(&[(Field::Title, "Clerk"), (Field::City, "Bern")].into_iter().collect()),
        linked_at: Some(at(0)),
        ..Link::intended(link_key(n), Role::Projection, Provenance::Made, name, address)
    }
}

pub(crate) fn run(id: &str, pair: &str, began: i64) -> RunSummary {
    RunSummary {
        id: id.to_owned(),
        pair: pair.to_owned(),
        kind: RunKind::Reconcile,
        began: at(began),
        ended: at(began + 5),
        outcome: Outcome::Partial("time".to_owned()),
        counters: Sides::default(),
        left: 3,
        attention: true,
        notes: vec!["a note".to_owned()],
    }
}

pub(crate) fn operation(number: u64, padding: usize) -> OperationRecord {
    OperationRecord {
        number,
        operation: "update".to_owned(),
        side: Side::B,
        link: link_key(1),
        address: "ann@contoso.example".to_owned(),
        reason: incompressible(padding),
        changes: Vec::new(),
        result: OperationResult::Done,
    }
}
