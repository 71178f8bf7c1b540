//! What an operator asks for: pilots and the modes of a merge, approvals, make-way, unpublish, take-over.

use std::time::Duration;

use engine::EngineError;
use engine::act::{Action, Answer};
use engine::operate::Leave;
use engine::records::{MergeOptions, Outcome, RunKind};
use engine::snapshot::SnapshotOptions;
use gal::policy::MergeMode;
use gal::{Anchor, Side};
use rig::people::{contact, contact_at, delete, find, names, property, update, user};
use rig::{Rig, RigOptions};
use serde_json::{Value, json};
use state::testing::Fault;
use uuid::Uuid;

const PAIR: &str = "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n";

async fn rig_of(profile: &str, contoso: Vec<Value>, fabrikam: Vec<Value>) -> (Rig, Vec<Uuid>, Vec<Uuid>) {
    let rig = Rig::new(RigOptions { profile: format!("{PAIR}{profile}"), ..RigOptions::default() }).await;
    let a = rig.apply("contoso", Value::Array(contoso)).into_iter().flatten().collect();
    let b = rig.apply("fabrikam", Value::Array(fabrikam)).into_iter().flatten().collect();
    (rig, a, b)
}

fn people(tenant: &str, count: usize) -> Vec<Value> {
    (0..count).map(|number| user(tenant, &format!("Person{number:02}"))).collect()
}

fn options(mode: MergeMode) -> MergeOptions {
    MergeOptions::of(mode)
}

#[tokio::test(start_paused = true)]
async fn a_pilot_shows_something_in_both_lists() {
    let (rig, _, _) = rig_of("", people("contoso", 6), people("fabrikam", 6)).await;
    rig.merge_with(MergeOptions { limit: Some(4), ..options(MergeMode::TwoWay) }).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!((rig.gal("contoso").len(), rig.gal("fabrikam").len()), (6 + 2, 6 + 2));
}

