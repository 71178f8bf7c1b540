//! A plan as a whole: its order, its checksum, who waits for whom.

use gal::decide::{MergeRules, Serve};
use gal::operation::Action;
use gal::plan::{Focus, checksum};
use gal::policy::MergeMode;
use gal::recipient::Presence;
use gal::{Entry, Field, Kind, Link, Origin, Phase, Provenance, Recipient, Side, Sides, World};

use crate::pair::{Asked, ago, anchor, ann, copy_of, link, recipient, said, set, tell, world};
use crate::written::matches;

fn user(number: u32) -> Recipient {
    let mut user = recipient(Side::A, number, Kind::User, &format!("p{number}@contoso.example"));
    set(&mut user, Field::DisplayName, Some(&format!("Person {number}")));
    user
}

/// One of everything: what frees addresses comes before what needs them, and what takes away comes last.
fn everything() -> World {
    let linked = |number: u32, phase: Phase, change: &dyn Fn(&mut Recipient, &mut Recipient)| {
        let mut person = user(number);
        let mut contact = copy_of(&person, Side::B, number);
        let link = link(&person, Side::A, &contact, Provenance::Made, phase);
        change(&mut person, &mut contact);
        (person, contact, link)
    };
    let gone = |person: &mut Recipient, _: &mut Recipient| person.presence = Presence::Gone(ago(0));
    let over = Phase::Staged { since: ago(20), side: Side::B };
    let cases = [
        linked(1, Phase::Live, &gone),
        linked(2, over.clone(), &|person, contact| {
            gone(person, contact);
            contact.hidden = true;
        }),
        linked(3, Phase::Live, &|person, _| set(person, Field::Title, Some("Head"))),
        linked(4, over, &|_, contact| contact.hidden = true),
        linked(5, Phase::Creating { step: gal::link::Step::Created }, &|_, _| {}),
        linked(6, Phase::Live, &|_, _| {}),
    ];
    let (mut people, mut contacts, mut links) = (vec![], vec![], vec![]);
    for (person, contact, link) in cases {
        people.push(person);
        contacts.push(contact);
        links.push(link);
    }
    people.push(user(7));
    people.push(user(8));
    contacts.push(Recipient { anchor: anchor(Side::B, 80), ..recipient(Side::B, 80, Kind::Contact, "p8@contoso.example") });
    world(people, contacts, links)
}

#[test]
fn the_order_of_a_plan() {
    let world = everything();
    let plan = Asked::default().plan(&world);
    let order: Vec<String> = plan.operations.iter().map(|operation| format!("{} {}", operation.action, operation.title)).collect();
    assert_eq!(
        order,
        ["update Person 3", "restore Person 4", "adopt Person 8", "resume Person 5", "create Person 7", "stage Person 1", "purge Person 2"]
    );
    assert_eq!((plan.in_scope.a, plan.in_scope.b), (6, 0));
    assert_eq!(plan.of_side(Side::A).count(), 0);
}

#[test]
fn the_checksum_is_of_whom_and_what_and_of_values_only_where_they_were_asked_for() {
    let world = everything();
    let plan = Asked::default().plan(&world);
    assert_eq!(plan.checksum(), checksum(plan.operations.iter().rev().map(gal::operation::Operation::pledge)));
    assert_eq!(plan.checksum().len(), 12);
    let mut other = plan.clone();
    other.operations[0].changes.clear();
    assert_eq!(other.checksum(), plan.checksum(), "values do not count");
    for change in [
        (|operation| "Boss".clone_into(&mut operation.title)) as fn(&mut gal::operation::Operation),
        |operation| "boss@contoso.example".clone_into(&mut operation.address),
        |operation| operation.contact = None,
        |operation| operation.action = gal::operation::Action::Purge,
    ] {
        let mut other = plan.clone();
        change(&mut other.operations[0]);
        assert_ne!(other.checksum(), plan.checksum(), "{:?}", other.operations[0]);
    }
    // What a person asked for has its values from a record, and they do count.
    let mut asked_for = plan.clone();
    asked_for.operations[0].reason = gal::operation::Reason::Operator { command: "undo".to_owned() };
    let shown = asked_for.checksum();
    asked_for.operations[0].changes[0].after = Some("EVIL".to_owned());
    assert_ne!(asked_for.checksum(), shown);
    assert_ne!(plan.checksum_under(Sides { a: 1, b: 2 }), plan.checksum_under(Sides { a: 1, b: 3 }), "settings do");
    other.operations.remove(0);
    assert_ne!(other.checksum(), plan.checksum(), "operations do");
    // A link that is only remembered counts, where it is new.
    let lone = crate::pair::world(vec![ann()], vec![copy_of(&ann(), Side::B, 1)], vec![]);
    let recovered = Asked::default().plan(&lone);
    assert!(recovered.operations.is_empty() && recovered.quiet[0].new, "{recovered:?}");
    assert_ne!(recovered.checksum(), checksum([]));
}

