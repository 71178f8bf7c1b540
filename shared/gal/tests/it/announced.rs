//! What was announced before it was written, and of which nobody knows whether it was done.

use gal::link::{Begun, BegunField, Suppression};
use gal::mapping::FieldMapping;
use gal::operation::LinkPatch;
use gal::recipient::Presence;
use gal::stamp::Mark;
use gal::{Base, Field, Kind, Link, Phase, Provenance, Recipient, Role, Side};

use crate::pair::{Asked, ago, anchor, ann, copy_of, link, now, recipient, set, world, writes};
use crate::twins::twins;

fn begun(over: Option<&str>, says: Option<&str>) -> Begun {
    let [over, says] = [over, says].map(|title| Base::print(Field::Title, title)).map(|print| (print, print));
    Begun { side: Side::B, at: now(), fields: vec![BegunField { field: Field::Title, over, says }] }
}

/// Once the announcement that it would be cleared was taken for done, because the field is in no copy any more, and it stood there for ever.
#[test]
fn what_is_shared_no_more_is_cleared_although_that_was_announced() {
    let mut asked = Asked::default();
    let off = [(Field::Title, FieldMapping::Off)].into();
    for side in Side::BOTH {
        asked.policy.publishing.get_mut(side).mapping = gal::mapping::Mapping::compile(&off).unwrap();
    }
    let (source, contact, mut link) = twins("Clerk", "Clerk", "Clerk");
    link.announce(begun(Some("Clerk"), None));
    let plan = asked.plan(&world(vec![source.clone()], vec![contact.clone()], vec![link.clone()]));
    let cleared: Vec<_> =
        plan.operations.iter().flat_map(|operation| &operation.changes).map(|change| (change.field, &change.after)).collect();
    assert_eq!(cleared, [(Field::Title, &None)]);
    let mut done = contact;
    set(&mut done, Field::Title, None);
    let plan = asked.plan(&world(vec![source], vec![done], vec![link]));
    assert!(plan.operations.is_empty() && plan.quiet.len() == 1, "and where it was done that is remembered");
}

/// Once it was remembered by the operation that came next only: when that one was refused, what stood there was nobody's.
#[test]
fn what_stands_there_is_remembered_also_before_the_next_write() {
    let (source, contact, mut link) = twins("Chief", "Agent", "Clerk");
    link.announce(begun(Some("Clerk"), Some("Agent")));
    let plan = Asked::default().plan(&world(vec![source], vec![contact], vec![link]));
    assert_eq!(writes(&plan, Field::Title), [(Side::B, Some("Chief"))]);
    let known = plan.quiet[0].patch.apply(&plan.quiet[0].link).unwrap();
    let agent = Base::print(Field::Title, Some("Agent"));
    assert_eq!((known.base_source.get(Field::Title), known.base_target.get(Field::Title)), (agent, agent));
}

/// Once the next announcement took the place of the one before, whose write the service did late: it counted as an administrator's edit.
#[test]
fn a_write_that_is_done_late_is_known_beside_the_next_one() {
    let (source, contact, mut link) = twins("Chief", "Agent", "Clerk");
    link.announce(begun(Some("Clerk"), Some("Agent")));
    link.announce(Begun { at: now() + jiff::SignedDuration::from_mins(10), ..begun(Some("Clerk"), Some("Chief")) });
    let plan = Asked::default().plan(&world(vec![source.clone()], vec![contact.clone()], vec![link.clone()]));
    assert_eq!(writes(&plan, Field::Title), [(Side::B, Some("Chief"))], "and not what was late over what is newer");
    // A refusal takes back what its own run announced.
    assert!(link.unannounce(Side::B, now() + jiff::SignedDuration::from_mins(10)));
    assert_eq!(link.begun, [begun(Some("Clerk"), Some("Agent"))]);
    // And what is older than any write can be is forgotten.
    link.announce(Begun { at: now() + jiff::SignedDuration::from_mins(40), ..begun(Some("Clerk"), Some("Chief")) });
    assert_eq!(link.begun.len(), 1);
}

