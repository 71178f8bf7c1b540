//! The body of a half of a pair's state: in the item, or in parts where it has outgrown it.
//!
//! An item has at most 400 KB, and every save of one half is charged for both. STATE is small
//! (cursors, counters); but the list of an approval names every approved operation. A half over
//! [`LARGEST`] goes into items of its own, named by the hash of the content, stored before STATE
//! points to them and removed after it points elsewhere: a crash leaves at most parts that nobody reads.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use engine::ports::StoreError;
use serde::de::DeserializeOwned;

use super::StateStore;
use crate::item::{self, Item};
use crate::keys::{self, Key};
use crate::table::BatchWrite;

/// The largest body kept in STATE, in bytes.
const LARGEST: usize = 150_000;
/// The size of a part.
const PART: usize = 300_000;
/// The attribute of a part.
const DATA: &str = "data";
/// How often STATE is read again when it changes while its parts are being read.
const MOST_LOOKS: u32 = 5;

/// How a body is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stored {
    /// In STATE.
    Whole(String),
    /// In parts.
    InParts { body: String, hash: String, count: usize },
}

impl Stored {
    pub(super) fn of(body: String) -> Self {
        if body.len() <= LARGEST {
            return Self::Whole(body);
        }
        Self::InParts { hash: keys::content_hash(body.as_bytes()), count: body.len().div_ceil(PART), body }
    }

    /// What STATE holds instead of the body: `hash/number of parts`.
    pub(super) fn reference(&self) -> String {
        match self {
            Self::Whole(_) => String::new(),
            Self::InParts { hash, count, .. } => format!("{hash}/{count}"),
        }
    }
}

/// The attribute that points to the parts of a half.
pub(super) fn parts_name(half: &str) -> String {
    format!("{half}_parts")
}

/// Whether a half was never saved.
pub(super) fn is_blank(found: &Item, half: &str) -> bool {
    !found.contains_key(half) && !found.contains_key(&parts_name(half))
}

impl StateStore {
    /// The parts of a body, if it has any.
    pub(super) async fn write_parts(&self, pair: &str, half: &str, stored: &Stored) -> Result<(), StoreError> {
        let Stored::InParts { body, hash, .. } = stored else { return Ok(()) };
        let writes = body.as_bytes().chunks(PART).enumerate().map(|(number, chunk)| {
            let key = keys::part(pair, half, hash, number);
            let mut part = item::new(&key);
            part.insert(DATA.to_owned(), AttributeValue::B(Blob::new(chunk)));
            (key, BatchWrite::Put(part))
        });
        self.table.batch_write(writes.collect(), "saving a large state of a pair").await
    }

    /// Removes the parts that STATE pointed to before, unless it still does.
    pub(super) async fn remove_parts(&self, pair: &str, half: &str, before: &Item, now: &Stored) -> Result<(), StoreError> {
        let key = keys::pair(pair);
        let Some(reference) = item::get_text(before, &parts_name(half), &key)? else { return Ok(()) };
        if reference == now.reference() {
            return Ok(());
        }
        let writes: BTreeMap<Key, BatchWrite> =
            part_keys(pair, half, reference, &key)?.into_iter().map(|key| (key, BatchWrite::Delete)).collect();
        self.table.batch_write(writes, "removing an earlier large state of a pair").await
    }

    /// The record of a half; its default if it was never saved. `found` is the item of STATE, read again if the
    /// holder of the other lease replaces the parts meanwhile.
    pub(super) async fn read_half<T: DeserializeOwned + Default>(
        &self,
        key: &Key,
        pair: &str,
        half: &str,
        found: &mut Item,
    ) -> Result<T, StoreError> {
        for _ in 0..MOST_LOOKS {
            if let Some(body) = item::get_text(found, half, key)? {
                return object(body, key);
            }
            let Some(reference) = item::get_text(found, &parts_name(half), key)? else { return Ok(T::default()) };
            let wanted = part_keys(pair, half, reference, key)?;
            if let Some(body) = self.read_parts(wanted).await? {
                return object(&body, key);
            }
            *found = self.table.get(key, "reading the state of a pair").await?.unwrap_or_default();
        }
        Err(item::corrupt(key, format!("parts of its {half} half are missing")))
    }

    /// The body in these parts; `None` if one is missing.
    async fn read_parts(&self, wanted: Vec<Key>) -> Result<Option<String>, StoreError> {
        let count = wanted.len();
        let found = self.table.batch_get(wanted, "reading a large state of a pair").await?;
        let mut parts = BTreeMap::new();
        for part in found {
            let key = item::key_of(&part)?;
            item::check_schema(&part, &key)?;
            let data = item::get_bytes(&part, DATA, &key)?.ok_or_else(|| item::corrupt(&key, "it has no data"))?.to_vec();
            parts.insert(key, data);
        }
        if parts.len() != count {
            return Ok(None);
        }
        let place = parts.keys().next().cloned();
        let body = String::from_utf8(parts.into_values().flatten().collect());
        body.map(Some).map_err(|error| match place {
            Some(key) => item::corrupt(&key, error.to_string()),
            None => StoreError::Corrupt { item: "a large state".to_owned(), detail: error.to_string() },
        })
    }
}

/// Reads a half. An empty list would be read as a record of defaults, and a merged pair as a new one.
fn object<T: DeserializeOwned>(body: &str, key: &Key) -> Result<T, StoreError> {
    if !body.trim_start().starts_with('{') {
        return Err(item::corrupt(key, "a half of the pair's state is no JSON object"));
    }
    item::from_json(body, key)
}

fn part_keys(pair: &str, half: &str, reference: &str, key: &Key) -> Result<Vec<Key>, StoreError> {
    let parsed = reference.split_once('/').and_then(|(hash, count)| Some((hash, count.parse::<usize>().ok()?)));
    let (hash, count) = parsed.ok_or_else(|| item::corrupt(key, format!("{half} points nowhere: {reference}")))?;
    Ok((0..count).map(|number| keys::part(pair, half, hash, number)).collect())
}
