//! The plan: everything that would be done, in a stable order, each with its reason.

mod lost;

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::decide::{Again, Context, Decision, Serve, adopt, claim, create, decide_link, relink};
use crate::join::{Joined, admissible, join};
use crate::link::{Link, LinkKey, Origin, Phase};
use crate::managers::Intended;
use crate::operation::{Action, Operation, Quiet, QuietChange, Reason};
use crate::reason::{Note, SkipReason};
use crate::recipient::{Anchor, Kind, Recipient, Side, Sides};
use crate::stamp::Stamp;
use crate::world::{Entry, World};

/// Which part of the world is planned.
#[derive(Clone, Debug)]
pub enum Focus {
    /// Everything that was loaded.
    Everything,
    /// What is due: these recipients, and the links they belong to. The flag says that the recipient
    /// was read anew, so that a quarantined one is tried again at once.
    These(BTreeMap<(Side, Anchor), bool>),
}

/// Somebody for whom nothing is done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The side of the recipient.
    pub side: Side,
    /// The recipient; for a static contact its anchor.
    pub anchor: Anchor,
    /// What people call it.
    pub title: String,
    /// Its address, if it has one.
    pub address: Option<String>,
    /// Why.
    pub reason: SkipReason,
}

/// Something a person should know about somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The side of the recipient.
    pub side: Side,
    /// The recipient.
    pub anchor: Anchor,
    /// What people call it.
    pub title: String,
    /// What.
    pub note: Note,
}

/// Everything that would be done.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Writes, in the order they run.
    pub operations: Vec<Operation>,
    /// What is only remembered.
    pub quiet: Vec<QuietChange>,
    /// Who is skipped, and why.
    pub skipped: Vec<Skipped>,
    /// What a person should know.
    pub notes: Vec<Noted>,
    /// Who must be looked at again at a time, although nothing happens now; by the side and anchor of the link's key.
    pub again: BTreeSet<(Side, Anchor, Again)>,
    /// How many recipients of each side were evaluated and are in scope.
    pub in_scope: Sides<u64>,
}

impl Plan {
    /// The operations that write a side.
    pub fn of_side(&self, side: Side) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(move |operation| operation.side == side)
    }

    /// The checksum of everything that would be done, links that are only remembered included: of what [`Operation::pledge`] says.
    pub fn checksum(&self) -> String {
        checksum(self.pledges())
    }

    /// The same, where what is done also rests on settings of the profile: with their fingerprints.
    pub fn checksum_under(&self, settings: Sides<u64>) -> String {
        checksum(self.pledges().chain(Side::BOTH.map(|side| under(*settings.get(side)))))
    }

    fn pledges(&self) -> impl Iterator<Item = String> {
        let remembered = self.quiet.iter().filter(|change| change.new).map(|change| format!("link {}", change.link.key));
        self.operations.iter().map(Operation::pledge).chain(remembered)
    }
}

/// The line of a checksum that says under which settings of the profile.
pub(crate) fn under(settings: u64) -> String {
    format!("under {settings:016x}")
}

/// The checksum of lines: twelve hex digits of a SHA-256 over the sorted list.
pub fn checksum(ids: impl IntoIterator<Item = String>) -> String {
    let sorted: BTreeSet<String> = ids.into_iter().collect();
    let mut digest = Sha256::new();
    for id in &sorted {
        digest.update(id.as_bytes());
        digest.update(b"\n");
    }
    hex::encode(&digest.finalize()[..6])
}

/// Plans. The result depends on the arguments only, never on the order in which they were loaded.
pub fn plan(context: &Context<'_>, world: &World, focus: &Focus) -> Plan {
    let first = plan_once(context, world, focus);
    // Reports of managers whom this plan publishes get their manager with it: once more, knowing who comes.
    let intended = Intended::of(&first, world);
    let manages = |noted: &Noted| noted.note == Note::ManagerNotPublished && intended.manages(world, noted.side, noted.anchor);
    if !first.notes.iter().any(manages) {
        return first;
    }
    drop(first);
    plan_once(&Context { intended, ..context.clone() }, world, focus)
}

