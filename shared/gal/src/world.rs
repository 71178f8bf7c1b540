//! What a plan looks at: the recipients of both sides and the links between them, as far as they
//! were loaded. A full plan loads everything; a cycle loads what is due and what it touches.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::link::{Link, LinkKey, Origin, Phase};
use crate::recipient::{Anchor, Recipient, Side, Sides};
use crate::stamp::Stamp;

/// One recipient, with what the plan must know beside it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The recipient.
    pub recipient: Recipient,
    /// Whether it is a transitive member of an include group (true where there are none).
    pub in_groups: bool,
    /// Whether a pilot merge admits it (true where there is no pilot).
    pub in_pilot: bool,
    /// When galbridge last wrote it.
    pub written_at: Option<Timestamp>,
    /// Whether a complete reading has looked for it in Exchange: before, it is not known that Exchange does not have it.
    pub looked_for: bool,
}

impl Entry {
    /// An entry for a recipient that no group or pilot restricts.
    pub fn new(recipient: Recipient) -> Self {
        Self { recipient, in_groups: true, in_pilot: true, written_at: None, looked_for: true }
    }
}

/// The loaded part of both sides.
#[derive(Clone, Debug, Default)]
pub struct World {
    entries: Sides<BTreeMap<Anchor, Entry>>,
    /// Static contacts of the profile, by the link they have or would have.
    statics: BTreeMap<LinkKey, Entry>,
    links: BTreeMap<LinkKey, Link>,
    /// The links that speak of each contact: one, but for a state that was restored or a run that died.
    targets: BTreeMap<(Side, Anchor), Vec<LinkKey>>,
    holders: Sides<BTreeMap<String, Vec<Anchor>>>,
    names: Sides<BTreeMap<String, Anchor>>,
}

impl World {
    /// Adds a recipient of a side.
    pub fn insert(&mut self, side: Side, entry: Entry) {
        let recipient = &entry.recipient;
        let anchor = recipient.anchor;
        if recipient.is_present() {
            let holders = self.holders.get_mut(side);
            for address in &recipient.addresses {
                holders.entry(address.clone()).or_default().push(anchor);
            }
            if let Some(stamp) = recipient.mark.stamp() {
                holders.entry(Stamp::holder_key(&stamp.origin_tenant, stamp.anchor)).or_default().push(anchor);
            }
            if !recipient.name.is_empty() {
                self.names.get_mut(side).insert(recipient.name.to_lowercase(), anchor);
            }
        }
        self.entries.get_mut(side).insert(anchor, entry);
    }

    /// Adds a static contact that is to be published on `origin.target_side()`.
    pub fn insert_static(&mut self, origin: Origin, entry: Entry) {
        self.statics.insert(LinkKey { origin, anchor: entry.recipient.anchor }, entry);
    }

    /// Adds a link.
    pub fn insert_link(&mut self, link: Link) {
        self.remove_link(link.key);
        if let Some(target) = link.target {
            self.targets.entry((link.target_side(), target)).or_default().push(link.key);
        }
        self.links.insert(link.key, link);
    }

    /// Forgets a link.
    pub fn remove_link(&mut self, key: LinkKey) -> Option<Link> {
        let link = self.links.remove(&key)?;
        if let Some(target) = link.target
            && let Some(links) = self.targets.get_mut(&(link.target_side(), target))
        {
            links.retain(|other| *other != key);
        }
        Some(link)
    }

    /// A copy in which only those links are left that nothing contradicts (for `rebuild`): what is suppressed, and whose contact is there
    /// and bears no stamp of another.
    #[must_use]
    pub fn with_intact_links(&self) -> Self {
        let mut bare = Self { links: BTreeMap::new(), targets: BTreeMap::new(), ..self.clone() };
        for link in self.links.values().filter(|link| self.is_intact(link)) {
            bare.insert_link(link.clone());
        }
        bare
    }

    fn is_intact(&self, link: &Link) -> bool {
        let contact = link.target.and_then(|target| self.entry(link.target_side(), target));
        let other = |entry: &Entry| entry.recipient.mark.stamp().is_some_and(|stamp| stamp.anchor != link.key.anchor);
        matches!(link.phase, Phase::Suppressed { .. }) || contact.is_some_and(|entry| entry.recipient.is_present() && !other(entry))
    }

