//! The life of a published contact: one test for each row that an administrator would notice.

use std::time::Duration;

use engine::act::{Action, Answer, Standing};
use engine::operate::Leave;
use engine::records::{Outcome, RunSummary};
use gal::Side;
use gal::policy::MergeMode;
use jiff::SignedDuration;
use rig::people::{self, contact, contact_at, find, property, update};
use rig::{Rig, RigOptions};
use serde_json::{Value, json};
use uuid::Uuid;

use super::DAY;

fn user(name: &str) -> Value {
    people::user("contoso", name)
}

fn user2(name: &str) -> Value {
    people::user("fabrikam", name)
}

fn delete(anchor: Uuid) -> Value {
    people::delete(&[anchor])
}

fn nothing(done: &[RunSummary]) -> bool {
    done.iter().all(|summary| summary.counters == gal::Sides::default())
}

#[tokio::test(start_paused = true)]
async fn an_edit_reaches_the_contact_and_drift_is_put_right() {
    let (rig, a, _) = Rig::merged("", vec![user("Ann")], vec![]).await;
    rig.apply("contoso", update(a[0], json!({"Title": "Director"})));
    rig.settle(4).await.unwrap();
    let gal = rig.gal("fabrikam");
    let published = find(&gal, "Ann").expect("published");
    assert_eq!(property(published, "Title"), "Director");
    let copy = published.anchor;
    rig.apply("fabrikam", update(copy, json!({"Title": "Intern", "Notes": "the administrator's own"})));
    rig.advance(Duration::from_secs(600)).await;
    let run = rig.cycle().await.unwrap().expect("the next cycle is a run");
    let gal = rig.gal("fabrikam");
    let published = find(&gal, "Ann").expect("published");
    assert_eq!(property(published, "Title"), "Director");
    assert_eq!(property(published, "Notes"), "the administrator's own");
    assert_eq!(published.anchor, copy);
    was_put_right(&rig, &run).await;
}

/// The run says of Ann, and of nobody else, that she was put right.
async fn was_put_right(rig: &Rig, run: &RunSummary) {
    let done = rig.engine.store.operations(&run.id).await.unwrap();
    let [operation] = &done[..] else { panic!("{done:#?}") };
    assert!(operation.address == "ann@contoso.example" && operation.reason.contains("put right"), "{operation:#?}");
}

/// The controller that is asked for changes is hours behind, and so is Graph.
#[tokio::test(start_paused = true)]
async fn drift_that_no_change_told_of_is_put_right_within_a_day() {
    const GRAPH: [u64; 2] = [200_000_000, 200_000_000];
    let (rig, _, _) = Rig::merged("", vec![user("Ann")], vec![]).await;
    let title = || property(find(&rig.gal("fabrikam"), "Ann").expect("published"), "Title");
    let behind = json!({"tenant": "fabrikam", "cmdlet": "Get-Recipient", "do": "leave-out"});
    rig.simulator.set_faults_json(json!({"graph_delay_ms": GRAPH, "calls": [behind]})).unwrap();
    let copy = find(&rig.gal("fabrikam"), "Ann").expect("published").anchor;
    rig.apply("fabrikam", update(copy, json!({"Title": "Intern"})));
    for cycle in 0..30 {
        rig.advance(Duration::from_secs(600)).await;
        assert_eq!(rig.cycle().await.unwrap(), None, "nobody tells of it");
        if cycle == 18 {
            rig.simulator.set_faults_json(json!({"graph_delay_ms": GRAPH, "calls": []})).unwrap();
        }
    }
    assert_eq!(title(), "Intern");
    rig.advance(Duration::from_hours(20)).await;
    rig.snapshot(true).await.unwrap();
    let run = rig.reconcile().await.unwrap().expect("there is something to do");
    assert_eq!(title(), "Engineer");
    was_put_right(&rig, &run).await;
}

