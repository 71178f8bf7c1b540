//! A service that is short of throughput, for tests: it leaves parts of batches undone and cancels
//! transactions because of others, as DynamoDB may at any time and the embedded engine never does.

use serde_json::{Value, json};

/// What is left of a batch for later.
#[derive(Debug)]
pub(super) struct Left {
    /// Where the answer tells it.
    field: &'static str,
    value: Value,
}

/// Takes all but the first `most` entries out of a batch.
pub(super) fn shorten(operation: &str, body: &mut Value, most: usize) -> Option<Left> {
    let (field, entries) = match operation {
        "BatchWriteItem" => ("UnprocessedItems", None),
        "BatchGetItem" => ("UnprocessedKeys", Some("Keys")),
        _ => return None,
    };
    let (table, wanted) = body.get_mut("RequestItems")?.as_object_mut()?.iter_mut().next()?;
    let list = match entries {
        Some(name) => wanted.get_mut(name)?.as_array_mut()?,
        None => wanted.as_array_mut()?,
    };
    if list.len() <= most {
        return None;
    }
    let rest = Value::Array(list.split_off(most));
    let rest = match entries {
        Some(name) => json!({table: {name: rest, "ConsistentRead": true}}),
        None => json!({table: rest}),
    };
    Some(Left { field, value: rest })
}

/// Tells in an answer what was left.
pub(super) fn tell(answer: &mut Value, left: Left) {
    if let Some(answer) = answer.as_object_mut() {
        answer.insert(left.field.to_owned(), left.value);
    }
}

/// The answer to a transaction that met another one.
pub(super) fn conflict() -> String {
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons [None, TransactionConflict]",
        "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}],
    })
    .to_string()
}
