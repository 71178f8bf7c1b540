//! What a person was shown, and said yes to, is what is done: no more, and nothing else.

use std::time::Duration;

use engine::act::{Action, Answer, PlanDocument};
use engine::records::{MergeOptions, Outcome};
use gal::operation;
use gal::policy::MergeMode;
use rig::people::{contact_at, delete, find, property, update, user};
use rig::{Rig, RigOptions};
use serde_json::json;
use uuid::Uuid;

const CROWD: usize = 30;

fn pair(mapping: &str) -> String {
    format!("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n{mapping}")
}

fn named(suffix: &str) -> String {
    pair(&format!("[pairs.a_to_b.mapping]\ndisplay_name = \"{{{{ display_name }}}} ({suffix})\"\n"))
}

async fn planned(rig: &Rig) -> PlanDocument {
    match rig.engine.act(&rig.pair(), Action::Plan { merge: None, stored: false }, rig.deadline()).await.unwrap() {
        Answer::Plan(plan) => plan,
        other => panic!("{other:?}"),
    }
}

async fn checksum_of_a_merge(rig: &Rig) -> String {
    rig.snapshot(false).await.unwrap();
    rig.engine.preview(&rig.pair(), Some(&MergeOptions::of(MergeMode::TwoWay))).await.unwrap().checksum
}

#[tokio::test(start_paused = true)]
async fn an_approval_counts_under_the_profile_that_it_was_given_for() {
    let people = (0..CROWD).map(|number| user("contoso", &format!("Person{number:02}"))).collect();
    let (mut rig, _, _) = Rig::merged("", people, vec![]).await;
    rig.reprofile(&named("Contoso"));
    rig.settle(3).await.unwrap();
    let held = rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.expect("everybody would change");
    let checksum = held.checksum.unwrap();
    rig.engine.approve(&rig.pair(), &checksum).await.unwrap();
    rig.reprofile(&named("EVIL"));
    let done = rig.settle(3).await.unwrap();
    assert!(done.iter().any(|run| matches!(run.outcome, Outcome::Held(_))), "{done:?}");
    assert!(find(&rig.gal("fabrikam"), "Person00").is_some(), "nobody is renamed");
    let again = rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.expect("held anew").checksum.unwrap();
    assert_ne!(again, checksum);
    // Nor is a consent taken for what was held under the profile before.
    rig.reprofile(&named("Contoso"));
    let refused = rig.engine.approve(&rig.pair(), &again).await.unwrap_err().to_string();
    assert!(refused.contains("profile was changed"), "{refused}");
    rig.settle(3).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Person00 (Contoso)").is_some(), "the first consent is good for a day");
}

#[tokio::test(start_paused = true)]
async fn a_merge_is_confirmed_with_whom_and_where_and_under_which_mapping() {
    let mut rig = Rig::new(RigOptions::default()).await;
    let a = rig.apply("contoso", json!([user("contoso", "Bea")]))[0].unwrap();
    let shown = checksum_of_a_merge(&rig).await;
    rig.advance(Duration::from_mins(20)).await;
    rig.apply("contoso", update(a, json!({"Title": "Director"})));
    assert_eq!(checksum_of_a_merge(&rig).await, shown, "people edit themselves all day");
    for change in [json!({"DisplayName": "Boss"}), json!({"PrimarySmtpAddress": "boss@contoso.example"})] {
        let before = checksum_of_a_merge(&rig).await;
        rig.apply("contoso", update(a, change));
        rig.advance(Duration::from_mins(20)).await;
        assert_ne!(checksum_of_a_merge(&rig).await, before);
        let late = rig.engine.merge(&rig.pair(), &MergeOptions::of(MergeMode::TwoWay), Some(&before), rig.deadline()).await;
        assert!(late.unwrap_err().to_string().contains("plan"));
    }
    let before = checksum_of_a_merge(&rig).await;
    rig.reprofile(&named("EVIL"));
    assert_ne!(checksum_of_a_merge(&rig).await, before);
    assert_eq!(rig.gal("fabrikam").len(), 0);
}

