//! The decision: what happens to one link, or to one recipient that has none.
//!
//! The life of a published contact is the state table of SEMANTICS.md. The module
//! `life` is that table: one exhaustive match for projections, one for peers, one comment an arm.

mod begun;
mod leave;
mod life;
mod make;
mod peers;
mod update;

use crate::link::{Link, LinkKey, Origin, Phase, Role, Step};
use crate::managers::Intended;
use crate::operation::{Action, Contact, Extras, LinkPatch, Operation, Quiet, QuietChange, Reason};
use crate::policy::{Direction, MergeMode, PairPolicy, TenantFacts};
use crate::reason::{Note, SkipReason};
use crate::recipient::{Kind, Recipient, Side, Sides, domain_of};
use crate::stamp::{Mark, Stamp};
use crate::world::{Entry, World};
use jiff::{SignedDuration, Timestamp};
use life::{peer_life, projection_life};

pub use leave::{leave_operation, link_from_stamp, purge_at};
pub(crate) use make::{adopt, claim, create, recover, relink};
pub use peers::SETTLING;

/// What the shell knows when it asks for a plan.
#[derive(Clone, Debug)]
pub struct Context<'c> {
    /// The present moment.
    pub now: Timestamp,
    /// The id of this installation, as it stands in stamps.
    pub installation: &'c str,
    /// The pair's part of the profile.
    pub pair: &'c PairPolicy,
    /// The two tenants.
    pub tenants: Sides<TenantFacts>,
    /// All tenants of the profile, for the stand-in rule.
    pub mesh: &'c [TenantFacts],
    /// Who is served.
    pub serve: Serve,
    /// Target sides closed to writes (`unpublish`).
    pub closed: Sides<bool>,
    /// Whether the pair publishes the static contacts of a tenant; the others of that tenant do not.
    pub homes: Sides<bool>,
    /// Whom the plan in the making publishes itself; nobody, for whoever asks for a plan.
    pub intended: Intended,
}

/// Who is served by a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serve {
    /// The schedule after a full merge: everybody.
    Everybody,
    /// The schedule after a pilot or `link-only`: linked recipients only.
    LinkedOnly,
    /// A merge: no deletions.
    Merge(MergeRules),
}

/// How a merge was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeRules {
    /// The mode.
    pub mode: MergeMode,
    /// Overwrite what differs in joined contacts.
    pub enforce: bool,
    /// Take over contacts stamped by other installations.
    pub take_over: bool,
}

impl Context<'_> {
    /// The tenant id that stamps of this origin carry.
    pub fn origin_tenant(&self, origin: Origin) -> &str {
        origin.source_side().map_or("static", |side| &self.tenants.get(side).tenant_id)
    }

    /// Whether contacts of other installations are taken over.
    pub fn take_over(&self) -> bool {
        matches!(self.serve, Serve::Merge(MergeRules { take_over: true, .. }))
    }

    fn enforce(&self) -> bool {
        matches!(self.serve, Serve::Merge(MergeRules { enforce: true, .. }))
    }

    /// A merge never deletes.
    fn deletes(&self) -> bool {
        !matches!(self.serve, Serve::Merge(_))
    }

    fn mode(&self) -> MergeMode {
        match self.serve {
            Serve::Everybody | Serve::LinkedOnly => MergeMode::TwoWay,
            Serve::Merge(rules) => rules.mode,
        }
    }

    /// Whether a recipient is a source for the other side: its address there, or why not.
    /// Judged without looking at what stands there.
    pub fn eligible(&self, side: Side, entry: &Entry) -> Result<String, SkipReason> {
        if !self.pair.direction.publishes_from(side) {
            return Err(SkipReason::DirectionClosed);
        }
        let recipient = &entry.recipient;
        let scope = &self.pair.publishing.get(side).scope;
        scope.source(recipient, entry.in_groups)?;
        let address = scope.routing_address(recipient).ok_or(SkipReason::NoAddress)?;
        if recipient.kind == Kind::Contact
            && let Some(tenant) = domain_of(&address).and_then(|domain| self.mesh.iter().find(|tenant| tenant.accepts(domain)))
        {
            return Err(SkipReason::StandIn { tenant: tenant.name.clone() });
        }
        Ok(address)
    }

    /// The role of a new link from this origin.
    fn role(&self, origin: Origin, source: &Recipient) -> Role {
        let peer = origin.source_side().is_some()
            && source.kind == Kind::Contact
            && self.pair.direction == Direction::TwoWay
            && !source.directory_synced;
        if peer { Role::Peer } else { Role::Projection }
    }

    fn stamp(&self, link: &Link, staged: Option<Timestamp>) -> Stamp {
        Stamp {
            installation: self.installation.to_owned(),
            origin_tenant: self.origin_tenant(link.key.origin).to_owned(),
            anchor: link.key.anchor,
            provenance: link.provenance,
            role: link.role,
            staged,
        }
    }
}

