//! Reading partitions, and everything.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use engine::ports::StoreError;

use super::{Operation, Table, failure, some};
use crate::item::{self, Item};

/// Which sort keys of a partition.
#[derive(Clone, Debug)]
pub(crate) enum Range {
    /// All.
    All,
    /// Those that begin so.
    Begins(String),
    /// Those from the first to the second, both included.
    Between(String, String),
    /// Those below.
    Below(String),
}

/// A query of one partition.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub pk: String,
    pub range: Range,
    /// From the last sort key down.
    pub descending: bool,
    /// At most so many items.
    pub limit: Option<usize>,
}

impl Partition {
    /// A whole partition, ascending.
    pub(crate) fn all(pk: String) -> Self {
        Self { pk, range: Range::All, descending: false, limit: None }
    }
}

type Position = Option<HashMap<String, AttributeValue>>;

impl Table {
    /// The items of a partition in the order of their sort keys: one request for every megabyte.
    pub(crate) async fn query(&self, partition: &Partition, doing: &str) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut position: Position = None;
        loop {
            let left = partition.limit.map(|limit| limit - items.len());
            if left == Some(0) {
                return Ok(items);
            }
            let (page, next) = self.query_page(partition, left, position, doing).await?;
            items.extend(page);
            match next {
                Some(next) => position = Some(next),
                None => return Ok(items),
            }
        }
    }

    async fn query_page(
        &self,
        partition: &Partition,
        left: Option<usize>,
        position: Position,
        doing: &str,
    ) -> Result<(Vec<Item>, Position), StoreError> {
        self.count(Operation::Query);
        let (expression, values) = key_condition(partition);
        let request = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression(expression)
            .set_expression_attribute_values(Some(values))
            .consistent_read(true)
            .scan_index_forward(!partition.descending)
            .set_limit(left.map(|left| i32::try_from(left).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(position);
        let answer = request.send().await.map_err(|error| failure::failed(&self.place, doing, &error))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key.filter(|key| !key.is_empty())))
    }

    /// One page of the whole table, in no order; `limit` items at most are looked at.
    pub(crate) async fn scan_page(
        &self,
        filter: Option<Filter>,
        limit: Option<i32>,
        position: Position,
        doing: &str,
    ) -> Result<(Vec<Item>, Position), StoreError> {
        self.count(Operation::Scan);
        let mut request =
            self.client.scan().table_name(&self.name).consistent_read(true).set_limit(limit).set_exclusive_start_key(position);
        if let Some(filter) = filter {
            request = request
                .filter_expression(filter.expression)
                .set_expression_attribute_names(some(filter.names))
                .set_expression_attribute_values(some(filter.values));
        }
        let answer = request.send().await.map_err(|error| failure::failed(&self.place, doing, &error))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key.filter(|key| !key.is_empty())))
    }
}

/// A filter is written like a condition.
pub(crate) type Filter = super::Condition;

fn key_condition(partition: &Partition) -> (String, HashMap<String, AttributeValue>) {
    let mut values = HashMap::from([(":pk".to_owned(), item::text(&partition.pk))]);
    let expression = match &partition.range {
        Range::All => "pk = :pk",
        Range::Begins(prefix) => {
            values.insert(":from".to_owned(), item::text(prefix));
            "pk = :pk AND begins_with(sk, :from)"
        }
        Range::Between(from, to) => {
            values.insert(":from".to_owned(), item::text(from));
            values.insert(":to".to_owned(), item::text(to));
            "pk = :pk AND sk BETWEEN :from AND :to"
        }
        Range::Below(to) => {
            values.insert(":to".to_owned(), item::text(to));
            "pk = :pk AND sk < :to"
        }
    };
    (expression.to_owned(), values)
}
