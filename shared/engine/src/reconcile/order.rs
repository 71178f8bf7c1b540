//! The order in which a plan is applied: what frees addresses, then what needs them, then what takes away;
//! each link by itself, and managers before their reports.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use gal::operation::{Action, Operation};
use gal::{Field, LinkKey, Side, Sides};
use tokio::sync::Notify;

/// All operations of one link in one wave, one after the other.
pub(super) type Job = Vec<Operation>;

/// The three waves of a side, each in the order of the plan.
pub(super) type Waves = [Vec<Job>; 3];

/// A chain of managers longer than this goes round in a circle.
const LONGEST_CHAIN: usize = 64;

/// The wave of an operation.
fn wave(operation: &Operation) -> usize {
    match operation.action {
        Action::Update | Action::Restore | Action::Relink | Action::Claim | Action::TakeOver | Action::Adopt | Action::AdoptGuest => {
            // It waits for a manager who is made in the next wave, and frees no address.
            let moves = operation.changes.iter().any(|change| change.field == Field::ExternalEmailAddress);
            usize::from(operation.manager.is_some() && !moves)
        }
        Action::Remove => 0,
        Action::Resume | Action::Create => 1,
        Action::Abandon | Action::HandOver | Action::Release | Action::Stage | Action::Purge => 2,
    }
}

/// Operations by side and wave, grouped by link, on the side of each group's first operation.
pub(super) fn waves(operations: Vec<Operation>) -> Sides<Waves> {
    let managers: BTreeMap<LinkKey, LinkKey> =
        operations.iter().filter_map(|operation| Some((operation.key, operation.manager?))).collect();
    let mut places: BTreeMap<(usize, LinkKey), (Side, usize)> = BTreeMap::new();
    let mut sides: Sides<Waves> = Sides::default();
    for operation in operations {
        let number = wave(&operation);
        let (side, place) =
            *places.entry((number, operation.key)).or_insert_with(|| (operation.side, sides.get(operation.side)[number].len()));
        let jobs = &mut sides.get_mut(side)[number];
        match jobs.get_mut(place) {
            Some(job) => job.push(operation),
            None => jobs.push(vec![operation]),
        }
    }
    // Managers before their reports, and their own managers before them.
    let depth = |job: &Job| {
        let first = job.iter().find_map(|operation| operation.manager);
        std::iter::successors(first, |manager| managers.get(manager).copied()).take(LONGEST_CHAIN).count()
    };
    for side in Side::BOTH {
        sides.get_mut(side)[1].sort_by_cached_key(depth);
    }
    sides
}

/// Which managers are made by this run, and which of those jobs have ended: a report waits for its manager, but only for
/// one that began before it, so that nobody waits for ever.
#[derive(Debug, Default)]
pub(crate) struct Managers {
    /// The place of each creation in its side's wave.
    places: BTreeMap<LinkKey, usize>,
    /// Reports that get their manager with an operation of this run.
    reports: BTreeSet<LinkKey>,
    ended: Mutex<BTreeSet<LinkKey>>,
    news: Notify,
}

impl Managers {
    pub(super) fn of(waves: &Sides<Waves>) -> Self {
        let mut managers = Self::default();
        for [_, second, _] in [&waves.a, &waves.b] {
            for (place, operation) in second.iter().enumerate().flat_map(|(place, job)| job.iter().map(move |one| (place, one))) {
                managers.places.insert(operation.key, place);
                if operation.manager.is_some() {
                    managers.reports.insert(operation.key);
                }
            }
        }
        managers
    }

    /// Whether this link gets its manager by an operation of this run.
    pub(super) fn has_report(&self, key: LinkKey) -> bool {
        self.reports.contains(&key)
    }

    /// A job is over, however it ended.
    pub(super) fn ended(&self, job: &Job) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.extend(job.iter().map(|operation| operation.key));
        drop(ended);
        self.news.notify_waiters();
    }

    /// Waits until the job of a report's manager is over, if it began before the report's.
    pub(super) async fn wait_for(&self, manager: LinkKey, report: LinkKey) {
        let before = self.places.get(&manager).zip(self.places.get(&report)).is_some_and(|(manager, report)| manager < report);
        if !before {
            return;
        }
        loop {
            let mut news = std::pin::pin!(self.news.notified());
            news.as_mut().enable();
            if self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains(&manager) {
                return;
            }
            news.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gal::operation::{Extras, FieldChange, LinkPatch, Reason};
    use gal::{Anchor, Origin};

    fn operation(action: Action, number: u128, manager: Option<u128>) -> Operation {
        let key = |number| LinkKey { origin: Origin::A, anchor: Anchor(uuid::Uuid::from_u128(number)) };
        Operation {
            action,
            side: Side::B,
            key: key(number),
            title: String::new(),
            address: String::new(),
            reason: Reason::InScope,
            contact: None,
            changes: Vec::new(),
            extras: Extras::default(),
            start: None,
            patch: LinkPatch::default(),
            manager: manager.map(key),
            notes: Vec::new(),
        }
    }

    #[test]
    fn what_frees_an_address_comes_first_even_if_its_manager_does_not_exist_yet() {
        let mut moves = operation(Action::Update, 2, Some(9));
        moves.changes.push(FieldChange { field: Field::ExternalEmailAddress, before: None, after: Some("a@b.example".to_owned()) });
        let all = vec![operation(Action::Stage, 4, None), operation(Action::Update, 1, Some(9)), operation(Action::Create, 9, None), moves];
        let Sides { a, b } = waves(all);
        let keys = |jobs: &[Job]| -> Vec<u128> { jobs.iter().flatten().map(|one| one.key.anchor.0.as_u128()).collect() };
        assert_eq!([keys(&b[0]), keys(&b[1]), keys(&b[2])], [vec![2], vec![9, 1], vec![4]]);
        assert!(a.iter().all(Vec::is_empty));
    }

    #[tokio::test]
    async fn a_report_waits_for_a_manager_who_began_before_and_for_nobody_else() {
        let sides = waves(vec![operation(Action::Create, 9, Some(1)), operation(Action::Create, 1, Some(9))]);
        let managers = Managers::of(&sides);
        let (nine, one) = (sides.b[1][0][0].key, sides.b[1][1][0].key);
        // They manage each other; the first does not wait.
        managers.wait_for(one, nine).await;
        let waits = managers.wait_for(nine, one);
        let (mut waits, mut done) = (std::pin::pin!(waits), false);
        tokio::select! {
            biased;
            () = &mut waits => done = true,
            () = tokio::task::yield_now() => {}
        }
        assert!(!done, "the manager's job is still going on");
        managers.ended(&sides.b[1][0]);
        waits.await;
    }
}