/// An adoption's plan once named the source alone, and not what it would leave as it is.
#[tokio::test(start_paused = true)]
async fn the_plan_of_an_adoption_names_the_contact_and_what_stays() {
    let mut found = contact_at("Boss (old)", "boss@contoso.example", "Head");
    found["set"]["Name"] = json!("Boss of old");
    let (rig, _, _) = rig_of("", vec![user("contoso", "Boss")], vec![found]).await;
    rig.snapshot(true).await.unwrap();
    let action = Action::Plan { merge: Some(options(MergeMode::TwoWay)), stored: true };
    let Answer::Plan(plan) = rig.engine.act(&rig.pair(), action, rig.deadline()).await.unwrap() else { panic!("no plan") };
    let adoption = plan.operations.iter().find(|operation| operation.operation == "adopt").unwrap();
    assert_eq!(adoption.contact.as_deref(), Some("Boss of old"));
    let kept: Vec<_> = adoption.kept.iter().map(|kept| (kept.property.as_str(), kept.before.as_deref(), kept.after.as_deref())).collect();
    assert!(kept.contains(&("Title", Some("Head"), Some("Engineer"))), "{kept:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_pilot_only_linked_recipients_are_served_until_a_full_merge() {
    let (rig, a, _) = rig_of("", people("contoso", 6), vec![]).await;
    rig.merge_with(MergeOptions { limit: Some(2), ..options(MergeMode::TwoWay) }).await.unwrap();
    rig.settle(4).await.unwrap();
    let pilot = names(&rig.gal("fabrikam"));
    assert_eq!(pilot.len(), 2, "{pilot:?}");
    let everybody: Vec<Value> =
        a.iter().flat_map(|anchor| update(*anchor, json!({"Title": "Pilot"})).as_array().cloned().unwrap()).collect();
    rig.apply("contoso", Value::Array(everybody));
    rig.apply("contoso", json!([user("contoso", "Newcomer")]));
    rig.settle(4).await.unwrap();
    let gal = rig.gal("fabrikam");
    assert_eq!(names(&gal), pilot, "nobody new");
    assert!(gal.iter().all(|entry| property(entry, "Title") == "Pilot"), "the linked ones are kept in step");
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_pilot_takes_the_members_of_a_group() {
    let (rig, a, _) = rig_of("", people("contoso", 4), vec![]).await;
    let group =
        rig.apply("contoso", json!([{"op": "create", "kind": "security-group", "set": {"DisplayName": "Pilot"}, "members": [a[1], a[3]]}]));
    let group = group[0].expect("a group");
    rig.merge_with(MergeOptions { group: Some(Anchor(group)), ..options(MergeMode::TwoWay) }).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Person01", "Person03"]);
    let nobody = rig.merge_with(MergeOptions { group: Some(Anchor(Uuid::max())), ..options(MergeMode::TwoWay) }).await;
    assert!(matches!(nobody, Err(EngineError::Refused(_))), "{nobody:?}");
}

#[tokio::test(start_paused = true)]
async fn the_modes_of_a_merge() {
    // Ann is in both lists with another title and a blank, Pat is a peer that differs, Ben and Bob are missing across.
    let sides = || {
        let ann = json!({"op": "create", "kind": "contact", "set": {"DisplayName": "Ann", "ExternalEmailAddress": "ann@contoso.example", "Title": "Old", "City": "Bern"}});
        (
            vec![user("contoso", "Ann"), user("contoso", "Ben"), contact("Pat", "Here")],
            vec![ann, user("fabrikam", "Bob"), contact("Pat", "There")],
        )
    };
    // mode, enforce: who is in fabrikam, who is in contoso, Ann's title there, Pat's title on both sides
    let table = [
        (MergeMode::TwoWay, false, 4, 4, "Old", ("Here", "There")),
        (MergeMode::TwoWay, true, 4, 4, "Engineer", ("Here", "There")),
        (MergeMode::AToB, false, 4, 3, "Engineer", ("Here", "Here")),
        (MergeMode::BToA, false, 3, 4, "Old", ("There", "There")),
        (MergeMode::LinkOnly, false, 3, 3, "Old", ("Here", "There")),
    ];
    for (mode, enforce, in_fabrikam, in_contoso, title, pats) in table {
        let (contoso, fabrikam) = sides();
        let (rig, a, _) = rig_of("", contoso, fabrikam).await;
        rig.merge_with(MergeOptions { enforce, ..options(mode) }).await.unwrap();
        let (here, there) = (rig.gal("contoso"), rig.gal("fabrikam"));
        let case = format!("{mode:?} enforce {enforce}");
        assert_eq!((there.len(), here.len()), (in_fabrikam, in_contoso), "{case}");
        let ann = find(&there, "Ann").expect("there");
        // What the owner does not say is cleared by nothing but --enforce.
        assert_eq!((property(ann, "Title"), property(ann, "City")), (title.into(), if enforce { "" } else { "Bern" }.into()), "{case}");
        let pat = |gal| property(find(gal, "Pat").expect("there"), "Title");
        assert_eq!((pat(&here), pat(&there)), (pats.0.to_owned(), pats.1.to_owned()), "{case}");
        let first_name = property(find(&there, "Ann").unwrap(), "FirstName");
        assert_eq!(first_name, if matches!(mode, MergeMode::TwoWay | MergeMode::AToB) { "Ann" } else { "" }, "blanks, {case}");
        // Whatever the mode was, it goes on from here.
        rig.apply("contoso", update(a[0], json!({"Title": "Director"})));
        rig.settle(4).await.unwrap();
        assert_eq!(property(find(&rig.gal("fabrikam"), "Ann").unwrap(), "Title"), "Director", "{case}");
        // After a full merge everybody is served, also whom it made nobody of. (Once nobody looked at them.)
        let full = if mode == MergeMode::LinkOnly { (3, 3) } else { (4, 4) };
        assert_eq!((rig.gal("fabrikam").len(), rig.gal("contoso").len()), full, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_installations_contacts_are_foreign_until_they_are_taken_over() {
    let (mut rig, a, _) = rig_of("", people("contoso", 2), vec![]).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    let before: Vec<Uuid> = rig.gal("fabrikam").iter().map(|entry| entry.anchor).collect();
    rig.lose_state().await;
    rig.engine.installation = "successor".to_owned();
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.apply("contoso", update(a[0], json!({"Title": "Director"})));
    rig.settle(4).await.unwrap();
    assert_eq!(property(find(&rig.gal("fabrikam"), "Person00").unwrap(), "Title"), "Engineer", "not ours");
    let explained = rig.engine.explain(&rig.pair(), "person00@contoso.example").await.unwrap();
    assert!(explained.iter().any(|one| one.code.as_deref() == Some("other-installation")), "{explained:#?}");
    rig.merge_with(MergeOptions { take_over: true, ..options(MergeMode::TwoWay) }).await.unwrap();
    rig.settle(4).await.unwrap();
    let gal = rig.gal("fabrikam");
    assert_eq!(property(find(&gal, "Person00").unwrap(), "Title"), "Director");
    assert_eq!(gal.iter().map(|entry| entry.anchor).collect::<Vec<_>>(), before, "the same contacts");
    assert!(gal.iter().all(|entry| property(entry, "CustomAttribute15").contains("successor")));
}

#[tokio::test(start_paused = true)]
async fn dynamic_groups_that_take_contacts_in_must_be_known_before_the_first_merge() {
    let group = json!({"op": "create", "kind": "dynamic-distribution-group", "set": {"DisplayName": "Everybody", "PrimarySmtpAddress": "everybody@fabrikam.example"}});
    let (rig, _, _) = rig_of("", people("contoso", 1), vec![group]).await;
    let refused = rig.merge_with(options(MergeMode::TwoWay)).await;
    assert!(matches!(&refused, Err(EngineError::DynamicGroups { groups, .. }) if groups.contains("Everybody")), "{refused:?}");
    assert!(find(&rig.gal("fabrikam"), "Person00").is_none(), "nothing was written");
    rig.merge_with(MergeOptions { accept_dynamic_groups: true, ..options(MergeMode::TwoWay) }).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Person00").is_some());
}

#[tokio::test(start_paused = true)]
async fn after_an_approval_the_rest_is_judged_alone() {
    let (rig, a, _) = rig_of("guard = { max_deletions = 5 }\n", people("contoso", 40), vec![]).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    // A third of the source leaves: more than max_deletions, and more than max_source_shrink.
    rig.apply("contoso", delete(&a[..13]));
    rig.settle(3).await.unwrap();
    let hold = rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.expect("a hold");
    assert_eq!(hold.reasons.len(), 3, "{:?}", hold.reasons);
    rig.engine.approve(&rig.pair(), &hold.checksum.expect("it can be approved")).await.unwrap();
    rig.settle(3).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 27);
    rig.apply("contoso", json!([user("contoso", "Newcomer")]));
    rig.apply("contoso", delete(&a[13..14]));
    rig.settle(3).await.unwrap();
    let gal = rig.gal("fabrikam");
    assert!(find(&gal, "Newcomer").is_some() && gal.len() == 27, "nobody asks again: {:?}", names(&gal));
    rig.apply("contoso", delete(&a[14..26]));
    rig.settle(3).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 27, "what was not approved is held");
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_reading_cannot_be_approved_and_hides_no_approval_of_the_other_side() {
    let group = json!({"op": "create", "kind": "distribution-group", "set": {"DisplayName": "Scope", "PrimarySmtpAddress": "scope@contoso.example"}});
    let (mut rig, a, _) = rig_of("guard = { max_deletions = 1 }\n", [people("contoso", 3), vec![group]].concat(), vec![]).await;
    let b: Vec<Uuid> = rig
        .apply("fabrikam", json!([user("fabrikam", "Bob"), user("fabrikam", "Bea"), user("fabrikam", "Ben")]))
        .into_iter()
        .flatten()
        .collect();
    for member in &a[..3] {
        rig.apply("contoso", json!([{"op": "add-member", "anchor": a[3], "member": member}]));
    }
    rig.reprofile(&format!(
        "{PAIR}guard = {{ max_deletions = 1 }}\n[pairs.a_to_b.scope]\nkinds = [\"user\"]\ninclude_groups = [\"{}\"]\n",
        a[3]
    ));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    // contoso's scope group is gone, and somebody of contoso left; fabrikam loses two, which can be approved.
    rig.apply("contoso", delete(&[a[3], a[0]]));
    rig.apply("fabrikam", delete(&b[..2]));
    rig.settle(3).await.unwrap();
    let holds = rig.engine.state(&rig.pair()).await.unwrap().writing.holds;
    assert!(holds.b.as_ref().is_some_and(|hold| hold.checksum.is_none()), "{holds:?}");
    let checksum = holds.a.and_then(|hold| hold.checksum).expect("side a can be approved");
    assert!(matches!(rig.engine.approve(&rig.pair(), "000000000000").await, Err(EngineError::CannotApprove { side: Side::B, .. })));
    assert_eq!(rig.engine.approve(&rig.pair(), &checksum).await.unwrap(), 2);
    rig.settle(3).await.unwrap();
    assert_eq!(names(&rig.gal("contoso")), ["Ben", "Person01", "Person02"]);
    assert_eq!(rig.gal("fabrikam").len(), 4, "Ben, and all three who were published");
}

#[tokio::test(start_paused = true)]
async fn make_way_tells_what_the_successor_needs() {
    let (rig, _, _) = rig_of("", vec![user("contoso", "Ann")], vec![]).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    let published = find(&rig.gal("fabrikam"), "Ann").expect("published").anchor;
    let groups = json!([
        {"op": "create", "kind": "distribution-group", "set": {"DisplayName": "Skiing"}, "members": [published]},
        {"op": "create", "kind": "distribution-group", "set": {"DisplayName": "Board"}, "members": [published]}
    ]);
    rig.apply("fabrikam", groups);
    rig.advance(Duration::from_secs(120)).await;
    let told = rig.engine.make_way(&rig.pair(), "Ann@Contoso.example", rig.deadline()).await.unwrap();
    assert_eq!(told[0].groups, ["Board", "Skiing"]);
    assert!(told[0].left.is_none() && !told[0].x500.is_empty(), "{told:?}");
    assert!(find(&rig.gal_with_hidden("fabrikam"), "Ann").is_none());
    assert!(rig.engine.make_way(&rig.pair(), "nobody@contoso.example", rig.deadline()).await.is_err());
}

/// Once the first reading of a contact that galbridge made was taken for one from before it: Exchange tells whole seconds. So what Exchange
/// gave it, its own legacyExchangeDN, was not known when it was removed, and old replies to it could not be delivered.
#[tokio::test(start_paused = true)]
async fn make_way_tells_the_reply_address_of_the_contact_itself() {
    let (rig, _, _) = rig_of("", vec![user("contoso", "Ann")], vec![]).await;
    rig.advance(Duration::from_millis(1_700)).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    let own = property(find(&rig.gal("fabrikam"), "Ann").expect("published"), "LegacyExchangeDN");
    assert!(!own.is_empty());
    let told = rig.engine.make_way(&rig.pair(), "ann@contoso.example", rig.deadline()).await.unwrap();
    assert!(told[0].x500.iter().any(|line| line.eq_ignore_ascii_case(&format!("X500:{own}"))), "{own} is not among {:?}", told[0].x500);
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_make_way_makes_nobody_again() {
    let mut crashed = 0;
    for at in 1.. {
        let (mut rig, _, _) = rig_of("", vec![user("contoso", "Ann")], vec![]).await;
        rig.merge(MergeMode::TwoWay).await.unwrap();
        rig.settle(3).await.unwrap();
        rig.faults.crash_at(at, if at % 2 == 0 { Fault::Before } else { Fault::After });
        let told = rig.engine.make_way(&rig.pair(), "ann@contoso.example", rig.deadline()).await;
        rig.faults.revive();
        if told.is_ok() {
            break;
        }
        crashed += 1;
        rig.restart();
        rig.advance(Duration::from_secs(20 * 60)).await;
        let gone = find(&rig.gal_with_hidden("fabrikam"), "Ann").is_none();
        rig.settle(4).await.unwrap();
        assert_eq!(find(&rig.gal_with_hidden("fabrikam"), "Ann").is_none(), gone, "crash at request {at}");
    }
    assert!(crashed > 30, "only {crashed} crash points were met");
}

#[tokio::test(start_paused = true)]
async fn unpublish_needs_the_stamps_and_one_credential() {
    let found = contact_at("Ben", "ben@contoso.example", "Old");
    let (mut rig, _, _) = rig_of("", vec![user("contoso", "Ann"), user("contoso", "Ben"), contact("Pat", "Partner")], vec![found]).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 3);
    rig.lose_state().await;
    rig.engine.connections.remove("contoso");
    rig.engine.snapshot(&rig.pair(), SnapshotOptions { full: false, daily: false, only: Some(Side::B) }, rig.deadline()).await.unwrap();
    let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Purge).await.unwrap();
    rig.engine.unpublish(&rig.pair(), Side::B, Leave::Purge, &plan.checksum(), rig.deadline()).await.unwrap();
    let gal = rig.gal_with_hidden("fabrikam");
    assert_eq!(names(&gal), ["Ben"], "made contacts are removed, the found one stays");
    assert_eq!(property(&gal[0], "CustomAttribute15"), "", "and is stamped no more");
}

/// A pilot once opened a side that `unpublish` had closed, and the next run published everybody, whom nobody had confirmed.
#[tokio::test(start_paused = true)]
async fn a_pilot_after_unpublish_serves_whom_it_links_until_a_full_merge() {
    for (mode, limit, linked) in [(MergeMode::TwoWay, Some(2), 2), (MergeMode::LinkOnly, None, 0)] {
        let (rig, a, _) = rig_of("", people("contoso", 6), vec![]).await;
        rig.merge(MergeMode::TwoWay).await.unwrap();
        rig.settle(4).await.unwrap();
        let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Purge).await.unwrap();
        rig.engine.unpublish(&rig.pair(), Side::B, Leave::Purge, &plan.checksum(), rig.deadline()).await.unwrap();
        rig.settle(4).await.unwrap();
        let merge = MergeOptions { limit, ..options(mode) };
        let action = Action::Plan { merge: Some(merge.clone()), stored: true };
        let Answer::Plan(plan) = rig.engine.act(&rig.pair(), action, rig.deadline()).await.unwrap() else { panic!("no plan") };
        assert_eq!((plan.sides.a.opens, plan.sides.b.opens), (false, true), "the plan says what it opens");
        assert!(plan.afterwards.unwrap().contains("everybody else waits for a full merge"));
        rig.merge_with(merge).await.unwrap();
        rig.settle(4).await.unwrap();
        rig.apply("contoso", json!([user("contoso", "Newcomer")]));
        rig.apply("contoso", update(a[5], json!({"Title": "Edited"})));
        rig.settle(4).await.unwrap();
        assert_eq!(rig.gal("fabrikam").len(), linked, "{mode:?}");
        rig.merge(MergeMode::TwoWay).await.unwrap();
        rig.settle(4).await.unwrap();
        assert_eq!(rig.gal("fabrikam").len(), 7, "{mode:?}");
    }
}

/// Of a pair where nothing was closed a pilot limits nothing, and says so.
#[tokio::test(start_paused = true)]
async fn a_pilot_of_a_merged_pair_says_that_everybody_is_served() {
    let (rig, _, _) = rig_of("", people("contoso", 2), vec![]).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    let action = Action::Plan { merge: Some(MergeOptions { limit: Some(1), ..options(MergeMode::TwoWay) }), stored: true };
    let Answer::Plan(plan) = rig.engine.act(&rig.pair(), action, rig.deadline()).await.unwrap() else { panic!("no plan") };
    assert!(plan.afterwards.unwrap().contains("goes on serving everybody"));
    let action = Action::Plan { merge: Some(options(MergeMode::TwoWay)), stored: true };
    let Answer::Plan(plan) = rig.engine.act(&rig.pair(), action, rig.deadline()).await.unwrap() else { panic!("no plan") };
    assert_eq!(plan.afterwards, None);
}

#[tokio::test(start_paused = true)]
async fn an_unpublish_that_was_cut_off_stays_closed_to_writes() {
    let (mut rig, _, _) = rig_of("", people("contoso", 8), vec![]).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Purge).await.unwrap();
    rig.faults.crash_at(70, Fault::Before);
    let cut = rig.engine.unpublish(&rig.pair(), Side::B, Leave::Purge, &plan.checksum(), rig.deadline()).await;
    rig.faults.revive();
    assert!(cut.is_err(), "it was cut off");
    rig.restart();
    rig.advance(Duration::from_secs(20 * 60)).await;
    let left = rig.gal("fabrikam").len();
    assert!((1..8).contains(&left), "in the middle: {left}");
    rig.snapshot(true).await.unwrap();
    rig.settle(4).await.unwrap();
    assert!(rig.gal("fabrikam").len() <= left, "nobody comes back");
    let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Purge).await.unwrap();
    rig.engine.unpublish(&rig.pair(), Side::B, Leave::Purge, &plan.checksum(), rig.deadline()).await.unwrap();
    assert_eq!(rig.gal_with_hidden("fabrikam").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_fails_is_recorded_with_its_reason() {
    let (rig, a, _) = rig_of("", people("contoso", 2), vec![]).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    rig.apply("contoso", update(a[0], json!({"Title": "Director"})));
    rig.advance(Duration::from_secs(600)).await;
    rig.snapshot(false).await.unwrap();
    rig.apply("fabrikam", json!([{"op": "exchange-role", "role": "read"}]));
    let failed = rig.reconcile().await.expect_err("the role is gone");
    assert!(failed.to_string().contains("Exchange"), "{failed}");
    let last = rig.engine.store.runs(&rig.pair(), 1).await.unwrap().remove(0);
    assert!(matches!(&last.outcome, Outcome::Failed(why) if why == &failed.to_string()), "{last:?}");
    assert_eq!(last.kind, RunKind::Reconcile);
    rig.apply("fabrikam", json!([{"op": "exchange-role", "role": "write"}]));
    rig.advance(Duration::from_secs(600)).await;
    rig.settle(3).await.unwrap();
    assert_eq!(property(find(&rig.gal("fabrikam"), "Person00").unwrap(), "Title"), "Director");
}

#[tokio::test(start_paused = true)]
async fn after_a_rebuild_those_who_left_meanwhile_leave_too() {
    let (mut rig, a, _) = rig_of("", people("contoso", 14), vec![]).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    // One is staged already, one is deleted and one hidden while the state is lost.
    rig.apply("contoso", delete(&a[..1]));
    rig.settle(3).await.unwrap();
    rig.lose_state().await;
    rig.apply("contoso", delete(&a[1..2]));
    rig.apply("contoso", update(a[2], json!({"HiddenFromAddressListsEnabled": true})));
    rig.advance(Duration::from_secs(600)).await;
    rig.snapshot(false).await.unwrap();
    let plan = rig.engine.rebuild_preview(&rig.pair()).await.unwrap();
    assert!(plan.operations.is_empty() && plan.quiet.len() == 14, "{} links", plan.quiet.len());
    rig.engine.rebuild(&rig.pair(), &engine::operate::rebuild_checksum(&plan), rig.deadline()).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 13, "a rebuild takes nobody away");
    rig.settle(4).await.unwrap();
    let hold = rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b;
    let hold = hold.expect("two of thirteen is more than max_deletion_share");
    rig.engine.approve(&rig.pair(), &hold.checksum.unwrap()).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 11);
    rig.advance(Duration::from_secs(31 * 24 * 3_600)).await;
    rig.settle(6).await.unwrap();
    assert_eq!(rig.gal_with_hidden("fabrikam").len(), 11, "and all three are purged in their time");
}

