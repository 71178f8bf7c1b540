//! The guard (law 4): judged per target side, before the first operation.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::operation::{Action, Guarded, Operation};
use crate::plan::{checksum, under};
use crate::policy::GuardLimits;

/// Contacts below which shares say nothing.
pub const SMALLEST_SHARE_BASE: u64 = 10;

/// How long an approval is good for.
pub const APPROVAL_LASTS: SignedDuration = SignedDuration::from_hours(24);

/// What ran and what was there, for one target side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Creations that ran in the last 24 hours, less approved ones.
    pub creations: u64,
    /// Stagings and releases that ran in the last 24 hours, less approved ones.
    pub deletions: u64,
    /// Contacts linked 24 hours ago.
    pub live_before: u64,
    /// Contacts linked now.
    pub live: u64,
    /// In-scope recipients of the publishing side 24 hours ago.
    pub in_scope_before: u64,
    /// The same now.
    pub in_scope: u64,
}

/// What the guard is told, for one target side.
#[derive(Clone, Debug)]
pub struct Question<'q> {
    /// The limits of the profile.
    pub limits: GuardLimits,
    /// What ran and what was there. While a hold lasts, the shell gives the larger counts of then and now:
    /// a hold ends when the plan no longer trips it, never by time alone.
    pub history: History,
    /// The operations that a person approved in the last 24 hours, or by confirming a merge, as `operation anchor`.
    pub approved: &'q BTreeSet<String>,
    /// Why the reading of the source is incomplete, if it is.
    pub incomplete: Option<&'q str>,
    /// The fingerprint of the profile's settings for what is published here: whoever approves, approves under these.
    pub settings: u64,
}

/// A limit that was tripped.
#[derive(Clone, Debug, PartialEq)]
pub enum Tripped {
    /// More deletions than `max_deletions`.
    Deletions {
        /// Due and ran.
        count: u64,
        /// The limit.
        limit: u64,
    },
    /// More deletions than `max_deletion_share` of the contacts linked 24 hours ago.
    DeletionShare {
        /// Due and ran.
        count: u64,
        /// Contacts linked 24 hours ago.
        of: u64,
        /// The limit.
        limit: f64,
    },
    /// More creations than `max_creations`.
    Creations {
        /// Due and ran.
        count: u64,
        /// The limit.
        limit: u64,
    },
    /// The in-scope source shrank by more than `max_source_shrink`.
    SourceShrank {
        /// 24 hours ago.
        before: u64,
        /// Now.
        now: u64,
        /// The limit.
        limit: f64,
    },
    /// More updates than `max_update_share` of the live contacts: everything changed.
    Updates {
        /// Due.
        count: u64,
        /// Live contacts.
        of: u64,
        /// The limit.
        limit: f64,
    },
    /// The source was not completely read; deletions cannot be told from gaps. Cannot be approved.
    Incomplete {
        /// Why.
        why: String,
    },
}

impl std::fmt::Display for Tripped {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Deletions { count, limit } => write!(out, "{count} deletions in 24 hours; max_deletions is {limit}"),
            Self::DeletionShare { count, of, limit } => {
                write!(out, "{count} deletions of {of} contacts in 24 hours; max_deletion_share is {limit}")
            }
            Self::Creations { count, limit } => write!(out, "{count} creations in 24 hours; max_creations is {limit}"),
            Self::SourceShrank { before, now, limit } => {
                write!(out, "the source in scope shrank from {before} to {now} in 24 hours; max_source_shrink is {limit}")
            }
            Self::Updates { count, of, limit } => {
                write!(out, "{count} of {of} contacts would change at once; max_update_share is {limit}")
            }
            Self::Incomplete { why } => write!(out, "the source was not completely read: {why}"),
        }
    }
}

/// What the guard says for one target side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// The limits that were tripped; empty: everything may run.
    pub tripped: Vec<Tripped>,
    /// The operations that must wait, as `operation anchor`.
    pub held: BTreeSet<String>,
    /// What to give to `approve`; `None` where it cannot be approved.
    pub checksum: Option<String>,
}

impl Judgement {
    /// Whether an operation may run.
    pub fn allows(&self, operation: &Operation) -> bool {
        !self.held.contains(&operation.id())
    }
}

