//! States that were lost or damaged in part: what is restored, and that nothing is concluded from what is not known.

use std::time::Duration;

use engine::EngineError;
use engine::operate::{Leave, rebuild_checksum};
use engine::records::{MergeOptions, Stage};
use gal::policy::MergeMode;
use gal::{LinkKey, Origin, Side};
use rig::people::{contact_at, delete, find, names, property, status, update, user};
use rig::{Rig, RigOptions};
use serde_json::{Value, json};
use uuid::Uuid;

const PAIR: &str = "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n";

/// The state is lost, both sides are read, the links are restored.
async fn lose_and_rebuild(rig: &mut Rig) {
    rig.lose_state().await;
    rig.snapshot(true).await.unwrap();
    let plan = rig.engine.rebuild_preview(&rig.pair()).await.unwrap();
    rig.engine.rebuild(&rig.pair(), &rebuild_checksum(&plan), rig.deadline()).await.unwrap();
}

async fn lose_link(rig: &Rig, anchor: Uuid) {
    let key = LinkKey { origin: Origin::of(Side::A), anchor: gal::Anchor(anchor) };
    let link = rig.engine.store.link(&rig.pair(), key).await.unwrap().unwrap();
    rig.engine.store.delete_link(&rig.pair(), key, link.version).await.unwrap();
}

/// Once it published 237 people whom a pilot of five had left out.
#[tokio::test(start_paused = true)]
async fn a_pilot_is_one_after_a_rebuild_until_a_merge_is_confirmed() {
    let mut rig = Rig::new(RigOptions { profile: PAIR.to_owned(), ..RigOptions::default() }).await;
    let people = (0..6).map(|number| user("contoso", &format!("Person{number}"))).collect();
    let anchors: Vec<Uuid> = rig.apply("contoso", Value::Array(people)).into_iter().flatten().collect();
    rig.merge_with(MergeOptions { limit: Some(2), ..MergeOptions::of(MergeMode::TwoWay) }).await.unwrap();
    rig.settle(4).await.unwrap();
    let pilot = names(&rig.gal("fabrikam"));
    lose_and_rebuild(&mut rig).await;
    rig.settle(4).await.unwrap();
    assert_eq!((names(&rig.gal("fabrikam")), status(&rig).await.stage), (pilot, Stage::LinkedOnly));
    let everybody = anchors.iter().flat_map(|anchor| update(*anchor, json!({"Title": "Lead"})).as_array().cloned().unwrap()).collect();
    rig.apply("contoso", Value::Array(everybody));
    rig.settle(4).await.unwrap();
    assert!(rig.gal("fabrikam").iter().all(|contact| property(contact, "Title") == "Lead"), "who is linked is kept in step");
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")).len(), 6);
}

/// Once it published a side anew that had been taken back.
#[tokio::test(start_paused = true)]
async fn an_unpublished_side_stays_empty_after_a_rebuild() {
    let (mut rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![user("fabrikam", "Bob")]).await;
    let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Purge).await.unwrap();
    rig.engine.unpublish(&rig.pair(), Side::B, Leave::Purge, &plan.checksum(), rig.deadline()).await.unwrap();
    lose_and_rebuild(&mut rig).await;
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Bob"]);
    assert_eq!(names(&rig.gal("contoso")), ["Ann", "Bob"]);
}

/// Once the mapping made every found contact's name look edited at its source.
#[tokio::test(start_paused = true)]
async fn what_differed_in_a_found_contact_stays_after_a_rebuild() {
    let profile = "[pairs.a_to_b.mapping]\ndisplay_name = \"{{ display_name }} (Contoso)\"\n";
    let found = contact_at("Annie (our name)", "ann@contoso.example", "Partner");
    let (mut rig, a, _) = Rig::merged(profile, vec![user("contoso", "Ann")], vec![found]).await;
    assert!(find(&rig.gal("fabrikam"), "Annie (our name)").is_some(), "{:?}", names(&rig.gal("fabrikam")));
    lose_and_rebuild(&mut rig).await;
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Annie (our name)"]);
    rig.apply("contoso", update(a[0], json!({"DisplayName": "Ann Meier"})));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann Meier (Contoso)"], "an edit at the source is one");
}