#[tokio::test(start_paused = true)]
async fn a_leaver_is_hidden_first_and_purged_after_the_grace_period() {
    let (rig, a, _) = Rig::merged("", vec![user("Ann"), user("Ben")], vec![]).await;
    rig.apply("contoso", delete(a[0]));
    rig.settle(4).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Ann").is_none());
    assert!(find(&rig.gal_with_hidden("fabrikam"), "Ann").is_some_and(|entry| entry.hidden));
    rig.advance(DAY * 29).await;
    rig.settle(4).await.unwrap();
    assert!(find(&rig.gal_with_hidden("fabrikam"), "Ann").is_some(), "not before its time");
    rig.advance(DAY * 2).await;
    rig.settle(4).await.unwrap();
    assert!(find(&rig.gal_with_hidden("fabrikam"), "Ann").is_none());
    assert!(find(&rig.gal("fabrikam"), "Ben").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_rehire_gets_the_same_contact_back() {
    let (rig, a, _) = Rig::merged("", vec![user("Ann")], vec![]).await;
    let before = find(&rig.gal("fabrikam"), "Ann").expect("published").anchor;
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}]));
    rig.settle(4).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Ann").is_none());
    rig.apply("contoso", json!([user("Ann")]));
    rig.settle(6).await.unwrap();
    assert_eq!(find(&rig.gal("fabrikam"), "Ann").expect("shown again").anchor, before);
    rig.advance(DAY * 40).await;
    rig.settle(4).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Ann").is_some(), "the purge is cancelled");
}

