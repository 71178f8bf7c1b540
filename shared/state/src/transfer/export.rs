//! Writing the whole table out.

use std::collections::BTreeMap;
use std::io::Write;

use engine::ports::StoreError;
use engine::records::LeaseKind;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::line::{self, Footer, Header};
use super::{FORMAT, Transferred, is_installation, is_pair_state};
use crate::StateStore;
use crate::item::{self, Item, SCHEMA};
use crate::keys::{self, Key, STATE};
use crate::store::{ID, read_lease, without_leases};
use crate::table::{Condition, unavailable};

const DOING: &str = "exporting the state";

/// Writes lines and counts them.
struct Lines<'w> {
    writer: &'w mut (dyn Write + Send),
    items: u64,
    digest: Sha256,
}

impl Lines<'_> {
    fn raw(&mut self, text: &str) -> Result<(), StoreError> {
        writeln!(self.writer, "{text}").map_err(|error| unavailable("the export", DOING, error))
    }

    fn json<T: Serialize>(&mut self, record: &T) -> Result<(), StoreError> {
        let text = serde_json::to_string(record).map_err(|error| unavailable("the export", DOING, error))?;
        self.raw(&text)
    }

    fn item(&mut self, item: &Item) -> Result<(), StoreError> {
        let text = line::write(item)?;
        self.digest.update(text.as_bytes());
        self.digest.update(b"\n");
        self.items += 1;
        self.raw(&text)
    }
}

impl StateStore {
    /// Writes every item as JSON lines. It reads the whole table twice.
    ///
    /// # Errors
    /// `LeaseHeld` if a run is going on at `exported_at`, `Conflict` if one began meanwhile: what was written is
    /// of no use; pause the pair and export again. `NewerSchema`, `Corrupt` or `Unavailable` as everywhere.
    pub async fn export(&self, writer: &mut (dyn Write + Send), exported_at: Timestamp) -> Result<Transferred, StoreError> {
        let installation = match self.table().get(&keys::installation(), DOING).await? {
            Some(found) => self.exported_id(&found)?,
            None => None,
        };
        let states = self.pair_states().await?;
        for (key, state) in &states {
            refuse_live_lease(key, state, exported_at)?;
        }
        let mut lines = Lines { writer, items: 0, digest: Sha256::new() };
        lines.json(&Header { format: FORMAT.to_owned(), schema: SCHEMA, installation: installation.clone(), exported_at })?;
        self.export_others(&mut lines).await?;
        if self.pair_states().await? != states {
            return Err(StoreError::Conflict { item: "the state of a pair (a run began during the export)".to_owned() });
        }
        for (_, state) in states {
            lines.item(&without_leases(state))?;
        }
        let items = lines.items;
        let footer = Footer { items, sha256: hex::encode(lines.digest.clone().finalize()) };
        lines.json(&footer)?;
        lines.writer.flush().map_err(|error| unavailable("the export", DOING, error))?;
        Ok(Transferred { items, installation })
    }

    fn exported_id(&self, found: &Item) -> Result<Option<String>, StoreError> {
        if found.contains_key(super::IMPORTING) {
            return Err(super::unfinished(self.table()));
        }
        Ok(item::get_text(found, ID, &keys::installation())?.map(str::to_owned))
    }

    /// The states of all pairs.
    pub(crate) async fn pair_states(&self) -> Result<BTreeMap<Key, Item>, StoreError> {
        let filter = Condition::new("#sk = :state").name("#sk", keys::SK).value(":state", item::text(STATE));
        let mut states = BTreeMap::new();
        let mut position = None;
        loop {
            let (items, next) = self.table().scan_page(Some(filter.clone()), None, position, DOING).await?;
            for found in items.into_iter().filter(is_pair_state) {
                states.insert(item::key_of(&found)?, found);
            }
            if next.is_none() {
                return Ok(states);
            }
            position = next;
        }
    }

    /// Everything but the states of pairs, and the installation's item last of it.
    async fn export_others(&self, lines: &mut Lines<'_>) -> Result<(), StoreError> {
        let mut position = None;
        let mut installation = None;
        loop {
            let (items, next) = self.table().scan_page(None, None, position, DOING).await?;
            for found in items {
                item::check_schema(&found, &item::key_of(&found)?)?;
                if is_installation(&found) {
                    installation = Some(found);
                } else if !is_pair_state(&found) {
                    lines.item(&found)?;
                }
            }
            if next.is_none() {
                break;
            }
            position = next;
        }
        installation.iter().try_for_each(|found| lines.item(found))
    }
}

/// An export or import while a run is going on would be torn.
pub(crate) fn refuse_live_lease(key: &Key, state: &Item, now: Timestamp) -> Result<(), StoreError> {
    for kind in [LeaseKind::Reading, LeaseKind::Writing] {
        if let Some(lease) = read_lease(state, kind, key)?.filter(|lease| lease.until > now) {
            let pair = key.pk.trim_start_matches("P#").to_owned();
            return Err(StoreError::LeaseHeld { pair, owner: lease.owner, until: lease.until });
        }
    }
    Ok(())
}
