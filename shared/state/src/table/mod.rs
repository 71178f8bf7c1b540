//! One table and the requests made to it: counted, with errors in the engine's words.

mod batch;
mod condition;
mod create;
mod failure;
mod query;
mod requests;
mod transact;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use engine::ports::StoreError;

pub(crate) use batch::BatchWrite;
pub(crate) use condition::{Condition, Written};
#[cfg(feature = "embedded")]
pub(crate) use failure::damaged;
pub(crate) use failure::unavailable;
pub(crate) use query::{Partition, Range};
pub use requests::Requests;
pub(crate) use requests::{Counters, Operation};
pub(crate) use transact::Group;

use crate::item::Item;
use crate::keys::Key;

/// How many requests of one call are in flight at most.
pub(crate) const IN_FLIGHT: usize = 8;

/// A table, wherever it is.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    client: Client,
    name: String,
    /// What errors call it: the table's name or the file.
    place: String,
    counters: Arc<Counters>,
    /// Marks this process's writes; `None` where a lost answer cannot happen (embedded).
    writer: Option<Arc<Writer>>,
}

/// Numbers the writes of one process.
#[derive(Debug)]
struct Writer {
    id: String,
    next: AtomicU64,
}

/// An update: the expression and its condition share names and values.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub expression: String,
    pub condition: Condition,
    pub answers: ReturnValue,
}

/// How an update ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Updated {
    /// It was done; the attributes that were asked for.
    Done(Item),
    /// The condition did not hold; the item as it stands, where the database told.
    Refused(Option<Item>),
}

impl Table {
    pub(crate) fn new(client: Client, name: String, place: String, writer: Option<String>) -> Self {
        let writer = writer.map(|id| Arc::new(Writer { id, next: AtomicU64::new(1) }));
        Self { client, name, place, counters: Arc::default(), writer }
    }

    pub(crate) fn requests(&self) -> Requests {
        self.counters.read()
    }

    /// What errors call it.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// A mark for one write, where one is needed.
    pub(crate) fn mark(&self) -> Option<String> {
        self.writer.as_ref().map(|writer| format!("{}-{}", writer.id, writer.next.fetch_add(1, Ordering::Relaxed)))
    }

    fn count(&self, operation: Operation) {
        self.counters.count(operation);
    }

    /// One item, as of now.
    pub(crate) async fn get(&self, key: &Key, doing: &str) -> Result<Option<Item>, StoreError> {
        self.count(Operation::GetItem);
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key.attributes())).consistent_read(true);
        let answer = request.send().await.map_err(|error| failure::failed(&self.place, doing, &error))?;
        Ok(answer.item)
    }

    /// Stores an item, replacing what is there, if the condition holds.
    pub(crate) async fn put(&self, item: Item, condition: Condition, doing: &str) -> Result<Written, StoreError> {
        self.count(Operation::PutItem);
        let request = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let request = request
            .condition_expression(condition.expression)
            .set_expression_attribute_names(some(condition.names))
            .set_expression_attribute_values(some(condition.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(_) => Ok(Written::Done),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => Ok(Written::Refused(refused.item.clone())),
                Some(_) | None => Err(failure::failed(&self.place, doing, &error)),
            },
        }
    }

    /// Removes an item if the condition holds.
    pub(crate) async fn delete(&self, key: &Key, condition: Condition, doing: &str) -> Result<Written, StoreError> {
        self.count(Operation::DeleteItem);
        let request = self.client.delete_item().table_name(&self.name).set_key(Some(key.attributes()));
        let request = request
            .condition_expression(condition.expression)
            .set_expression_attribute_names(some(condition.names))
            .set_expression_attribute_values(some(condition.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(_) => Ok(Written::Done),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(refused)) => Ok(Written::Refused(refused.item.clone())),
                Some(_) | None => Err(failure::failed(&self.place, doing, &error)),
            },
        }
    }

    /// Changes attributes of an item, which is made if there is none, if the condition holds.
    pub(crate) async fn update(&self, key: &Key, update: Update, doing: &str) -> Result<Updated, StoreError> {
        self.count(Operation::UpdateItem);
        let request = self.client.update_item().table_name(&self.name).set_key(Some(key.attributes()));
        let request = request
            .update_expression(update.expression)
            .condition_expression(update.condition.expression)
            .set_expression_attribute_names(some(update.condition.names))
            .set_expression_attribute_values(some(update.condition.values))
            .return_values(update.answers)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(answer) => Ok(Updated::Done(answer.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(Updated::Refused(refused.item.clone())),
                Some(_) | None => Err(failure::failed(&self.place, doing, &error)),
            },
        }
    }
}

/// The service refuses empty maps.
fn some<V>(map: HashMap<String, V>) -> Option<HashMap<String, V>> {
    if map.is_empty() { None } else { Some(map) }
}

/// A text attribute, for conditions.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}
