//! What is concluded from a reading, and what Exchange refuses: rows of SEMANTICS.md ("When nothing is concluded", "Errors of one
//! recipient") that nothing else plays.

use std::time::Duration;

use engine::records::RunSummary;
use engine::snapshot::SnapshotOptions;
use gal::policy::MergeMode;
use gal::{LinkKey, Origin, Side};
use rig::outside::Fault;
use rig::people::{self, contact_at, delete, find, names, property, status, update, user};
use rig::{Rig, RigOptions};
use serde_json::{Value, json};
use uuid::Uuid;

/// Deleted for good, in a tenant whose delta tokens are void: only absence tells of it.
fn vanish(rig: &Rig, anchors: &[Uuid]) {
    let gone = anchors.iter().map(|anchor| json!({"op": "delete", "anchor": anchor, "permanent": true}));
    rig.apply("contoso", gone.chain([json!({"op": "resync"})]).collect());
}

async fn pass(rig: &Rig, minutes: u64) {
    rig.advance(Duration::from_secs(60 * minutes)).await;
}

fn written(runs: &[RunSummary]) -> Vec<String> {
    runs.iter().map(|run| format!("{:?}", run.counters)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_full_reading_that_comes_back_empty_takes_nobody_away() {
    let people = (0..4).map(|number| user("contoso", &format!("Person{number}"))).collect();
    let (rig, a, _) = Rig::merged("guard = { max_deletions = 9 }\n", people, vec![]).await;
    pass(&rig, 120).await;
    vanish(&rig, &a);
    rig.snapshot(true).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 4);
    let status = status(&rig).await;
    let why = status.sides.a.incomplete.unwrap_or_default();
    assert!(why.contains("came back empty, though 4 recipients are known"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn who_is_absent_from_a_complete_reading_is_gone_unless_he_is_new() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben"), user("contoso", "Cem")], vec![]).await;
    pass(&rig, 120).await;
    let new = rig.apply("contoso", json!([user("contoso", "Dora")]))[0].unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben", "Cem", "Dora"]);
    vanish(&rig, &[a[1], new]);
    pass(&rig, 10).await;
    rig.snapshot(true).await.unwrap();
    rig.settle(4).await.unwrap();
    // A reading may not show yet who was made in its last hour.
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Cem", "Dora"]);
    pass(&rig, 90).await;
    rig.snapshot(true).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Cem"]);
}

/// A list may miss somebody: he is asked for alone before he is taken for gone.
#[tokio::test(start_paused = true)]
async fn who_is_absent_is_looked_for_by_his_guid_first() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    pass(&rig, 120).await;
    rig.recorded.take();
    vanish(&rig, &a[1..]);
    rig.snapshot(true).await.unwrap();
    let ben = rig.engine.store.replica(&rig.pair(), Side::A, gal::Anchor(a[1])).await.unwrap().unwrap();
    let guid = ben.reading.exchange.map(|half| half.guid.to_string()).unwrap_or_default();
    let asked =
        rig.recorded.cmdlets().into_iter().filter(|(name, parameters)| name == "Get-Recipient" && parameters.to_string().contains(&guid));
    assert_eq!(asked.count(), 1, "he is looked for by {guid} before he is taken for gone");
}

/// Exchange shows for a while what stood there between two of our own cmdlets: that is no drift.
#[tokio::test(start_paused = true)]
async fn what_we_wrote_is_not_read_as_an_edit_while_it_spreads() {
    let (rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    rig.apply("contoso", json!([user("contoso", "Ben")]));
    // The last of the three cmdlets comes 100 seconds after the others, and a domain controller is 200 seconds behind.
    let slow = json!({"endpoint": "invoke", "cmdlet": "Set-Contact", "times": 1, "do": "delay", "delay_ms": 100_000});
    rig.simulator.set_faults_json(json!({"calls": [slow]})).unwrap();
    let mut writes = Vec::new();
    for seconds in [600, 150, 60, 600, 600] {
        rig.advance(Duration::from_secs(seconds)).await;
        rig.recorded.take();
        rig.cycle().await.unwrap();
        writes.push(rig.recorded.cmdlets().iter().filter(|(name, _)| name == "Set-Contact").count());
        rig.simulator.set_faults_json(json!({"replication_lag_ms": [200_000, 200_000]})).unwrap();
    }
    assert_eq!(writes, [1, 0, 0, 0, 0], "written once, and never put right again");
    let ours = find(&rig.gal("fabrikam"), "Ben").unwrap().anchor;
    rig.apply("fabrikam", update(ours, json!({"Title": "Boss"})));
    rig.settle(8).await.unwrap();
    assert_eq!(property(find(&rig.gal("fabrikam"), "Ben").unwrap(), "Title"), "Engineer", "an edit is put right all the same");
}

#[tokio::test(start_paused = true)]
async fn refused_x500_addresses_are_given_up_and_told() {
    let rig = Rig::new(RigOptions::default()).await;
    rig.apply("contoso", json!([user("contoso", "Ann"), user("contoso", "Ben")]));
    let legacy = property(find(&rig.gal("contoso"), "Ann").unwrap(), "LegacyExchangeDN");
    let other = rig.apply("fabrikam", json!([contact_at("Other", "other@partner.example", "Agent")]))[0].unwrap();
    rig.apply("fabrikam", update(other, json!({"EmailAddresses": ["SMTP:other@partner.example", format!("X500:{legacy}")]})));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    let runs = rig.settle(6).await.unwrap();
    let gal = rig.gal("fabrikam");
    let ann = find(&gal, "Ann").unwrap_or_else(|| panic!("{:?} {:?}", names(&gal), written(&runs)));
    assert_eq!(property(ann, "Title"), "Engineer", "everything else is published");
    let told = rig.engine.explain(&rig.pair(), "ann@contoso.example").await.unwrap();
    assert!(told.iter().any(|one| one.notes.join(" ").contains("X500")), "{told:#?}");
    rig.recorded.take();
    pass(&rig, 120).await;
    rig.settle(4).await.unwrap();
    assert!(rig.recorded.cmdlets().iter().all(|(name, _)| name != "Set-MailContact"), "it is not tried again and again");
}

#[tokio::test(start_paused = true)]
async fn a_creation_quota_pauses_creations_and_nothing_else() {
    let rig = Rig::new(RigOptions { creation_quota: Some(2), ..RigOptions::default() }).await;
    let people: Vec<Value> = (0..4).map(|number| user("contoso", &format!("Person{number}"))).collect();
    let anchors: Vec<Uuid> = rig.apply("contoso", Value::Array(people)).into_iter().flatten().collect();
    rig.merge(MergeMode::TwoWay).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 2);
    let everybody = anchors.iter().flat_map(|anchor| update(*anchor, json!({"Title": "Lead"})).as_array().cloned().unwrap()).collect();
    rig.apply("contoso", everybody);
    pass(&rig, 10).await;
    rig.cycle().await.unwrap();
    assert!(rig.gal("fabrikam").iter().all(|one| property(one, "Title") == "Lead"), "updates go on");
    assert_eq!(rig.gal("fabrikam").len(), 2, "nobody is tried before the hour is over");
    for _ in 0..8 {
        pass(&rig, 10).await;
        rig.cycle().await.unwrap();
    }
    assert_eq!(names(&rig.gal("fabrikam")), ["Person0", "Person1", "Person2", "Person3"]);
}

/// The process dies after `New-MailContact`, and then nobody wants the contact any more: it is looked for by its Name, and hidden.
#[tokio::test(start_paused = true)]
async fn a_half_done_creation_that_nobody_wants_is_found_and_hidden() {
    let (mut rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    let ben = rig.apply("contoso", json!([user("contoso", "Ben")]))[0].unwrap();
    pass(&rig, 10).await;
    rig.snapshot(false).await.unwrap();
    let mut nth = 1;
    while rig.gal("fabrikam").len() < 2 {
        rig.outside.die_at(nth, Fault::After);
        let (engine, outside, pair, deadline) = (&rig.engine, rig.outside.clone(), rig.pair(), rig.deadline());
        tokio::select! {
            biased;
            () = outside.death() => {}
            done = engine.reconcile(&pair, deadline) => panic!("it lived: {done:?}"),
        }
        rig.outside.revive();
        rig.restart();
        pass(&rig, 20).await;
        nth += 1;
    }
    assert!(names(&rig.gal("fabrikam")).iter().any(|name| name != "Ann"), "it is there, and half done: {:?}", names(&rig.gal("fabrikam")));
    rig.apply("contoso", update(ben, json!({"HiddenFromAddressListsEnabled": true})));
    for _ in 0..6 {
        pass(&rig, 20).await;
        let _ = rig.cycle().await;
    }
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann"]);
    assert_eq!(rig.gal_with_hidden("fabrikam").len(), 2, "hidden first, as anybody who leaves");
}

/// The target's administrator deletes our contact and makes his own in one breath: his is joined, ours is not made again.
#[tokio::test(start_paused = true)]
async fn an_administrators_own_contact_in_place_of_ours_is_joined() {
    let (rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    let ours = find(&rig.gal("fabrikam"), "Ann").unwrap().anchor;
    let own = contact_at("Annie (ours)", "ann@contoso.example", "Friend");
    rig.apply("fabrikam", json!([{"op": "delete", "anchor": ours, "permanent": true}, own]));
    rig.settle(6).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Annie (ours)"]);
    let told = rig.engine.explain(&rig.pair(), "ann@contoso.example").await.unwrap();
    assert!(told.iter().any(|line| format!("{line:?}").contains("Found")), "{told:#?}");
}

/// Once a change of members that Graph told of while Exchange was out was forgotten until the next day.
#[tokio::test(start_paused = true)]
async fn members_who_change_while_exchange_is_out_are_not_forgotten() {
    let rig = Rig::new(RigOptions::default()).await;
    let people: Vec<Uuid> = rig.apply("contoso", json!([user("contoso", "Ann"), user("contoso", "Ben")])).into_iter().flatten().collect();
    let group = json!([{"op": "create", "kind": "security-group", "set": {"DisplayName": "published"}, "members": people}]);
    let group = rig.apply("contoso", group)[0].unwrap();
    let mut rig = rig;
    rig.reprofile(&format!("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n[pairs.a_to_b.scope]\ninclude_groups = [\"{group}\"]\n"));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    rig.apply("contoso", json!([{"op": "remove-member", "anchor": group, "member": people[0]}]));
    rig.simulator.set_faults_json(json!({"calls": [{"tenant": "contoso", "endpoint": "invoke", "do": "503"}]})).unwrap();
    for _ in 0..2 {
        rig.advance(Duration::from_secs(600)).await;
        assert!(rig.cycle().await.is_err(), "Exchange is out");
    }
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"]);
}

/// Once a group that was empty from the beginning held every deletion and creation for ever, and the remedy that was named did nothing.
#[tokio::test(start_paused = true)]
async fn a_group_without_members_is_no_hindrance() {
    let mut rig = Rig::new(RigOptions::default()).await;
    let people: Vec<Uuid> = rig.apply("contoso", json!([user("contoso", "Ann"), user("contoso", "Ben")])).into_iter().flatten().collect();
    let groups = json!([
        {"op": "create", "kind": "security-group", "set": {"DisplayName": "everybody"}, "members": people},
        {"op": "create", "kind": "security-group", "set": {"DisplayName": "new site"}},
    ]);
    let groups: Vec<Uuid> = rig.apply("contoso", groups).into_iter().flatten().collect();
    let scope = format!("[pairs.a_to_b.scope]\ninclude_groups = [\"{}\", \"{}\"]\n", groups[0], groups[1]);
    rig.reprofile(&format!("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n{scope}"));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    rig.apply("contoso", json!([{"op": "remove-member", "anchor": groups[0], "member": people[0]}]));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"], "who left is hidden");
    rig.apply("contoso", json!([{"op": "add-member", "anchor": groups[1], "member": people[0]}]));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben"]);
}

/// Once what one cmdlet left out (its controller lagged) was taken for blank: numbers were cleared in the other directory, and a found
/// contact's own was overwritten.
#[tokio::test(start_paused = true)]
async fn what_a_cmdlet_leaves_out_is_not_blank() {
    let mut pat = people::contact("Pat", "Agent");
    pat["set"]["MobilePhone"] = json!("+41 79 555 01 01");
    let (rig, a, b) = Rig::merged("", vec![pat], vec![]).await;
    assert!(b.is_empty());
    let leaves_out = |tenant: &str| json!({"calls": [{"tenant": tenant, "cmdlet": "Get-Contact", "do": "leave-out"}]});
    rig.simulator.set_faults_json(leaves_out("contoso")).unwrap();
    rig.apply("contoso", update(a[0], json!({"Title": "Partner"})));
    rig.settle(3).await.unwrap();
    let says = |field: &str| property(find(&rig.gal("fabrikam"), "Pat").unwrap(), field);
    assert_eq!((says("MobilePhone"), says("Title")), ("+41 79 555 01 01".to_owned(), "Agent".to_owned()), "nothing is concluded");
    // Somebody's contact over there, of which a part is missing, is not filled.
    let mut own = contact_at("Gil (ours)", "gil@contoso.example", "Visitor");
    own["set"]["MobilePhone"] = json!("+41 79 555 07 07");
    rig.simulator.set_faults_json(leaves_out("fabrikam")).unwrap();
    rig.apply("fabrikam", json!([own]));
    let mut gil = user("contoso", "Gil");
    gil["set"]["MobilePhone"] = json!("+41 79 555 08 08");
    rig.apply("contoso", json!([gil]));
    rig.settle(3).await.unwrap();
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.settle(5).await.unwrap();
    let gal = rig.gal("fabrikam");
    let gil = find(&gal, "Gil (ours)").unwrap();
    assert_eq!(
        (property(gil, "MobilePhone").as_str(), property(gil, "CustomAttribute15").is_empty()),
        ("+41 79 555 07 07", false),
        "adopted"
    );
    assert_eq!(property(find(&gal, "Pat").unwrap(), "Title"), "Partner");
}

/// Once a write whose outcome nobody ever knew was tried every ten minutes for ever, and nobody was told.
#[tokio::test(start_paused = true)]
async fn who_is_never_known_to_be_written_is_set_aside() {
    let rig = Rig::new(RigOptions::default()).await;
    rig.apply("contoso", json!([user("contoso", "Ann"), user("contoso", "Bad")]));
    let unknown = json!({"tenant": "fabrikam", "cmdlet": "New-MailContact", "identity": "bad@", "do": "504"});
    rig.simulator.set_faults_json(json!({"calls": [unknown]})).unwrap();
    rig.merge(MergeMode::TwoWay).await.unwrap();
    for _ in 0..8 {
        rig.advance(Duration::from_secs(600)).await;
        rig.cycle().await.unwrap();
    }
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann"]);
    let aside = rig.engine.quarantined(&rig.pair()).await.unwrap();
    assert_eq!(aside.len(), 1, "he is set aside, and told of");
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.advance(Duration::from_secs(7 * 24 * 3_600)).await;
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Bad"]);
    assert!(rig.engine.quarantined(&rig.pair()).await.unwrap().is_empty());
}

/// Once a reading that took longer than its tick, or was killed, began from nothing again, tick after tick.
#[tokio::test(start_paused = true)]
async fn a_reading_that_is_killed_goes_on_where_it_was() {
    let mut rig = Rig::new(RigOptions::default()).await;
    rig.apply("contoso", json!([user("contoso", "Ann")]));
    rig.apply("fabrikam", json!([user("fabrikam", "Bob")]));
    rig.simulator.set_faults_json(json!({"calls": [{"do": "delay", "delay_ms": 45_000}]})).unwrap();
    rig.outside.die_at(12, Fault::After);
    let (engine, outside, pair, deadline) = (rig.engine.clone(), rig.outside.clone(), rig.pair(), rig.deadline());
    tokio::select! {
        biased;
        () = outside.death() => {}
        done = engine.snapshot(&pair, SnapshotOptions::default(), deadline) => panic!("it did not die: {done:?}"),
    }
    rig.outside.revive();
    drop(engine);
    rig.restart();
    let left = |side: &engine::records::SideReading| side.full.as_ref().map_or(3, |full| full.collections.len());
    let state = rig.engine.state(&rig.pair()).await.unwrap().reading.sides;
    assert!(left(&state.a) + left(&state.b) < 6, "what was done is stored: {state:?}");
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.advance(Duration::from_secs(1_200)).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    assert_eq!(
        (names(&rig.gal("fabrikam")), names(&rig.gal("contoso"))),
        (vec!["Ann".to_owned(), "Bob".to_owned()], vec!["Ann".to_owned(), "Bob".to_owned()])
    );
}

/// Once the daily reading of a side that took long, or could not be had, made the other side be read in full at every tick.
#[tokio::test(start_paused = true)]
async fn each_side_is_read_in_full_once_a_day() {
    let (rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![user("fabrikam", "Bob")]).await;
    rig.advance(Duration::from_secs(25 * 3_600)).await;
    rig.simulator.set_faults_json(json!({"calls": [{"tenant": "fabrikam", "do": "503"}]})).unwrap();
    let daily = SnapshotOptions { daily: true, ..SnapshotOptions::default() };
    let mut read = Vec::new();
    for _ in 0..3 {
        rig.advance(Duration::from_secs(600)).await;
        assert!(rig.engine.snapshot(&rig.pair(), daily, rig.deadline()).await.is_err(), "fabrikam is out");
        let side = rig.engine.state(&rig.pair()).await.unwrap().reading.sides.a;
        assert!(side.full.is_none());
        read.push(side.last_full.unwrap());
    }
    assert!(read[0] == read[1] && read[1] == read[2], "{read:?}");
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.advance(Duration::from_secs(600)).await;
    rig.engine.snapshot(&rig.pair(), daily, rig.deadline()).await.unwrap();
    let sides = rig.engine.state(&rig.pair()).await.unwrap().reading.sides;
    assert!(sides.b.last_full.unwrap() >= read[2] && sides.b.full.is_none() && sides.a.last_full.unwrap() == read[2], "{sides:?}");
}

/// Once a cursor that died while a full reading had done with its collection was followed no more, and who left was there for a day.
#[tokio::test(start_paused = true)]
async fn a_cursor_that_dies_during_a_full_reading_is_no_loss() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    rig.advance(Duration::from_secs(3 * 3_600)).await;
    rig.simulator.set_faults_json(json!({"calls": [{"do": "delay", "delay_ms": 40_000}]})).unwrap();
    let soon = rig.now() + jiff::SignedDuration::from_secs(300);
    rig.engine.snapshot(&rig.pair(), SnapshotOptions { full: true, ..SnapshotOptions::default() }, soon).await.unwrap();
    let full = rig.engine.state(&rig.pair()).await.unwrap().reading.sides.a.full.expect("it goes on with the next tick");
    assert!(full.collections.len() < 3, "{full:?}");
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}, {"op": "resync"}]));
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.settle(6).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"]);
    let side = rig.engine.state(&rig.pair()).await.unwrap().reading.sides.a;
    assert!(side.full.is_none() && side.cursors.len() == 3, "{side:?}");
}

