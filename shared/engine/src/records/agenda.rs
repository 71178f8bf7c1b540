//! The agenda: what is due for a pair.

use gal::{Anchor, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Due {
    /// The recipient was read and had changed.
    Changed,
    /// A permanent or unknown error is tried again.
    Retry,
    /// A staged contact's grace period ends.
    Purge,
    /// Something it depends on changed: profile, groups, domains, manager, a released address.
    Touched,
    /// A merge in progress.
    Merge,
}

/// One row of the agenda. Several rows may name one recipient; it is planned once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AgendaRow {
    /// When it is due.
    pub due: Timestamp,
    /// The recipient's side.
    pub side: Side,
    /// The recipient. For a static contact: the anchor of the static contact, with the target's side.
    pub anchor: Anchor,
    /// Why.
    pub why: Due,
    /// The replica's version when the row was written. The row is removed only if that is the
    /// version that was planned; a newer row under the same key has a newer version.
    pub version: u64,
}