/// A contact of ours is deleted, and its administrator makes one of his own: the link ends in one round, and the next adopts.
#[tokio::test(start_paused = true)]
async fn a_plan_shows_what_all_rounds_of_a_run_write() {
    let (rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    let ours = rig.gal("fabrikam")[0].anchor;
    rig.apply("fabrikam", delete(&[ours]));
    let own = rig.apply("fabrikam", json!([contact_at("Ann of ours", "ann@contoso.example", "Guest speaker")]))[0].unwrap();
    rig.advance(Duration::from_mins(10)).await;
    let plan = planned(&rig).await;
    let shown: Vec<_> = plan.operations.iter().map(|one| one.operation.as_str()).collect();
    assert_eq!(shown, [operation::Action::Adopt.as_str()], "{plan:#?}");
    let told = rig.engine.explain(&rig.pair(), "ann@contoso.example").await.unwrap();
    assert!(told.iter().any(|one| one.next.iter().any(|next| next.action == operation::Action::Adopt)), "{told:#?}");
    rig.settle(3).await.unwrap();
    let adopted = rig.gal("fabrikam").into_iter().find(|entry| entry.anchor == own).unwrap();
    assert_eq!((property(&adopted, "Title").as_str(), property(&adopted, "FirstName").as_str()), ("Guest speaker", "Ann"));
}

/// What a plan says of managers is what a run does, whoever has left.
#[tokio::test(start_paused = true)]
async fn a_plan_and_a_run_say_the_same_of_managers() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Boss")], vec![]).await;
    rig.apply("contoso", update(a[0], json!({"Manager": a[1]})));
    rig.settle(4).await.unwrap();
    let manager = |rig: &Rig| property(find(&rig.gal("fabrikam"), "Ann").unwrap(), "Manager");
    assert!(manager(&rig).starts_with("galbridge-"), "{}", manager(&rig));
    rig.engine.make_way(&rig.pair(), "boss@contoso.example", rig.deadline()).await.unwrap();
    for full in [false, true] {
        rig.advance(Duration::from_mins(10)).await;
        rig.snapshot(full).await.unwrap();
        rig.settle(4).await.unwrap();
        let plan = planned(&rig).await;
        assert_eq!(plan.operations.len(), 0, "full {full}: {plan:#?}");
    }
    assert_eq!(manager(&rig), "");
}

fn title(rig: &Rig, anchor: Uuid) -> String {
    rig.gal("fabrikam").iter().find(|entry| entry.anchor == anchor).map(|entry| property(entry, "Title")).unwrap_or_default()
}

/// Within five minutes of our own write nobody can tell whether somebody else wrote after it.
#[tokio::test(start_paused = true)]
async fn what_was_written_just_now_is_not_undone_yet() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    rig.apply("contoso", update(a[0], json!({"Title": "WRONG"})));
    rig.advance(Duration::from_mins(10)).await;
    let run = rig.cycle().await.unwrap().expect("it is carried over");
    let ours = rig.gal("fabrikam")[0].anchor;
    rig.advance(Duration::from_secs(90)).await;
    rig.apply("fabrikam", update(ours, json!({"Title": "the administrator's own"})));
    rig.advance(Duration::from_secs(30)).await;
    let undo = Action::Undo { run: run.id.clone(), confirm: None };
    let Answer::Plan(early) = rig.engine.act(&rig.pair(), undo.clone(), rig.deadline()).await.unwrap() else { panic!("a plan") };
    assert_eq!((early.operations.len(), early.skipped[0].code.as_str()), (0, "written-just-now"), "{early:#?}");
    rig.advance(Duration::from_mins(4)).await;
    let Answer::Plan(later) = rig.engine.act(&rig.pair(), undo, rig.deadline()).await.unwrap() else { panic!("a plan") };
    assert_eq!((later.operations.len(), later.skipped[0].code.as_str()), (0, "edited-since"), "{later:#?}");
    assert_eq!(title(&rig, ours), "the administrator's own");
}

