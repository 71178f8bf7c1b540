//! What ends: staging, purging, releasing, handing over, forgetting; and what the operator takes away.

use super::{Again, Case, Decision, contact_of};
use crate::base::Base;
use crate::desired::current;
use crate::field::FieldSet;
use crate::link::{Link, LinkKey, Origin, Phase, Provenance, Suppression};
use crate::merge;
use crate::operation::{Action, Extras, FieldChange, LinkPatch, Operation, Quiet, Reason};
use crate::reason::SkipReason;
use crate::recipient::{Kind, Recipient, Side};
use crate::world::Entry;
use jiff::{SignedDuration, Timestamp};

impl Case<'_, '_> {
    pub(super) fn forget(&self) -> Decision {
        Decision::quiet(Quiet::Forget, self.link, LinkPatch::forget(), &self.title)
    }

    pub(super) fn suppress(&self, reason: Suppression) -> Decision {
        Decision::quiet(Quiet::Suppress { reason }, self.link, LinkPatch::phase(Phase::Suppressed { reason }), &self.title)
    }

    pub(super) fn abandon(&self) -> Decision {
        if let Some(reason) = self.keeps(self.link.target_side()) {
            return Decision::skip(reason);
        }
        let mut operation = self.operation(Action::Abandon, self.link.target_side(), Reason::SourceGone, None);
        operation.patch = LinkPatch::forget();
        // Where it cannot be taken away yet: nobody sees it, and the stamp says that it was we who hid it.
        operation.extras.hidden = Some(true);
        operation.extras.stamp = Some(Some(self.context.stamp(self.link, Some(self.context.now))));
        Decision::operation(operation)
    }

    pub(super) fn leave(&self, contact: &Entry, reason: Reason) -> Decision {
        match self.link.provenance {
            Provenance::Made => self.stage(contact, self.link.target_side(), reason),
            Provenance::Found => self.release(contact, reason),
        }
    }

    /// Why nothing is taken away from a side now. Of peers either half may be the one that is taken away.
    fn keeps(&self, side: Side) -> Option<SkipReason> {
        if *self.context.closed.get(side) {
            return Some(SkipReason::SideClosed);
        }
        (!self.context.deletes()).then_some(SkipReason::MergeFirst)
    }

    /// Hides a contact; it is purged after the grace period.
    pub(super) fn stage(&self, contact: &Entry, side: Side, reason: Reason) -> Decision {
        if let Some(reason) = self.keeps(side) {
            return Decision::skip(reason);
        }
        let since = self.context.now;
        let mut operation = self.operation(Action::Stage, side, reason, Some(contact));
        operation.extras.hidden = (!contact.recipient.hidden).then_some(true);
        if contact.recipient.mark.stamp().is_some() || self.link.provenance == Provenance::Made && side == self.link.target_side() {
            operation.extras.stamp = Some(Some(self.context.stamp(self.link, Some(since))));
        }
        // With its Name: where another pair claimed it in the same moment, both say then whose it is.
        if side == self.link.target_side() {
            operation.extras.rename = self.own_name(contact);
        }
        operation.patch = LinkPatch::phase(Phase::Staged { since, side });
        // Whether its administrator had hidden it before: he did, where it bears our stamp and the stamp does not say that we did. (Of a
        // half at the origin nothing else is remembered; the other one is gone.)
        let told = contact.recipient.mark.stamp().is_some() && !hidden_by_us(contact);
        if side != self.link.target_side() || told {
            operation.patch.base_hidden = Some(contact.recipient.hidden).filter(|hidden| *hidden != self.link.base_hidden);
        }
        Decision::operation(operation)
    }

    /// The half at the origin, which was hidden because the other one was deleted: it is shown again, and the link ends.
    pub(super) fn give_back_half(&self, half: &Entry, reason: Reason) -> Decision {
        self.show_half(half, self.link.target_side().other(), reason, LinkPatch::forget(), || self.forget())
    }

    /// A half of two peers that stood there before, and that was hidden because the other one was deleted, where the profile does not wish
    /// that (any more): it is shown again, and its link rests like that of any other whose other half was deleted.
    pub(super) fn give_back_unpurged(&self, half: &Entry, side: Side) -> Decision {
        let reason = Suppression::PeerDeleted;
        let rests = LinkPatch::phase(Phase::Suppressed { reason });
        self.show_half(half, side, Reason::PeerDeletionsOff, rests, || self.suppress(reason))
    }

