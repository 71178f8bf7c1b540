//! Reconcile: plans what is due, asks the guard, applies operation by operation, and remembers each
//! outcome before the next.

mod apply;
mod contact;
mod create;
mod history;
mod order;
mod run;
mod shown;
mod take_away;

use std::collections::{BTreeMap, BTreeSet};

use gal::decide::{Again, Context, MergeRules, Serve};
use gal::guard::Judgement;
use gal::managers::Intended;
use gal::operation::{Action, Operation};
use gal::plan::{Focus, Plan};
use gal::policy::TenantFacts;
use gal::reason::SkipReason;
use gal::{Anchor, Link, Side, Sides, World};
use jiff::{SignedDuration, Timestamp};
use tracing::info;

use crate::engine::{Engine, pair_facts};
use crate::error::EngineError;
use crate::load::Loaded;
use crate::ports::Versioned;
use crate::records::{AgendaRow, Due, Hold, LeaseKind, Outcome, PairState, RunKind, RunSummary, Stage, WritingState};
use crate::setup::PairSetup;

pub(crate) use history::{counts, judge, waits, yields};
use run::Undone;
pub(crate) use run::{Run, confirmed_of, confirmed_whom};

/// Rows of the agenda that one run takes.
pub(crate) const ROWS: usize = 100_000;

impl Engine {
    /// Plans and applies what is due for a pair, until it is done or until `deadline`.
    /// `None`: there was nothing to do.
    pub async fn reconcile(&self, pair: &str, deadline: Timestamp) -> Result<Option<RunSummary>, EngineError> {
        let pair = self.pair(pair)?;
        let state = self.store.acquire(&pair.name, LeaseKind::Writing, &self.lease(), self.now()).await?;
        let kind = if state.writing.merge.is_some() { RunKind::Merge } else { RunKind::Reconcile };
        let mut run = Run::begin(self, pair, kind, deadline);
        let outcome = self.reconcile_leased(&mut run, pair, state).await;
        Box::pin(self.give_back(&run, outcome)).await
    }

    /// Stores the writing half and what the run did, and gives the lease back, whatever happened.
    pub(crate) async fn give_back(
        &self,
        run: &Run<'_>,
        outcome: Result<WritingState, EngineError>,
    ) -> Result<Option<RunSummary>, EngineError> {
        let pair = &run.pair.name;
        match outcome {
            Ok(writing) => {
                let summary = run.end(&writing).await?;
                // A run that lost its lease stands among the runs too: what it did can be seen, and taken back.
                if let Err(lost) = self.store.save_writing(pair, &self.owner, &writing, None).await {
                    let lost = EngineError::from(lost);
                    self.store.put_run(&run.failed(&lost).await?).await?;
                    return Err(lost);
                }
                if let Some(summary) = &summary {
                    self.store.put_run(summary).await?;
                    info!(pair = %pair, run = %summary.id, outcome = ?summary.outcome, left = summary.left, "run done");
                }
                Ok(summary)
            }
            Err(error) => {
                if let Err(lost) = self.give_back_failed(run, &error).await {
                    info!(pair = %pair, error = %lost, "the run could not be recorded, or its lease not be given back");
                }
                Err(error)
            }
        }
    }

    async fn give_back_failed(&self, run: &Run<'_>, error: &EngineError) -> Result<(), EngineError> {
        let pair = &run.pair.name;
        // What was counted beforehand for the guard, and is known not to have run, is taken back; what nobody knows of stays counted. What
        // is linked since counts.
        let mut current = self.store.pair(pair).await?.writing;
        if run.kind.is_command() {
            run.count_into(&mut current);
        } else {
            history::settle(&mut current, run, self.now());
        }
        let saved = self.store.save_writing(pair, &self.owner, &current, None).await;
        self.store.put_run(&run.failed(error).await?).await?;
        Ok(saved?)
    }

    async fn reconcile_leased(&self, run: &mut Run<'_>, pair: &PairSetup, mut state: PairState) -> Result<WritingState, EngineError> {
        Self::same_tenants(pair, &state.reading)?;
        // Until a merge is confirmed the schedule only reads.
        if state.writing.paused.is_some() || (state.writing.stage == Stage::Unmerged && state.writing.merge.is_none()) {
            return Ok(state.writing);
        }
        // Recovering a link, or ending one, may make more work at once: a few rounds until quiet.
        for _ in 0..ROUNDS {
            let rows = self.store.due(&pair.name, self.now(), ROWS).await?;
            let rows: Vec<AgendaRow> = rows.into_iter().filter(|row| !run.waits(row)).collect();
            if rows.is_empty() {
                break;
            }
            let counted = state.writing.live_counted.is_some_and(|at| self.now() < at + COUNTED_EVERY);
            if !counted || state.writing.must_yield > 0 {
                self.count_links(pair, &mut state.writing).await?;
            }
            Box::pin(self.round(run, pair, &mut state, &rows)).await?;
            if run.late() {
                break;
            }
        }
        self.merge_done(pair, &mut state.writing, run).await?;
        if run.stands_still() {
            self.count_links(pair, &mut state.writing).await?;
        }
        if !run.is_stuck() {
            state.writing.last_success = Some(self.now());
        }
        Ok(state.writing)
    }

