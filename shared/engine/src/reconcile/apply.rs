//! Applying a plan: link by link, each outcome stored before the next write, both sides at once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::{StreamExt, future, stream};
use gal::field::Cmdlet;
use gal::operation::{Action, Operation, Quiet, QuietChange};
use gal::plan::Plan;
use gal::reason::Note;
use gal::{Link, LinkKey, Side, Sides};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::error::EngineError;
use crate::load::Loaded;
use crate::ports::{TenantError, WriteError};
use crate::records::{AgendaRow, Due, PairState};

use super::order::{Job, Managers, Waves, waves};
use super::run::{Ended, Run};

/// Links that are worked on at once, for each request that may be in flight. The adapter holds a
/// place only while a request is under way, so waiting for replication lets others go ahead.
const AHEAD: usize = 4;

/// How long creations pause when a tenant's quota is used up.
const QUOTA_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// So often in a row the outcome of a write may be unknown: an hour of ticks.
const TOO_OFTEN: u32 = 6;

/// How often the lease is prolonged during a long run.
const PROLONG: SignedDuration = SignedDuration::from_mins(1);

/// What the operations of a run share.
pub(crate) struct Shared<'l> {
    pub(crate) loaded: Mutex<&'l mut Loaded>,
    pub(crate) paused: Sides<AtomicBool>,
    pub(crate) managers: Managers,
    prolonged: Mutex<Timestamp>,
}