/// Once a rebuild took the administrator's own fields for published ones, and cleared them.
#[tokio::test(start_paused = true)]
async fn a_field_that_nobody_maps_stays_the_administrators_after_a_rebuild() {
    let (mut rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    let gal = rig.gal("fabrikam");
    for name in ["Ann", "Ben"] {
        rig.apply("fabrikam", update(find(&gal, name).unwrap().anchor, json!({"CustomAttribute3": "cost centre 7"})));
    }
    // Ben leaves: his link comes from the stamp alone.
    rig.apply("contoso", update(a[1], json!({"HiddenFromAddressListsEnabled": true})));
    lose_and_rebuild(&mut rig).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    rig.apply("contoso", update(a[1], json!({"HiddenFromAddressListsEnabled": false})));
    rig.settle(4).await.unwrap();
    let gal = rig.gal("fabrikam");
    for name in ["Ann", "Ben"] {
        assert_eq!(property(find(&gal, name).unwrap(), "CustomAttribute3"), "cost centre 7", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_link_is_told_and_comes_back_with_the_next_full_reading() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    lose_link(&rig, a[0]).await;
    assert_eq!(status(&rig).await.lost_links.b, 1);
    rig.next_day().await.unwrap();
    assert_eq!(status(&rig).await.lost_links.b, 0);
    rig.apply("contoso", delete(&a[..1]));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"], "who leaves now is hidden as ever");
}

/// A damaged item was dropped, and the person left before the next full reading.
#[tokio::test(start_paused = true)]
async fn who_leaves_while_his_replica_is_lost_is_hidden_all_the_same() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben"), user("contoso", "Cas")], vec![]).await;
    rig.lose_replicas(&a[..2]).await;
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")).len(), 3, "nothing is concluded from what is not known");
    rig.apply("contoso", delete(&a[..1]));
    rig.next_day().await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben", "Cas"]);
    rig.apply("contoso", update(a[1], json!({"Title": "Lead"})));
    rig.settle(4).await.unwrap();
    assert_eq!(property(find(&rig.gal("fabrikam"), "Ben").unwrap(), "Title"), "Lead", "who is there is kept in step again");
}

/// Once a purge whose row was lost never came.
#[tokio::test(start_paused = true)]
async fn an_overdue_purge_is_found_by_a_full_reading() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    rig.apply("contoso", delete(&a[..1]));
    rig.settle(4).await.unwrap();
    rig.lose_agenda().await;
    rig.advance(Duration::from_secs(31 * 24 * 3600)).await;
    assert_eq!(rig.gal_with_hidden("fabrikam").iter().filter(|contact| contact.hidden).count(), 1);
    rig.next_day().await.unwrap();
    assert_eq!(names(&rig.gal_with_hidden("fabrikam")), ["Ben"]);
}

/// Once our own hiding, whose answer was lost, was taken for the administrator's, and the contact stayed hidden for ever.
#[tokio::test(start_paused = true)]
async fn a_hiding_whose_answer_was_lost_is_taken_back_when_the_source_is() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    let lost = json!({"calls": [{"tenant": "fabrikam", "cmdlet": "Set-MailContact", "times": 1, "do": "commit-then-504"}]});
    rig.simulator.set_faults_json(lost).unwrap();
    rig.apply("contoso", update(a[0], json!({"HiddenFromAddressListsEnabled": true})));
    rig.advance(Duration::from_secs(600)).await;
    rig.cycle().await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"], "it was hidden, and nobody knows of it");
    rig.apply("contoso", update(a[0], json!({"HiddenFromAddressListsEnabled": false})));
    rig.settle(6).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben"]);
}

