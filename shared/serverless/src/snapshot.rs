//! The snapshot function: the schedule's tick reads both sides, and wakes the reconcile function if anything is due.

use engine::EngineError;
use engine::ports::StoreError;
use engine::snapshot::SnapshotOptions;
use gal::{Side, Sides};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use tracing::{info, warn};

use crate::message::{self, Tick, VERSION, WakeUp};
use crate::metrics::Told;
use crate::{Client, ServerlessError, Waker, deadline};

/// What a run needs of its tick.
const ENOUGH: SignedDuration = SignedDuration::from_mins(2);

/// What a tick came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ticked {
    /// The pair.
    pub pair: String,
    /// How many recipients changed, per side.
    pub changed: Sides<u64>,
    /// Why the reading of a side is incomplete.
    pub incomplete: Sides<Option<String>>,
    /// Whether a full reading goes on with the next tick.
    pub unfinished: bool,
    /// Whether the reconcile function was woken.
    pub woke: bool,
    /// Another reading of the pair is going on; this tick did nothing.
    pub missed: bool,
}

/// Serves a tick. `request`: the id of the invocation; `end`: when Lambda ends it.
///
/// # Errors
/// Whatever keeps the pair from being read: the function's failure, which the alarm counts. A reading that is going on already is
/// none.
pub async fn serve(client: &Client, waker: &dyn Waker, event: Value, request: &str, end: Timestamp) -> Result<Ticked, ServerlessError> {
    let Tick { pair, tick, full, .. } = message::read(event)?;
    let engine = client.engine(&pair, request, &Side::BOTH).await?;
    let deadline = deadline::of(tick, client.settings().tick, end);
    // The daily event may have met a reading that was going on.
    let report = match engine.snapshot(&pair, SnapshotOptions { full, daily: true, only: None }, deadline).await {
        Ok(report) => report,
        Err(EngineError::Store(StoreError::LeaseHeld { owner, until, .. })) => {
            info!(%pair, %owner, %until, "another reading is going on; this tick is left out");
            return Ok(Ticked { pair, missed: true, ..Ticked::default() });
        }
        Err(error) => return Err(error.into()),
    };
    if report.due {
        // Where the reading has filled its tick, what is due gets the time of another one: the lease keeps two runs apart.
        let now = client.now();
        let tick = tick.filter(|_| now + ENOUGH < deadline).unwrap_or(now);
        waker.wake(&WakeUp { version: VERSION, pair: pair.clone(), tick }).await?;
    }
    for side in Side::BOTH {
        if let Some(why) = report.incomplete.get(side) {
            warn!(%pair, %side, why, "the reading is incomplete");
        }
    }
    let incomplete = Side::BOTH.into_iter().any(|side| report.incomplete.get(side).is_some());
    // Where something is due, the run that is woken tells of the cycle.
    let attention = incomplete || report.waiting;
    let attention = (attention || !report.due).then_some(attention);
    let certificate_days = client.certificate_days().await;
    client.tell(&pair, Told { success: !report.due, attention, certificate_days });
    info!(%pair, changed_a = report.changed.a, changed_b = report.changed.b, due = report.due, "read");
    Ok(Ticked {
        pair,
        changed: report.changed,
        incomplete: report.incomplete,
        unfinished: report.unfinished,
        woke: report.due,
        missed: false,
    })
}