impl Run<'_> {
    /// Applies everything that the guard lets through; of the plan's operations those are left that it holds.
    pub(crate) async fn apply(
        &mut self,
        state: &PairState,
        loaded: &mut Loaded,
        plan: &mut Plan,
        held: &BTreeSet<String>,
    ) -> Result<(), EngineError> {
        for noted in &plan.notes {
            if matches!(noted.note, Note::Conflict { .. }) {
                self.conflict(noted.side.other());
            }
        }
        let (waiting, due) = std::mem::take(&mut plan.operations).into_iter().partition(|operation| held.contains(&operation.id()));
        plan.operations = waiting;
        let waves = waves(due);
        let shared = Shared {
            loaded: Mutex::new(loaded),
            paused: Sides::default(),
            managers: Managers::of(&waves),
            prolonged: Mutex::new(self.engine.now()),
        };
        let shared = self.with_quota(shared).await?;
        for change in &plan.quiet {
            if self.late() {
                self.left(change);
                continue;
            }
            self.prolong(&shared, state).await?;
            self.quiet(&shared, change).await?;
        }
        let total = waves.a.iter().chain(&waves.b).map(Vec::len).sum::<usize>() as u64;
        let done = AtomicU64::new(0);
        let Sides { a, b } = waves;
        // The two sides wait for nothing of each other.
        let side = |side, waves| self.waves(&shared, state, side, waves, (&done, total));
        let (a, b) = future::join(side(Side::A, a), side(Side::B, b)).await;
        a.and(b)
    }

    async fn waves(
        &self,
        shared: &Shared<'_>,
        state: &PairState,
        side: Side,
        waves: Waves,
        count: (&AtomicU64, u64),
    ) -> Result<(), EngineError> {
        for jobs in waves {
            self.jobs(shared, state, side, jobs, count).await?;
        }
        Ok(())
    }

    /// The jobs of one wave: several links at once, so that waiting for one lets others go ahead. They begin in their order.
    async fn jobs(
        &self,
        shared: &Shared<'_>,
        state: &PairState,
        side: Side,
        jobs: Vec<Job>,
        (done, total): (&AtomicU64, u64),
    ) -> Result<(), EngineError> {
        let ahead = self.ahead(side);
        let refused = AtomicBool::new(false);
        let mut ends = std::pin::pin!(
            stream::iter(jobs)
                .map(|job| {
                    let refused = &refused;
                    async move {
                        let end = if refused.load(Ordering::Relaxed) { Ok(()) } else { self.job(shared, state, &job).await };
                        shared.managers.ended(&job);
                        end?;
                        self.engine.progress.step("writing", done.fetch_add(1, Ordering::Relaxed) + 1, total);
                        Ok(())
                    }
                })
                .buffer_unordered(ahead)
        );
        let mut first = Ok(());
        while let Some(end) = ends.next().await {
            match end {
                // The tenant as a whole refuses: nothing more is begun, and what is under way comes to its end, so that it is remembered.
                Err(error @ EngineError::Tenant { .. }) => {
                    refused.store(true, Ordering::Relaxed);
                    first = first.and(Err(error));
                }
                Err(other) => return Err(other),
                Ok(()) => {}
            }
        }
        first
    }

    fn ahead(&self, side: Side) -> usize {
        let tenant = self.pair.tenants.get(side);
        self.engine.connections.get(&tenant.name).map_or(1, |connection| connection.writer.concurrency().max(1) * AHEAD)
    }

    async fn with_quota<'l>(&self, shared: Shared<'l>) -> Result<Shared<'l>, EngineError> {
        for side in Side::BOTH {
            let tenant = self.engine.store.tenant(&self.pair.tenants.get(side).name).await?;
            if tenant.creations_paused_until.is_some_and(|until| self.engine.now() < until) {
                shared.paused.get(side).store(true, Ordering::Relaxed);
            }
        }
        Ok(shared)
    }

    /// All operations of one link, one after the other.
    async fn job(&self, shared: &Shared<'_>, state: &PairState, job: &[Operation]) -> Result<(), EngineError> {
        self.prolong(shared, state).await?;
        for operation in job {
            self.reached(operation);
            let ended = if self.late() {
                Ended::Waits
            } else {
                let ended = match self.operation(shared, operation).await {
                    Ok(ended) => Ok(ended),
                    Err(Failed::Engine(error)) => Err(error),
                    Err(Failed::Write(error)) => self.settle(shared, operation, error).await,
                };
                match ended {
                    Ok(ended) => ended,
                    Err(error) => {
                        // What a tenant refuses was not done.
                        if matches!(error, EngineError::Tenant { .. }) {
                            self.refused(operation);
                        }
                        return Err(error);
                    }
                }
            };
            self.ended(operation, &ended).await?;
            if ended != Ended::Done {
                break;
            }
        }
        Ok(())
    }

    async fn operation(&self, shared: &Shared<'_>, operation: &Operation) -> Result<Ended, Failed> {
        match operation.action {
            Action::Create | Action::Resume => self.create(shared, operation).await,
            Action::Abandon => self.abandon(shared, operation).await,
            Action::Update | Action::Restore | Action::Relink | Action::Claim | Action::TakeOver | Action::Adopt | Action::AdoptGuest => {
                self.change(shared, operation).await
            }
            Action::Stage | Action::Release | Action::HandOver | Action::Purge | Action::Remove => self.take_away(shared, operation).await,
        }
    }

    /// What an error of one write means for the run (MICROSOFT.md 4.3). One bad object never stops it (law 8).
    async fn settle(&self, shared: &Shared<'_>, operation: &Operation, error: WriteError) -> Result<Ended, EngineError> {
        let tenant = self.pair.tenants.get(operation.side);
        if !matches!(error, WriteError::Unknown { .. }) && is_one_command(operation) {
            self.not_begun(shared, operation).await?;
        }
        match error {
            // Nobody knows whether it was done: the row stays, and the next run looks first.
            WriteError::Unknown { message } => self.unknown(shared, operation, message).await,
            WriteError::CreationQuota => {
                shared.paused.get(operation.side).store(true, Ordering::Relaxed);
                let state = self.engine.store.tenant(&tenant.name).await?;
                let until = self.engine.now() + QUOTA_PAUSE;
                let state = crate::records::TenantState { creations_paused_until: Some(until), ..state };
                self.engine.store.put_tenant(&tenant.name, &state).await?;
                self.note(format!("the creation quota of {} is used up; creations go on after {until}", tenant.name));
                Ok(Ended::Waits)
            }
            // The tenant as a whole: stop; what is done is stored.
            WriteError::Tenant(error @ TenantError::Configuration { .. }) => {
                Err(EngineError::Tenant { tenant: tenant.name.clone(), error })
            }
            WriteError::Tenant(error @ TenantError::Transient { .. }) => Ok(Ended::Deferred(error.to_string())),
            // An answer that nobody understands, for this one: set aside, so that it is not asked again every ten minutes.
            WriteError::Tenant(error @ TenantError::Protocol { .. }) => self.quarantine(shared, operation, error.to_string()).await,
            error @ (WriteError::NotFound
            | WriteError::AddressInUse { .. }
            | WriteError::X500Refused { .. }
            | WriteError::NameInUse
            | WriteError::DirectorySynced
            | WriteError::Refused { .. }) => self.quarantine(shared, operation, error.to_string()).await,
        }
    }

    /// What was refused stands nowhere as ours. (Of two commands the first one may have been done; what an earlier run began is another matter.)
    async fn not_begun(&self, shared: &Shared<'_>, operation: &Operation) -> Result<(), EngineError> {
        let Some(mut link) = shared.link(operation.key).await else { return Ok(()) };
        if link.unannounce(operation.side, self.began()) { self.store_link(shared, &link).await } else { Ok(()) }
    }

    /// A write of which nobody knows whether it was done; one that ends so again and again is set aside like one that is refused.
    pub(super) async fn unknown(&self, shared: &Shared<'_>, operation: &Operation, message: String) -> Result<Ended, EngineError> {
        let Some(mut link) = shared.link(operation.key).await else { return Ok(Ended::Deferred(message)) };
        link.deferrals = link.deferrals.saturating_add(1);
        let often = link.deferrals >= TOO_OFTEN;
        self.store_link(shared, &link).await?;
        if often { self.quarantine(shared, operation, message).await } else { Ok(Ended::Deferred(message)) }
    }

    /// Sets a recipient aside with a reason; it is tried again on a slowing schedule.
    pub(crate) async fn quarantine(&self, shared: &Shared<'_>, operation: &Operation, reason: String) -> Result<Ended, EngineError> {
        let key = operation.key;
        if let Some(mut link) = shared.link(key).await {
            let attempts = link.quarantine.as_ref().map_or(0, |quarantine| quarantine.attempts) + 1;
            let retry_at = self.engine.now() + retry_after(attempts);
            link.deferrals = 0;
            link.quarantine = Some(gal::link::Quarantine { reason: reason.clone(), attempts, retry_at });
            self.store_link(shared, &link).await?;
            self.again(key, retry_at, Due::Retry);
        }
        Ok(Ended::Quarantined(reason))
    }

    /// Puts the recipient of a link on the agenda again.
    pub(crate) fn again(&self, key: LinkKey, due: Timestamp, why: Due) {
        let side = key.origin.source_side().unwrap_or(key.origin.target_side());
        self.later(AgendaRow { due, side, anchor: key.anchor, why, version: 0 });
    }

    /// What is only remembered.
    async fn quiet(&self, shared: &Shared<'_>, change: &QuietChange) -> Result<(), EngineError> {
        let key = change.link.key;
        let side = change.link.target_side();
        match change.patch.apply(&change.link) {
            None => self.forget_link(shared, key).await?,
            Some(mut link) => {
                link.linked_at = link.linked_at.or_else(|| Some(self.engine.now()));
                link.deferrals = 0;
                if change.new || link.is_live() != change.link.is_live() {
                    self.reports_concerned(shared, &link).await?;
                }
                self.store_link(shared, &link).await?;
                // What an older state says of the same contact.
                let rivals = if change.quiet == Quiet::Recover { shared.loaded.lock().await.world.rivals(&link) } else { Vec::new() };
                for rival in rivals {
                    self.forget_link(shared, rival).await?;
                }
                self.tie(&link).await?;
            }
        }
        match &change.quiet {
            // A restored link is planned at once: its contact may lack what changed in between.
            Quiet::Recover => {
                self.recovered(side);
                self.look_again(shared, &change.link).await?;
            }
            Quiet::LinkPeers => self.recovered(side),
            // What is forgotten may be published anew, from either side.
            Quiet::Forget => self.look_again(shared, &change.link).await?,
            Quiet::Suppress { reason } => self.note(format!(
                "<{}> is not published any more ({key}): {reason}; `galbridge unsuppress` takes that back",
                change.link.address
            )),
            Quiet::Keep => self.note(format!("<{}> is kept by the target's administrator ({key})", change.link.address)),
            Quiet::Record => {}
        }
        Ok(())
    }

    /// Both halves of a link are looked at again in the next round; and of a source that is gone whoever follows it.
    pub(super) async fn look_again(&self, shared: &Shared<'_>, link: &Link) -> Result<(), EngineError> {
        let due = self.engine.now();
        let source = link.key.origin.source_side().unwrap_or(link.target_side());
        let here = |entry: &gal::Entry| entry.recipient.is_present();
        if link.key.origin.source_side().is_some() && !shared.loaded.lock().await.world.entry(source, link.key.anchor).is_some_and(here) {
            let follow = self.engine.holders_of(self.pair, source, &BTreeSet::from([link.address.clone()])).await?;
            for anchor in follow {
                self.later(AgendaRow { due, side: source, anchor, why: Due::Touched, version: 0 });
            }
        }
        self.later(AgendaRow { due, side: source, anchor: link.key.anchor, why: Due::Touched, version: 0 });
        if let Some(target) = link.target {
            self.later(AgendaRow { due, side: link.target_side(), anchor: target, why: Due::Touched, version: 0 });
        }
        Ok(())
    }

    async fn prolong(&self, shared: &Shared<'_>, state: &PairState) -> Result<(), EngineError> {
        let mut prolonged = shared.prolonged.lock().await;
        if self.engine.now() >= *prolonged + PROLONG {
            let until = self.engine.lease_while_writing();
            self.engine.store.save_writing(&self.pair.name, &self.engine.owner, &state.writing, Some(until)).await?;
            *prolonged = self.engine.now();
        }
        Ok(())
    }
}

