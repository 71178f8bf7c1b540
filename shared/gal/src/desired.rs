//! What a contact should look like, in the target's terms.

use crate::decide::Context;
use crate::field::{Field, FieldSet};
use crate::link::Origin;
use crate::mapping::Projection;
use crate::reason::Note;
use crate::recipient::{Recipient, Side};
use crate::values::Values;
use crate::world::{Entry, World};

/// What a contact should look like.
#[derive(Debug, Default)]
pub(crate) struct Desired {
    /// The fields that are decided.
    pub(crate) fields: FieldSet,
    /// Their values at the source, mapped.
    pub(crate) values: Values,
    /// For peers: what the other half says, in the same terms.
    pub(crate) other: Values,
    /// Fields that the mapping does not publish (any more).
    pub(crate) dropped: FieldSet,
    /// Whether the source's X.500 addresses are carried.
    pub(crate) carry_x500: bool,
    /// What a person should know.
    pub(crate) notes: Vec<Note>,
}

impl Desired {
    /// Decides nothing about a field.
    pub(crate) fn leave_alone(&mut self, field: Field) {
        self.fields.remove(field);
        self.dropped.remove(field);
    }
}

/// All fields of the table.
pub(crate) fn all_fields() -> impl Iterator<Item = Field> {
    Field::all()
}

/// The fields that peers can share: all but the manager, which is a recipient of its own tenant.
pub(crate) fn peer_fields() -> impl Iterator<Item = Field> {
    Field::all().filter(|field| *field != Field::Manager)
}

/// What stands in an object now.
pub(crate) fn current(recipient: &Recipient, field: Field) -> Option<&str> {
    match field {
        Field::Manager => recipient.manager_name.as_deref(),
        Field::ExternalEmailAddress => recipient.primary.as_deref(),
        other => recipient.values.get(other),
    }
}

/// A projection of a source, by the mapping of its direction. The side that maps for static contacts is the one across.
pub(crate) fn desired_projection(context: &Context<'_>, world: &World, origin: Origin, source: &Entry, address: &str) -> Desired {
    let side = origin.target_side().other();
    let publishing = context.pair.publishing.get(side);
    let recipient = &source.recipient;
    let manager = origin.source_side().and_then(|side| {
        let name = recipient.manager_name.as_deref()?;
        let intended = || context.intended.name(side, world.named(side, name)?.recipient.anchor);
        world.published_name(side, name).or_else(intended)
    });
    let Projection { values, left_alone, notes } = match origin.source_side() {
        Some(_) => publishing.mapping.project(recipient, address, manager),
        None => publishing.mapping.copy(recipient, None),
    };
    let fields = publishing.mapping.fields();
    let mut desired = Desired { fields, values, notes, carry_x500: publishing.carry_x500, ..Desired::default() };
    desired.dropped = Field::all().filter(|field| !fields.contains(*field)).collect();
    for field in left_alone.iter() {
        desired.leave_alone(field);
    }
    desired
}

/// Both halves of a peer link, copied without templates. A field is decided if either direction publishes it.
pub(crate) fn desired_peer(context: &Context<'_>, _world: &World, origin: Origin, source: &Entry, other: &Entry) -> Desired {
    let side = origin.target_side().other();
    let copy = |side: Side, entry: &Entry| context.pair.publishing.get(side).mapping.copy(&entry.recipient, None);
    let there = copy(side, source);
    let back = copy(side.other(), other);
    let fields = |side: Side| context.pair.publishing.get(side).mapping.fields();
    let mut desired = Desired {
        fields: peer_fields().filter(|field| fields(side).contains(*field) && fields(side.other()).contains(*field)).collect(),
        values: there.values,
        other: back.values,
        carry_x500: context.pair.publishing.get(side).carry_x500,
        notes: there.notes,
        dropped: peer_fields().filter(|field| !fields(side).contains(*field)).collect(),
    };
    for field in there.left_alone.iter().chain(back.left_alone.iter()) {
        desired.leave_alone(field);
    }
    desired
}
