//! A run: its counters, its operations, what is left, and when it stops.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gal::operation::{Action, Guarded, Operation, QuietChange};
use gal::plan::Plan;
use gal::reason::SkipReason;
use gal::{Anchor, Side, Sides};
use jiff::{SignedDuration, Timestamp};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::records::{
    AgendaRow, Change, Due, Merge, OperationRecord, OperationResult, Outcome, RunKind, RunSummary, SideCounters, Stage, WritingState,
    is_stuck, run_id,
};
use crate::setup::PairSetup;

/// How long the operations of a run are kept.
const DETAILS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 400);

/// Operation records that are stored at once.
const RECORDS: usize = 100;

/// Guarded operations that were counted and did not run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Undone {
    pub(crate) creations: u64,
    pub(crate) deletions: u64,
}

impl Undone {
    /// The count of a kind; updates are not counted over 24 hours.
    fn of(&mut self, kind: Guarded) -> Option<&mut u64> {
        match kind {
            Guarded::Creation => Some(&mut self.creations),
            Guarded::Deletion => Some(&mut self.deletions),
            Guarded::Update => None,
        }
    }
}

/// How one operation ended, as the run sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Done.
    Done,
    /// Not begun: the time is up, or the tenant's creation quota is used up. The row stays.
    Waits,
    /// Not now: throttling, an unknown outcome. The row stays.
    Deferred(String),
    /// Set aside with a reason.
    Quarantined(String),
}

#[derive(Debug, Default)]
struct Inner {
    counters: Sides<SideCounters>,
    records: Vec<OperationRecord>,
    number: u64,
    unfinished: BTreeSet<(Side, Anchor)>,
    /// How many operations, and changes that are only remembered, were not finished.
    left: u64,
    waiting: BTreeSet<AgendaRow>,
    later: Vec<AgendaRow>,
    undone: Sides<Undone>,
    /// What was counted for this round and was not come to yet.
    ahead: Sides<Undone>,
    live: Sides<i64>,
    set_aside: i64,
    stands_still: bool,
    notes: Vec<String>,
    /// What the guard held in the rounds so far.
    held: Sides<Vec<Operation>>,
    /// Operations that are not counted for the guard: approved, or confirmed with a merge.
    free: BTreeSet<String>,
    /// Whom the merge that a person confirmed is about.
    confirmed: BTreeSet<(Side, Anchor)>,
}

/// One run of one pair.
pub(crate) struct Run<'e> {
    pub(crate) engine: &'e Engine,
    pub(crate) pair: &'e PairSetup,
    pub(crate) id: String,
    pub(super) kind: RunKind,
    began: Timestamp,
    deadline: Timestamp,
    /// Whether whoever the merge that is under way does not serve comes after it, under the guard: who is new, and the other side where it
    /// is by one way.
    pub(super) everybody_is_next: bool,
    inner: Mutex<Inner>,
}

