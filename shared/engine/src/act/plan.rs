//! A plan as a document: grouped, counted, with every field before and after.

use std::collections::{BTreeMap, BTreeSet};

use gal::guard::Judgement;
use gal::operation::{Operation, Quiet};
use gal::plan::Plan;
use gal::reason::Note;
use gal::{Side, Sides};
use serde::{Deserialize, Serialize};

use crate::merge::Preview;
use crate::records::Change;
use crate::setup::PairSetup;

/// A plan, in a stable shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDocument {
    /// The pair.
    pub pair: String,
    /// What it is a plan of: `merge two-way`, `schedule`, `unpublish`, `rebuild`.
    pub of: String,
    /// What confirms it.
    pub checksum: String,
    /// How many links are stored.
    pub links: u64,
    /// Both sides: what would be written there.
    pub sides: Sides<SideDocument>,
    /// Every operation, in the order in which they run.
    pub operations: Vec<OperationDocument>,
    /// What is only remembered, counted by kind.
    pub remembered: BTreeMap<String, u64>,
    /// Who is skipped.
    pub skipped: Vec<SkippedDocument>,
    /// What a person should know.
    pub notes: Vec<NoteDocument>,
    /// Dynamic distribution groups that would take published contacts in, as `tenant: group`. Asked before the first merge.
    #[serde(default)]
    pub admitting: Vec<String>,
    /// Of a pilot, or of links only: whom the schedule serves after it.
    #[serde(default)]
    pub afterwards: Option<String>,
}

/// One side of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SideDocument {
    /// The tenant.
    pub tenant: String,
    /// How many recipients of it are known.
    pub known: u64,
    /// How many of them are in scope for the other side.
    pub in_scope: u64,
    /// What would be written into it, by operation.
    pub operations: BTreeMap<String, u64>,
    /// The guard's word on it.
    pub guard: GuardDocument,
    /// Whether `unpublish` closed it: nothing is written into it until the next merge.
    #[serde(default)]
    pub closed: bool,
    /// Whether this merge opens it again.
    #[serde(default)]
    pub opens: bool,
}

/// The guard's word.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GuardDocument {
    /// Whether something must wait for a person.
    pub holds: bool,
    /// Why, one sentence a limit.
    pub reasons: Vec<String>,
    /// How many operations must wait.
    pub waiting: u64,
    /// The checksum to approve, where a run holds them already.
    #[serde(default)]
    pub approve: Option<String>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationDocument {
    /// What is done: `create`, `update`, `stage` …
    pub operation: String,
    /// The side that is written.
    pub side: Side,
    /// Its tenant.
    pub tenant: String,
    /// The link: origin and anchor.
    pub link: String,
    /// What people call the recipient.
    pub title: String,
    /// Its address.
    pub address: String,
    /// Why.
    pub reason: String,
    /// The Name of the contact that is written, as it stands there; none where one is made.
    #[serde(default)]
    pub contact: Option<String>,
    /// Whether the guard holds it.
    pub held: bool,
    /// Every field before and after.
    pub changes: Vec<Change>,
    /// Fields in which both sides differ and where what stands there stays: `before` stays, `after` is what the source says.
    #[serde(default)]
    pub kept: Vec<Change>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Somebody who is skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedDocument {
    /// The recipient's side.
    pub side: Side,
    /// Its tenant.
    pub tenant: String,
    /// Its id.
    pub anchor: String,
    /// What people call it.
    pub title: String,
    /// Its address, if it has one.
    pub address: Option<String>,
    /// The reason in one word.
    pub code: String,
    /// The reason.
    pub reason: String,
}

/// Something a person should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteDocument {
    /// The recipient's side.
    pub side: Side,
    /// Its tenant.
    pub tenant: String,
    /// What people call it.
    pub title: String,
    /// What.
    pub note: String,
}

