//! What galbridge began to write into a half of two peers, or to put back, and nobody knows whether it was done: if it stands there, it
//! was. An answer that was lost must not be taken for the edit of an administrator, nor for drift.

use super::{Context, Decision};
use crate::base::Base;
use crate::desired::current;
use crate::field::Field;
use crate::link::{BEGUN_COUNTS, Begun, BegunField, Link, Role};
use crate::operation::{LinkPatch, Operation, Quiet};
use crate::world::World;
use jiff::Timestamp;

/// A link, with what was begun and stands there remembered as written.
pub(super) struct Settled {
    /// As it is then.
    pub(super) link: Link,
    fields: Vec<BegunField>,
}

/// `None`: nothing was begun, or nothing of it stands there.
pub(super) fn settled(context: &Context<'_>, world: &World, link: &Link) -> Option<Settled> {
    let fields: Vec<BegunField> = link.begun.iter().flat_map(|begun| standing(context, world, link, begun)).collect();
    if fields.is_empty() {
        return None;
    }
    let patch = patch(&fields);
    let mut next = link.clone();
    next.base_source = next.base_source.with_prints(&patch.base_source);
    next.base_target = next.base_target.with_prints(&patch.base_target);
    Some(Settled { link: next, fields })
}

/// The fields of what was begun that stand there.
fn standing(context: &Context<'_>, world: &World, link: &Link, begun: &Begun) -> Vec<BegunField> {
    let on_target = begun.side == link.target_side();
    let anchor = if on_target { link.target } else { Some(link.key.anchor) };
    let half = anchor.and_then(|anchor| world.entry(begun.side, anchor));
    let in_time = |changed| changed <= begun.at + BEGUN_COUNTS;
    let Some(half) = half.filter(|half| half.recipient.complete && half.recipient.when_changed.is_some_and(in_time)) else {
        return Vec::new();
    };
    let mapping = &context.pair.publishing.get(begun.side).mapping;
    let said = mapping.copy(&half.recipient, None);
    // What is not shared (any more) is in no copy, and may stand there all the same.
    let shared = |field| link.role == Role::Peer && mapping.fields().contains(field);
    let stands = |one: &&BegunField| {
        let (source, target) = one.says;
        let bases = (link.base_source.get(one.field), link.base_target.get(one.field));
        let now = if shared(one.field) { said.values.get(one.field) } else { current(&half.recipient, one.field) };
        bases == one.over && bases != one.says && Base::print(one.field, now) == if on_target { target } else { source }
    };
    begun.fields.iter().filter(stands).copied().collect()
}

fn patch(fields: &[BegunField]) -> LinkPatch {
    LinkPatch {
        base_source: fields.iter().map(|one| (one.field, one.says.0)).collect(),
        base_target: fields.iter().map(|one| (one.field, one.says.1)).collect(),
        ..LinkPatch::default()
    }
}

impl Settled {
    /// What was decided of the link as it is then, with that in what is remembered.
    pub(super) fn remember(&self, mut decision: Decision, title: &str) -> Decision {
        let patch = patch(&self.fields);
        for operation in &mut decision.operations {
            let merged = &mut operation.patch;
            merged.base_source = patch.base_source.iter().chain(&merged.base_source).copied().collect();
            merged.base_target = patch.base_target.iter().chain(&merged.base_target).copied().collect();
        }
        // Also beside an operation: what that one begins is announced over it.
        if decision.quiet.is_empty() {
            decision.quiet.extend(Decision::quiet(Quiet::Record, &self.link, patch, title).quiet);
        }
        decision
    }
}

impl Begun {
    /// Of an operation that writes a half of two peers, or puts back; `None` if it writes no field.
    pub fn of(link: &Link, operation: &Operation, at: Timestamp) -> Option<Self> {
        // A base that the operation leaves as it is.
        let print = |list: &[(Field, Option<u64>)], field, over: Option<u64>| {
            list.iter().rev().find(|(one, _)| *one == field).map_or(over, |(_, print)| *print)
        };
        let patch = &operation.patch;
        let one = |field| {
            let over = (link.base_source.get(field), link.base_target.get(field));
            BegunField { field, over, says: (print(&patch.base_source, field, over.0), print(&patch.base_target, field, over.1)) }
        };
        let fields: Vec<_> = operation.changes.iter().map(|change| one(change.field)).collect();
        (!fields.is_empty()).then_some(Self { side: operation.side, at, fields })
    }
}
