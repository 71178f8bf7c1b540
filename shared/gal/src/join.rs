//! Joining: recognising that an object on the other side already is the same person or address.
//!
//! In this order, and never a guess: stored link → stamp → the Name of our own half-done creation →
//! one mail contact that holds one of the recipient's addresses → none (DESIGN.md "Joining").

use std::collections::BTreeMap;

use crate::decide::Context;
use crate::link::{Link, LinkKey, Origin, Phase, Provenance, Role};
use crate::policy::{GuestPolicy, RelayPolicy};
use crate::reason::SkipReason;
use crate::recipient::{Anchor, Kind, Recipient, Side, domain_of};
use crate::stamp::{Mark, Stamp, made_name};
use crate::world::{Entry, World};

/// What stands on the other side for a recipient that has no link.
#[derive(Debug)]
pub enum Joined<'w> {
    /// A contact that we made for it, by its stamp or Name; the link was lost.
    Recovered(&'w Entry),
    /// A contact that another pair made, or the other direction, and hid for its deletion.
    HandedOn(&'w Entry),
    /// A contact of an account that was re-created under the same address.
    Relinked(&'w Link, &'w Entry),
    /// One contact that was there before.
    Found(&'w Entry, String),
    /// A guest, and the policy is to adopt it.
    Guest(&'w Entry, String),
    /// Nothing.
    Nothing,
}

/// Whether an address may be published into a side at all.
pub fn admissible(context: &Context<'_>, target: Side, address: &str) -> Result<(), SkipReason> {
    let Some(domain) = domain_of(address) else { return Err(SkipReason::NoAddress) };
    let facts = context.tenants.get(target);
    if facts.authoritative_domains.contains(domain) {
        return Err(SkipReason::TargetOwnsDomain { domain: domain.to_owned() });
    }
    if facts.relay_domains.contains(domain) {
        return match context.pair.publishing.get(target.other()).internal_relay {
            RelayPolicy::Skip => Err(SkipReason::TargetRelaysDomain { domain: domain.to_owned() }),
            RelayPolicy::Publish => Ok(()),
        };
    }
    Ok(())
}

/// Looks for what already stands for an unlinked recipient on the target side.
pub fn join<'w>(
    context: &Context<'_>,
    world: &'w World,
    origin: Origin,
    source: &Recipient,
    address: &str,
) -> Result<Joined<'w>, SkipReason> {
    let target = origin.target_side();
    if let Some(entry) = by_stamp(context, world, origin, source)? {
        return Ok(Joined::Recovered(entry));
    }
    if let Some(entry) = by_name(context, world, origin, source.anchor) {
        return Ok(Joined::Recovered(entry));
    }
    let holders = holders(world, target, source, address);
    match holders.as_slice() {
        [] => Ok(Joined::Nothing),
        [(held, holder)] => judge_holder(context, world, origin, holder, held),
        several => Err(SkipReason::Ambiguous { holders: several.iter().map(|(_, entry)| entry.recipient.title().to_owned()).collect() }),
    }
}

/// The contact that bears the stamp of this origin. Copies of it are passed over.
fn by_stamp<'w>(context: &Context<'_>, world: &'w World, origin: Origin, source: &Recipient) -> Result<Option<&'w Entry>, SkipReason> {
    let key = Stamp::holder_key(context.origin_tenant(origin), source.anchor);
    let stamped = world.holders(origin.target_side(), &key);
    let stamped: Vec<&Entry> = stamped.filter(|entry| entry.recipient.genuine_stamp(Some(source)).is_some()).collect();
    match stamped.as_slice() {
        [] => Ok(None),
        [entry] => match entry.recipient.mark.stamp() {
            Some(stamp) if stamp.installation == context.installation || context.take_over() => Ok(Some(entry)),
            Some(stamp) => Err(SkipReason::OtherInstallation { installation: stamp.installation.clone() }),
            None => Ok(None),
        },
        several => Err(SkipReason::Ambiguous { holders: several.iter().map(|entry| entry.recipient.title().to_owned()).collect() }),
    }
}

/// The contact of a creation that was cut off before it could be stamped.
fn by_name<'w>(context: &Context<'_>, world: &'w World, origin: Origin, anchor: Anchor) -> Option<&'w Entry> {
    let name = made_name(context.installation, context.origin_tenant(origin), anchor);
    world.named(origin.target_side(), &name).filter(|entry| entry.recipient.kind == Kind::Contact && entry.recipient.mark == Mark::None)
}

/// Everything on the target side that holds one of the recipient's addresses, each once, with the address.
fn holders<'w>(world: &'w World, target: Side, source: &Recipient, address: &str) -> Vec<(String, &'w Entry)> {
    let mut found: BTreeMap<Anchor, (String, &Entry)> = BTreeMap::new();
    for held in std::iter::once(address).chain(source.addresses.iter().map(String::as_str)) {
        for entry in world.holders(target, held) {
            found.entry(entry.recipient.anchor).or_insert_with(|| (held.to_owned(), entry));
        }
    }
    found.into_values().collect()
}

