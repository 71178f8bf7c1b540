//! Of whom something is not known nothing is concluded.

use gal::link::Suppression;
use gal::reason::SkipReason;
use gal::recipient::Presence;
use gal::{Entry, Field, Kind, Phase, Provenance, Recipient, Role, Side};

use crate::joins::holder;
use crate::pair::{Asked, ago, ann, copy_of, link, recipient, said, set, world};

/// Ann was edited; her contact was read in part only, because one cmdlet left it out.
#[test]
fn a_contact_that_was_read_in_part_is_not_written() {
    for complete in [true, false] {
        let mut edited = ann();
        set(&mut edited, Field::Title, Some("Head"));
        let contact = copy_of(&ann(), Side::B, 1);
        let link = link(&ann(), Side::A, &contact, Provenance::Made, Phase::Live);
        let contact = Recipient { complete, ..contact };
        let world = world(vec![edited], vec![contact], vec![link]);
        let plan = Asked::default().plan(&world);
        assert_eq!(plan.operations.len(), usize::from(complete), "{:?}", said(&plan, &world));
    }
}

/// Nobody is looked at again and again because he was never read: the next reading tells of him.
#[test]
fn who_was_never_read_is_waited_for() {
    let contact = copy_of(&ann(), Side::B, 1);
    let link = link(&ann(), Side::A, &contact, Provenance::Made, Phase::Live);
    let world = world(vec![], vec![contact], vec![link]);
    let plan = Asked::default().plan(&world);
    assert!(plan.operations.is_empty() && plan.again.is_empty(), "{:?}", said(&plan, &world));
}

/// … nor because he was not looked for, where nothing depends on it.
#[test]
fn who_is_suppressed_is_not_looked_at_again() {
    let contact = copy_of(&ann(), Side::B, 1);
    let phase = Phase::Suppressed { reason: Suppression::MadeWay };
    let link = link(&ann(), Side::A, &contact, Provenance::Made, phase);
    let told = Recipient { exchange: false, primary: None, addresses: vec![], ..recipient(Side::A, 1, Kind::User, "ann@contoso.example") };
    let mut world = world(vec![], vec![], vec![link]);
    world.insert(Side::A, Entry { looked_for: false, ..Entry::new(told) });
    let plan = Asked::default().plan(&world);
    assert!(plan.again.is_empty(), "{:?}", said(&plan, &world));
}

/// Whoever has no mailbox, and whom no complete reading has met, is looked at again: nobody else's row would bring that about.
#[test]
fn who_was_not_looked_for_is_looked_at_again() {
    let contact = copy_of(&ann(), Side::B, 7);
    let known = world(
        vec![Recipient { exchange: false, ..ann() }],
        vec![contact.clone()],
        vec![link(&ann(), Side::A, &contact, Provenance::Made, Phase::Live)],
    );
    let mut lost = known.clone();
    lost.insert(Side::A, Entry { looked_for: false, ..known.entry(Side::A, ann().anchor).unwrap().clone() });
    let plan = Asked::default().plan(&lost);
    assert!(plan.operations.is_empty() && plan.skipped.iter().any(|one| one.reason == SkipReason::NotReadYet), "{plan:?}");
    assert_eq!(plan.again.len(), 1);
    let plan = Asked::default().plan(&known);
    assert_eq!((plan.operations.len(), plan.again.len()), (1, 0), "and is hidden once he was");
}

/// Of a contact that is there, and of which a part is not read, nothing is concluded: a suppression is not forgotten, nobody joined with it.
#[test]
fn of_whom_only_a_part_was_read_nothing_is_concluded() {
    let before = recipient(Side::A, 9, Kind::Contact, "ann@partner.example");
    let gone = Recipient { presence: Presence::Gone(ago(1)), ..before.clone() };
    let half = Recipient { complete: false, ..recipient(Side::B, 7, Kind::Contact, "ann@partner.example") };
    let reason = Suppression::PeerDeleted;
    let mut suppressed = link(&before, Side::A, &half, Provenance::Found, Phase::Suppressed { reason });
    suppressed.role = Role::Peer;
    let known = world(vec![gone.clone()], vec![half.clone()], vec![suppressed.clone()]);
    assert!(Asked::default().plan(&known).quiet.is_empty(), "it stays suppressed");
    let lost = world(vec![gone], vec![], vec![suppressed]);
    assert!(Asked::default().plan(&lost).quiet[0].patch.forget, "of nobody nothing is left to remember");
    let plan = Asked::default().plan(&world(vec![ann()], vec![Recipient { complete: false, ..holder(Kind::Contact) }], vec![]));
    assert!(plan.operations.is_empty() && plan.skipped.iter().any(|one| one.reason == SkipReason::NotReadYet), "{plan:?}");
    assert_eq!(plan.again.len(), 1, "he is looked at again");
}