/// When whoever waits for a reading of what stands on the other side is looked at again.
const NOT_READ_YET: SignedDuration = SignedDuration::from_mins(10);

/// Rounds of a run that are looked ahead.
const AHEAD: usize = 3;

/// Plans what the rounds of a run do together, for a preview: a link that is forgotten or restored in one round makes work for the next.
pub fn foresee(context: &Context<'_>, world: &World, focus: &Focus) -> Plan {
    let mut seen = plan(context, world, focus);
    let mut before = Vec::new();
    let mut next: Option<World> = None;
    for _ in 0..AHEAD {
        let early = |change: &QuietChange| matches!(change.quiet, Quiet::Forget | Quiet::Recover);
        if !seen.quiet.iter().any(early) {
            break;
        }
        let world = next.get_or_insert_with(|| world.clone());
        let remembered: Vec<QuietChange> = std::mem::take(&mut seen.quiet).into_iter().filter(early).collect();
        for change in &remembered {
            world.remove_link(change.link.key);
            if let Some(link) = change.patch.apply(&change.link) {
                for rival in world.rivals(&link) {
                    world.remove_link(rival);
                }
                world.insert_link(link);
            }
        }
        before.extend(remembered);
        seen = plan(context, world, focus);
    }
    seen.quiet.extend(before);
    seen.quiet.sort_by_key(|change| change.link.key);
    seen
}

fn plan_once(context: &Context<'_>, world: &World, focus: &Focus) -> Plan {
    let mut planner = Planner { context, world, plan: Plan::default(), claimed: BTreeMap::new(), addresses: BTreeMap::new() };
    for (key, fresh) in links_in(world, focus) {
        planner.link(key, fresh);
    }
    for (side, anchor) in unlinked_in(world, focus) {
        planner.unlinked(side, anchor);
    }
    for key in statics_in(world, focus) {
        planner.unlinked_static(key);
    }
    planner.finish()
}

/// The links that the focus touches, in the order of their keys.
fn links_in(world: &World, focus: &Focus) -> BTreeMap<LinkKey, bool> {
    match focus {
        Focus::Everything => world.links().map(|link| (link.key, false)).collect(),
        Focus::These(these) => {
            let mut keys = BTreeMap::new();
            for ((side, anchor), fresh) in these {
                let own = world.link_of(*side, *anchor);
                let r#static = static_key(*side, *anchor);
                for link in own.into_iter().chain(world.link(r#static)) {
                    *keys.entry(link.key).or_insert(false) |= *fresh;
                    for rival in world.rivals(link) {
                        keys.entry(rival).or_insert(false);
                    }
                }
            }
            keys
        }
    }
}

/// A row of the agenda names a static contact by the side it is published on.
fn static_key(target: Side, anchor: Anchor) -> LinkKey {
    LinkKey { origin: Origin::static_on(target), anchor }
}

/// The present recipients without link that the focus names, and those of whom a stamp of theirs tells: people before contacts, what
/// galbridge made last, side `a` first.
fn unlinked_in(world: &World, focus: &Focus) -> Vec<(Side, Anchor)> {
    let mut found: BTreeSet<(u8, Side, Anchor)> = BTreeSet::new();
    let mut consider = |side: Side, entry: &Entry| {
        let source = entry.recipient.mark.stamp().and_then(|stamp| world.entry(side.other(), stamp.anchor));
        for (side, entry) in [(side, entry)].into_iter().chain(source.map(|source| (side.other(), source))) {
            let recipient = &entry.recipient;
            if recipient.is_present() && is_unlinked(world, side, recipient) {
                let rank = u8::from(recipient.kind == Kind::Contact) + u8::from(recipient.published());
                found.insert((rank, side, recipient.anchor));
            }
        }
    };
    match focus {
        Focus::Everything => Side::BOTH.into_iter().for_each(|side| world.entries(side).for_each(|entry| consider(side, entry))),
        Focus::These(these) => {
            for (side, anchor) in these.keys() {
                if let Some(entry) = world.entry(*side, *anchor) {
                    consider(*side, entry);
                }
            }
            for link in links_in(world, focus).keys().filter_map(|key| world.link(*key)) {
                for (side, entry) in followers(world, link) {
                    consider(side, entry);
                }
            }
        }
    }
    found.into_iter().map(|(_, side, anchor)| (side, anchor)).collect()
}

/// Whoever is there now under the address of somebody who is gone: what becomes of his contact, and who gets it, is one matter, by whichever
/// of them it is looked at.
fn followers<'w>(world: &'w World, link: &Link) -> Vec<(Side, &'w Entry)> {
    let target = link.target.map(|anchor| (link.target_side(), anchor));
    let halves = [link.key.origin.source_side().map(|side| (side, link.key.anchor)), target];
    let mut found = Vec::new();
    for (gone, other) in [(halves[0], halves[1]), (halves[1], halves[0])] {
        let Some((side, anchor)) = gone else { continue };
        if world.entry(side, anchor).is_none_or(|entry| entry.recipient.is_present()) {
            continue;
        }
        let other = other.and_then(|(side, anchor)| world.entry(side, anchor)).and_then(|entry| entry.recipient.primary.as_deref());
        for address in [Some(link.address.as_str()), other].into_iter().flatten() {
            found.extend(world.holders(side, address).map(|entry| (side, entry)));
        }
    }
    found
}

