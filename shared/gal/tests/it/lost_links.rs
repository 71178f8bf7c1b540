//! Links that are lost, or of an older state: what the stamps tell.

use gal::decide::Serve;
use gal::policy::MergeMode;
use gal::stamp::Mark;
use gal::{Field, Kind, Link, Phase, Provenance, Recipient, Role, Side};

use crate::joins::{holder, merge, stamped};
use crate::pair::{Asked, ago, anchor, ann, copy_of, link, recipient, said, set, world};
use crate::written::{Table, matches};

/// A contact that was there before keeps its values when its link comes back; what cannot be published as it is is told.
#[test]
fn what_a_found_contact_could_not_take_is_told_again() {
    let mut long = ann();
    set(&mut long, Field::Title, Some("x".repeat(300).as_str()));
    let found = stamped(holder(Kind::Contact), |stamp| stamp.provenance = Provenance::Found);
    let plan = Asked::default().plan(&world(vec![long], vec![found], vec![]));
    let notes: Vec<String> = plan.notes.iter().map(|noted| noted.note.to_string()).collect();
    assert!(plan.operations.is_empty() && plan.quiet.len() == 1 && notes.len() == 1 && notes[0].contains("Title"), "{notes:?} {plan:?}");
}

/// A twin whose link is lost says what it says; hidden for its deletion, its owner wins.
#[test]
fn a_twin_whose_link_is_lost() {
    let partner = |title| {
        let mut partner = recipient(Side::A, 1, Kind::Contact, "ann@partner.example");
        set(&mut partner, Field::Title, Some(title));
        partner
    };
    let mut table = Table::default();
    for (name, staged) in [("shown", None), ("hidden for its deletion", Some(ago(3)))] {
        let mut twin = copy_of(&partner("Clerk"), Side::B, 7);
        twin.hidden = staged.is_some();
        if let Mark::Stamp(stamp) = &mut twin.mark {
            stamp.staged = staged;
        }
        let world = world(vec![partner("Head")], vec![twin], vec![]);
        table.add("a twin", name, &said(&Asked::default().plan(&world), &world));
    }
    matches("lost_twins.txt", &table.text());
}

/// A twin was moved to the contact that follows, and the run died before the state said so: what was edited there since is still told from
/// what was last in step. What never was a whole twin has no such bases.
#[test]
fn a_twin_that_was_moved_by_a_run_that_died() {
    let before = recipient(Side::A, 9, Kind::Contact, "ann@partner.example");
    let again = recipient(Side::A, 1, Kind::Contact, "ann@partner.example");
    let gone = Recipient { presence: gal::recipient::Presence::Gone(ago(1)), ..before.clone() };
    let mut twin = copy_of(&again, Side::B, 7);
    set(&mut twin, Field::City, Some("Basel"));
    let whole = link(&before, Side::A, &copy_of(&before, Side::B, 7), Provenance::Made, Phase::Live);
    for (older, tells) in [
        (whole.clone(), true),
        (gal::Link { claimed: true, ..whole.clone() }, false),
        (gal::Link { role: Role::Projection, ..whole.clone() }, false),
        (gal::Link { provenance: Provenance::Found, ..whole.clone() }, false),
    ] {
        let world = world(vec![again.clone(), gone.clone()], vec![twin.clone()], vec![older]);
        let focus = gal::plan::Focus::These([((Side::A, again.anchor), true)].into());
        let plan = Asked::default().focus(&world, &focus);
        let restored = plan.quiet.iter().find(|change| change.link.key.anchor == again.anchor).map(|change| &change.link);
        let edited = restored.map(|link| !link.base_target.holds(Field::City, Some("Basel")));
        assert_eq!(edited, Some(tells), "{plan:?}");
    }
}

/// A creation that was cut off before its contact's id was known, and whose source left: the contact is looked for by its Name.
#[test]
fn what_was_made_without_an_id_is_looked_for_by_its_name() {
    for role in [Role::Projection, Role::Peer] {
        let gone = Recipient { presence: gal::recipient::Presence::Gone(ago(1)), ..ann() };
        let mut begun =
            link(&ann(), Side::A, &copy_of(&ann(), Side::B, 7), Provenance::Made, Phase::Creating { step: gal::link::Step::Created });
        (begun.target, begun.role) = (None, role);
        let plan = Asked::default().plan(&world(vec![gone], vec![], vec![begun]));
        assert_eq!(plan.operations.iter().map(|one| one.action).collect::<Vec<_>>(), [gal::operation::Action::Abandon], "{plan:?}");
    }
}

