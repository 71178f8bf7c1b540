//! Trying again: one policy for `tower::retry`, for all three services (MICROSOFT.md 4.3 and 7).

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use engine::ports::Clock;
use jiff::Timestamp;
use tower::retry::{Policy, Retry};
use tower::{Service, ServiceExt as _};

use crate::ids::{Ids, jittered};
use crate::pace::LONGEST_PAUSE;
use crate::wire::{Call, Wire, until};

/// How long one call may try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often at most, the first time included.
    pub attempts: u32,
    /// From the first attempt to the beginning of the last.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 8, whole: Duration::from_mins(4) }
    }
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// No: it would not help, or it would do harm.
    No,
    /// Once: if it happens twice it is no accident.
    Once,
    /// Yes, after what the service asked for, else after a growing while.
    After(Option<Duration>),
}

/// An error that knows whether trying again makes sense.
pub(crate) trait Failure {
    /// Whether to send `call` again.
    fn again(&self, call: &Call) -> Again;
}

/// The policy: exponential 1, 2, 4 … 60 s with jitter, or what the service asked for.
#[derive(Clone)]
pub(crate) struct Retries {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    patience: Patience,
    began: Timestamp,
    attempts: u32,
    once_used: bool,
}

impl Retries {
    pub(crate) fn new(wire: &Wire, patience: Patience) -> Self {
        let (clock, ids) = (wire.clock.clone(), wire.ids.clone());
        Self { began: clock.now(), clock, ids, patience, attempts: 1, once_used: false }
    }

    /// The wait before the next attempt; none if the patience is used up.
    fn wait(&self, asked: Option<Duration>) -> Option<Duration> {
        let wait = match asked {
            Some(asked) => asked.saturating_add(Duration::from_millis(500).mul_f64(self.ids.fraction())),
            None => jittered(&*self.ids, exponential(self.attempts)),
        };
        let spent = until(self.began, self.clock.now()).saturating_add(wait);
        (wait <= LONGEST_PAUSE && spent <= self.patience.whole && self.attempts < self.patience.attempts).then_some(wait)
    }
}

/// 1, 2, 4 … 60 s.
pub(crate) fn exponential(attempt: u32) -> Duration {
    let seconds = 1_u64.checked_shl(attempt.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_secs(seconds.clamp(1, 60))
}

impl<T, E: Failure> Policy<Call, T, E> for Retries {
    type Future = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn retry(&mut self, call: &mut Call, result: &mut Result<T, E>) -> Option<Self::Future> {
        let again = match result {
            Ok(_) => Again::No,
            Err(failure) => failure.again(call),
        };
        let wait = match again {
            Again::No => return None,
            Again::Once if std::mem::replace(&mut self.once_used, true) => return None,
            Again::Once => self.wait(None)?,
            Again::After(asked) => self.wait(asked)?,
        };
        self.attempts += 1;
        tracing::debug!(
            path = call.path.as_str(),
            attempt = self.attempts,
            milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "trying again after a wait"
        );
        let clock = self.clock.clone();
        Some(Box::pin(async move { clock.sleep(wait).await }))
    }

    fn clone_request(&mut self, call: &Call) -> Option<Call> {
        Some(call.clone())
    }
}

/// Makes a call by `attempt`, as often as `retries` says.
pub(crate) async fn with_retries<S>(retries: Retries, attempt: S, call: Call) -> Result<S::Response, S::Error>
where
    S: Service<Call> + Clone,
    S::Error: Failure,
{
    Retry::new(retries, attempt).oneshot(call).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let waits: Vec<u64> = (1..=8).map(|attempt| exponential(attempt).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(exponential(u32::MAX).as_secs(), 60);
    }
}
