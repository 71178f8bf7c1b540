//! What begins: creating, adopting, recovering, re-linking.

use super::leave::hidden_by_us;
use super::update::Merged;
use super::{Case, Context, Decision};
use crate::base::Base;
use crate::desired::{Desired, current, desired_peer, desired_projection};
use crate::link::{Before, Link, LinkKey, Origin, Phase, Provenance, Role, Step, Suppression};
use crate::merge;
use crate::operation::{Action, Extras, FieldChange, LinkPatch, Operation, Quiet, QuietChange, Reason};
use crate::policy::MergeMode;
use crate::recipient::{Kind, Side};
use crate::stamp::{Mark, made_name};
use crate::world::{Entry, World};

impl Case<'_, '_> {
    pub(super) fn resume(&self, source: &Entry, address: &str) -> Decision {
        let begun = matches!(self.link.phase, Phase::Creating { step: Step::Created | Step::Stamped });
        // Somebody else was faster: what stands there now is joined like any other contact.
        if !begun && self.held_by_another(self.link.target_side(), address) {
            return self.forget();
        }
        let mut operation = creation(self.context, self.world, self.link.clone(), source, address);
        operation.action = Action::Resume;
        operation.reason = Reason::Interrupted;
        operation.start = None;
        Decision::operation(operation)
    }

    /// Shows a contact that was claimed, as it would be if it were made for this source: what stands there is nobody's word, and may be
    /// what another pair wrote a moment ago, so that everything is written; and what a former owner left beside is cleared.
    pub(super) fn take_over(&self, source: &Entry, address: &str, contact: &Entry) -> Decision {
        let key = self.link.key;
        let mut desired = match self.link.role {
            Role::Projection => desired_projection(self.context, self.world, key.origin, source, address),
            Role::Peer => desired_peer(self.context, self.world, key.origin, source, source),
        };
        let mut decision = Decision::nothing();
        if let Some(reason) = super::update::address_conflict(self.context, self.world, self.link, contact, address) {
            desired.leave_alone(crate::Field::ExternalEmailAddress);
            decision.skipped = Some(reason);
        }
        let mut operation = self.operation(Action::TakeOver, key.origin.target_side(), Reason::Claimed, Some(contact));
        for field in crate::desired::all_fields() {
            let (stands, wanted) = (current(&contact.recipient, field), desired.values.get(field));
            let decided = desired.fields.contains(field);
            let needed = matches!(field, crate::Field::DisplayName | crate::Field::ExternalEmailAddress);
            let writes = match (decided, needed) {
                (true, true) => wanted.is_some(),
                (true, false) => true,
                // Where it is remembered what stood there, it was this link's before, and this is its administrator's.
                (false, false) => stands.is_some() && self.link.base_target == Base::default(),
                (false, true) => false,
            };
            if writes {
                let after = wanted.filter(|_| decided).map(str::to_owned);
                operation.changes.push(FieldChange { field, before: stands.map(str::to_owned), after });
            }
            if decided {
                operation.patch.base_source.push((field, Base::print(field, wanted)));
                operation.patch.base_target.push((field, Base::print(field, wanted)));
            }
        }
        operation.extras = self.upkeep(&desired, source, contact);
        operation.extras.stamp = Some(Some(self.context.stamp(self.link, None)));
        operation.extras.rename = self.own_name(contact);
        operation.extras.hidden = Some(false);
        operation.patch.phase = Some(Phase::Live);
        operation.patch.base_hidden = Some(false);
        operation.patch.address = Some(address.to_owned()).filter(|_| decision.skipped.is_none());
        operation.notes = desired.notes;
        self.finish(decision, operation)
    }

    /// Whether something that belongs to no link, and that we did not make for this one, holds an address on a side. What is no contact
    /// holds it whatever it belongs to, but for an adopted guest.
    pub(super) fn held_by_another(&self, side: Side, address: &str) -> bool {
        self.world.holders(side, address).any(|entry| {
            let recipient = &entry.recipient;
            let free = || self.world.link_of(side, recipient.anchor).is_none();
            !recipient.kind.is_written() || recipient.mark == Mark::None && !recipient.has_made_name() && free()
        })
    }

    /// A projection that the target's administrator deleted: made again once, then suppressed.
    pub(super) fn deleted_by_administrator(&self, source: &Entry, address: &str) -> Decision {
        // He put his own in its place: it is joined, not fought.
        if self.held_by_another(self.link.target_side(), address) {
            return self.forget();
        }
        if self.link.deletions >= 1 {
            return self.suppress(Suppression::DeletedTwice);
        }
        let mut link = blank_link(self.context, self.link.key, source, address, Provenance::Made);
        link.deletions = self.link.deletions + 1;
        let mut operation = creation(self.context, self.world, link, source, address);
        operation.reason = Reason::DeletedOnce;
        Decision::operation(operation)
    }

