//! "The life of a published contact" and "The life of a peer link" of SEMANTICS.md, every cell.

use gal::decide::{MergeRules, Serve};
use gal::link::{Quarantine, Step, Suppression};
use gal::operation::Action;
use gal::plan::{Focus, Plan};
use gal::policy::MergeMode;
use gal::recipient::Presence;
use gal::stamp::Mark;
use gal::{Field, Kind, Link, Phase, Provenance, Recipient, Side, World};
use jiff::SignedDuration;

use crate::pair::{Asked, GRACE, ago, ann, copy_of, link, now, recipient, said, set, stamp, tell, world};
use crate::written::{Table, matches};

/// The phases of a link, by name.
fn phases() -> Vec<(&'static str, Phase)> {
    let side = Side::B;
    vec![
        ("creating, intended", Phase::Creating { step: Step::Intended }),
        ("creating, created", Phase::Creating { step: Step::Created }),
        ("creating, stamped", Phase::Creating { step: Step::Stamped }),
        ("joining", Phase::Joining),
        ("live", Phase::Live),
        ("staged, in grace", Phase::Staged { since: ago(i64::from(GRACE)) + SignedDuration::from_secs(1), side }),
        ("staged, grace over", Phase::Staged { since: ago(i64::from(GRACE)), side }),
        ("staged, the other half", Phase::Staged { since: ago(i64::from(GRACE)), side: Side::A }),
        ("kept", Phase::Kept),
        ("suppressed", Phase::Suppressed { reason: Suppression::DeletedTwice }),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Wanted,
    Edited,
    Moved,
    Hidden,
    Gone,
    Unread,
    Incomplete,
}

const SOURCES: [(&str, Source); 7] = [
    ("wanted", Source::Wanted),
    ("wanted, its title edited", Source::Edited),
    ("wanted, moved to another address", Source::Moved),
    ("left (hidden)", Source::Hidden),
    ("gone", Source::Gone),
    ("not loaded", Source::Unread),
    ("not completely read", Source::Incomplete),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Present,
    Edited,
    Hidden,
    HiddenByUs,
    Bare,
    Replaced,
    Elsewhere,
    OtherSource,
    OnPremises,
    Gone,
    GoneAndHeld,
    Unread,
}

const TARGETS: [(&str, Target); 12] = [
    ("present", Target::Present),
    ("present, its title edited", Target::Edited),
    ("hidden", Target::Hidden),
    ("hidden by us", Target::HiddenByUs),
    ("without its stamp", Target::Bare),
    ("its stamp replaced", Target::Replaced),
    ("stamped by another installation", Target::Elsewhere),
    ("stamped for somebody else", Target::OtherSource),
    ("on-premises", Target::OnPremises),
    ("gone", Target::Gone),
    ("gone, another holds the address", Target::GoneAndHeld),
    ("not loaded", Target::Unread),
];

fn restamp(contact: &mut Recipient, change: impl FnOnce(&mut gal::Stamp)) {
    if let Mark::Stamp(stamp) = &mut contact.mark {
        change(stamp);
    }
}

/// A link with both halves, each as it is said.
fn case(person: &Recipient, phase: &Phase, provenance: Provenance, source: Source, target: Target) -> (World, Link) {
    let mut contact = copy_of(person, Side::B, 1);
    if provenance == Provenance::Found {
        "Her own name".clone_into(&mut contact.name);
        contact.mark = Mark::Stamp(stamp(person, Side::A, provenance, crate::pair::role_of(person)));
    }
    let link = link(person, Side::A, &contact, provenance, phase.clone());
    let mut person = person.clone();
    match source {
        Source::Wanted | Source::Unread => {}
        Source::Edited => set(&mut person, Field::Title, Some("Head")),
        Source::Moved => {
            let address = person.primary.as_deref().unwrap().replace("ann@", "ann.new@");
            if person.kind == Kind::Contact {
                set(&mut person, Field::ExternalEmailAddress, Some(&address));
            }
            person.addresses = vec![address.clone()];
            person.primary = Some(address);
        }
        Source::Hidden => person.hidden = true,
        Source::Gone => person.presence = Presence::Gone(ago(0)),
        Source::Incomplete => person.complete = false,
    }
    let address = contact.primary.clone().unwrap();
    match target {
        Target::Present | Target::Unread => {}
        Target::Edited => set(&mut contact, Field::Title, Some("Boss")),
        Target::Hidden => contact.hidden = true,
        Target::HiddenByUs => {
            contact.hidden = true;
            restamp(&mut contact, |stamp| stamp.staged = Some(ago(1)));
        }
        Target::Bare => contact.mark = Mark::None,
        Target::Replaced => contact.mark = Mark::Foreign("tool".to_owned()),
        Target::Elsewhere => restamp(&mut contact, |stamp| "there".clone_into(&mut stamp.installation)),
        Target::OtherSource => restamp(&mut contact, |stamp| stamp.anchor = crate::pair::anchor(Side::A, 9)),
        Target::OnPremises => contact.directory_synced = true,
        Target::Gone | Target::GoneAndHeld => contact.presence = Presence::Gone(ago(0)),
    }
    let people = if source == Source::Unread { vec![] } else { vec![person] };
    let mut contacts = if target == Target::Unread { vec![] } else { vec![contact] };
    if target == Target::GoneAndHeld {
        contacts.push(recipient(Side::B, 2, Kind::Contact, &address));
    }
    (world(people, contacts, vec![link.clone()]), link)
}

/// Whether a link can be so: what is being made was not found, what is being joined was; and a projection that was found is never
/// hidden for deletion, nor is a projection's source.
fn possible(person: &Recipient, phase: &Phase, provenance: Provenance) -> bool {
    let peer = person.kind == Kind::Contact;
    match phase {
        Phase::Creating { .. } => provenance == Provenance::Made,
        Phase::Joining => provenance == Provenance::Found,
        Phase::Staged { side, .. } => peer || provenance == Provenance::Made && *side == Side::B,
        Phase::Live | Phase::Kept | Phase::Suppressed { .. } => true,
    }
}

/// Every cell; `look` sees each plan with its world and link.
fn every_cell(person: &Recipient, asked: &Asked, mut look: impl FnMut(&str, &str, &Plan, &World, &Link)) {
    for (phase_name, phase) in phases() {
        for provenance in [Provenance::Made, Provenance::Found].into_iter().filter(|provenance| possible(person, &phase, *provenance)) {
            for (source_name, source) in SOURCES {
                for (target_name, target) in TARGETS {
                    let (world, link) = case(person, &phase, provenance, source, target);
                    let heading = format!("{phase_name} · {provenance} · source {source_name}");
                    look(&heading, target_name, &asked.plan(&world), &world, &link);
                }
            }
        }
    }
}

fn table(person: &Recipient, asked: &Asked) -> String {
    let mut table = Table::default();
    every_cell(person, asked, |heading, target, plan, world, link| {
        // Of the one whom it is about.
        let mut plan = plan.clone();
        plan.skipped.retain(|skipped| skipped.anchor == link.key.anchor);
        table.add(heading, target, &said(&plan, world));
    });
    table.text()
}

/// A mail contact of another company, which both sides keep.
fn partner() -> Recipient {
    let mut partner = recipient(Side::A, 1, Kind::Contact, "ann@partner.example");
    set(&mut partner, Field::Title, Some("Clerk"));
    partner
}

#[test]
fn the_life_of_a_projection() {
    matches("projection.txt", &table(&ann(), &Asked::default()));
}

#[test]
fn the_life_of_a_peer() {
    matches("peer.txt", &table(&partner(), &Asked::default()));
}

#[test]
fn the_life_of_a_peer_whose_deletion_counts() {
    let mut asked = Asked::default();
    asked.policy.peer_deletions = true;
    matches("peer_deletions.txt", &table(&partner(), &asked));
}

/// What was deleted there once, and made again, is not made a third time.
#[test]
fn deleted_again() {
    let mut told = String::new();
    for deletions in [0, 1, 2] {
        let (world, link) = case(&ann(), &Phase::Live, Provenance::Made, Source::Wanted, Target::Gone);
        let link = Link { deletions, ..link };
        let mut world = world;
        world.insert_link(link);
        told.push_str(&format!("deleted {} times\n", deletions + 1));
        tell(&mut told, &Asked::default().plan(&world), &world);
    }
    matches("deleted_again.txt", &told);
}

/// Law 2: what galbridge found is never hidden for deletion nor removed, whatever happens.
#[test]
fn a_found_contact_is_never_taken_away() {
    for person in [ann(), partner()] {
        every_cell(&person, &Asked::default(), |heading, target, plan, _, link| {
            if link.provenance != Provenance::Found || matches!(link.phase, Phase::Creating { .. } | Phase::Staged { .. }) {
                return;
            }
            let takes = plan.operations.iter().find(|operation| matches!(operation.action, Action::Stage | Action::Purge | Action::Remove));
            assert!(takes.is_none(), "{heading}, {target}: {takes:?}");
        });
    }
}

/// With `--take-over` a merge goes on with what another installation stamped.
#[test]
fn a_merge_takes_over_what_another_installation_stamped() {
    for (take_over, operations) in [(false, 0), (true, 1)] {
        let (world, _) = case(&ann(), &Phase::Live, Provenance::Made, Source::Wanted, Target::Elsewhere);
        let serve = Serve::Merge(MergeRules { mode: MergeMode::TwoWay, enforce: false, take_over });
        let plan = Asked { serve, ..Asked::default() }.plan(&world);
        assert_eq!(plan.operations.len(), operations, "{plan:?}");
    }
}

/// A merge never deletes; what would be taken away waits until it is done.
#[test]
fn a_merge_never_deletes() {
    let serve = Serve::Merge(MergeRules { mode: MergeMode::TwoWay, enforce: false, take_over: false });
    for (person, name) in [(ann(), "projection"), (partner(), "peer")] {
        for peer_deletions in [false, true] {
            let mut asked = Asked { serve, ..Asked::default() };
            asked.policy.peer_deletions = peer_deletions;
            let mut waits = 0;
            every_cell(&person, &asked, |heading, target, plan, _, _| {
                let deletes = |action| {
                    matches!(action, Action::Stage | Action::Purge | Action::Remove | Action::Release | Action::Abandon | Action::HandOver)
                };
                assert!(!plan.operations.iter().any(|operation| deletes(operation.action)), "{name}, {heading}, {target}: {plan:?}");
                waits += usize::from(plan.skipped.iter().any(|skipped| skipped.reason.code() == "merge-first"));
            });
            assert!(waits > 20, "{name}: only {waits} wait");
        }
    }
}

/// A side that `unpublish` closed is not written; the other one is.
#[test]
fn a_closed_side_is_not_written() {
    for person in [ann(), partner()] {
        for closed in Side::BOTH {
            let mut asked = Asked::default();
            *asked.closed.get_mut(closed) = true;
            let mut writes = 0;
            every_cell(&person, &asked, |heading, target, plan, _, _| {
                assert_eq!(plan.of_side(closed).count(), 0, "{heading}, {target}: {plan:?}");
                writes += plan.of_side(closed.other()).count();
            });
            assert!(closed == Side::B || writes > 0, "the other side is written");
        }
    }
}

/// Who is set aside waits for his time, unless he was read anew; whatever happened to him.
#[test]
fn a_quarantined_one_waits() {
    let again = |minutes| now() + SignedDuration::from_mins(minutes);
    for (retry_at, fresh, waits) in [(again(1), false, true), (again(1), true, false), (again(0), false, false)] {
        let (mut world, link) = case(&ann(), &Phase::Live, Provenance::Made, Source::Edited, Target::Present);
        let quarantine = Quarantine { reason: "the address is refused".to_owned(), attempts: 2, retry_at };
        world.insert_link(Link { quarantine: Some(quarantine), ..link.clone() });
        let focus = Focus::These([((Side::A, link.key.anchor), fresh)].into());
        let plan = Asked::default().focus(&world, &focus);
        assert_eq!(plan.operations.is_empty(), waits, "{plan:?}");
        if waits {
            let told = ["skip a Ann: in quarantine: the address is refused", "again a Retry(2026-01-15T08:01:00Z)"];
            assert_eq!(said(&plan, &world), told);
        }
    }
}

/// A domain that became authoritative in the target freezes the link, whatever happened to its halves.
#[test]
fn a_domain_of_the_target_freezes_the_link() {
    let mut asked = Asked::default();
    asked.tenants.b.authoritative_domains.insert("contoso.example".to_owned());
    every_cell(&ann(), &asked, |heading, target, plan, _, link| {
        assert!(plan.operations.is_empty(), "{heading}, {target}: {plan:?}");
        let yields = plan.skipped.iter().filter(|skipped| skipped.anchor == link.key.anchor).map(|skipped| skipped.reason.code());
        let suppressed = matches!(link.phase, Phase::Suppressed { .. });
        assert!(suppressed || yields.clone().any(|code| code == "must-yield"), "{heading}, {target}: {plan:?}");
    });
}

/// A contact of the profile has no tenant it can leave: it is listed, or it is not.
#[test]
fn a_static_contact_lives_like_any_other() {
    let mut table = Table::default();
    for (phase_name, phase) in phases().into_iter().filter(|(_, phase)| possible(&ann(), phase, Provenance::Made)) {
        for listed in [true, false] {
            for (target_name, target) in TARGETS {
                let person = partner();
                let (base, link) = case(&person, &phase, Provenance::Made, Source::Unread, target);
                let mut contact =
                    base.entry(Side::B, link.target.unwrap_or(crate::pair::anchor(Side::B, 1))).map(|entry| entry.recipient.clone());
                if let Some(Mark::Stamp(stamp)) = contact.as_mut().map(|contact| &mut contact.mark) {
                    "static".clone_into(&mut stamp.origin_tenant);
                    stamp.role = gal::Role::Projection;
                }
                let others = base.entries(Side::B).filter(|entry| Some(entry.recipient.anchor) != contact.as_ref().map(|one| one.anchor));
                let contacts = others.map(|entry| entry.recipient.clone()).chain(contact.clone()).collect();
                let key = gal::LinkKey { origin: gal::Origin::StaticB, anchor: person.anchor };
                let mut world = world(vec![], contacts, vec![Link { key, role: gal::Role::Projection, ..link }]);
                if listed {
                    world.insert_static(gal::Origin::StaticB, gal::Entry::new(person.clone()));
                }
                let heading = format!("{phase_name} · {}", if listed { "listed in the profile" } else { "no longer listed" });
                table.add(&heading, target_name, &said(&Asked::default().plan(&world), &world));
            }
        }
    }
    matches("static.txt", &table.text());
}

/// A contact that another pair took over has that one's stamp and Name; a stamp that somebody copied onto it comes without the Name.
#[test]
fn a_contact_that_another_pair_stamped() {
    let others = crate::pair::anchor(Side::A, 9);
    let named = gal::stamp::made_name(crate::pair::INSTALLATION, "third-id", others);
    let stamps = [
        ("taken over", None, false, named.as_str()),
        ("taken over, and hidden there", None, true, named.as_str()),
        ("taken over, and hidden for its deletion again", Some(ago(3)), true, named.as_str()),
        ("taken over, and renamed", None, false, "Somebody"),
        ("a copied stamp", None, false, ""),
        ("a copied stamp, hidden for its deletion", Some(ago(3)), true, ""),
    ];
    let mut table = Table::default();
    for person in [ann(), partner()] {
        for (phase_name, phase) in phases().into_iter().filter(|(_, phase)| possible(&person, phase, Provenance::Made)) {
            for (source_name, source) in SOURCES {
                for (name, staged, hidden, called) in stamps {
                    let (mut world, link) = case(&person, &phase, Provenance::Made, source, Target::Present);
                    let Some(anchor) = link.target else { continue };
                    let mut contact = world.entry(Side::B, anchor).unwrap().recipient.clone();
                    restamp(&mut contact, |stamp| {
                        "third-id".clone_into(&mut stamp.origin_tenant);
                        (stamp.anchor, stamp.staged) = (others, staged);
                    });
                    contact.hidden = hidden;
                    if !called.is_empty() {
                        called.clone_into(&mut contact.name);
                    }
                    world.insert(Side::B, gal::Entry::new(contact));
                    let heading = format!("{} · {phase_name} · {source_name}", crate::pair::role_of(&person));
                    table.add(&heading, name, &said(&Asked::default().plan(&world), &world));
                }
            }
        }
    }
    matches("owners.txt", &table.text());
}

/// Two pairs may hide one contact in the same moment: with the Name beside the stamp both say whose it is. The other half has a Name of
/// its own tenant's.
#[test]
fn a_hiding_says_whose_the_contact_is() {
    for (source, target, side) in [(Source::Gone, Target::Present, Side::B), (Source::Wanted, Target::Gone, Side::A)] {
        let (world, link) = case(&partner(), &Phase::Live, Provenance::Made, source, target);
        let mut asked = Asked::default();
        asked.policy.peer_deletions = true;
        let plan = asked.plan(&world);
        let [operation] = &plan.operations[..] else { panic!("{plan:?}") };
        let named = (side == Side::B).then_some(link.name);
        assert_eq!((operation.action, operation.side, &operation.extras.rename), (Action::Stage, side, &named));
    }
}

/// A creation that has not begun gives way to what another pair made for the address meanwhile.
#[test]
fn a_creation_that_another_pair_forestalled() {
    let mut table = Table::default();
    for (name, staged) in [("shown", None), ("hidden for its deletion", Some(ago(3)))] {
        for quarantined in [false, true] {
            let person = ann();
            let mut contact = copy_of(&person, Side::B, 1);
            let phase = Phase::Creating { step: Step::Intended };
            let mut link = link(&person, Side::A, &contact, Provenance::Made, phase);
            let retry_at = now() + SignedDuration::from_hours(4);
            link.quarantine = quarantined.then(|| Quarantine { reason: "the address is used".to_owned(), attempts: 2, retry_at });
            restamp(&mut contact, |stamp| {
                "third-id".clone_into(&mut stamp.origin_tenant);
                stamp.staged = staged;
            });
            contact.hidden = staged.is_some();
            contact.name = gal::stamp::made_name(crate::pair::INSTALLATION, "third-id", link.key.anchor);
            let world = world(vec![person], vec![contact], vec![link]);
            let foreseen = Asked::default().with(|context| gal::plan::foresee(context, &world, &Focus::Everything));
            table.add(name, if quarantined { "in quarantine" } else { "not tried yet" }, &said(&foreseen, &world));
        }
    }
    matches("forestalled.txt", &table.text());
}

/// What was claimed is nobody's word: it is shown with everything its source says, whatever stands there.
#[test]
fn a_contact_that_was_claimed() {
    let mut table = Table::default();
    for person in [ann(), partner()] {
        for (source_name, source) in SOURCES {
            for (name, values, hidden) in [
                ("as it was", [None, None], true),
                ("with another pair's values, and shown", [Some("Boss"), Some("private")], false),
                ("with nothing", [Some(""), None], true),
                ("once its own", [Some("Boss"), Some("private")], true),
            ] {
                let phase = Phase::Staged { since: ago(3), side: Side::B };
                let (mut world, link) = case(&person, &phase, Provenance::Made, source, Target::HiddenByUs);
                // After its own showing met another's write, it is remembered what stood there: fields that nobody maps are its
                // administrator's then.
                let bases = if name == "once its own" { (link.base_source.clone(), link.base_target.clone()) } else { Default::default() };
                let link = Link { claimed: true, base_source: bases.0, base_target: bases.1, ..link };
                let mut contact = world.entry(Side::B, link.target.unwrap()).unwrap().recipient.clone();
                contact.hidden = hidden;
                for (field, value) in [Field::Title, Field::Notes].into_iter().zip(values) {
                    if let Some(value) = value {
                        set(&mut contact, field, Some(value).filter(|value| !value.is_empty()));
                    }
                }
                world.insert(Side::B, gal::Entry::new(contact));
                world.insert_link(link);
                let plan = Asked::default().plan(&world);
                let heading = format!("{} · {source_name}", crate::pair::role_of(&person));
                table.add(&heading, name, &said(&plan, &world));
                assert!(plan.operations.iter().all(|operation| operation.side == Side::B), "its source is not written: {plan:?}");
            }
        }
    }
    matches("claims.txt", &table.text());
}
