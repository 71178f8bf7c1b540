//! `D#pair`: what is due, in the order of time.

use engine::ports::StoreError;
use engine::records::AgendaRow;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::StateStore;
use crate::item::{self, Item, VERSION};
use crate::keys;
use crate::table::{Condition, IN_FLIGHT, Partition, Range};

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
        let items = rows.iter().map(|row| Ok((encode(pair, row)?, row.version))).collect::<Result<Vec<_>, StoreError>>()?;
        let writes = items.into_iter().map(async |(row, version)| {
            let written = self.table.put(row, Condition::version_at_most(version), "saving the agenda").await?;
            written.succeeded(None).map(drop)
        });
        stream::iter(writes).buffer_unordered(2 * IN_FLIGHT).try_collect().await
    }

    /// A row that has another version by now, or is gone, is left as it is.
    pub(super) async fn remove_agenda(&self, pair: &str, row: &AgendaRow) -> Result<(), StoreError> {
        let key = keys::agenda_row(pair, row.due, row.side, row.anchor);
        let removed = self.table.delete(&key, Condition::absent_or_version(row.version), "removing a row of the agenda").await?;
        removed.succeeded(None).map(drop)
    }
}
