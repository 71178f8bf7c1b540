//! Reading a whole table in.
//!
//! The rule: the file is read through and judged before the first write; then the installation's item
//! says that an import is going on, until it is done. A table that says so starts no run
//! ([`super::IMPORTING`]), and the import may simply be repeated: it empties the table first.

use std::collections::BTreeMap;
use std::io::{BufRead, Seek, SeekFrom};

use aws_sdk_dynamodb::types::AttributeValue;
use engine::ports::StoreError;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::line::{self, Footer, Header};
use super::refuse_live_lease;
use super::{FORMAT, IMPORTING, Transferred, is_installation, is_pair_state};
use crate::StateStore;
use crate::body::{self, BODY};
use crate::item::{self, Item, SCHEMA};
use crate::keys;
use crate::store::without_leases;
use crate::table::{BatchWrite, unavailable};

const DOING: &str = "importing the state";
/// How many items are written together: eight batches in flight.
const TOGETHER: usize = 200;

/// What to do with a table that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse, unless it holds nothing but an unfinished import.
    Refuse,
    /// Remove all that is there first.
    Replace,
}

/// A source of lines that can be read twice.
trait Source: BufRead + Seek + Send {}
impl<T: BufRead + Seek + Send> Source for T {}

impl StateStore {
    /// Reads an export into this table. The file is judged first: a damaged, truncated or newer one changes nothing.
    ///
    /// # Errors
    /// `NotEmpty` if the table is not empty and `existing` is `Refuse`; `LeaseHeld` if a run is going on in it at
    /// `now`; `NewerSchema`, `BadExport` naming the line. After an error during the writing the table
    /// starts no run until an import into it has succeeded.
    pub async fn import(
        &self,
        reader: &mut (impl BufRead + Seek + Send),
        existing: Existing,
        now: Timestamp,
    ) -> Result<Transferred, StoreError> {
        let (header, items) = judge(reader)?;
        self.refuse_existing(existing, now).await?;
        self.mark_importing().await?;
        self.empty().await?;
        let installation = self.write_all(reader).await?;
        // What takes the place of the mark.
        let last = installation.map_or(BatchWrite::Delete, BatchWrite::Put);
        self.table().batch_write(BTreeMap::from([(keys::installation(), last)]), DOING).await?;
        Ok(Transferred { items, installation: header.installation })
    }

    async fn refuse_existing(&self, existing: Existing, now: Timestamp) -> Result<(), StoreError> {
        let unfinished = self.table().get(&keys::installation(), DOING).await?.is_some_and(|found| found.contains_key(IMPORTING));
        match existing {
            Existing::Refuse if unfinished => {}
            Existing::Refuse => {
                let (found, _) = self.table().scan_page(None, Some(1), None, DOING).await?;
                if !found.is_empty() {
                    return Err(StoreError::NotEmpty { place: self.table().place().to_owned() });
                }
            }
            Existing::Replace => {}
        }
        for (key, state) in self.pair_states().await? {
            refuse_live_lease(&key, &state, now)?;
        }
        Ok(())
    }

    async fn mark_importing(&self) -> Result<(), StoreError> {
        let mut mark = item::new(&keys::installation());
        mark.insert(IMPORTING.to_owned(), item::text("yes"));
        self.put_unless_newer(mark, DOING).await
    }

    /// Removes everything but the mark; the states of pairs first, so that nobody goes on with the rest.
    async fn empty(&self) -> Result<(), StoreError> {
        let states = self.pair_states().await?.into_keys().map(|key| (key, BatchWrite::Delete)).collect();
        self.table().batch_write(states, DOING).await?;
        let mut position = None;
        loop {
            let (items, next) = self.table().scan_page(None, None, position, DOING).await?;
            let mut removals = BTreeMap::new();
            for found in items.iter().filter(|found| !is_installation(found)) {
                removals.insert(item::key_of(found)?, BatchWrite::Delete);
            }
            self.table().batch_write(removals, DOING).await?;
            if next.is_none() {
                return Ok(());
            }
            position = next;
        }
    }