/// Once a run that went on after a hold, because something else made more work, forgot it: nobody was told, and a day later it ran.
#[tokio::test(start_paused = true)]
async fn a_hold_lasts_while_the_run_goes_on() {
    let people = (0..CROWD).map(|number| user("contoso", &format!("Person{number:02}"))).collect();
    let (rig, a, _) =
        Rig::merged("guard = { max_deletions = 3, max_deletion_share = 1.0, max_source_shrink = 1.0 }\n", people, vec![]).await;
    rig.apply("contoso", delete(&a[..5]));
    rig.settle(2).await.unwrap();
    assert!(rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.is_some(), "five are too many");
    // One whose contact its administrator deleted leaves too: his link is forgotten, and he is looked at again in the same run.
    rig.apply("fabrikam", delete(&[find(&rig.gal("fabrikam"), "Person20").unwrap().anchor]));
    rig.apply("contoso", delete(&[a[20]]));
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[21], "permanent": true}]));
    rig.apply("contoso", json!([user("contoso", "Person21")]));
    let runs = rig.settle(3).await.unwrap();
    let held = rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.expect("the hold stands");
    assert_eq!(held.deletions, 5, "{held:?}");
    assert!(runs.iter().all(|run| matches!(run.outcome, Outcome::Held(_)) && run.counters.b.held == 5), "{runs:?}");
    rig.engine.approve(&rig.pair(), &held.checksum.unwrap()).await.unwrap();
    rig.settle(3).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), CROWD - 6);
}

/// Once a merge that went on for days let everything through, whatever the profile said by then, and whoever came meanwhile.
#[tokio::test(start_paused = true)]
async fn a_merge_is_consent_to_what_was_shown_and_no_more() {
    let options = RigOptions {
        profile: pair("guard = { max_creations = 5, max_update_share = 0.2 }\n"),
        creation_quota: Some(12),
        ..RigOptions::default()
    };
    let mut rig = Rig::new(options).await;
    let people: Vec<_> = (0..CROWD).map(|number| user("contoso", &format!("Person{number:02}"))).collect();
    rig.apply("contoso", people.into());
    rig.merge(MergeMode::TwoWay).await.unwrap();
    let shown: Vec<Uuid> = rig.gal("fabrikam").iter().map(|entry| entry.anchor).collect();
    assert_eq!(shown.len(), 12, "the tenant's quota is used up");
    // Newcomers are no part of what was confirmed.
    let newcomers: Vec<_> = (0..8).map(|number| user("contoso", &format!("Newcomer{number}"))).collect();
    rig.apply("contoso", newcomers.into());
    rig.settle(4).await.unwrap();
    let held = rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.expect("eight are too many");
    assert_eq!(held.creations, 8, "{held:?}");
    // And the plan says so too.
    let plan = planned(&rig).await;
    let waits = plan.operations.iter().filter(|operation| operation.held);
    assert!(plan.sides.b.guard.holds && plan.of.contains("under way"), "{}, {:?}", plan.of, plan.sides.b);
    assert_eq!((waits.count(), plan.operations.len()), (8, CROWD - shown.len() + 8));
    // Nor is another mapping.
    rig.reprofile(&pair(
        "guard = { max_creations = 5, max_update_share = 0.2 }\n[pairs.a_to_b.mapping]\ndisplay_name = \"{{ display_name }} (EVIL)\"\n",
    ));
    for _ in 0..4 {
        rig.advance(Duration::from_secs(3_600)).await;
        rig.settle(3).await.unwrap();
    }
    // A creation that had begun goes on; of the others nobody is made, and nobody is renamed, without a word.
    let gal = rig.gal("fabrikam");
    let renamed =
        shown.iter().filter(|anchor| gal.iter().any(|entry| entry.anchor == **anchor && property(entry, "DisplayName").contains("EVIL")));
    assert_eq!((renamed.count(), gal.len() <= 24), (0, true), "{}", gal.len());
    assert!(rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.is_some());
}

/// Once somebody who left while he waited for the merge waited for its end, and the end for him: nobody was hidden any more, for ever.
#[tokio::test(start_paused = true)]
async fn a_merge_ends_although_somebody_leaves_meanwhile() {
    let rig = Rig::new(RigOptions { creation_quota: Some(2), ..RigOptions::default() }).await;
    let people: Vec<_> = (0..4).map(|number| user("contoso", &format!("Person{number}"))).collect();
    let people = rig.apply("contoso", people.into());
    rig.snapshot(false).await.unwrap();
    rig.advance(Duration::from_secs(30)).await;
    rig.engine.merge(&rig.pair(), &MergeOptions::of(MergeMode::TwoWay), None, rig.deadline()).await.unwrap();
    let shown = rig.gal("fabrikam");
    assert_eq!(shown.len(), 2, "the rest waits for the quota");
    // One of those who wait leaves, and one who was made.
    let waits = (0..4).find(|number| find(&shown, &format!("Person{number}")).is_none()).unwrap();
    let made = (0..4).find(|number| find(&shown, &format!("Person{number}")).is_some()).unwrap();
    rig.apply("contoso", delete(&[people[waits].unwrap(), people[made].unwrap()]));
    for _ in 0..4 {
        rig.advance(Duration::from_secs(3_700)).await;
        rig.settle(4).await.unwrap();
    }
    assert!(rig.engine.state(&rig.pair()).await.unwrap().writing.merge.is_none(), "the merge is done");
    assert_eq!(rig.gal("fabrikam").len(), 2, "who left is hidden, who stayed is there");
}