#[test]
fn a_focus_sees_what_is_named_and_its_links() {
    let world = everything();
    let asked = Asked::default();
    let actions = |these: &[(Side, u32)]| -> Vec<String> {
        let focus = Focus::These(these.iter().map(|(side, number)| ((*side, anchor(*side, *number)), false)).collect());
        asked.focus(&world, &focus).operations.iter().map(|operation| format!("{} {}", operation.action, operation.title)).collect()
    };
    assert_eq!(actions(&[(Side::A, 1)]), ["stage Person 1"]);
    assert_eq!(actions(&[(Side::B, 1)]), ["stage Person 1"], "by its contact too");
    assert_eq!(actions(&[(Side::A, 7), (Side::B, 3)]), ["update Person 3", "create Person 7"]);
    assert!(actions(&[(Side::A, 6), (Side::B, 99)]).is_empty());
}

/// A static contact is named by the side on which it is published.
#[test]
fn a_focus_on_a_static_contact() {
    let mut world = World::default();
    let card = recipient(Side::A, 3, Kind::Contact, "card@partner.example");
    world.insert_static(Origin::StaticB, Entry::new(card.clone()));
    let at = |side| {
        let focus = Focus::These([((side, card.anchor), true)].into());
        Asked::default().focus(&world, &focus).operations.len()
    };
    assert_eq!((at(Side::A), at(Side::B)), (0, 1));
}

/// Two people that claim one address, or one contact: the first in order gets it, the other is told.
#[test]
fn nobody_is_published_twice() {
    let twin = Recipient { anchor: anchor(Side::A, 2), ..Recipient { name: "twin".to_owned(), ..ann() } };
    let mut told = String::new();
    for (name, contacts) in [
        ("one address", vec![]),
        ("one contact", vec![recipient(Side::B, 7, Kind::Contact, "ann@contoso.example")]),
        ("one contact with the first one's stamp", vec![copy_of(&ann(), Side::B, 7)]),
    ] {
        let world = world(vec![ann(), twin.clone()], contacts, vec![]);
        told.push_str(&format!("{name}\n"));
        tell(&mut told, &Asked::default().plan(&world), &world);
    }
    matches("claimed.txt", &told);
}

/// Managers: named by the contact that stands for them; published together with their reports; never guessed.
#[test]
fn managers() {
    let with_manager = |number: u32, manager: &str| Recipient { manager_name: Some(manager.to_owned()), ..user(number) };
    let boss = || Recipient { name: "Boss".to_owned(), ..user(1) };
    let copy = |of: &Recipient, number| copy_of(of, Side::B, number);
    let linked = |of: &Recipient, number| link(of, Side::A, &copy(of, number), Provenance::Made, Phase::Live);
    let report = with_manager(2, "boss");
    let plain = user(2);
    let cases: Vec<(&str, World)> = vec![
        ("both are new", world(vec![boss(), report.clone()], vec![], vec![])),
        ("the manager is published", world(vec![boss(), report.clone()], vec![copy(&boss(), 1)], vec![linked(&boss(), 1)])),
        (
            "both are published, the manager came",
            world(vec![boss(), report.clone()], vec![copy(&boss(), 1), copy(&plain, 2)], vec![linked(&boss(), 1), linked(&plain, 2)]),
        ),
        ("the manager is hidden", world(vec![Recipient { hidden: true, ..boss() }, report.clone()], vec![], vec![])),
        ("the manager is not loaded", world(vec![report.clone()], vec![], vec![])),
        (
            "the manager's contact was found",
            world(vec![boss(), report.clone()], vec![recipient(Side::B, 9, Kind::Contact, "p1@contoso.example")], vec![]),
        ),
        ("their own manager", world(vec![with_manager(1, "name-a1")], vec![], vec![])),
        ("the manager left, the copy still names him", {
            let mut contact = copy(&plain, 2);
            contact.manager_name = Some(copy(&boss(), 1).name);
            let link = linked(&plain, 2);
            let base = |base: &gal::Base| base.with([(Field::Manager, contact.manager_name.as_deref())]);
            let link = Link { base_source: base(&link.base_source), base_target: base(&link.base_target), ..link };
            world(vec![plain.clone()], vec![contact], vec![link])
        }),
    ];
    let mut told = String::new();
    for (name, world) in cases {
        told.push_str(&format!("{name}\n"));
        tell(&mut told, &Asked::default().plan(&world), &world);
    }
    matches("managers.txt", &told);
}