/// What is decided of one link or recipient.
#[derive(Debug, Default)]
pub struct Decision {
    /// Writes.
    pub operations: Vec<Operation>,
    /// What is only remembered.
    pub quiet: Vec<QuietChange>,
    /// Why nothing is done.
    pub skipped: Option<SkipReason>,
    /// When it must be looked at again although nothing happens.
    pub again: Option<Again>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// A time that must not be missed. It is told at every look, so that no crash can lose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Again {
    /// The end of a grace period.
    Purge(Timestamp),
    /// The next attempt for a quarantined one.
    Retry(Timestamp),
}

impl Decision {
    pub(crate) fn skip(reason: SkipReason) -> Self {
        Self { skipped: Some(reason), ..Self::default() }
    }

    fn nothing() -> Self {
        Self::default()
    }

    fn quiet(quiet: Quiet, link: &Link, patch: LinkPatch, title: &str) -> Self {
        let change = QuietChange { quiet, link: link.clone(), new: false, patch, title: title.to_owned() };
        Self { quiet: vec![change], ..Self::default() }
    }

    fn operation(operation: Operation) -> Self {
        Self { notes: operation.notes.clone(), operations: vec![operation], ..Self::default() }
    }
}

/// How the source of a link stands.
#[derive(Debug)]
enum Source<'w> {
    /// In scope, with its address.
    Wanted(&'w Entry, String),
    /// There, but not in scope.
    Left(&'w Entry, SkipReason),
    /// Deleted.
    Gone,
    /// Not (completely) read: nothing is concluded.
    Unread,
}

/// How the target of a link stands.
#[derive(Debug)]
enum Target<'w> {
    /// There.
    Present(&'w Entry),
    /// Deleted.
    Gone,
    /// Not yet made, or not yet read.
    Unread,
}

/// Everything about one link.
struct Case<'a, 'w> {
    context: &'a Context<'a>,
    world: &'w World,
    link: &'w Link,
    title: String,
}

/// Decides what happens to a link.
pub fn decide_link(context: &Context<'_>, world: &World, link: &Link, fresh: bool) -> Decision {
    let Some(settled) = begun::settled(context, world, link) else { return decide(context, world, link, fresh) };
    let decision = decide(context, world, &settled.link, fresh);
    settled.remember(decision, &link.address)
}

fn decide(context: &Context<'_>, world: &World, link: &Link, fresh: bool) -> Decision {
    let source = source_of(context, world, link);
    let target = target_of(world, link);
    let title = match (&source, &target) {
        (Source::Wanted(entry, _) | Source::Left(entry, _), _) | (Source::Gone | Source::Unread, Target::Present(entry)) => {
            entry.recipient.title().to_owned()
        }
        (Source::Gone | Source::Unread, Target::Gone | Target::Unread) => link.address.clone(),
    };
    let case = Case { context, world, link, title };
    if superseded(world, link, &target) || anothers(context, link, &target) || overtaken(context, world, link, &source) {
        return case.forget();
    }
    if let Some(reason) = frozen(context, link, &source, &target, fresh) {
        let retry = link.quarantine.as_ref().filter(|_| matches!(reason, SkipReason::Quarantined { .. }));
        return case.freed(Decision { again: retry.map(|quarantine| Again::Retry(quarantine.retry_at)), ..Decision::skip(reason) });
    }
    if let (true, Source::Wanted(entry, address), Target::Present(contact)) = (link.claimed, &source, &target) {
        return case.take_over(entry, address, contact);
    }
    let decision = match link.role {
        Role::Projection => projection_life(&case, source, target),
        Role::Peer => peer_life(&case, source, target),
    };
    let mut decision = case.freed(decision);
    let unread = decision.skipped == Some(SkipReason::NotReadYet) && decision.again.is_none();
    if unread && waits_for_a_complete_reading(context, world, link) {
        decision.again = context.now.checked_add(NOT_LOOKED_FOR).map(Again::Retry).ok();
    }
    decision
}

/// So often somebody is looked at again whom a complete reading has not met yet.
const NOT_LOOKED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Whether the source of a link has no mailbox as far as is known, and was not looked for yet: what was known of it was lost, and only
/// the directory has told of it since.
fn waits_for_a_complete_reading(context: &Context<'_>, world: &World, link: &Link) -> bool {
    let source = link.key.origin.source_side().and_then(|side| Some((side, world.entry(side, link.key.anchor)?)));
    source.is_some_and(|(side, entry)| is_not_looked_for(context, side, entry))
}

fn is_not_looked_for(context: &Context<'_>, side: Side, entry: &Entry) -> bool {
    !entry.looked_for && entry.recipient.is_present() && context.eligible(side, entry) == Err(SkipReason::NoExchangeRecipient)
}

fn source_of<'w>(context: &Context<'_>, world: &'w World, link: &Link) -> Source<'w> {
    let Some(side) = link.key.origin.source_side() else {
        return match world.static_contact(link.key) {
            Some(entry) => Source::Wanted(entry, entry.recipient.primary.clone().unwrap_or_default()),
            None => Source::Gone,
        };
    };
    match world.entry(side, link.key.anchor) {
        None => Source::Unread,
        Some(entry) if !entry.recipient.is_present() => Source::Gone,
        Some(entry) if is_not_looked_for(context, side, entry) => Source::Unread,
        Some(entry) => match context.eligible(side, entry) {
            Ok(address) => Source::Wanted(entry, address),
            Err(SkipReason::NotReadYet) => Source::Unread,
            Err(reason) => Source::Left(entry, reason),
        },
    }
}

fn target_of<'w>(world: &'w World, link: &Link) -> Target<'w> {
    match link.target.and_then(|anchor| world.entry(link.target_side(), anchor)) {
        None => Target::Unread,
        Some(entry) if !entry.recipient.is_present() => Target::Gone,
        // Of whom only a part was read, nothing is concluded.
        Some(entry) if !entry.recipient.complete => Target::Unread,
        Some(entry) => Target::Present(entry),
    }
}

