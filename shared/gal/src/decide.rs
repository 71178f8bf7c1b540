//! The decision: what happens to one link, or to one recipient that has none.
//!
//! The life of a published contact is the state table of SEMANTICS.md. [`projection_life`] and
//! [`peer_life`] are that table: one exhaustive match each, one comment an arm.

use jiff::{SignedDuration, Timestamp};

use crate::desired::{Desired, current, desired_peer, desired_projection};
use crate::link::{Base, Before, Link, LinkKey, Origin, Phase, Provenance, Role, Step, Suppression};
use crate::merge::{self, PeerRules, Verdict, Why};
use crate::operation::{Action, Contact, Extras, FieldChange, LinkPatch, Operation, Quiet, QuietChange, Reason};
use crate::policy::{ConflictPolicy, Direction, MergeMode, PairPolicy, TenantFacts};
use crate::reason::{Note, SkipReason};
use crate::recipient::{Kind, Recipient, Side, Sides, domain_of};
use crate::stamp::{Mark, Stamp, made_name};
use crate::world::{Entry, World};

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
        let peer = origin.source_side().is_some() && source.kind == Kind::Contact && self.pair.direction == Direction::TwoWay && !source.directory_synced;
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
    /// What a person should know.
    pub notes: Vec<Note>,
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
    let source = source_of(context, world, link);
    let target = target_of(world, link);
    let title = match (&source, &target) {
        (Source::Wanted(entry, _) | Source::Left(entry, _), _) | (Source::Gone | Source::Unread, Target::Present(entry)) => {
            entry.recipient.title().to_owned()
        }
        (Source::Gone | Source::Unread, Target::Gone | Target::Unread) => link.address.clone(),
    };
    let case = Case { context, world, link, title };
    if superseded(world, link, &target) {
        return case.forget();
    }
    if let Some(reason) = frozen(context, link, &source, &target, fresh) {
        return Decision::skip(reason);
    }
    match link.role {
        Role::Projection => projection_life(&case, source, target),
        Role::Peer => peer_life(&case, source, target),
    }
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
    if let Some(domain) = domain_of(address).filter(|domain| context.tenants.get(link.target_side()).authoritative_domains.contains(*domain)) {
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

/// The life of a projection. The table of SEMANTICS.md.
fn projection_life(case: &Case<'_, '_>, source: Source<'_>, target: Target<'_>) -> Decision {
    let link = case.link;
    match (&link.phase, source, target) {
        // Suppressed: nothing is published until `unsuppress`; forgotten when the source is gone too.
        (Phase::Suppressed { .. }, Source::Gone, _) => case.forget(),
        (Phase::Suppressed { reason }, Source::Wanted(..) | Source::Left(..) | Source::Unread, _) => Decision::skip(SkipReason::Suppressed { reason: *reason }),

        // Not completely read: nothing is concluded from it.
        (_, Source::Unread, _) => Decision::skip(SkipReason::NotReadYet),

        // The contact is being made.
        (Phase::Creating { .. }, Source::Wanted(entry, address), Target::Present(_) | Target::Unread) => case.resume(entry, &address),
        (Phase::Creating { .. }, Source::Wanted(entry, address), Target::Gone) => case.deleted_by_administrator(entry, &address),
        // Nobody wants it any more: found by its Name and ended, or hidden like any other.
        (Phase::Creating { step: Step::Intended }, Source::Left(..) | Source::Gone, Target::Unread | Target::Present(_)) => case.abandon(),
        (Phase::Creating { step: Step::Created | Step::Stamped }, Source::Left(..) | Source::Gone, Target::Unread) => {
            Decision::skip(SkipReason::NotReadYet)
        }
        (Phase::Creating { step: Step::Created | Step::Stamped }, Source::Left(_, reason), Target::Present(contact)) => {
            case.stage(contact, link.target_side(), Reason::SourceLeft { reason })
        }
        (Phase::Creating { step: Step::Created | Step::Stamped }, Source::Gone, Target::Present(contact)) => {
            case.stage(contact, link.target_side(), Reason::SourceGone)
        }
        (Phase::Creating { .. }, Source::Left(..) | Source::Gone, Target::Gone) => case.forget(),

        // The contact (or what is known of it) has not come back in a reading yet.
        (Phase::Joining | Phase::Live | Phase::Staged { .. } | Phase::Kept, _, Target::Unread) => Decision::skip(SkipReason::NotReadYet),

        // A found contact is being adopted.
        (Phase::Joining, Source::Wanted(entry, address), Target::Present(contact)) => adopt(case.context, case.world, link.key, entry, &address, contact, Some(link)),
        (Phase::Joining, Source::Left(_, reason), Target::Present(contact)) => case.release(contact, Reason::SourceLeft { reason }),
        (Phase::Joining, Source::Gone, Target::Present(contact)) => case.release(contact, Reason::SourceGone),
        (Phase::Joining, Source::Wanted(..) | Source::Left(..) | Source::Gone, Target::Gone) => case.forget(),

        // Both are there: the contact follows its source.
        (Phase::Live, Source::Wanted(entry, address), Target::Present(contact)) => case.update_projection(entry, &address, contact, Action::Update, None),
        // The target's administrator deleted it: made again once, then suppressed.
        (Phase::Live, Source::Wanted(entry, address), Target::Gone) => case.deleted_by_administrator(entry, &address),
        // The source left: a made contact is hidden first, a found one gets back what it was.
        (Phase::Live, Source::Left(_, reason), Target::Present(contact)) => case.leave(contact, Reason::SourceLeft { reason }),
        (Phase::Live, Source::Gone, Target::Present(contact)) => case.leave(contact, Reason::SourceGone),
        (Phase::Live, Source::Left(..) | Source::Gone, Target::Gone) => case.forget(),

        // Staged, and the source is back: shown again.
        (Phase::Staged { .. }, Source::Wanted(entry, address), Target::Present(contact)) => {
            case.update_projection(entry, &address, contact, Action::Restore, Some(link.base_hidden))
        }
        // Staged, and still unwanted: purged when the grace period is over, unless the administrator unhid it.
        (Phase::Staged { since, .. }, Source::Left(..) | Source::Gone, Target::Present(contact)) => case.wait_or_purge(contact, *since),
        // The administrator deleted it before us: the link ends.
        (Phase::Staged { .. }, Source::Wanted(..) | Source::Left(..) | Source::Gone, Target::Gone) => case.forget(),

        // The administrator kept it: maintained again only when its source is back.
        (Phase::Kept, Source::Wanted(entry, address), Target::Present(contact)) => {
            case.update_projection(entry, &address, contact, Action::Restore, Some(contact.recipient.hidden))
        }
        (Phase::Kept, Source::Left(..) | Source::Gone, Target::Present(_)) => Decision::skip(SkipReason::KeptByAdministrator),
        (Phase::Kept, Source::Wanted(..) | Source::Left(..) | Source::Gone, Target::Gone) => case.forget(),
    }
}

/// The life of a peer link. The second table of SEMANTICS.md.
fn peer_life(case: &Case<'_, '_>, source: Source<'_>, target: Target<'_>) -> Decision {
    let link = case.link;
    let peer_deletions = case.context.pair.peer_deletions;
    match (&link.phase, source, target) {
        // Suppressed: forgotten when neither half is left.
        (Phase::Suppressed { .. }, Source::Gone, Target::Gone | Target::Unread) => case.forget(),
        (Phase::Suppressed { reason }, Source::Wanted(..) | Source::Left(..) | Source::Gone | Source::Unread, _) => {
            Decision::skip(SkipReason::Suppressed { reason: *reason })
        }

        (_, Source::Unread, _) => Decision::skip(SkipReason::NotReadYet),

        // The twin is being made.
        (Phase::Creating { .. }, Source::Wanted(entry, address), Target::Present(_) | Target::Unread) => case.resume(entry, &address),
        (Phase::Creating { .. }, Source::Wanted(entry, _), Target::Gone) => case.half_deleted(entry, Side::other(link.target_side()), peer_deletions),
        (Phase::Creating { step: Step::Intended }, Source::Left(..) | Source::Gone, Target::Unread | Target::Present(_)) => case.abandon(),
        (Phase::Creating { step: Step::Created | Step::Stamped }, Source::Left(..) | Source::Gone, Target::Unread) => {
            Decision::skip(SkipReason::NotReadYet)
        }
        (Phase::Creating { step: Step::Created | Step::Stamped }, Source::Left(_, reason), Target::Present(contact)) => {
            case.stage(contact, link.target_side(), Reason::SourceLeft { reason })
        }
        (Phase::Creating { step: Step::Created | Step::Stamped }, Source::Gone, Target::Present(contact)) => {
            case.stage(contact, link.target_side(), Reason::PeerGone)
        }
        (Phase::Creating { .. }, Source::Left(..) | Source::Gone, Target::Gone) => case.forget(),

        (Phase::Joining | Phase::Live | Phase::Staged { .. } | Phase::Kept, _, Target::Unread) => Decision::skip(SkipReason::NotReadYet),

        // Two contacts that were there before are being joined.
        (Phase::Joining, Source::Wanted(entry, address), Target::Present(contact)) => adopt(case.context, case.world, link.key, entry, &address, contact, Some(link)),
        (Phase::Joining, Source::Wanted(..) | Source::Left(..) | Source::Gone, Target::Present(_) | Target::Gone) => case.forget(),

        // Both are there: a three-way merge, unless the other half left its own scope.
        (Phase::Live, Source::Wanted(entry, _), Target::Present(contact)) => case.merge_peers(entry, contact),
        // Leaving the scope stages the twin, never the source; a found half just waits.
        (Phase::Live, Source::Left(_, reason), Target::Present(contact)) => match link.provenance {
            Provenance::Made => case.stage(contact, link.target_side(), Reason::SourceLeft { reason }),
            Provenance::Found => Decision::skip(SkipReason::PeerOutOfScope),
        },
        // The origin half was deleted.
        (Phase::Live, Source::Gone, Target::Present(contact)) => case.origin_deleted(contact, peer_deletions),
        // The other half was deleted.
        (Phase::Live, Source::Wanted(entry, _) | Source::Left(entry, _), Target::Gone) => {
            case.half_deleted(entry, Side::other(link.target_side()), peer_deletions)
        }
        (Phase::Live, Source::Gone, Target::Gone) => case.forget(),

        // Staged on the target side, and the source is back in scope: shown again.
        (Phase::Staged { side, .. }, Source::Wanted(entry, _), Target::Present(contact)) if *side == link.target_side() => {
            case.restore_peer(entry, contact)
        }
        // Staged: purged when the grace period is over, unless its administrator unhid it.
        (Phase::Staged { side, since }, Source::Left(..) | Source::Gone, Target::Present(contact)) if *side == link.target_side() => {
            case.wait_or_purge(contact, *since)
        }
        (Phase::Staged { side, since }, Source::Wanted(entry, _) | Source::Left(entry, _), Target::Gone) if *side != link.target_side() => {
            case.wait_or_purge(entry, *since)
        }
        // The half that was staged is gone, or the one whose deletion staged it came back: the link ends.
        (Phase::Staged { .. }, Source::Wanted(..) | Source::Left(..) | Source::Gone, Target::Gone | Target::Present(_)) => case.forget(),

        // The administrator kept it.
        (Phase::Kept, Source::Wanted(..) | Source::Left(..), Target::Present(_)) => Decision::skip(SkipReason::KeptByAdministrator),
        (Phase::Kept, Source::Wanted(..) | Source::Left(..), Target::Gone) | (Phase::Kept, Source::Gone, Target::Present(_)) => {
            Decision::skip(SkipReason::KeptByAdministrator)
        }
        (Phase::Kept, Source::Gone, Target::Gone) => case.forget(),
    }
}

impl Case<'_, '_> {
    fn forget(&self) -> Decision {
        Decision::quiet(Quiet::Forget, self.link, LinkPatch::forget(), &self.title)
    }

    fn suppress(&self, reason: Suppression) -> Decision {
        Decision::quiet(Quiet::Suppress { reason }, self.link, LinkPatch::phase(Phase::Suppressed { reason }), &self.title)
    }

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
            notes: Vec::new(),
        }
    }

    fn resume(&self, source: &Entry, address: &str) -> Decision {
        let mut operation = creation(self.context, self.world, self.link.clone(), source, address);
        operation.action = Action::Resume;
        operation.reason = Reason::Interrupted;
        operation.start = None;
        Decision::operation(operation)
    }

    fn abandon(&self) -> Decision {
        if !self.context.deletes() {
            return Decision::skip(SkipReason::MergeFirst);
        }
        let mut operation = self.operation(Action::Abandon, self.link.target_side(), Reason::SourceGone, None);
        operation.patch = LinkPatch::forget();
        Decision::operation(operation)
    }

    /// A projection that the target's administrator deleted: made again once, then suppressed.
    fn deleted_by_administrator(&self, source: &Entry, address: &str) -> Decision {
        if self.link.deletions >= 1 {
            return self.suppress(Suppression::DeletedTwice);
        }
        let mut link = blank_link(self.context, self.link.key, source, address, Provenance::Made);
        link.deletions = self.link.deletions + 1;
        let mut operation = creation(self.context, self.world, link, source, address);
        operation.reason = Reason::DeletedOnce;
        Decision::operation(operation)
    }

    fn leave(&self, contact: &Entry, reason: Reason) -> Decision {
        match self.link.provenance {
            Provenance::Made => self.stage(contact, self.link.target_side(), reason),
            Provenance::Found => self.release(contact, reason),
        }
    }

    /// Hides a contact; it is purged after the grace period.
    fn stage(&self, contact: &Entry, side: Side, reason: Reason) -> Decision {
        if !self.context.deletes() {
            return Decision::skip(SkipReason::MergeFirst);
        }
        let since = self.context.now;
        let mut operation = self.operation(Action::Stage, side, reason, Some(contact));
        operation.extras.hidden = (!contact.recipient.hidden).then_some(true);
        if contact.recipient.mark.stamp().is_some() || self.link.provenance == Provenance::Made && side == self.link.target_side() {
            operation.extras.stamp = Some(Some(self.context.stamp(self.link, Some(since))));
        }
        operation.patch = LinkPatch::phase(Phase::Staged { since, side });
        Decision::operation(operation)
    }

    fn wait_or_purge(&self, contact: &Entry, since: Timestamp) -> Decision {
        if !contact.recipient.hidden {
            return Decision::quiet(Quiet::Keep, self.link, LinkPatch::phase(Phase::Kept), &self.title);
        }
        if !self.context.deletes() {
            return Decision::skip(SkipReason::MergeFirst);
        }
        let Phase::Staged { side, .. } = self.link.phase else { return Decision::nothing() };
        if self.context.now < purge_at(since, self.context.pair.deletion_grace_days) {
            return Decision::nothing();
        }
        let mut operation = self.operation(Action::Purge, side, Reason::GraceOver { since }, Some(contact));
        operation.patch = LinkPatch::forget();
        Decision::operation(operation)
    }

    /// Gives a found contact back: the stamp goes, the values and the hidden flag from before return.
    fn release(&self, contact: &Entry, reason: Reason) -> Decision {
        if !self.context.deletes() {
            return Decision::skip(SkipReason::MergeFirst);
        }
        Decision::operation(release(self.context.installation, self.link, contact, reason, &self.title))
    }

    /// Keeps a projection in step with its source; also restores a staged one (`hidden`: the flag it gets back).
    fn update_projection(&self, source: &Entry, address: &str, contact: &Entry, action: Action, hidden: Option<bool>) -> Decision {
        let side = self.link.target_side();
        let mut desired = desired_projection(self.context, self.world, self.link.key.origin, source, address);
        let mut decision = Decision::nothing();
        if let Some(reason) = address_conflict(self.context, self.world, self.link, contact, address) {
            desired.leave_alone(crate::Field::ExternalEmailAddress);
            decision.skipped = Some(reason);
        }
        let mut merged = self.merge_projection(&desired, contact);
        merged.notes.extend(desired.notes.iter().cloned());
        self.hidden_veto(contact, hidden, &mut merged);
        let mut operation = self.operation(action, side, merged.reason(action), Some(contact));
        operation.extras = self.upkeep(&desired, source, contact);
        operation.extras.hidden = hidden.filter(|wanted| *wanted != contact.recipient.hidden);
        operation.changes = merged.changes;
        operation.notes = merged.notes;
        operation.patch = merged.patch;
        if action != Action::Update || self.link.phase != Phase::Live {
            operation.patch.phase = Some(Phase::Live);
        }
        if address != self.link.address {
            operation.patch.address = Some(address.to_owned());
        }
        self.finish(decision, operation)
    }

    /// An operation with nothing to write is only remembered, and not even that if nothing moved.
    fn finish(&self, mut decision: Decision, operation: Operation) -> Decision {
        decision.notes.extend(operation.notes.iter().cloned());
        if !operation.changes.is_empty() || !operation.extras.is_empty() {
            decision.operations.push(operation);
        } else if !operation.patch.is_empty() {
            let change = QuietChange { quiet: Quiet::Record, link: self.link.clone(), new: false, patch: operation.patch, title: self.title.clone() };
            decision.quiet.push(change);
        }
        decision
    }

    fn merge_projection(&self, desired: &Desired, contact: &Entry) -> Merged {
        let link = self.link;
        let mut merged = Merged::default();
        for field in desired.fields.iter() {
            let (source, target) = (desired.values.get(field), current(&contact.recipient, field));
            let verdict = merge::projection(field, source, target, &link.base_source, &link.base_target, self.context.enforce());
            merged.take(verdict, field, source, target, link);
        }
        // A field that the profile no longer publishes is cleared once, if what stands there is what we wrote.
        for field in desired.dropped.iter().filter(|field| link.provenance == Provenance::Made && link.base_source.get(*field).is_some()) {
            let target = current(&contact.recipient, field);
            if target.is_some() && link.base_target.holds(field, target) {
                merged.write(field, target, None, Why::Policy);
            }
            merged.patch.base_source.push((field, None));
            merged.patch.base_target.push((field, None));
        }
        merged
    }

    /// The administrator of the target may hide a contact; it stays hidden.
    fn hidden_veto(&self, contact: &Entry, hidden: Option<bool>, merged: &mut Merged) {
        if hidden.is_none() && contact.recipient.hidden != self.link.base_hidden {
            merged.patch.base_hidden = Some(contact.recipient.hidden);
        }
        if contact.recipient.hidden && hidden.is_none() {
            merged.notes.push(Note::HiddenByAdministrator);
        }
    }

    /// Stamp and reply addresses.
    fn upkeep(&self, desired: &Desired, source: &Entry, contact: &Entry) -> Extras {
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

    /// One three-way merge over both halves of a peer link; up to one operation a side.
    fn merge_peers(&self, source: &Entry, contact: &Entry) -> Decision {
        let desired = desired_peer(self.context, self.world, self.link.key.origin, source, contact);
        let rules = self.peer_rules(source, contact);
        let (mut to_target, mut to_source) = (Merged::default(), Merged::default());
        for field in desired.fields.iter() {
            let (left, right) = (desired.values.get(field), desired.other.get(field));
            let mut verdict = merge::peer(field, left, right, &self.link.base_source, &self.link.base_target, rules);
            if verdict == Verdict::Differing {
                verdict = self.truth(field, left, right, rules);
            }
            // A contact that is mastered on-premises cannot be written here.
            if matches!(verdict, Verdict::WriteSource(_)) && source.recipient.directory_synced {
                verdict = Verdict::Differing;
            }
            match verdict {
                Verdict::WriteSource(why) => {
                    to_source.write(field, left, right.map(str::to_owned), why);
                    to_source.remember(field, right, right);
                }
                Verdict::InStep | Verdict::Differing | Verdict::WriteTarget(_) | Verdict::Conflict => {
                    to_target.take(verdict, field, left, right, self.link);
                }
            }
        }
        self.hidden_veto(contact, None, &mut to_target);
        to_target.notes.extend(desired.notes.iter().cloned());
        let reason = to_target.reason(Action::Update);
        let mut write_target = self.operation(Action::Update, self.link.target_side(), reason, Some(contact));
        if self.link.provenance == Provenance::Made {
            write_target.extras = self.upkeep(&desired, source, contact);
        }
        write_target.changes = to_target.changes;
        write_target.notes = to_target.notes;
        write_target.patch = to_target.patch;
        let mut decision = self.finish(Decision::nothing(), write_target);
        if !to_source.changes.is_empty() {
            let mut write_source = self.operation(Action::Update, self.link.target_side().other(), to_source.reason(Action::Update), Some(source));
            write_source.changes = to_source.changes;
            write_source.patch = to_source.patch;
            decision.operations.push(write_source);
        }
        decision
    }

    /// In a merge that names a side as the truth, its values that are not blank are written where linked peers differ.
    fn truth(&self, field: crate::Field, source: Option<&str>, target: Option<&str>, rules: PeerRules) -> Verdict {
        match self.context.serve {
            Serve::Merge(MergeRules { mode: mode @ (MergeMode::AToB | MergeMode::BToA), .. }) => {
                merge::joining(field, source, target, rules.source_side, mode, false, Some(rules))
            }
            Serve::Merge(MergeRules { mode: MergeMode::TwoWay | MergeMode::LinkOnly, .. }) | Serve::Everybody | Serve::LinkedOnly => Verdict::Differing,
        }
    }

    fn peer_rules(&self, source: &Entry, contact: &Entry) -> PeerRules {
        peer_rules(self.context.pair.conflicts, self.link.target_side().other(), source, contact)
    }

    /// The half at the origin was deleted.
    fn origin_deleted(&self, contact: &Entry, peer_deletions: bool) -> Decision {
        let edited = edited_since(&self.link.base_target, &contact.recipient);
        match (self.link.provenance, edited, peer_deletions) {
            // Our twin follows the deletion of its peer.
            (Provenance::Made, false, true | false) => self.stage(contact, self.link.target_side(), Reason::PeerGone),
            // Somebody edited the twin since: it becomes the administrator's.
            (Provenance::Made, true, true | false) => self.hand_over(contact),
            // Two contacts that were there before: the other half follows only if the profile says so …
            (Provenance::Found, false, true) => self.stage(contact, self.link.target_side(), Reason::PeerGone),
            // … and an edit on it wins: it stands alone, and is published anew.
            (Provenance::Found, true, true) => self.forget(),
            (Provenance::Found, true | false, false) => self.suppress(Suppression::PeerDeleted),
        }
    }

    /// The half on the target side was deleted; `half` is what is left, on `side`.
    fn half_deleted(&self, half: &Entry, side: Side, peer_deletions: bool) -> Decision {
        if !peer_deletions {
            return self.suppress(Suppression::PeerDeleted);
        }
        if !edited_since(&self.link.base_source, &half.recipient) {
            return self.stage(half, side, Reason::PeerGone);
        }
        let address = half.recipient.primary.clone().unwrap_or_else(|| self.link.address.clone());
        let link = blank_link(self.context, self.link.key, half, &address, Provenance::Made);
        let mut operation = creation(self.context, self.world, link, half, &address);
        operation.reason = Reason::EditWins;
        Decision::operation(operation)
    }

    fn hand_over(&self, contact: &Entry) -> Decision {
        if !self.context.deletes() {
            return Decision::skip(SkipReason::MergeFirst);
        }
        Decision::operation(hand_over(self.link, contact, Reason::EditWins, &self.title))
    }

    fn restore_peer(&self, source: &Entry, contact: &Entry) -> Decision {
        let mut decision = self.merge_peers(source, contact);
        let side = self.link.target_side();
        let found = decision.operations.iter().position(|operation| operation.side == side);
        let mut operation = match found {
            Some(index) => decision.operations.remove(index),
            None => self.operation(Action::Restore, side, Reason::Back, Some(contact)),
        };
        operation.action = Action::Restore;
        operation.reason = Reason::Back;
        operation.extras.hidden = contact.recipient.hidden.then_some(self.link.base_hidden).filter(|hidden| !hidden);
        if self.link.provenance == Provenance::Made {
            operation.extras.stamp = Some(Some(self.context.stamp(self.link, None)));
        }
        operation.patch.phase = Some(Phase::Live);
        operation.patch.base_hidden = None;
        decision.quiet.clear();
        self.finish(decision, operation)
    }
}

