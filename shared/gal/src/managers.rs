//! Managers whom a plan publishes together with their reports.
//!
//! A contact's manager is named by the Name of the manager's own contact, which a creation knows
//! beforehand: it is computed from the origin. So the reports of a first merge get their manager
//! with their own creation, after the manager's, and not by a write of their own.

use std::collections::BTreeMap;

use crate::field::Field;
use crate::link::{LinkKey, Origin};
use crate::operation::{Action, Operation};
use crate::recipient::{Anchor, Side};
use crate::world::World;

/// A chain of managers longer than this goes round in a circle.
const LONGEST_CHAIN: usize = 64;

/// Who will be published by a plan, and under which Name.
#[derive(Clone, Debug, Default)]
pub struct Intended(BTreeMap<LinkKey, String>);

impl Intended {
    /// The contacts that these operations make or adopt.
    pub(crate) fn of(operations: &[Operation]) -> Self {
        let begun = operations.iter().filter(|operation| matches!(operation.action, Action::Create | Action::Adopt));
        Self(begun.filter_map(|operation| Some((operation.key, operation.start.as_ref()?.name.clone()))).collect())
    }

    /// The Name that the contact of a recipient will have.
    pub(crate) fn name(&self, side: Side, anchor: Anchor) -> Option<&str> {
        self.0.get(&LinkKey { origin: Origin::of(side), anchor }).map(String::as_str)
    }

    /// Whether the manager of a recipient will be published.
    pub(crate) fn manages(&self, world: &World, side: Side, anchor: Anchor) -> bool {
        let manager = world.entry(side, anchor).and_then(|entry| world.named(side, entry.recipient.manager_name.as_deref()?));
        manager.is_some_and(|manager| self.name(side, manager.recipient.anchor).is_some())
    }

    /// Writes into each operation that names such a manager which link it must wait for, and puts managers before their
    /// reports. The order is otherwise the order of `by`.
    pub(crate) fn order<K: Ord>(&self, operations: &mut [Operation], by: impl Fn(&Operation) -> K) {
        let links: BTreeMap<&str, LinkKey> = self.0.iter().map(|(key, name)| (name.as_str(), *key)).collect();
        for operation in operations.iter_mut() {
            let named = operation.changes.iter().find(|change| change.field == Field::Manager).and_then(|change| change.after.as_deref());
            operation.manager = named.and_then(|name| links.get(name)).copied();
        }
        let managers: BTreeMap<LinkKey, LinkKey> =
            operations.iter().filter_map(|operation| Some((operation.key, operation.manager?))).collect();
        let depth = |operation: &Operation| {
            std::iter::successors(operation.manager, |manager| managers.get(manager).copied()).take(LONGEST_CHAIN).count()
        };
        operations.sort_by_cached_key(|operation| (operation.action, operation.side, depth(operation), by(operation)));
    }
}