/// Whether the contact was re-linked to another anchor, and the run died before it could forget this link.
fn superseded(world: &World, link: &Link, target: &Target<'_>) -> bool {
    let Target::Present(entry) = target else { return false };
    let Some(stamp) = entry.recipient.mark.stamp().filter(|stamp| stamp.anchor != link.key.anchor) else { return false };
    let other = world.link(LinkKey { origin: link.key.origin, anchor: stamp.anchor });
    other.is_some_and(|other| other.target == link.target)
}

/// Whether the contact of a link stands for somebody of another pair by now, or of the other direction: it was taken over, and bears
/// that one's stamp and the Name that goes with it. (A stamp that somebody copied onto it comes without the Name.)
/// `origin_tenant`: what stamps of the link's own origin say.
pub fn stands_for_another(installation: &str, origin_tenant: &str, link: &Link, contact: &Recipient) -> bool {
    let moved = !contact.name.eq_ignore_ascii_case(&link.name) && contact.has_stamps_name();
    moved && made_elsewhere(installation, origin_tenant, contact)
}

/// Whether a link is of a static contact that another pair publishes: a tenant's are one pair's (`homes`), and the profile may make
/// another one of it.
pub fn is_of_another_home(homes: Sides<bool>, link: &Link) -> bool {
    link.key.origin.source_side().is_none() && !*homes.get(link.target_side())
}