/// A contact that we made, and whose link is lost: whoever is wanted gets it back, and whoever is not leaves.
#[test]
fn a_contact_whose_link_is_lost() {
    let mut table = Table::default();
    let away = || Recipient { hidden: true, ..ann() };
    let gone = || Recipient { presence: gal::recipient::Presence::Gone(ago(1)), ..ann() };
    for (source_name, source) in [("wanted", Some(ann())), ("not wanted", Some(away())), ("gone", Some(gone())), ("not known", None)] {
        for (contact_name, change) in [
            ("as we made it", Box::new(|_: &mut Recipient| ()) as Box<dyn Fn(&mut Recipient)>),
            ("renamed by its administrator", Box::new(|contact| contact.name = "ann".to_owned())),
            (
                "of another installation",
                Box::new(|contact| *contact = stamped(contact.clone(), |stamp| stamp.installation = "there".to_owned())),
            ),
            (
                "of another pair",
                Box::new(|contact| *contact = stamped(contact.clone(), |stamp| stamp.origin_tenant = "initech-id".to_owned())),
            ),
            ("found, not made", Box::new(|contact| *contact = stamped(contact.clone(), |stamp| stamp.provenance = Provenance::Found))),
        ] {
            let mut contact = copy_of(&ann(), Side::B, 7);
            change(&mut contact);
            for (serve_name, serve, closed) in [
                ("everybody is served", Serve::Everybody, false),
                ("only who is linked", Serve::LinkedOnly, false),
                ("in a merge", merge(MergeMode::TwoWay, false, false), false),
                ("the side is closed", Serve::Everybody, true),
            ] {
                let mut asked = Asked { serve, ..Asked::default() };
                asked.closed.b = closed;
                let world = world(source.clone().into_iter().collect(), vec![contact.clone()], vec![]);
                table.add(&format!("{source_name} · {contact_name}"), serve_name, &said(&asked.plan(&world), &world));
            }
        }
    }
    matches("lost_links.txt", &table.text());
}

/// An older state says that somebody is suppressed, and knows nothing of the contact that he got since. It once stood there for ever,
/// whatever became of him.
#[test]
fn who_was_published_again_since_an_older_state() {
    let mut table = Table::default();
    let gone = |of: Recipient| Recipient { presence: gal::recipient::Presence::Gone(ago(1)), ..of };
    let made = copy_of(&ann(), Side::B, 7);
    let before = Recipient { anchor: anchor(Side::B, 8), ..made.clone() };
    let suppressed = Link {
        phase: Phase::Suppressed { reason: gal::link::Suppression::MadeWay },
        ..link(&ann(), Side::A, &before, Provenance::Made, Phase::Live)
    };
    for (name, source) in [("wanted", ann()), ("not wanted", Recipient { hidden: true, ..ann() }), ("gone", gone(ann()))] {
        for (known, link, contacts) in [
            ("the contact of then is gone", suppressed.clone(), vec![made.clone(), gone(before.clone())]),
            ("it is there too", suppressed.clone(), vec![made.clone(), before.clone()]),
            ("nothing is known of it", suppressed.clone(), vec![made.clone()]),
            ("it had none", Link { target: None, ..suppressed.clone() }, vec![made.clone()]),
            ("it is this one", Link { target: Some(made.anchor), ..suppressed.clone() }, vec![made.clone()]),
            ("he is not suppressed, but kept", Link { phase: Phase::Kept, ..suppressed.clone() }, vec![made.clone(), gone(before.clone())]),
        ] {
            let world = world(vec![source.clone()], contacts, vec![link]);
            table.add(name, known, &said(&Asked::default().plan(&world), &world));
        }
    }
    let known = world(vec![ann()], vec![made, gone(before)], vec![suppressed]);
    let plan = Asked::default().plan(&known);
    assert_eq!(plan.quiet[0].link.deletions, 1, "should it be deleted too, it is not made a third time");
    matches("published_since.txt", &table.text());
}

/// Of whom only a part was read it is not known whether he left: his contact, whose link is lost, stays where it is.
#[test]
fn a_lost_link_of_one_who_was_read_in_part_does_not_come_back_yet() {
    for complete in [true, false] {
        let away = Recipient { hidden: true, complete, ..ann() };
        let plan = Asked::default().plan(&world(vec![away], vec![copy_of(&ann(), Side::B, 7)], vec![]));
        assert_eq!((plan.quiet.len(), plan.operations.len()), (usize::from(complete), 0), "{plan:?}");
    }
}

/// A contact of the profile whose link is lost gets it back by its row there; one that is no longer listed, by its stamp.
#[test]
fn a_static_contact_whose_link_is_lost() {
    for (listed, address) in [(true, "pat@partner.example"), (true, "pat@second.example"), (false, "pat@partner.example")] {
        let mut person = recipient(Side::A, 3, gal::Kind::Contact, "pat@partner.example");
        let mut contact = copy_of(&person, Side::B, 7);
        contact = stamped(contact, |stamp| {
            "static".clone_into(&mut stamp.origin_tenant);
            stamp.anchor = person.anchor;
            stamp.role = Role::Projection;
        });
        contact.name = gal::stamp::made_name(crate::pair::INSTALLATION, "static", person.anchor);
        (person.primary, person.addresses) = (Some(address.to_owned()), vec![address.to_owned()]);
        let mut world = world(vec![], vec![contact.clone()], vec![]);
        if listed {
            world.insert_static(gal::Origin::StaticB, gal::Entry::new(person.clone()));
        }
        let plan = Asked::default().plan(&world);
        let told: Vec<_> = plan.quiet.iter().map(|change| change.link.key.anchor).collect();
        assert_eq!((told, plan.operations.len()), (vec![person.anchor], 0), "{plan:?}");
        let skipped: Vec<_> = plan.skipped.iter().map(|skipped| skipped.anchor).collect();
        assert_eq!(skipped, if listed { vec![contact.anchor] } else { vec![] }, "told as what it is: {plan:?}");
    }
}