/// Once what the other administrator set anew, as a lost answer had it half an hour before, was taken for ours and overwritten.
#[test]
fn what_was_known_to_be_done_is_an_edit_when_it_stands_there_again() {
    let (source, contact, mut link) = twins("Agent", "Agent", "Clerk");
    link.announce(begun(Some("Clerk"), Some("Agent")));
    let plan = Asked::default().plan(&world(vec![source], vec![contact], vec![link]));
    let [done] = &plan.quiet[..] else { panic!("{plan:?}") };
    let link = done.patch.apply(&done.link).unwrap();
    assert_eq!(link.begun, [], "it is remembered, and no more announced");
    // Both say Clerk again meanwhile; then the twin's administrator sets Agent himself.
    let clerk = Base::print(Field::Title, Some("Clerk"));
    let back = LinkPatch { base_source: vec![(Field::Title, clerk)], base_target: vec![(Field::Title, clerk)], ..LinkPatch::default() };
    let link = back.apply(&link).unwrap();
    let (source, contact, _) = twins("Clerk", "Agent", "Clerk");
    let plan = Asked::default().plan(&world(vec![source], vec![contact], vec![link]));
    assert_eq!(writes(&plan, Field::Title), [(Side::A, Some("Agent"))]);
}

/// Once a contradiction of two who are merged no more raised the alarm for ever.
#[test]
fn who_is_merged_no_more_contradicts_nobody() {
    let (source, contact, link) = twins("Chief", "Agent", "Clerk");
    let link = Link { conflicts: vec![Field::Title], provenance: Provenance::Found, ..link };
    let hidden = Recipient { hidden: true, ..source.clone() };
    let synced = Recipient { directory_synced: true, ..contact.clone() };
    let replaced = Recipient { mark: Mark::Foreign("another tool".to_owned()), ..contact.clone() };
    for (source, contact) in [(hidden, contact), (source.clone(), synced), (source, replaced)] {
        let plan = Asked::default().plan(&world(vec![source], vec![contact], vec![link.clone()]));
        let changes: Vec<_> = plan.quiet.iter().map(|change| &change.patch.conflicts).collect();
        assert_eq!((plan.operations.len(), changes), (0, vec![&Some(Vec::new())]), "{plan:?}");
    }
}

/// What an operation does not remember of a half stays as it was.
#[test]
fn an_announcement_keeps_the_base_that_is_not_written() {
    let (source, contact, link) = twins("Chief", "Clerk", "Clerk");
    let mut operation = Asked::default().plan(&world(vec![source], vec![contact], vec![link.clone()])).operations.remove(0);
    operation.patch.base_source.clear();
    let announced = Begun::of(&link, &operation, now()).unwrap();
    let print = |title| Base::print(Field::Title, Some(title));
    assert_eq!((announced.fields[0].over, announced.fields[0].says), ((print("Clerk"), print("Clerk")), (print("Clerk"), print("Chief"))));
}

/// Once a suppressed contact, whose source is mastered on-premises, was taken for the half of a shared one, and published again.
#[test]
fn a_suppression_outlives_whoever_holds_the_address_there() {
    let source = Recipient { directory_synced: true, ..recipient(Side::B, 1, Kind::Contact, "pat@partner.example") };
    let gone = Recipient { presence: Presence::Gone(ago(1)), ..copy_of(&source, Side::A, 7) };
    for role in [Role::Projection, Role::Peer] {
        let phase = Phase::Suppressed { reason: Suppression::DeletedTwice };
        let suppressed = Link { role, ..link(&source, Side::B, &gone, Provenance::Made, phase) };
        let own = recipient(Side::A, 9, Kind::Contact, "pat@partner.example");
        let plan = Asked::default().plan(&world(vec![own, gone.clone()], vec![source.clone()], vec![suppressed]));
        assert_eq!(plan.quiet.iter().filter(|change| change.patch.forget).count(), usize::from(role == Role::Peer), "{role:?}: {plan:?}");
    }
}

