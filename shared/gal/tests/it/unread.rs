//! Of whom something is not known nothing is concluded.

use gal::link::Suppression;
use gal::recipient::Presence;
use gal::{Entry, Field, Kind, Phase, Provenance, Side};

use crate::pair::{Asked, ann, copy_of, link, recipient, said, set, world};

/// Ann was edited; her contact was read in part only, because one cmdlet left it out.
#[test]
fn a_contact_that_was_read_in_part_is_not_written() {
    for complete in [true, false] {
        let mut edited = ann();
        set(&mut edited, Field::Title, Some("Head"));
        let contact = copy_of(&ann(), Side::B, 1);
        let link = link(&ann(), Side::A, &contact, Provenance::Made, Phase::Live);
        let contact = gal::Recipient { complete, ..contact };
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
    let told =
        gal::Recipient { exchange: false, primary: None, addresses: vec![], ..recipient(Side::A, 1, Kind::User, "ann@contoso.example") };
    assert_eq!(told.presence, Presence::Present);
    let mut world = world(vec![], vec![], vec![link]);
    world.insert(Side::A, Entry { looked_for: false, ..Entry::new(told) });
    let plan = Asked::default().plan(&world);
    assert!(plan.again.is_empty(), "{:?}", said(&plan, &world));
}
