//! `D#pair`: what is due, in the order of time.

use std::collections::BTreeMap;

use engine::ports::StoreError;
use engine::records::AgendaRow;
use jiff::Timestamp;

use super::StateStore;
use crate::item::{self, Item, VERSION};
use crate::keys::{self, Key};
use crate::table::{Condition, Group, Partition, Range};

/// Rows that are stored or removed at once: a merge has tens of thousands, and each takes its condition along.
const AT_ONCE: usize = 500;

/// The item of a row.
pub(crate) fn encode(pair: &str, row: &AgendaRow) -> Result<Item, StoreError> {
    let mut stored = item::with_body(&keys::agenda_row(pair, row.due, row.side, row.anchor), row)?;
    stored.insert(VERSION.to_owned(), item::number(row.version));
    Ok(stored)
}

impl StateStore {
    pub(super) async fn read_due(&self, pair: &str, until: Timestamp, limit: usize) -> Result<Vec<AgendaRow>, StoreError> {
        let partition =
            Partition { pk: keys::agenda(pair), range: Range::Below(keys::agenda_end(until)), descending: false, limit: Some(limit) };
        let rows = self.table.query(&partition, "reading the agenda").await?;
        rows.iter().map(|row| item::body(row, &item::key_of(row)?)).collect()
    }

    /// A row under the same key is replaced, but not one for a newer version of the replica: whoever planned
    /// the older version would remove it, and the change would be lost.
    pub(super) async fn write_agenda(&self, pair: &str, rows: &[AgendaRow]) -> Result<(), StoreError> {
        // Of two rows under one key, the newer version.
        let mut newest: BTreeMap<Key, &AgendaRow> = BTreeMap::new();
        for row in rows {
            let kept = newest.entry(keys::agenda_row(pair, row.due, row.side, row.anchor)).or_insert(row);
            if kept.version <= row.version {
                *kept = row;
            }
        }
        let newest: Vec<&AgendaRow> = newest.into_values().collect();
        for part in newest.chunks(AT_ONCE) {
            let groups = part.iter().map(|row| {
                let first = (encode(pair, row)?, Condition::version_at_most(row.version));
                Ok(Group { first, others: Vec::new() })
            });
            let groups = groups.collect::<Result<Vec<_>, StoreError>>()?;
            let outcomes = self.table.put_groups(groups, "saving the agenda").await?;
            outcomes.iter().try_for_each(|written| written.succeeded(None).map(drop))?;
        }
        Ok(())
    }

    /// A row that has another version by now, or is gone, is left as it is.
    pub(super) async fn remove_agenda(&self, pair: &str, rows: &[AgendaRow]) -> Result<(), StoreError> {
        let wanted = |row: &AgendaRow| (keys::agenda_row(pair, row.due, row.side, row.anchor), Condition::absent_or_version(row.version));
        for part in rows.chunks(AT_ONCE) {
            let removed = self.table.delete_each(part.iter().map(wanted).collect(), "removing rows of the agenda").await?;
            removed.iter().try_for_each(|removed| removed.succeeded(None).map(drop))?;
        }
        Ok(())
    }
}
