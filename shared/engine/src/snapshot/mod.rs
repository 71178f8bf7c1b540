//! Snapshot: reads what changed on both sides into the replica, puts what is due on the agenda,
//! and moves the cursors last (law 5).

mod delta;
mod full;
mod groups;
mod overlay;
mod record;
mod touched;

use futures::future;
use gal::{Side, Sides};
use jiff::Timestamp;
use tracing::info;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::records::{LeaseKind, PairState, SideReading};
use crate::setup::PairSetup;

/// What a snapshot is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// Begin a full reading, unless one is going on (the daily tick).
    pub full: bool,
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
}

impl Engine {
    /// Reads both sides of a pair until it is done, or until `deadline`.
    pub async fn snapshot(&self, pair: &str, options: SnapshotOptions, deadline: Timestamp) -> Result<SnapshotReport, EngineError> {
        let pair = self.pair(pair)?;
        let state = self.store.acquire(&pair.name, LeaseKind::Reading, &self.lease(), self.now()).await?;
        let outcome = self.read_sides(pair, &state, options, deadline).await;
        match outcome {
            Ok((mut reading, mut report)) => {
                report.due = !self.store.due(&pair.name, self.now(), 1).await?.is_empty();
                reading.last_success = Some(self.now());
                self.store.save_reading(&pair.name, &self.owner, &reading, None).await?;
                info!(pair = %pair.name, changed_a = report.changed.a, changed_b = report.changed.b, due = report.due, "snapshot done");
                Ok(report)
            }
            Err(error) => {
                // The lease goes back with the cursors as they were: nothing that was read is lost, it is read again.
                let released = self.store.save_reading(&pair.name, &self.owner, &state.reading, None).await;
                if let Err(lost) = released {
                    info!(pair = %pair.name, error = %lost, "the reading lease could not be given back");
                }
                Err(error)
            }
        }
    }

    async fn read_sides(
        &self,
        pair: &PairSetup,
        state: &PairState,
        options: SnapshotOptions,
        deadline: Timestamp,
    ) -> Result<(crate::records::ReadingState, SnapshotReport), EngineError> {
        let mut reading = state.reading.clone();
        let mut report = SnapshotReport::default();
        let reader = |side| SideReader { engine: self, pair, side, deadline, state: state.reading.sides.get(side).clone(), changed: 0 };
        let (a, b) = future::join(reader(Side::A).read(options.full), reader(Side::B).read(options.full)).await;
        for (side, outcome) in [(Side::A, a), (Side::B, b)] {
            let done = outcome?;
            *report.changed.get_mut(side) = done.changed;
            report.incomplete.get_mut(side).clone_from(&done.state.incomplete);
            report.unfinished |= done.state.full.is_some();
            *reading.sides.get_mut(side) = done.state;
        }
        if reading.settings != pair.settings && !report.unfinished {
            self.touch_everything(pair, &mut reading).await?;
            reading.settings = pair.settings;
        }
        Ok((reading, report))
    }
}

/// Reads one side.
struct SideReader<'e> {
    engine: &'e Engine,
    pair: &'e PairSetup,
    side: Side,
    deadline: Timestamp,
    state: SideReading,
    changed: u64,
}

/// What became of it.
struct SideDone {
    state: SideReading,
    changed: u64,
}

impl SideReader<'_> {
    async fn read(mut self, full: bool) -> Result<SideDone, EngineError> {
        // Nothing was ever read, or a cursor died: only a full reading tells the truth.
        if self.state.full.is_none() && (full || self.state.watermark.is_none()) {
            self.begin_full();
        }
        if self.state.watermark.is_some() {
            let groups_changed = self.follow_graph().await?;
            self.overlay().await?;
            if groups_changed || full {
                self.refresh_groups().await?;
            }
        }
        if self.state.full.is_some() {
            self.continue_full().await?;
        }
        Ok(SideDone { state: self.state, changed: self.changed })
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