/// Once a creation whose answer was lost was looked for once, and a contact that Exchange made later stayed in the list for ever.
#[tokio::test(start_paused = true)]
async fn what_exchange_makes_late_is_taken_away_although_nobody_wants_it_any_more() {
    let rig = Rig::new(RigOptions::default()).await;
    let ann = rig.apply("contoso", json!([user("contoso", "Ann")]))[0].unwrap();
    let unknown = json!({"tenant": "fabrikam", "cmdlet": "New-MailContact", "do": "504"});
    rig.simulator.set_faults_json(json!({"calls": [unknown]})).unwrap();
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.apply("contoso", delete(&[ann]));
    rig.advance(Duration::from_secs(600)).await;
    rig.cycle().await.unwrap();
    let key = LinkKey { origin: Origin::A, anchor: gal::Anchor(ann) };
    let link = rig.engine.store.link(&rig.pair(), key).await.unwrap().expect("it is looked for once more").item;
    // Now it is there, as New-MailContact makes it.
    let late = json!({"Name": link.name, "Alias": link.name, "DisplayName": "Ann", "ExternalEmailAddress": "ann@contoso.example"});
    rig.apply("fabrikam", json!([{"op": "create", "kind": "contact", "set": late}]));
    rig.advance(Duration::from_secs(1_800)).await;
    rig.settle(5).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), Vec::<String>::new());
    // And what was never made is forgotten in the end.
    let ben = rig.apply("contoso", json!([user("contoso", "Ben")]))[0].unwrap();
    let unknown = json!({"tenant": "fabrikam", "cmdlet": "New-MailContact", "do": "504"});
    rig.simulator.set_faults_json(json!({"calls": [unknown]})).unwrap();
    rig.cycle().await.unwrap();
    rig.apply("contoso", delete(&[ben]));
    rig.advance(Duration::from_secs(600)).await;
    rig.settle(8).await.unwrap();
    let key = LinkKey { origin: Origin::A, anchor: gal::Anchor(ben) };
    assert!(rig.engine.store.link(&rig.pair(), key).await.unwrap().is_none());
}

