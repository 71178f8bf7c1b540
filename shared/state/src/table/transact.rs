//! Conditional puts in groups, each group all or none, and many groups in one request.
//!
//! A transaction takes a hundred items, and what it costs in capacity is the same in one request or in
//! many. So groups travel together; those whose condition does not hold are taken out and the others
//! go again. On the embedded engine this also saves a sync of the disk for every group.
//!
//! Nothing rests on `ClientRequestToken`: a repeated request is judged by its conditions alone.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use engine::ports::StoreError;
use futures::{StreamExt, TryStreamExt, stream};

use super::{Condition, IN_FLIGHT, Operation, Table, Written, failure, some, unavailable};
use crate::item::{self, Item};
use crate::keys::Key;

/// How many groups go together. To the service fewer: the larger a transaction, the more often another one is in its way.
const TOGETHER_SERVICE: usize = 10;
/// The same on the embedded engine, where nothing is in the way.
const TOGETHER_EMBEDDED: usize = 50;
/// A transaction takes so many items.
const MOST_ITEMS: usize = 100;
/// A transaction takes 4 MB. Sizes are estimated here, so half of it.
const LARGEST: usize = 2_000_000;

/// Items to store together: the first with its condition, the others with one or without.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub first: (Item, Condition),
    pub others: Vec<(Item, Option<Condition>)>,
}

/// A group on its way.
#[derive(Clone, Debug)]
struct Pending {
    /// Its place in the caller's list.
    index: usize,
    actions: Vec<TransactWriteItem>,
}

impl Table {
    /// Stores one group.
    pub(crate) async fn put_group(&self, group: Group, doing: &str) -> Result<Written, StoreError> {
        let outcomes = self.put_groups(vec![group], doing).await?;
        outcomes.into_iter().next().ok_or_else(|| unavailable(&self.place, doing, "no outcome"))
    }

    /// Stores groups, each if all its conditions hold; the outcomes in the groups' order. Refused tells of the first item
    /// of a group. A single item travels as a plain put where transactions cost double.
    pub(crate) async fn put_groups(&self, groups: Vec<Group>, doing: &str) -> Result<Vec<Written>, StoreError> {
        let embedded = self.writer.is_none();
        let several = groups.len() > 1;
        let (mut singles, mut pending) = (Vec::new(), Vec::new());
        for (index, group) in groups.into_iter().enumerate() {
            if group.others.is_empty() && !(embedded && several) {
                singles.push((index, group.first));
            } else {
                pending.push((index, group));
            }
        }
        let together = if embedded { TOGETHER_EMBEDDED } else { TOGETHER_SERVICE };
        let transactions = self.transactions(pending, together, doing)?;
        let puts = singles.into_iter().map(async |(index, (item, condition))| Ok((index, self.put(item, condition, doing).await?)));
        let mut outcomes: Vec<(usize, Written)> = stream::iter(puts).buffer_unordered(IN_FLIGHT).try_collect().await?;
        let transactions = transactions.into_iter().map(|transaction| self.commit(transaction, doing));
        let committed: Vec<Vec<(usize, Written)>> = stream::iter(transactions).buffer_unordered(IN_FLIGHT).try_collect().await?;
        outcomes.extend(committed.into_iter().flatten());
        outcomes.sort_unstable_by_key(|(index, _)| *index);
        Ok(outcomes.into_iter().map(|(_, written)| written).collect())
    }