    /// Counts what is linked on each side, because the guard's shares are shares of what is really there; and who waits for a person.
    pub(crate) async fn count_links(&self, pair: &PairSetup, writing: &mut WritingState) -> Result<(), EngineError> {
        let facts = pair_facts(pair, &self.facts().await?);
        let mut live = Sides::<u64>::default();
        let (mut set_aside, mut must_yield) = (0, 0);
        for shard in 0..16 {
            for Versioned { item: link, .. } in self.store.link_shard(&pair.name, shard).await? {
                for side in Side::BOTH {
                    *live.get_mut(side) += u64::from(counts(&link, side));
                }
                set_aside += u64::from(waits(&link));
                must_yield += u64::from(yields(&facts, &link));
            }
        }
        (writing.live, writing.set_aside, writing.must_yield) = (live, set_aside, must_yield);
        writing.live_counted = Some(self.now());
        Ok(())
    }

    /// One round: load, plan, guard, apply, tidy the agenda.
    async fn round(&self, run: &mut Run<'_>, pair: &PairSetup, state: &mut PairState, rows: &[AgendaRow]) -> Result<(), EngineError> {
        let pilot = state.writing.merge.as_ref().is_some_and(|merge| merge.options.is_pilot());
        let mut loaded = self.load_due(pair, rows, pilot).await?;
        loaded.distrust(&mut state.reading);
        let focus = focus_of(rows);
        let mut plan = self.plan_world(pair, &state.writing, &loaded, &focus, gal::plan::plan).await?;
        // Accepted domains are read before creations; if they changed, the plan is made again.
        if self.domains_changed_before_creations(pair, &plan).await? {
            plan = self.plan_world(pair, &state.writing, &loaded, &focus, gal::plan::plan).await?;
        }
        run.confirmed(pair, &state.writing, rows);
        run.skipped(&plan);
        let (judgements, charged) = self.guard(run, pair, state, &plan);
        let held: BTreeSet<String> = judgements.a.held.iter().chain(&judgements.b.held).cloned().collect();
        self.store.save_writing(&pair.name, &self.owner, &state.writing, Some(self.lease_while_writing())).await?;
        run.charged(charged);
        run.apply(state, &mut loaded, &mut plan, &held).await?;
        history::settle(&mut state.writing, run, self.now());
        self.store.save_writing(&pair.name, &self.owner, &state.writing, Some(self.lease_while_writing())).await?;
        self.tidy(run, rows, &plan, &loaded).await
    }

    /// Plans a loaded world under the pair's present rules: one round ([`gal::plan::plan`]), or for a preview what all rounds
    /// of a run do together ([`gal::plan::foresee`]).
    pub(crate) async fn plan_world(
        &self,
        pair: &PairSetup,
        writing: &WritingState,
        loaded: &Loaded,
        focus: &Focus,
        how: fn(&Context<'_>, &World, &Focus) -> Plan,
    ) -> Result<Plan, EngineError> {
        let facts = self.facts().await?;
        let mesh: Vec<TenantFacts> = facts.values().map(|(facts, _)| facts.clone()).collect();
        let context = self.context(pair, writing, pair_facts(pair, &facts), &mesh);
        Ok(how(&context, &loaded.world, focus))
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
            homes: pair.homes,
            intended: Intended::default(),
        }
    }

    async fn domains_changed_before_creations(&self, pair: &PairSetup, plan: &Plan) -> Result<bool, EngineError> {
        let mut changed = false;
        for side in Side::BOTH {
            let begins = |operation: &Operation| matches!(operation.action, Action::Create | Action::Claim);
            if plan.of_side(side).any(begins) {
                changed |= self.refresh_domains(pair.tenants.get(side)).await?;
            }
        }
        Ok(changed)
    }

