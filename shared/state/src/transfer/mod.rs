//! Export and import: the whole table as JSON lines, so that nobody is tied to where it is.
//!
//! ```text
//! {"format":"galbridge-state","schema":1,"installation":"…","exported_at":"…"}
//! {"pk":{"S":"S#p#a#0"},"sk":{"S":"…"},"v":{"N":"1"},…}          an item, as DynamoDB writes it
//! …
//! {"items":1234,"sha256":"…"}                                     of the lines of items, line ends included
//! ```
//!
//! The states of pairs (`P#pair` / `STATE`: cursors, stage) are read first and written last: a cursor is
//! never ahead of what it covers (law 5), neither in the file nor in a table that an import was filling
//! when it died. Leases are left out.

mod export;
mod import;
mod line;

use engine::ports::StoreError;

pub(crate) use export::refuse_live_lease;
pub use import::Existing;

use crate::item::Item;
use crate::keys::{self, STATE};
use crate::table::Table;

/// Stands in the installation's item while an import is going on. A table that has it gives out no
/// installation id and no lease of a pair without state: no run starts on half an import.
pub(crate) const IMPORTING: &str = "importing";

/// The file's name for itself.
const FORMAT: &str = "galbridge-state";

/// What an export or import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// How many items.
    pub items: u64,
    /// The installation the state belongs to; `None` if it has none yet.
    pub installation: Option<String>,
}

/// The error of a table with half an import in it.
pub(crate) fn unfinished(table: &Table) -> StoreError {
    StoreError::HalfAnImport { place: table.place().to_owned() }
}

/// Whether an item is the state of a pair.
fn is_pair_state(item: &Item) -> bool {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
    text(keys::SK) == Some(STATE) && text(keys::PK).is_some_and(|pk| pk.starts_with("P#"))
}

/// Whether an item is the installation's.
fn is_installation(item: &Item) -> bool {
    let key = keys::installation().attributes();
    [keys::PK, keys::SK].into_iter().all(|name| item.get(name) == key.get(name))
}