    /// Removes items, each if its condition holds; the outcomes in their order. On the embedded engine many in one commit.
    pub(crate) async fn delete_each(&self, wanted: Vec<(Key, Condition)>, doing: &str) -> Result<Vec<Written>, StoreError> {
        let together = if self.writer.is_none() { TOGETHER_EMBEDDED } else { 1 };
        let parts: Vec<Vec<(Key, Condition)>> = wanted.chunks(together).map(<[(Key, Condition)]>::to_vec).collect();
        let outcomes: Vec<Vec<Written>> =
            stream::iter(parts).map(|part| self.delete_part(part, doing)).buffered(IN_FLIGHT).try_collect().await?;
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// All in one transaction, or, if a condition does not hold, one after the other.
    async fn delete_part(&self, part: Vec<(Key, Condition)>, doing: &str) -> Result<Vec<Written>, StoreError> {
        let distinct: BTreeSet<&Key> = part.iter().map(|(key, _)| key).collect();
        if part.len() > 1 && distinct.len() == part.len() {
            self.count(Operation::TransactWriteItems);
            let actions = part.iter().map(|(key, condition)| self.removal(key, condition, doing)).collect::<Result<Vec<_>, _>>()?;
            if self.client.transact_write_items().set_transact_items(Some(actions)).send().await.is_ok() {
                return Ok(vec![Written::Done; part.len()]);
            }
        }
        let mut outcomes = Vec::with_capacity(part.len());
        for (key, condition) in part {
            outcomes.push(self.delete(&key, condition, doing).await?);
        }
        Ok(outcomes)
    }

    fn removal(&self, key: &Key, condition: &Condition, doing: &str) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .condition_expression(&condition.expression)
            .set_expression_attribute_names(some(condition.names.clone()))
            .set_expression_attribute_values(some(condition.values.clone()))
            .build();
        delete.map(|delete| TransactWriteItem::builder().delete(delete).build()).map_err(|error| unavailable(&self.place, doing, error))
    }

    /// Parts groups into transactions: not too many, not too large, no item twice.
    fn transactions(&self, groups: Vec<(usize, Group)>, together: usize, doing: &str) -> Result<Vec<Vec<Pending>>, StoreError> {
        let mut transactions: Vec<Vec<Pending>> = Vec::new();
        let mut keys: BTreeSet<Key> = BTreeSet::new();
        let (mut size, mut count) = (0, 0);
        for (index, group) in groups {
            let Group { first: (first, condition), others } = group;
            let items: Vec<(Item, Option<Condition>)> = std::iter::once((first, Some(condition))).chain(others).collect();
            let own_keys = items.iter().map(|(item, _)| item::key_of(item)).collect::<Result<Vec<Key>, _>>()?;
            let own_size: usize = items.iter().map(|(item, _)| estimate(item)).sum();
            let full = transactions.last().is_none_or(|last| last.len() >= together)
                || size + own_size > LARGEST
                || count + items.len() > MOST_ITEMS;
            if full || own_keys.iter().any(|key| keys.contains(key)) {
                transactions.push(Vec::new());
                keys.clear();
                (size, count) = (0, 0);
            }
            keys.extend(own_keys);
            size += own_size;
            count += items.len();
            let actions = items.into_iter().map(|(item, condition)| self.action(item, condition, doing)).collect::<Result<_, _>>()?;
            if let Some(last) = transactions.last_mut() {
                last.push(Pending { index, actions });
            }
        }
        Ok(transactions)
    }