    /// Restricts a side's pilot to these recipients.
    pub fn set_pilot(&mut self, side: Side, members: &BTreeSet<Anchor>) {
        for (anchor, entry) in self.entries.get_mut(side) {
            entry.in_pilot &= members.contains(anchor);
        }
    }

    /// The recipients of a side that the pilot admits.
    pub fn pilot(&self, side: Side) -> Vec<Anchor> {
        self.entries.get(side).values().filter(|entry| entry.in_pilot).map(|entry| entry.recipient.anchor).collect()
    }

    /// A recipient, if it was loaded.
    pub fn entry(&self, side: Side, anchor: Anchor) -> Option<&Entry> {
        self.entries.get(side).get(&anchor)
    }

    /// The recipients of a side, in the order of their anchors.
    pub fn entries(&self, side: Side) -> impl Iterator<Item = &Entry> {
        self.entries.get(side).values()
    }

    /// The static contacts, in the order of their keys.
    pub fn statics(&self) -> impl Iterator<Item = (LinkKey, &Entry)> {
        self.statics.iter().map(|(key, entry)| (*key, entry))
    }

    /// A static contact that the profile still lists.
    pub fn static_contact(&self, key: LinkKey) -> Option<&Entry> {
        self.statics.get(&key)
    }

    /// The links, in the order of their keys.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    /// A link.
    pub fn link(&self, key: LinkKey) -> Option<&Link> {
        self.links.get(&key)
    }

    /// The link that a recipient belongs to, as source or as target. Of several that speak of a contact its stamp says which counts.
    pub fn link_of(&self, side: Side, anchor: Anchor) -> Option<&Link> {
        let own = self.links.get(&LinkKey { origin: Origin::of(side), anchor });
        own.or_else(|| {
            let stamped = self.entry(side, anchor).and_then(|entry| entry.recipient.mark.stamp()).map(|stamp| stamp.anchor);
            let links = self.targets.get(&(side, anchor))?;
            let key = links.iter().find(|key| stamped == Some(key.anchor)).or_else(|| links.iter().min())?;
            self.links.get(key)
        })
    }

    /// Other links that speak of the same contact.
    pub fn rivals(&self, link: &Link) -> Vec<LinkKey> {
        let all = link.target.and_then(|target| self.targets.get(&(link.target_side(), target)));
        all.into_iter().flatten().copied().filter(|key| *key != link.key).collect()
    }

    /// The present recipients of a side that hold a key: an address, or a stamp origin.
    pub fn holders(&self, side: Side, key: &str) -> impl Iterator<Item = &Entry> {
        let anchors = self.holders.get(side).get(key).map(Vec::as_slice).unwrap_or_default();
        anchors.iter().filter_map(move |anchor| self.entry(side, *anchor)).filter(|entry| entry.recipient.is_present())
    }

    /// The present recipient of a side with this Name, in any case.
    pub fn named(&self, side: Side, name: &str) -> Option<&Entry> {
        self.names.get(side).get(&name.to_lowercase()).and_then(|anchor| self.entry(side, *anchor))
    }