    /// Shows a half of two peers again, if it was we who hid it.
    fn show_half(&self, half: &Entry, side: Side, reason: Reason, patch: LinkPatch, as_it_is: impl FnOnce() -> Decision) -> Decision {
        if let Some(reason) = self.keeps(side) {
            return Decision::skip(reason);
        }
        if !half.recipient.hidden || self.link.base_hidden {
            return as_it_is();
        }
        let mut operation = self.operation(Action::Release, side, reason, Some(half));
        operation.extras.hidden = Some(false);
        operation.extras.stamp = half.recipient.mark.stamp().map(|_| None);
        operation.patch = patch;
        Decision::operation(operation)
    }

    /// `left`: why the source is not wanted, where it is still there.
    pub(super) fn wait_or_purge(&self, contact: &Entry, since: Timestamp, left: Option<SkipReason>) -> Decision {
        let Phase::Staged { side, .. } = self.link.phase else { return Decision::nothing() };
        if !contact.recipient.hidden {
            // Shown by us, and nobody knows of it (the answer was lost): its administrator would have left "staged" in the stamp.
            if contact.recipient.mark.stamp().is_some_and(|stamp| stamp.staged.is_none()) {
                return self.stage(contact, side, left.map_or(Reason::SourceGone, |reason| Reason::SourceLeft { reason }));
            }
            return Decision::quiet(Quiet::Keep, self.link, LinkPatch::phase(Phase::Kept), &self.title);
        }
        if let Some(reason) = self.keeps(side) {
            return Decision::skip(reason);
        }
        let purge = purge_at(since, self.context.pair.deletion_grace_days);
        if self.context.now < purge {
            return Decision { again: Some(Again::Purge(purge)), skipped: left, ..Decision::nothing() };
        }
        let mut operation = self.operation(Action::Purge, side, Reason::GraceOver { since }, Some(contact));
        operation.patch = LinkPatch::forget();
        Decision::operation(operation)
    }

    /// Gives a found contact back: the stamp goes, the values and the hidden flag from before return.
    pub(super) fn release(&self, contact: &Entry, reason: Reason) -> Decision {
        if let Some(reason) = self.keeps(self.link.target_side()) {
            return Decision::skip(reason);
        }
        let published = self.context.pair.publishing.get(self.link.target_side().other()).mapping.fields();
        Decision::operation(release(self.context.installation, self.link, contact, reason, &self.title, published))
    }

    pub(super) fn hand_over(&self, contact: &Entry) -> Decision {
        if let Some(reason) = self.keeps(self.link.target_side()) {
            return Decision::skip(reason);
        }
        Decision::operation(hand_over(self.link, contact, Reason::EditWins, &self.title))
    }
}

/// When a contact staged at `since` is purged.
pub fn purge_at(since: Timestamp, grace_days: u32) -> Timestamp {
    since.checked_add(SignedDuration::from_hours(24 * i64::from(grace_days))).unwrap_or(Timestamp::MAX)
}

/// Gives a found contact back what it was before its adoption (`release`): what we wrote and nobody has touched since; what its
/// administrator did meanwhile, hiding and showing it included, stays. `published`: the fields that the profile publishes there.
pub(super) fn release(installation: &str, link: &Link, contact: &Entry, reason: Reason, title: &str, published: FieldSet) -> Operation {
    let recipient = &contact.recipient;
    let mut extras = Extras::default();
    if recipient.mark.stamp().is_some_and(|stamp| stamp.installation == installation) {
        extras.stamp = Some(None);
    }
    let mut changes = Vec::new();
    if let Some(before) = &link.before {
        // Only what we wrote is put back; what the administrator edited since is his.
        for field in crate::desired::all_fields() {
            let (now, was) = (current(recipient, field), before.values.get(field));
            // A blank in a field that is not published is its administrator's.
            let ours = published.contains(field) || link.base_source.get(field).is_some();
            let written = ours && link.base_target.holds(field, now) && link.base_source.get(field) == link.base_target.get(field);
            if written && field != crate::Field::Manager && !merge::equal(field, now, was) {
                changes.push(FieldChange { field, before: now.map(str::to_owned), after: was.map(str::to_owned) });
            }
        }
        extras.hidden = hidden_as_before(link, recipient, before.hidden);
        let had = |address: &&String| before.x500.iter().any(|held| held.eq_ignore_ascii_case(address));
        extras.x500_remove = recipient
            .x500
            .iter()
            .filter(|address| !had(address) && recipient.legacy_exchange_dn.as_ref() != Some(address))
            .cloned()
            .collect();
    }
    Operation {
        action: Action::Release,
        side: link.target_side(),
        key: link.key,
        title: title.to_owned(),
        address: link.address.clone(),
        reason,
        contact: contact_of(contact),
        changes,
        extras,
        start: None,
        patch: LinkPatch::forget(),
        manager: None,
        notes: Vec::new(),
    }
}