    fn action(&self, item: Item, condition: Option<Condition>, doing: &str) -> Result<TransactWriteItem, StoreError> {
        let mut put = Put::builder().table_name(&self.name).set_item(Some(item));
        if let Some(condition) = condition {
            put = put
                .condition_expression(condition.expression)
                .set_expression_attribute_names(some(condition.names))
                .set_expression_attribute_values(some(condition.values))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        }
        let put = put.build().map_err(|error| unavailable(&self.place, doing, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Commits what can be committed of these groups. Conflicts with other transactions are tried again.
    async fn commit(&self, mut pending: Vec<Pending>, doing: &str) -> Result<Vec<(usize, Written)>, StoreError> {
        let mut outcomes = Vec::with_capacity(pending.len());
        let mut attempt = 0;
        while !pending.is_empty() {
            match self.try_commit(&pending, doing).await? {
                Verdict::Done => {
                    outcomes.extend(pending.drain(..).map(|group| (group.index, Written::Done)));
                }
                Verdict::Refused(refused) => {
                    for (position, item) in refused.into_iter().rev() {
                        outcomes.push((pending.remove(position).index, Written::Refused(item)));
                    }
                    attempt = 0;
                }
                Verdict::Again => {
                    attempt += 1;
                    self.wait(attempt, doing).await?;
                }
                Verdict::Failed(detail) => return Err(unavailable(&self.place, doing, detail)),
            }
        }
        Ok(outcomes)
    }

    async fn try_commit(&self, pending: &[Pending], doing: &str) -> Result<Verdict, StoreError> {
        self.count(Operation::TransactWriteItems);
        let actions: Vec<TransactWriteItem> = pending.iter().flat_map(|group| group.actions.iter().cloned()).collect();
        let request = self.client.transact_write_items().set_transact_items(Some(actions));
        let Err(error) = request.send().await else { return Ok(Verdict::Done) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                let sizes: Vec<usize> = pending.iter().map(|group| group.actions.len()).collect();
                Ok(verdict(canceled.cancellation_reasons(), &sizes))
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(Verdict::Again),
            Some(_) | None => Err(failure::failed(&self.place, doing, &error)),
        }
    }
}

/// About how large an item is.
fn estimate(item: &Item) -> usize {
    let sizes = item.iter().map(|(name, value)| {
        name.len()
            + match value {
                AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
                AttributeValue::B(bytes) => bytes.as_ref().len(),
                _ => 0,
            }
    });
    sizes.sum()
}

/// How a transaction ended.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// All of it was done.
    Done,
    /// Nothing was done: the conditions of these groups (places, ascending) did not hold; the first item of each as it stands.
    Refused(Vec<(usize, Option<Item>)>),
    /// Nothing was done: another transaction or the throughput was in the way.
    Again,
    /// It will never go through.
    Failed(String),
}

/// Reads the reasons, one an item, of groups of these sizes. A refused condition outweighs a conflict: trying again cannot help.
fn verdict(reasons: &[CancellationReason], sizes: &[usize]) -> Verdict {
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
    let mut refused = Vec::new();
    let mut start = 0;
    for (position, size) in sizes.iter().enumerate() {
        let own = codes.get(start..start + size).unwrap_or_default();
        if own.contains(&"ConditionalCheckFailed") {
            let first = reasons.get(start).and_then(|reason| reason.item.clone());
            refused.push((position, first.filter(|item| !item.is_empty())));
        }
        start += size;
    }
    if !refused.is_empty() {
        return Verdict::Refused(refused);
    }
    let passing = |code: &&str| matches!(*code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded");
    let lasting = reasons.iter().zip(&codes).filter(|(_, code)| **code != "None" && !passing(code));
    let words: Vec<String> = lasting.map(|(reason, code)| format!("{code}: {}", reason.message().unwrap_or("no reason given"))).collect();
    if words.is_empty() && codes.iter().any(passing) {
        return Verdict::Again;
    }
    Verdict::Failed(format!("the transaction was cancelled ({})", words.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(codes: &[&str]) -> Vec<CancellationReason> {
        codes.iter().map(|code| CancellationReason::builder().code(*code).message("m").build()).collect()
    }

    #[test]
    fn reasons_are_told_apart() {
        let refused = |places: &[usize]| Verdict::Refused(places.iter().map(|place| (*place, None)).collect());
        assert_eq!(verdict(&reasons(&["ConditionalCheckFailed", "None"]), &[2]), refused(&[0]));
        assert_eq!(verdict(&reasons(&["TransactionConflict", "ConditionalCheckFailed"]), &[2]), refused(&[0]));
        let codes = ["None", "None", "ConditionalCheckFailed", "None", "ConditionalCheckFailed", "ConditionalCheckFailed"];
        assert_eq!(verdict(&reasons(&codes), &[2, 1, 1, 2]), refused(&[1, 3]));
        assert_eq!(verdict(&reasons(&["None", "TransactionConflict"]), &[1, 1]), Verdict::Again);
        assert_eq!(verdict(&reasons(&["ThrottlingError", "None"]), &[2]), Verdict::Again);
        assert!(matches!(verdict(&reasons(&["ValidationError", "TransactionConflict"]), &[2]), Verdict::Failed(_)));
        assert!(matches!(verdict(&[], &[2]), Verdict::Failed(_)));
    }
}