/// Who wins a conflict, with the times that may be believed: a change time that can be our own write says nothing.
fn peer_rules(conflicts: ConflictPolicy, source_side: Side, source: &Entry, contact: &Entry) -> PeerRules {
    let newer = match (edit_time(source), edit_time(contact)) {
        (Some(left), Some(right)) if left > right => Some(source_side),
        (Some(left), Some(right)) if left < right => Some(source_side.other()),
        (Some(_) | None, Some(_) | None) => None,
    };
    PeerRules { conflicts, source_side, newer }
}

/// When an object was last edited by somebody else, if that can be known.
fn edit_time(entry: &Entry) -> Option<Timestamp> {
    let changed = entry.recipient.when_changed?;
    let ours = entry.written_at.is_some_and(|written| changed <= written + SETTLING);
    (!ours).then_some(changed)
}

/// How long after our own write a change time may still be that write's (clock skew and lag).
pub const SETTLING: SignedDuration = SignedDuration::from_mins(5);

/// When a contact staged at `since` is purged.
pub fn purge_at(since: Timestamp, grace_days: u32) -> Timestamp {
    since.checked_add(SignedDuration::from_hours(24 * i64::from(grace_days))).unwrap_or(Timestamp::MAX)
}

fn contact_of(entry: &Entry) -> Option<Contact> {
    entry.recipient.guid.map(|guid| Contact { anchor: entry.recipient.anchor, guid })
}