    /// Asks the guard for both target sides and stores holds and counts. What an earlier round of the run held is judged with the rest: its
    /// rows wait, and so does its hold.
    fn guard(&self, run: &mut Run<'_>, pair: &PairSetup, state: &mut PairState, plan: &Plan) -> (Sides<Judgement>, Sides<Undone>) {
        let now = self.now();
        let (mut judgements, mut charged) = (Sides::<Judgement>::default(), Sides::<Undone>::default());
        for side in Side::BOTH {
            postpone(&mut state.writing, side);
            let incomplete = state.reading.sides.get(side.other()).incomplete.clone();
            let ids: BTreeSet<String> = plan.of_side(side).map(Operation::id).collect();
            let before = run.take_held(side, &ids);
            let due: Vec<&Operation> = plan.of_side(side).chain(&before).collect();
            let confirmed = run.confirmed_of(&due);
            let judgement = history::judge(pair, state, side, &due, &confirmed, incomplete.as_deref(), now);
            let hold = hold_of(pair, state.writing.holds.get(side).as_ref(), &judgement, &due, side, now);
            let postponed = state.writing.postponed.get(side).clone();
            *state.writing.holds.get_mut(side) = hold.or(postponed);
            let (free, counted) = history::charge(pair, state, side, plan, &judgement, &confirmed, now);
            run.hold(side, due.iter().filter(|operation| !judgement.allows(operation)).copied().cloned().collect(), free);
            *charged.get_mut(side) = counted;
            *judgements.get_mut(side) = judgement;
        }
        (judgements, charged)
    }

    /// Adds what comes back later, and removes what is done with; in this order, so that a crash in between loses nothing.
    /// `plan`: what is left of it, the operations that are held.
    async fn tidy(&self, run: &mut Run<'_>, rows: &[AgendaRow], plan: &Plan, loaded: &Loaded) -> Result<(), EngineError> {
        let unfinished = run.unfinished();
        let held = plan.operations.iter().flat_map(halves);
        let mut waiting: BTreeSet<(Side, Anchor)> = unfinished.into_iter().chain(held).collect();
        // The row may be the other half's.
        let links: Vec<&Link> = waiting.iter().filter_map(|(side, anchor)| loaded.world.link_of(*side, *anchor)).collect();
        waiting.extend(links.into_iter().flat_map(link_halves));
        // A deletion that waits for the merge keeps its place, and whoever it does not serve and the pair does after it.
        // They wait for its end, so that its end must not wait for them.
        let mut after = BTreeSet::new();
        for skipped in &plan.skipped {
            let newcomer = skipped.reason == SkipReason::NotInMerge && run.everybody_is_next;
            if skipped.reason == SkipReason::MergeFirst || newcomer {
                after.insert((skipped.side, skipped.anchor));
                after.extend(loaded.world.link_of(skipped.side, skipped.anchor).into_iter().flat_map(link_halves));
            }
        }
        let mut later = run.take_later();
        later.extend(plan.again.iter().map(comes_back));
        let (mut waits, rest): (Vec<AgendaRow>, Vec<AgendaRow>) =
            rows.iter().cloned().partition(|row| waiting.contains(&(row.side, row.anchor)));
        let (ends, done): (Vec<AgendaRow>, Vec<AgendaRow>) = rest.into_iter().partition(|row| after.contains(&(row.side, row.anchor)));
        for row in ends {
            if row.why == Due::Merge {
                let row = AgendaRow { why: Due::Touched, ..row };
                later.push(row.clone());
                waits.push(row);
            } else {
                waits.push(row);
            }
        }
        self.store.put_agenda(&run.pair.name, &later).await?;
        for row in waits {
            run.wait_for(row);
        }
        // A row that comes back under the same key stands in the place of the one that is done.
        let place = |row: &AgendaRow| (row.due, row.side, row.anchor);
        let places: BTreeSet<_> = later.iter().map(place).collect();
        let done: Vec<AgendaRow> = done.into_iter().filter(|row| !places.contains(&place(row))).collect();
        self.store.delete_agenda(&run.pair.name, &done).await?;
        Ok(())
    }

    /// A confirmed merge is done when none of its rows is left.
    async fn merge_done(&self, pair: &PairSetup, writing: &mut WritingState, run: &mut Run<'_>) -> Result<(), EngineError> {
        let Some(merge) = writing.merge.clone() else { return Ok(()) };
        let rows = self.store.due(&pair.name, self.now(), ROWS).await?;
        if rows.iter().any(|row| row.why == Due::Merge) || run.late() {
            return Ok(());
        }
        writing.stage = writing.stage.after(&merge.options);
        writing.merge = None;
        // What waited for its end is judged anew by the next run; where nothing waits any more, nothing is held.
        if rows.is_empty() {
            for side in Side::BOTH {
                if writing.postponed.get_mut(side).take().is_some() {
                    *writing.holds.get_mut(side) = None;
                }
            }
        }
        run.note("the merge is done".to_owned());
        Ok(())
    }
}

