//! Who was refused by a service is set aside; when he is not any more.

use gal::link::{Quarantine, Suppression};
use gal::{Link, Phase, Provenance, Recipient, Side};

use crate::pair::{Asked, ann, copy_of, link, now, set, world};

fn refused() -> Quarantine {
    Quarantine { reason: "the address is refused".to_owned(), attempts: 2, retry_at: now() }
}

/// Where nothing is left to be refused, or nothing is tried any more, nobody is set aside; where something waits, he is.
#[test]
fn who_has_nothing_to_be_refused_is_free() {
    let phases = [
        ("in step", Phase::Live, false, true),
        ("suppressed", Phase::Suppressed { reason: Suppression::MadeWay }, false, true),
        ("on-premises by now", Phase::Live, true, false),
    ];
    for (name, phase, directory_synced, free) in phases {
        let contact = Recipient { directory_synced, ..copy_of(&ann(), Side::B, 1) };
        let aside = Link { quarantine: Some(refused()), ..link(&ann(), Side::A, &contact, Provenance::Made, phase) };
        let plan = Asked::default().plan(&world(vec![ann()], vec![contact], vec![aside.clone()]));
        assert!(plan.operations.is_empty(), "{name}: {plan:?}");
        let after = plan.quiet.iter().try_fold(aside, |link, change| change.patch.apply(&link));
        assert_eq!(after.is_some_and(|link| link.quarantine.is_none()), free, "{name}: {plan:?}");
    }
}

/// What is written again is not free before it is done, whatever else is remembered of it.
#[test]
fn who_is_tried_again_is_set_aside_until_it_is_done() {
    let mut edited = ann();
    set(&mut edited, gal::Field::Title, Some("Head"));
    let contact = copy_of(&ann(), Side::B, 1);
    let aside = Link { quarantine: Some(refused()), ..link(&ann(), Side::A, &contact, Provenance::Made, Phase::Live) };
    let plan = Asked::default().plan(&world(vec![edited], vec![contact], vec![aside.clone()]));
    let [operation] = &plan.operations[..] else { panic!("{plan:?}") };
    let after = operation.patch.apply(&aside).unwrap();
    assert_eq!((after.quarantine, plan.quiet.len()), (Some(refused()), 0));
}