/// Judges the operations that are due for one target side.
pub fn judge<'o>(question: &Question<'_>, due: impl IntoIterator<Item = &'o Operation>) -> Judgement {
    let due: Vec<&Operation> = due.into_iter().collect();
    let unapproved: Vec<(&Operation, Guarded)> = due
        .iter()
        .copied()
        .filter(|operation| !question.approved.contains(&operation.id()))
        .filter_map(|operation| Some((operation, operation.action.guarded()?)))
        .collect();
    let count = |kind: Guarded| unapproved.iter().filter(|(_, guarded)| *guarded == kind).count() as u64;
    let (creations, deletions, updates) = (count(Guarded::Creation), count(Guarded::Deletion), count(Guarded::Update));
    let mut tripped = tripped(question, creations, deletions, updates);
    let over_a_limit = !tripped.is_empty();
    // Whoever is to be removed for good may be back, in the part that was not read. Only that waits then.
    let purges = due.iter().filter(|operation| operation.action == Action::Purge && question.incomplete.is_some());
    let blind: BTreeSet<String> = purges.map(|operation| operation.id()).collect();
    if let Some(why) = question.incomplete.filter(|_| !blind.is_empty() && deletions == 0) {
        tripped.push(Tripped::Incomplete { why: why.to_owned() });
    }
    if tripped.is_empty() {
        return Judgement::default();
    }
    let everything_changed = tripped.iter().any(|limit| matches!(limit, Tripped::Updates { .. }));
    let held: BTreeSet<String> = unapproved
        .iter()
        .filter(|(_, kind)| match kind {
            // Over a limit, nothing of the guarded kinds runs.
            Guarded::Creation | Guarded::Deletion => over_a_limit,
            // Updates go on, unless it is they that look wrong.
            Guarded::Update => everything_changed,
        })
        .map(|(operation, _)| operation.id())
        .chain(blind)
        .collect();
    let approvable = !tripped.iter().any(|limit| matches!(limit, Tripped::Incomplete { .. }));
    Judgement { checksum: approvable.then(|| checksum(held.iter().cloned().chain([under(question.settings)]))), tripped, held }
}

fn tripped(question: &Question<'_>, creations: u64, deletions: u64, updates: u64) -> Vec<Tripped> {
    let Question { limits, history, incomplete, approved, settings: _ } = question;
    let mut tripped = Vec::new();
    if let Some(why) = incomplete
        && deletions > 0
    {
        tripped.push(Tripped::Incomplete { why: (*why).to_owned() });
    }
    let deleted = deletions + history.deletions;
    if deletions > 0 && deleted > limits.max_deletions {
        tripped.push(Tripped::Deletions { count: deleted, limit: limits.max_deletions });
    }
    if deletions > 0 && history.live_before >= SMALLEST_SHARE_BASE && over(deleted, history.live_before, limits.max_deletion_share) {
        tripped.push(Tripped::DeletionShare { count: deleted, of: history.live_before, limit: limits.max_deletion_share });
    }
    let created = creations + history.creations;
    if creations > 0 && created > limits.max_creations {
        tripped.push(Tripped::Creations { count: created, limit: limits.max_creations });
    }
    // Who left with a person's consent is no shrink: the rest is judged alone.
    let consented = approved.iter().filter(|id| Operation::id_deletes(id)).count() as u64;
    let lost = history.in_scope_before.saturating_sub(history.in_scope).saturating_sub(consented);
    if creations + deletions > 0
        && history.in_scope_before >= SMALLEST_SHARE_BASE
        && over(lost, history.in_scope_before, limits.max_source_shrink)
    {
        tripped.push(Tripped::SourceShrank { before: history.in_scope_before, now: history.in_scope, limit: limits.max_source_shrink });
    }
    if history.live >= SMALLEST_SHARE_BASE && over(updates, history.live, limits.max_update_share) {
        tripped.push(Tripped::Updates { count: updates, of: history.live, limit: limits.max_update_share });
    }
    tripped
}

/// Whether `part` is more than this share of `whole`. Counts of people are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^52")]
fn over(part: u64, whole: u64, share: f64) -> bool {
    part as f64 > share * whole as f64
}

/// Whether an approval given at `at` still holds.
pub fn approval_holds(at: Timestamp, now: Timestamp) -> bool {
    now <= at.checked_add(APPROVAL_LASTS).unwrap_or(Timestamp::MAX)
}