/// Whether there is no link of a recipient; or only one of an older state, which the contact's stamp and Name do not speak of.
fn is_unlinked(world: &World, side: Side, recipient: &Recipient) -> bool {
    let Some(link) = world.link_of(side, recipient.anchor) else { return true };
    let other = recipient.mark.stamp().filter(|stamp| recipient.has_stamps_name() && stamp.anchor != link.key.anchor);
    let lost = |stamp: &Stamp| world.link(LinkKey { origin: link.key.origin, anchor: stamp.anchor }).is_none();
    link.target == Some(recipient.anchor) && other.is_some_and(lost)
}

fn statics_in(world: &World, focus: &Focus) -> Vec<LinkKey> {
    let unlinked = world.statics().map(|(key, _)| key).filter(|key| world.link(*key).is_none());
    match focus {
        Focus::Everything => unlinked.collect(),
        Focus::These(these) => unlinked.filter(|key| these.contains_key(&(key.origin.target_side(), key.anchor))).collect(),
    }
}

struct Planner<'a, 'w> {
    context: &'a Context<'a>,
    world: &'w World,
    plan: Plan,
    /// Contacts and peers that an earlier recipient of this plan has claimed, with its title.
    claimed: BTreeMap<(Side, Anchor), String>,
    /// Addresses that an earlier recipient of this plan will occupy, with its title.
    addresses: BTreeMap<(Side, String), String>,
}

impl Planner<'_, '_> {
    fn link(&mut self, key: LinkKey, fresh: bool) {
        let Some(link) = self.world.link(key) else { return };
        let decision = decide_link(self.context, self.world, link, fresh);
        let side = key.origin.source_side().unwrap_or(key.origin.target_side());
        if let Some(entry) = key.origin.source_side().and_then(|side| self.world.entry(side, key.anchor))
            && entry.recipient.is_present()
            && self.context.eligible(side, entry).is_ok()
        {
            *self.plan.in_scope.get_mut(side) += 1;
        }
        let title = decision.operations.first().map(|operation| operation.title.clone());
        let title = title.or_else(|| self.world.entry(side, key.anchor).map(|entry| entry.recipient.title().to_owned()));
        self.take(side, key.anchor, title.unwrap_or_else(|| link.address.clone()), decision);
    }