    /// The Name, on the other side, of what stands for the recipient of `side` with this Name:
    /// how a manager is said in the target.
    pub fn published_name(&self, side: Side, name: &str) -> Option<&str> {
        let manager = self.named(side, name)?;
        let link = self.link_of(side, manager.recipient.anchor)?;
        let name = if link.key.origin.source_side() == Some(side) {
            // A contact that was not read stands there all the same: its link knows its Name.
            self.entry(side.other(), link.target?).map_or(&link.name, |contact| &contact.recipient.name)
        } else {
            &self.entry(side.other(), link.key.anchor)?.recipient.name
        };
        Some(name).filter(|name| link.is_live() && !name.is_empty()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;
    use crate::link::Suppression;
    use crate::reading::Reading;
    use crate::recipient::Presence;
    use crate::stamp::Mark;

    /// Once a report lost its manager because the manager's contact was missing among what was read.
    #[test]
    fn a_manager_whose_contact_was_not_read_is_known_by_the_link() {
        let anchor: Anchor = "33333333-3333-3333-3333-333333333333".parse().unwrap();
        let mut manager = Reading::default().recipient(anchor, Field::CustomAttribute15, Presence::Present);
        "Boss 1".clone_into(&mut manager.name);
        let target = "44444444-4444-4444-4444-444444444444".parse().unwrap();
        let key = LinkKey { origin: Origin::A, anchor };
        let link = Link { name: "galbridge-boss".to_owned(), ..Link::sample(key, target, Phase::Live) };
        let mut world = World::default();
        world.insert(Side::A, Entry::new(manager));
        assert_eq!(world.published_name(Side::A, "Boss 1"), None, "not published");
        world.insert_link(link.clone());
        assert_eq!(world.published_name(Side::A, "Boss 1"), Some("galbridge-boss"));
        // Who is hidden for his deletion is nobody's manager, and who has no Name yet.
        let staged = Phase::Staged { since: jiff::Timestamp::UNIX_EPOCH, side: Side::B };
        world.insert_link(Link { phase: staged, ..link.clone() });
        assert_eq!(world.published_name(Side::A, "Boss 1"), None);
        world.insert_link(Link { name: String::new(), ..link });
        assert_eq!(world.published_name(Side::A, "Boss 1"), None);
    }

    /// What a rebuild begins with: everybody, and only those links that nothing contradicts.
    #[test]
    fn a_rebuild_leaves_intact_links_alone() {
        let anchor = |number| Anchor(uuid::Uuid::from_u128(number));
        let key = |number| LinkKey { origin: Origin::A, anchor: anchor(number) };
        let link = |number: u128, phase| Link::sample(key(number), anchor(number + 100), phase);
        let mut world = World::default();
        let one = |number, presence| Entry::new(Reading::default().recipient(anchor(number), Field::CustomAttribute15, presence));
        for number in 1..=3 {
            world.insert(Side::A, one(number, Presence::Present));
        }
        world.insert_link(link(1, Phase::Live));
        world.insert_link(link(2, Phase::Suppressed { reason: Suppression::MadeWay }));
        let keys = |world: &World| world.links().map(|link| link.key.anchor).collect::<Vec<_>>();
        // Of the first one's contact nothing is known, then it is gone, then it is another's.
        let lost = |world: &World| {
            let bare = world.with_intact_links();
            assert_eq!((keys(&bare), bare.entries(Side::A).count()), (vec![anchor(2)], 3));
            assert!(bare.link_of(Side::B, anchor(101)).is_none() && bare.link_of(Side::B, anchor(102)).is_some());
        };
        lost(&world);
        world.insert(Side::B, one(101, Presence::Gone(Timestamp::UNIX_EPOCH)));
        lost(&world);
        let (provenance, role) = (crate::Provenance::Made, crate::Role::Projection);
        let stamp = |number| {
            let (installation, origin_tenant) = ("i".to_owned(), "t".to_owned());
            Mark::Stamp(Stamp { installation, origin_tenant, anchor: anchor(number), provenance, role, staged: None })
        };
        let mut contact = one(101, Presence::Present);
        contact.recipient.mark = stamp(3);
        world.insert(Side::B, contact.clone());
        lost(&world);
        contact.recipient.mark = stamp(1);
        world.insert(Side::B, contact);
        assert_eq!(keys(&world.with_intact_links()), [anchor(1), anchor(2)]);
        assert_eq!(keys(&world), [anchor(1), anchor(2)]);
        // A link that is forgotten is no more found by its contact; another one of the same contact is.
        let mut second = link(3, Phase::Live);
        second.target = Some(anchor(101));
        world.insert_link(second.clone());
        // The contact's stamp speaks for the first one: a rebuild knows of no other.
        assert!(world.with_intact_links().rivals(&link(1, Phase::Live)).is_empty());
        assert_eq!(world.rivals(&link(1, Phase::Live)), [second.key]);
        world.remove_link(key(1));
        assert_eq!(world.link_of(Side::B, anchor(101)).map(|link| link.key), Some(second.key));
        world.remove_link(second.key);
        assert!(world.link_of(Side::B, anchor(101)).is_none());
    }
}
