//! How fast the embedded engine is: `cargo run --release -p state --example speed [RECIPIENTS]`.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement: it prints times")]

use std::time::Instant;

use engine::ports::{ReplicaWrite, Store, StoreError};
use engine::records::{AgendaRow, Due, Lease, LeaseKind, Replica};
use gal::reading::{ExchangeHalf, Reading};
use gal::recipient::Presence;
use gal::{Anchor, Field, Side};
use jiff::{SignedDuration, Timestamp};
use state::StateStore;
use uuid::Uuid;

fn write(n: u32, now: Timestamp) -> ReplicaWrite {
    let name = format!("person{n}");
    let address = format!("{name}@contoso.example");
    let values = Field::all().take(18).map(|field| (field, format!("value of {name}"))).collect();
    let half = ExchangeHalf {
        guid: Uuid::from_u128(u128::from(n)),
        name: name.clone(),
        type_details: "UserMailbox".to_owned(),
        values,
        email_addresses: vec![format!("SMTP:{address}"), format!("smtp:{name}@alias.example")],
        primary_smtp_address: Some(address),
        external_email_address: None,
        hidden: false,
        directory_synced: false,
        manager_name: None,
        legacy_exchange_dn: Some(format!("/o=ExchangeLabs/ou=Exchange Administrative Group/cn=Recipients/cn={name}")),
        authenticated_senders_only: false,
        detailed: true,
        when_changed: now,
        when_created: now,
    };
    let anchor = Anchor(Uuid::from_u128((u128::from(n) << 96) | u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let replica = Replica {
        anchor,
        reading: Reading { graph: None, exchange: Some(half) },
        presence: Presence::Present,
        linked_to: None,
        version: 1,
        first_seen: now,
        written_at: None,
    };
    let holders = replica.holder_keys(Field::CustomAttribute15);
    let agenda = Some(AgendaRow { due: now, side: Side::A, anchor, why: Due::Changed, version: 1 });
    ReplicaWrite { side: Side::A, replica, expected: None, holders, holders_before: Vec::new(), agenda }
}

async fn measure(name: &str, store: &StateStore, recipients: u32) -> Result<(), StoreError> {
    let now = Timestamp::UNIX_EPOCH;
    let writes: Vec<ReplicaWrite> = (0..recipients).map(|n| write(n, now)).collect();
    let anchors: Vec<Anchor> = writes.iter().map(|write| write.replica.anchor).collect();
    println!("{name}: {recipients} recipients with {} holder keys each", writes.first().map_or(0, |write| write.holders.len()));
    let began = Instant::now();
    let refused = store.put_replicas("p", writes).await?;
    println!("  store them, new      {:>9.3?} ({} refused)", began.elapsed(), refused.len());
    let began = Instant::now();
    let found = store.replicas("p", Side::A, &anchors).await?;
    println!("  read them by anchor  {:>9.3?} ({})", began.elapsed(), found.len());
    let began = Instant::now();
    let mut count = 0;
    for shard in 0..16 {
        count += store.replica_shard("p", Side::A, shard).await?.len();
    }
    println!("  read them by shard   {:>9.3?} ({count})", began.elapsed());
    let began = Instant::now();
    let mut done = 0;
    for row in store.due("p", now, 2_000).await? {
        store.delete_agenda("p", &[row]).await?;
        done += 1;
    }
    println!("  {done} agenda rows off {:>8.3?}", began.elapsed());
    let before = store.requests();
    let began = Instant::now();
    for cycle in 0..100 {
        let lease = Lease { owner: format!("run {cycle}"), until: now + SignedDuration::from_mins(5) };
        let state = store.acquire("p", LeaseKind::Reading, &lease, now).await?;
        store.due("p", now - SignedDuration::from_secs(1), 1_000).await?;
        store.save_reading("p", &lease.owner, &state.reading, None).await?;
    }
    println!("  a quiet cycle        {:>9.3?} ({} in 100)", began.elapsed() / 100, store.requests().since(&before));
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let recipients = std::env::args().nth(1).map_or(Ok(10_000), |text| text.parse())?;
    measure("memory", &StateStore::memory()?, recipients).await?;
    let folder = tempfile::tempdir()?;
    measure("file", &StateStore::file(&folder.path().join("galbridge.state"))?, recipients).await?;
    Ok(())
}