/// How often the links are counted.
const COUNTED_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// Rounds of one run; each leaves less to do.
const ROUNDS: usize = 4;

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
    // A link that moves to another account: by which of them it is found after a crash is not known.
    halves.extend(operation.patch.rekey.and_then(|key| Some((key.origin.source_side()?, key.anchor))));
    halves.extend(operation.contact.as_ref().map(|contact| (operation.side, contact.anchor)));
    halves
}

/// Both halves of a link.
fn link_halves(link: &Link) -> Vec<(Side, Anchor)> {
    let source = link.key.origin.source_side().map(|side| (side, link.key.anchor));
    source.into_iter().chain(link.target.map(|anchor| (link.target_side(), anchor))).collect()
}

/// The row for a time that must not be missed.
fn comes_back((side, anchor, again): &(Side, Anchor, Again)) -> AgendaRow {
    let (due, why) = match again {
        Again::Purge(at) => (*at, Due::Purge),
        Again::Retry(at) => (*at, Due::Retry),
    };
    AgendaRow { due, side: *side, anchor: *anchor, why, version: 0 }
}

/// A merge takes nobody away, so that nothing of a hold of deletions trips during it: it lasts, and counts again after it.
fn postpone(writing: &mut WritingState, side: Side) {
    let hold = writing.holds.get_mut(side);
    let postponed = writing.postponed.get_mut(side);
    if writing.merge.is_some() {
        if postponed.is_none() {
            *postponed = hold.clone().filter(|hold| hold.deletions > 0);
        }
    } else if let Some(earlier) = postponed.take() {
        *hold = Some(hold.take().map_or_else(|| earlier.clone(), |hold| hold.over(&earlier)));
    }
}

/// The hold of a side after the guard's judgement.
fn hold_of(pair: &PairSetup, before: Option<&Hold>, judgement: &Judgement, due: &[&Operation], side: Side, now: Timestamp) -> Option<Hold> {
    if judgement.tripped.is_empty() {
        return None;
    }
    let count = |kind| {
        let held = due.iter().filter(|operation| judgement.held.contains(&operation.id()));
        held.filter(|operation| operation.action.guarded() == Some(kind)).count() as u64
    };
    let purges = due.iter().filter(|operation| operation.action == Action::Purge);
    let purges = purges.filter(|operation| judgement.held.contains(&operation.id())).count() as u64;
    Some(Hold {
        since: before.map_or(now, |hold| hold.since),
        checksum: judgement.checksum.clone(),
        reasons: judgement.tripped.iter().map(ToString::to_string).collect(),
        creations: count(gal::operation::Guarded::Creation),
        // With those that a purge takes away, where it waits too.
        deletions: count(gal::operation::Guarded::Deletion) + purges,
        updates: count(gal::operation::Guarded::Update),
        operations: judgement.held.iter().cloned().collect(),
        settings: Some(pair.settings_into(side)),
        ran_creations: before.map_or(0, |hold| hold.ran_creations),
        ran_deletions: before.map_or(0, |hold| hold.ran_deletions),
        live_before: before.map_or(0, |hold| hold.live_before),
        in_scope_before: before.map_or(0, |hold| hold.in_scope_before),
    })
}

/// The outcome of a run in one word, for its summary.
pub(crate) fn outcome(writing: &WritingState, left: &BTreeSet<AgendaRow>, late: bool) -> Outcome {
    let holds: Vec<String> = Side::BOTH
        .into_iter()
        .filter_map(|side| writing.holds.get(side).as_ref().map(|hold| format!("writes into side {side}: {}", hold.reasons.join("; "))))
        .collect();
    if !holds.is_empty() {
        return Outcome::Held(holds.join(" · "));
    }
    if left.is_empty() {
        return Outcome::Completed;
    }
    let why = if late { "the time was up" } else { "not everything could be done yet" };
    Outcome::Partial(format!("{why}; the next run goes on with {}", rows_by_reason(left)))
}

/// `74 rows: 72 of the merge, 2 that changed`
fn rows_by_reason(rows: &BTreeSet<AgendaRow>) -> String {
    let mut counts: BTreeMap<Due, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row.why).or_default() += 1;
    }
    let told = counts.into_iter().map(|(why, number)| {
        let why = match why {
            Due::Changed => "that changed",
            Due::Retry => "to be tried again",
            Due::Purge => "whose grace period is over",
            Due::Touched => "touched by something else that changed",
            Due::Merge => "of the merge",
        };
        format!("{number} {why}")
    });
    let told: Vec<String> = told.collect();
    let rows = if rows.len() == 1 { "1 row".to_owned() } else { format!("{} rows", rows.len()) };
    format!("{rows}: {}", told.join(", "))
}
