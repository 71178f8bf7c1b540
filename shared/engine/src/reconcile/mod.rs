//! Reconcile: plans what is due, asks the guard, applies operation by operation, and remembers each
//! outcome before the next.

mod apply;
mod contact;
mod create;
mod history;
mod run;
mod take_away;

use std::collections::{BTreeMap, BTreeSet};

use gal::decide::{Context, MergeRules, Serve};
use gal::guard::Judgement;
use gal::operation::Operation;
use gal::plan::{Focus, Plan, plan};
use gal::policy::TenantFacts;
use gal::reason::SkipReason;
use gal::{Anchor, Link, Side, Sides};
use jiff::Timestamp;
use tracing::info;

use crate::engine::{Engine, pair_facts};
use crate::error::EngineError;
use crate::load::Loaded;
use crate::records::{AgendaRow, Due, Hold, LeaseKind, Merge, Outcome, PairState, RunKind, RunSummary, Stage, WritingState};
use crate::setup::PairSetup;

pub(crate) use history::{counts, judge};
pub(crate) use run::Run;

/// Rows of the agenda that one run takes.
const ROWS: usize = 100_000;

impl Engine {
    /// Plans and applies what is due for a pair, until it is done or until `deadline`.
    /// `None`: there was nothing to do.
    pub async fn reconcile(&self, pair: &str, deadline: Timestamp) -> Result<Option<RunSummary>, EngineError> {
        let pair = self.pair(pair)?;
        let state = self.store.acquire(&pair.name, LeaseKind::Writing, &self.lease(), self.now()).await?;
        let outcome = self.reconcile_leased(pair, &state, deadline).await;
        self.give_back(pair, state.writing, outcome).await
    }

    /// Stores the writing half and gives the lease back, whatever happened.
    pub(crate) async fn give_back(
        &self,
        pair: &PairSetup,
        before: WritingState,
        outcome: Result<(WritingState, Option<RunSummary>), EngineError>,
    ) -> Result<Option<RunSummary>, EngineError> {
        match outcome {
            Ok((writing, summary)) => {
                self.store.save_writing(&pair.name, &self.owner, &writing, None).await?;
                if let Some(summary) = &summary {
                    self.store.put_run(summary).await?;
                    info!(pair = %pair.name, run = %summary.id, outcome = ?summary.outcome, left = summary.left, "reconcile done");
                }
                Ok(summary)
            }
            Err(error) => {
                // What was pre-counted for the guard stays as it was stored before the first write: never too low.
                let current = self.store.pair(&pair.name).await.map_or(before, |state| state.writing);
                let released = self.store.save_writing(&pair.name, &self.owner, &current, None).await;
                if let Err(lost) = released {
                    info!(pair = %pair.name, error = %lost, "the writing lease could not be given back");
                }
                Err(error)
            }
        }
    }

    async fn reconcile_leased(
        &self,
        pair: &PairSetup,
        state: &PairState,
        deadline: Timestamp,
    ) -> Result<(WritingState, Option<RunSummary>), EngineError> {
        let writing = state.writing.clone();
        // Until a merge is confirmed the schedule only reads.
        if writing.paused.is_some() || (writing.stage == Stage::Unmerged && writing.merge.is_none()) {
            return Ok((writing, None));
        }
        let kind = if writing.merge.is_some() { RunKind::Merge } else { RunKind::Reconcile };
        let mut run = Run::begin(self, pair, kind, deadline);
        let mut state = PairState { writing, reading: state.reading.clone() };
        // Recovering a link, or ending one, may make more work at once: a few rounds until quiet.
        for _ in 0..ROUNDS {
            let rows = self.store.due(&pair.name, self.now(), ROWS).await?;
            let rows: Vec<AgendaRow> = rows.into_iter().filter(|row| !run.waits(row)).collect();
            if rows.is_empty() {
                break;
            }
            self.round(&mut run, pair, &mut state, &rows).await?;
            if run.late() {
                break;
            }
        }
        self.merge_done(pair, &mut state.writing, &mut run).await?;
        state.writing.last_success = Some(self.now());
        let summary = run.end(&state.writing).await?;
        Ok((state.writing, summary))
    }