/// The hidden flag of a found contact, where it was we who set it: a half of two peers that waits for its end, or a guest that is shown.
fn hidden_as_before(link: &Link, recipient: &Recipient, before: bool) -> Option<bool> {
    let staged = matches!(link.phase, Phase::Staged { side, .. } if side == link.target_side());
    match (recipient.hidden, staged, recipient.kind == Kind::Guest) {
        (true, true, _) => Some(false).filter(|_| !link.base_hidden),
        (false, _, true) => Some(true).filter(|_| before),
        (true | false, true | false, true | false) => None,
    }
}

/// Makes a twin the administrator's: without stamp and Name prefix. Who is hidden stays so: it shows nobody again.
pub(super) fn hand_over(link: &Link, contact: &Entry, reason: Reason, title: &str) -> Operation {
    let recipient = &contact.recipient;
    let bare = recipient.name.strip_prefix(crate::stamp::NAME_PREFIX).unwrap_or(&recipient.name);
    let extras = Extras {
        stamp: recipient.mark.stamp().map(|_| None),
        rename: recipient.has_made_name().then(|| format!("contact-{bare}")),
        ..Extras::default()
    };
    Operation {
        action: Action::HandOver,
        side: link.target_side(),
        key: link.key,
        title: title.to_owned(),
        address: link.address.clone(),
        reason,
        contact: contact_of(contact),
        changes: Vec::new(),
        extras,
        start: None,
        patch: LinkPatch::forget(),
        manager: None,
        notes: Vec::new(),
    }
}

/// What is done with a contact that must leave at the operator's word (`unpublish`, `make-way`):
/// a made one is removed (`purge`) or becomes the administrator's, a found one is released.
/// `published`: the fields that the profile publishes there.
pub fn leave_operation(
    installation: &str,
    link: &Link,
    contact: &Entry,
    reason: Reason,
    title: &str,
    purge: bool,
    published: FieldSet,
) -> Operation {
    match (link.provenance, purge) {
        (Provenance::Found, true | false) => release(installation, link, contact, reason, title, published),
        (Provenance::Made, false) => hand_over(link, contact, reason, title),
        (Provenance::Made, true) => {
            let mut operation = hand_over(link, contact, reason, title);
            operation.action = Action::Remove;
            operation.extras = Extras::default();
            operation
        }
    }
}

/// Whether it was galbridge that hid a contact: its stamp says since when, written together with the flag.
pub(super) fn hidden_by_us(contact: &Entry) -> bool {
    contact.recipient.hidden && contact.recipient.mark.stamp().is_some_and(|stamp| stamp.staged.is_some())
}

/// The link that a contact's stamp or Name tells of, where the table lost it (`unpublish`).
/// `other_tenant`: the id of the tenant across. `published`: the fields that are its source's; the others are the administrator's.
pub fn link_from_stamp(installation: &str, side: Side, other_tenant: &str, published: FieldSet, contact: &Recipient) -> Option<Link> {
    let stamp = contact.genuine_stamp(None).filter(|stamp| stamp.installation == installation)?;
    let origin = match (stamp.origin_tenant.as_str(), side) {
        ("static", Side::A) => Origin::StaticA,
        ("static", Side::B) => Origin::StaticB,
        (tenant, _) if tenant == other_tenant => Origin::of(side.other()),
        // Another pair's.
        _ => return None,
    };
    let key = LinkKey { origin, anchor: stamp.anchor };
    let stands = |field| (field, current(contact, field));
    let address = contact.primary.clone().unwrap_or_default();
    Some(Link {
        target: Some(contact.anchor),
        target_guid: contact.guid,
        phase: stamp.staged.map_or(Phase::Live, |since| Phase::Staged { since, side: key.origin.target_side() }),
        base_source: Base::default().with(published.iter().map(stands)),
        base_target: Base::default().with(crate::desired::all_fields().map(stands)),
        base_hidden: contact.hidden && stamp.staged.is_none(),
        ..Link::intended(key, stamp.role, stamp.provenance, contact.name.clone(), address)
    })
}
