//! The engine's port over a table: one module a kind of item.

mod agenda;
mod answers;
mod application_keys;
#[cfg(feature = "embedded")]
mod embedded;
mod groups;
mod halves;
mod links;
mod pair;
mod port;
mod profile;
mod replicas;
mod runs;
mod seen;
mod tenant;

pub(crate) use agenda::encode as encode_agenda;
pub use application_keys::ApplicationKey;
pub(crate) use links::decode as decode_link;
pub(crate) use pair::{read_lease, without_leases};
pub(crate) use profile::ID;
pub use profile::ProfileVersion;
pub(crate) use replicas::decode as decode_replica;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use engine::ports::StoreError;
use jiff::Timestamp;

use crate::item::{self, EXPIRES};
use crate::keys;
use crate::table::{BatchWrite, Condition, Requests, Table};

/// The state of one client in one table. Clones share the table, its counters and, for a file, its lock.
#[derive(Clone, Debug)]
pub struct StateStore {
    table: Table,
    /// Whether expired items must be removed by us.
    embedded: bool,
}

impl StateStore {
    /// State in a table of DynamoDB, or of whatever answers at the endpoint of `config`
    /// (`aws_config::load_defaults`). No request is made yet.
    ///
    /// `writer` is an id of this process, never used twice (a UUID, the Lambda request id): it marks writes,
    /// so that the SDK's own retry of a write whose answer was lost is recognised.
    pub fn service(config: &SdkConfig, table: &str, writer: &str) -> Self {
        let settings = aws_sdk_dynamodb::config::Builder::from(config)
            .retry_config(RetryConfig::standard().with_max_attempts(6).with_initial_backoff(Duration::from_millis(50)))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(3))
                    .operation_attempt_timeout(Duration::from_secs(10))
                    .operation_timeout(Duration::from_secs(40))
                    .build(),
            )
            .build();
        let client = Client::from_conf(settings);
        let table = Table::new(client, table.to_owned(), format!("table {table}"), Some(writer.to_owned()));
        Self { table, embedded: false }
    }

    /// Makes the table if there is none: on demand, with time to live. In production the SAM template does
    /// it, with point-in-time recovery; a file and memory have theirs from the start.
    pub async fn create_table_if_missing(&self) -> Result<(), StoreError> {
        self.table.create_if_missing().await
    }

    /// How many requests were made so far. A quiet cycle makes three.
    pub fn requests(&self) -> Requests {
        self.table.requests()
    }

    /// Removes what has expired, where the service does not do it: in a file and in memory. Answers how many
    /// items. It reads the whole table: once a day is enough.
    pub async fn sweep_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        if !self.embedded {
            return Ok(0);
        }
        let doing = "removing what has expired";
        let expired = Condition::new("#expires < :now").name("#expires", EXPIRES).value(":now", item::epoch(now));
        let mut position = None;
        let mut removed = 0;
        loop {
            let (items, next) = self.table.scan_page(Some(expired.clone()), None, position, doing).await?;
            let keys = items.iter().map(item::key_of).collect::<Result<Vec<_>, _>>()?;
            removed += keys.len() as u64;
            self.table.batch_write(keys.into_iter().map(|key| (key, BatchWrite::Delete)).collect(), doing).await?;
            if next.is_none() {
                return Ok(removed);
            }
            position = next;
        }
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Refuses to go on where an import was begun and not finished. Asked where state is missing altogether.
    async fn refuse_half_an_import(&self) -> Result<(), StoreError> {
        let key = keys::installation();
        match self.table.get(&key, "looking for an unfinished import").await? {
            Some(found) if found.contains_key(crate::transfer::IMPORTING) => Err(crate::transfer::unfinished(&self.table)),
            Some(_) | None => Ok(()),
        }
    }
}
