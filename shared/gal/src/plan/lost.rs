//! Contacts whose links are lost: an older state was restored, or a part of it is gone.

use super::Planner;
use crate::decide::{Decision, Serve, is_of_another_home, link_from_stamp, recover};
use crate::link::{Link, LinkKey, Phase, Provenance, Role};
use crate::operation::{LinkPatch, Quiet, QuietChange};
use crate::recipient::Side;
use crate::world::Entry;

impl Planner<'_, '_> {
    /// A contact that we made for somebody who is not wanted any more, and whose link is lost (an older state was restored): it gets its
    /// link back, and leaves as it would have, under the guard. Whoever is wanted is joined to his contact. (He is not, where the older
    /// state says that he is suppressed: then too the contact gets its link back.)
    pub(super) fn orphan(&self, side: Side, entry: &Entry, title: &str) -> Option<Decision> {
        let context = self.context;
        if context.serve != Serve::Everybody || *context.closed.get(side) || !entry.recipient.has_stamps_name() {
            return None;
        }
        let link = self.told_by_stamp(side, entry)?;
        if link.provenance == Provenance::Found || is_of_another_home(context.homes, &link) {
            return None;
        }
        let Some(side) = link.key.origin.source_side() else {
            let known = self.world.static_contact(link.key).is_some() || self.world.link(link.key).is_some();
            return (!known).then(|| restored(link, title));
        };
        let source = self.world.entry(side, link.key.anchor).filter(|source| source.recipient.is_present());
        if let Some(known) = self.world.link(link.key) {
            let since = source.is_some() && self.is_published_since(known);
            return since.then(|| restored(Link { deletions: known.deletions.max(1), ..link }, title));
        }
        let Some(source) = source else { return Some(restored(link, title)) };
        // Of whom only a part was read, nothing is concluded.
        let left = source.recipient.exchange && source.recipient.complete && context.eligible(side, source).is_err();
        left.then(|| recover(context, self.world, link.key, source, &link.address, entry))
    }

    /// Whether somebody who is suppressed, and whose contact is gone, has one that this state knows nothing of: he was published again,
    /// and an older state was restored. Should that one be gone too, it is his administrator who deleted it.
    fn is_published_since(&self, known: &Link) -> bool {
        let gone = |target| self.world.entry(known.target_side(), target).is_some_and(|contact| !contact.recipient.is_present());
        matches!(known.phase, Phase::Suppressed { .. }) && known.role == Role::Projection && known.target.is_some_and(gone)
    }

    /// A link that was lost. Where the stamp speaks of an account that is gone, that one's link comes back first: the next round moves it.
    pub(super) fn recovered(&self, key: LinkKey, entry: &Entry, address: &str, contact: &Entry) -> Decision {
        let other = contact.recipient.mark.stamp().is_some_and(|stamp| stamp.anchor != key.anchor);
        match self.told_by_stamp(key.origin.target_side(), contact).filter(|_| other) {
            Some(link) => restored(link, contact.recipient.title()),
            None => recover(self.context, self.world, key, entry, address, contact),
        }
    }

    fn told_by_stamp(&self, side: Side, contact: &Entry) -> Option<Link> {
        let context = self.context;
        let published = context.pair.publishing.get(side.other()).mapping.fields();
        let other_tenant = &context.tenants.get(side.other()).tenant_id;
        link_from_stamp(context.installation, side, other_tenant, published, &contact.recipient)
    }
}

/// A link that a stamp tells of.
fn restored(link: Link, title: &str) -> Decision {
    let change = QuietChange { quiet: Quiet::Recover, link, new: true, patch: LinkPatch::default(), title: title.to_owned() };
    Decision { quiet: vec![change], ..Decision::default() }
}
