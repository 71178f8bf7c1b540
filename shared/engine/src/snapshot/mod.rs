//! Snapshot: reads what changed on both sides into the replica, puts what is due on the agenda,
//! and moves the cursors last (law 5).

mod delta;
mod full;
mod groups;
mod ledger;
mod overlay;
mod record;
mod touched;

pub(crate) use record::released_keys;

use ledger::Ledger;

use futures::future;
use gal::{Side, Sides};
use jiff::{SignedDuration, Timestamp};
use tracing::info;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::records::{Lease, LeaseKind, Outcome, ReadingState, RunKind, RunSummary, SideReading, run_id};
use crate::setup::PairSetup;

/// How often everything is read anew.
const FULL_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// What a snapshot is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// Begin a full reading, unless one is going on (the daily tick).
    pub full: bool,
    /// Begin one on a side whose last is over a day old: what a schedule that missed its daily tick does.
    pub daily: bool,
    /// Only this side: for `unpublish`, which needs one tenant's credential.
    pub only: Option<Side>,
}

/// What a snapshot found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotReport {
    /// How many recipients changed, per side.
    pub changed: Sides<u64>,
    /// Whether a full reading is going on and needs another tick.
    pub unfinished: bool,
    /// Whether anything is due for reconcile.
    pub due: bool,
    /// Why the reading of a side is incomplete.
    pub incomplete: Sides<Option<String>>,
    /// Whether somebody waits for a person: held, set aside, or in the way.
    pub waiting: bool,
}

impl Engine {
    /// Reads both sides of a pair until it is done, or until `deadline`.
    pub async fn snapshot(&self, pair: &str, options: SnapshotOptions, deadline: Timestamp) -> Result<SnapshotReport, EngineError> {
        let pair = self.pair(pair)?;
        // A reading that died is followed by the next tick.
        let lease = self.lease();
        let lease = Lease { until: lease.until.min(deadline.max(self.now())), ..lease };
        let state = self.store.acquire(&pair.name, LeaseKind::Reading, &lease, self.now()).await?;
        let began = self.now();
        let mut reading = state.reading;
        let outcome = match Self::same_tenants(pair, &reading) {
            Ok(()) => Box::pin(self.read_sides(pair, &mut reading, options, (deadline, lease.until))).await,
            Err(another) => Err(another),
        };
        if outcome.is_ok() {
            for side in Side::BOTH.into_iter().filter(|side| options.only.is_none_or(|only| only == *side)) {
                *reading.tenants.get_mut(side) = Some(pair.tenants.get(side).id.clone());
            }
        }
        if outcome.is_ok() && options.only.is_none() {
            reading.last_success = Some(self.now());
        }
        // What was read is kept, also where the other side, or a later page, could not be read.
        let saved = self.store.save_reading(&pair.name, &self.owner, &reading, None).await;
        match (outcome, saved) {
            (Ok(mut report), Ok(())) => {
                report.waiting = state.writing.waits_for_a_person();
                info!(pair = %pair.name, changed_a = report.changed.a, changed_b = report.changed.b, due = report.due, "snapshot done");
                Ok(report)
            }
            (Ok(_), Err(lost)) => Err(lost.into()),
            (Err(error), saved) => {
                let recorded = match saved {
                    Ok(()) => self.store.put_run(&self.failed_reading(pair, began, &error)).await,
                    Err(lost) => Err(lost),
                };
                if let Err(lost) = recorded {
                    info!(pair = %pair.name, error = %lost, "the failure could not be recorded, or the reading lease not be given back");
                }
                Err(error)
            }
        }
    }

    /// What a person finds among the runs: a pair that cannot be read is not in step, whatever the last run says.
    fn failed_reading(&self, pair: &PairSetup, began: Timestamp, error: &EngineError) -> RunSummary {
        RunSummary {
            id: run_id(began, &pair.name),
            pair: pair.name.clone(),
            kind: RunKind::Snapshot,
            began,
            ended: self.now(),
            outcome: Outcome::Failed(error.to_string()),
            counters: Sides::default(),
            left: 0,
            attention: true,
            notes: Vec::new(),
        }
    }

    /// Reads the sides into `reading`, which after a failure holds what was read until then.
    async fn read_sides(
        &self,
        pair: &PairSetup,
        reading: &mut ReadingState,
        options: SnapshotOptions,
        (deadline, leased): (Timestamp, Timestamp),
    ) -> Result<SnapshotReport, EngineError> {
        let ledger = Ledger::new(self, pair, leased, reading.clone());
        let reader = |side| {
            let state = reading.sides.get(side).clone();
            SideReader { engine: self, pair, side, deadline, ledger: &ledger, state, changed: 0 }
        };
        let (mut a, mut b) = (reader(Side::A), reader(Side::B));
        let wanted = |side| options.only.is_none_or(|only| only == side);
        // Another profile may name other groups.
        let resettled = reading.settings != pair.settings;
        let outcomes = future::join(a.read(wanted(Side::A), options, resettled), b.read(wanted(Side::B), options, resettled)).await;
        let mut report = SnapshotReport::default();
        for done in [a, b] {
            *report.changed.get_mut(done.side) = done.changed;
            report.incomplete.get_mut(done.side).clone_from(&done.state.incomplete);
            report.unfinished |= done.state.full.is_some();
            *reading.sides.get_mut(done.side) = done.state;
        }
        outcomes.0?;
        outcomes.1?;
        if reading.settings != pair.settings && !report.unfinished && options.only.is_none() {
            self.touch_everything(pair, reading).await?;
            reading.settings = pair.settings;
        }
        report.due = !self.store.due(&pair.name, self.now(), 1).await?.is_empty();
        Ok(report)
    }
}

/// Reads one side. `state` is how far it has come.
struct SideReader<'e> {
    engine: &'e Engine,
    pair: &'e PairSetup,
    side: Side,
    deadline: Timestamp,
    ledger: &'e Ledger<'e>,
    state: SideReading,
    changed: u64,
}

impl SideReader<'_> {
    /// At every moment `state` tells of nothing that is not stored: a failure in the middle loses no page before it.
    async fn read(&mut self, wanted: bool, options: SnapshotOptions, resettled: bool) -> Result<(), EngineError> {
        if !wanted {
            return Ok(());
        }
        let overdue = |last: Timestamp| self.engine.now().duration_since(last) > FULL_EVERY;
        let full = options.full || options.daily && self.state.full.is_none() && self.state.last_full.is_some_and(overdue);
        // Nothing was ever read, or a cursor died: only a full reading tells the truth.
        if self.state.full.is_none() && (full || self.state.watermark.is_none()) {
            self.begin_full();
        }
        if self.state.watermark.is_some() {
            self.follow_graph().await?;
            self.overlay().await?;
            if self.state.groups_changed || full || resettled || self.state.incomplete.is_some() {
                self.refresh_groups().await?;
            }
        }
        if self.state.full.is_some() {
            self.continue_full().await?;
        }
        Ok(())
    }

    fn tenant(&self) -> &crate::setup::TenantSetup {
        self.pair.tenants.get(self.side)
    }

    fn late(&self) -> bool {
        self.engine.now() >= self.deadline || self.engine.progress.stop_asked()
    }

    fn failed(&self, error: crate::ports::ReadError) -> EngineError {
        EngineError::read(&self.tenant().name, error)
    }
}
