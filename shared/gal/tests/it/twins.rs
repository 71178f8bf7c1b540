//! Shared contacts: who may write into whom, and what becomes of the half that is left.

use gal::policy::Direction;
use gal::recipient::Presence;
use gal::stamp::Mark;
use gal::{Field, Kind, Link, Phase, Provenance, Recipient, Role, Side};

use crate::pair::{Asked, ago, anchor, copy_of, link, now, recipient, set, world, writes};

/// A shared contact and its twin, with this title each, and what the bases say of it.
pub(crate) fn twins(own: &str, twin: &str, base: &str) -> (Recipient, Recipient, Link) {
    let mut source = recipient(Side::A, 1, Kind::Contact, "pat@partner.example");
    set(&mut source, Field::Title, Some(base));
    let mut contact = copy_of(&source, Side::B, 7);
    let mut link = link(&source, Side::A, &contact, Provenance::Made, Phase::Live);
    link.role = Role::Peer;
    for (half, title) in [(&mut source, own), (&mut contact, twin)] {
        set(half, Field::Title, Some(title));
        half.when_changed = Some(now());
    }
    (source, contact, link)
}

/// Where a pair publishes one way by now, the owner wins in what galbridge made; what stood there before, and what is mastered
/// on-premises, keeps its difference.
#[test]
fn an_edited_twin_in_a_pair_that_publishes_one_way() {
    for (direction, provenance, on_premises, titles) in [
        (Direction::AToB, Provenance::Made, false, vec![(Side::B, Some("Clerk"))]),
        (Direction::AToB, Provenance::Found, false, vec![]),
        (Direction::TwoWay, Provenance::Made, false, vec![(Side::A, Some("Agent"))]),
        (Direction::TwoWay, Provenance::Made, true, vec![]),
    ] {
        let mut asked = Asked::default();
        asked.policy.direction = direction;
        let (source, mut contact, link) = twins("Clerk", "Agent", "Clerk");
        if provenance == Provenance::Found {
            contact.mark = Mark::None;
        }
        let source = Recipient { directory_synced: on_premises, ..source };
        let link = Link { provenance, ..link };
        let plan = asked.plan(&world(vec![source], vec![contact], vec![link]));
        assert_eq!(writes(&plan, Field::Title), titles, "{direction:?}, {provenance}, on-premises {on_premises}: {plan:?}");
    }
}

/// Mail of a domain of the target's own goes nowhere else: the address stays as it is there.
#[test]
fn an_address_of_the_targets_own_domain_is_not_written() {
    for (address, moves) in [("pat@fabrikam.example", false), ("pat@second.example", true)] {
        let (mut source, contact, link) = twins("Clerk", "Clerk", "Clerk");
        set(&mut source, Field::ExternalEmailAddress, Some(address));
        let plan = Asked::default().plan(&world(vec![source], vec![contact], vec![link]));
        assert_eq!(!plan.operations.is_empty(), moves, "{address}: {plan:?}");
    }
}

/// Somebody whom another tool marked stands there under the address of the half that is gone: the one that is left is joined to him.
#[test]
fn who_bears_another_tools_mark_follows_too() {
    for (newcomer, wanted, suppresses) in [(true, true, false), (true, false, true), (false, true, true)] {
        let (source, mut contact, link) = twins("Clerk", "Clerk", "Clerk");
        contact.mark = Mark::None;
        let link = Link { provenance: Provenance::Found, ..link };
        let gone = Recipient { presence: Presence::Gone(ago(1)), ..source };
        let mut other = recipient(Side::A, 9, Kind::Contact, "pat@partner.example");
        (other.mark, other.hidden) = (Mark::Foreign("another tool".to_owned()), !wanted);
        let people = if newcomer { vec![gone, other] } else { vec![gone] };
        let plan = Asked::default().plan(&world(people, vec![contact], vec![link]));
        let suppressed = plan.quiet.iter().any(|change| matches!(change.patch.phase, Some(Phase::Suppressed { .. })));
        assert_eq!(suppressed, suppresses, "{plan:?}");
    }
}

/// The half at the origin was hidden because the other one was deleted. That one is back, the origin's is made again: the link ends, and
/// nothing of the one that is there is written.
#[test]
fn who_came_back_is_left_as_he_is_when_the_other_is_made_again() {
    let (source, mut contact, link) = twins("Clerk", "Clerk", "Clerk");
    // Its administrator hides it.
    (contact.mark, contact.hidden) = (Mark::None, true);
    let staged = Phase::Staged { since: ago(3), side: Side::A };
    let before = Some(gal::link::Before { values: gal::Values::default(), hidden: false, x500: vec![] });
    let link = Link { provenance: Provenance::Found, phase: staged, before, ..link };
    let again = Recipient { anchor: anchor(Side::A, 9), ..source.clone() };
    let gone = Recipient { presence: Presence::Gone(ago(1)), ..source };
    // The newcomer is met first: the one before him has not been looked at yet.
    let newcomer = gal::plan::Focus::These([((Side::A, again.anchor), false)].into());
    let plan = Asked::default().focus(&world(vec![gone, again], vec![contact], vec![link]), &newcomer);
    let forgotten = plan.quiet.iter().filter(|change| change.patch.forget).count();
    assert_eq!((plan.operations.len(), forgotten), (0, 1), "{plan:?}");
}