/// Where the manager is not there after all, the rest is written, and the manager is still to be.
#[test]
fn a_creation_without_its_manager() {
    let boss = Recipient { name: "Boss".to_owned(), ..user(1) };
    let report = Recipient { manager_name: Some("boss".to_owned()), ..user(2) };
    let plan = Asked::default().plan(&world(vec![boss, report.clone()], vec![], vec![]));
    let with = plan.operations.iter().find(|operation| operation.key.anchor == report.anchor).unwrap();
    let without = with.without_manager();
    let fields = |operation: &gal::operation::Operation| -> [Vec<Field>; 3] {
        let of = |base: &[(Field, Option<u64>)]| base.iter().map(|(field, _)| *field).collect();
        let changes = operation.changes.iter().map(|change| change.field).collect();
        [changes, of(&operation.patch.base_source), of(&operation.patch.base_target)]
    };
    for (all, rest) in fields(with).into_iter().zip(fields(&without)) {
        assert!(all.contains(&Field::Manager) && !rest.is_empty());
        assert_eq!(rest, all.into_iter().filter(|field| *field != Field::Manager).collect::<Vec<_>>());
    }
    assert!(with.manager.is_some() && without.manager.is_none());
    assert_eq!(without.staged_since(), None);
}

/// A staging says since when, so that the purge is remembered.
#[test]
fn a_staging_says_since_when() {
    let plan = Asked::default().plan(&everything());
    let staged = |operation: &gal::operation::Operation| operation.staged_since().map(|since| (operation.action.to_string(), since));
    let staged: Vec<_> = plan.operations.iter().filter_map(staged).collect();
    assert_eq!(staged, [("stage".to_owned(), crate::pair::now())]);
}

/// People that swapped their addresses, and one that waits for another's.
#[test]
fn addresses_that_are_held() {
    let pair = |number: u32, address: &str| {
        let person = user(number);
        let contact = copy_of(&person, Side::B, number);
        let link = link(&person, Side::A, &contact, Provenance::Made, Phase::Live);
        (Recipient { addresses: vec![address.to_owned()], primary: Some(address.to_owned()), ..person }, contact, link)
    };
    let of = |moves: &[(u32, &str)], others: Vec<Recipient>| {
        let (mut people, mut contacts, mut links) = (vec![], others, vec![]);
        for (number, address) in moves {
            let (person, contact, link) = pair(*number, address);
            people.push(person);
            contacts.push(contact);
            links.push(link);
        }
        world(people, contacts, links)
    };
    let other = recipient(Side::B, 9, Kind::User, "p9@contoso.example");
    let waiting = {
        let (person, contact, link) = pair(1, "p9@contoso.example");
        world(vec![person], vec![contact, other.clone()], vec![Link { conflicts: vec![Field::ExternalEmailAddress], ..link }])
    };
    let freed = {
        let (person, contact, link) = pair(1, "p9@contoso.example");
        world(vec![person], vec![contact], vec![Link { conflicts: vec![Field::ExternalEmailAddress], ..link }])
    };
    let (six, seven) = ("p6@contoso.example", "p7@contoso.example");
    // Two that swapped, of whom the second cannot move.
    let stuck = |change: &dyn Fn(&mut Recipient, &mut Link)| {
        let ((one, contact, link), (other, mut others, mut others_link)) = (pair(6, seven), pair(7, six));
        change(&mut others, &mut others_link);
        world(vec![one, other], vec![contact, others], vec![link, others_link])
    };
    let retry_at = crate::pair::now() + jiff::SignedDuration::from_hours(1);
    let quarantine = gal::link::Quarantine { reason: "refused".to_owned(), attempts: 1, retry_at };
    let relayed = {
        let (person, mut contact, link) = pair(6, "p6@relay.fabrikam.example");
        contact.addresses = vec![six.to_owned(), "p6@relay.fabrikam.example".to_owned()];
        world(vec![person], vec![contact], vec![link])
    };
    let long: Vec<(u32, String)> = (1..=18).map(|number| (number, format!("p{}@contoso.example", number % 18 + 1))).collect();
    let long: Vec<(u32, &str)> = long.iter().map(|(number, address)| (*number, address.as_str())).collect();
    let cases = [
        ("a free one", of(&[(6, "new@contoso.example")], vec![])),
        ("somebody else's", of(&[(6, "p9@contoso.example")], vec![other])),
        ("it waits already", waiting),
        ("it waited, and is free now", freed),
        ("the next one's, who moves on", of(&[(6, seven), (7, "new@contoso.example")], vec![])),
        ("swapped", of(&[(6, seven), (7, six)], vec![])),
        ("a circle of three", of(&[(6, seven), (7, "p8@contoso.example"), (8, six)], vec![])),
        ("a circle of eighteen", of(&long, vec![])),
        ("swapped, and the other is kept", stuck(&|_, link| link.phase = Phase::Kept)),
        ("swapped, and the other is a peer", stuck(&|_, link| link.role = gal::Role::Peer)),
        ("swapped, and the other is set aside", stuck(&|_, link| link.quarantine = Some(quarantine.clone()))),
        ("swapped, and the other is mastered on-premises", stuck(&|contact, _| contact.directory_synced = true)),
        ("one that it holds already", relayed),
    ];
    let mut told = String::new();
    for (name, world) in cases {
        told.push_str(&format!("{name}\n"));
        tell(&mut told, &Asked::default().plan(&world), &world);
    }
    matches("addresses.txt", &told);
}

