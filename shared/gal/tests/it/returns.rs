//! Accounts and contacts that are made again, and who else stands there: "What stands on the other side" and the lives of SEMANTICS.md.

use gal::decide::Serve;
use gal::policy::MergeMode;
use gal::stamp::{Mark, made_name};
use gal::{Field, Kind, Phase, Provenance, Recipient, Role, Side};

use crate::joins::{merge, stamped};
use crate::pair::{Asked, INSTALLATION, ago, anchor, ann, copy_of, link, recipient, said, set, world, writes};
use crate::written::{Table, matches};

/// A contact that belongs to somebody's link: taken over if that somebody is gone, else claimed.
#[test]
fn an_account_made_again() {
    let mut table = Table::default();
    for (name, old) in [
        ("the old account is gone", Some(gal::recipient::Presence::Gone(ago(1)))),
        ("the old account is not loaded", None),
        ("the old account is there", Some(gal::recipient::Presence::Present)),
    ] {
        for provenance in [Provenance::Made, Provenance::Found] {
            for (phase_name, phase) in [
                ("live", Phase::Live),
                ("live, but hidden by us", Phase::Live),
                ("staged", Phase::Staged { since: ago(3), side: Side::B }),
                ("kept", Phase::Kept),
            ] {
                let before = Recipient { anchor: anchor(Side::A, 9), ..ann() };
                let mut contact = copy_of(&before, Side::B, 7);
                if let Mark::Stamp(stamp) = &mut contact.mark {
                    stamp.provenance = provenance;
                    if phase_name == "staged" || phase_name == "live, but hidden by us" {
                        stamp.staged = Some(ago(3));
                        contact.hidden = true;
                    }
                }
                let link = link(&before, Side::A, &contact, provenance, phase);
                let mut again = ann();
                set(&mut again, Field::Title, Some("Head"));
                let mut people = vec![again];
                people.extend(old.map(|presence| Recipient { presence, ..before }));
                let world = world(people, vec![contact], vec![link]);
                table.add(&format!("{name} · {provenance}"), phase_name, &said(&Asked::default().plan(&world), &world));
            }
        }
    }
    matches("made_again.txt", &table.text());
}

/// An account was made again while its contact was being adopted: what that says stays, as in any join.
#[test]
fn an_adoption_goes_on_for_an_account_made_again() {
    for (phase, titles) in [(Phase::Joining, vec![]), (Phase::Live, vec![(Side::B, Some("Head"))])] {
        let before = Recipient { anchor: anchor(Side::A, 9), presence: gal::recipient::Presence::Gone(ago(1)), ..ann() };
        let mut contact = copy_of(&before, Side::B, 7);
        (contact.mark, contact.name) = (Mark::None, "ann".to_owned());
        let link = link(&before, Side::A, &contact, Provenance::Found, phase);
        let mut again = ann();
        set(&mut again, Field::Title, Some("Head"));
        let plan = Asked::default().plan(&world(vec![again, before], vec![contact], vec![link]));
        assert_eq!((plan.operations.len(), writes(&plan, Field::Title)), (1, titles), "{plan:?}");
    }
}