    /// One round: load, plan, guard, apply, tidy the agenda.
    async fn round(&self, run: &mut Run<'_>, pair: &PairSetup, state: &mut PairState, rows: &[AgendaRow]) -> Result<(), EngineError> {
        let pilot = state.writing.merge.as_ref().is_some_and(is_pilot);
        let mut loaded = self.load_due(pair, rows, pilot).await?;
        let focus = focus_of(rows);
        let mut plan = self.plan_world(pair, &state.writing, &loaded, &focus).await?;
        // Accepted domains are read before creations; if they changed, the plan is made again.
        if self.domains_changed_before_creations(pair, &plan).await? {
            plan = self.plan_world(pair, &state.writing, &loaded, &focus).await?;
        }
        let judgements = self.guard(pair, state, &plan);
        let held: BTreeSet<String> = judgements.a.held.iter().chain(&judgements.b.held).cloned().collect();
        self.store.save_writing(&pair.name, &self.owner, &state.writing, Some(self.lease().until)).await?;
        run.apply(state, &mut loaded, &plan, &held).await?;
        history::settle(&mut state.writing, run, self.now());
        self.tidy(run, rows, &plan, &held, &loaded).await
    }

    /// Plans a loaded world under the pair's present rules.
    pub(crate) async fn plan_world(
        &self,
        pair: &PairSetup,
        writing: &WritingState,
        loaded: &Loaded,
        focus: &Focus,
    ) -> Result<Plan, EngineError> {
        let facts = self.facts().await?;
        let mesh: Vec<TenantFacts> = facts.values().map(|(facts, _)| facts.clone()).collect();
        let context = self.context(pair, writing, pair_facts(pair, &facts), &mesh);
        Ok(plan(&context, &loaded.world, focus))
    }

    /// The core's context under the pair's present rules.
    pub(crate) fn context<'c>(
        &'c self,
        pair: &'c PairSetup,
        writing: &WritingState,
        tenants: Sides<TenantFacts>,
        mesh: &'c [TenantFacts],
    ) -> Context<'c> {
        Context {
            now: self.now(),
            installation: &self.installation,
            pair: &pair.policy,
            tenants,
            mesh,
            serve: serve(writing),
            closed: writing.closed,
        }
    }

    async fn domains_changed_before_creations(&self, pair: &PairSetup, plan: &Plan) -> Result<bool, EngineError> {
        let mut changed = false;
        for side in Side::BOTH {
            if plan.of_side(side).any(|operation| operation.action == gal::operation::Action::Create) {
                changed |= self.refresh_domains(pair.tenants.get(side)).await?;
            }
        }
        Ok(changed)
    }

    /// Asks the guard for both target sides and stores holds and counts.
    fn guard(&self, pair: &PairSetup, state: &mut PairState, plan: &Plan) -> Sides<Judgement> {
        let now = self.now();
        let mut judgements = Sides::<Judgement>::default();
        let merging = state.writing.merge.is_some();
        for side in Side::BOTH {
            let incomplete = state.reading.sides.get(side.other()).incomplete.clone();
            let judgement = history::judge(pair, &state.writing, &state.reading, side, plan, incomplete.as_deref(), now);
            *state.writing.holds.get_mut(side) = hold_of(state.writing.holds.get(side).as_ref(), &judgement, plan, side, now);
            history::charge(&mut state.writing, &state.reading, side, plan, &judgement, merging, now);
            *judgements.get_mut(side) = judgement;
        }
        judgements
    }

    /// Removes rows that are done with, and adds those that come back later.
    async fn tidy(
        &self,
        run: &mut Run<'_>,
        rows: &[AgendaRow],
        plan: &Plan,
        held: &BTreeSet<String>,
        loaded: &Loaded,
    ) -> Result<(), EngineError> {
        let mut waiting: BTreeSet<(Side, Anchor)> = run.take_unfinished();
        for operation in &plan.operations {
            let unfinished = halves(operation).iter().any(|half| waiting.contains(half));
            if unfinished || held.contains(&operation.id()) {
                waiting.extend(halves(operation));
                // The row may be the other half's.
                waiting.extend(loaded.world.link(operation.key).into_iter().flat_map(link_halves));
            }
        }
        for skipped in &plan.skipped {
            // A deletion that waits for the merge keeps its place.
            if skipped.reason == SkipReason::MergeFirst {
                waiting.insert((skipped.side, skipped.anchor));
                waiting.extend(loaded.world.link_of(skipped.side, skipped.anchor).into_iter().flat_map(link_halves));
            }
        }
        for row in rows {
            if waiting.contains(&(row.side, row.anchor)) || run.is_waiting_link(row) {
                run.wait_for(row.clone());
            } else {
                self.store.delete_agenda(&run.pair.name, row).await?;
            }
        }
        self.store.put_agenda(&run.pair.name, &run.take_later()).await?;
        Ok(())
    }

    /// A confirmed merge is done when none of its rows is left.
    async fn merge_done(&self, pair: &PairSetup, writing: &mut WritingState, run: &mut Run<'_>) -> Result<(), EngineError> {
        let Some(merge) = writing.merge.clone() else { return Ok(()) };
        let rows = self.store.due(&pair.name, self.now(), ROWS).await?;
        if rows.iter().any(|row| row.why == Due::Merge) || run.late() {
            return Ok(());
        }
        writing.stage = match (is_pilot(&merge) || merge.options.mode == gal::policy::MergeMode::LinkOnly, writing.stage) {
            (false, Stage::Unmerged | Stage::LinkedOnly | Stage::Merged) | (true, Stage::Merged) => Stage::Merged,
            (true, Stage::Unmerged | Stage::LinkedOnly) => Stage::LinkedOnly,
        };
        writing.merge = None;
        run.note("the merge is done".to_owned());
        Ok(())
    }
}

