//! Several items, all or none.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use engine::ports::StoreError;

use super::{Condition, Operation, Table, Written, failure, some, unavailable};
use crate::item::Item;

impl Table {
    /// Stores both items if the condition of the first and that of the second, if any, hold.
    /// Refused tells of the first item. Conflicts with other transactions are tried again.
    ///
    /// Nothing rests on `ClientRequestToken`: a repeated call is judged by the conditions alone.
    pub(crate) async fn put_both(&self, first: (Item, Condition), second: (Item, Option<Condition>), doing: &str) -> Result<Written, StoreError> {
        let first = self.transact_put(first.0, Some(first.1), doing)?;
        let second = self.transact_put(second.0, second.1, doing)?;
        let mut attempt = 0;
        loop {
            self.count(Operation::TransactWriteItems);
            let request = self.client.transact_write_items().transact_items(first.clone()).transact_items(second.clone());
            let Err(error) = request.send().await else { return Ok(Written::Done) };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    match verdict(canceled.cancellation_reasons()) {
                        Verdict::Refused(item) => return Ok(Written::Refused(item)),
                        Verdict::Again => {}
                        Verdict::Failed(detail) => return Err(unavailable(&self.place, doing, detail)),
                    }
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => {}
                Some(_) | None => return Err(failure::failed(&self.place, doing, &error)),
            }
            attempt += 1;
            self.wait(attempt, doing).await?;
        }
    }

    fn transact_put(&self, item: Item, condition: Option<Condition>, doing: &str) -> Result<TransactWriteItem, StoreError> {
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
}

/// What a cancelled transaction means.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// A condition did not hold; the first item as it stands.
    Refused(Option<Item>),
    /// Another transaction or the throughput was in the way.
    Again,
    /// It will never go through.
    Failed(String),
}

/// Reads the reasons, one an item. A refused condition outweighs a conflict: trying again cannot help.
fn verdict(reasons: &[CancellationReason]) -> Verdict {
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
    if codes.contains(&"ConditionalCheckFailed") {
        return Verdict::Refused(reasons.first().and_then(|reason| reason.item.clone()).filter(|item| !item.is_empty()));
    }
    let passing = |code: &&str| matches!(*code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded");
    let lasting: Vec<&CancellationReason> =
        reasons.iter().zip(&codes).filter(|(_, code)| **code != "None" && !passing(code)).map(|(reason, _)| reason).collect();
    if lasting.is_empty() && codes.iter().any(passing) {
        return Verdict::Again;
    }
    let words = lasting.iter().map(|reason| format!("{}: {}", reason.code().unwrap_or("?"), reason.message().unwrap_or("no reason given")));
    Verdict::Failed(format!("the transaction was cancelled ({})", words.collect::<Vec<_>>().join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str) -> CancellationReason {
        CancellationReason::builder().code(code).message("m").build()
    }

    #[test]
    fn reasons_are_told_apart() {
        assert_eq!(verdict(&[reason("ConditionalCheckFailed"), reason("None")]), Verdict::Refused(None));
        assert_eq!(verdict(&[reason("TransactionConflict"), reason("ConditionalCheckFailed")]), Verdict::Refused(None));
        assert_eq!(verdict(&[reason("None"), reason("TransactionConflict")]), Verdict::Again);
        assert_eq!(verdict(&[reason("ThrottlingError"), reason("None")]), Verdict::Again);
        assert!(matches!(verdict(&[reason("ValidationError"), reason("TransactionConflict")]), Verdict::Failed(_)));
        assert!(matches!(verdict(&[]), Verdict::Failed(_)));
    }
}