/// A contact of another company that is gone, and whoever follows it under its address. Its twin takes no template on (peers share what
/// they say as it is), and writes into no mailbox.
#[test]
fn a_contact_of_another_company_made_again() {
    let affix = (Field::DisplayName, gal::mapping::FieldMapping::Template("{{ display_name }} (contoso)".to_owned()));
    let mut asked = Asked::default();
    asked.policy.publishing.a.mapping = gal::mapping::Mapping::compile(&[affix].into()).unwrap();
    let before = || {
        let mut before = recipient(Side::A, 9, Kind::Contact, "ann@partner.example");
        set(&mut before, Field::Title, Some("Clerk"));
        before
    };
    let mut table = Table::default();
    for (follows, kind) in [("another contact", Kind::Contact), ("a mailbox", Kind::User)] {
        for (was, role) in [("its twin", Role::Peer), ("a contact that only follows", Role::Projection)] {
            for provenance in [Provenance::Made, Provenance::Found] {
                for (phase_name, phase, claimed) in [
                    ("live", Phase::Live, false),
                    ("staged", Phase::Staged { since: ago(3), side: Side::B }, false),
                    ("claimed", Phase::Staged { since: ago(3), side: Side::B }, true),
                ] {
                    for (edited_name, edited) in [("as it was", false), ("edited there", true)] {
                        if claimed && provenance == Provenance::Found {
                            continue;
                        }
                        let mut contact = copy_of(&before(), Side::B, 7);
                        let staged = matches!(phase, Phase::Staged { .. }).then(|| ago(3));
                        match &mut contact.mark {
                            // Neither of two that were there before is stamped.
                            _ if provenance == Provenance::Found && role == Role::Peer => {
                                contact.mark = Mark::None;
                                contact.name = "ann".to_owned();
                            }
                            Mark::Stamp(stamp) => (stamp.role, stamp.provenance, stamp.staged) = (role, provenance, staged),
                            Mark::None | Mark::Foreign(_) => {}
                        }
                        contact.hidden = staged.is_some();
                        let mut link = link(&before(), Side::A, &contact, provenance, phase.clone());
                        (link.role, link.claimed) = (role, claimed);
                        if claimed {
                            (link.base_source, link.base_target) = Default::default();
                        }
                        if edited {
                            set(&mut contact, Field::City, Some("Bern"));
                        }
                        let mut again = recipient(Side::A, 1, kind, "ann@partner.example");
                        set(&mut again, Field::Title, Some("Head"));
                        let gone = Recipient { presence: gal::recipient::Presence::Gone(ago(1)), ..before() };
                        let world = world(vec![again, gone], vec![contact], vec![link]);
                        let heading = format!("{follows} follows · {was} · {provenance} · {phase_name}");
                        table.add(&heading, edited_name, &said(&asked.plan(&world), &world));
                    }
                }
            }
        }
    }
    matches("partner_made_again.txt", &table.text());
}

/// The contact that follows is not wanted: what galbridge made leaves, and of two that were there before the link ends.
#[test]
fn a_contact_made_again_that_is_not_wanted() {
    let before = recipient(Side::A, 9, Kind::Contact, "ann@partner.example");
    let again = Recipient { hidden: true, ..recipient(Side::A, 1, Kind::Contact, "ann@partner.example") };
    let gone = Recipient { presence: gal::recipient::Presence::Gone(ago(1)), ..before.clone() };
    let mut table = Table::default();
    for provenance in [Provenance::Made, Provenance::Found] {
        let mut contact = copy_of(&before, Side::B, 7);
        if provenance == Provenance::Found {
            (contact.mark, contact.name) = (Mark::None, "ann".to_owned());
        }
        let link = link(&before, Side::A, &contact, provenance, Phase::Live);
        let world = world(vec![again.clone(), gone.clone()], vec![contact], vec![link]);
        table.add("its contact is", &provenance.to_string(), &said(&Asked::default().plan(&world), &world));
    }
    matches("partner_not_wanted.txt", &table.text());
}

/// The contact is looked at because of whoever follows alone: the link of two that were there before is not moved to him, they are
/// joined anew once it is forgotten.
#[test]
fn only_who_follows_is_looked_at() {
    let before = recipient(Side::A, 9, Kind::Contact, "ann@partner.example");
    let again = recipient(Side::A, 1, Kind::Contact, "ann@partner.example");
    let gone = Recipient { presence: gal::recipient::Presence::Gone(ago(1)), ..before.clone() };
    let mut table = Table::default();
    for provenance in [Provenance::Made, Provenance::Found] {
        for (name, phase) in [("live", Phase::Live), ("kept", Phase::Kept)] {
            let mut contact = copy_of(&before, Side::B, 7);
            if provenance == Provenance::Found {
                (contact.mark, contact.name) = (Mark::None, "ann".to_owned());
            }
            let link = link(&before, Side::A, &contact, provenance, phase);
            let world = world(vec![again.clone(), gone.clone()], vec![contact], vec![link]);
            let focus = gal::plan::Focus::These([((Side::A, again.anchor), true)].into());
            table.add(&provenance.to_string(), name, &said(&Asked::default().focus(&world, &focus), &world));
        }
    }
    matches("follower.txt", &table.text());
}