/// Whose group is not known has not left it.
#[tokio::test(start_paused = true)]
async fn a_lost_group_takes_nobody_away() {
    let people = vec![user("contoso", "Ann"), user("contoso", "Ben")];
    let (mut rig, a, _) = Rig::merged("", people, vec![]).await;
    let group = json!([{"op": "create", "kind": "security-group", "set": {"DisplayName": "Published"}, "members": a}]);
    let group = rig.apply("contoso", group)[0].unwrap();
    rig.reprofile(&format!("{PAIR}[pairs.a_to_b.scope]\ninclude_groups = [\"{group}\"]\n"));
    rig.settle(6).await.unwrap();
    // The members are read once more after a change.
    rig.advance(Duration::from_secs(600)).await;
    rig.snapshot(false).await.unwrap();
    rig.state.forget_group(&rig.pair(), Side::A, gal::Anchor(group)).await.unwrap();
    rig.apply("contoso", update(a[0], json!({"Title": "Lead"})));
    rig.settle(3).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben"]);
    let told = status(&rig).await.holds.b.map(|held| held.hold.reasons.join(" ")).unwrap_or_default();
    assert!(told.contains("include group"), "{told}");
    rig.next_day().await.unwrap();
    let gal = rig.gal("fabrikam");
    assert_eq!((names(&gal).len(), property(find(&gal, "Ann").unwrap(), "Title")), (2, "Lead".to_owned()));
    assert_eq!(status(&rig).await.holds.b, None);
}

/// Once a full reading whose notes were lost in part could neither end nor begin anew.
#[tokio::test(start_paused = true)]
async fn a_full_reading_that_lost_its_notes_begins_anew() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    rig.advance(Duration::from_secs(2 * 3600)).await;
    // Graph is read, then Exchange fails: the rest waits for the next tick.
    let after_the_first =
        (2..20).map(|nth| json!({"tenant": "contoso", "endpoint": "invoke", "nth": nth, "do": "503"})).collect::<Vec<_>>();
    rig.simulator.set_faults_json(json!({"calls": after_the_first})).unwrap();
    rig.snapshot(true).await.unwrap_err();
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    let full = rig.engine.state(&rig.pair()).await.unwrap().reading.sides.a.full.expect("a full reading is going on");
    let (first, chunks) = (full.began, full.graph_chunks);
    assert!(chunks > 0);
    rig.engine.store.forget_seen(&rig.pair(), Side::A, first, chunks).await.unwrap();
    rig.apply("contoso", delete(&a[..1]));
    rig.next_day().await.unwrap();
    rig.next_day().await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"]);
    let state = rig.engine.state(&rig.pair()).await.unwrap();
    assert!(state.reading.sides.a.full.is_none() && state.reading.sides.a.last_full.is_some_and(|last| last > first));
}

/// The end of the old group is read after the new one: once its contact was hidden, and nobody looked at the new one again.
#[tokio::test(start_paused = true)]
async fn what_is_made_again_and_read_before_the_end_of_the_old_one_gets_its_contact() {
    let set = json!({"DisplayName": "Sales", "PrimarySmtpAddress": "sales@contoso.example", "RequireSenderAuthenticationEnabled": false});
    let sales = json!({"op": "create", "kind": "distribution-group", "set": set});
    let (rig, a, _) = Rig::merged("", vec![sales.clone(), user("contoso", "Ben")], vec![]).await;
    let contact = find(&rig.gal("fabrikam"), "Sales").unwrap().anchor;
    // Exchange shows the new one at once, Graph tells later that the old one is gone.
    rig.simulator.set_faults_json(json!({"graph_delay_ms": [900_000, 900_000]})).unwrap();
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}, sales]));
    rig.advance(Duration::from_secs(600)).await;
    rig.cycle().await.unwrap();
    let explained = rig.engine.explain(&rig.pair(), "sales@contoso.example").await.unwrap();
    assert!(explained.iter().any(|one| one.code.as_deref() == Some("claimed-by-another")), "{explained:#?}");
    rig.simulator.set_faults_json(json!({"graph_delay_ms": [0, 0]})).unwrap();
    rig.settle(6).await.unwrap();
    let gal = rig.gal("fabrikam");
    let names = names(&gal);
    assert_eq!((names, find(&gal, "Sales").map(|found| found.anchor)), (vec!["Ben".to_owned(), "Sales".to_owned()], Some(contact)));
}

