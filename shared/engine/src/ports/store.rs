//! The state store (DESIGN.md "State"). Conditional writes are the heart of it: two runs may
//! overlap, and any process may die between two calls.

use async_trait::async_trait;
use gal::{Anchor, Link, LinkKey, Side};
use jiff::Timestamp;
use thiserror::Error;

use crate::records::{
    AgendaRow, Lease, LeaseKind, OperationRecord, PairState, ReadingState, Replica, RunSummary, TenantState, WritingState,
};

/// What can go wrong with the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Somebody else has the lease.
    #[error("another run of pair {pair} is going on (lease of {owner} until {until}); wait for it, or for the lease to end")]
    LeaseHeld {
        /// The pair.
        pair: String,
        /// Who has it.
        owner: String,
        /// Until when.
        until: Timestamp,
    },
    /// The lease was lost while the run was going on: it stops at once and writes nothing more.
    #[error("the lease of pair {pair} was lost; this run stops, the next one goes on")]
    LeaseLost {
        /// The pair.
        pair: String,
    },
    /// A conditional write found a newer version: read again and decide again.
    #[error("{item} was changed by somebody else in the meantime")]
    Conflict {
        /// What it was.
        item: String,
    },
    /// The item was written by a newer version of galbridge.
    #[error(
        "{item} was written by a newer galbridge (schema {found}, this one knows up to {known}); update galbridge, nothing was changed"
    )]
    NewerSchema {
        /// What it is.
        item: String,
        /// Its schema.
        found: u64,
        /// The newest schema this version knows.
        known: u64,
    },
    /// The item cannot be understood.
    #[error(
        "{item} in the state cannot be read: {detail}; nothing was written. `galbridge state repair` finds every damaged item, and drops them if you say so; or go back to an earlier `state export`"
    )]
    Corrupt {
        /// What it is.
        item: String,
        /// What is wrong.
        detail: String,
    },
    /// A state file that is damaged as a whole, or none of ours.
    #[error(
        "{place} is damaged, or no state of galbridge: {detail}; nothing was written. Put it aside and run `galbridge rebuild`, which restores the links from the stamps; or go back to an earlier `state export`"
    )]
    Malformed {
        /// The file.
        place: String,
        /// What is wrong.
        detail: String,
    },
    /// An import died half way.
    #[error("an import into {place} was begun and not finished; run `galbridge state import` again")]
    HalfAnImport {
        /// The file or table.
        place: String,
    },
    /// An export that is no export, or was damaged on its way.
    #[error("{place} cannot be read: {detail}; nothing was imported: take another copy of the export")]
    BadExport {
        /// The export, or a line of it.
        place: String,
        /// What is wrong.
        detail: String,
    },
    /// An import into a state that knows something.
    #[error("{place} is not empty, and nothing was imported; `state import --replace` replaces it, if that is what you want")]
    NotEmpty {
        /// The file or table.
        place: String,
    },
    /// Another process has the state file open. It is let go between two cycles.
    #[error("{place} is used by another galbridge{process}; one process at a time")]
    InUse {
        /// What is used.
        place: String,
        /// Which process it is, if that is known, in brackets.
        process: String,
    },
    /// The database is unreachable, throttling, full or read-only.
    #[error("the state store failed while {doing}: {detail}")]
    Unavailable {
        /// What was tried.
        doing: String,
        /// What it answered.
        detail: String,
    },
}

/// A replica to store. The adapter writes new holder rows first, then the replica with its agenda
/// row in one transaction, then removes holder rows that no longer hold.
#[derive(Clone, Debug)]
pub struct ReplicaWrite {
    /// The side.
    pub side: Side,
    /// The new state; its `version` is the new version.
    pub replica: Replica,
    /// The version it must still have; `None`: it must not exist.
    pub expected: Option<u64>,
    /// Holder keys it has now.
    pub holders: Vec<String>,
    /// Holder keys it had before.
    pub holders_before: Vec<String>,
    /// What becomes due by it.
    pub agenda: Option<AgendaRow>,
}

/// A link to store. `expected: None`: it must not exist. The stored version is returned.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// The item.
    pub item: T,
    /// Its version, for conditional writes.
    pub version: u64,
}

/// The state of one client.
#[async_trait]
pub trait Store: Send + Sync {
    // --- the pair

    /// The pair's state, without a lease (for people).
    async fn pair(&self, pair: &str) -> Result<PairState, StoreError>;

    /// Takes a lease and answers the whole state, in one request. A lease that has ended may be taken.
    /// An own lease (same owner) is renewed.
    async fn acquire(&self, pair: &str, kind: LeaseKind, lease: &Lease, now: Timestamp) -> Result<PairState, StoreError>;

    /// Writes the reading half, under the lease of `owner`, in one request; `until: None` gives the lease back,
    /// else it is prolonged. `LeaseLost` if somebody else has it.
    async fn save_reading(&self, pair: &str, owner: &str, state: &ReadingState, until: Option<Timestamp>) -> Result<(), StoreError>;