/// Once whoever came while a pilot of a merged pair went on was looked at by nobody any more.
#[tokio::test(start_paused = true)]
async fn who_comes_while_a_pilot_goes_on_comes_after_it() {
    let (rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    rig.apply("contoso", json!([user("contoso", "Ben"), user("contoso", "Eve")]));
    rig.advance(Duration::from_secs(600)).await;
    rig.merge_with(MergeOptions { limit: Some(1), accept_dynamic_groups: true, ..MergeOptions::of(MergeMode::TwoWay) }).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 3, "{:?}", rig.gal("fabrikam"));
}

/// Once the plan of a pilot that was under way showed everybody.
#[tokio::test(start_paused = true)]
async fn the_plan_of_a_pilot_under_way_shows_the_pilot() {
    let rig = Rig::new(RigOptions { creation_quota: Some(1), ..RigOptions::default() }).await;
    let people: Vec<_> = (0..9).map(|number| user("contoso", &format!("Person{number}"))).collect();
    rig.apply("contoso", people.into());
    rig.merge_with(MergeOptions { limit: Some(3), ..MergeOptions::of(MergeMode::TwoWay) }).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 1, "the others wait for the quota");
    let plan = planned(&rig).await;
    assert_eq!(plan.operations.len(), 2, "{:?}", plan.operations);
}

/// Once any merge dissolved a hold, and what was held ran a day later.
#[tokio::test(start_paused = true)]
async fn a_hold_lasts_over_a_merge() {
    let people: Vec<_> = (0..CROWD).map(|number| user("contoso", &format!("Person{number:02}"))).collect();
    let (rig, a, _) =
        Rig::merged("guard = { max_deletions = 6, max_deletion_share = 1.0, max_source_shrink = 1.0 }\n", people, vec![]).await;
    rig.apply("contoso", delete(&a[..5]));
    rig.settle(4).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), CROWD - 5);
    rig.apply("contoso", delete(&a[5..10]));
    rig.settle(4).await.unwrap();
    assert!(rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.is_some(), "ten are too many");
    rig.advance(Duration::from_secs(48 * 3_600)).await;
    rig.merge_with(MergeOptions { limit: Some(1), ..MergeOptions::of(MergeMode::TwoWay) }).await.unwrap();
    rig.settle(6).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), CROWD - 5, "nobody said yes");
    let held = rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.expect("it waits still");
    rig.engine.approve(&rig.pair(), &held.checksum.expect("it can be approved")).await.unwrap();
    rig.settle(6).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), CROWD - 10);
    assert!(rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.is_none());
}

/// Once an `undo` whose time was up said that it was complete.
#[tokio::test(start_paused = true)]
async fn an_undo_that_is_cut_off_says_what_is_left() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    for anchor in &a {
        rig.apply("contoso", update(*anchor, json!({"Title": "WRONG"})));
    }
    let run = rig.settle(3).await.unwrap().remove(0);
    rig.advance(Duration::from_secs(360)).await;
    rig.engine.pause(&rig.pair(), Some("undo")).await.unwrap();
    let shown = match rig.engine.act(&rig.pair(), Action::Undo { run: run.id.clone(), confirm: None }, rig.deadline()).await.unwrap() {
        Answer::Plan(plan) => plan,
        other => panic!("{other:?}"),
    };
    let undo = Action::Undo { run: run.id, confirm: Some(shown.checksum) };
    let Answer::Ran(ran) = rig.engine.act(&rig.pair(), undo.clone(), rig.now()).await.unwrap() else { panic!("no run") };
    let summary = ran.run.expect("a run");
    assert!(matches!(summary.outcome, Outcome::Partial(_)) && summary.left == 2, "{summary:?}");
    assert_eq!(ran.standing, engine::act::Standing::Held);
    let Answer::Ran(ran) = rig.engine.act(&rig.pair(), undo, rig.deadline()).await.unwrap() else { panic!("no run") };
    assert_eq!((ran.run.expect("a run").left, ran.standing), (0, engine::act::Standing::InStep));
    assert_eq!(title(&rig, find(&rig.gal("fabrikam"), "Ann").unwrap().anchor), "Engineer");
}

