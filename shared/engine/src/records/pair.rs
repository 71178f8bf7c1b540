//! The state of a pair: leases, cursors, hold, merge in progress, counters.

use std::collections::BTreeMap;
use std::fmt;

use gal::guard::approval_holds;
use gal::policy::MergeMode;
use gal::{Anchor, Sides};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::{AcceptedDomain, GraphCursor};

/// The right to read, or to write, for a pair, for a while (law 9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who has it: an id of the process and run.
    pub owner: String,
    /// Until when.
    pub until: Timestamp,
}

/// Reading and writing have separate leases, so that a merge of days never starves reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeaseKind {
    /// Snapshot.
    Reading,
    /// Reconcile, merge, unpublish, rebuild.
    Writing,
}

/// Everything under `P#pair` / `STATE`. Its two halves are written separately, each under its own lease.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PairState {
    /// The reading half.
    #[serde(default)]
    pub reading: ReadingState,
    /// The writing half.
    #[serde(default)]
    pub writing: WritingState,
}

/// What snapshot remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReadingState {
    /// Per side.
    #[serde(default)]
    pub sides: Sides<SideReading>,
    /// When a snapshot last ended well.
    #[serde(default)]
    pub last_success: Option<Timestamp>,
    /// The ids of the tenants that were read: another one under the same name is another directory.
    #[serde(default)]
    pub tenants: Sides<Option<String>>,
    /// The fingerprint of scope and mapping that the agenda was last made for, per publishing side.
    #[serde(default)]
    pub settings: Sides<u64>,
}

/// How far one side has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideReading {
    /// Graph cursors by collection name.
    #[serde(default)]
    pub cursors: BTreeMap<String, GraphCursor>,
    /// Everything in Exchange up to this moment has been read (less the overlap).
    #[serde(default)]
    pub watermark: Option<Timestamp>,
    /// A full reading in progress.
    #[serde(default)]
    pub full: Option<FullReading>,
    /// When the last complete full reading began.
    #[serde(default)]
    pub last_full: Option<Timestamp>,
    /// The membership of some group changed, and the include groups were not read since.
    #[serde(default)]
    pub groups_changed: bool,
    /// They were read since: Graph tells of a change before it shows it, and of two changes may show the first, so they are read once more.
    #[serde(default)]
    pub groups_again: bool,
    /// How many recipients of this side are in scope, as of the last count.
    #[serde(default)]
    pub in_scope: u64,
    /// Why the reading of this side is incomplete, if it is. An incomplete reading cannot be approved.
    #[serde(default)]
    pub incomplete: Option<String>,
}

/// A full reading, in resumable pieces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullReading {
    /// When it began; the generation.
    pub began: Timestamp,
    /// Windows of `WhenCreatedUTC` still to read.
    pub windows: Vec<Window>,
    /// Graph collections still to enumerate, with their cursor.
    pub collections: BTreeMap<String, GraphCursor>,
    /// How many chunks of anchors seen in Graph are stored.
    pub graph_chunks: u32,
    /// How many chunks of anchors seen in Exchange are stored.
    pub exchange_chunks: u32,
}

/// A window of creation times: start included, end excluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Start; `None`: from the first.
    pub from: Option<Timestamp>,
    /// End; `None`: up to the last.
    pub to: Option<Timestamp>,
}

