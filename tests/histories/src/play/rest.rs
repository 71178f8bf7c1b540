//! Coming to rest: cycles until nothing is to be done any more, and nothing is done.

use engine::records::{Due, RunSummary, SideCounters};
use engine::snapshot::SnapshotOptions;
use engine::{Engine, EngineError};
use jiff::Timestamp;
use m365_simulator::FaultLevel;

use super::{Play, TICK, deadline, told};

/// Rounds in which everything must have come to rest.
const ROUNDS: usize = 60;

impl Play {
    /// Until nothing is to be done any more. A person approves whatever the guard holds.
    pub(super) async fn settle(&mut self, full: bool) -> Result<(), Vec<String>> {
        self.faults(FaultLevel::None);
        self.rig.restart();
        self.rolled.clear();
        self.rig.advance(2 * TICK).await;
        let broken = |pair: &str, error: EngineError| vec![format!("{pair}: {error}")];
        if let Some(pair) = self.paused.take() {
            self.rig.engine.pause(&pair, None).await.map_err(|error| broken(&pair, error))?;
        }
        let (mut calm, mut written) = (0, self.written());
        for round in 0..ROUNDS {
            let mut busy = None;
            for number in 0..self.shape.pairs().len() {
                let pair = self.pair(number);
                let (engine, deadline) = (&self.rig.engine, deadline(&self.rig));
                let options = SnapshotOptions { full: full && round == 0, daily: false, only: None };
                let read = engine.snapshot(&pair, options, deadline).await.map_err(|error| broken(&pair, error))?;
                let run = engine.reconcile(&pair, deadline).await.map_err(|error| broken(&pair, error))?;
                let approved = approve(engine, &pair).await?;
                if read.unfinished || approved || run.as_ref().is_some_and(worked) {
                    busy = Some(format!("{pair}: {read:?} {run:?} approved {approved}"));
                }
            }
            if busy.is_none() && calm == 1 {
                busy = self.quarantined().await?;
            }
            // What the services say that was written, not what the engine says (law 7). They count an answer that came late when it comes: in
            // the first round such of before may be among them.
            let now = self.written();
            if busy.is_none() && round > 0 && now != written {
                return Err(vec![format!("written in a cycle in which nothing was to be done: {now} and {written} writes")]);
            }
            written = now;
            calm = if busy.is_some() { 0 } else { calm + 1 };
            if calm == 2 {
                return Ok(());
            }
            match busy {
                Some(why) if round + 1 == ROUNDS => return Err(vec![format!("no rest: {why}")]),
                // A quarantine is tried again after an hour, then two, then four.
                Some(_) if round % 4 == 3 => self.rig.advance(6 * TICK).await,
                Some(_) => self.rig.advance(TICK).await,
                None => self.rig.advance(7 * TICK).await,
            }
        }
        Ok(())
    }

    /// How much was written into all tenants so far.
    fn written(&self) -> u64 {
        self.rig.simulator.stats().tenants.values().map(|tenant| tenant.writes).sum()
    }

    /// Somebody who is set aside, and tried again later.
    async fn quarantined(&self) -> Result<Option<String>, Vec<String>> {
        for pair in &self.rig.engine.setup.pairs {
            let rows = self.rig.engine.store.due(&pair.name, Timestamp::MAX, 10_000).await;
            let rows = rows.map_err(|error| vec![error.to_string()])?;
            if let Some(row) = rows.into_iter().find(|row| row.why == Due::Retry) {
                return Ok(Some(format!("{}: {row:?}", pair.name)));
            }
        }
        Ok(None)
    }
}

/// Approves what is held, as a person would who has looked at it. Answers whether anything was.
async fn approve(engine: &Engine, pair: &str) -> Result<bool, Vec<String>> {
    let holds = engine.state(pair).await.map_err(told("state"))?.writing.holds;
    let mut any = false;
    for checksum in [holds.a, holds.b].into_iter().flatten().filter_map(|hold| hold.checksum) {
        match engine.approve(pair, &checksum).await {
            Ok(_) | Err(EngineError::NothingToApprove { .. }) => any = true,
            Err(error) => return Err(vec![format!("{pair}: approve: {error}")]),
        }
    }
    Ok(any)
}

/// Whether a run wrote, or wants to.
pub(super) fn worked(run: &RunSummary) -> bool {
    run.left > 0 || run.counters.a != SideCounters::default() || run.counters.b != SideCounters::default()
}