/// Twelve people, of whom four left: two are hidden, two are held by the guard. Thirty newcomers wait for a merge that the quota draws out.
async fn held_before_a_merge(guard: &str) -> (Rig, Vec<Uuid>) {
    let rig = Rig::new(RigOptions { profile: pair(guard), creation_quota: Some(12), ..RigOptions::default() }).await;
    let people: Vec<_> = (0..12).map(|number| user("contoso", &format!("Person{number:02}"))).collect();
    let a: Vec<Uuid> = rig.apply("contoso", people.into()).into_iter().flatten().collect();
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    for leavers in [&a[..2], &a[2..4]] {
        rig.apply("contoso", delete(leavers));
        rig.settle(3).await.unwrap();
    }
    assert_eq!(rig.gal("fabrikam").len(), 10, "four are too many in a day: the second two are held");
    rig.advance(Duration::from_secs(2 * 3_600)).await;
    rig.apply("contoso", (0..30).map(|number| user("contoso", &format!("Newcomer{number:02}"))).collect());
    (rig, a)
}

/// Once another hold, of the merge itself, replaced the one of deletions, and its counts were forgotten with it.
#[tokio::test(start_paused = true)]
async fn a_hold_lasts_over_a_merge_that_is_held_itself() {
    const GUARD: &str =
        "guard = { max_deletions = 3, max_deletion_share = 1.0, max_source_shrink = 1.0, max_creations = 1, max_update_share = 1.0 }\n";
    let (mut rig, a) = held_before_a_merge(GUARD).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 22, "the others wait for the quota");
    rig.reprofile(&pair(&format!("{GUARD}[pairs.a_to_b.mapping]\ndisplay_name = \"{{{{ display_name }}}} (by mistake)\"\n")));
    rig.advance(Duration::from_secs(2 * 3_600)).await;
    rig.settle(3).await.unwrap();
    let held = rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.expect("nobody said yes to these");
    assert!(held.creations > 1 && held.deletions == 0, "{held:?}");
    rig.reprofile(&pair(GUARD));
    for _ in 0..3 {
        rig.advance(Duration::from_secs(24 * 3_600)).await;
        rig.settle(4).await.unwrap();
    }
    assert!(rig.engine.state(&rig.pair()).await.unwrap().writing.merge.is_none(), "the merge is done");
    assert_eq!(rig.gal("fabrikam").len(), 40, "and the two who left are shown still");
    // Who is back is no reason to hold anything any more.
    let back = a[2..4].iter().map(|anchor| json!({"op": "restore", "anchor": anchor}));
    rig.apply("contoso", back.collect());
    rig.settle(4).await.unwrap();
    assert!(rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.is_none());
}

/// Once a hold that a merge had put off, and that nobody waited for any more when it was done, counted again weeks later.
#[tokio::test(start_paused = true)]
async fn a_hold_whose_people_are_back_when_the_merge_is_done_is_over() {
    const GUARD: &str = "guard = { max_deletions = 3, max_deletion_share = 1.0, max_source_shrink = 1.0, max_update_share = 1.0 }\n";
    let (rig, a) = held_before_a_merge(GUARD).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.apply("contoso", a[2..4].iter().map(|anchor| json!({"op": "restore", "anchor": anchor})).collect());
    let writing = async || rig.engine.state(&rig.pair()).await.unwrap().writing;
    for _ in 0..100 {
        if writing().await.merge.is_none() {
            break;
        }
        rig.advance(Duration::from_secs(3_600)).await;
        rig.cycle().await.unwrap();
    }
    let done = writing().await;
    assert_eq!((done.merge, done.holds.b, done.postponed.b), (None, None, None), "the merge is done, and nobody waits");
    rig.advance(Duration::from_secs(21 * 24 * 3_600)).await;
    rig.settle(4).await.unwrap();
    rig.apply("contoso", delete(&a[4..6]));
    rig.settle(4).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 38, "two in a day are few");
}