/// By whichever of the three it is looked at, the old account, the contact, or whoever follows: he gets the contact, and it is not taken away.
#[test]
fn one_matter_by_whoever_it_is_looked_at() {
    let mut table = Table::default();
    for (name, phase, due) in [
        ("live", Phase::Live, ago(0)),
        ("staged", Phase::Staged { since: ago(3), side: Side::B }, ago(0)),
        ("its grace is over", Phase::Staged { since: ago(3), side: Side::B }, gal::decide::purge_at(ago(3), crate::pair::GRACE)),
    ] {
        let before = Recipient { anchor: anchor(Side::A, 9), ..ann() };
        let mut contact = copy_of(&before, Side::B, 7);
        if let (Mark::Stamp(stamp), Phase::Staged { since, .. }) = (&mut contact.mark, &phase) {
            stamp.staged = Some(*since);
            contact.hidden = true;
        }
        let link = link(&before, Side::A, &contact, Provenance::Made, phase);
        let gone = Recipient { presence: gal::recipient::Presence::Gone(ago(1)), ..before };
        let world = world(vec![ann(), gone.clone()], vec![contact.clone()], vec![link]);
        let asked = Asked { now: due, ..Asked::default() };
        for (seen, side, anchor) in [
            ("the old account", Side::A, gone.anchor),
            ("the contact", Side::B, contact.anchor),
            ("whoever follows", Side::A, ann().anchor),
        ] {
            let focus = gal::plan::Focus::These([((side, anchor), false)].into());
            table.add(name, seen, &said(&asked.focus(&world, &focus), &world));
        }
    }
    // The other way round: the half at the origin waits for its end, and the contact was made again.
    let partner = recipient(Side::A, 1, Kind::Contact, "ann@partner.example");
    for (name, hidden_before) in [("hidden because the contact was deleted", false), ("hidden by its administrator before that", true)] {
        for provenance in [Provenance::Made, Provenance::Found] {
            let half = Recipient { hidden: true, ..partner.clone() };
            let twin = copy_of(&partner, Side::B, 7);
            let mut link = link(&partner, Side::A, &twin, provenance, Phase::Staged { since: ago(3), side: Side::A });
            (link.role, link.base_hidden) = (Role::Peer, hidden_before);
            let gone = Recipient { presence: gal::recipient::Presence::Gone(ago(3)), ..twin };
            let again = recipient(Side::B, 8, Kind::Contact, "ann@partner.example");
            let world = world(vec![half.clone()], vec![gone.clone(), again.clone()], vec![link]);
            for (seen, side, anchor) in
                [("the half", Side::A, half.anchor), ("the contact", Side::B, gone.anchor), ("whoever follows", Side::B, again.anchor)]
            {
                let focus = gal::plan::Focus::These([((side, anchor), false)].into());
                table.add(&format!("{name} · {provenance}"), seen, &said(&Asked::default().focus(&world, &focus), &world));
            }
        }
    }
    matches("one_matter.txt", &table.text());
}

