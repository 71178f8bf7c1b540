//! The rolling 24 hours that the guard counts by.
//!
//! Guarded operations are counted *before* the first write, and corrected after: a crash in between
//! leaves the count too high, never too low.

use std::collections::BTreeSet;

use gal::decide::must_yield;
use gal::guard::{History, Judgement, Question, approval_holds, judge as ask};
use gal::operation::{Guarded, Operation};
use gal::plan::Plan;
use gal::policy::TenantFacts;
use gal::{Link, Phase, Role, Side, Sides};
use jiff::Timestamp;

use crate::records::{HourCount, PairState, ReadingState, WritingState};
use crate::setup::PairSetup;

use super::Run;
use super::run::Undone;

/// Hours that are kept: a day, and the one before it began.
const KEPT: usize = 26;

fn hour(now: Timestamp) -> i64 {
    now.as_second().div_euclid(3_600)
}

/// Whether a link counts as a contact of a side: published there, or either half of a peer link.
pub(crate) fn counts(link: &Link, side: Side) -> bool {
    link.is_live() && (link.target_side() == side || link.role == Role::Peer)
}

/// Whether a link waits for a person: set aside with a reason, or of two who contradict each other. (Whoever waits for the address of one who
/// left gets it when that one is purged.)
pub(crate) fn waits(link: &Link) -> bool {
    link.quarantine.is_some() || link.is_live() && link.role == Role::Peer && !link.conflicts.is_empty()
}

/// Whether the contact of a link stands still because its domain belongs to its tenant now.
pub(crate) fn yields(facts: &Sides<TenantFacts>, link: &Link) -> bool {
    !matches!(link.phase, Phase::Suppressed { .. }) && must_yield(facts.get(link.target_side()), &link.address).is_some()
}

/// The ids a person approved in the last 24 hours, under the settings that the profile has now.
fn approved(pair: &PairSetup, writing: &WritingState, side: Side, now: Timestamp) -> BTreeSet<String> {
    let settings = pair.settings_into(side);
    let valid = writing.approvals.get(side).iter().filter(|approval| approval.is_valid(settings, now));
    valid.flat_map(|approval| approval.operations.iter().cloned()).collect()
}

/// What ran and what was there, for one target side.
fn history(writing: &WritingState, reading: &ReadingState, side: Side, now: Timestamp) -> History {
    let hours = writing.hours.get(side);
    let first = hour(now) - 24;
    let recent = hours.iter().filter(|count| count.hour > first);
    let (creations, deletions) = recent.fold((0, 0), |(created, deleted), count| (created + count.creations, deleted + count.deletions));
    // The newest entry that is a day old, else the oldest there is.
    let day_old = hours.iter().rev().find(|count| count.hour <= first).or_else(|| hours.first());
    let live = *writing.live.get(side);
    let in_scope = reading.sides.get(side.other()).in_scope;
    let mut history = History {
        creations,
        deletions,
        live_before: day_old.map_or(live, |count| count.live),
        live,
        in_scope_before: day_old.map_or(in_scope, |count| count.in_scope),
        in_scope,
    };
    // While a hold lasts, time alone does not end it.
    if let Some(hold) = writing.holds.get(side) {
        history.creations = history.creations.max(hold.ran_creations);
        history.deletions = history.deletions.max(hold.ran_deletions);
        history.in_scope_before = history.in_scope_before.max(hold.in_scope_before);
        if hold.live_before > 0 {
            history.live_before = hold.live_before;
        }
    }
    history
}

/// Asks the guard for one target side. `confirmed`: the operations that a confirmed merge is about, which is its own approval.
pub(crate) fn judge(
    pair: &PairSetup,
    state: &PairState,
    side: Side,
    due: &[&Operation],
    confirmed: &BTreeSet<String>,
    incomplete: Option<&str>,
    now: Timestamp,
) -> Judgement {
    let mut approved = approved(pair, &state.writing, side, now);
    approved.extend(confirmed.iter().cloned());
    let question = Question {
        limits: pair.policy.guard,
        history: history(&state.writing, &state.reading, side, now),
        approved: &approved,
        incomplete,
        settings: pair.settings_into(side),
    };
    ask(&question, due.iter().copied())
}

/// Counts, before they run, the guarded operations that may run; and freezes the counts of a new hold. Answers those that are not
/// counted, which a person approved or confirmed, and how many are.
pub(crate) fn charge(
    pair: &PairSetup,
    state: &mut PairState,
    side: Side,
    plan: &Plan,
    judgement: &Judgement,
    confirmed: &BTreeSet<String>,
    now: Timestamp,
) -> (BTreeSet<String>, Undone) {
    let PairState { writing, reading, .. } = state;
    let then = history(writing, reading, side, now);
    if let Some(hold) = writing.holds.get_mut(side) {
        hold.ran_creations = hold.ran_creations.max(then.creations);
        hold.ran_deletions = hold.ran_deletions.max(then.deletions);
        hold.live_before = hold.live_before.max(then.live_before);
        hold.in_scope_before = hold.in_scope_before.max(then.in_scope_before);
    }
    let mut approved = approved(pair, writing, side, now);
    approved.extend(confirmed.iter().cloned());
    let counts = |kind: Guarded| {
        let due = plan.of_side(side).filter(|operation| judgement.allows(operation) && !approved.contains(&operation.id()));
        due.filter(|operation| operation.action.guarded() == Some(kind)).count() as u64
    };
    let (creations, deletions) = (counts(Guarded::Creation), counts(Guarded::Deletion));
    let live = *writing.live.get(side);
    let in_scope = reading.sides.get(side.other()).in_scope;
    let hours = writing.hours.get_mut(side);
    let this = hour(now);
    if hours.last().is_none_or(|count| count.hour != this) {
        hours.push(HourCount { hour: this, live, in_scope, ..HourCount::default() });
        let surplus = hours.len().saturating_sub(KEPT);
        hours.drain(..surplus);
    }
    if let Some(count) = hours.last_mut() {
        count.creations += creations;
        count.deletions += deletions;
    }
    let limit = |at: &Timestamp| approval_holds(*at, now);
    writing.approvals.get_mut(side).retain(|approval| limit(&approval.at));
    (approved, Undone { creations, deletions })
}

/// Takes back what was counted and did not run.
pub(crate) fn settle(writing: &mut WritingState, run: &Run<'_>, now: Timestamp) {
    let this = hour(now);
    for side in Side::BOTH {
        let undone = run.take_undone(side);
        // The charge stands in this hour's entry, or in the one before if the hour has turned.
        if let Some(count) = writing.hours.get_mut(side).iter_mut().rev().find(|count| count.hour <= this) {
            count.creations = count.creations.saturating_sub(undone.creations);
            count.deletions = count.deletions.saturating_sub(undone.deletions);
        }
    }
    run.count_into(writing);
    for side in Side::BOTH {
        let live = *writing.live.get(side);
        // A day later this is "24 hours ago": what the hour ended with, not what it began with.
        if let Some(count) = writing.hours.get_mut(side).last_mut() {
            count.live = live;
        }
    }
}