    fn unlinked(&mut self, side: Side, anchor: Anchor) {
        let Some(entry) = self.world.entry(side, anchor) else { return };
        let title = entry.recipient.title().to_owned();
        // Already joined from the other side in this plan.
        if self.claimed.contains_key(&(side, anchor)) {
            return;
        }
        let address = match self.context.eligible(side, entry) {
            Ok(address) => address,
            Err(reason) => {
                let decision = self.orphan(side, entry, &title).unwrap_or_else(|| Decision::skip(reason));
                return self.take(side, anchor, title, decision);
            }
        };
        *self.plan.in_scope.get_mut(side) += 1;
        let decision = self.publish(Origin::of(side), entry, &address, &title);
        self.take(side, anchor, title, decision);
    }

    fn unlinked_static(&mut self, key: LinkKey) {
        let Some(entry) = self.world.static_contact(key) else { return };
        let title = entry.recipient.title().to_owned();
        let address = entry.recipient.primary.clone().unwrap_or_default();
        let decision = self.publish(key.origin, entry, &address, &title);
        self.take(key.origin.target_side(), key.anchor, title, decision);
    }

    /// What happens to a recipient that should be published and has no link.
    fn publish(&mut self, origin: Origin, entry: &Entry, address: &str, title: &str) -> Decision {
        let target = origin.target_side();
        let key = LinkKey { origin, anchor: entry.recipient.anchor };
        if let Err(reason) = admissible(self.context, target, address) {
            return Decision::skip(reason);
        }
        let joined = join(self.context, self.world, origin, &entry.recipient, address);
        if let Err(reason) = self.served(target, entry) {
            // An account that was made again is the one that is linked.
            let linked = reason == SkipReason::NotInMerge && self.context.serve == Serve::LinkedOnly;
            let published = |link: &Link| !matches!(link.phase, Phase::Suppressed { .. });
            if !(linked && matches!(&joined, Ok(Joined::Relinked(link, _)) if published(link))) {
                return Decision::skip(reason);
            }
        }
        let joined = match joined {
            Ok(joined) => joined,
            Err(reason) => return Decision::skip(reason),
        };
        let contact = match &joined {
            Joined::Recovered(contact)
            | Joined::HandedOn(contact)
            | Joined::Relinked(_, contact)
            | Joined::Found(contact, _)
            | Joined::Guest(contact, _) => Some(*contact),
            Joined::Nothing => None,
        };
        // Of whom only a part was read, nothing is concluded: what is not known would be taken for blank.
        if contact.is_some_and(|contact| !contact.recipient.complete) {
            let again = self.context.now.checked_add(NOT_READ_YET).map(Again::Retry).ok();
            return Decision { again, ..Decision::skip(SkipReason::NotReadYet) };
        }
        if let Some(contact) = contact
            && let Some(other) = self.claimed.insert((target, contact.recipient.anchor), title.to_owned())
        {
            return Decision::skip(SkipReason::ClaimedByAnother { other });
        }
        match joined {
            // It will be shown: somebody appears, as by a creation.
            Joined::HandedOn(_) | Joined::Guest(..) if !self.creates(target) => Decision::skip(SkipReason::NotInMerge),
            Joined::HandedOn(contact) => claim(self.context, self.world, key, entry, address, contact),
            Joined::Recovered(contact) => self.recovered(key, entry, address, contact),
            Joined::Relinked(link, contact) => relink(self.context, self.world, link, origin, entry, address, contact),
            Joined::Found(contact, _) | Joined::Guest(contact, _) => adopt(self.context, self.world, key, entry, address, contact, None),
            Joined::Nothing => self.create(key, entry, address, title),
        }
    }