/// A guest is shown and filled, in one go or after an interruption; what his own directory decides stays, and nothing flows back from him.
#[test]
fn a_guest_is_adopted() {
    let mut asked = Asked::default();
    asked.policy.publishing.a.guests = gal::policy::GuestPolicy::AdoptGuest;
    let mut table = Table::default();
    for (source_name, kind) in [("a mailbox", Kind::User), ("a contact", Kind::Contact)] {
        for (guest_name, hidden) in [("hidden", true), ("shown", false)] {
            let mut source = recipient(Side::A, 1, kind, "ann@partner.example");
            set(&mut source, Field::Title, Some("Clerk"));
            source.manager_name = Some("boss".to_owned());
            let boss = Recipient { name: "boss".to_owned(), ..recipient(Side::A, 2, Kind::User, "boss@contoso.example") };
            let boss_contact = copy_of(&boss, Side::B, 9);
            let boss_link = link(&boss, Side::A, &boss_contact, Provenance::Made, Phase::Live);
            let guest = Recipient { hidden, ..recipient(Side::B, 7, Kind::Guest, "ann@partner.example") };
            let people = || vec![source.clone(), boss.clone()];
            let first = world(people(), vec![guest.clone(), boss_contact.clone()], vec![boss_link.clone()]);
            let focus = gal::plan::Focus::These([((Side::A, source.anchor), true)].into());
            let plan = asked.focus(&first, &focus);
            table.add(&format!("{source_name}, a {guest_name} guest"), "at first", &said(&plan, &first));
            let Some(begun) = plan.operations.first().and_then(|operation| operation.start.as_deref().cloned()) else { continue };
            let second = world(people(), vec![guest, boss_contact], vec![boss_link, begun]);
            table.add(
                &format!("{source_name}, a {guest_name} guest"),
                "after an interruption",
                &said(&asked.focus(&second, &focus), &second),
            );
            // Somebody appears: by a merge that makes people appear there, and by no other.
            for mode in [MergeMode::LinkOnly, MergeMode::BToA, MergeMode::AToB] {
                let merging = Asked { serve: merge(mode, false, false), policy: asked.policy.clone(), ..Asked::default() };
                table.add(
                    &format!("{source_name}, a {guest_name} guest"),
                    &format!("in a merge, {mode:?}"),
                    &said(&merging.focus(&first, &focus), &first),
                );
            }
        }
    }
    matches("guests.txt", &table.text());
}

/// What another origin hid for its deletion is handed on, unless this pair knows the contact as somebody else's than its stamp says.
#[test]
fn what_is_handed_on_by_a_link_of_this_pair() {
    let card = recipient(Side::A, 3, Kind::Contact, "ann@contoso.example");
    let contact = |of: u32| {
        let mut contact = copy_of(&ann(), Side::B, 7);
        let anchor = anchor(Side::A, of);
        contact.name = made_name(INSTALLATION, "static", anchor);
        contact.hidden = true;
        contact = stamped(contact, |stamp| {
            (stamp.origin_tenant, stamp.anchor, stamp.staged) = ("static".to_owned(), anchor, Some(ago(3)));
        });
        contact
    };
    let staged = || Phase::Staged { since: ago(3), side: Side::B };
    let mut table = Table::default();
    for (name, of, origin, number) in [
        ("a static contact's that is gone from the profile", 3, gal::Origin::StaticB, 3),
        ("another static contact's", 3, gal::Origin::StaticB, 4),
        ("somebody's of this pair", 3, gal::Origin::A, 3),
        ("somebody else's of this pair", 3, gal::Origin::A, 9),
    ] {
        let mut link = link(&card, Side::A, &contact(of), Provenance::Made, staged());
        link.key = gal::LinkKey { origin, anchor: anchor(Side::A, number) };
        link.role = Role::Projection;
        let world = world(vec![ann()], vec![contact(of)], vec![link]);
        let focus = gal::plan::Focus::These([((Side::A, ann().anchor), true)].into());
        table.add("the contact's link is", name, &said(&Asked::default().focus(&world, &focus), &world));
        // With everything in sight, it is not purged in the same breath in which it is claimed.
        let late = Asked { now: gal::decide::purge_at(ago(3), crate::pair::GRACE), ..Asked::default() };
        table.add("the contact's link is, and its grace is over", name, &said(&late.plan(&world), &world));
    }
    matches("handed_on.txt", &table.text());
}