/// Rounds of one run; each leaves less to do.
const ROUNDS: usize = 4;

/// Whether a merge is a pilot.
pub(crate) fn is_pilot(merge: &Merge) -> bool {
    merge.options.limit.is_some() || merge.options.group.is_some()
}

/// Who is served under the present state of a pair.
pub(crate) fn serve(writing: &WritingState) -> Serve {
    match (&writing.merge, writing.stage) {
        (Some(merge), _) => {
            Serve::Merge(MergeRules { mode: merge.options.mode, enforce: merge.options.enforce, take_over: merge.options.take_over })
        }
        (None, Stage::Merged) => Serve::Everybody,
        (None, Stage::Unmerged | Stage::LinkedOnly) => Serve::LinkedOnly,
    }
}

fn focus_of(rows: &[AgendaRow]) -> Focus {
    let mut these = BTreeMap::new();
    for row in rows {
        *these.entry((row.side, row.anchor)).or_insert(false) |= row.why == Due::Changed;
    }
    Focus::These(these)
}

/// Both recipients that an operation is about.
pub(crate) fn halves(operation: &Operation) -> Vec<(Side, Anchor)> {
    let source = operation.key.origin.source_side().unwrap_or(operation.key.origin.target_side());
    let mut halves = vec![(source, operation.key.anchor)];
    halves.extend(operation.contact.as_ref().map(|contact| (operation.side, contact.anchor)));
    halves
}

/// Both halves of a link.
fn link_halves(link: &Link) -> Vec<(Side, Anchor)> {
    let source = link.key.origin.source_side().map(|side| (side, link.key.anchor));
    source.into_iter().chain(link.target.map(|anchor| (link.target_side(), anchor))).collect()
}

/// The hold of a side after the guard's judgement.
fn hold_of(before: Option<&Hold>, judgement: &Judgement, plan: &Plan, side: Side, now: Timestamp) -> Option<Hold> {
    if judgement.tripped.is_empty() {
        return None;
    }
    let count = |kind| {
        let held = plan.of_side(side).filter(|operation| judgement.held.contains(&operation.id()));
        held.filter(|operation| operation.action.guarded() == Some(kind)).count() as u64
    };
    Some(Hold {
        since: before.map_or(now, |hold| hold.since),
        checksum: judgement.checksum.clone(),
        reasons: judgement.tripped.iter().map(ToString::to_string).collect(),
        creations: count(gal::operation::Guarded::Creation),
        deletions: count(gal::operation::Guarded::Deletion),
        updates: count(gal::operation::Guarded::Update),
        operations: judgement.held.iter().cloned().collect(),
        ran_creations: before.map_or(0, |hold| hold.ran_creations),
        ran_deletions: before.map_or(0, |hold| hold.ran_deletions),
        live_before: before.map_or(0, |hold| hold.live_before),
        in_scope_before: before.map_or(0, |hold| hold.in_scope_before),
    })
}

/// The outcome of a run in one word, for its summary.
pub(crate) fn outcome(writing: &WritingState, reading_incomplete: Option<&str>, left: u64, late: bool) -> Outcome {
    let holds: Vec<String> = Side::BOTH
        .into_iter()
        .filter_map(|side| writing.holds.get(side).as_ref().map(|hold| format!("writes into side {side}: {}", hold.reasons.join("; "))))
        .collect();
    if !holds.is_empty() {
        return Outcome::Held(holds.join(" · "));
    }
    if let Some(why) = reading_incomplete {
        return Outcome::Partial(why.to_owned());
    }
    if late && left > 0 {
        return Outcome::Partial(format!("the time was up with {left} rows left; the next run goes on"));
    }
    if left > 0 {
        return Outcome::Partial(format!("{left} rows wait (quota, retries, or the merge in progress)"));
    }
    Outcome::Completed
}