/// Once the metric said that all was well ten minutes after somebody was set aside.
#[tokio::test(start_paused = true)]
async fn a_pair_says_that_somebody_waits_for_a_person_as_long_as_he_does() {
    let (rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    assert!(!rig.snapshot(false).await.unwrap().waiting);
    rig.apply("contoso", json!([user("contoso", "Bad")]));
    let refused = json!({"tenant": "fabrikam", "cmdlet": "New-MailContact", "identity": "bad@", "do": "form-a", "status": 400,
        "type": "Microsoft.Exchange.Configuration.Tasks.RecipientTaskException", "message": "Not like this."});
    rig.simulator.set_faults_json(json!({"calls": [refused]})).unwrap();
    rig.advance(Duration::from_secs(600)).await;
    let run = rig.cycle().await.unwrap().expect("a run");
    assert!(run.attention, "{run:?}");
    rig.advance(Duration::from_secs(600)).await;
    let report = rig.snapshot(false).await.unwrap();
    assert_eq!((report.due, report.waiting), (false, true));
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.advance(Duration::from_secs(3_700)).await;
    let runs = rig.settle(3).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.attention).collect::<Vec<_>>(), [false], "{runs:?}");
    assert!(!rig.snapshot(false).await.unwrap().waiting);
}

/// Graph tells of a change before it shows it: members who are read too early are read once more.
#[tokio::test(start_paused = true)]
async fn members_are_read_once_more_where_nothing_is_different_yet() {
    let scope = json!({"op": "create", "kind": "distribution-group", "set": {"DisplayName": "Scope", "PrimarySmtpAddress": "scope@contoso.example"}});
    let other = json!({"op": "create", "kind": "distribution-group", "set": {"DisplayName": "Other", "PrimarySmtpAddress": "other@contoso.example"}});
    let mut rig = Rig::new(RigOptions::default()).await;
    let a: Vec<Uuid> = rig.apply("contoso", json!([user("contoso", "Ann"), scope, other])).into_iter().flatten().collect();
    rig.apply("contoso", json!([{"op": "add-member", "anchor": a[1], "member": a[0]}]));
    let profile = format!(
        "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n[pairs.a_to_b.scope]\nkinds = [\"user\"]\ninclude_groups = [\"{}\"]\n",
        a[1]
    );
    rig.reprofile(&profile);
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    let pending = async |rig: &Rig| rig.engine.state(&rig.pair()).await.unwrap().reading.sides.a.groups_changed;
    assert!(!pending(&rig).await);
    // Another group: nothing is different, as it is where the members are not shown yet.
    rig.apply("contoso", json!([{"op": "add-member", "anchor": a[2], "member": a[0]}]));
    let mut told = Vec::new();
    for _ in 0..3 {
        rig.advance(Duration::from_secs(600)).await;
        rig.snapshot(false).await.unwrap();
        told.push(pending(&rig).await);
    }
    assert_eq!(told, [true, false, false]);
    // Another change before that: both may still not be shown, and it is the last one after which they are read once more.
    let mut told = Vec::new();
    for act in ["remove-member", "add-member", ""] {
        if !act.is_empty() {
            rig.apply("contoso", json!([{"op": act, "anchor": a[2], "member": a[0]}]));
        }
        rig.advance(Duration::from_secs(600)).await;
        rig.snapshot(false).await.unwrap();
        told.push(pending(&rig).await);
    }
    assert_eq!(told, [true, true, false]);
    // A group that is suddenly empty: a monitoring that asks by exit code is told.
    rig.apply("contoso", json!([{"op": "remove-member", "anchor": a[1], "member": a[0]}]));
    rig.advance(Duration::from_secs(600)).await;
    rig.cycle().await.unwrap();
    assert_eq!(status(&rig).await.standing, engine::act::Standing::Held);
}