/// What the one holder of the address means.
fn judge_holder<'w>(
    context: &Context<'_>,
    world: &'w World,
    origin: Origin,
    holder: &'w Entry,
    held: &str,
) -> Result<Joined<'w>, SkipReason> {
    let recipient = &holder.recipient;
    let target = origin.target_side();
    // A guest: by policy, and then like a contact: what it bears, and whose it is already, counts. Anything else is never touched.
    let adopts = context.pair.publishing.get(target.other()).guests == GuestPolicy::AdoptGuest && !recipient.directory_synced;
    if !recipient.kind.is_written() || recipient.kind == Kind::Guest && !adopts {
        return Err(held_by(recipient));
    }
    let title = recipient.title().to_owned();
    match &recipient.mark {
        // Another tool's mark in our attribute: never overwritten.
        Mark::Foreign(_) => return Err(SkipReason::HolderForeign { holder: title }),
        Mark::Stamp(stamp) if stamp.installation != context.installation && !context.take_over() => {
            return Err(SkipReason::OtherInstallation { installation: stamp.installation.clone() });
        }
        // Another pair's, or the other direction's, and nobody's any more there: it need not be purged first, and made again after that.
        Mark::Stamp(stamp) if is_handed_on(context, world, origin, recipient, stamp) => return Ok(Joined::HandedOn(holder)),
        // Another pair, or the other direction, published it.
        Mark::Stamp(stamp) if stamp.origin_tenant != context.origin_tenant(origin) => {
            return Err(SkipReason::Covered { origin_tenant: stamp.origin_tenant.clone() });
        }
        // A copy of the stamp of another contact: what it says is not of this one.
        Mark::Stamp(stamp) if is_copied(world, origin, recipient, stamp) => return Err(SkipReason::CopiedStamp { holder: title }),
        // Our own stamp for another anchor of the same tenant: a re-created account, if the other is gone.
        Mark::Stamp(stamp) => return relink(world, LinkKey { origin, anchor: stamp.anchor }, holder),
        Mark::None => {}
    }
    if let Some(link) = world.link_of(target, recipient.anchor) {
        return relink(world, link.key, holder);
    }
    if recipient.has_made_name() {
        return Err(SkipReason::ClaimedByAnother { other: title });
    }
    if context.pair.publishing.get(target.other()).scope.foreign_mark(recipient).is_some() {
        return Err(SkipReason::HolderForeign { holder: title });
    }
    if recipient.directory_synced {
        return Err(SkipReason::HolderDirectorySynced { holder: title });
    }
    let held = held.to_owned();
    Ok(if recipient.kind == Kind::Guest { Joined::Guest(holder, held) } else { Joined::Found(holder, held) })
}

/// Whether a contact was made from another origin, and is hidden there for its deletion: what its owner would purge. (An administrator
/// who shows it again keeps it.)
fn is_handed_on(context: &Context<'_>, world: &World, origin: Origin, holder: &Recipient, stamp: &Stamp) -> bool {
    let waits = stamp.origin_tenant != context.origin_tenant(origin) && stamp.staged.is_some() && holder.hidden;
    let made = holder.has_stamps_name() && stamp.provenance == Provenance::Made;
    // A link of this pair that the stamp does not speak of: somebody copied the stamp onto the contact of another.
    let of_the_stamp = |link: &Link| context.origin_tenant(link.key.origin) == stamp.origin_tenant && link.key.anchor == stamp.anchor;
    waits && made && world.link_of(origin.target_side(), holder.anchor).is_none_or(of_the_stamp)
}

/// Whether the stamp of a contact belongs to another one: the link it speaks of stands for that one, or is not stored and this one's
/// Name is none of ours.
fn is_copied(world: &World, origin: Origin, holder: &Recipient, stamp: &Stamp) -> bool {
    match world.link(LinkKey { origin, anchor: stamp.anchor }).and_then(|link| link.target) {
        Some(target) => target != holder.anchor,
        None => holder.genuine_stamp(None).is_none(),
    }
}

/// A contact that stands for somebody with the same address: taken over if that somebody is gone.
fn relink<'w>(world: &'w World, key: LinkKey, holder: &'w Entry) -> Result<Joined<'w>, SkipReason> {
    let other = match key.origin.source_side() {
        Some(side) => world.entry(side, key.anchor),
        None => world.static_contact(key),
    };
    match (other, world.link(key)) {
        // It is itself the half whose other one was deleted, and the newcomer stands in that one's place.
        (Some(other), Some(link)) if other.recipient.anchor == holder.recipient.anchor && is_left_alone(world, link, holder) => {
            Ok(Joined::Relinked(link, holder))
        }
        // The other one is still there; if it moved to another address its contact will follow, and then this one is free.
        (Some(other), _) if other.recipient.is_present() => Err(SkipReason::ClaimedByAnother { other: other.recipient.title().to_owned() }),
        (Some(_) | None, Some(link)) => Ok(Joined::Relinked(link, holder)),
        // The link was lost together with the account it stood for.
        (Some(_) | None, None) => Ok(Joined::Recovered(holder)),
    }
}

/// Whether of two peers the half at the origin is what is left: hidden, kept, or not published any more, because the other one is gone.
fn is_left_alone(world: &World, link: &Link, half: &Entry) -> bool {
    let read = half.recipient.exchange && half.recipient.complete;
    let target = link.target.and_then(|anchor| world.entry(link.target_side(), anchor));
    let gone = target.is_some_and(|target| !target.recipient.is_present());
    link.role == Role::Peer
        && read
        && match link.phase {
            Phase::Staged { side, .. } => side != link.target_side(),
            Phase::Kept | Phase::Suppressed { .. } => gone,
            Phase::Joining | Phase::Creating { .. } | Phase::Live => false,
        }
}

fn held_by(recipient: &Recipient) -> SkipReason {
    SkipReason::AddressHeld { kind: recipient.kind, holder: recipient.title().to_owned() }
}
