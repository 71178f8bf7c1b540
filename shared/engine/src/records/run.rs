//! The record of a run: what it did, to whom, with the values before and after.

use gal::operation::Told;
use gal::{LinkKey, Side, Sides};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The id of a run: it sorts by time.
pub(crate) fn run_id(began: Timestamp, pair: &str) -> String {
    format!("{}-{pair}", began.strftime("%Y%m%dT%H%M%S%.6fZ"))
}

/// What kind of run it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// Reading only.
    Snapshot,
    /// Applying what is due.
    Reconcile,
    /// A merge, confirmed by a person.
    Merge,
    /// `unpublish`.
    Unpublish,
    /// `rebuild`.
    Rebuild,
    /// `make-way`.
    MakeWay,
    /// An earlier run is taken back.
    Undo,
}

impl RunKind {
    /// Whether a person's command is carried out, which nobody goes on with but he.
    pub fn is_command(self) -> bool {
        match self {
            Self::Unpublish | Self::Rebuild | Self::MakeWay | Self::Undo => true,
            Self::Snapshot | Self::Reconcile | Self::Merge => false,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "reason")]
pub enum Outcome {
    /// Everything due was done.
    Completed,
    /// Some of it is left, for the reason given; the next run goes on.
    Partial(String),
    /// The guard stopped the guarded kinds; a person must look.
    Held(String),
    /// It could not be done; a person must look.
    Failed(String),
}

/// Counters of one target side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideCounters {
    /// Contacts made.
    pub created: u64,
    /// Contacts adopted.
    pub adopted: u64,
    /// Contacts recovered or re-linked.
    pub recovered: u64,
    /// Contacts changed.
    pub updated: u64,
    /// Contacts hidden, to be purged later.
    pub staged: u64,
    /// Staged contacts shown again.
    pub restored: u64,
    /// Contacts removed.
    pub purged: u64,
    /// Found contacts given back, made ones handed over.
    pub released: u64,
    /// Conflicts held for a person.
    pub conflicts: u64,
    /// Recipients set aside.
    pub quarantined: u64,
    /// Operations waiting for approval.
    pub held: u64,
    /// Operations that were begun and could not be done now: throttled, or with an unknown outcome.
    #[serde(default)]
    pub deferred: u64,
}

/// Whether a run began what it should do, and could do nothing of it: throttled, or with unknown outcomes.
pub fn is_stuck(counters: &Sides<SideCounters>) -> bool {
    let sides = [counters.a, counters.b];
    sides.iter().any(|side| side.deferred > 0) && !sides.iter().any(SideCounters::did_something)
}

impl SideCounters {
    /// Whether anything was done.
    pub fn did_something(&self) -> bool {
        let Self {
            created,
            adopted,
            recovered,
            updated,
            staged,
            restored,
            purged,
            released,
            conflicts: _,
            quarantined: _,
            held: _,
            deferred: _,
        } = *self;
        created + adopted + recovered + updated + staged + restored + purged + released > 0
    }
}

/// The summary of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Its id; sorts by time.
    pub id: String,
    /// The pair.
    pub pair: String,
    /// What kind of run.
    pub kind: RunKind,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Counters per target side.
    pub counters: Sides<SideCounters>,
    /// How many rows of the agenda are left.
    pub left: u64,
    /// Whether a person should look at the pair, whatever this run did.
    #[serde(default)]
    pub attention: bool,
    /// What a person should know.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The field, or `Hidden`, `Stamp`, `X500`, `Name`.
    pub property: String,
    /// What stood there.
    pub before: Option<String>,
    /// What was written.
    pub after: Option<String>,
}

impl From<Told> for Change {
    fn from(told: Told) -> Self {
        Self { property: told.property.to_owned(), before: told.before, after: told.after }
    }
}

/// How one operation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "result", content = "reason")]
pub enum OperationResult {
    /// It was done.
    Done,
    /// It will be tried again by a later run.
    Deferred(String),
    /// The recipient was set aside.
    Quarantined(String),
}

/// One operation of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// Its number within the run, from 1.
    pub number: u64,
    /// What was done, such as `create`, `update`, `stage`.
    pub operation: String,
    /// The side that was written.
    pub side: Side,
    /// The link.
    pub link: LinkKey,
    /// The recipient's address.
    #[serde(default)]
    pub address: String,
    /// Why, in words.
    pub reason: String,
    /// Before and after.
    pub changes: Vec<Change>,
    /// How it ended.
    pub result: OperationResult,
}
