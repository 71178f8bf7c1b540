//! "Who is a source" and "What stands on the other side" of SEMANTICS.md, a case for each row.

use gal::decide::{MergeRules, Serve};
use gal::policy::{Direction, GuestPolicy, MergeMode, RelayPolicy};
use gal::scope::{ForeignMark, MarkPlace, Scope, ScopeSettings};
use gal::stamp::{Mark, made_name};
use gal::{Entry, Field, Kind, Phase, Provenance, Recipient, Role, Side};
use jiff::Timestamp;

use crate::pair::{Asked, INSTALLATION, ago, anchor, ann, copy_of, link, policy, recipient, said, set, stamp, tenant, world};
use crate::written::{Table, matches};

const MODES: [(&str, MergeMode); 4] =
    [("two-way", MergeMode::TwoWay), ("a-to-b", MergeMode::AToB), ("b-to-a", MergeMode::BToA), ("link-only", MergeMode::LinkOnly)];

pub(crate) fn merge(mode: MergeMode, enforce: bool, take_over: bool) -> Serve {
    Serve::Merge(MergeRules { mode, enforce, take_over })
}

/// A contact that somebody made for Ann's address.
pub(crate) fn holder(kind: Kind) -> Recipient {
    let mut holder = recipient(Side::B, 7, kind, "ann@contoso.example");
    set(&mut holder, Field::DisplayName, Some("Ann at Contoso"));
    set(&mut holder, Field::City, Some("Bern"));
    holder
}

/// Somebody else there, who holds none of her addresses.
fn elsewhere(kind: Kind) -> Recipient {
    let mut other = recipient(Side::B, 7, kind, "zed@supplier.example");
    set(&mut other, Field::DisplayName, Some("Supplier Zed"));
    other
}

pub(crate) fn stamped(mut of: Recipient, change: impl FnOnce(&mut gal::Stamp)) -> Recipient {
    let mut mark = stamp(&ann(), Side::A, Provenance::Made, Role::Projection);
    change(&mut mark);
    of.mark = Mark::Stamp(mark);
    of
}

/// What another pair made for the same address, and has hidden for its deletion.
fn handed_on(change: impl FnOnce(&mut Recipient, &mut gal::Stamp)) -> Recipient {
    let mut one = Recipient { hidden: true, name: String::new(), ..holder(Kind::Contact) };
    let mut mark = gal::Stamp { staged: Some(ago(3)), ..stamp(&ann(), Side::A, Provenance::Made, Role::Peer) };
    "third-id".clone_into(&mut mark.origin_tenant);
    mark.anchor = anchor(Side::A, 9);
    change(&mut one, &mut mark);
    if one.name.is_empty() {
        one.name = made_name(&mark.installation, &mark.origin_tenant, mark.anchor);
    }
    one.mark = Mark::Stamp(mark);
    one
}

