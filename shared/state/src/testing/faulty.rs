//! A store whose calls fail by plan.

use async_trait::async_trait;
use engine::ports::{ReplicaWrite, Store, StoreError, Versioned};
use engine::records::{
    AgendaRow, Lease, LeaseKind, OperationRecord, PairState, ReadingState, Replica, RunSummary, TenantState, WritingState,
};
use gal::{Anchor, Link, LinkKey, Side};
use jiff::Timestamp;

use super::Faults;

/// Any store, whose calls fail by plan with [`StoreError::Unavailable`].
#[derive(Clone, Debug)]
pub struct Faulty<S> {
    inner: S,
    faults: Faults,
}

impl<S> Faulty<S> {
    /// Wraps a store.
    pub fn new(inner: S, faults: Faults) -> Self {
        Self { inner, faults }
    }

    /// The store within, which does not fail.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

fn injected(doing: &str, detail: String) -> StoreError {
    StoreError::Unavailable { doing: doing.to_owned(), detail }
}

/// One call of the store within, failed by plan.
macro_rules! through {
    ($self:ident . $call:ident ( $($argument:expr),* )) => {{
        let number = $self.faults.begin().map_err(|detail| injected(stringify!($call), detail))?;
        let answer = $self.inner.$call($($argument),*).await;
        $self.faults.end(number).map_err(|detail| injected(stringify!($call), detail))?;
        answer
    }};
}

#[async_trait]
impl<S: Store> Store for Faulty<S> {
    async fn pair(&self, pair: &str) -> Result<PairState, StoreError> {
        through!(self.pair(pair))
    }

    async fn acquire(&self, pair: &str, kind: LeaseKind, lease: &Lease, now: Timestamp) -> Result<PairState, StoreError> {
        through!(self.acquire(pair, kind, lease, now))
    }

    async fn save_reading(&self, pair: &str, owner: &str, state: &ReadingState, until: Option<Timestamp>) -> Result<(), StoreError> {
        through!(self.save_reading(pair, owner, state, until))
    }

    async fn save_writing(&self, pair: &str, owner: &str, state: &WritingState, until: Option<Timestamp>) -> Result<(), StoreError> {
        through!(self.save_writing(pair, owner, state, until))
    }

    async fn replica(&self, pair: &str, side: Side, anchor: Anchor) -> Result<Option<Replica>, StoreError> {
        through!(self.replica(pair, side, anchor))
    }

    async fn replicas(&self, pair: &str, side: Side, anchors: &[Anchor]) -> Result<Vec<Replica>, StoreError> {
        through!(self.replicas(pair, side, anchors))
    }

    async fn put_replicas(&self, pair: &str, writes: Vec<ReplicaWrite>) -> Result<Vec<Anchor>, StoreError> {
        through!(self.put_replicas(pair, writes))
    }

    async fn replica_shard(&self, pair: &str, side: Side, shard: u8) -> Result<Vec<Replica>, StoreError> {
        through!(self.replica_shard(pair, side, shard))
    }

    async fn holders(&self, pair: &str, side: Side, key: &str) -> Result<Vec<Anchor>, StoreError> {
        through!(self.holders(pair, side, key))
    }

    async fn link(&self, pair: &str, key: LinkKey) -> Result<Option<Versioned<Link>>, StoreError> {
        through!(self.link(pair, key))
    }

    async fn links(&self, pair: &str, keys: &[LinkKey]) -> Result<Vec<Versioned<Link>>, StoreError> {
        through!(self.links(pair, keys))
    }

    async fn put_link(&self, pair: &str, link: &Link, expected: Option<u64>) -> Result<u64, StoreError> {
        through!(self.put_link(pair, link, expected))
    }

    async fn delete_link(&self, pair: &str, key: LinkKey, expected: u64) -> Result<(), StoreError> {
        through!(self.delete_link(pair, key, expected))
    }

    async fn link_shard(&self, pair: &str, shard: u8) -> Result<Vec<Versioned<Link>>, StoreError> {
        through!(self.link_shard(pair, shard))
    }

    async fn due(&self, pair: &str, until: Timestamp, limit: usize) -> Result<Vec<AgendaRow>, StoreError> {
        through!(self.due(pair, until, limit))
    }

    async fn put_agenda(&self, pair: &str, rows: &[AgendaRow]) -> Result<(), StoreError> {
        through!(self.put_agenda(pair, rows))
    }

    async fn delete_agenda(&self, pair: &str, rows: &[AgendaRow]) -> Result<(), StoreError> {
        through!(self.delete_agenda(pair, rows))
    }

    async fn put_seen(&self, pair: &str, side: Side, began: Timestamp, chunk: u32, anchors: &[Anchor]) -> Result<(), StoreError> {
        through!(self.put_seen(pair, side, began, chunk, anchors))
    }

    async fn seen(&self, pair: &str, side: Side, began: Timestamp, chunks: u32) -> Result<Vec<Anchor>, StoreError> {
        through!(self.seen(pair, side, began, chunks))
    }

    async fn forget_seen(&self, pair: &str, side: Side, began: Timestamp, chunks: u32) -> Result<(), StoreError> {
        through!(self.forget_seen(pair, side, began, chunks))
    }

    async fn group_members(&self, pair: &str, side: Side, group: Anchor) -> Result<Option<Vec<Anchor>>, StoreError> {
        through!(self.group_members(pair, side, group))
    }

    async fn put_group_members(&self, pair: &str, side: Side, group: Anchor, members: &[Anchor]) -> Result<(), StoreError> {
        through!(self.put_group_members(pair, side, group, members))
    }

    async fn put_run(&self, run: &RunSummary) -> Result<(), StoreError> {
        through!(self.put_run(run))
    }

    async fn put_operations(&self, run: &str, operations: &[OperationRecord], expires: Timestamp) -> Result<(), StoreError> {
        through!(self.put_operations(run, operations, expires))
    }

    async fn runs(&self, pair: &str, limit: usize) -> Result<Vec<RunSummary>, StoreError> {
        through!(self.runs(pair, limit))
    }

    async fn operations(&self, run: &str) -> Result<Vec<OperationRecord>, StoreError> {
        through!(self.operations(run))
    }

    async fn tenant(&self, tenant: &str) -> Result<TenantState, StoreError> {
        through!(self.tenant(tenant))
    }

    async fn put_tenant(&self, tenant: &str, state: &TenantState) -> Result<(), StoreError> {
        through!(self.put_tenant(tenant, state))
    }

    async fn profile(&self) -> Result<Option<Versioned<String>>, StoreError> {
        through!(self.profile())
    }

    async fn put_profile(&self, text: &str, expected: u64) -> Result<u64, StoreError> {
        through!(self.put_profile(text, expected))
    }

    async fn installation(&self, make: &str) -> Result<String, StoreError> {
        through!(self.installation(make))
    }
}
