//! `S#pair#side#h`: replicas, and `A#pair#side#h`: who holds which address.
//!
//! Written in this order: new holder rows, the replica with its agenda row, then holder rows that no
//! longer hold are removed. A crash leaves rows too many, never too few; a row is a hint.

use std::collections::{BTreeMap, BTreeSet};

use engine::ports::{ReplicaWrite, StoreError};
use engine::records::Replica;
use futures::{StreamExt, TryStreamExt, stream};
use gal::{Anchor, Side};

use super::{StateStore, agenda};
use crate::item::{self, BY, Item, VERSION};
use crate::keys::{self, Key};
use crate::table::{BatchWrite, Condition, Group, IN_FLIGHT, Partition, Range, text};

/// Up to so many new holder rows go into the transaction of their replica, where transactions cost nothing more.
const TRAVEL_TOGETHER: usize = 20;

/// What is to be done once a replica is stored.
struct Afterwards {
    anchor: Anchor,
    version: u64,
    mark: Option<String>,
    /// Holder rows that no longer hold.
    stale: Vec<Key>,
}

impl StateStore {
    pub(super) async fn read_replica(&self, pair: &str, side: Side, anchor: Anchor) -> Result<Option<Replica>, StoreError> {
        let key = keys::replica(pair, side, anchor);
        self.table.get(&key, "reading a replica").await?.map(|found| decode(&found)).transpose()
    }

    pub(super) async fn read_replicas(&self, pair: &str, side: Side, anchors: &[Anchor]) -> Result<Vec<Replica>, StoreError> {
        let keys = anchors.iter().map(|anchor| keys::replica(pair, side, *anchor)).collect();
        self.table.batch_get(keys, "reading replicas").await?.iter().map(decode).collect()
    }

    pub(super) async fn read_replica_shard(&self, pair: &str, side: Side, shard: u8) -> Result<Vec<Replica>, StoreError> {
        let partition = Partition::all(keys::replica_shard(pair, side, shard));
        self.table.query(&partition, "reading a shard of replicas").await?.iter().map(decode).collect()
    }

    pub(super) async fn read_holders(&self, pair: &str, side: Side, key: &str) -> Result<Vec<Anchor>, StoreError> {
        let (pk, prefix) = keys::holders(pair, side, key);
        // Anchors begin with a hexadecimal digit; the filter below keeps longer keys out that begin alike.
        let range = Range::Between(format!("{prefix}0"), format!("{prefix}g"));
        let rows = self.table.query(&Partition { range, ..Partition::all(pk) }, "reading who holds an address").await?;
        let mut anchors = Vec::with_capacity(rows.len());
        for row in &rows {
            let key = item::key_of(row)?;
            item::check_schema(row, &key)?;
            anchors.extend(key.sk.strip_prefix(&prefix).and_then(|anchor| anchor.parse::<Anchor>().ok()));
        }
        Ok(anchors)
    }

    pub(super) async fn write_replicas(&self, pair: &str, writes: Vec<ReplicaWrite>) -> Result<Vec<Anchor>, StoreError> {
        let mut holders = BTreeMap::new();
        let (mut groups, mut afterwards) = (Vec::with_capacity(writes.len()), Vec::with_capacity(writes.len()));
        for write in writes {
            let (group, after) = self.prepare(pair, write, &mut holders)?;
            groups.push(group);
            afterwards.push(after);
        }
        self.table.batch_write(holders, "saving who holds an address").await?;
        let outcomes = self.table.put_groups(groups, "saving replicas with their agenda rows").await?;
        let mut refused = Vec::new();
        let mut stale = Vec::new();
        for (written, after) in outcomes.iter().zip(afterwards) {
            if written.succeeded(after.mark.as_deref())? {
                stale.extend(after.stale.into_iter().map(|key| (key, after.version)));
            } else {
                refused.push(after.anchor);
            }
        }
        let removals = stale.into_iter().map(|(key, version)| self.remove_holder(key, version));
        stream::iter(removals).buffer_unordered(IN_FLIGHT).try_collect::<()>().await?;
        Ok(refused)
    }

    /// The items of a write. New holder rows are added to `holders`.
    fn prepare(&self, pair: &str, write: ReplicaWrite, holders: &mut BTreeMap<Key, BatchWrite>) -> Result<(Group, Afterwards), StoreError> {
        let ReplicaWrite { side, replica, expected, holders: now, holders_before: before, agenda } = write;
        let (now, before): (BTreeSet<String>, BTreeSet<String>) = (now.into_iter().collect(), before.into_iter().collect());
        let mut new: BTreeMap<Key, Item> = BTreeMap::new();
        for key in now.difference(&before) {
            let key = keys::holder(pair, side, key, replica.anchor);
            let mut row = item::new(&key);
            row.insert(VERSION.to_owned(), item::number(replica.version));
            new.insert(key, row);
        }
        let stale = before.difference(&now).map(|key| keys::holder(pair, side, key, replica.anchor)).collect();
        let key = keys::replica(pair, side, replica.anchor);
        let mut stored = item::with_body(&key, &replica)?;
        stored.insert(VERSION.to_owned(), item::number(replica.version));
        let mark = self.table.mark();
        if let Some(mark) = &mark {
            stored.insert(BY.to_owned(), text(mark));
        }
        let row = agenda.map(|row| agenda::encode(pair, &row)).transpose()?;
        let mut others: Vec<(Item, Option<Condition>)> = row.into_iter().map(|row| (row, None)).collect();
        if self.embedded && new.len() <= TRAVEL_TOGETHER {
            // In one commit nothing is first.
            others.extend(new.into_values().map(|row| (row, None)));
        } else {
            holders.extend(new.into_iter().map(|(key, row)| (key, BatchWrite::Put(row))));
        }
        let group = Group { first: (stored, Condition::expected(expected)), others };
        Ok((group, Afterwards { anchor: replica.anchor, version: replica.version, mark, stale }))
    }

    /// Removes a holder row, unless a later version of the replica holds the key again.
    async fn remove_holder(&self, key: Key, version: u64) -> Result<(), StoreError> {
        self.table.delete(&key, Condition::version_below(version), "removing who no longer holds an address").await.map(drop)
    }

    /// Stores an item, unless a newer galbridge wrote the one that is there.
    pub(crate) async fn put_unless_newer(&self, stored: Item, doing: &str) -> Result<(), StoreError> {
        let key = item::key_of(&stored)?;
        let written = self.table.put(stored, Condition::not_newer(), doing).await?;
        if written.succeeded(None)? { Ok(()) } else { Err(StoreError::Conflict { item: key.to_string() }) }
    }
}

pub(crate) fn decode(found: &Item) -> Result<Replica, StoreError> {
    let key = item::key_of(found)?;
    let replica: Replica = item::body(found, &key)?;
    if replica.anchor.to_string() == key.sk { Ok(replica) } else { Err(item::corrupt(&key, "its body is another recipient's")) }
}
