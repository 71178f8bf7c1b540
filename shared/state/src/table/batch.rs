//! Many items at once: `BatchGetItem` in hundreds, `BatchWriteItem` in twenty-fives, what the service
//! leaves undone again with growing pauses.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use engine::ports::StoreError;
use futures::{StreamExt, TryStreamExt, stream};

use super::{IN_FLIGHT, Operation, Table, failure, unavailable};
use crate::item::Item;
use crate::keys::Key;

/// The service's limits.
const MOST_GETS: usize = 100;
const MOST_WRITES: usize = 25;
/// How often what was left undone is tried again. With [`pause`] that is about 13 seconds.
const MOST_ATTEMPTS: u32 = 10;

/// A write of a batch: no conditions there.
#[derive(Clone, Debug)]
pub(crate) enum BatchWrite {
    /// Stores the item.
    Put(Item),
    /// Removes the item with the key it is filed under.
    Delete,
}

/// How long to wait before attempt `attempt` (from 1): 25 ms, doubled, at most 3 s.
pub(crate) fn pause(attempt: u32) -> Duration {
    Duration::from_millis((25_u64 << attempt.min(10)).min(3_000))
}

impl Table {
    /// The items that exist of these keys, in no order.
    pub(crate) async fn batch_get(&self, mut keys: Vec<Key>, doing: &str) -> Result<Vec<Item>, StoreError> {
        keys.sort_unstable();
        keys.dedup();
        let batches: Vec<Vec<Key>> = keys.chunks(MOST_GETS).map(<[Key]>::to_vec).collect();
        let found: Vec<Vec<Item>> =
            stream::iter(batches).map(|batch| self.get_batch(batch, doing)).buffer_unordered(IN_FLIGHT).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn get_batch(&self, batch: Vec<Key>, doing: &str) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::with_capacity(batch.len());
        let mut keys: Vec<_> = batch.iter().map(Key::attributes).collect();
        let mut attempt = 0;
        loop {
            self.count(Operation::BatchGetItem);
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let wanted = wanted.map_err(|error| unavailable(&self.place, doing, error))?;
            let answer = self.client.batch_get_item().request_items(&self.name, wanted).send().await;
            let answer = answer.map_err(|error| failure::failed(&self.place, doing, &error))?;
            let items: Vec<Item> = answer.responses.unwrap_or_default().remove(&self.name).unwrap_or_default();
            let some_came = !items.is_empty();
            found.extend(items);
            keys = answer.unprocessed_keys.unwrap_or_default().remove(&self.name).map(|left| left.keys).unwrap_or_default();
            if keys.is_empty() {
                return Ok(found);
            }
            // A page of 16 MB leaves keys too: nothing to wait for then.
            attempt = if some_came { 0 } else { attempt + 1 };
            self.wait(attempt, doing).await?;
        }
    }

    /// Stores and removes items without conditions. One write a key: the map sees to it.
    pub(crate) async fn batch_write(&self, writes: BTreeMap<Key, BatchWrite>, doing: &str) -> Result<(), StoreError> {
        let mut requests = Vec::with_capacity(writes.len());
        for (key, write) in writes {
            requests.push(self.write_request(&key, write, doing)?);
        }
        let batches: Vec<Vec<WriteRequest>> = requests.chunks(MOST_WRITES).map(<[WriteRequest]>::to_vec).collect();
        drop(requests);
        stream::iter(batches).map(|batch| self.write_batch(batch, doing)).buffer_unordered(IN_FLIGHT).try_collect().await
    }

    fn write_request(&self, key: &Key, write: BatchWrite, doing: &str) -> Result<WriteRequest, StoreError> {
        let request = match write {
            BatchWrite::Put(item) => {
                PutRequest::builder().set_item(Some(item)).build().map(|put| WriteRequest::builder().put_request(put).build())
            }
            BatchWrite::Delete => DeleteRequest::builder()
                .set_key(Some(key.attributes()))
                .build()
                .map(|delete| WriteRequest::builder().delete_request(delete).build()),
        };
        request.map_err(|error| unavailable(&self.place, doing, error))
    }

    async fn write_batch(&self, mut batch: Vec<WriteRequest>, doing: &str) -> Result<(), StoreError> {
        let mut attempt = 0;
        loop {
            self.count(Operation::BatchWriteItem);
            let answer = self.client.batch_write_item().request_items(&self.name, batch).send().await;
            let answer = answer.map_err(|error| failure::failed(&self.place, doing, &error))?;
            batch = answer.unprocessed_items.unwrap_or_default().remove(&self.name).unwrap_or_default();
            if batch.is_empty() {
                return Ok(());
            }
            attempt += 1;
            self.wait(attempt, doing).await?;
        }
    }

    /// Waits before trying again, or gives up.
    pub(crate) async fn wait(&self, attempt: u32, doing: &str) -> Result<(), StoreError> {
        if attempt == 0 {
            return Ok(());
        }
        if attempt > MOST_ATTEMPTS {
            return Err(unavailable(&self.place, doing, "the table is throttled or contended; what was stored so far stays"));
        }
        tokio::time::sleep(pause(attempt)).await;
        Ok(())
    }
}
