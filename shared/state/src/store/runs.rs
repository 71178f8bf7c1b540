//! `P#pair` / `RUN#began#id` and `R#run`: what runs did.

use engine::ports::StoreError;
use engine::records::{OperationRecord, RunSummary};
use jiff::{SignedDuration, Timestamp};

use super::StateStore;
use crate::item::{self, EXPIRES};
use crate::keys;
use crate::table::{BatchWrite, Partition, Range};

/// Summaries are kept for this many hours: 400 days, a year and a month.
const KEPT_HOURS: i64 = 400 * 24;

impl StateStore {
    pub(super) async fn write_run(&self, run: &RunSummary) -> Result<(), StoreError> {
        let key = keys::run(&run.pair, run.began, &run.id);
        let mut stored = item::with_body(&key, run)?;
        let expires = run.began.saturating_add(SignedDuration::from_hours(KEPT_HOURS)).unwrap_or(Timestamp::MAX);
        stored.insert(EXPIRES.to_owned(), item::epoch(expires));
        self.put_unless_newer(stored, "saving the summary of a run").await
    }

    pub(super) async fn write_operations(&self, run: &str, operations: &[OperationRecord], expires: Timestamp) -> Result<(), StoreError> {
        let writes = operations.iter().map(|operation| {
            let key = keys::operation(run, operation.number);
            let mut stored = item::with_body(&key, operation)?;
            stored.insert(EXPIRES.to_owned(), item::epoch(expires));
            Ok((key, BatchWrite::Put(stored)))
        });
        let writes = writes.collect::<Result<_, StoreError>>()?;
        self.table.batch_write(writes, "saving the operations of a run").await
    }

    pub(super) async fn read_runs(&self, pair: &str, limit: usize) -> Result<Vec<RunSummary>, StoreError> {
        let range = Range::Begins(keys::RUN.to_owned());
        let partition = Partition { pk: keys::pair_partition(pair), range, descending: true, limit: Some(limit) };
        let found = self.table.query(&partition, "reading the last runs").await?;
        found.iter().map(|run| item::body(run, &item::key_of(run)?)).collect()
    }

    pub(super) async fn read_operations(&self, run: &str) -> Result<Vec<OperationRecord>, StoreError> {
        let found = self.table.query(&Partition::all(keys::operations(run)), "reading the operations of a run").await?;
        found.iter().map(|operation| item::body(operation, &item::key_of(operation)?)).collect()
    }
}
