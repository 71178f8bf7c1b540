//! Keeping a contact in step with its source, field by field, with its stamp and reply addresses.

use super::{Case, Context, Decision};
use crate::base::Base;
use crate::desired::{Desired, current, desired_projection};
use crate::link::{Link, Phase, Provenance, Role};
use crate::merge;
use crate::merge::{Verdict, Why};
use crate::operation::{Action, Extras, FieldChange, LinkPatch, Operation, Quiet, QuietChange, Reason};
use crate::reason::{Note, SkipReason};
use crate::recipient::{Kind, Recipient};
use crate::world::{Entry, World};

/// A circle of addresses that is longer is left to a person.
const LONGEST_CIRCLE: usize = 16;

impl Case<'_, '_> {
    /// Keeps a projection in step with its source; also restores a staged one (`hidden`: the flag it gets back).
    pub(super) fn update_projection(
        &self,
        source: &Entry,
        address: &str,
        contact: &Entry,
        action: Action,
        hidden: Option<bool>,
    ) -> Decision {
        let side = self.link.target_side();
        let mut desired = self.desired_of(source, address, contact);
        let mut decision = Decision::nothing();
        let mut moves_aside = false;
        // The address of a guest is his own directory's.
        let conflict = address_conflict(self.context, self.world, self.link, contact, address);
        if let Some(reason) = conflict.filter(|_| contact.recipient.kind != Kind::Guest) {
            desired.leave_alone(crate::Field::ExternalEmailAddress);
            moves_aside = self.goes_round(contact, address);
            decision.skipped = Some(reason).filter(|_| !moves_aside);
        }
        let mut merged = self.merge_projection(&desired, contact);
        if moves_aside {
            self.move_aside(contact, &mut merged);
        }
        merged.notes.extend(desired.notes.iter().cloned());
        if self.link.x500_refused && desired.carry_x500 {
            merged.notes.push(Note::X500Refused);
        }
        self.hidden_veto(contact, hidden, &mut merged);
        let mut operation = self.operation(action, side, merged.reason(action), Some(contact));
        operation.extras = self.upkeep(&desired, source, contact);
        operation.extras.hidden = hidden.filter(|wanted| *wanted != contact.recipient.hidden);
        if action == Action::Restore {
            operation.extras.rename = self.own_name(contact);
        }
        operation.changes = merged.changes;
        operation.notes = merged.notes;
        operation.patch = merged.patch;
        if action != Action::Update || self.link.phase != Phase::Live {
            operation.patch.phase = Some(Phase::Live);
        }
        if address != self.link.address && decision.skipped.is_none() && !moves_aside {
            operation.patch.address = Some(address.to_owned());
        }
        // Somebody else there holds the new address: whoever looks at the status must know.
        let waits: Vec<crate::Field> = decision.skipped.iter().map(|_| crate::Field::ExternalEmailAddress).collect();
        if waits != self.link.conflicts {
            operation.patch.conflicts = Some(waits);
        }
        self.finish(decision, operation)
    }

    /// Whether contacts wait for each other's addresses in a circle (two people swapped theirs): none can move before another.
    fn goes_round(&self, contact: &Entry, address: &str) -> bool {
        let side = self.link.target_side();
        let mut wanted = address.to_owned();
        for _ in 0..LONGEST_CIRCLE {
            let Some(holder) = self.world.holders(side, &wanted).find(|holder| holder.recipient.primary.as_deref() == Some(&*wanted))
            else {
                return false;
            };
            if holder.recipient.anchor == contact.recipient.anchor {
                return true;
            }
            match self.moves_to(holder) {
                Some(next) if next != wanted => wanted = next,
                Some(_) | None => return false,
            }
        }
        false
    }

    /// Where the source of a contact wants it to go, if it can move at all.
    fn moves_to(&self, contact: &Entry) -> Option<String> {
        let side = self.link.target_side();
        let link = self.world.link_of(side, contact.recipient.anchor)?;
        let ours = link.phase == Phase::Live && link.role == Role::Projection && link.target == Some(contact.recipient.anchor);
        let stays = contact.recipient.directory_synced || contact.recipient.kind == Kind::Guest;
        if !ours || link.quarantine.is_some() || stays {
            return None;
        }
        let source_side = link.key.origin.source_side()?;
        let source = self.world.entry(source_side, link.key.anchor).filter(|entry| entry.recipient.is_present())?;
        let address = self.context.eligible(source_side, source).ok()?;
        crate::join::admissible(self.context, side, &address).is_ok().then_some(address)
    }

    /// Moves a contact to an address that nobody holds and no mail goes to, so that the others can move; its own move follows
    /// in the same run. The base of the source stays: its new address is still to be written.
    fn move_aside(&self, contact: &Entry, merged: &mut Merged) {
        let aside = format!("{}@galbridge.invalid", self.link.key.anchor);
        let field = crate::Field::ExternalEmailAddress;
        let stands = current(&contact.recipient, field);
        merged.patch.base_target.push((field, Base::print(field, Some(&aside))));
        merged.write(field, stands, Some(aside), Why::Aside);
    }