#[tokio::test(start_paused = true)]
async fn suppressions_outlive_unpublish_and_unsuppress_gives_a_fresh_start() {
    let (rig, _, _) = rig_of("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    rig.engine.make_way(&rig.pair(), "ann@contoso.example", rig.deadline()).await.unwrap();
    rig.settle(3).await.unwrap();
    let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Purge).await.unwrap();
    rig.engine.unpublish(&rig.pair(), Side::B, Leave::Purge, &plan.checksum(), rig.deadline()).await.unwrap();
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"], "never made again");
    rig.engine.unsuppress(&rig.pair(), "ann@contoso.example").await.unwrap();
    rig.advance(Duration::from_secs(600)).await;
    rig.cycle().await.unwrap();
    let made = find(&rig.gal("fabrikam"), "Ann").expect("with the next run").anchor;
    rig.apply("fabrikam", delete(&[made]));
    rig.settle(4).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Ann").is_some(), "one deletion is one: it is made again once");
}

/// Found by a newcomer: everybody who was hidden for deletion came back into the list.
#[tokio::test(start_paused = true)]
async fn release_shows_nobody_again_who_has_left() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    rig.apply("contoso", delete(&a[..1]));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"]);
    let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Release).await.unwrap();
    rig.engine.unpublish(&rig.pair(), Side::B, Leave::Release, &plan.checksum(), rig.deadline()).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"], "Ann stays hidden");
    assert_eq!(rig.gal_with_hidden("fabrikam").len(), 2, "and both are the administrator's");
}