/// Once an account that was made again was published at once, although its contact had been given back for good.
#[test]
fn a_suppressed_contact_is_not_relinked_until_a_full_merge() {
    let before = Recipient { anchor: anchor(Side::A, 9), presence: Presence::Gone(ago(1)), ..ann() };
    let found = recipient(Side::B, 7, Kind::Contact, "ann@contoso.example");
    let asked = Asked { serve: gal::decide::Serve::LinkedOnly, ..Asked::default() };
    for (phase, relinked) in [(Phase::Live, 1), (Phase::Suppressed { reason: Suppression::Undone }, 0)] {
        let old = link(&before, Side::A, &found, Provenance::Found, phase);
        // The newcomer is met first: the one before him has not been looked at yet.
        let newcomer = gal::plan::Focus::These([((Side::A, ann().anchor), false)].into());
        let plan = asked.focus(&world(vec![ann(), before.clone()], vec![found.clone()], vec![old]), &newcomer);
        let relinks = plan.operations.iter().filter(|operation| operation.action == gal::operation::Action::Relink).count();
        assert_eq!(relinks, relinked, "{plan:?}");
    }
}

/// Once what was remembered beside the taking away spoke for the contact, and whoever followed was told that it is claimed by another.
#[test]
fn who_follows_gets_the_contact_although_an_answer_was_lost() {
    for role in [Role::Peer, Role::Projection] {
        let (source, contact, mut link) = twins("Clerk", "Agent", "Clerk");
        link.role = role;
        link.announce(begun(Some("Clerk"), Some("Agent")));
        let newcomer = Recipient { anchor: anchor(Side::A, 9), ..source.clone() };
        let gone = Recipient { presence: Presence::Gone(ago(1)), ..source };
        let plan = Asked::default().plan(&world(vec![gone, newcomer], vec![contact], vec![link]));
        let actions: Vec<_> = plan.operations.iter().map(|operation| operation.action.as_str()).collect();
        assert_eq!(actions, ["relink"], "{role:?}");
    }
}

/// What changed half an hour later is the other administrator's; and of what was read in part nothing is concluded.
#[test]
fn what_stands_there_later_or_in_part_is_not_taken_for_ours() {
    let (source, contact, mut link) = twins("Clerk", "Agent", "Clerk");
    link.announce(begun(Some("Clerk"), Some("Agent")));
    let in_time = Recipient { when_changed: Some(now() + gal::link::BEGUN_COUNTS), ..contact.clone() };
    let later = Recipient { when_changed: Some(now() + gal::link::BEGUN_COUNTS + jiff::SignedDuration::from_secs(1)), ..contact.clone() };
    let in_part = Recipient { complete: false, ..contact };
    for (name, contact, flows, remembers) in
        [("in time", in_time, false, true), ("later", later, true, false), ("in part", in_part, false, false)]
    {
        let plan = Asked::default().plan(&world(vec![source.clone()], vec![contact], vec![link.clone()]));
        let into_source = plan.operations.iter().any(|operation| operation.side == Side::A);
        assert_eq!((into_source, !plan.quiet.is_empty()), (flows, remembers), "{name}: {plan:?}");
    }
}

/// Where mail goes to is what a shared contact says: its primary address may be one of its own domain's.
#[test]
fn an_address_that_was_announced_is_known_by_where_its_mail_goes() {
    let (mut source, mut contact, mut link) = twins("Clerk", "Clerk", "Clerk");
    let [second, third] = ["pat@second.example", "pat@third.example"];
    let field = Field::ExternalEmailAddress;
    set(&mut source, field, Some(third));
    set(&mut contact, field, Some(second));
    let [over, says] = [Some("pat@partner.example"), Some(second)].map(|address| Base::print(field, address)).map(|print| (print, print));
    link.announce(Begun { side: Side::B, at: now(), fields: vec![BegunField { field, over, says }] });
    let plan = Asked::default().plan(&world(vec![source], vec![contact], vec![link]));
    assert_eq!(writes(&plan, field), [(Side::B, Some(third))], "{plan:?}");
}