    /// Writes all items but the installation's, which is answered; the states of pairs last.
    async fn write_all(&self, reader: &mut impl Source) -> Result<Option<Item>, StoreError> {
        let mut states = BTreeMap::new();
        let mut together = BTreeMap::new();
        let mut installation = None;
        let mut lines = Lines::new(reader)?;
        lines.next()?;
        while let Some(Line { text, number, last: false }) = lines.next()? {
            let found = packed(line::read(&text, number)?);
            let key = item::key_of(&found)?;
            if is_installation(&found) {
                installation = Some(found);
            } else if is_pair_state(&found) {
                states.insert(key, BatchWrite::Put(without_leases(found)));
            } else {
                together.insert(key, BatchWrite::Put(found));
            }
            if together.len() >= TOGETHER {
                self.table().batch_write(std::mem::take(&mut together), DOING).await?;
            }
        }
        self.table().batch_write(together, DOING).await?;
        self.table().batch_write(states, DOING).await?;
        Ok(installation)
    }
}

/// The item with its body as a table keeps it.
fn packed(mut found: Item) -> Item {
    let kept = match found.remove(BODY) {
        Some(AttributeValue::S(json)) => Some(body::pack(json)),
        other => other,
    };
    found.extend(kept.map(|kept| (BODY.to_owned(), kept)));
    found
}

/// Reads the file through: header, every item's schema, number and digest.
fn judge(reader: &mut impl Source) -> Result<(Header, u64), StoreError> {
    let damaged = |detail: &str| StoreError::BadExport { place: "the export".to_owned(), detail: detail.to_owned() };
    let mut lines = Lines::new(reader)?;
    let first = lines.next()?.ok_or_else(|| damaged("it is empty"))?;
    let header: Header = serde_json::from_str(&first.text).map_err(|_| damaged("its first line is no header"))?;
    if header.format != FORMAT {
        return Err(damaged("it is not an export of galbridge's state"));
    }
    if header.schema > SCHEMA {
        return Err(StoreError::NewerSchema { item: "the export".to_owned(), found: header.schema, known: SCHEMA });
    }
    let mut digest = Sha256::new();
    let mut items = 0;
    while let Some(Line { text, number, last }) = lines.next()? {
        if last {
            let footer: Footer = serde_json::from_str(&text).map_err(|_| damaged("it is truncated: the last line is no footer"))?;
            if footer != (Footer { items, sha256: hex::encode(digest.finalize()) }) {
                return Err(damaged("it is truncated or was changed: the footer does not fit"));
            }
            return Ok((header, items));
        }
        line::read(&text, number)?;
        digest.update(text.as_bytes());
        digest.update(b"\n");
        items += 1;
    }
    Err(damaged("it is truncated: it has no footer"))
}

/// A line, without its end.
struct Line {
    text: String,
    number: u64,
    /// No line follows.
    last: bool,
}

/// Reads lines from the beginning.
struct Lines<'r, R> {
    reader: &'r mut R,
    number: u64,
}

impl<'r, R: Source> Lines<'r, R> {
    fn new(reader: &'r mut R) -> Result<Self, StoreError> {
        reader.seek(SeekFrom::Start(0)).map_err(|error| unavailable("the export", DOING, error))?;
        Ok(Self { reader, number: 0 })
    }

    fn next(&mut self) -> Result<Option<Line>, StoreError> {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                StoreError::BadExport { place: "the export".to_owned(), detail: "it is not text".to_owned() }
            }
            _ => unavailable("the export", DOING, error),
        };
        let mut text = String::new();
        if self.reader.read_line(&mut text).map_err(failed)? == 0 {
            return Ok(None);
        }
        while text.ends_with(['\n', '\r']) {
            text.pop();
        }
        self.number += 1;
        let last = self.reader.fill_buf().map_err(failed)?.is_empty();
        Ok(Some(Line { text, number: self.number, last }))
    }
}
