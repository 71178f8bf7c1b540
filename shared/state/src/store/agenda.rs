//! `D#pair`: what is due, in the order of time.

use std::collections::BTreeMap;

use engine::ports::StoreError;
use engine::records::AgendaRow;
use jiff::Timestamp;

use super::StateStore;
use crate::item::{self, Item, VERSION};
use crate::keys::{self, Key};
use crate::table::{Condition, Group, Partition, Range};

/// The item of a row.
pub(super) fn encode(pair: &str, row: &AgendaRow) -> Result<Item, StoreError> {
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
        let groups = newest.into_values().map(|row| {
            let first = (encode(pair, row)?, Condition::version_at_most(row.version));
            Ok(Group { first, others: Vec::new() })
        });
        let groups = groups.collect::<Result<Vec<_>, StoreError>>()?;
        let outcomes = self.table.put_groups(groups, "saving the agenda").await?;
        outcomes.iter().try_for_each(|written| written.succeeded(None).map(drop))
    }

    /// A row that has another version by now, or is gone, is left as it is.
    pub(super) async fn remove_agenda(&self, pair: &str, rows: &[AgendaRow]) -> Result<(), StoreError> {
        let condition = |row: &AgendaRow| Condition::absent_or_version(row.version);
        let wanted = rows.iter().map(|row| (keys::agenda_row(pair, row.due, row.side, row.anchor), condition(row))).collect();
        let removed = self.table.delete_each(wanted, "removing rows of the agenda").await?;
        removed.iter().try_for_each(|removed| removed.succeeded(None).map(drop))
    }
}