    pub(super) fn join_projection(&self, source: &Entry, address: &str, contact: &Entry) -> Decision {
        let desired = self.desired_of(source, address, contact);
        let mut merged = Merged::default();
        let source_side = self.link.target_side().other();
        for field in desired.fields.iter() {
            let (left, right) = (desired.values.get(field), current(&contact.recipient, field));
            let verdict = merge::joining(field, left, right, source_side, self.context.mode(), self.context.enforce(), None);
            merged.take(verdict, field, left, right, self.link);
        }
        self.unpublished(&desired, contact, &mut merged);
        let mut operation =
            self.operation(Action::Adopt, self.link.target_side(), Reason::SameAddress { address: address.to_owned() }, Some(contact));
        operation.extras = self.upkeep(&desired, source, contact);
        if self.context.mode() == MergeMode::LinkOnly {
            operation.extras.x500_add.clear();
        }
        operation.changes = merged.changes;
        operation.patch = LinkPatch { phase: Some(Phase::Live), ..merged.patch };
        operation.notes = merged.notes;
        operation.notes.extend(desired.notes);
        Decision::operation(operation)
    }
}

/// A link that does not exist yet.
pub(super) fn blank_link(context: &Context<'_>, key: LinkKey, source: &Entry, address: &str, provenance: Provenance) -> Link {
    let name = made_name(context.installation, context.origin_tenant(key.origin), key.anchor);
    Link::intended(key, context.role(key.origin, &source.recipient), provenance, name, address.to_owned())
}

/// The operation that makes a contact: the same at every attempt.
pub(super) fn creation(context: &Context<'_>, world: &World, link: Link, source: &Entry, address: &str) -> Operation {
    let side = link.target_side();
    let desired = match link.role {
        Role::Projection => desired_projection(context, world, link.key.origin, source, address),
        Role::Peer => desired_peer(context, world, link.key.origin, source, source),
    };
    let values = || desired.fields.iter().filter_map(|field| Some((field, desired.values.get(field)?)));
    let changes = values().map(|(field, value)| FieldChange { field, before: None, after: Some(value.to_owned()) }).collect();
    let remembered: Vec<_> = values().map(|(field, value)| (field, Base::print(field, Some(value)))).collect();
    let mut extras = Extras { stamp: Some(Some(context.stamp(&link, None))), ..Extras::default() };
    if desired.carry_x500 && !link.x500_refused {
        extras.x500_add.clone_from(&source.recipient.x500);
    }
    Operation {
        action: Action::Create,
        side,
        key: link.key,
        title: source.recipient.title().to_owned(),
        address: address.to_owned(),
        reason: Reason::InScope,
        contact: None,
        changes,
        extras,
        patch: LinkPatch {
            phase: Some(Phase::Live),
            base_source: remembered.clone(),
            base_target: remembered,
            base_hidden: Some(false),
            ..LinkPatch::default()
        },
        start: Some(Box::new(link)),
        manager: None,
        notes: desired.notes,
    }
}

/// The operation for a recipient that nothing stands for yet.
pub(crate) fn create(context: &Context<'_>, world: &World, key: LinkKey, source: &Entry, address: &str) -> Operation {
    creation(context, world, blank_link(context, key, source, address, Provenance::Made), source, address)
}

/// Adopts a found contact: joins the fields, stamps a projection, remembers what it was before.
pub(crate) fn adopt(
    context: &Context<'_>,
    world: &World,
    key: LinkKey,
    source: &Entry,
    address: &str,
    contact: &Entry,
    joining: Option<&Link>,
) -> Decision {
    let mut link = joining.cloned().unwrap_or_else(|| blank_link(context, key, source, address, Provenance::Found));
    let recipient = &contact.recipient;
    let guest = recipient.kind == Kind::Guest;
    if guest {
        // A guest is an account of its own directory: nothing flows back from it.
        link.role = Role::Projection;
    }
    link.phase = Phase::Joining;
    link.target = Some(recipient.anchor);
    link.target_guid = recipient.guid;
    link.name.clone_from(&recipient.name);
    link.base_hidden = recipient.hidden;
    if link.before.is_none() {
        link.before = Some(Before { values: recipient.values.clone(), hidden: recipient.hidden, x500: recipient.x500.clone() });
    }
    let case = Case { context, world, link: &link, title: source.recipient.title().to_owned() };
    let mut decision = match link.role {
        Role::Projection => case.join_projection(source, address, contact),
        Role::Peer => case.join_peers(source, contact),
    };
    for operation in &mut decision.operations {
        if guest {
            // Guests are not shown in address lists unless somebody shows them.
            operation.action = Action::AdoptGuest;
            operation.extras.hidden = link.base_hidden.then_some(false);
            operation.patch.base_hidden = Some(false);
        }
        operation.start = Some(Box::new(link.clone()));
    }
    decision
}