/// What stands there, by name, and how Ann's side looks beside Ann.
fn holders() -> Vec<(&'static str, Vec<Recipient>)> {
    let contact = || holder(Kind::Contact);
    let changed = |change: fn(&mut Recipient)| {
        let mut one = contact();
        change(&mut one);
        vec![one]
    };
    let mut others = vec![
        ("nothing", vec![]),
        ("the contact with her stamp", vec![stamped(contact(), |_| {})]),
        ("the contact with her stamp, staged", vec![stamped(Recipient { hidden: true, ..contact() }, |stamp| stamp.staged = Some(ago(3)))]),
        ("the contact with her stamp, found", vec![stamped(contact(), |stamp| stamp.provenance = Provenance::Found)]),
        ("the contact with her stamp, hidden", vec![stamped(Recipient { hidden: true, ..contact() }, |_| {})]),
        ("two with her stamp", vec![stamped(contact(), |_| {}), Recipient { anchor: anchor(Side::B, 8), ..stamped(contact(), |_| {}) }]),
        ("the Name computed for her", changed(|one| one.name = made_name(INSTALLATION, &tenant(Side::A).tenant_id, ann().anchor))),
        ("the Name computed for her, and another tool's mark", {
            let name = made_name(INSTALLATION, &tenant(Side::A).tenant_id, ann().anchor);
            vec![Recipient { name, mark: Mark::Foreign("tool".to_owned()), ..contact() }]
        }),
        ("a contact", vec![contact()]),
        ("a hidden contact", vec![Recipient { hidden: true, ..contact() }]),
        (
            "a contact that holds her second address",
            changed(|one| {
                one.addresses = vec!["a.second@contoso.example".to_owned()];
                one.primary = one.addresses.first().cloned();
            }),
        ),
        ("a contact for another anchor that is gone", {
            let mut made = stamped(contact(), |stamp| stamp.anchor = anchor(Side::A, 9));
            made.name = made_name(INSTALLATION, &tenant(Side::A).tenant_id, anchor(Side::A, 9));
            vec![made]
        }),
        ("a contact with a copy of the stamp of another that is gone", vec![stamped(contact(), |stamp| stamp.anchor = anchor(Side::A, 9))]),
        ("a copy of her stamp on a contact of somebody else", vec![stamped(elsewhere(Kind::Contact), |_| {})]),
        (
            "a copy of her stamp on a contact of somebody else, found",
            vec![stamped(elsewhere(Kind::Contact), |stamp| stamp.provenance = Provenance::Found)],
        ),
        ("a copy of her stamp on a mailbox", vec![stamped(elsewhere(Kind::User), |_| {})]),
        ("her stamp, and a copy of it on a contact of somebody else", {
            let mut made = stamped(contact(), |_| {});
            made.name = made_name(INSTALLATION, &tenant(Side::A).tenant_id, ann().anchor);
            vec![made, Recipient { anchor: anchor(Side::B, 8), ..stamped(elsewhere(Kind::Contact), |_| {}) }]
        }),
        ("a contact for Bea, who is there", vec![stamped(contact(), |stamp| stamp.anchor = anchor(Side::A, 2))]),
        ("a contact from another tenant", vec![stamped(contact(), |stamp| "third-id".clone_into(&mut stamp.origin_tenant))]),
        ("a contact from another tenant, waiting for its deletion", vec![handed_on(|_, _| {})]),
        ("… that its administrator shows again", vec![handed_on(|one, _| one.hidden = false)]),
        ("… that was found there", vec![handed_on(|_, stamp| stamp.provenance = Provenance::Found)]),
        ("… of another installation", vec![handed_on(|_, stamp| "there".clone_into(&mut stamp.installation))]),
        ("… with no Name of galbridge's: a copy of a stamp", vec![handed_on(|one, _| "somebody".clone_into(&mut one.name))]),
        ("a static contact, waiting for its deletion", vec![handed_on(|_, stamp| "static".clone_into(&mut stamp.origin_tenant))]),
        ("a contact of another installation", vec![stamped(contact(), |stamp| "there".clone_into(&mut stamp.installation))]),
        (
            "another installation's for another anchor",
            vec![stamped(contact(), |stamp| {
                "there".clone_into(&mut stamp.installation);
                stamp.anchor = anchor(Side::A, 9);
            })],
        ),
        ("a contact with another tool's mark", changed(|one| one.mark = Mark::Foreign("tool".to_owned()))),
        ("a contact with a Name of galbridge's", changed(|one| "galbridge-somebody".clone_into(&mut one.name))),
        ("a contact mastered on-premises", changed(|one| one.directory_synced = true)),
        ("two contacts", vec![contact(), Recipient { anchor: anchor(Side::B, 8), ..contact() }]),
        ("a contact and a guest", vec![contact(), Recipient { anchor: anchor(Side::B, 8), ..holder(Kind::Guest) }]),
        ("a guest mastered on-premises", vec![Recipient { directory_synced: true, ..holder(Kind::Guest) }]),
    ];
    let kinds = [
        ("a guest", Kind::Guest),
        ("a user", Kind::User),
        ("a shared mailbox", Kind::Shared),
        ("a room", Kind::Room),
        ("equipment", Kind::Equipment),
        ("a mail user", Kind::MailUser),
        ("a distribution group", Kind::DistributionGroup),
        ("a Microsoft 365 group", Kind::Microsoft365Group),
        ("something else", Kind::Other),
    ];
    others.extend(kinds.map(|(name, kind)| (name, vec![holder(kind)])));
    others
}

/// Ann with a second address, and Bea beside her.
fn people() -> Vec<Recipient> {
    let mut ann = ann();
    ann.addresses.push("a.second@contoso.example".to_owned());
    vec![ann, Recipient { hidden: true, ..recipient(Side::A, 2, Kind::User, "bea@contoso.example") }]
}