#[tokio::test(start_paused = true)]
async fn a_merge_of_a_paused_pair_is_refused() {
    let (rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    rig.engine.pause(&rig.pair(), Some("change freeze")).await.unwrap();
    rig.apply("contoso", json!([user("contoso", "Ben")]));
    rig.advance(Duration::from_secs(600)).await;
    rig.snapshot(false).await.unwrap();
    let options = MergeOptions::of(MergeMode::TwoWay);
    let error = rig.engine.merge(&rig.pair(), &options, None, rig.deadline()).await.unwrap_err();
    assert!(matches!(&error, EngineError::Paused { reason, .. } if reason == "change freeze"), "{error}");
    assert_eq!(error.fault(), engine::Fault::Waits);
    assert!(!status(&rig).await.merge_in_progress);
}

/// Once a run that failed in one directory lost the count of what it had made in the other, and the guard's shares were of nothing.
#[tokio::test(start_paused = true)]
async fn what_a_failed_run_made_is_counted() {
    let rig = Rig::new(RigOptions::default()).await;
    rig.apply("contoso", json!([user("contoso", "Ann"), user("contoso", "Ben")]));
    rig.apply("fabrikam", json!([user("fabrikam", "Cas")]));
    let no_role = json!({"tenant": "fabrikam", "cmdlet": "New-MailContact", "do": "form-d"});
    rig.simulator.set_faults_json(json!({"calls": [no_role]})).unwrap();
    assert!(rig.merge(MergeMode::TwoWay).await.is_err(), "the application may not write there");
    let made = rig.gal("contoso").len() as u64 - 2;
    let live = rig.engine.state(&rig.pair()).await.unwrap().writing.live;
    assert_eq!((live.a, made), (1, 1), "{live:?}");
    // And a process that died is made good within a day.
    let mut state = rig.engine.state(&rig.pair()).await.unwrap();
    state.writing.live = gal::Sides::default();
    let owner = "a test".to_owned();
    let lease = engine::records::Lease { owner: owner.clone(), until: rig.now() + jiff::SignedDuration::from_mins(1) };
    rig.engine.store.acquire(&rig.pair(), engine::records::LeaseKind::Writing, &lease, rig.now()).await.unwrap();
    rig.engine.store.save_writing(&rig.pair(), &owner, &state.writing, None).await.unwrap();
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.advance(Duration::from_secs(25 * 3_600)).await;
    rig.settle(4).await.unwrap();
    let live = rig.engine.state(&rig.pair()).await.unwrap().writing.live;
    assert_eq!((live.a, live.b), (1, 2));
}

/// Once everybody of whom only Graph had told yet was taken for somebody without a mailbox, and hidden, while his full reading went on.
#[tokio::test(start_paused = true)]
async fn whose_replica_is_lost_is_not_hidden_while_a_full_reading_goes_on() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    rig.advance(Duration::from_secs(2 * 3_600)).await;
    rig.settle(2).await.unwrap();
    rig.lose_replicas(&a).await;
    // The time is up when the directory is read, and Exchange is still to be.
    rig.simulator
        .set_faults_json(json!({"calls": [{"tenant": "contoso", "endpoint": "groups-delta", "do": "delay", "delay_ms": 45_000}]}))
        .unwrap();
    let options = engine::snapshot::SnapshotOptions { full: true, daily: false, only: None };
    let deadline = rig.now() + jiff::SignedDuration::from_secs(60);
    assert!(rig.engine.snapshot(&rig.pair(), options, deadline).await.unwrap().unfinished);
    let known = rig.engine.store.replicas(&rig.pair(), Side::A, &a.iter().map(|anchor| gal::Anchor(*anchor)).collect::<Vec<_>>()).await;
    assert!(known.unwrap().iter().all(|known| known.reading.graph.is_some() && known.reading.exchange.is_none()), "half of each is read");
    rig.reconcile().await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 2, "nothing is concluded from what is not read");
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.settle(4).await.unwrap();
    rig.apply("contoso", delete(&a[..1]));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"], "who leaves now is hidden as ever");
}

