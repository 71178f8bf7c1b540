//! What the two levels share: one interface to a pair of directories, and what a sync answers.

use std::collections::{BTreeMap, BTreeSet};

use gal::{Field, Side, Sides};

use crate::lexicon::{Address, Attributes};
use crate::model::Work;

/// The two levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LevelName {
    /// The pure core over directories in memory.
    Core,
    /// The whole engine over the simulated services, with real wire bytes.
    Engine,
}

/// What an administrator does to one mail contact of a side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Touch {
    /// The side.
    pub(crate) side: Side,
    /// The contact's external address.
    pub(crate) address: Address,
    /// What is done.
    pub(crate) act: Act,
}

/// The kinds of edits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// A contact is made.
    Make {
        /// Its Name.
        name: String,
        /// Its attributes.
        attributes: Attributes,
        /// Hidden from address lists.
        hidden: bool,
    },
    /// Attributes are changed; `None` clears.
    Change(BTreeMap<Field, Option<String>>),
    /// The hidden flag.
    Hide(bool),
    /// The external address is changed.
    Move(Address),
    /// The contact is deleted.
    Delete,
}

/// One fault of a sync, in a directory's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FaultAt {
    /// The side it happens on.
    pub(crate) side: Side,
    /// What fails.
    pub(crate) what: FaultKind,
    /// Whom it hits; everybody if `None`.
    pub(crate) address: Option<Address>,
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The side cannot be read.
    Unreadable,
    /// An answer of the side is cut off.
    CutOff,
    /// Creations are refused.
    Create,
    /// Updates are refused.
    Update,
    /// Removals are refused.
    Delete,
}

/// How a sync is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// `merge two-way` first, confirmed by hand.
    pub(crate) merge: bool,
    /// What the guard holds is approved.
    pub(crate) force: bool,
    /// Only the plan.
    pub(crate) dry_run: bool,
    /// What goes wrong.
    pub(crate) faults: Vec<FaultAt>,
    /// The process dies after so many written objects.
    pub(crate) crash_after: Option<u64>,
    /// What somebody does between reading and writing; then one cycle only.
    pub(crate) meanwhile: Vec<Touch>,
}

/// Why a sync did not do everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// The guard holds: deletions into this side.
    Deletions(Side),
    /// The guard holds: the source of this target side shrank.
    Shrank(Side),
    /// The guard holds: updates of this side.
    Updates(Side),
    /// The guard holds for another reason.
    Held(Side, String),
    /// Another run has the lease.
    Locked,
    /// A side could not be read.
    Unreadable(String),
    /// The profile was refused.
    Refused(String),
    /// The process died.
    Crashed,
    /// It could not be done.
    Failed(String),
}

/// What a sync did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Why not everything was done.
    pub(crate) stops: BTreeSet<Stop>,
    /// Recipients that were set aside, or wait.
    pub(crate) set_aside: Vec<String>,
    /// Conflicts that are held and shown.
    pub(crate) unresolved: BTreeSet<Address>,
    /// Conflicts that a policy decided: the winner, and the fields written.
    pub(crate) resolved: BTreeMap<Address, (Side, BTreeSet<Field>)>,
    /// Objects written, per side.
    pub(crate) writes: Sides<u64>,
    /// The plan of a dry run.
    pub(crate) plan: BTreeSet<(Side, Work, Address)>,
}

/// One contact as a side shows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown {
    /// Its attributes, those of the scenario only.
    pub(crate) attributes: Attributes,
    /// Hidden from address lists.
    pub(crate) hidden: bool,
}

/// What both halves of a link were last known to say.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The base of the origin's half.
    pub(crate) source: gal::Base,
    /// The base of the other half.
    pub(crate) target: gal::Base,
}

/// A level could not do what the driver asked of it: neither a pass nor a fail of the product, but of the driver.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) String);

/// A pair of directories that is kept in step.
pub(crate) trait Level {
    /// The profile of the pair (what stands after the tenants).
    fn configure(&mut self, profile: &str) -> Result<(), Broken>;

    /// Lets time pass.
    fn wait(&mut self, minutes: u64) -> Result<(), Broken>;

    /// What administrators do, at this moment.
    fn edit(&mut self, touches: &[Touch]) -> Result<(), Broken>;

    /// From now on, what is made on a side does not yet show when it is listed.
    fn lag(&mut self, side: Side) -> Result<(), Broken>;

    /// Another process has the pair.
    fn lock(&mut self, expired: bool) -> Result<(), Broken>;

    /// One sync: cycles until nothing is done any more.
    fn sync(&mut self, request: &Request) -> Result<Report, Broken>;

    /// What stands on a side, by address. With several contacts under one address, the second one's address ends in `#2`.
    fn observe(&mut self, side: Side) -> Result<BTreeMap<Address, Shown>, Broken>;

    /// The live links, by address.
    fn links(&mut self) -> Result<BTreeMap<Address, Known>, Broken>;
}
