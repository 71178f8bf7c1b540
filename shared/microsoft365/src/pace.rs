//! When the next request to a service may leave: pauses it asked for, and slowing down before it has to ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::ports::Clock;
use jiff::Timestamp;

use crate::budget::{Budget, Place};
use crate::wire::until;

/// The longest pause that is waited out here. A longer one is the caller's to plan.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// The longest that one request is held back to slow down.
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// How often a request looks whether a new pause began while it waited for a place.
const LOOKS: usize = 8;

/// The pace of one service of one tenant.
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    budget: Budget,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Nothing leaves before.
    paused_until: Option<Timestamp>,
    /// Every request waits so long, until that moment.
    slow: Option<(Duration, Timestamp)>,
    /// The next request waits so long.
    next: Duration,
}

impl Pace {
    pub(crate) fn new(clock: Arc<dyn Clock>, budget: Budget) -> Self {
        Self { clock, budget, state: Mutex::default() }
    }

    /// Waits until a request may leave. `Err`: the service asked for a pause that is too long to wait here.
    pub(crate) async fn admit(&self) -> Result<Place, Duration> {
        let delay = self.delay();
        if !delay.is_zero() {
            self.clock.sleep(delay).await;
        }
        for _ in 0..LOOKS {
            let pause = self.pause();
            if pause > LONGEST_PAUSE {
                return Err(pause);
            }
            if !pause.is_zero() {
                self.clock.sleep(pause).await;
            }
            let place = self.budget.place().await;
            if self.pause().is_zero() {
                return Ok(place);
            }
        }
        Ok(self.budget.place().await)
    }

    /// The service asked everybody to wait.
    pub(crate) fn pause_for(&self, wait: Duration) {
        let until = later(self.clock.now(), wait);
        let mut state = self.state();
        if state.paused_until.is_none_or(|known| known < until) {
            state.paused_until = Some(until);
        }
    }

    /// Too many at once: fewer from now on.
    pub(crate) fn refused(&self) {
        self.budget.refused(self.clock.now());
    }

    /// A request was answered without complaint.
    pub(crate) fn answered(&self) {
        self.budget.answered(self.clock.now());
    }

    /// Every request is held back by `delay` until `until`.
    pub(crate) fn slow_down(&self, delay: Duration, until: Timestamp) {
        self.state().slow = Some((delay.min(LONGEST_DELAY), until));
    }

    /// The next request is held back by `delay`.
    pub(crate) fn slow_next(&self, delay: Duration) {
        let mut state = self.state();
        state.next = state.next.max(delay.min(LONGEST_DELAY));
    }

    /// How many requests may be in flight at most.
    pub(crate) fn most(&self) -> usize {
        self.budget.most()
    }

    fn delay(&self) -> Duration {
        let now = self.clock.now();
        let mut state = self.state();
        let slow = state.slow.filter(|(_, until)| now < *until).map_or(Duration::ZERO, |(delay, _)| delay);
        slow.max(std::mem::take(&mut state.next))
    }

    fn pause(&self) -> Duration {
        let paused_until = self.state().paused_until;
        paused_until.map_or(Duration::ZERO, |then| until(self.clock.now(), then))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `at` plus `by`, as far as time goes.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