    fn create(&mut self, key: LinkKey, entry: &Entry, address: &str, title: &str) -> Decision {
        let target = key.origin.target_side();
        if !self.creates(target) {
            return Decision::skip(SkipReason::NotInMerge);
        }
        if let Some(other) = self.addresses.insert((target, address.to_owned()), title.to_owned()) {
            return Decision::skip(SkipReason::ClaimedByAnother { other });
        }
        let operation = create(self.context, self.world, key, entry, address);
        Decision { notes: operation.notes.clone(), operations: vec![operation], ..Decision::default() }
    }

    /// Whether people appear on a side who were not there before.
    fn creates(&self, target: Side) -> bool {
        match self.context.serve {
            Serve::Everybody => true,
            Serve::LinkedOnly => false,
            Serve::Merge(rules) => rules.mode.creates_from(target.other()),
        }
    }

    /// Whether unlinked recipients are served at all.
    fn served(&self, target: Side, entry: &Entry) -> Result<(), SkipReason> {
        if *self.context.closed.get(target) {
            return Err(SkipReason::SideClosed);
        }
        let waits = match self.context.serve {
            Serve::Everybody => false,
            Serve::LinkedOnly => true,
            Serve::Merge(_) => !entry.in_pilot,
        };
        if waits { Err(SkipReason::NotInMerge) } else { Ok(()) }
    }

    fn take(&mut self, side: Side, anchor: Anchor, title: String, decision: Decision) {
        let Decision { operations, quiet, skipped, again, notes } = decision;
        self.plan.again.extend(again.map(|again| (side, anchor, again)));
        // Both halves of peers that are being linked are spoken for.
        for operation in operations.iter().filter(|operation| operation.start.is_some()) {
            if let Some(contact) = &operation.contact {
                self.claimed.entry((operation.side, contact.anchor)).or_insert_with(|| title.clone());
            }
            if operation.action == Action::Create {
                self.addresses.entry((operation.side, operation.address.clone())).or_insert_with(|| title.clone());
            }
        }
        // What is remembered beside an operation speaks for nobody.
        for change in quiet.iter().filter(|change| change.quiet != Quiet::Record || operations.is_empty()) {
            if let Some(target) = change.link.target {
                self.claimed.entry((change.link.target_side(), target)).or_insert_with(|| title.clone());
            }
        }
        self.plan.operations.extend(operations);
        self.plan.quiet.extend(quiet);
        self.plan.notes.extend(notes.into_iter().map(|note| Noted { side, anchor, title: title.clone(), note }));
        if let Some(reason) = skipped {
            let address = self.world.entry(side, anchor).and_then(|entry| entry.recipient.primary.clone());
            self.plan.skipped.push(Skipped { side, anchor, title, address, reason });
        }
    }

    fn finish(mut self) -> Plan {
        // A contact that is taken over by a re-created account is not taken away in the same breath.
        let again = |operation: &Operation| matches!(operation.reason, Reason::Recreated { .. });
        let relinked = self.plan.operations.iter().filter(|operation| again(operation));
        let relinked: BTreeSet<LinkKey> = relinked.map(|operation| operation.key).collect();
        self.plan.operations.retain(|operation| again(operation) || !relinked.contains(&operation.key));
        self.plan.quiet.retain(|change| !relinked.contains(&change.link.key));
        // Nor is one that is claimed from the other direction.
        let taken = |operation: &&Operation| operation.action == Action::Claim;
        let taken: BTreeSet<(Side, Anchor)> = self.plan.operations.iter().filter(taken).filter_map(Operation::object).collect();
        let spared =
            |operation: &Operation| operation.action == Action::Claim || operation.object().is_none_or(|one| !taken.contains(&one));
        self.plan.operations.retain(spared);
        self.context.intended.await_them(&mut self.plan.operations);
        self.plan.operations.sort_by_key(|operation| (operation.action, operation.side, operation.key));
        self.plan.quiet.sort_by_key(|change| change.link.key);
        self.plan.skipped.sort_by_key(|skipped| (skipped.side, skipped.anchor));
        self.plan
    }
}
