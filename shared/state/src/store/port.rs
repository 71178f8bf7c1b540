//! `engine::ports::Store` for [`StateStore`]: every method is one of the modules beside this one.

use async_trait::async_trait;
use engine::ports::{ReplicaWrite, Store, StoreError, Versioned};
use engine::records::{
    AgendaRow, Lease, LeaseKind, OperationRecord, PairState, ReadingState, Replica, RunSummary, TenantState, WritingState,
};
use gal::{Anchor, Link, LinkKey, Side};
use jiff::Timestamp;

use super::StateStore;

#[async_trait]
impl Store for StateStore {
    async fn pair(&self, pair: &str) -> Result<PairState, StoreError> {
        self.read_pair(pair).await
    }

    async fn acquire(&self, pair: &str, kind: LeaseKind, lease: &Lease, now: Timestamp) -> Result<PairState, StoreError> {
        self.take_lease(pair, kind, lease, now).await
    }

    async fn save_reading(&self, pair: &str, owner: &str, state: &ReadingState, until: Option<Timestamp>) -> Result<(), StoreError> {
        self.save_half(pair, LeaseKind::Reading, owner, state, until).await
    }

    async fn save_writing(&self, pair: &str, owner: &str, state: &WritingState, until: Option<Timestamp>) -> Result<(), StoreError> {
        self.save_half(pair, LeaseKind::Writing, owner, state, until).await
    }

    async fn replica(&self, pair: &str, side: Side, anchor: Anchor) -> Result<Option<Replica>, StoreError> {
        self.read_replica(pair, side, anchor).await
    }

    async fn replicas(&self, pair: &str, side: Side, anchors: &[Anchor]) -> Result<Vec<Replica>, StoreError> {
        self.read_replicas(pair, side, anchors).await
    }

    async fn put_replicas(&self, pair: &str, writes: Vec<ReplicaWrite>) -> Result<Vec<Anchor>, StoreError> {
        self.write_replicas(pair, writes).await
    }

    async fn replica_shard(&self, pair: &str, side: Side, shard: u8) -> Result<Vec<Replica>, StoreError> {
        self.read_replica_shard(pair, side, shard).await
    }

    async fn holders(&self, pair: &str, side: Side, key: &str) -> Result<Vec<Anchor>, StoreError> {
        self.read_holders(pair, side, key).await
    }

    async fn link(&self, pair: &str, key: LinkKey) -> Result<Option<Versioned<Link>>, StoreError> {
        self.read_link(pair, key).await
    }

    async fn links(&self, pair: &str, keys: &[LinkKey]) -> Result<Vec<Versioned<Link>>, StoreError> {
        self.read_links(pair, keys).await
    }

    async fn put_link(&self, pair: &str, link: &Link, expected: Option<u64>) -> Result<u64, StoreError> {
        self.write_link(pair, link, expected).await
    }

    async fn delete_link(&self, pair: &str, key: LinkKey, expected: u64) -> Result<(), StoreError> {
        self.remove_link(pair, key, expected).await
    }

    async fn link_shard(&self, pair: &str, shard: u8) -> Result<Vec<Versioned<Link>>, StoreError> {
        self.read_link_shard(pair, shard).await
    }

    async fn due(&self, pair: &str, until: Timestamp, limit: usize) -> Result<Vec<AgendaRow>, StoreError> {
        self.read_due(pair, until, limit).await
    }

    async fn put_agenda(&self, pair: &str, rows: &[AgendaRow]) -> Result<(), StoreError> {
        self.write_agenda(pair, rows).await
    }

    async fn delete_agenda(&self, pair: &str, rows: &[AgendaRow]) -> Result<(), StoreError> {
        self.remove_agenda(pair, rows).await
    }

    async fn put_seen(&self, pair: &str, side: Side, began: Timestamp, chunk: u32, anchors: &[Anchor]) -> Result<(), StoreError> {
        self.write_seen(pair, side, began, chunk, anchors).await
    }

    async fn seen(&self, pair: &str, side: Side, began: Timestamp, chunks: u32) -> Result<Vec<Anchor>, StoreError> {
        self.read_seen(pair, side, began, chunks).await
    }

    async fn forget_seen(&self, pair: &str, side: Side, began: Timestamp, chunks: u32) -> Result<(), StoreError> {
        self.remove_seen(pair, side, began, chunks).await
    }

    async fn group_members(&self, pair: &str, side: Side, group: Anchor) -> Result<Option<Vec<Anchor>>, StoreError> {
        self.read_group(pair, side, group).await
    }

    async fn put_group_members(&self, pair: &str, side: Side, group: Anchor, members: &[Anchor]) -> Result<(), StoreError> {
        self.write_group(pair, side, group, members).await
    }

    async fn put_run(&self, run: &RunSummary) -> Result<(), StoreError> {
        self.write_run(run).await
    }

    async fn put_operations(&self, run: &str, operations: &[OperationRecord], expires: Timestamp) -> Result<(), StoreError> {
        self.write_operations(run, operations, expires).await
    }

    async fn runs(&self, pair: &str, limit: usize) -> Result<Vec<RunSummary>, StoreError> {
        self.read_runs(pair, limit).await
    }

    async fn operations(&self, run: &str) -> Result<Vec<OperationRecord>, StoreError> {
        self.read_operations(run).await
    }

    async fn tenant(&self, tenant: &str) -> Result<TenantState, StoreError> {
        self.read_tenant(tenant).await
    }

    async fn put_tenant(&self, tenant: &str, state: &TenantState) -> Result<(), StoreError> {
        self.write_tenant(tenant, state).await
    }

    async fn profile(&self) -> Result<Option<Versioned<String>>, StoreError> {
        self.read_profile().await
    }

    async fn put_profile(&self, text: &str, expected: u64) -> Result<u64, StoreError> {
        self.write_profile(text, expected, None).await
    }

    async fn installation(&self, make: &str) -> Result<String, StoreError> {
        self.read_or_make_installation(make).await
    }
}