/// What reconcile remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WritingState {
    /// How far the pair has come.
    #[serde(default)]
    pub stage: Stage,
    /// A merge in progress: the schedule carries it on.
    #[serde(default)]
    pub merge: Option<Merge>,
    /// Why nothing of the guarded kinds runs, per target side.
    #[serde(default)]
    pub holds: Sides<Option<Hold>>,
    /// What the guard held of deletions when a merge began, which takes nobody away: it counts again when the merge is done.
    #[serde(default)]
    pub postponed: Sides<Option<Hold>>,
    /// Consents, per target side.
    #[serde(default)]
    pub approvals: Sides<Vec<Approval>>,
    /// Per target side, one entry an hour, the last 25.
    #[serde(default)]
    pub hours: Sides<Vec<HourCount>>,
    /// Live links per target side, kept up as they come and go.
    #[serde(default)]
    pub live: Sides<u64>,
    /// When they were last counted link by link: a process that died counted nothing of what it did.
    #[serde(default)]
    pub live_counted: Option<Timestamp>,
    /// How many links wait for a person, kept up as they come and go: set aside with a reason, or of two who contradict each other.
    #[serde(default)]
    pub set_aside: u64,
    /// How many contacts stood still when the links were last counted, because their domain belongs to the tenant they stand in.
    #[serde(default)]
    pub must_yield: u64,
    /// A person paused the pair.
    #[serde(default)]
    pub paused: Option<String>,
    /// Sides closed to writes by `unpublish`, until the next merge.
    #[serde(default)]
    pub closed: Sides<bool>,
    /// When a reconcile last ended well.
    #[serde(default)]
    pub last_success: Option<Timestamp>,
}

impl WritingState {
    /// Whether a person should look: something is held, set aside, contradicts itself, or stands still until he does something.
    pub fn waits_for_a_person(&self) -> bool {
        self.holds.a.is_some() || self.holds.b.is_some() || self.set_aside > 0 || self.must_yield > 0
    }
}

/// How far a pair has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// No merge was confirmed: the schedule only reads.
    #[default]
    Unmerged,
    /// A pilot or `link-only` was done: only linked recipients are served.
    LinkedOnly,
    /// A full merge was done.
    Merged,
}

impl Stage {
    /// What a pair is when such a merge begins. A cautious merge that opens again what `unpublish` closed serves nobody but whom it
    /// links, whatever was merged before.
    #[must_use]
    pub fn begins(self, merge: &MergeOptions, closed: Sides<bool>) -> Self {
        match self {
            Self::Merged if merge.is_partial() && (closed.a || closed.b) => Self::LinkedOnly,
            Self::Unmerged | Self::LinkedOnly | Self::Merged => self,
        }
    }

    /// What it is when such a merge is done.
    #[must_use]
    pub fn after(self, merge: &MergeOptions) -> Self {
        match (merge.is_partial(), self) {
            (false, Self::Unmerged | Self::LinkedOnly | Self::Merged) | (true, Self::Merged) => Self::Merged,
            (true, Self::Unmerged | Self::LinkedOnly) => Self::LinkedOnly,
        }
    }
}

/// How a merge was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeOptions {
    /// The mode.
    pub mode: MergeMode,
    /// A pilot: at most this many recipients.
    #[serde(default)]
    pub limit: Option<u64>,
    /// A pilot: members of this group only.
    #[serde(default)]
    pub group: Option<Anchor>,
    /// Overwrite what differs in joined contacts.
    #[serde(default)]
    pub enforce: bool,
    /// Take over contacts stamped by other installations.
    #[serde(default)]
    pub take_over: bool,
    /// A person knows which dynamic groups take published contacts in.
    #[serde(default)]
    pub accept_dynamic_groups: bool,
}

impl MergeOptions {
    /// A merge of everybody, with nothing else asked for.
    pub fn of(mode: MergeMode) -> Self {
        Self { mode, limit: None, group: None, enforce: false, take_over: false, accept_dynamic_groups: false }
    }

    /// Whether it is a pilot.
    pub fn is_pilot(&self) -> bool {
        self.limit.is_some() || self.group.is_some()
    }

    /// Whether somebody who is wanted may be left out of it: a pilot, or links only.
    pub fn is_partial(&self) -> bool {
        self.is_pilot() || self.mode == MergeMode::LinkOnly
    }
}

