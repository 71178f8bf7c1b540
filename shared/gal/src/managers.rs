//! Managers whom a plan publishes together with their reports.
//!
//! A contact's manager is named by the Name of the manager's own contact, which a creation knows
//! beforehand: it is computed from the origin. So the reports of a first merge get their manager
//! with their own creation, after the manager's, and not by a write of their own.

use std::collections::BTreeMap;

use crate::field::Field;
use crate::link::{LinkKey, Role};
use crate::operation::{Action, Operation};
use crate::plan::Plan;
use crate::recipient::{Anchor, Side};
use crate::world::World;

/// Who will stand on the other side once a plan is carried out, and under which Name.
#[derive(Clone, Debug, Default)]
pub struct Intended(BTreeMap<(Side, Anchor), (LinkKey, String)>);

impl Intended {
    /// Everybody whom a plan links: made, adopted, or only remembered. Of peers both halves stand for each other.
    pub(crate) fn of(plan: &Plan, world: &World) -> Self {
        let begun = plan.operations.iter().filter(|operation| matches!(operation.action, Action::Create | Action::Adopt));
        let begun = begun.filter_map(|operation| operation.start.as_deref());
        let remembered = plan.quiet.iter().filter(|change| change.new).map(|change| &change.link);
        let mut intended = BTreeMap::new();
        for link in begun.chain(remembered) {
            let Some(side) = link.key.origin.source_side() else { continue };
            intended.insert((side, link.key.anchor), (link.key, link.name.clone()));
            if let (Role::Peer, Some(target), Some(source)) = (link.role, link.target, world.entry(side, link.key.anchor)) {
                intended.insert((side.other(), target), (link.key, source.recipient.name.clone()));
            }
        }
        Self(intended)
    }

    /// The Name, on the other side, of what will stand there for a recipient.
    pub(crate) fn name(&self, side: Side, anchor: Anchor) -> Option<&str> {
        self.0.get(&(side, anchor)).map(|(_, name)| name.as_str())
    }

    /// Whether the manager of a recipient will be published.
    pub(crate) fn manages(&self, world: &World, side: Side, anchor: Anchor) -> bool {
        let manager = world.entry(side, anchor).and_then(|entry| world.named(side, entry.recipient.manager_name.as_deref()?));
        manager.is_some_and(|manager| self.name(side, manager.recipient.anchor).is_some())
    }

    /// Writes into each operation that names such a manager which link it must wait for.
    pub(crate) fn await_them(&self, operations: &mut [Operation]) {
        let links: BTreeMap<(Side, &str), LinkKey> =
            self.0.iter().map(|((side, _), (key, name))| ((side.other(), name.as_str()), *key)).collect();
        for operation in operations {
            let named = operation.changes.iter().find(|change| change.field == Field::Manager).and_then(|change| change.after.as_deref());
            operation.manager = named.and_then(|name| links.get(&(operation.side, name))).copied();
        }
    }
}