/// Restores a link from the stamp or the Name of a contact that we made or adopted.
pub(crate) fn recover(context: &Context<'_>, world: &World, key: LinkKey, source: &Entry, address: &str, contact: &Entry) -> Decision {
    let recipient = &contact.recipient;
    let stamp = recipient.mark.stamp();
    let mut link = blank_link(context, key, source, address, stamp.map_or(Provenance::Made, |stamp| stamp.provenance));
    link.role = stamp.map_or(link.role, |stamp| stamp.role);
    link.target = Some(recipient.anchor);
    link.target_guid = recipient.guid;
    link.name.clone_from(&recipient.name);
    // The state knows it by an account that was made again since: what it remembers of the contact stays.
    let older = world.link_of(key.origin.target_side(), recipient.anchor).filter(|older| older.key != key);
    if let Some(older) = older {
        link.inherit(older);
    }
    let staged = stamp.and_then(|stamp| stamp.staged);
    link.base_hidden = if staged.is_some() { older.is_some_and(|older| older.base_hidden) } else { recipient.hidden };
    let stands = |field| (field, current(recipient, field));
    link.base_target = Base::default().with(crate::desired::all_fields().map(stands));
    // For a contact we made, the owner wins over what stands there, in the fields that are published: the others are the
    // administrator's. A found one and peers keep their values: the base is what the source says now, in the terms in which it
    // is compared later.
    let mut notes = Vec::new();
    link.base_source = match (link.provenance, link.role) {
        (Provenance::Made, Role::Projection) => {
            let published = context.pair.publishing.get(key.origin.target_side().other()).mapping.fields();
            Base::default().with(published.iter().map(stands))
        }
        (Provenance::Found, Role::Projection) => {
            let desired = desired_projection(context, world, key.origin, source, address);
            let base = said(&desired, source);
            notes = desired.notes;
            base
        }
        // Whether it was shown since it was claimed is not known: its owner wins.
        (Provenance::Made, Role::Peer) if staged.is_some() => link.base_target.clone(),
        (Provenance::Made | Provenance::Found, Role::Peer) => said(&desired_peer(context, world, key.origin, source, contact), source),
    };
    // A twin that was moved to whoever follows, and cut off before the state said so: what was edited since is told from the bases of
    // before, as if it had not been.
    let is_twin = |link: &Link| link.role == Role::Peer && link.provenance == Provenance::Made && !link.claimed;
    if let Some(older) = older.filter(|older| is_twin(&link) && is_twin(older)) {
        link.base_source.clone_from(&older.base_source);
        link.base_target.clone_from(&older.base_target);
    }
    link.phase = match (stamp, staged) {
        // Cut off before the stamp: the creation goes on.
        (None, _) => Phase::Creating { step: Step::Created },
        (Some(_), None) => Phase::Live,
        (Some(_), Some(since)) => Phase::Staged { since, side: key.origin.target_side() },
    };
    let title = source.recipient.title().to_owned();
    let change = QuietChange { quiet: Quiet::Recover, link, new: true, patch: LinkPatch::default(), title };
    Decision { quiet: vec![change], notes, ..Decision::default() }
}

/// Takes over a contact that another origin made and has hidden for its deletion. First it is only claimed, by stamp and Name, and stays
/// hidden: of two who want it one has it then. From then on it is this link's own, staged, and the next round shows it.
pub(crate) fn claim(context: &Context<'_>, world: &World, key: LinkKey, source: &Entry, address: &str, contact: &Entry) -> Decision {
    let recipient = &contact.recipient;
    let waits = recipient.mark.stamp().and_then(|stamp| Some((stamp, stamp.staged?)));
    let Some((stamp, since)) = waits else { return Decision::nothing() };
    let side = key.origin.target_side();
    let mut link = blank_link(context, key, source, address, Provenance::Made);
    link.target = Some(recipient.anchor);
    link.target_guid = recipient.guid;
    link.phase = Phase::Staged { since, side };
    link.claimed = true;
    let case = Case { context, world, link: &link, title: source.recipient.title().to_owned() };
    let reason = Reason::TakenOver { origin_tenant: stamp.origin_tenant.clone() };
    let mut operation = case.operation(Action::Claim, side, reason, Some(contact));
    operation.extras.stamp = Some(Some(context.stamp(&link, Some(since))));
    operation.extras.rename = Some(link.name.clone()).filter(|name| *name != recipient.name);
    operation.start = Some(Box::new(link.clone()));
    Decision::operation(operation)
}