/// Whether a half was edited since its base, in any field that the base can tell.
fn edited_since(base: &Base, recipient: &Recipient) -> bool {
    crate::desired::peer_fields().any(|field| !base.holds(field, current(recipient, field)))
}

/// The X.500 addresses of the source that the contact lacks, the source's own legacyExchangeDN included.
fn missing_x500(source: &Recipient, contact: &Recipient) -> Vec<String> {
    let held = |address: &String| contact.x500.iter().any(|held| held.eq_ignore_ascii_case(address));
    source.x500.iter().filter(|address| !held(address)).cloned().collect()
}

/// Another object of the target holds the address that the contact should move to.
fn address_conflict(context: &Context<'_>, world: &World, link: &Link, contact: &Entry, address: &str) -> Option<SkipReason> {
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
struct Merged {
    changes: Vec<FieldChange>,
    why: Vec<Why>,
    patch: LinkPatch,
    notes: Vec<Note>,
}

impl Merged {
    fn write(&mut self, field: crate::Field, before: Option<&str>, after: Option<String>, why: Why) {
        self.changes.push(FieldChange { field, before: before.map(str::to_owned), after });
        self.why.push(why);
        if why == Why::Drift {
            self.notes.push(Note::Drift { field });
        }
    }

    fn remember(&mut self, field: crate::Field, source: Option<&str>, target: Option<&str>) {
        self.patch.base_source.push((field, source.map(str::to_owned)));
        self.patch.base_target.push((field, target.map(str::to_owned)));
    }

    /// Takes a verdict that concerns the target.
    fn take(&mut self, verdict: Verdict, field: crate::Field, source: Option<&str>, target: Option<&str>, link: &Link) {
        match verdict {
            Verdict::InStep => {
                if !link.base_source.holds(field, source) || !link.base_target.holds(field, target) {
                    self.remember(field, source, target);
                }
            }
            Verdict::Differing => {
                self.notes.push(Note::Differing { field });
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

    fn reason(&self, action: Action) -> Reason {
        if action == Action::Restore {
            return Reason::Back;
        }
        let mut why = self.why.clone();
        why.sort_unstable();
        why.dedup();
        if why.is_empty() { Reason::Upkeep } else { Reason::Fields { why: why.into_iter().map(|why| why.words().to_owned()).collect() } }
    }
}

/// A link that does not exist yet.
fn blank_link(context: &Context<'_>, key: LinkKey, source: &Entry, address: &str, provenance: Provenance) -> Link {
    Link {
        key,
        target: None,
        target_guid: None,
        provenance,
        role: context.role(key.origin, &source.recipient),
        phase: Phase::Creating { step: Step::Intended },
        name: made_name(context.installation, context.origin_tenant(key.origin), key.anchor),
        address: address.to_owned(),
        base_source: Base::default(),
        base_target: Base::default(),
        base_hidden: false,
        before: None,
        deletions: 0,
        x500_refused: false,
        quarantine: None,
        linked_at: None,
        written_at: None,
    }
}

/// The operation that makes a contact: the same at every attempt.
fn creation(context: &Context<'_>, world: &World, link: Link, source: &Entry, address: &str) -> Operation {
    let side = link.target_side();
    let desired = match link.role {
        Role::Projection => desired_projection(context, world, link.key.origin, source, address),
        Role::Peer => desired_peer(context, world, link.key.origin, source, source),
    };
    let values: Vec<_> = desired.fields.iter().filter_map(|field| Some((field, desired.values.get(field)?.to_owned()))).collect();
    let changes = values.iter().map(|(field, value)| FieldChange { field: *field, before: None, after: Some(value.clone()) }).collect();
    let remembered: Vec<_> = values.into_iter().map(|(field, value)| (field, Some(value))).collect();
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
        patch: LinkPatch { phase: Some(Phase::Live), base_source: remembered.clone(), base_target: remembered, base_hidden: Some(false), ..LinkPatch::default() },
        start: Some(Box::new(link)),
        notes: desired.notes,
    }
}

/// The operation for a recipient that nothing stands for yet.
pub(crate) fn create(context: &Context<'_>, world: &World, key: LinkKey, source: &Entry, address: &str) -> Operation {
    creation(context, world, blank_link(context, key, source, address, Provenance::Made), source, address)
}

/// Adopts a found contact: joins the fields, stamps a projection, remembers what it was before.
pub(crate) fn adopt(context: &Context<'_>, world: &World, key: LinkKey, source: &Entry, address: &str, contact: &Entry, joining: Option<&Link>) -> Decision {
    let mut link = joining.cloned().unwrap_or_else(|| blank_link(context, key, source, address, Provenance::Found));
    let recipient = &contact.recipient;
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
        operation.start = Some(Box::new(link.clone()));
    }
    decision
}

impl Case<'_, '_> {
    fn join_projection(&self, source: &Entry, address: &str, contact: &Entry) -> Decision {
        let desired = desired_projection(self.context, self.world, self.link.key.origin, source, address);
        let mut merged = Merged::default();
        let source_side = self.link.target_side().other();
        for field in desired.fields.iter() {
            let (left, right) = (desired.values.get(field), current(&contact.recipient, field));
            let verdict = merge::joining(field, left, right, source_side, self.context.mode(), self.context.enforce(), None);
            merged.take(verdict, field, left, right, self.link);
        }
        let mut operation = self.operation(Action::Adopt, self.link.target_side(), Reason::SameAddress { address: address.to_owned() }, Some(contact));
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

    /// Two contacts that were there before: neither is stamped; blanks are filled both ways.
    fn join_peers(&self, source: &Entry, contact: &Entry) -> Decision {
        let desired = desired_peer(self.context, self.world, self.link.key.origin, source, contact);
        let rules = self.peer_rules(source, contact);
        let (mut to_target, mut to_source) = (Merged::default(), Merged::default());
        for field in desired.fields.iter() {
            let (left, right) = (desired.values.get(field), desired.other.get(field));
            match merge::joining(field, left, right, rules.source_side, self.context.mode(), self.context.enforce(), Some(rules)) {
                Verdict::WriteSource(why) => {
                    to_source.write(field, left, right.map(str::to_owned), why);
                    to_target.remember(field, right, right);
                }
                verdict @ (Verdict::InStep | Verdict::Differing | Verdict::WriteTarget(_) | Verdict::Conflict) => {
                    to_target.take(verdict, field, left, right, self.link);
                }
            }
        }
        let patch = LinkPatch { phase: Some(Phase::Live), ..to_target.patch };
        let reason = Reason::SameAddress { address: self.link.address.clone() };
        let mut operations = Vec::new();
        for (side, half, changes) in
            [(self.link.target_side(), contact, to_target.changes), (self.link.target_side().other(), source, to_source.changes)]
        {
            if !changes.is_empty() {
                let mut operation = self.operation(Action::Adopt, side, reason.clone(), Some(half));
                operation.changes = changes;
                operations.push(operation);
            }
        }
        let mut decision = Decision { notes: to_target.notes, ..Decision::default() };
        match operations.last_mut() {
            // The bases count once everything is written.
            Some(last) => {
                last.patch = patch;
                last.notes.clone_from(&decision.notes);
                decision.operations = operations;
            }
            None => {
                let change = QuietChange { quiet: Quiet::LinkPeers, link: self.link.clone(), new: true, patch, title: self.title.clone() };
                decision.quiet.push(change);
            }
        }
        decision
    }
}

/// Restores a link from the stamp or the Name of a contact that we made or adopted.
pub(crate) fn recover(context: &Context<'_>, key: LinkKey, source: &Entry, address: &str, contact: &Entry) -> Decision {
    let recipient = &contact.recipient;
    let stamp = recipient.mark.stamp();
    let mut link = blank_link(context, key, source, address, stamp.map_or(Provenance::Made, |stamp| stamp.provenance));
    link.role = stamp.map_or(link.role, |stamp| stamp.role);
    link.target = Some(recipient.anchor);
    link.target_guid = recipient.guid;
    link.name.clone_from(&recipient.name);
    let staged = stamp.and_then(|stamp| stamp.staged);
    link.base_hidden = recipient.hidden && staged.is_none();
    let base = Base::default().with(crate::desired::all_fields().map(|field| (field, current(recipient, field))));
    link.base_target = base.clone();
    // For a contact we made, the owner wins over what stands there; a found one and peers keep their values.
    link.base_source = match (link.provenance, link.role) {
        (Provenance::Made, Role::Projection) => base,
        (Provenance::Found, Role::Projection) | (Provenance::Made | Provenance::Found, Role::Peer) => {
            let own = &source.recipient;
            Base::default().with(crate::desired::all_fields().map(|field| (field, current(own, field))))
        }
    };
    link.phase = match (stamp, staged) {
        // Cut off before the stamp: the creation goes on.
        (None, _) => Phase::Creating { step: Step::Created },
        (Some(_), None) => Phase::Live,
        (Some(_), Some(since)) => Phase::Staged { since, side: key.origin.target_side() },
    };
    let title = source.recipient.title().to_owned();
    let change = QuietChange { quiet: Quiet::Recover, link, new: true, patch: LinkPatch::default(), title };
    Decision { quiet: vec![change], ..Decision::default() }
}

/// Re-links a contact to the account that was re-created under the same address. Never delete and recreate (law 6).
pub(crate) fn relink(context: &Context<'_>, world: &World, old: &Link, origin: Origin, source: &Entry, address: &str, contact: &Entry) -> Decision {
    let key = LinkKey { origin, anchor: source.recipient.anchor };
    let link = Link { key, phase: Phase::Live, quarantine: None, ..old.clone() };
    let case = Case { context, world, link: &link, title: source.recipient.title().to_owned() };
    let staged = matches!(old.phase, Phase::Staged { .. });
    let mut decision = case.update_projection(source, address, contact, Action::Relink, staged.then_some(old.base_hidden));
    for operation in &mut decision.operations {
        operation.key = old.key;
        operation.reason = Reason::Recreated { was: old.key.anchor };
        operation.patch.rekey = Some(key);
        operation.patch.phase = Some(Phase::Live);
    }
    decision.quiet.clear();
    decision
}

/// Gives a found contact back what it was before its adoption (`release`).
pub(crate) fn release(installation: &str, link: &Link, contact: &Entry, reason: Reason, title: &str) -> Operation {
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
            let written = link.base_target.holds(field, now) && link.base_source.get(field) == link.base_target.get(field);
            if written && field != crate::Field::Manager && !merge::equal(field, now, was) {
                changes.push(FieldChange { field, before: now.map(str::to_owned), after: was.map(str::to_owned) });
            }
        }
        extras.hidden = (recipient.hidden != before.hidden).then_some(before.hidden);
        let had = |address: &&String| before.x500.iter().any(|held| held.eq_ignore_ascii_case(address));
        extras.x500_remove = recipient.x500.iter().filter(|address| !had(address) && recipient.legacy_exchange_dn.as_ref() != Some(address)).cloned().collect();
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
        notes: Vec::new(),
    }
}

/// Makes a twin the administrator's: without stamp and Name prefix.
pub(crate) fn hand_over(link: &Link, contact: &Entry, reason: Reason, title: &str) -> Operation {
    let recipient = &contact.recipient;
    let bare = recipient.name.strip_prefix(crate::stamp::NAME_PREFIX).unwrap_or(&recipient.name);
    let extras = Extras {
        stamp: recipient.mark.stamp().map(|_| None),
        rename: recipient.has_made_name().then(|| format!("contact-{bare}")),
        hidden: (matches!(link.phase, Phase::Staged { .. }) && recipient.hidden).then_some(false),
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
        notes: Vec::new(),
    }
}

/// What is done with a contact that must leave at the operator's word (`unpublish`, `make-way`):
/// a made one is removed (`purge`) or becomes the administrator's, a found one is released.
pub fn leave_operation(installation: &str, link: &Link, contact: &Entry, reason: Reason, title: &str, purge: bool) -> Operation {
    match (link.provenance, purge) {
        (Provenance::Found, true | false) => release(installation, link, contact, reason, title),
        (Provenance::Made, false) => hand_over(link, contact, reason, title),
        (Provenance::Made, true) => {
            let mut operation = hand_over(link, contact, reason, title);
            operation.action = Action::MakeWay;
            operation.extras = Extras::default();
            operation
        }
    }
}

/// The link that a contact's stamp or Name tells of, where the table lost it (`unpublish`).
/// `other_tenant`: the id of the tenant across.
pub fn link_from_stamp(installation: &str, side: Side, other_tenant: &str, contact: &Recipient) -> Option<Link> {
    let stamp = contact.mark.stamp().filter(|stamp| stamp.installation == installation)?;
    let origin = match (stamp.origin_tenant.as_str(), side) {
        ("static", Side::A) => Origin::StaticA,
        ("static", Side::B) => Origin::StaticB,
        (tenant, _) if tenant == other_tenant => Origin::of(side.other()),
        // Another pair's.
        _ => return None,
    };
    Some(Link {
        key: LinkKey { origin, anchor: stamp.anchor },
        target: Some(contact.anchor),
        target_guid: contact.guid,
        provenance: stamp.provenance,
        role: stamp.role,
        phase: Phase::Live,
        name: contact.name.clone(),
        address: contact.primary.clone().unwrap_or_default(),
        base_source: Base::default(),
        base_target: Base::default(),
        base_hidden: contact.hidden,
        before: None,
        deletions: 0,
        x500_refused: false,
        quarantine: None,
        linked_at: None,
        written_at: None,
    })
}
