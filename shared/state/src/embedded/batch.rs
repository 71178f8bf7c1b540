//! `BatchWriteItem` as one commit. dynoxide makes a commit, and so a sync of the disk, for every entry of a
//! batch; its transactions are one commit for all. A batch promises less than a transaction, so one may stand
//! for the other.

use dynoxide::actions::batch_write_item::{BatchWriteItemRequest, BatchWriteItemResponse, WriteRequest};
use dynoxide::actions::transact_write_items::{TransactDelete, TransactPut, TransactWriteItem, TransactWriteItemsRequest};
use dynoxide::{Database, DynoxideError};

use super::connector::read;

/// Transactions take 4 MB, batches 16.
const LARGEST: usize = 3_000_000;

/// Does a batch in one commit; one that is too large, or that does not go through, entry by entry.
pub(super) fn write(database: &Database, body: &[u8]) -> Result<BatchWriteItemResponse, DynoxideError> {
    if body.len() <= LARGEST {
        let request = TransactWriteItemsRequest { transact_items: actions(read(body)?), ..TransactWriteItemsRequest::default() };
        if database.transact_write_items(request).is_ok() {
            return Ok(BatchWriteItemResponse::default());
        }
    }
    database.batch_write_item(read(body)?)
}

fn actions(request: BatchWriteItemRequest) -> Vec<TransactWriteItem> {
    let entries = request.request_items.into_iter().flat_map(|(table, writes)| writes.into_iter().map(move |write| (table.clone(), write)));
    entries.map(|(table, write)| action(table, write)).collect()
}

fn action(table_name: String, write: WriteRequest) -> TransactWriteItem {
    let put = write.put_request.map(|put| TransactPut { table_name: table_name.clone(), item: put.item, ..TransactPut::default() });
    let delete = write.delete_request.map(|delete| TransactDelete { table_name, key: delete.key, ..TransactDelete::default() });
    TransactWriteItem { put, delete, ..TransactWriteItem::default() }
}