#[tokio::test(start_paused = true)]
async fn peers_are_edited_on_both_sides_and_conflicts_are_held() {
    let (rig, a, b) = Rig::merged("", vec![contact("Pat", "Partner")], vec![contact("Pat", "Partner")]).await;
    rig.apply("contoso", update(a[0], json!({"Title": "Lead"})));
    rig.apply("fabrikam", update(b[0], json!({"Department": "Sales"})));
    rig.settle(5).await.unwrap();
    for tenant in ["contoso", "fabrikam"] {
        let gal = rig.gal(tenant);
        let pat = find(&gal, "Pat").expect("there");
        assert_eq!((property(pat, "Title"), property(pat, "Department")), ("Lead".into(), "Sales".into()), "{tenant}");
        assert_eq!(gal.len(), 1);
    }
    rig.apply("contoso", update(a[0], json!({"Title": "Chief", "City": "Bern"})));
    rig.apply("fabrikam", update(b[0], json!({"Title": "Boss"})));
    rig.settle(5).await.unwrap();
    let (contoso, fabrikam) = (rig.gal("contoso"), rig.gal("fabrikam"));
    let (left, right) = (find(&contoso, "Pat").unwrap(), find(&fabrikam, "Pat").unwrap());
    assert_eq!((property(left, "Title"), property(right, "Title")), ("Chief".into(), "Boss".into()), "the field is held");
    assert_eq!(property(right, "City"), "Bern", "everything else goes on");
    let explained = rig.engine.explain(&rig.pair(), "pat@partner.example").await.unwrap();
    assert!(explained.iter().any(|one| one.notes.iter().any(|note| note.contains("Title"))), "{explained:#?}");
    let conflicts = async |rig: &Rig| match rig.engine.act(&rig.pair(), Action::Status, rig.deadline()).await.unwrap() {
        Answer::Status(status) => status.conflicts.into_iter().map(|one| (one.address, one.fields)).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let waits = async |rig: &Rig| match rig.engine.act(&rig.pair(), Action::Status, rig.deadline()).await.unwrap() {
        Answer::Status(status) => (status.standing, rig.snapshot(false).await.unwrap().waiting),
        other => panic!("{other:?}"),
    };
    assert_eq!(conflicts(&rig).await, [("pat@partner.example".to_owned(), vec!["Title".to_owned()])]);
    assert_eq!(waits(&rig).await, (Standing::Held, true), "and a person is told");
    assert!(rig.settle(2).await.unwrap().is_empty(), "and is quiet");
    rig.apply("fabrikam", update(b[0], json!({"Title": "Chief"})));
    rig.settle(5).await.unwrap();
    assert_eq!(conflicts(&rig).await, [], "a person made both sides say the same");
    assert_eq!(waits(&rig).await, (Standing::InStep, false));
}

/// Two shared contacts with a blank each: both were written by the merge, and the link once stayed half joined for ever.
#[tokio::test(start_paused = true)]
async fn peers_that_fill_each_others_blanks_are_linked_by_the_merge() {
    let mut right = contact("Pat", "");
    right["set"] = json!({"DisplayName": "Pat", "ExternalEmailAddress": "pat@partner.example", "Department": "Sales"});
    let (rig, a, _) = Rig::merged("", vec![contact("Pat", "Partner")], vec![right]).await;
    for tenant in ["contoso", "fabrikam"] {
        let gal = rig.gal(tenant);
        let pat = find(&gal, "Pat").expect("there");
        assert_eq!((property(pat, "Title"), property(pat, "Department")), ("Partner".into(), "Sales".into()), "{tenant}");
    }
    let explained = rig.engine.explain(&rig.pair(), "pat@partner.example").await.unwrap();
    assert!(explained.iter().filter_map(|one| one.link.as_ref()).all(gal::Link::is_live), "{explained:#?}");
    rig.apply("contoso", update(a[0], json!({"Title": "Chief"})));
    rig.settle(4).await.unwrap();
    assert_eq!(property(find(&rig.gal("fabrikam"), "Pat").unwrap(), "Title"), "Chief", "an edit is carried over");
}

#[tokio::test(start_paused = true)]
async fn a_twin_follows_its_peer_and_deleting_the_made_half_suppresses() {
    let (rig, a, _) = Rig::merged("deletion_grace_days = 0\n", vec![contact("Pat", "Partner"), contact("Quinn", "Partner")], vec![]).await;
    assert_eq!(rig.gal("fabrikam").len(), 2);
    rig.apply("contoso", delete(a[0]));
    rig.settle(5).await.unwrap();
    assert!(find(&rig.gal_with_hidden("fabrikam"), "Pat").is_none());
    let twin = find(&rig.gal("fabrikam"), "Quinn").expect("there").anchor;
    rig.apply("fabrikam", delete(twin));
    rig.settle(5).await.unwrap();
    assert!(find(&rig.gal("contoso"), "Quinn").is_some(), "the administrator's own contact stays");
    assert!(find(&rig.gal("fabrikam"), "Quinn").is_none(), "and is not published again");
    rig.engine.unsuppress(&rig.pair(), "quinn@partner.example").await.unwrap();
    rig.settle(5).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Quinn").is_some());
}

#[tokio::test(start_paused = true)]
async fn the_administrator_of_the_target_has_a_veto() {
    let (rig, a, _) = Rig::merged("", vec![user("Ann"), user("Ben")], vec![]).await;
    let (ann, ben) = {
        let gal = rig.gal("fabrikam");
        (find(&gal, "Ann").unwrap().anchor, find(&gal, "Ben").unwrap().anchor)
    };
    rig.apply("fabrikam", update(ann, json!({"HiddenFromAddressListsEnabled": true})));
    rig.settle(3).await.unwrap();
    rig.apply("contoso", update(a[0], json!({"Title": "Director"})));
    rig.settle(4).await.unwrap();
    let gal = rig.gal_with_hidden("fabrikam");
    let hidden = find(&gal, "Ann").unwrap();
    assert!(hidden.hidden, "what he hides stays hidden");
    assert_eq!(property(hidden, "Title"), "Director", "and is kept in step");
    rig.apply("fabrikam", delete(ben));
    rig.settle(5).await.unwrap();
    let again = find(&rig.gal("fabrikam"), "Ben").expect("made again once").anchor;
    assert_ne!(again, ben);
    rig.apply("fabrikam", delete(again));
    rig.settle(5).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Ben").is_none(), "the second deletion suppresses it");
    let explained = rig.engine.explain(&rig.pair(), "ben@contoso.example").await.unwrap();
    assert!(explained.iter().any(|one| one.code.as_deref() == Some("suppressed")), "{explained:#?}");
}

#[tokio::test(start_paused = true)]
async fn unhiding_a_staged_contact_keeps_it() {
    let (rig, a, _) = Rig::merged("", vec![user("Ann")], vec![]).await;
    rig.apply("contoso", delete(a[0]));
    rig.settle(4).await.unwrap();
    let staged = find(&rig.gal_with_hidden("fabrikam"), "Ann").expect("staged").anchor;
    rig.apply("fabrikam", update(staged, json!({"HiddenFromAddressListsEnabled": false})));
    rig.settle(4).await.unwrap();
    rig.advance(DAY * 60).await;
    rig.settle(4).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Ann").is_some());
}

#[tokio::test(start_paused = true)]
async fn leaving_the_scope_stages_and_coming_back_restores() {
    let (rig, a, _) = Rig::merged("", vec![user("Ann")], vec![]).await;
    let anchor = find(&rig.gal("fabrikam"), "Ann").unwrap().anchor;
    rig.apply("contoso", update(a[0], json!({"AccountEnabled": false})));
    rig.settle(4).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Ann").is_none());
    rig.apply("contoso", update(a[0], json!({"AccountEnabled": true})));
    rig.settle(4).await.unwrap();
    assert_eq!(find(&rig.gal("fabrikam"), "Ann").expect("restored").anchor, anchor);
}

#[tokio::test(start_paused = true)]
async fn a_mass_deletion_is_held_until_it_is_approved() {
    let names: Vec<String> = (0..40).map(|n| format!("Person{n}")).collect();
    let (rig, a, _) = Rig::merged("guard = { max_deletions = 5 }\n", names.iter().map(|name| user(name)).collect(), vec![]).await;
    assert_eq!(rig.gal("fabrikam").len(), 40);
    let gone: Vec<Value> = a.iter().take(12).map(|anchor| json!({"op": "delete", "anchor": anchor})).collect();
    rig.apply("contoso", Value::Array(gone));
    rig.apply("contoso", update(a[20], json!({"Title": "Director"})));
    let done = rig.settle(3).await.unwrap();
    assert!(done.iter().any(|summary| matches!(summary.outcome, Outcome::Held(_))), "{done:#?}");
    let gal = rig.gal("fabrikam");
    assert_eq!(gal.len(), 40, "nobody was hidden");
    assert_eq!(property(find(&gal, "Person20").unwrap(), "Title"), "Director", "updates go on");
    rig.advance(DAY * 3).await;
    rig.settle(3).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 40, "a hold never ends by time alone");
    let state = rig.engine.state(&rig.pair()).await.unwrap();
    let hold = state.writing.holds.b.expect("a hold");
    assert_eq!(hold.deletions, 12);
    assert!(rig.engine.approve(&rig.pair(), "000000000000").await.is_err());
    rig.engine.approve(&rig.pair(), &hold.checksum.expect("can be approved")).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 28);
    let state = rig.engine.state(&rig.pair()).await.unwrap();
    assert!(state.writing.holds.b.is_none());
}