/// Both sides say the same, of whatever each of them said before: what they say is remembered.
#[test]
fn what_is_in_step_is_remembered() {
    let says = |title: &str| gal::Values::default().with(Field::Title, Some(title));
    for (base_source, base_target, remembered) in [("Clerk", "Clerk", 0), ("Head", "Clerk", 1), ("Clerk", "Head", 1), ("Head", "Head", 1)] {
        let contact = copy_of(&ann(), Side::B, 1);
        let mut link = link(&ann(), Side::A, &contact, Provenance::Made, Phase::Live);
        let with = |base: &gal::Base, title| base.with([(Field::Title, says(title).get(Field::Title))]);
        link.base_source = with(&link.base_source, base_source);
        link.base_target = with(&link.base_target, base_target);
        let plan = Asked::default().plan(&world(vec![ann()], vec![contact], vec![link]));
        assert_eq!((plan.operations.len(), plan.quiet.len()), (0, remembered), "{base_source} {base_target}: {plan:?}");
    }
}

/// A field that the profile stops publishing is cleared once in what we made, if what stands there is what we wrote.
#[test]
fn a_field_that_is_no_longer_published() {
    let mut asked = Asked::default();
    let without = std::collections::BTreeMap::from([(Field::Title, gal::mapping::FieldMapping::Off)]);
    asked.policy.publishing.a.mapping = gal::mapping::Mapping::compile(&without).unwrap();
    let mut told = String::new();
    for provenance in [Provenance::Made, Provenance::Found] {
        for (name, value) in [("what we wrote stands there", Some("Clerk")), ("it was edited", Some("Boss")), ("it is blank", None)] {
            let mut contact = copy_of(&ann(), Side::B, 1);
            if let gal::stamp::Mark::Stamp(stamp) = &mut contact.mark {
                stamp.provenance = provenance;
            }
            let link = link(&ann(), Side::A, &contact, provenance, Phase::Live);
            set(&mut contact, Field::Title, value);
            let world = world(vec![ann()], vec![contact], vec![link]);
            told.push_str(&format!("{provenance}, {name}\n"));
            tell(&mut told, &asked.plan(&world), &world);
        }
    }
    matches("no_longer_published.txt", &told);
}