/// Once the few words of one change were taken for all that Graph says of him, and the rest was cleared in the other directory.
#[tokio::test(start_paused = true)]
async fn who_is_edited_while_his_replica_is_lost_loses_nothing() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    rig.lose_replicas(&a).await;
    rig.apply("contoso", update(a[0], json!({"Title": "Lead"})));
    rig.settle(4).await.unwrap();
    let said = || {
        let gal = rig.gal("fabrikam");
        ["DisplayName", "FirstName"].map(|name| property(&gal[0], name))
    };
    assert_eq!(said(), ["Ann", "Ann"]);
    rig.next_day().await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!((said(), property(&rig.gal("fabrikam")[0], "Title")), (["Ann", "Ann"].map(str::to_owned), "Lead".to_owned()));
}

/// Once `rebuild`, which `status` names as the remedy for one lost link, made every other one forget what its contact was before.
#[tokio::test(start_paused = true)]
async fn a_rebuild_leaves_links_that_are_not_lost_alone() {
    let theirs = json!({"op": "create", "kind": "contact", "set": {"DisplayName": "Ben (ours)", "ExternalEmailAddress": "ben@contoso.example",
        "Title": "Partner"}});
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![theirs]).await;
    // What its owner says later is written into the found contact.
    rig.apply("contoso", update(a[1], json!({"Title": "Director"})));
    rig.settle(4).await.unwrap();
    lose_link(&rig, a[0]).await;
    let plan = rig.engine.rebuild_preview(&rig.pair()).await.unwrap();
    assert_eq!(plan.quiet.len(), 1, "{:?}", plan.quiet);
    // Where the time is up before it begins, it says so; given again it goes on.
    let run = rig.engine.rebuild(&rig.pair(), &rebuild_checksum(&plan), rig.now()).await.unwrap().expect("a run");
    assert!(matches!(run.outcome, engine::records::Outcome::Partial(_)) && run.left == 1, "{run:?}");
    let run = rig.engine.rebuild(&rig.pair(), &rebuild_checksum(&plan), rig.deadline()).await.unwrap().expect("a run");
    assert_eq!((run.counters.b.recovered, run.left), (1, 0), "{run:?}");
    assert_eq!(status(&rig).await.lost_links.b, 0);
    rig.settle(4).await.unwrap();
    rig.apply("contoso", delete(&a[1..]));
    rig.settle(4).await.unwrap();
    assert_eq!(property(find(&rig.gal("fabrikam"), "Ben (ours)").unwrap(), "Title"), "Partner", "given back as it was");
}

/// Once each run that failed counted its deletions once more, until the guard held what had never run.
#[tokio::test(start_paused = true)]
async fn what_a_failed_run_did_not_do_is_not_counted() {
    let people: Vec<Value> = (0..20).map(|number| user("contoso", &format!("Person{number:02}"))).collect();
    let (rig, a, _) = Rig::merged("guard = { max_deletions = 5, max_deletion_share = 1.0 }\n", people, vec![]).await;
    let no_role = json!({"tenant": "fabrikam", "cmdlet": "Set-MailContact", "do": "form-d"});
    rig.simulator.set_faults_json(json!({"calls": [no_role]})).unwrap();
    rig.apply("contoso", delete(&a[..3]));
    for _ in 0..5 {
        rig.advance(Duration::from_secs(600)).await;
        rig.snapshot(false).await.unwrap();
        assert!(rig.reconcile().await.is_err(), "the application may not write there");
    }
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 17, "{:?}", rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b);
}

/// A list that is "not found" was taken for one without anybody.
#[tokio::test(start_paused = true)]
async fn a_list_that_is_not_found_is_no_empty_list() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    let proxy =
        json!({"tenant": "contoso", "cmdlet": "Get-Recipient", "do": "form-a", "status": 404, "type": "Proxy", "message": "Not here."});
    rig.simulator.set_faults_json(json!({"calls": [proxy]})).unwrap();
    rig.apply("contoso", update(a[0], json!({"CustomAttribute1": "X"})));
    rig.advance(Duration::from_secs(600)).await;
    let before = rig.engine.state(&rig.pair()).await.unwrap().reading.sides.a.watermark;
    assert!(rig.snapshot(false).await.is_err(), "the reading fails");
    assert_eq!(rig.engine.state(&rig.pair()).await.unwrap().reading.sides.a.watermark, before, "and its cursor stays");
}