#[tokio::test(start_paused = true)]
async fn found_contacts_are_adopted_filled_and_given_back() {
    let found = json!({"op": "create", "kind": "contact", "set": {"DisplayName": "Annie (old)", "ExternalEmailAddress": "ANN@Contoso.example", "City": "Bern"}});
    let (rig, a, b) = Rig::merged("", vec![user("Ann")], vec![found]).await;
    let gal = rig.gal("fabrikam");
    assert_eq!(gal.len(), 1, "joined, not doubled");
    assert_eq!(property(&gal[0], "Title"), "Engineer", "blanks are filled");
    assert_eq!(property(&gal[0], "DisplayName"), "Annie (old)", "what differs is kept");
    rig.apply("contoso", update(a[0], json!({"DisplayName": "Ann Smith"})));
    rig.settle(4).await.unwrap();
    assert_eq!(property(&rig.gal("fabrikam")[0], "DisplayName"), "Ann Smith", "until its owner changes it");
    rig.apply("contoso", delete(a[0]));
    rig.settle(4).await.unwrap();
    let gal = rig.gal("fabrikam");
    assert_eq!(gal.len(), 1, "released, never removed");
    assert_eq!(gal[0].anchor, b[0]);
    assert_eq!(
        (property(&gal[0], "DisplayName"), property(&gal[0], "Title"), property(&gal[0], "City")),
        ("Annie (old)".into(), String::new(), "Bern".into())
    );
    assert_eq!(property(&gal[0], "CustomAttribute15"), "", "the stamp is gone");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_nobody_twice() {
    let rig = Rig::new(RigOptions::default()).await;
    rig.apply("contoso", json!([user("Ann"), user("Ben"), user("Cem")]));
    rig.simulator
        .set_faults_json(json!({"calls": [
            {"tenant": "fabrikam", "cmdlet": "New-MailContact", "nth": 1, "do": "commit-then-drop"},
            {"tenant": "fabrikam", "cmdlet": "New-MailContact", "nth": 2, "do": "drop-before-commit"},
            {"tenant": "fabrikam", "cmdlet": "Set-MailContact", "nth": 1, "do": "commit-then-504"}
        ]}))
        .expect("a fault plan");
    rig.merge(MergeMode::TwoWay).await.expect("a merge");
    rig.settle(6).await.unwrap();
    let gal = rig.gal("fabrikam");
    assert_eq!(gal.len(), 3, "{gal:#?}");
    assert!(gal.iter().all(|entry| property(entry, "CustomAttribute15").starts_with("galbridge1|")));
    assert!(nothing(&rig.settle(3).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_lost_table_is_rebuilt_from_the_stamps() {
    let (rig, a, _) = Rig::merged("", vec![user("Ann"), contact("Pat", "Partner")], vec![user2("Bob"), contact("Quinn", "Other")]).await;
    let before: Vec<(usize, usize)> = vec![(rig.gal("contoso").len(), rig.gal("fabrikam").len())];
    let mut fresh = rig;
    fresh.lose_state().await;
    fresh.snapshot(false).await.unwrap();
    let plan = fresh.engine.rebuild_preview(&fresh.pair()).await.unwrap();
    assert!(plan.operations.is_empty());
    let deadline = fresh.now() + SignedDuration::from_hours(1);
    fresh.engine.rebuild(&fresh.pair(), &engine::operate::rebuild_checksum(&plan), deadline).await.unwrap();
    let done = fresh.settle(5).await.unwrap();
    assert_eq!(before, vec![(fresh.gal("contoso").len(), fresh.gal("fabrikam").len())], "{done:#?}");
    fresh.apply("contoso", update(a[0], json!({"Title": "Director"})));
    fresh.settle(4).await.unwrap();
    assert_eq!(property(find(&fresh.gal("fabrikam"), "Ann").unwrap(), "Title"), "Director");
}

#[tokio::test(start_paused = true)]
async fn unpublish_takes_back_everything_of_one_side() {
    let (rig, _, _) = Rig::merged("", vec![user("Ann"), contact("Pat", "Partner")], vec![user2("Bob")]).await;
    assert_eq!((rig.gal("contoso").len(), rig.gal("fabrikam").len()), (3, 3));
    let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Purge).await.unwrap();
    let deadline = rig.now() + SignedDuration::from_hours(1);
    rig.engine.unpublish(&rig.pair(), Side::B, Leave::Purge, &plan.checksum(), deadline).await.unwrap();
    assert_eq!((rig.gal("contoso").len(), rig.gal_with_hidden("fabrikam").len()), (3, 1));
    rig.settle(4).await.unwrap();
    assert_eq!((rig.gal("contoso").len(), rig.gal_with_hidden("fabrikam").len()), (3, 1), "closed until the next merge");
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!((rig.gal("contoso").len(), rig.gal("fabrikam").len()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn make_way_removes_the_contact_and_never_makes_it_again() {
    let (rig, _, _) = Rig::merged("", vec![user("Ann")], vec![]).await;
    let deadline = rig.now() + SignedDuration::from_hours(1);
    let made = rig.engine.make_way(&rig.pair(), "ann@contoso.example", deadline).await.unwrap();
    assert!(made[0].x500.iter().all(|line| line.starts_with("X500:")) && !made[0].x500.is_empty());
    assert!(rig.gal_with_hidden("fabrikam").is_empty());
    rig.settle(4).await.unwrap();
    assert!(rig.gal_with_hidden("fabrikam").is_empty());
}

#[tokio::test(start_paused = true)]
async fn until_a_merge_is_confirmed_the_schedule_only_reads() {
    let rig = Rig::new(RigOptions::default()).await;
    rig.apply("contoso", json!([user("Ann")]));
    rig.settle(3).await.unwrap();
    assert!(rig.gal("fabrikam").is_empty());
    let preview = rig.engine.preview(&rig.pair(), None).await.unwrap();
    assert_eq!(preview.plan.operations.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_cycle_is_eight_requests_and_three_of_the_state() {
    let (rig, _, _) = Rig::merged("", vec![user("Ann"), user("Ben")], vec![user2("Bob")]).await;
    rig.advance(Duration::from_secs(2 * 3_600)).await;
    rig.cycle().await.unwrap();
    rig.advance(Duration::from_secs(2 * 3_600)).await;
    rig.recorded.take();
    let before = rig.state.requests().total();
    assert_eq!(rig.cycle().await.unwrap(), None);
    assert_eq!(rig.state.requests().total() - before, 3);
    let asked: Vec<_> =
        rig.recorded.take().into_iter().filter(|line| !line["url"].as_str().unwrap_or_default().contains("/oauth2/")).collect();
    assert_eq!(asked.len(), 8, "{asked:#?}");
}

/// Once the profile began to publish a field, and a source that says nothing in it cleared what the target's administrator had written there
/// while it was his.
#[tokio::test(start_paused = true)]
async fn what_its_administrator_wrote_in_an_unpublished_field_stays_when_it_is_published() {
    let of = |rest: &str| format!("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n{rest}");
    let bare = |name: &str| {
        let mut person = people::user("contoso", name);
        person["set"]["Department"] = json!(null);
        person
    };
    let profile = of("[pairs.a_to_b.mapping]\ndepartment = false\n");
    let mut rig = Rig::new(RigOptions { profile, ..RigOptions::default() }).await;
    let mut sales = bare("Cas");
    sales["set"]["Department"] = json!("Sales");
    let people = rig.apply("contoso", json!([bare("Ann"), bare("Ben"), sales]));
    let mut found = contact_at("Ben", "ben@contoso.example", "Engineer");
    found["set"]["Department"] = json!("Visitors");
    rig.apply("fabrikam", json!([found]));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    for name in ["Ann", "Cas"] {
        rig.apply("fabrikam", update(find(&rig.gal("fabrikam"), name).unwrap().anchor, json!({"Department": "Friends"})));
    }
    rig.settle(4).await.unwrap();
    let departments = |rig: &Rig| ["Ann", "Ben", "Cas"].map(|name| property(find(&rig.gal("fabrikam"), name).unwrap(), "Department"));
    assert_eq!(departments(&rig), ["Friends", "Visitors", "Friends"], "his own");
    rig.reprofile(&of(""));
    rig.settle(6).await.unwrap();
    assert_eq!(departments(&rig), ["Friends", "Visitors", "Sales"], "only what a source says is written");
    rig.apply("contoso", update(people[0].unwrap(), json!({"Department": "Law"})));
    rig.settle(4).await.unwrap();
    assert_eq!(departments(&rig)[0], "Law");
}

/// Once giving a contact back also took back what its own administrator had done meanwhile: he saw shown again what he had hidden.
#[tokio::test(start_paused = true)]
async fn what_its_administrator_did_meanwhile_stays_when_it_is_given_back() {
    let own = |name: &str, hidden: bool| {
        let mut own = contact_at(name, &format!("{}@contoso.example", name.to_lowercase()), "Visitor");
        own["set"]["HomePhone"] = json!("+41 44 555 01 01");
        own["set"]["HiddenFromAddressListsEnabled"] = json!(hidden);
        own
    };
    let people = vec![people::user("contoso", "Ann"), people::user("contoso", "Ben")];
    let (rig, a, b) = Rig::merged("", people, vec![own("Ann", false), own("Ben", true)]).await;
    rig.apply("fabrikam", update(b[0], json!({"HiddenFromAddressListsEnabled": true, "HomePhone": null})));
    rig.apply("fabrikam", update(b[1], json!({"HiddenFromAddressListsEnabled": false})));
    rig.settle(4).await.unwrap();
    rig.apply("contoso", people::delete(&[a[0], a[1]]));
    rig.settle(5).await.unwrap();
    let gal = rig.gal_with_hidden("fabrikam");
    let told = ["Ann", "Ben"].map(|name| {
        let one = find(&gal, name).unwrap();
        (one.hidden, property(one, "HomePhone"), property(one, "CustomAttribute15").is_empty())
    });
    assert_eq!(told, [(true, String::new(), true), (false, "+41 44 555 01 01".to_owned(), true)]);
}

/// Once a hiding and a leaving that were read together were taken for one: the veto was forgotten.
#[tokio::test(start_paused = true)]
async fn who_was_hidden_by_the_administrator_before_he_left_stays_hidden_when_he_is_back() {
    let (rig, a, _) = Rig::merged("", vec![people::user("contoso", "Ann")], vec![]).await;
    let contact = find(&rig.gal("fabrikam"), "Ann").unwrap().anchor;
    rig.apply("fabrikam", update(contact, json!({"HiddenFromAddressListsEnabled": true})));
    rig.apply("contoso", update(a[0], json!({"HiddenFromAddressListsEnabled": true})));
    rig.settle(4).await.unwrap();
    rig.apply("contoso", update(a[0], json!({"HiddenFromAddressListsEnabled": false, "Title": "Back"})));
    rig.settle(4).await.unwrap();
    let gal = rig.gal_with_hidden("fabrikam");
    assert_eq!((gal.len(), gal[0].hidden, property(&gal[0], "Title").as_str()), (1, true, "Back"));
}

/// Once a template of names that rooms do not have asked Exchange for a blank display name, and the room was set aside for ever.
#[tokio::test(start_paused = true)]
async fn nobody_is_shown_without_a_name() {
    let room = json!({"op": "create", "kind": "room", "set": {"DisplayName": "Room 7", "PrimarySmtpAddress": "room7@contoso.example"}});
    let template = "[pairs.a_to_b.mapping]\ndisplay_name = \"{{ last_name }} {{ first_name }}\"\n";
    let mut ann = people::user("contoso", "Ann");
    (ann["set"]["FirstName"], ann["set"]["LastName"]) = (json!("Ann"), json!("Meier"));
    let (mut rig, a, _) = Rig::merged(template, vec![ann, room], vec![]).await;
    assert_eq!(people::names(&rig.gal("fabrikam")), ["Meier Ann", "Room 7"]);
    rig.apply("contoso", update(a[1], json!({"City": "Bern"})));
    rig.settle(4).await.unwrap();
    assert_eq!(property(find(&rig.gal("fabrikam"), "Room 7").unwrap(), "City"), "Bern");
    rig.reprofile("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n[pairs.a_to_b.mapping]\ndisplay_name = false\n");
    rig.settle(6).await.unwrap();
    assert_eq!(people::names(&rig.gal("fabrikam")), ["Meier Ann", "Room 7"], "what stands there stays");
    assert!(rig.engine.quarantined(&rig.pair()).await.unwrap().is_empty() && rig.settle(2).await.unwrap().is_empty());
}

/// Once somebody stood in quarantine for ever who had nothing left that could be refused.
#[tokio::test(start_paused = true)]
async fn a_quarantine_ends_where_nothing_is_left_to_be_refused() {
    let (rig, a, _) = Rig::merged("", vec![people::user("contoso", "Ann")], vec![]).await;
    let refusal = json!({"tenant": "fabrikam", "cmdlet": "Set-Contact", "do": "form-a", "status": 400,
        "type": "Microsoft.Exchange.Configuration.Tasks.RecipientTaskException", "message": "The value is not valid for this property."});
    rig.simulator.set_faults_json(json!({"calls": [refusal]})).unwrap();
    rig.apply("contoso", update(a[0], json!({"Title": "refused"})));
    rig.settle(3).await.unwrap();
    assert_eq!(rig.engine.quarantined(&rig.pair()).await.unwrap().len(), 1);
    rig.apply("contoso", update(a[0], json!({"Title": "Engineer"})));
    rig.settle(4).await.unwrap();
    assert!(rig.engine.quarantined(&rig.pair()).await.unwrap().is_empty());
}