/// A static contact that the profile publishes with another pair by now: this pair forgets it, and writes nothing.
#[test]
fn a_static_contact_of_another_home() {
    let card = recipient(Side::A, 3, Kind::Contact, "card@partner.example");
    let mut contact = copy_of(&card, Side::B, 7);
    contact = Recipient { name: made_name(INSTALLATION, "static", card.anchor), ..contact };
    contact = stamped(contact, |stamp| (stamp.origin_tenant, stamp.anchor) = ("static".to_owned(), card.anchor));
    let mut link = link(&card, Side::A, &contact, Provenance::Made, Phase::Live);
    (link.key.origin, link.role) = (gal::Origin::StaticB, Role::Projection);
    for home in [true, false] {
        let mut asked = Asked::default();
        asked.homes.b = home;
        let world = world(vec![], vec![contact.clone()], vec![link.clone()]);
        let plan = asked.plan(&world);
        let forgotten = plan.quiet.iter().any(|change| change.patch.forget);
        assert_eq!((plan.operations.len(), forgotten), (usize::from(home), !home), "{plan:?}");
        // Nor is a lost link of it restored here.
        let lost = crate::pair::world(vec![], vec![contact.clone()], vec![]);
        assert_eq!(asked.plan(&lost).quiet.len(), usize::from(home));
    }
}

/// What a guest bears counts like what a contact bears: a foreign value is never overwritten, another pair's stamp says whose he is, and
/// whoever follows an account that is gone gets him as he is.
#[test]
fn a_guest_that_bears_something() {
    let mut asked = Asked::default();
    asked.policy.publishing.a.guests = gal::policy::GuestPolicy::AdoptGuest;
    let guest = || recipient(Side::B, 7, Kind::Guest, "ann@contoso.example");
    let mut table = Table::default();
    let foreign = Recipient { mark: Mark::Foreign("ours".to_owned()), ..guest() };
    let mark = copy_of(&Recipient { anchor: anchor(Side::A, 9), ..ann() }, Side::B, 7).mark;
    let ours = Recipient { mark, ..guest() };
    let found = stamped(ours, |stamp| (stamp.provenance, stamp.anchor) = (Provenance::Found, anchor(Side::A, 9)));
    let other_pair = stamped(found.clone(), |stamp| stamp.origin_tenant = "initech-id".to_owned());
    let elsewhere = stamped(found.clone(), |stamp| stamp.installation = "there".to_owned());
    for (name, guest) in [("something else", foreign), ("another pair's stamp", other_pair), ("another installation's", elsewhere)] {
        let world = world(vec![ann()], vec![guest], vec![]);
        table.add("a guest bears", name, &said(&asked.plan(&world), &world));
    }
    let before = Recipient { anchor: anchor(Side::A, 9), ..ann() };
    let gone = Recipient { presence: gal::recipient::Presence::Gone(ago(1)), ..before.clone() };
    let old = link(&before, Side::A, &found, Provenance::Found, Phase::Live);
    let world = world(vec![ann(), gone], vec![found], vec![old]);
    table.add("a guest bears", "the stamp of an account that was made again", &said(&asked.plan(&world), &world));
    matches("stamped_guests.txt", &table.text());
}

/// Whoever follows one who is linked is served with him; not on a closed side, and not outside of a pilot.
#[test]
fn who_is_made_again_where_not_everybody_is_served() {
    let pilot = merge(MergeMode::TwoWay, false, false);
    for (serve, closed, relinks) in [
        (Serve::LinkedOnly, false, true),
        (Serve::LinkedOnly, true, false),
        (Serve::Everybody, false, true),
        (Serve::Everybody, true, false),
        (pilot, false, false),
    ] {
        let before = Recipient { anchor: anchor(Side::A, 9), presence: gal::recipient::Presence::Gone(ago(1)), ..ann() };
        let contact = copy_of(&before, Side::B, 7);
        let link = link(&before, Side::A, &contact, Provenance::Made, Phase::Live);
        let mut world = world(vec![ann(), before], vec![contact], vec![link]);
        if serve == pilot {
            world.set_pilot(Side::A, &std::collections::BTreeSet::new());
        }
        let mut asked = Asked { serve, ..Asked::default() };
        asked.closed.b = closed;
        let plan = asked.focus(&world, &gal::plan::Focus::These([((Side::A, ann().anchor), false)].into()));
        let relinked = plan.operations.iter().any(|operation| operation.action == gal::operation::Action::Relink);
        assert_eq!(relinked, relinks, "{serve:?}, closed {closed}: {:?}", said(&plan, &world));
    }
}
