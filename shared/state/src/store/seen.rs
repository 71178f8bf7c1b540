//! `F#pair#side`: the anchors that a full reading has seen, in chunks.

use engine::ports::StoreError;
use gal::{Anchor, Side};
use jiff::{SignedDuration, Timestamp};

use super::StateStore;
use crate::item::{self, ANCHORS, EXPIRES};
use crate::keys;
use crate::table::BatchWrite;

/// An abandoned reading's chunks go after this many hours: 30 days.
const KEPT_HOURS: i64 = 30 * 24;

impl StateStore {
    pub(super) async fn write_seen(
        &self,
        pair: &str,
        side: Side,
        began: Timestamp,
        chunk: u32,
        anchors: &[Anchor],
    ) -> Result<(), StoreError> {
        let key = keys::seen(pair, side, began, chunk);
        let mut stored = item::new(&key);
        stored.insert(ANCHORS.to_owned(), item::pack(anchors));
        let expires = began.saturating_add(SignedDuration::from_hours(KEPT_HOURS)).unwrap_or(Timestamp::MAX);
        stored.insert(EXPIRES.to_owned(), item::epoch(expires));
        self.put_unless_newer(stored, "saving what a full reading has seen").await
    }

    /// A missing chunk is an error: its recipients would be taken for deleted (law 3).
    pub(super) async fn read_seen(&self, pair: &str, side: Side, began: Timestamp, chunks: u32) -> Result<Vec<Anchor>, StoreError> {
        let wanted: Vec<_> = (0..chunks).map(|chunk| keys::seen(pair, side, began, chunk)).collect();
        let mut found = Vec::with_capacity(wanted.len());
        for chunk in self.table.batch_get(wanted.clone(), "reading what a full reading has seen").await? {
            let key = item::key_of(&chunk)?;
            let anchors = item::unpack(&chunk, &key)?;
            found.push((key, anchors));
        }
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        if let Some(missing) = wanted.iter().find(|key| !found.iter().any(|(have, _)| have == *key)) {
            return Err(item::corrupt(missing, "this chunk of a full reading is missing; begin a new full reading"));
        }
        Ok(found.into_iter().flat_map(|(_, anchors)| anchors).collect())
    }

    pub(super) async fn remove_seen(&self, pair: &str, side: Side, began: Timestamp, chunks: u32) -> Result<(), StoreError> {
        let writes = (0..chunks).map(|chunk| (keys::seen(pair, side, began, chunk), BatchWrite::Delete));
        self.table.batch_write(writes.collect(), "forgetting what a full reading has seen").await
    }
}
