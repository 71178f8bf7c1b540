//! Export and import.
use engine::ports::StoreError;

use crate::table::Table;

pub(crate) const IMPORTING: &str = "importing";

pub(crate) fn unfinished(table: &Table) -> StoreError {
    StoreError::Corrupt { item: table.place().to_owned(), detail: "an import into it was not finished; import again".to_owned() }
}

/// placeholder
#[derive(Debug)]
pub enum Existing {}
/// placeholder
#[derive(Debug)]
pub struct Transferred;
