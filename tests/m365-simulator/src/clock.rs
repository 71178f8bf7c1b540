//! The simulator's one clock, and the date forms its services write.
//!
//! Every lag, expiry and quota window asks this clock and no other, so that a test that owns the clock owns them all.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far a request moves a manual clock on, so that retries and replication never freeze.
const MANUAL_STEP: Duration = Duration::from_millis(50);

/// Which clock the simulator follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockKind {
    /// The wall clock.
    Real,
    /// Stands still but for `POST /_sim/clock` and 50 ms for each request.
    Manual,
    /// Tokio's clock, counted from a fixed instant: it follows paused time.
    Tokio,
}

/// The clock behind [`ClockKind`].
pub(crate) struct Clock {
    kind: ClockKind,
    start: Timestamp,
    started: tokio::time::Instant,
    /// What was added by hand.
    added: Mutex<Duration>,
}

impl Clock {
    pub(crate) fn new(kind: ClockKind, start: Timestamp) -> Clock {
        Clock { kind, start, started: tokio::time::Instant::now(), added: Mutex::new(Duration::ZERO) }
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        let added = *self.added.lock().unwrap_or_else(PoisonError::into_inner);
        match self.kind {
            ClockKind::Real => wall_clock(),
            ClockKind::Manual => later(self.start, added),
            ClockKind::Tokio => later(self.start, added + self.started.elapsed()),
        }
    }

    /// Called once for each request.
    pub(crate) fn tick(&self) {
        if self.kind == ClockKind::Manual {
            self.add(MANUAL_STEP);
        }
    }

    /// Moves the clock on. False on the wall clock, which nobody moves.
    pub(crate) fn advance(&self, by: Duration) -> bool {
        if self.kind == ClockKind::Real {
            return false;
        }
        self.add(by);
        true
    }

    fn add(&self, by: Duration) {
        *self.added.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place of the simulator that reads the wall clock")]
fn wall_clock() -> Timestamp {
    Timestamp::now()
}

/// `at` plus `by`, without the overflow that no simulation reaches.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
    at.checked_add(SignedDuration::from_millis(millis)).unwrap_or(at)
}

/// `at` less `by`.
pub(crate) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
    at.checked_sub(SignedDuration::from_millis(millis)).unwrap_or(at)
}

/// Whole milliseconds between two instants; zero if `to` is the earlier.
pub(crate) fn millis_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond() - from.as_millisecond()).unwrap_or(0)
}

/// `2026-01-09 02:02:12Z`, as Entra writes it.
pub(crate) fn entra_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `2026-01-09T02:02:12`, as a Graph error's `innerError.date`.
pub(crate) fn graph_error_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// `2026-01-09T02:02:12Z`, as Graph properties are.
pub(crate) fn graph_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `Fri, 09 Jan 2026 02:02:12 GMT`, as the Date header is.
pub(crate) fn http_time(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The directory keeps whole seconds, and Exchange writes seven digits. MICROSOFT.md section 4.2.
pub(crate) fn exchange_time(at: Timestamp, utc: bool) -> String {
    let zone = if utc { "Z" } else { "+00:00" };
    format!("{}.0000000{zone}", at.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// Cuts to the whole second that a directory's `whenChanged` has.
pub(crate) fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
