//! What galbridge began to write into a half of two peers, and nobody knows whether it was done: if it stands there, it was. An answer that
//! was lost must not be taken for the edit of an administrator.

use super::{Context, Decision};
use crate::field::Field;
use crate::link::{BEGUN_COUNTS, Begun, Link};
use crate::operation::{LinkPatch, Quiet};
use crate::recipient::Side;
use crate::world::World;

/// A link, with what was begun and stands there remembered as written.
pub(super) struct Settled {
    /// As it is then.
    pub(super) link: Link,
    /// The fields that it is about, each with what the half at the origin says, and the other one.
    fields: Vec<(Field, Option<u64>, Option<u64>)>,
}

/// `None`: nothing was begun, or nothing of it stands there.
pub(super) fn settled(context: &Context<'_>, world: &World, link: &Link) -> Option<Settled> {
    let mut next = link.clone();
    let mut fields = Vec::new();
    next.begun.retain(|begun| {
        let (stands, all) = standing(context, world, link, begun);
        fields.extend(stands);
        !all
    });
    if fields.is_empty() {
        return None;
    }
    let patch = patch(&fields);
    next.base_source = next.base_source.with_prints(&patch.base_source);
    next.base_target = next.base_target.with_prints(&patch.base_target);
    Some(Settled { link: next, fields })
}

/// The fields of what was begun that stand there, and whether these are all.
fn standing(context: &Context<'_>, world: &World, link: &Link, begun: &Begun) -> (Vec<(Field, Option<u64>, Option<u64>)>, bool) {
    let on_target = begun.side == link.target_side();
    let anchor = if on_target { link.target } else { Some(link.key.anchor) };
    let half = anchor.and_then(|anchor| world.entry(begun.side, anchor));
    let Some(half) = half.filter(|half| half.recipient.complete && context.now < begun.at + BEGUN_COUNTS) else {
        return (Vec::new(), false);
    };
    let said = context.pair.publishing.get(begun.side).mapping.copy(&half.recipient, None);
    let stands = |(field, source, target): &&(Field, Option<u64>, Option<u64>)| {
        crate::link::Base::print(*field, said.values.get(*field)) == if on_target { *target } else { *source }
    };
    let fields: Vec<_> = begun.fields.iter().filter(stands).copied().collect();
    let all = fields.len() == begun.fields.len();
    (fields, all)
}

fn patch(fields: &[(Field, Option<u64>, Option<u64>)]) -> LinkPatch {
    LinkPatch {
        base_source: fields.iter().map(|(field, source, _)| (*field, *source)).collect(),
        base_target: fields.iter().map(|(field, _, target)| (*field, *target)).collect(),
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
        if decision.operations.is_empty() && decision.quiet.is_empty() {
            decision.quiet.extend(Decision::quiet(Quiet::Record, &self.link, patch, title).quiet);
        }
        decision
    }
}

impl Begun {
    /// Of an operation that writes a half of two peers; `None` if it writes no field.
    pub fn of(operation: &crate::operation::Operation, at: jiff::Timestamp) -> Option<Self> {
        let print = |list: &[(Field, Option<u64>)], field| list.iter().rev().find(|(one, _)| *one == field).and_then(|(_, print)| *print);
        let patch = &operation.patch;
        let of = |field| (field, print(&patch.base_source, field), print(&patch.base_target, field));
        let fields: Vec<_> = operation.changes.iter().map(|change| of(change.field)).collect();
        let side: Side = operation.side;
        (!fields.is_empty()).then_some(Self { side, at, fields })
    }
}