#[test]
fn what_stands_on_the_other_side() {
    let mut asked: Vec<(String, Asked)> = vec![("a cycle".to_owned(), Asked::default())];
    asked.push(("a cycle after a pilot".to_owned(), Asked { serve: Serve::LinkedOnly, ..Asked::default() }));
    asked.extend(MODES.map(|(name, mode)| (format!("merge, {name}"), Asked { serve: merge(mode, false, false), ..Asked::default() })));
    asked.push(("merge, --enforce".to_owned(), Asked { serve: merge(MergeMode::TwoWay, true, false), ..Asked::default() }));
    asked.push(("merge, --take-over".to_owned(), Asked { serve: merge(MergeMode::TwoWay, false, true), ..Asked::default() }));
    let mut guests = Asked::default();
    guests.policy.publishing.a.guests = GuestPolicy::AdoptGuest;
    asked.push(("guests = \"adopt-guest\"".to_owned(), guests));
    let mut marks = Asked::default();
    let mark = ForeignMark { place: MarkPlace::Field(Field::City), matches: "^bern$".to_owned() };
    let kinds = vec![Kind::User, Kind::Contact];
    let settings = ScopeSettings { kinds, foreign_marks: vec![mark], ..ScopeSettings::default() };
    marks.policy.publishing.a.scope = Scope::compile(settings).unwrap();
    asked.push(("foreign_marks has the contact's city".to_owned(), marks));
    let mut table = Table::default();
    for (name, contacts) in holders() {
        for (how, asked) in &asked {
            let world = world(people(), contacts.clone(), vec![]);
            let mut plan = asked.plan(&world);
            plan.skipped.retain(|skipped| skipped.side == Side::A && skipped.title == "Ann" && skipped.anchor == ann().anchor);
            table.add(name, how, &said(&plan, &world));
        }
    }
    matches("holders.txt", &table.text());
}

/// What a guest is found by, and whom it reports to, is its own tenant's word.
#[test]
fn a_guest_keeps_its_manager_and_its_address() {
    let boss = Recipient { name: "Boss".to_owned(), ..recipient(Side::A, 2, Kind::User, "boss@contoso.example") };
    let bosses = copy_of(&boss, Side::B, 2);
    let bosses_link = link(&boss, Side::A, &bosses, Provenance::Made, Phase::Live);
    let mut other_address = holder(Kind::Guest);
    other_address.primary = Some("ann.old@contoso.example".to_owned());
    let managed = Recipient { manager_name: Some("boss".to_owned()), ..ann() };
    let world = world(vec![managed, boss], vec![other_address, bosses], vec![bosses_link]);
    let mut asked = Asked::default();
    asked.policy.publishing.a.guests = GuestPolicy::AdoptGuest;
    let plan = asked.plan(&world);
    let changes = |operation: &gal::operation::Operation| operation.changes.iter().map(|change| change.field).collect::<Vec<_>>();
    let adopted: Vec<_> = plan.operations.iter().map(|operation| (operation.action.to_string(), changes(operation))).collect();
    assert_eq!(adopted, [("adopt-guest".to_owned(), vec![Field::Title])]);
}

/// Two contacts of another company, one on each side.
#[test]
fn two_contacts_become_peers() {
    let half = |side, number| {
        let mut half = recipient(side, number, Kind::Contact, "ann@partner.example");
        set(&mut half, if side == Side::A { Field::Title } else { Field::City }, Some("own"));
        set(&mut half, Field::Company, Some(if side == Side::A { "A Ltd" } else { "B Ltd" }));
        half.when_changed = Some(ago(if side == Side::A { 1 } else { 2 }));
        half.manager_name = Some(format!("boss of {side}"));
        half
    };
    let mut table = Table::default();
    for (policy_name, conflicts) in [
        ("hold", gal::policy::ConflictPolicy::Hold),
        ("newest", gal::policy::ConflictPolicy::Newest),
        ("a", gal::policy::ConflictPolicy::A),
        ("b", gal::policy::ConflictPolicy::B),
    ] {
        for (direction_name, direction) in [("two-way", Direction::TwoWay), ("a-to-b", Direction::AToB), ("b-to-a", Direction::BToA)] {
            for (mode_name, mode) in MODES {
                let mut asked = Asked { serve: merge(mode, false, false), ..Asked::default() };
                asked.policy.conflicts = conflicts;
                asked.policy.direction = direction;
                let world = world(vec![half(Side::A, 1)], vec![half(Side::B, 1)], vec![]);
                let heading = format!("conflicts {policy_name}, direction {direction_name}");
                table.add(&heading, mode_name, &said(&asked.plan(&world), &world));
            }
        }
    }
    // The first one's side was closed by `unpublish`: it is read, and not written.
    let mut closed = Asked::default();
    closed.closed.a = true;
    let both = world(vec![half(Side::A, 1)], vec![half(Side::B, 1)], vec![]);
    table.add("the first one's side is closed", "a cycle", &said(&closed.plan(&both), &both));
    // One is mastered on-premises: it is read, and never written.
    let synced = Recipient { directory_synced: true, ..half(Side::A, 1) };
    let world = world(vec![synced], vec![half(Side::B, 1)], vec![]);
    table.add("one is mastered on-premises", "a cycle", &said(&Asked::default().plan(&world), &world));
    matches("peers_join.txt", &table.text());
}