/// What a source says, as a base: as it is mapped, and as it is where the profile decides nothing.
fn said(desired: &Desired, source: &Entry) -> Base {
    let value = |field| if desired.fields.contains(field) { desired.values.get(field) } else { current(&source.recipient, field) };
    Base::default().with(crate::desired::all_fields().map(|field| (field, value(field))))
}

/// Re-links a contact to the account that was re-created under the same address. Never delete and recreate (law 6).
pub(crate) fn relink(
    context: &Context<'_>,
    world: &World,
    old: &Link,
    origin: Origin,
    source: &Entry,
    address: &str,
    contact: &Entry,
) -> Decision {
    let key = LinkKey { origin, anchor: source.recipient.anchor };
    let role = match (old.role, context.role(origin, &source.recipient)) {
        (Role::Peer, Role::Peer) => Role::Peer,
        // A mailbox has no twin that writes into it; and what only followed goes on following.
        (Role::Peer, Role::Projection) | (Role::Projection, Role::Peer | Role::Projection) => Role::Projection,
    };
    let link = Link { key, role, ..old.clone() };
    let case = Case { context, world, link: &link, title: source.recipient.title().to_owned() };
    let reason = Reason::Recreated { was: old.key.anchor };
    if is_half_at_origin(old, contact) || old.role == Role::Peer && old.provenance == Provenance::Found {
        let mut decision = part_peers(&Case { link: old, ..case }, contact, reason);
        // Whatever keeps it from being done, whoever follows is looked at again.
        decision.operations.iter_mut().for_each(|operation| operation.patch.rekey = Some(key));
        return decision;
    }
    let staged = matches!(old.phase, Phase::Staged { .. }) || hidden_by_us(contact);
    let mut decision = match role {
        // It was being adopted, and may be as it was: what differs stays, as in any join.
        Role::Projection | Role::Peer if old.phase == Phase::Joining => {
            let mut decision = adopt(context, world, key, source, address, contact, Some(&link));
            // What it was before is stored with the link as it is.
            decision.operations.iter_mut().for_each(|operation| operation.start = None);
            decision
        }
        Role::Projection if !old.claimed => {
            let mut decision = case.update_projection(source, address, contact, Action::Relink, staged.then_some(old.base_hidden));
            for operation in &mut decision.operations {
                operation.patch.phase = Some(Phase::Live);
            }
            decision
        }
        // Both write, or nobody has yet: the new account gets the link as it is, and the next round goes on from there.
        Role::Projection | Role::Peer => {
            let mut operation = case.operation(Action::Relink, key.origin.target_side(), reason.clone(), Some(contact));
            let since = match old.phase {
                Phase::Staged { since, .. } => Some(since),
                Phase::Creating { .. } | Phase::Joining | Phase::Live | Phase::Kept | Phase::Suppressed { .. } => {
                    contact.recipient.mark.stamp().and_then(|stamp| stamp.staged)
                }
            };
            operation.extras.stamp = Some(Some(context.stamp(&link, since)));
            Decision::operation(operation)
        }
    };
    for operation in &mut decision.operations {
        operation.key = old.key;
        operation.reason = reason.clone();
        operation.patch.role = Some(role).filter(|role| *role != old.role);
        operation.patch.rekey = Some(key);
        // Its Name says whom it stands for: should the old account come back, it gets a contact of its own.
        let name = made_name(context.installation, context.origin_tenant(origin), key.anchor);
        if old.provenance == Provenance::Made && contact.recipient.has_made_name() && contact.recipient.name != name {
            operation.extras.rename = Some(name.clone());
            operation.patch.name = Some(name);
        }
    }
    decision.quiet.clear();
    decision
}

/// Whether a contact is the source of a link, not what stands for it.
fn is_half_at_origin(link: &Link, contact: &Entry) -> bool {
    link.key.anchor == contact.recipient.anchor
}

/// Two contacts that were there before, of which one is gone and followed: the other is its administrator's, as it was; they are joined
/// anew after that, and keep what they say.
fn part_peers(case: &Case<'_, '_>, contact: &Entry, reason: Reason) -> Decision {
    match case.link.phase {
        Phase::Staged { side, .. } if is_half_at_origin(case.link, contact) && side != case.link.target_side() => {
            case.give_back_half(contact, reason)
        }
        Phase::Staged { side, .. } if side == case.link.target_side() => case.release(contact, reason),
        Phase::Staged { .. } | Phase::Creating { .. } | Phase::Joining | Phase::Live | Phase::Kept | Phase::Suppressed { .. } => {
            case.forget()
        }
    }
}
