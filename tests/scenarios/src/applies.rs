//! Whether a scenario applies to a directory pair, decided by rules over its policy, its state and
//! what it expects; never by its id. A policy rules a scenario out only where the outcome depends
//! on it. DESIGN.md overrules every scenario; each reason says where.

mod conflict;
mod guard;
mod one_way;

use std::collections::BTreeSet;

use gal::Side;

use crate::format::{Fault, Rules, Scenario, Step, truthy};
use crate::level::LevelName;
use crate::lexicon::Lexicon;
use crate::model::Standing;

pub(crate) use conflict::{Decider, conflict_word, decider};
pub(crate) use guard::limits;
pub(crate) use one_way::writable;

/// One step as the rules look at it.
pub(crate) struct View<'v> {
    /// The rules of this sync.
    pub(crate) rules: &'v Rules,
    /// The state before the sync, the step's edits included.
    pub(crate) standing: &'v Standing,
    /// The step.
    pub(crate) step: &'v Step,
    /// The words.
    pub(crate) lexicon: &'v Lexicon,
}

impl View<'_> {
    /// Whether an address is out of scope by the scenario's own policy.
    pub(crate) fn excluded(&self, address: &str) -> bool {
        self.rules.exclude_keys.iter().flatten().any(|key| self.lexicon.address(key) == address)
    }

    /// Fields for people to read.
    pub(crate) fn words<'f>(&self, fields: impl IntoIterator<Item = &'f gal::Field>) -> String {
        let words: Vec<String> = fields.into_iter().map(|field| self.lexicon.word(*field)).collect();
        words.join(", ")
    }
}

/// Why a scenario does not apply at a level.
pub(crate) fn against(scenario: &Scenario, lexicon: &Lexicon, level: LevelName) -> Option<String> {
    if let Some(reason) = level_lacks(scenario, level) {
        return Some(reason);
    }
    let mut standing = Standing::initial(scenario, lexicon);
    let mut made_again = BTreeSet::new();
    if let Some(reason) = base_lacks(&standing) {
        return Some(reason);
    }
    for (number, step) in scenario.steps.iter().enumerate() {
        let rules = scenario.policy.with(&step.operation.sync);
        standing.edit(&step.operation.edits, lexicon);
        let view = View { rules: &rules, standing: &standing, step, lexicon };
        let reason = expectations(&view)
            .or_else(|| faults(&view, level))
            .or_else(|| one_way::against(&view, &mut made_again))
            .or_else(|| conflict::against(&view))
            .or_else(|| guard::against(&view))
            .or_else(|| resync(&view))
            .or_else(|| clocks(&view))
            .or_else(|| disabled(&view))
            .or_else(|| copies(&view));
        if let Some(reason) = reason {
            return Some(if scenario.steps.len() > 1 { format!("step {}: {reason}", number + 1) } else { reason });
        }
        standing.edit(step.operation.sync.edits_after_snapshot.as_deref().unwrap_or_default(), lexicon);
        standing.after(step, Rules::on(rules.dry_run), writable(&rules), lexicon);
    }
    None
}

/// What a level cannot have.
fn level_lacks(scenario: &Scenario, level: LevelName) -> Option<String> {
    match level {
        LevelName::Core if scenario.initial.meta.get("lock").is_some_and(truthy) => {
            Some("the core is pure and knows no lock; leases are the engine's (law 9), see level engine".to_owned())
        }
        LevelName::Core | LevelName::Engine => None,
    }
}

/// A base that galbridge cannot come to have.
fn base_lacks(standing: &Standing) -> Option<String> {
    let base = standing.base.as_ref()?;
    let odd = base.values().find(|person| person.record.flag("_drift") || person.record.flag("_sides"))?;
    Some(format!(
        "the base of `{}` disagrees with itself; galbridge's base is, for both sides at once, what was last written or read there (STYLE.md), so no edit of an administrator leads to it",
        odd.key
    ))
}

/// Outcomes that a directory pair does not have.
fn expectations(view: &View<'_>) -> Option<String> {
    let expected = &view.step.expected;
    let stopped = expected.is("aborted") || expected.is("failed");
    match expected.why() {
        "canary_missing" => {
            return Some("a canary would be a person in everybody's address list whom nobody knows; deletions are stopped by evidence and the guard (laws 3 and 4)".to_owned());
        }
        "config_changed" => {
            return Some("DESIGN law 4: a change of the profile holds only through the guard's limits, not by itself".to_owned());
        }
        "identity_conflict" | "duplicate_identity" => {
            return Some("two objects of one directory cannot hold one address; Exchange refuses the second".to_owned());
        }
        _ => {}
    }
    if expected.lockout == Some(true) || expected.why() == "no_trusted_base" {
        return Some("DESIGN law 4: galbridge locks nobody out; a hold ends when the plan no longer trips it".to_owned());
    }
    if stopped && view.rules.verify_base.as_ref().is_some_and(truthy) {
        return Some(
            "a base is stored link by link under a version and checked when it is read; there is no file of it to verify".to_owned(),
        );
    }
    if view.rules.read_only.as_ref().is_some_and(|sides| sides.contains(&Side::A) && sides.contains(&Side::B)) {
        return Some("a pair has a direction: two-way, a-to-b or b-to-a; a profile cannot say that both sides are read-only".to_owned());
    }
    None
}