/// Once a reading whose time was over stored what it had read before over what the next one had read since.
#[tokio::test(start_paused = true)]
async fn a_reading_that_another_one_has_followed_stores_nothing_more() {
    let (mut rig, a, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    rig.apply("contoso", update(a[0], json!({"Title": "Lead"})));
    let slow = json!({"tenant": "contoso", "endpoint": "users-delta", "do": "delay", "delay_ms": 50_000, "times": 1});
    rig.simulator.set_faults_json(json!({"calls": [slow]})).unwrap();
    let (pair, second, began) = (rig.pair(), rig.second(), rig.now());
    let at = |seconds| began + jiff::SignedDuration::from_secs(seconds);
    let next = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        let report = second.snapshot(&pair, SnapshotOptions::default(), at(600)).await.unwrap();
        rig.apply("contoso", delete(&a));
        report
    };
    let (late, next) = tokio::join!(rig.engine.snapshot(&pair, SnapshotOptions::default(), at(20)), next);
    assert_eq!((next.changed.a, late.is_err()), (1, true));
    let known = rig.engine.store.replica(&pair, Side::A, gal::Anchor(a[0])).await.unwrap().unwrap();
    assert_eq!(known.presence, gal::recipient::Presence::Present, "the page that came late tells of the deletion, and is not stored");
    rig.advance(Duration::from_secs(600)).await;
    rig.settle(4).await.unwrap();
    assert!(rig.gal("fabrikam").is_empty(), "the next one reads it");
}
