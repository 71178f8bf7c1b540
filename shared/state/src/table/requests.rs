//! Counting requests, so that the economy the design promises can be shown and tested.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The DynamoDB operations this adapter uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    GetItem,
    PutItem,
    UpdateItem,
    DeleteItem,
    Query,
    Scan,
    BatchGetItem,
    BatchWriteItem,
    TransactWriteItems,
    CreateTable,
    DescribeTable,
    UpdateTimeToLive,
}

const OPERATIONS: [(Operation, &str); 12] = [
    (Operation::GetItem, "GetItem"),
    (Operation::PutItem, "PutItem"),
    (Operation::UpdateItem, "UpdateItem"),
    (Operation::DeleteItem, "DeleteItem"),
    (Operation::Query, "Query"),
    (Operation::Scan, "Scan"),
    (Operation::BatchGetItem, "BatchGetItem"),
    (Operation::BatchWriteItem, "BatchWriteItem"),
    (Operation::TransactWriteItems, "TransactWriteItems"),
    (Operation::CreateTable, "CreateTable"),
    (Operation::DescribeTable, "DescribeTable"),
    (Operation::UpdateTimeToLive, "UpdateTimeToLive"),
];

/// One counter an operation.
#[derive(Debug, Default)]
pub(crate) struct Counters([AtomicU64; OPERATIONS.len()]);

impl Counters {
    pub(crate) fn count(&self, operation: Operation) {
        if let Some(counter) = self.0.get(operation as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> Requests {
        let counts = OPERATIONS.iter().zip(&self.0).map(|((_, name), counter)| (*name, counter.load(Ordering::Relaxed)));
        Requests(counts.filter(|(_, count)| *count > 0).collect())
    }
}

/// How many requests a store has made since it was opened, by DynamoDB operation. The SDK's own
/// retries are not counted; every page and every batch is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests(BTreeMap<&'static str, u64>);

impl Requests {
    /// How many of one operation, such as `UpdateItem`.
    pub fn of(&self, operation: &str) -> u64 {
        self.0.get(operation).copied().unwrap_or(0)
    }

    /// How many altogether.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// What came since an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let counts = self.0.iter().map(|(name, count)| (*name, count.saturating_sub(earlier.of(name))));
        Self(counts.filter(|(_, count)| *count > 0).collect())
    }

    /// Name and number of each operation that was used, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(name, count)| (*name, *count))
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} requests", self.total())?;
        for (index, (name, count)) in self.iter().enumerate() {
            write!(formatter, "{}{name} {count}", if index == 0 { ": " } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_its_own_counter() {
        let counters = Counters::default();
        for (index, (operation, _)) in OPERATIONS.iter().enumerate() {
            assert_eq!(*operation as usize, index);
            counters.count(*operation);
        }
        let before = counters.read();
        counters.count(Operation::Query);
        let since = counters.read().since(&before);
        assert_eq!((before.total(), since.total(), since.of("Query")), (12, 1, 1));
        assert_eq!(since.to_string(), "1 requests: Query 1");
    }
}