/// Whether a link is over, because another pair has its contact. What is suppressed stays so.
fn anothers(context: &Context<'_>, link: &Link, target: &Target<'_>) -> bool {
    if matches!(link.phase, Phase::Suppressed { .. }) {
        return false;
    }
    let origin_tenant = context.origin_tenant(link.key.origin);
    let stands = |contact: &Recipient| stands_for_another(context.installation, origin_tenant, link, contact);
    is_of_another_home(context.homes, link) || matches!(target, Target::Present(entry) if stands(&entry.recipient))
}

/// Whether the address of a creation that has not begun is held by what another pair made first.
fn overtaken(context: &Context<'_>, world: &World, link: &Link, source: &Source<'_>) -> bool {
    let Source::Wanted(_, address) = source else { return false };
    let origin_tenant = context.origin_tenant(link.key.origin);
    let elsewhere = |entry: &Entry| made_elsewhere(context.installation, origin_tenant, &entry.recipient);
    link.phase == Phase::Creating { step: Step::Intended } && world.holders(link.target_side(), address).any(elsewhere)
}

/// Whether a contact bears a stamp of this installation from another origin.
fn made_elsewhere(installation: &str, origin_tenant: &str, contact: &Recipient) -> bool {
    let stamp = contact.mark.stamp().filter(|stamp| stamp.installation == installation);
    contact.kind == Kind::Contact && stamp.is_some_and(|stamp| stamp.origin_tenant != origin_tenant)
}

/// The domain of a published address, if it belongs to the tenant where the contact stands: the contact must yield to whoever gets a
/// mailbox there, and is left as it is until a person makes way.
pub fn must_yield<'a>(target: &TenantFacts, address: &'a str) -> Option<&'a str> {
    domain_of(address).filter(|domain| target.authoritative_domains.contains(*domain))
}

/// Reasons for which a link is left alone whatever happened to its halves.
fn frozen(context: &Context<'_>, link: &Link, source: &Source<'_>, target: &Target<'_>, fresh: bool) -> Option<SkipReason> {
    if *context.closed.get(link.target_side()) {
        return Some(SkipReason::SideClosed);
    }
    if let Some(quarantine) = &link.quarantine
        && context.now < quarantine.retry_at
        && !fresh
    {
        return Some(SkipReason::Quarantined { reason: quarantine.reason.clone() });
    }
    if matches!(link.phase, Phase::Suppressed { .. }) {
        return None;
    }
    let address = match source {
        Source::Wanted(_, address) => address,
        Source::Left(..) | Source::Gone | Source::Unread => &link.address,
    };
    if let Some(domain) = must_yield(context.tenants.get(link.target_side()), address) {
        return Some(SkipReason::MustYield { domain: domain.to_owned() });
    }
    if let Target::Present(entry) = target {
        let recipient = &entry.recipient;
        if recipient.directory_synced {
            return Some(SkipReason::TargetDirectorySynced);
        }
        if replaced(context, link, &recipient.mark) {
            return Some(SkipReason::StampReplaced);
        }
    }
    None
}

/// Whether the stamp attribute of a link's contact holds something that is not this link's stamp.
fn replaced(context: &Context<'_>, link: &Link, mark: &Mark) -> bool {
    match mark {
        Mark::None => false,
        Mark::Foreign(_) => true,
        Mark::Stamp(stamp) => {
            stamp.origin_tenant != context.origin_tenant(link.key.origin)
                || stamp.anchor != link.key.anchor && !matches!(link.phase, Phase::Joining)
                || stamp.installation != context.installation && !context.take_over()
        }
    }
}

impl Case<'_, '_> {
    fn operation(&self, action: Action, side: Side, reason: Reason, contact: Option<&Entry>) -> Operation {
        Operation {
            action,
            side,
            key: self.link.key,
            title: self.title.clone(),
            address: self.link.address.clone(),
            reason,
            contact: contact.and_then(contact_of),
            changes: Vec::new(),
            extras: Extras::default(),
            start: None,
            patch: LinkPatch::default(),
            manager: None,
            notes: Vec::new(),
        }
    }
}

pub(crate) fn contact_of(entry: &Entry) -> Option<Contact> {
    let recipient = &entry.recipient;
    let stamp = recipient.mark.stamp().cloned();
    recipient.guid.map(|guid| Contact { anchor: recipient.anchor, guid, name: recipient.name.clone(), stamp })
}