/// Faults that mean something else here.
fn faults(view: &View<'_>, level: LevelName) -> Option<String> {
    for fault in view.rules.faults() {
        let Some((_, verb)) = fault.place() else { return Some(unknown_fault(fault)) };
        match (verb, fault.kind.as_str()) {
            ("list", "truncate") if view.rules.require_complete_listing == Some(false) => {
                return Some("DESIGN law 3: absence from a listing that did not end well is never a deletion, and that cannot be switched off; so the guard is not asked".to_owned());
            }
            ("list", "error" | "truncate") if level == LevelName::Core => {
                return Some("a reading that fails never reaches the pure core; see level engine".to_owned());
            }
            ("list", "error" | "truncate") => {}
            ("create" | "update" | "delete", "error") if view.rules.isolate_errors == Some(false) => {
                return Some("DESIGN law 8: one bad object never stops a run".to_owned());
            }
            ("create" | "update" | "delete", "error") => {}
            ("create", "exists") if fault.twin.is_some() => {}
            _ => return Some(unknown_fault(fault)),
        }
    }
    None
}

fn unknown_fault(fault: &Fault) -> String {
    format!("the fault `{}` `{}` has no counterpart in a directory", fault.on, fault.kind)
}

/// A re-sync is a merge of a pair that has links already.
fn resync(view: &View<'_>) -> Option<String> {
    if !Rules::on(view.rules.resync) || Rules::on(view.rules.dry_run) {
        return None;
    }
    for (address, change) in view.standing.changes() {
        if view.excluded(address) || change.base.is_none() {
            continue;
        }
        let deleted = Side::BOTH.into_iter().find(|side| change.deleted_on(*side) && change.side(side.other()).is_some());
        let comes_back = |side: Side| {
            view.step.expected.side(side).is_none_or(|records| records.keys().any(|key| view.lexicon.address(key) == *address))
        };
        if let Some(side) = deleted.filter(|side| comes_back(*side)) {
            return Some(format!(
                "DESIGN overrules: a merge of linked peers goes on from their links; the deletion of `{address}` on {side} is not done by the merge (it never deletes), but it waits until the merge is done and is not taken back"
            ));
        }
        if let (Some(a), Some(b)) = (change.a, change.b)
            && a.attributes != b.attributes
        {
            let winner = match decider(view.rules, true) {
                Decider::Winner { side, .. } => Some(side),
                Decider::Newest | Decider::Report | Decider::Fork | Decider::Copies(_) | Decider::Unknown(_) => None,
            };
            if !winner.is_some_and(|side| change.edited_on(side) && !change.edited_on(side.other())) {
                return Some(format!(
                    "DESIGN overrules: a merge of linked peers goes on from their base, so the edit of `{address}` reaches the other side"
                ));
            }
        }
    }
    None
}

/// Where a change is judged by clocks, and the clocks say something else than the content.
fn clocks(view: &View<'_>) -> Option<String> {
    if view.rules.change_detection.as_deref() != Some("modified") {
        return None;
    }
    view.standing.changes().into_iter().find_map(|(address, change)| {
        let base = change.base?;
        Side::BOTH.into_iter().find_map(|side| {
            let person = change.side(side)?;
            let same_clock = person.record.modified() == base.record.modified();
            (same_clock && person.attributes != base.attributes)
                .then(|| format!("`{address}` changed on {side} without a new clock; galbridge compares contents (law 7), not clocks"))
        })
    })
}

/// Records that left the scope and are expected to stay published.
fn disabled(view: &View<'_>) -> Option<String> {
    if !view.rules.exclude_disabled.as_ref().is_some_and(truthy) {
        return None;
    }
    view.standing.changes().into_iter().find_map(|(address, change)| {
        Side::BOTH.into_iter().find_map(|side| {
            let leaves = change.base.is_some() && change.side(side).is_some_and(|person| person.record.flag("_disabled"));
            let stays = view.step.expected.side(side.other())?.keys().any(|key| view.lexicon.address(key) == *address);
            (leaves && stays).then(|| {
                format!("DESIGN: leaving the scope stages the published contact, and `{address}` is expected to stay on {}", side.other())
            })
        })
    })
}

/// Two copies of one person.
fn copies(view: &View<'_>) -> Option<String> {
    let expected = [view.step.expected.a.as_ref(), view.step.expected.b.as_ref()];
    let copy = expected.into_iter().flatten().flat_map(|records| records.keys()).find(|key| {
        key.rsplit_once('~').is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })?;
    Some(format!("expects the copy `{copy}`; a directory must not have one person twice"))
}