#[tokio::test(start_paused = true)]
async fn a_closed_side_is_written_by_nobody() {
    let (rig, _, b) = rig_of("", vec![contact("Pat", "Here")], vec![contact("Pat", "")]).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Release).await.unwrap();
    rig.engine.unpublish(&rig.pair(), Side::B, Leave::Release, &plan.checksum(), rig.deadline()).await.unwrap();
    rig.apply("fabrikam", update(b[0], json!({"Title": null, "City": "Bern"})));
    rig.recorded.take();
    rig.settle(5).await.unwrap();
    let into_b: Vec<_> =
        rig.recorded.cmdlets().into_iter().filter(|(name, sent)| !name.starts_with("Get-") && sent["Title"] == "Here").collect();
    assert!(into_b.is_empty(), "{into_b:?}");
    assert_eq!(property(find(&rig.gal("fabrikam"), "Pat").unwrap(), "Title"), "");
}

/// Once a contact whose creation was cut off before its stamp stayed in the list, and nothing was said to be left.
#[tokio::test(start_paused = true)]
async fn unpublish_takes_back_what_was_only_begun() {
    let rig = Rig::new(RigOptions::default()).await;
    rig.apply("contoso", json!([user("contoso", "Ann")]));
    rig.snapshot(false).await.unwrap();
    // Made, and nobody knows of it.
    let dies = json!({"tenant": "fabrikam", "cmdlet": "New-MailContact", "do": "commit-then-drop"});
    let blind = json!({"tenant": "fabrikam", "cmdlet": "Get-Recipient", "do": "503"});
    rig.simulator.set_faults_json(json!({"calls": [dies, blind]})).unwrap();
    let _ = rig.engine.merge(&rig.pair(), &MergeOptions::of(MergeMode::TwoWay), None, rig.deadline()).await;
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.advance(Duration::from_secs(600)).await;
    rig.snapshot(true).await.unwrap();
    assert_eq!(rig.gal_with_hidden("fabrikam").len(), 1, "it stands there");
    let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Purge).await.unwrap();
    rig.engine.unpublish(&rig.pair(), Side::B, Leave::Purge, &plan.checksum(), rig.deadline()).await.unwrap();
    assert!(rig.gal_with_hidden("fabrikam").is_empty());
}

/// Once who could not be removed by `make-way` was set aside for ever, and the alarm could not be ended.
#[tokio::test(start_paused = true)]
async fn who_rests_is_not_set_aside_for_ever() {
    let (rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    let refused = json!({"tenant": "fabrikam", "cmdlet": "Remove-MailContact", "do": "form-a", "status": 400,
        "type": "Microsoft.Exchange.Configuration.Tasks.RecipientTaskException", "message": "Not like this."});
    rig.simulator.set_faults_json(json!({"calls": [refused]})).unwrap();
    rig.engine.make_way(&rig.pair(), "ann@contoso.example", rig.deadline()).await.unwrap();
    assert_eq!(rig.engine.quarantined(&rig.pair()).await.unwrap().len(), 1);
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.advance(Duration::from_secs(2 * 3_600)).await;
    rig.settle(4).await.unwrap();
    assert!(rig.engine.quarantined(&rig.pair()).await.unwrap().is_empty());
    assert!(!rig.snapshot(false).await.unwrap().waiting);
}
