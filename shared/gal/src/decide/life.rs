//! The life of a published contact: the two state tables of SEMANTICS.md, one exhaustive match each.

use super::leave::hidden_by_us;
use super::make::adopt;
use super::{Case, Decision, Source, Target};
use crate::link::{Phase, Provenance, Step};
use crate::operation::{Action, Reason};
use crate::policy::Direction;
use crate::reason::SkipReason;
use crate::recipient::Side;

/// The life of a projection. The table of SEMANTICS.md.
#[expect(clippy::match_same_arms, reason = "one arm for one row of the table in SEMANTICS.md")]
pub(super) fn projection_life(case: &Case<'_, '_>, source: Source<'_>, target: Target<'_>) -> Decision {
    let link = case.link;
    match (&link.phase, source, target) {
        // Suppressed: nothing is published until `unsuppress`; forgotten when the source is gone too.
        (Phase::Suppressed { .. }, Source::Gone, _) => case.forget(),
        (Phase::Suppressed { reason }, Source::Wanted(..) | Source::Left(..) | Source::Unread, _) => {
            Decision::skip(SkipReason::Suppressed { reason: *reason })
        }

        // Not completely read: nothing is concluded from it.
        (_, Source::Unread, _) => Decision::skip(SkipReason::NotReadYet),

        // It was hidden before it was complete, and nobody knows of it (the answer was lost): it is wanted, so it is shown and filled.
        (Phase::Creating { .. }, Source::Wanted(entry, address), Target::Present(contact)) if hidden_by_us(contact) => {
            case.update_projection(entry, &address, contact, Action::Restore, Some(link.base_hidden))
        }
        // The contact is being made.
        (Phase::Creating { .. }, Source::Wanted(entry, address), Target::Present(_) | Target::Unread) => case.resume(entry, &address),
        (Phase::Creating { .. }, Source::Wanted(entry, address), Target::Gone) => case.deleted_by_administrator(entry, &address),
        // Nobody wants it any more: found by its Name and ended, or hidden like any other.
        (Phase::Creating { step: Step::Intended }, Source::Left(..) | Source::Gone, Target::Unread | Target::Present(_)) => case.abandon(),
        // It was made, and nobody knows under which id: it is looked for by its Name.
        (Phase::Creating { .. }, Source::Left(..) | Source::Gone, Target::Unread) if link.target.is_none() => case.abandon(),
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
        (Phase::Joining, Source::Wanted(entry, address), Target::Present(contact)) => {
            adopt(case.context, case.world, link.key, entry, &address, contact, Some(link))
        }
        (Phase::Joining, Source::Left(_, reason), Target::Present(contact)) => case.release(contact, Reason::SourceLeft { reason }),
        (Phase::Joining, Source::Gone, Target::Present(contact)) => case.release(contact, Reason::SourceGone),
        (Phase::Joining, Source::Wanted(..) | Source::Left(..) | Source::Gone, Target::Gone) => case.forget(),

        // Both are there: the contact follows its source. Where we hid it, and nobody knows of it (the answer was lost, or an older
        // state was restored), it is shown again: only what its administrator hides stays hidden.
        (Phase::Live, Source::Wanted(entry, address), Target::Present(contact)) if hidden_by_us(contact) => {
            case.update_projection(entry, &address, contact, Action::Restore, Some(link.base_hidden))
        }
        (Phase::Live, Source::Wanted(entry, address), Target::Present(contact)) => {
            case.update_projection(entry, &address, contact, Action::Update, None)
        }
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
        (Phase::Staged { since, .. }, Source::Left(_, reason), Target::Present(contact)) => {
            case.wait_or_purge(contact, *since, Some(reason))
        }
        (Phase::Staged { since, .. }, Source::Gone, Target::Present(contact)) => case.wait_or_purge(contact, *since, None),
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
#[expect(clippy::match_same_arms, reason = "one arm for one row of the table in SEMANTICS.md")]
pub(super) fn peer_life(case: &Case<'_, '_>, source: Source<'_>, target: Target<'_>) -> Decision {
    let link = case.link;
    // A one-way pair has no peers; those from before it was one are not taken away from the side that it reads.
    let peer_deletions = case.context.pair.peer_deletions && case.context.pair.direction == Direction::TwoWay;
    match (&link.phase, source, target) {
        // Suppressed: forgotten when neither half is left.
        (Phase::Suppressed { .. }, Source::Gone, Target::Gone) => case.forget(),
        (Phase::Suppressed { .. }, Source::Gone, Target::Unread) if case.knows_no_contact() => case.forget(),
        (Phase::Suppressed { reason }, Source::Wanted(..) | Source::Left(..) | Source::Gone | Source::Unread, _) => {
            Decision::skip(SkipReason::Suppressed { reason: *reason })
        }

        (_, Source::Unread, _) => Decision::skip(SkipReason::NotReadYet),

        // It was hidden before it was complete, and nobody knows of it: it is wanted, so it is shown and filled.
        (Phase::Creating { .. }, Source::Wanted(entry, _), Target::Present(contact)) if hidden_by_us(contact) => {
            case.restore_peer(entry, contact)
        }
        // The twin is being made.
        (Phase::Creating { .. }, Source::Wanted(entry, address), Target::Present(_) | Target::Unread) => case.resume(entry, &address),
        (Phase::Creating { .. }, Source::Wanted(entry, _), Target::Gone) => {
            case.half_deleted(entry, Side::other(link.target_side()), peer_deletions)
        }
        (Phase::Creating { step: Step::Intended }, Source::Left(..) | Source::Gone, Target::Unread | Target::Present(_)) => case.abandon(),
        // It was made, and nobody knows under which id: it is looked for by its Name.
        (Phase::Creating { .. }, Source::Left(..) | Source::Gone, Target::Unread) if link.target.is_none() => case.abandon(),
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
        (Phase::Joining, Source::Wanted(entry, address), Target::Present(contact)) => {
            adopt(case.context, case.world, link.key, entry, &address, contact, Some(link))
        }
        (Phase::Joining, Source::Wanted(..) | Source::Left(..) | Source::Gone, Target::Present(_) | Target::Gone) => case.forget(),

        // Both are there: a three-way merge, unless the other half left its own scope.
        (Phase::Live, Source::Wanted(entry, _), Target::Present(contact)) if hidden_by_us(contact) => case.restore_peer(entry, contact),
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
        // Staged, and its deletion is not wished for any more: what was there before is shown again.
        (Phase::Staged { side, .. }, Source::Left(..) | Source::Gone, Target::Present(contact))
            if *side == link.target_side() && link.provenance == Provenance::Found && !peer_deletions =>
        {
            case.give_back_unpurged(contact, *side)
        }
        (Phase::Staged { side, .. }, Source::Wanted(entry, _) | Source::Left(entry, _), Target::Gone)
            if *side != link.target_side() && !peer_deletions =>
        {
            case.give_back_unpurged(entry, *side)
        }
        // Staged: purged when the grace period is over, unless its administrator unhid it.
        (Phase::Staged { side, since }, Source::Left(_, reason), Target::Present(contact)) if *side == link.target_side() => {
            case.wait_or_purge(contact, *since, Some(reason))
        }
        (Phase::Staged { side, since }, Source::Gone, Target::Present(contact)) if *side == link.target_side() => {
            case.wait_or_purge(contact, *since, None)
        }
        (Phase::Staged { side, since }, Source::Wanted(entry, _) | Source::Left(entry, _), Target::Gone) if *side != link.target_side() => {
            case.wait_or_purge(entry, *since, None)
        }
        // The other half, whose deletion staged this one, is there again.
        (Phase::Staged { side, .. }, Source::Wanted(entry, _) | Source::Left(entry, _), Target::Present(_))
            if *side != link.target_side() =>
        {
            case.give_back_half(entry, Reason::PeerBack)
        }
        // The half that was staged is gone: the link ends.
        (Phase::Staged { .. }, Source::Wanted(..) | Source::Left(..) | Source::Gone, Target::Gone | Target::Present(_)) => case.forget(),

        // The administrator kept it.
        (Phase::Kept, Source::Wanted(..) | Source::Left(..), Target::Present(_)) => Decision::skip(SkipReason::KeptByAdministrator),
        (Phase::Kept, Source::Wanted(..) | Source::Left(..), Target::Gone) | (Phase::Kept, Source::Gone, Target::Present(_)) => {
            Decision::skip(SkipReason::KeptByAdministrator)
        }
        (Phase::Kept, Source::Gone, Target::Gone) => case.forget(),
    }
}