impl<'e> Run<'e> {
    pub(crate) fn begin(engine: &'e Engine, pair: &'e PairSetup, kind: RunKind, deadline: Timestamp) -> Self {
        let began = engine.now();
        let id = run_id(began, &pair.name);
        Self { engine, pair, id, kind, began, deadline, everybody_is_next: false, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the time is up, or the person asked to stop.
    pub(crate) fn late(&self) -> bool {
        self.engine.now() >= self.deadline || self.engine.progress.stop_asked()
    }

    pub(crate) fn note(&self, note: String) {
        let mut inner = self.inner();
        if !inner.notes.contains(&note) {
            inner.notes.push(note);
        }
    }

    /// Remembers how an operation ended, with the values before and after. What was not even begun is only counted: a
    /// merge that quotas stretch over days would fill the records with it.
    pub(crate) async fn ended(&self, operation: &Operation, ended: &Ended) -> Result<(), EngineError> {
        let full = {
            let mut inner = self.inner();
            inner.count(operation, ended);
            if let Some(result) = result(ended) {
                inner.number += 1;
                let number = inner.number;
                inner.records.push(record(number, operation, result));
            }
            if inner.records.len() >= RECORDS { std::mem::take(&mut inner.records) } else { Vec::new() }
        };
        self.store_records(&full).await
    }

    async fn store_records(&self, records: &[OperationRecord]) -> Result<(), EngineError> {
        if !records.is_empty() {
            self.engine.store.put_operations(&self.id, records, self.began + DETAILS_KEPT).await?;
        }
        Ok(())
    }

    /// A row that comes back at its time.
    pub(crate) fn later(&self, row: AgendaRow) {
        self.inner().later.push(row);
    }

    pub(crate) fn take_later(&self) -> Vec<AgendaRow> {
        std::mem::take(&mut self.inner().later)
    }

    /// What is only remembered, and was not come to.
    pub(super) fn left(&self, change: &QuietChange) {
        let mut inner = self.inner();
        inner.unfinished.extend(super::link_halves(&change.link));
        inner.left += 1;
    }

    /// Both halves of every operation that is not finished.
    pub(crate) fn unfinished(&self) -> BTreeSet<(Side, Anchor)> {
        self.inner().unfinished.clone()
    }

    /// Whether a row is not taken again by this run.
    pub(crate) fn waits(&self, row: &AgendaRow) -> bool {
        self.inner().waiting.contains(row)
    }

    pub(crate) fn wait_for(&self, row: AgendaRow) {
        self.inner().waiting.insert(row);
    }

    /// What was counted beforehand and did not run.
    pub(crate) fn take_undone(&self, side: Side) -> Undone {
        let mut inner = self.inner();
        let (undone, ahead) = (std::mem::take(inner.undone.get_mut(side)), std::mem::take(inner.ahead.get_mut(side)));
        Undone { creations: undone.creations + ahead.creations, deletions: undone.deletions + ahead.deletions }
    }

    /// What is counted for this round is stored.
    pub(super) fn charged(&self, charged: Sides<Undone>) {
        self.inner().ahead = charged;
    }

    /// An operation is begun, or put off.
    pub(super) fn reached(&self, operation: &Operation) {
        let mut inner = self.inner();
        let kind = inner.counted(operation);
        if let Some(ahead) = kind.and_then(|kind| inner.ahead.get_mut(operation.side).of(kind)) {
            *ahead = ahead.saturating_sub(1);
        }
    }

    /// An operation was refused, and the run with it: it was not done.
    pub(super) fn refused(&self, operation: &Operation) {
        self.inner().take_back(operation);
    }

    /// Counts what came and went since the last time: what is linked on each side, and who is set aside.
    pub(crate) fn count_into(&self, writing: &mut WritingState) {
        let mut inner = self.inner();
        for side in Side::BOTH {
            let live = writing.live.get_mut(side);
            *live = live.saturating_add_signed(std::mem::take(inner.live.get_mut(side)));
        }
        writing.set_aside = writing.set_aside.saturating_add_signed(std::mem::take(&mut inner.set_aside));
    }

    /// A link changed: what counts as live, on each side, and who is set aside.
    pub(crate) fn changed(&self, before: Option<&gal::Link>, after: Option<&gal::Link>) {
        let mut inner = self.inner();
        for side in Side::BOTH {
            let counts = |link: Option<&gal::Link>| i64::from(link.is_some_and(|link| super::history::counts(link, side)));
            *inner.live.get_mut(side) += counts(after) - counts(before);
        }
        let aside = |link: Option<&gal::Link>| i64::from(link.is_some_and(super::waits));
        inner.set_aside += aside(after) - aside(before);
    }

    /// When it began.
    pub(super) fn began(&self) -> Timestamp {
        self.began
    }

    /// Remembers whether anybody must yield to a domain that moved.
    pub(super) fn skipped(&self, plan: &Plan) {
        self.inner().stands_still |= plan.skipped.iter().any(|skipped| matches!(skipped.reason, SkipReason::MustYield { .. }));
    }

    /// Whether anybody must.
    pub(super) fn stands_still(&self) -> bool {
        self.inner().stands_still
    }

    /// Whether it could do nothing of what it began.
    pub(super) fn is_stuck(&self) -> bool {
        is_stuck(&self.inner().counters)
    }

    /// Counts a recovered or re-linked contact that needed no write.
    pub(crate) fn recovered(&self, side: Side) {
        self.inner().counters.get_mut(side).recovered += 1;
    }

    /// Counts a conflict that is held for a person.
    pub(crate) fn conflict(&self, side: Side) {
        self.inner().counters.get_mut(side).conflicts += 1;
    }

    /// Whom a confirmed merge is about: whose rows it made, as far as this run has met them, and as long as the profile says what it said
    /// when the merge was confirmed.
    pub(super) fn confirmed(&mut self, pair: &PairSetup, writing: &WritingState, rows: &[AgendaRow]) {
        let Some(merge) = &writing.merge else { return };
        self.everybody_is_next = writing.stage.after(&merge.options) == Stage::Merged;
        self.inner().confirmed.extend(confirmed_whom(merge, pair, rows));
    }

    /// Which operations those are.
    pub(super) fn confirmed_of(&self, due: &[&Operation]) -> BTreeSet<String> {
        confirmed_of(due, &self.inner().confirmed)
    }

    /// What earlier rounds held, but for what is planned again.
    pub(super) fn take_held(&self, side: Side, planned: &BTreeSet<String>) -> Vec<Operation> {
        let mut held = std::mem::take(self.inner().held.get_mut(side));
        held.retain(|operation| !planned.contains(&operation.id()));
        held
    }

    /// What the guard holds by now, and what it does not count.
    pub(super) fn hold(&self, side: Side, held: Vec<Operation>, free: BTreeSet<String>) {
        let mut inner = self.inner();
        inner.counters.get_mut(side).held = held.len() as u64;
        *inner.held.get_mut(side) = held;
        inner.free.extend(free);
    }

    /// The summary; `None` if nothing was done and nothing waits.
    pub(crate) async fn end(&self, writing: &WritingState) -> Result<Option<RunSummary>, EngineError> {
        self.flush().await?;
        let inner = self.inner();
        if inner.number == 0 && inner.left == 0 && inner.waiting.is_empty() && inner.notes.is_empty() && inner.counters == Sides::default()
        {
            return Ok(None);
        }
        let outcome = if self.kind.is_command() && inner.left > 0 {
            let why = if self.late() { "the time was up" } else { "not everything could be done now" };
            Outcome::Partial(format!("{why}; give the command again for the rest"))
        } else {
            super::outcome(writing, &inner.waiting, self.late())
        };
        Ok(Some(self.summary(&inner, outcome, writing.waits_for_a_person())))
    }

    /// The summary of a run that could not go on.
    pub(crate) async fn failed(&self, error: &EngineError) -> Result<RunSummary, EngineError> {
        self.flush().await?;
        Ok(self.summary(&self.inner(), Outcome::Failed(error.to_string()), true))
    }

    async fn flush(&self) -> Result<(), EngineError> {
        let records = std::mem::take(&mut self.inner().records);
        self.store_records(&records).await
    }

    fn summary(&self, inner: &Inner, outcome: Outcome, attention: bool) -> RunSummary {
        RunSummary {
            id: self.id.clone(),
            pair: self.pair.name.clone(),
            kind: self.kind,
            began: self.began,
            ended: self.engine.now(),
            outcome,
            counters: inner.counters,
            left: if self.kind.is_command() { inner.left } else { inner.waiting.len() as u64 },
            attention,
            notes: inner.notes.clone(),
        }
    }
}

impl Inner {
    fn count(&mut self, operation: &Operation, ended: &Ended) {
        let side = operation.side;
        let counters = self.counters.get_mut(side);
        match ended {
            Ended::Done => {
                count_done(counters, operation.action);
            }
            Ended::Waits | Ended::Deferred(_) | Ended::Quarantined(_) => {
                counters.deferred += u64::from(matches!(ended, Ended::Deferred(_)));
                if matches!(ended, Ended::Quarantined(_)) {
                    counters.quarantined += 1;
                } else {
                    self.unfinished.extend(super::halves(operation));
                    self.left += 1;
                }
                self.take_back(operation);
            }
        }
    }

    /// As what the guard counted an operation, if it did.
    fn counted(&self, operation: &Operation) -> Option<Guarded> {
        operation.action.guarded().filter(|_| !self.free.contains(&operation.id()))
    }

    /// What was counted beforehand did not run.
    fn take_back(&mut self, operation: &Operation) {
        let kind = self.counted(operation);
        if let Some(undone) = kind.and_then(|kind| self.undone.get_mut(operation.side).of(kind)) {
            *undone += 1;
        }
    }
}

/// Whom a confirmed merge is about: whose rows it made, as long as the profile says what it said when a person confirmed it.
pub(crate) fn confirmed_whom(merge: &Merge, pair: &PairSetup, rows: &[AgendaRow]) -> BTreeSet<(Side, Anchor)> {
    let rows = rows.iter().filter(|row| row.why == Due::Merge && merge.settings == pair.settings);
    rows.map(|row| (row.side, row.anchor)).collect()
}

/// The operations that a confirmed merge about these is consent to. Nobody confirms with it that somebody is taken away.
pub(crate) fn confirmed_of(due: &[&Operation], whom: &BTreeSet<(Side, Anchor)>) -> BTreeSet<String> {
    let concerned = |operation: &&&Operation| {
        let deletes = operation.action.guarded() == Some(Guarded::Deletion);
        !deletes && super::halves(operation).iter().any(|half| whom.contains(half))
    };
    due.iter().filter(concerned).map(|operation| operation.id()).collect()
}

fn count_done(counters: &mut SideCounters, action: Action) {
    match action {
        Action::Create | Action::Resume => counters.created += 1,
        Action::Adopt | Action::AdoptGuest => counters.adopted += 1,
        Action::Relink => counters.recovered += 1,
        Action::Update => counters.updated += 1,
        Action::Stage => counters.staged += 1,
        Action::Restore | Action::TakeOver => counters.restored += 1,
        Action::Purge | Action::Remove => counters.purged += 1,
        Action::Release | Action::HandOver => counters.released += 1,
        // Bookkeeping: a creation nobody wants any more; a contact that is shown, and counted, in the next round.
        Action::Abandon | Action::Claim => {}
    }
}

/// What is recorded of how an operation ended.
fn result(ended: &Ended) -> Option<OperationResult> {
    match ended {
        Ended::Done => Some(OperationResult::Done),
        Ended::Waits => None,
        Ended::Deferred(reason) => Some(OperationResult::Deferred(reason.clone())),
        Ended::Quarantined(reason) => Some(OperationResult::Quarantined(reason.clone())),
    }
}

fn record(number: u64, operation: &Operation, result: OperationResult) -> OperationRecord {
    let changes = operation.told().into_iter().map(Change::from).collect();
    OperationRecord {
        number,
        operation: operation.action.as_str().to_owned(),
        side: operation.side,
        link: operation.key,
        address: operation.address.clone(),
        reason: operation.reason.to_string(),
        changes,
        result,
    }
}