/// When a change time says nothing: it may be our own write's.
#[test]
fn the_newest_edit_is_believed_where_it_cannot_be_ours() {
    let at = |seconds: i64| Timestamp::from_second(1_768_000_000 + seconds).unwrap();
    let cases = [
        (Some(at(10)), None, Some(at(20)), None, "the later one wins"),
        (Some(at(20)), None, Some(at(10)), None, "the later one wins"),
        (Some(at(10)), None, Some(at(10)), None, "equal"),
        (None, None, Some(at(10)), None, "not known"),
        (Some(at(300)), Some(at(0)), Some(at(10)), None, "five minutes after our write: perhaps ours"),
        (Some(at(301)), Some(at(0)), Some(at(10)), None, "later than that: an edit"),
    ];
    let mut table = Table::default();
    for (changed_a, written_a, changed_b, written_b, name) in cases {
        let person = recipient(Side::A, 1, Kind::Contact, "ann@partner.example");
        let contact = copy_of(&person, Side::B, 1);
        let link = link(&person, Side::A, &contact, Provenance::Made, Phase::Live);
        let mut world = world(vec![], vec![], vec![link]);
        let edited = |mut one: Recipient, value, changed| {
            set(&mut one, Field::Title, Some(value));
            Recipient { when_changed: changed, ..one }
        };
        world.insert(Side::A, Entry { written_at: written_a, ..Entry::new(edited(person, "of a", changed_a)) });
        world.insert(Side::B, Entry { written_at: written_b, ..Entry::new(edited(contact, "of b", changed_b)) });
        let mut asked = Asked::default();
        asked.policy.conflicts = gal::policy::ConflictPolicy::Newest;
        let case = format!(
            "a {:?} {:?}, b {:?} {:?}",
            changed_a.map(seconds),
            written_a.map(seconds),
            changed_b.map(seconds),
            written_b.map(seconds)
        );
        table.add(name, &case, &said(&asked.plan(&world), &world));
    }
    matches("newest.txt", &table.text());
}

fn seconds(at: Timestamp) -> i64 {
    at.as_second() - 1_768_000_000
}

/// Domains of the target, the direction, stand-ins.
#[test]
fn who_may_be_published_there() {
    let at = |address: &str, kind| recipient(Side::A, 1, kind, address);
    let cases = [
        ("her own domain", at("ann@contoso.example", Kind::User)),
        ("a domain of the target", at("ann@fabrikam.example", Kind::User)),
        ("a domain that the target relays", at("ann@relay.fabrikam.example", Kind::User)),
        ("no domain at all", at("ann", Kind::User)),
        ("a contact of another company", at("ann@partner.example", Kind::Contact)),
        ("a contact for a person of her own tenant", at("ann@contoso.example", Kind::Contact)),
        ("a contact for a person of the target", at("ann@fabrikam.example", Kind::Contact)),
        ("a contact in a relayed domain", at("ann@relay.contoso.example", Kind::Contact)),
    ];
    let mut relays = policy();
    relays.publishing.a.internal_relay = RelayPolicy::Publish;
    let mut one_way = policy();
    one_way.direction = Direction::BToA;
    let mut from_a = policy();
    from_a.direction = Direction::AToB;
    let mut table = Table::default();
    for (name, person) in cases {
        for (how, policy) in [
            ("two-way", policy()),
            ("internal_relay = \"publish\"", relays.clone()),
            ("b-to-a", one_way.clone()),
            ("a-to-b", from_a.clone()),
        ] {
            let world = world(vec![person.clone()], vec![], vec![]);
            table.add(name, how, &said(&Asked { policy, ..Asked::default() }.plan(&world), &world));
        }
    }
    matches("admitted.txt", &table.text());
}