    /// Whether nothing is known of the contact; one of which a part is not read yet is known.
    pub(super) fn knows_no_contact(&self) -> bool {
        self.link.target.is_none_or(|anchor| self.world.entry(self.link.target_side(), anchor).is_none())
    }

    /// Where nothing is left to be refused, nobody is set aside any more; where nothing is merged any more, nothing is contradicted (should
    /// it be merged again, that is told anew).
    pub(super) fn freed(&self, mut decision: Decision) -> Decision {
        let parted = |reason: &SkipReason| {
            matches!(reason, SkipReason::PeerOutOfScope | SkipReason::StampReplaced | SkipReason::TargetDirectorySynced)
        };
        if decision.skipped.as_ref().is_some_and(parted) && !self.link.conflicts.is_empty() {
            let patch = LinkPatch { conflicts: Some(Vec::new()), ..LinkPatch::default() };
            decision.quiet.extend(Decision::quiet(Quiet::Record, self.link, patch, &self.title).quiet);
        }
        // Who rests is not tried any more.
        let waits = |reason: &SkipReason| !matches!(reason, SkipReason::Suppressed { .. } | SkipReason::PeerOutOfScope);
        if self.link.quarantine.is_none() || !decision.operations.is_empty() || decision.skipped.as_ref().is_some_and(waits) {
            return decision;
        }
        if let Some(change) = decision.quiet.first_mut() {
            change.patch.freed = true;
        } else {
            let patch = LinkPatch { freed: true, ..LinkPatch::default() };
            decision.quiet.extend(Decision::quiet(Quiet::Record, self.link, patch, &self.title).quiet);
        }
        decision
    }

    /// An operation with nothing to write is only remembered, and not even that if nothing moved.
    pub(super) fn finish(&self, mut decision: Decision, operation: Operation) -> Decision {
        decision.notes.extend(operation.notes.iter().cloned());
        if !operation.changes.is_empty() || !operation.extras.is_empty() {
            decision.operations.push(operation);
        } else if !operation.patch.is_empty() {
            let change = QuietChange {
                quiet: Quiet::Record,
                link: self.link.clone(),
                new: false,
                patch: operation.patch,
                title: self.title.clone(),
            };
            decision.quiet.push(change);
        }
        decision
    }

    pub(super) fn merge_projection(&self, desired: &Desired, contact: &Entry) -> Merged {
        let link = self.link;
        let mut merged = Merged::default();
        for field in desired.fields.iter() {
            let (source, target) = (desired.values.get(field), current(&contact.recipient, field));
            let verdict = merge::projection(field, source, target, &link.base_source, &link.base_target, self.context.enforce());
            merged.take(verdict, field, source, target, link);
        }
        self.unpublished(desired, contact, &mut merged);
        merged
    }

    /// Fields that the profile does not publish. In what we made, one that it published before is cleared once, if what stands there is
    /// what we wrote; from then on it is its administrator's, and what he writes there is remembered as his: should the profile publish
    /// the field again, a source that says nothing does not clear it.
    #[expect(clippy::match_same_arms, reason = "each arm says its own case")]
    pub(super) fn unpublished(&self, desired: &Desired, contact: &Entry, merged: &mut Merged) {
        let link = self.link;
        for field in desired.dropped.iter() {
            let target = current(&contact.recipient, field);
            match (link.provenance, link.base_source.get(field)) {
                // What we wrote into a found contact is taken back when it is given back.
                (Provenance::Found, Some(_)) => {}
                // Nobody is shown without a name.
                (Provenance::Made, Some(_)) if field == crate::Field::DisplayName => {}
                (Provenance::Made, Some(_)) if target.is_some() && link.base_target.holds(field, target) => {
                    merged.write(field, target, None, Why::Policy);
                    merged.remember(field, None, None);
                }
                (Provenance::Made, Some(_)) => merged.remember(field, None, target),
                // Peers write both ways: what differs when a field comes to be shared is a conflict for a person.
                (Provenance::Made | Provenance::Found, None) if link.role == Role::Peer || link.base_target.holds(field, target) => {}
                (Provenance::Made | Provenance::Found, None) => merged.remember(field, None, target),
            }
        }
    }

    /// What a contact should look like. Of a guest its address, its manager and its reply addresses are its own directory's.
    pub(super) fn desired_of(&self, source: &Entry, address: &str, contact: &Entry) -> Desired {
        let mut desired = desired_projection(self.context, self.world, self.link.key.origin, source, address);
        if contact.recipient.kind == Kind::Guest {
            desired.leave_alone(crate::Field::ExternalEmailAddress);
            desired.leave_alone(crate::Field::Manager);
            desired.carry_x500 = false;
        }
        desired
    }