/// A pilot admits its members; a merge of one direction makes contacts on one side.
#[test]
fn who_is_served() {
    let partner = recipient(Side::B, 5, Kind::Contact, "five@partner.example");
    let served = |serve, pilot: bool| {
        let mut world = world(vec![user(1), user(2)], vec![partner.clone()], vec![]);
        if pilot {
            world.set_pilot(Side::A, &[anchor(Side::A, 1)].into());
            world.set_pilot(Side::B, &std::collections::BTreeSet::new());
            assert_eq!(world.pilot(Side::A), [anchor(Side::A, 1)]);
        }
        let plan = Asked { serve, ..Asked::default() }.plan(&world);
        plan.operations
            .iter()
            .filter(|operation| operation.action == Action::Create)
            .map(|operation| operation.title.clone())
            .collect::<Vec<_>>()
    };
    let merge = |mode| Serve::Merge(MergeRules { mode, enforce: false, take_over: false });
    assert_eq!(served(Serve::Everybody, false), ["Ann", "Person 1", "Person 2"]);
    assert_eq!(served(Serve::Everybody, true), ["Ann", "Person 1", "Person 2"], "a pilot is a merge's");
    assert_eq!(served(Serve::LinkedOnly, false), [""; 0]);
    assert_eq!(served(merge(MergeMode::TwoWay), true), ["Person 1"]);
    assert_eq!(served(merge(MergeMode::AToB), false), ["Person 1", "Person 2"]);
    assert_eq!(served(merge(MergeMode::BToA), false), ["Ann"]);
    assert_eq!(served(merge(MergeMode::LinkOnly), false), [""; 0]);
}

/// X.500 addresses that the target refused are given up, and that is told at every look; those of a source that gets a new one are
/// carried.
#[test]
fn reply_addresses() {
    let mut told = String::new();
    for (name, refused, carry) in [("carried", false, true), ("refused once", true, true), ("not carried", false, false)] {
        let contact = copy_of(&ann(), Side::B, 1);
        let link = Link { x500_refused: refused, ..link(&ann(), Side::A, &contact, Provenance::Made, Phase::Live) };
        let mut ann = ann();
        ann.x500.extend(["/o=old/cn=ann".to_owned(), "/O=X/CN=A1".to_owned()]);
        let mut asked = Asked::default();
        asked.policy.publishing.a.carry_x500 = carry;
        let world = world(vec![ann], vec![contact], vec![link]);
        told.push_str(&format!("{name}\n"));
        tell(&mut told, &asked.plan(&world), &world);
        // A creation that is resumed carries them as a first one would.
        let contact = copy_of(&crate::pair::ann(), Side::B, 1);
        let phase = Phase::Creating { step: gal::link::Step::Stamped };
        let begun = Link { x500_refused: refused, ..crate::pair::link(&crate::pair::ann(), Side::A, &contact, Provenance::Made, phase) };
        let world = crate::pair::world(vec![crate::pair::ann()], vec![contact], vec![begun]);
        told.push_str(&format!("{name}, while it is made\n"));
        tell(&mut told, &asked.plan(&world), &world);
    }
    matches("reply_addresses.txt", &told);
}

/// A died run or an older state may leave two links that speak of one contact: its stamp says which counts, the other is forgotten.
#[test]
fn two_links_of_one_contact() {
    let mut told = String::new();
    for order in [[1, 2], [2, 1]] {
        // The first was made again as the second; its link was not forgotten.
        let [gone, again] = order.map(|number| Recipient { anchor: anchor(Side::A, number), ..ann() });
        let contact = copy_of(&again, Side::B, 7);
        let links = [&gone, &again].map(|person| link(person, Side::A, &contact, Provenance::Made, Phase::Live));
        let gone = Recipient { presence: Presence::Gone(ago(0)), ..gone };
        let world = world(vec![gone.clone(), again.clone()], vec![contact.clone()], links.to_vec());
        assert_eq!(world.link_of(Side::B, contact.anchor).map(|link| link.key.anchor), Some(again.anchor));
        told.push_str(&format!("the one that is gone is {}\n", order[0]));
        for (name, focus) in [
            ("everything", Focus::Everything),
            ("the contact", Focus::These([((Side::B, contact.anchor), false)].into())),
            ("the new account", Focus::These([((Side::A, again.anchor), false)].into())),
            ("the old one", Focus::These([((Side::A, gone.anchor), false)].into())),
        ] {
            let said = said(&Asked::default().focus(&world, &focus), &world);
            told.push_str(&format!("  {name}: {}\n", said.join(" | ")));
        }
    }
    // An older state knows the contact by the old account alone, and what it was before.
    let again = Recipient { anchor: anchor(Side::A, 2), ..ann() };
    let mut contact = copy_of(&again, Side::B, 7);
    if let gal::stamp::Mark::Stamp(stamp) = &mut contact.mark {
        stamp.provenance = Provenance::Found;
    }
    let old = Recipient { presence: Presence::Gone(ago(0)), ..ann() };
    let older = Link { deletions: 1, ..link(&old, Side::A, &contact, Provenance::Found, Phase::Live) };
    let world = world(vec![old, again], vec![contact], vec![older]);
    told.push_str("an older state\n");
    tell(&mut told, &Asked::default().plan(&world), &world);
    matches("two_links.txt", &told);
}