/// What an operation can fail with.
pub(crate) enum Failed {
    /// This write.
    Write(WriteError),
    /// The run.
    Engine(EngineError),
}

impl From<WriteError> for Failed {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<crate::ports::StoreError> for Failed {
    fn from(error: crate::ports::StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// A slowing schedule: an hour, doubling, at most a week.
fn retry_after(attempts: u32) -> SignedDuration {
    let hours = 2_i64.saturating_pow(attempts.saturating_sub(1));
    SignedDuration::from_hours(hours.min(24 * 7))
}

/// Whether the service is asked once for all that an operation writes.
fn is_one_command(operation: &Operation) -> bool {
    let mut commands: BTreeSet<Cmdlet> = operation.changes.iter().map(|change| change.field.row().cmdlet).collect();
    if !operation.extras.is_empty() {
        commands.insert(Cmdlet::SetMailContact);
    }
    commands.len() < 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The 64th attempt once came after an hour again.
    #[test]
    fn who_is_set_aside_is_tried_again_ever_more_seldom() {
        let hours = |attempts| retry_after(attempts).as_hours();
        assert_eq!([0, 1, 2, 3, 4, 8, 9, 63, 64, 65, u32::MAX].map(hours), [1, 1, 2, 4, 8, 128, 168, 168, 168, 168, 168]);
    }
}