impl fmt::Display for MergeOptions {
    /// `merge, two-way, at most 50 recipients`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.mode {
            MergeMode::TwoWay => "merge, two-way",
            MergeMode::AToB => "merge, a is the truth",
            MergeMode::BToA => "merge, b is the truth",
            MergeMode::LinkOnly => "merge, links only",
        })?;
        if let Some(limit) = self.limit {
            write!(formatter, ", at most {limit} recipients")?;
        }
        if let Some(group) = self.group {
            write!(formatter, ", members of {group}")?;
        }
        if self.enforce {
            formatter.write_str(", overwriting what differs")?;
        }
        if self.take_over {
            formatter.write_str(", taking over other installations' contacts")?;
        }
        Ok(())
    }
}

/// A confirmed merge. It is its own approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// How it was asked for.
    pub options: MergeOptions,
    /// When a person confirmed it.
    pub confirmed: Timestamp,
    /// The checksum of the plan that was shown.
    pub checksum: String,
    /// The fingerprints of the profile's settings that it was confirmed under: under others the guard looks at it like at anything else.
    #[serde(default)]
    pub settings: Sides<u64>,
}

/// A pair stopped by the guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// What to give to `approve`; none where it cannot be approved (an incomplete reading).
    pub checksum: Option<String>,
    /// Why, in words, one line for each limit.
    pub reasons: Vec<String>,
    /// How many creations wait.
    pub creations: u64,
    /// How many deletions wait.
    pub deletions: u64,
    /// How many updates wait.
    pub updates: u64,
    /// The operations that wait, each `operation anchor`: what an approval lists.
    #[serde(default)]
    pub operations: Vec<String>,
    /// The settings of the profile that this was held under: a consent is to these.
    #[serde(default)]
    pub settings: Option<u64>,
    /// Creations of the last 24 hours when the hold began: a hold never ends by time alone.
    #[serde(default)]
    pub ran_creations: u64,
    /// Deletions of the last 24 hours when the hold began.
    #[serde(default)]
    pub ran_deletions: u64,
    /// Contacts linked 24 hours before the hold began.
    #[serde(default)]
    pub live_before: u64,
    /// In-scope recipients 24 hours before the hold began.
    #[serde(default)]
    pub in_scope_before: u64,
}

impl Hold {
    /// This hold with the counts of an earlier one, where they are larger.
    #[must_use]
    pub fn over(self, earlier: &Self) -> Self {
        let live_before = if earlier.live_before > 0 { earlier.live_before } else { self.live_before };
        Self {
            since: self.since.min(earlier.since),
            ran_creations: self.ran_creations.max(earlier.ran_creations),
            ran_deletions: self.ran_deletions.max(earlier.ran_deletions),
            in_scope_before: self.in_scope_before.max(earlier.in_scope_before),
            live_before,
            ..self
        }
    }
}

/// A person's consent to listed operations, good for 24 hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The checksum of the hold.
    pub checksum: String,
    /// When it was given.
    pub at: Timestamp,
    /// The approved operations, each `operation anchor`, taken out of the count.
    pub operations: Vec<String>,
    /// The settings of the profile that they were held under. Under other ones they would write something else.
    #[serde(default)]
    pub settings: Option<u64>,
}

impl Approval {
    /// Whether it still counts, under these settings.
    pub fn is_valid(&self, settings: u64, now: Timestamp) -> bool {
        self.settings == Some(settings) && approval_holds(self.at, now)
    }
}

/// Counts of one hour on one target side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourCount {
    /// The hour, as hours since 1970.
    pub hour: i64,
    /// Creations that ran, less approved ones.
    pub creations: u64,
    /// Stagings and releases that ran, less approved ones.
    pub deletions: u64,
    /// Live links at the end of the hour, as far as it went.
    pub live: u64,
    /// In-scope recipients of the publishing side at the beginning of the hour.
    pub in_scope: u64,
}

/// What all pairs of a tenant share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantState {
    /// The creation quota is used up until then.
    #[serde(default)]
    pub creations_paused_until: Option<Timestamp>,
    /// The accepted domains, for the stand-in rule of every pair.
    #[serde(default)]
    pub accepted_domains: Vec<AcceptedDomain>,
}
