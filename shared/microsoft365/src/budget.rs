//! How many requests may be in flight for a tenant, and how that adapts (MICROSOFT.md 7).
//!
//! A place is taken only while a request is in flight, never while a retry waits.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests in flight that a tenant of Exchange bears.
const TENANT_LIMIT: usize = 3;

/// How long without throttling until one place is given back.
const RECOVERY: SignedDuration = SignedDuration::from_secs(20);

/// Several refusals within this time are one event: the requests were in flight together.
const ONE_EVENT: SignedDuration = SignedDuration::from_secs(1);

/// A number of places, shared by all clients of a tenant in this process. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Budget {
    places: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
    most: usize,
}

#[derive(Debug)]
struct State {
    /// Places there are now; the rest is withheld.
    limit: usize,
    /// Places to take away as soon as somebody gives one back.
    owed: usize,
    /// When it last shrank.
    shrank: Option<Timestamp>,
    /// When it last shrank or grew.
    changed: Option<Timestamp>,
}

impl Budget {
    /// So many places, at least one.
    pub fn new(places: usize) -> Self {
        let most = places.max(1);
        Self {
            places: Arc::new(Semaphore::new(most)),
            state: Arc::new(Mutex::new(State { limit: most, owed: 0, shrank: None, changed: None })),
            most,
        }
    }

    /// The share of one pair of a tenant that has so many pairs: max(1, 3 ÷ pairs).
    pub fn of_pair(pairs: usize) -> Self {
        Self::new(TENANT_LIMIT / pairs.max(1))
    }

    /// The most places there can be.
    pub fn most(&self) -> usize {
        self.most
    }

    /// The places there are now.
    pub fn limit(&self) -> usize {
        self.state().limit
    }

    /// Waits for a place, first come first served.
    pub(crate) async fn place(&self) -> Place {
        // The semaphore is never closed; without a permit the request would only be unbounded.
        let permit = self.places.clone().acquire_owned().await.ok();
        Place { permit, state: self.state.clone() }
    }

    /// The service said that it was too much: one place fewer.
    pub(crate) fn refused(&self, now: Timestamp) {
        let mut state = self.state();
        let same_event = state.shrank.is_some_and(|shrank| now.duration_since(shrank).abs() < ONE_EVENT);
        if state.limit > 1 && !same_event {
            state.limit -= 1;
            state.owed += 1 - self.places.forget_permits(1);
            state.shrank = Some(now);
            state.changed = Some(now);
        }
    }

    /// The service answered: after a while one place more.
    pub(crate) fn answered(&self, now: Timestamp) {
        let mut state = self.state();
        let rested = state.changed.is_none_or(|changed| now.duration_since(changed) >= RECOVERY);
        if state.limit < self.most && rested {
            state.limit += 1;
            if state.owed > 0 {
                state.owed -= 1;
            } else {
                self.places.add_permits(1);
            }
            state.changed = Some(now);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    state: Arc<Mutex<State>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.owed > 0
            && let Some(permit) = self.permit.take()
        {
            state.owed -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_share_of_a_pair() {
        for (pairs, share) in [(0, 3), (1, 3), (2, 1), (3, 1), (9, 1)] {
            assert_eq!(Budget::of_pair(pairs).most(), share, "{pairs} pairs");
        }
    }

    #[tokio::test]
    async fn it_shrinks_once_an_event_and_grows_slowly() {
        let budget = Budget::new(3);
        let held = [budget.place().await, budget.place().await, budget.place().await];
        budget.refused(at(0));
        budget.refused(at(0));
        assert_eq!(budget.limit(), 2);
        budget.refused(at(5));
        budget.refused(at(10));
        assert_eq!(budget.limit(), 1, "never below one");
        drop(held);
        assert_eq!(budget.places.available_permits(), 1);
        budget.answered(at(12));
        assert_eq!(budget.limit(), 1, "too early");
        budget.answered(at(30));
        budget.answered(at(31));
        assert_eq!(budget.limit(), 2);
        budget.answered(at(60));
        budget.answered(at(90));
        assert_eq!((budget.limit(), budget.places.available_permits()), (3, 3));
    }

    #[tokio::test]
    async fn what_is_owed_is_given_back_before_it_was_taken() {
        let budget = Budget::new(2);
        let held = [budget.place().await, budget.place().await];
        budget.refused(at(0));
        budget.answered(at(20));
        drop(held);
        assert_eq!((budget.limit(), budget.places.available_permits()), (2, 2));
    }
}