    /// The same for the writing half.
    async fn save_writing(&self, pair: &str, owner: &str, state: &WritingState, until: Option<Timestamp>) -> Result<(), StoreError>;

    // --- replicas and holders

    /// One replica.
    async fn replica(&self, pair: &str, side: Side, anchor: Anchor) -> Result<Option<Replica>, StoreError>;

    /// Many replicas, in no particular order; unknown ones are left out.
    async fn replicas(&self, pair: &str, side: Side, anchors: &[Anchor]) -> Result<Vec<Replica>, StoreError>;

    /// Stores replicas, each atomically with its agenda row. Answers the anchors whose condition failed:
    /// those were not stored; read them again.
    async fn put_replicas(&self, pair: &str, writes: Vec<ReplicaWrite>) -> Result<Vec<Anchor>, StoreError>;

    /// One of the 16 shards (0 to 15) of a side's replicas.
    async fn replica_shard(&self, pair: &str, side: Side, shard: u8) -> Result<Vec<Replica>, StoreError>;

    /// The anchors that (may) hold a key of the holder index: a hint, to be checked against the replica.
    async fn holders(&self, pair: &str, side: Side, key: &str) -> Result<Vec<Anchor>, StoreError>;

    // --- links

    /// One link.
    async fn link(&self, pair: &str, key: LinkKey) -> Result<Option<Versioned<Link>>, StoreError>;

    /// Many links; unknown ones are left out.
    async fn links(&self, pair: &str, keys: &[LinkKey]) -> Result<Vec<Versioned<Link>>, StoreError>;

    /// Stores a link; `expected` is the version it must still have, `None`: it must not exist. Answers the new version.
    async fn put_link(&self, pair: &str, link: &Link, expected: Option<u64>) -> Result<u64, StoreError>;

    /// Removes a link that still has this version.
    async fn delete_link(&self, pair: &str, key: LinkKey, expected: u64) -> Result<(), StoreError>;

    /// One of the 16 shards of the pair's links.
    async fn link_shard(&self, pair: &str, shard: u8) -> Result<Vec<Versioned<Link>>, StoreError>;

    // --- the agenda

    /// What is due by `until`, the earliest first, at most `limit` rows.
    async fn due(&self, pair: &str, until: Timestamp, limit: usize) -> Result<Vec<AgendaRow>, StoreError>;

    /// Adds rows; a row under the same key is replaced.
    async fn put_agenda(&self, pair: &str, rows: &[AgendaRow]) -> Result<(), StoreError>;

    /// Removes rows, each if it still has the version that was planned.
    async fn delete_agenda(&self, pair: &str, rows: &[AgendaRow]) -> Result<(), StoreError>;

    // --- full readings and groups

    /// Stores a chunk (at most 10,000) of the anchors seen by a full reading.
    async fn put_seen(&self, pair: &str, side: Side, began: Timestamp, chunk: u32, anchors: &[Anchor]) -> Result<(), StoreError>;

    /// All anchors of the first `chunks` chunks of that reading.
    async fn seen(&self, pair: &str, side: Side, began: Timestamp, chunks: u32) -> Result<Vec<Anchor>, StoreError>;

    /// Removes the chunks of that reading.
    async fn forget_seen(&self, pair: &str, side: Side, began: Timestamp, chunks: u32) -> Result<(), StoreError>;

    /// The members of an include group as last read; `None` if never.
    async fn group_members(&self, pair: &str, side: Side, group: Anchor) -> Result<Option<Vec<Anchor>>, StoreError>;

    /// Stores the members of an include group.
    async fn put_group_members(&self, pair: &str, side: Side, group: Anchor, members: &[Anchor]) -> Result<(), StoreError>;

    // --- runs

    /// Stores the summary of a run.
    async fn put_run(&self, run: &RunSummary) -> Result<(), StoreError>;

    /// Stores operations of a run, with their expiry.
    async fn put_operations(&self, run: &str, operations: &[OperationRecord], expires: Timestamp) -> Result<(), StoreError>;

    /// The last runs of a pair, the newest first.
    async fn runs(&self, pair: &str, limit: usize) -> Result<Vec<RunSummary>, StoreError>;

    /// The operations of a run, in order.
    async fn operations(&self, run: &str) -> Result<Vec<OperationRecord>, StoreError>;

    // --- tenants

    /// What all pairs of a tenant share.
    async fn tenant(&self, tenant: &str) -> Result<TenantState, StoreError>;

    /// Stores it.
    async fn put_tenant(&self, tenant: &str, state: &TenantState) -> Result<(), StoreError>;

    // --- the profile

    /// The current profile: its version and its text; `None` if none was stored.
    async fn profile(&self) -> Result<Option<Versioned<String>>, StoreError>;

    /// Stores a profile as the next version if the current one is still `expected` (0: none).
    async fn put_profile(&self, text: &str, expected: u64) -> Result<u64, StoreError>;

    // --- everything, for export and import

    /// The installation's id, made once by `make` if there is none.
    async fn installation(&self, make: &str) -> Result<String, StoreError>;
}