/// Peers share what both directions publish.
#[test]
fn peers_share_what_both_directions_publish() {
    for (side, shared) in [(None, true), (Some(Side::A), false), (Some(Side::B), false)] {
        let mut asked = Asked::default();
        let without = std::collections::BTreeMap::from([(Field::Title, gal::mapping::FieldMapping::Off)]);
        if let Some(side) = side {
            asked.policy.publishing.get_mut(side).mapping = gal::mapping::Mapping::compile(&without).unwrap();
        }
        let partner = recipient(Side::A, 1, Kind::Contact, "ann@partner.example");
        let contact = copy_of(&partner, Side::B, 1);
        let link = link(&partner, Side::A, &contact, Provenance::Made, Phase::Live);
        let mut edited = partner;
        set(&mut edited, Field::Title, Some("Head"));
        let plan = asked.plan(&world(vec![edited], vec![contact], vec![link]));
        assert_eq!(plan.operations.len(), usize::from(shared), "{side:?}: {plan:?}");
    }
}

/// What a person should know of a peer is told too.
#[test]
fn a_peer_whose_country_is_none_is_told() {
    let mut partner = recipient(Side::A, 1, Kind::Contact, "ann@partner.example");
    set(&mut partner, Field::CountryOrRegion, Some("Elbonia"));
    let world = world(vec![partner], vec![], vec![]);
    let plan = Asked::default().plan(&world);
    assert!(plan.notes.iter().any(|noted| noted.note == gal::reason::Note::CountryUnknown), "{plan:?}");
}

/// Of these it is asked once more, right before, whom the contact stands for.
#[test]
fn what_shows_a_contact_as_its_own_again() {
    let operation = Asked::default().plan(&world(vec![ann()], vec![], vec![])).operations.remove(0);
    let shows = |action: Action, hidden: Option<bool>| {
        let mut other = operation.clone();
        (other.action, other.extras.hidden) = (action, hidden);
        other.shows_again()
    };
    for hidden in [None, Some(true), Some(false)] {
        assert!(shows(Action::Restore, hidden));
        assert_eq!(shows(Action::Relink, hidden), hidden == Some(false));
        assert!(!shows(Action::Update, hidden) && !shows(Action::Create, hidden));
    }
}

/// Two who would be published under one address: one of them is, and of the other it is told.
#[test]
fn one_address_is_published_once() {
    let card = recipient(Side::B, 30, Kind::Contact, "pat@partner.example");
    let pat = recipient(Side::A, 1, Kind::Contact, "pat@partner.example");
    let deleted = Recipient { presence: Presence::Gone(ago(1)), ..copy_of(&pat, Side::B, 7) };
    let again = Link { role: gal::Role::Projection, ..link(&pat, Side::A, &deleted, Provenance::Made, Phase::Live) };
    for (name, contacts, links) in [("a newcomer", vec![], vec![]), ("one who is made again", vec![deleted], vec![again])] {
        let mut world = world(vec![pat.clone()], contacts, links);
        world.insert_static(Origin::StaticB, Entry::new(card.clone()));
        let plan = Asked::default().plan(&world);
        let made = plan.operations.iter().filter(|operation| operation.action == Action::Create).count();
        assert_eq!((made, plan.skipped.len()), (1, 1), "{name}: {:?}", said(&plan, &world));
    }
}

/// A contact that holds the addresses of two stands for the person.
#[test]
fn a_person_comes_before_a_contact_of_another_company() {
    let pat = recipient(Side::A, 1, Kind::Contact, "pat@partner.example");
    let both = Recipient {
        addresses: vec!["pat@partner.example".to_owned(), "p2@contoso.example".to_owned()],
        ..recipient(Side::B, 7, Kind::Contact, "pat@partner.example")
    };
    let world = world(vec![pat, user(2)], vec![both], vec![]);
    let plan = Asked::default().plan(&world);
    let adopted: Vec<&str> = plan.operations.iter().map(|operation| operation.title.as_str()).collect();
    assert_eq!(adopted, ["Person 2"], "{:?}", said(&plan, &world));
}
