//! What this process created a moment ago: until every domain controller knows it, "not found" means "not yet"
//! (MICROSOFT.md 4.3).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// How long a creation is recent.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

/// Recent creations, and attempts whose outcome was not known, by Name.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    created: HashMap<Uuid, Timestamp>,
    names: HashMap<String, Timestamp>,
    attempted: HashMap<String, Timestamp>,
}

impl Recent {
    /// A creation was sent.
    pub(super) fn attempted(&self, name: &str, now: Timestamp) {
        let mut known = self.known(now);
        known.attempted.insert(name.to_owned(), now);
    }

    /// It was answered.
    pub(super) fn created(&self, name: &str, guid: Uuid, now: Timestamp) {
        let mut known = self.known(now);
        known.attempted.remove(name);
        known.created.insert(guid, now);
        known.names.insert(name.to_owned(), now);
    }

    /// An object was read; if it is the one of an attempt, that one succeeded.
    pub(super) fn seen(&self, name: &str, guid: Uuid, now: Timestamp) {
        let mut known = self.known(now);
        if let Some(when) = known.attempted.remove(name) {
            known.created.insert(guid, when);
            known.names.insert(name.to_owned(), when);
        }
    }

    /// Whether this object was created here a moment ago.
    pub(super) fn has(&self, guid: Uuid, now: Timestamp) -> bool {
        self.known(now).created.contains_key(&guid)
    }

    /// Whether the object of this Name was.
    pub(super) fn has_name(&self, name: &str, now: Timestamp) -> bool {
        self.known(now).names.contains_key(name)
    }

    fn known(&self, now: Timestamp) -> MutexGuard<'_, Known> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |when: Timestamp| now.duration_since(when) < RECENT;
        known.created.retain(|_, when| recent(*when));
        known.names.retain(|_, when| recent(*when));
        known.attempted.retain(|_, when| recent(*when));
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_creation_is_recent_for_ten_minutes() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let recent = Recent::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        recent.created("a", one, at(0));
        recent.attempted("b", at(60));
        recent.seen("c", other, at(61));
        assert!(recent.has(one, at(599)) && !recent.has(other, at(61)));
        assert!(recent.has_name("a", at(599)) && !recent.has_name("c", at(61)));
        recent.seen("b", other, at(62));
        assert!(recent.has(other, at(659)) && !recent.has(one, at(600)) && !recent.has(other, at(660)));
    }
}