    /// The administrator of the target may hide a contact; it stays hidden.
    pub(super) fn hidden_veto(&self, contact: &Entry, hidden: Option<bool>, merged: &mut Merged) {
        if hidden.is_none() && contact.recipient.hidden != self.link.base_hidden {
            merged.patch.base_hidden = Some(contact.recipient.hidden);
        }
        if contact.recipient.hidden && hidden.is_none() {
            merged.notes.push(Note::HiddenByAdministrator);
        }
    }

    /// The Name that a contact we made is shown again under, or hidden, together with the stamp: where another pair claimed it in the same
    /// moment, both say then whose it is.
    pub(super) fn own_name(&self, contact: &Entry) -> Option<String> {
        let ours = self.link.provenance == Provenance::Made && contact.recipient.has_made_name();
        Some(self.link.name.clone()).filter(|_| ours && contact.recipient.name.eq_ignore_ascii_case(&self.link.name))
    }

    /// Stamp and reply addresses.
    pub(super) fn upkeep(&self, desired: &Desired, source: &Entry, contact: &Entry) -> Extras {
        let mut extras = Extras::default();
        if self.link.role == Role::Projection || self.link.provenance == Provenance::Made {
            let stamp = self.context.stamp(self.link, None);
            if contact.recipient.mark.stamp() != Some(&stamp) {
                extras.stamp = Some(Some(stamp));
            }
        }
        if desired.carry_x500 && !self.link.x500_refused {
            extras.x500_add = missing_x500(&source.recipient, &contact.recipient);
        }
        extras
    }
}

/// The X.500 addresses of the source that the contact lacks, the source's own legacyExchangeDN included.
pub(super) fn missing_x500(source: &Recipient, contact: &Recipient) -> Vec<String> {
    let held = |address: &String| contact.x500.iter().any(|held| held.eq_ignore_ascii_case(address));
    source.x500.iter().filter(|address| !held(address)).cloned().collect()
}

/// Another object of the target holds the address that the contact should move to.
pub(super) fn address_conflict(context: &Context<'_>, world: &World, link: &Link, contact: &Entry, address: &str) -> Option<SkipReason> {
    if contact.recipient.primary.as_deref() == Some(address) || contact.recipient.holds(address) {
        return None;
    }
    if let Err(reason) = crate::join::admissible(context, link.target_side(), address) {
        return Some(reason);
    }
    let holder = world.holders(link.target_side(), address).find(|entry| entry.recipient.anchor != contact.recipient.anchor)?;
    Some(SkipReason::AddressHeld { kind: holder.recipient.kind, holder: holder.recipient.title().to_owned() })
}

/// What a merge of all fields found.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) changes: Vec<FieldChange>,
    pub(super) why: Vec<Why>,
    pub(super) patch: LinkPatch,
    pub(super) notes: Vec<Note>,
}

impl Merged {
    pub(super) fn write(&mut self, field: crate::Field, before: Option<&str>, after: Option<String>, why: Why) {
        self.changes.push(FieldChange { field, before: before.map(str::to_owned), after });
        // The report itself need not have been edited: its manager came or left.
        self.why.push(if field == crate::Field::Manager && why == Why::Edited { Why::Manager } else { why });
        if why == Why::Drift {
            self.notes.push(Note::Drift { field });
        }
    }

    pub(super) fn remember(&mut self, field: crate::Field, source: Option<&str>, target: Option<&str>) {
        self.patch.base_source.push((field, Base::print(field, source)));
        self.patch.base_target.push((field, Base::print(field, target)));
    }

    /// What differs and is not written now is told. It stays an edit, for what it may be written later.
    pub(super) fn refused(&mut self, field: crate::Field, source: Option<&str>, target: Option<&str>) {
        self.notes.push(Note::Differing { field, stays: target.map(str::to_owned), says: source.map(str::to_owned) });
    }

    /// Takes a verdict that concerns the target.
    pub(super) fn take(&mut self, verdict: Verdict, field: crate::Field, source: Option<&str>, target: Option<&str>, link: &Link) {
        match verdict {
            Verdict::InStep => {
                if !link.base_source.holds(field, source) || !link.base_target.holds(field, target) {
                    self.remember(field, source, target);
                }
            }
            Verdict::Differing => {
                self.refused(field, source, target);
                if !link.base_source.holds(field, source) || !link.base_target.holds(field, target) {
                    self.remember(field, source, target);
                }
            }
            Verdict::WriteTarget(why) => {
                self.write(field, target, source.map(str::to_owned), why);
                self.remember(field, source, source);
            }
            // The base stays: the conflict is shown until somebody makes both sides equal or the policy decides.
            Verdict::Conflict => self.notes.push(Note::Conflict { field }),
            Verdict::WriteSource(_) => {}
        }
    }

    pub(super) fn reason(&self, action: Action) -> Reason {
        if action == Action::Restore {
            return Reason::Back;
        }
        let mut why = self.why.clone();
        why.sort_unstable();
        why.dedup();
        if why.is_empty() { Reason::Upkeep } else { Reason::Fields { why: why.into_iter().map(|why| why.words().to_owned()).collect() } }
    }
}