impl PlanDocument {
    /// From a preview.
    pub fn of_preview(setup: &PairSetup, of: String, preview: &Preview) -> Self {
        let mut document = Self::of_plan(setup, of, preview.checksum.clone(), &preview.plan, &preview.judgements);
        document.links = preview.links;
        for side in Side::BOTH {
            document.sides.get_mut(side).known = *preview.known.get(side);
        }
        document
    }

    /// From a plan.
    pub fn of_plan(setup: &PairSetup, of: String, checksum: String, plan: &Plan, judgements: &Sides<Judgement>) -> Self {
        let tenant = |side: Side| setup.tenants.get(side).name.clone();
        let held: BTreeSet<&String> = judgements.a.held.iter().chain(&judgements.b.held).collect();
        let sides = Sides::from_fn(|side| SideDocument {
            tenant: tenant(side),
            known: 0,
            in_scope: *plan.in_scope.get(side),
            operations: counted(plan.of_side(side).map(|operation| operation.action.to_string())),
            guard: guard(judgements.get(side)),
            closed: false,
            opens: false,
        });
        Self {
            pair: setup.name.clone(),
            of,
            checksum,
            links: 0,
            admitting: Vec::new(),
            afterwards: None,
            sides,
            operations: plan
                .operations
                .iter()
                .map(|operation| one(operation, tenant(operation.side), held.contains(&operation.id())))
                .collect(),
            remembered: counted(plan.quiet.iter().map(|change| quiet(&change.quiet).to_owned())),
            skipped: plan
                .skipped
                .iter()
                .map(|skipped| SkippedDocument {
                    side: skipped.side,
                    tenant: tenant(skipped.side),
                    anchor: skipped.anchor.to_string(),
                    title: skipped.title.clone(),
                    address: skipped.address.clone(),
                    code: skipped.reason.code().to_owned(),
                    reason: skipped.reason.to_string(),
                })
                .collect(),
            notes: plan
                .notes
                .iter()
                .map(|noted| NoteDocument {
                    side: noted.side,
                    tenant: tenant(noted.side),
                    title: noted.title.clone(),
                    note: noted.note.to_string(),
                })
                .collect(),
        }
    }

    /// Whether nothing would be written.
    pub fn is_quiet(&self) -> bool {
        self.operations.is_empty()
    }

    /// Whether the guard stops something.
    pub fn holds(&self) -> bool {
        self.sides.a.guard.holds || self.sides.b.guard.holds
    }
}

fn one(operation: &Operation, tenant: String, held: bool) -> OperationDocument {
    let changes = operation.told().into_iter().map(Change::from).collect();
    OperationDocument {
        operation: operation.action.to_string(),
        side: operation.side,
        tenant,
        link: operation.key.to_string(),
        title: operation.title.clone(),
        address: operation.address.clone(),
        reason: operation.reason.to_string(),
        contact: operation.contact.as_ref().map(|contact| contact.name.clone()),
        held,
        changes,
        kept: operation.notes.iter().filter_map(kept).collect(),
        notes: operation.notes.iter().filter(|note| kept(note).is_none()).map(ToString::to_string).collect(),
    }
}

/// A field in which both sides differ, and what stands there stays.
fn kept(note: &Note) -> Option<Change> {
    let Note::Differing { field, stays, says } = note else { return None };
    Some(Change { property: field.property().to_owned(), before: stays.clone(), after: says.clone() })
}

fn guard(judgement: &Judgement) -> GuardDocument {
    GuardDocument {
        holds: !judgement.tripped.is_empty(),
        reasons: judgement.tripped.iter().map(ToString::to_string).collect(),
        waiting: judgement.held.len() as u64,
        approve: None,
    }
}

fn quiet(quiet: &Quiet) -> &'static str {
    match quiet {
        Quiet::Record => "record",
        Quiet::Recover => "recover",
        Quiet::LinkPeers => "link-peers",
        Quiet::Suppress { .. } => "suppress",
        Quiet::Keep => "keep",
        Quiet::Forget => "forget",
    }
}

fn counted<K: Ord>(kinds: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind).or_insert(0) += 1;
    }
    counts
}
