//! The twelve laws of DESIGN.md: one test for each, and one committed patch (tests/mutants) that
//! breaks the law and must turn its test red.

use std::sync::Arc;
use std::time::Duration;

use engine::ports::StoreError;
use engine::records::Outcome;
use engine::{EngineError, Silent};
use gal::policy::MergeMode;
use m365_simulator::FaultLevel;
use rig::collected::Collected;
use rig::people::{self, find, names, property, user};
use rig::{Rig, RigOptions};
use serde_json::{Value, json};
use state::testing::Fault;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, filter::LevelFilter};
use uuid::Uuid;

use super::DAY;

fn contact(name: &str) -> Value {
    people::contact(name, "Partner")
}

/// Every operation of every run so far, for the message of a failed test.
async fn told(rig: &Rig) -> String {
    let mut text = String::new();
    for run in rig.engine.store.runs(&rig.pair(), 50).await.unwrap().into_iter().rev() {
        text.push_str(&format!("{} {:?} {:?}\n", run.id, run.outcome, run.notes));
        for operation in rig.engine.store.operations(&run.id).await.unwrap() {
            text.push_str(&format!("  {} {} {:?} {}\n", operation.operation, operation.link, operation.result, operation.reason));
        }
    }
    text
}

#[tokio::test(start_paused = true)]
async fn law_01_what_was_published_is_never_published_again() {
    let profile = "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n[[pairs]]\na = \"fabrikam\"\nb = \"initech\"\n";
    let tenants = ["contoso", "fabrikam", "initech"].map(|name| (name.to_owned(), 0)).to_vec();
    let rig = Rig::new(RigOptions { tenants, profile: profile.to_owned(), ..RigOptions::default() }).await;
    for tenant in ["contoso", "fabrikam", "initech"] {
        rig.apply(tenant, json!([user(tenant, &format!("Person-of-{tenant}"))]));
    }
    rig.apply("contoso", json!([contact("Pat")]));
    rig.merge_each_pair(6).await.unwrap();
    assert_eq!(names(&rig.gal("contoso")), ["Pat", "Person-of-contoso", "Person-of-fabrikam"]);
    assert_eq!(names(&rig.gal("fabrikam")), ["Pat", "Person-of-contoso", "Person-of-fabrikam", "Person-of-initech"]);
    assert_eq!(names(&rig.gal("initech")), ["Person-of-fabrikam", "Person-of-initech"], "nothing is relayed");
}

#[tokio::test(start_paused = true)]
async fn law_02_only_what_was_made_is_taken_away_and_it_is_looked_at_again_right_before() {
    let (rig, a, b) = Rig::merged(
        "deletion_grace_days = 0\n",
        vec![user("contoso", "Ann"), user("contoso", "Ben")],
        vec![json!({"op": "create", "kind": "contact", "set": {"DisplayName": "Ann", "ExternalEmailAddress": "ann@contoso.example"}})],
    )
    .await;
    let ben = find(&rig.gal("fabrikam"), "Ben").expect("made").anchor;
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0]}, {"op": "delete", "anchor": a[1]}]));
    rig.advance(Duration::from_secs(600)).await;
    rig.snapshot(false).await.unwrap();
    // Between reading and writing somebody else takes the contact over: its stamp is gone.
    rig.apply("fabrikam", json!([{"op": "update", "anchor": ben, "set": {"CustomAttribute15": "another tool"}}]));
    rig.reconcile().await.unwrap();
    rig.settle(6).await.unwrap();
    let gal = rig.gal("fabrikam");
    assert!(gal.iter().any(|entry| entry.anchor == b[0]), "a found contact is released, never removed");
    assert!(gal.iter().any(|entry| entry.anchor == ben), "what is not ours any more is not touched");
}

#[tokio::test(start_paused = true)]
async fn law_03_a_failed_or_empty_reading_is_no_deletion() {
    let group = json!({"op": "create", "kind": "distribution-group", "set": {"DisplayName": "Everybody", "PrimarySmtpAddress": "everybody@contoso.example"}});
    let rig = Rig::new(RigOptions::default()).await;
    let a: Vec<Uuid> = rig.apply("contoso", json!([user("contoso", "Ann"), user("contoso", "Ben"), group])).into_iter().flatten().collect();
    for member in &a[..2] {
        rig.apply("contoso", json!([{"op": "add-member", "anchor": a[2], "member": member}]));
    }
    let mut rig = rig;
    rig.reprofile(&format!(
        "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n[pairs.a_to_b.scope]\nkinds = [\"user\"]\ninclude_groups = [\"{}\"]\n",
        a[2]
    ));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben"]);
    // The scope group is gone.
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[2]}]));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben"]);
    let state = rig.engine.state(&rig.pair()).await.unwrap();
    assert!(state.reading.sides.a.incomplete.is_some(), "and a person can see why");
    // Readings that fail, and a cursor that dies, take nobody away either.
    rig.simulator
        .set_faults_json(json!({"calls": [{"tenant": "contoso", "endpoint": "users-delta", "nth": 1, "do": "resync-410"}]}))
        .unwrap();
    rig.settle(3).await.unwrap();
    rig.advance(DAY * 8).await;
    let _ = rig.settle(3).await;
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben"]);
    // The profile names the group no longer: nothing is incomplete any more, with the next tick.
    rig.reprofile("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n[pairs.a_to_b.scope]\nkinds = [\"user\"]\n");
    rig.snapshot(false).await.unwrap();
    assert_eq!(rig.engine.state(&rig.pair()).await.unwrap().reading.sides.a.incomplete, None);
}

/// A group that is added to the scope of a merged pair is read at once: nobody leaves because its members are not known yet.
#[tokio::test(start_paused = true)]
async fn a_new_include_group_takes_away_only_who_is_not_in_it() {
    let (mut rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben"), user("contoso", "Cem")], vec![]).await;
    let group = json!([{"op": "create", "kind": "distribution-group", "set": {"DisplayName": "Scope", "PrimarySmtpAddress": "scope@contoso.example"}, "members": [a[0], a[1]]}]);
    let group = rig.apply("contoso", group)[0].unwrap();
    rig.settle(3).await.unwrap();
    rig.reprofile(&format!(
        "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n[pairs.a_to_b.scope]\nkinds = [\"user\"]\ninclude_groups = [\"{group}\"]\n"
    ));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben"]);
}

#[tokio::test(start_paused = true)]
async fn law_04_the_guard_holds_what_is_too_much() {
    let people: Vec<Value> = (0..30).map(|n| user("contoso", &format!("Person{n}"))).collect();
    let (rig, a, _) =
        Rig::merged("guard = { max_deletion_share = 0.2, max_creations = 10, max_source_shrink = 1.0 }\n", people, vec![]).await;
    assert_eq!(rig.gal("fabrikam").len(), 30, "a confirmed merge is its own approval");
    // Two batches, each below the share, together above it.
    for batch in [&a[..5], &a[5..10]] {
        rig.apply("contoso", Value::Array(batch.iter().map(|anchor| json!({"op": "delete", "anchor": anchor})).collect()));
        rig.settle(3).await.unwrap();
    }
    assert_eq!(rig.gal("fabrikam").len(), 25, "the rolling 24 hours count");
    let done = rig.settle(1).await.unwrap();
    assert!(done.iter().all(|summary| matches!(summary.outcome, Outcome::Held(_))), "{done:#?}");
    let newcomers: Vec<Value> = (0..11).map(|n| user("contoso", &format!("New{n}"))).collect();
    rig.apply("contoso", Value::Array(newcomers));
    rig.settle(3).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 25, "creations are a guarded kind too");
}

#[tokio::test(start_paused = true)]
async fn law_05_a_crash_at_any_request_to_the_state_loses_nothing_and_doubles_nothing() {
    let mut crashed = 0;
    // Every third request, before and after it in turn; the histories of a later day take every one.
    for at in (1..).step_by(3) {
        let mut rig = Rig::new(RigOptions::default()).await;
        rig.apply("contoso", json!([user("contoso", "Ann"), contact("Pat")]));
        rig.apply("fabrikam", json!([user("fabrikam", "Bob")]));
        rig.faults.crash_at(at, if at % 2 == 0 { Fault::Before } else { Fault::After });
        let outcome = rig.merge(MergeMode::TwoWay).await;
        rig.faults.revive();
        if outcome.is_ok() {
            break;
        }
        crashed += 1;
        // The next process: the dead one's leases run out, then it goes on.
        rig.restart();
        rig.advance(Duration::from_secs(20 * 60)).await;
        // A merge that was confirmed goes on by itself; one that was not is asked for again.
        let state = rig.engine.state(&rig.pair()).await.unwrap().writing;
        if state.merge.is_none() && state.stage == engine::records::Stage::Unmerged {
            rig.merge(MergeMode::TwoWay).await.unwrap_or_else(|error| panic!("after a crash at request {at}: {error}"));
        }
        rig.settle(6).await.unwrap();
        assert_eq!(names(&rig.gal_with_hidden("contoso")), ["Ann", "Bob", "Pat"], "crash at request {at}");
        assert_eq!(names(&rig.gal_with_hidden("fabrikam")), ["Ann", "Bob", "Pat"], "crash at request {at}");
    }
    assert!(crashed > 15, "only {crashed} crash points were met");
}

#[tokio::test(start_paused = true)]
async fn law_05_a_run_that_died_while_it_wrote_is_followed_by_the_next_tick() {
    let mut died_writing = 0;
    for at in 1.. {
        let (mut rig, a, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
        rig.apply("contoso", json!([{"op": "update", "anchor": a[0], "set": {"Title": "Director"}}]));
        rig.advance(Duration::from_secs(600)).await;
        rig.snapshot(false).await.unwrap();
        rig.recorded.take();
        rig.faults.crash_at(at, Fault::After);
        let outcome = rig.reconcile().await;
        rig.faults.revive();
        if outcome.is_ok() {
            break;
        }
        if rig.recorded.cmdlets().iter().all(|(name, _)| name.starts_with("Get-")) {
            continue;
        }
        died_writing += 1;
        rig.restart();
        rig.advance(Duration::from_secs(600)).await;
        rig.cycle().await.unwrap_or_else(|error| panic!("a tick after a crash at request {at}: {error}"));
        assert_eq!(property(find(&rig.gal("fabrikam"), "Ann").unwrap(), "Title"), "Director");
    }
    assert!(died_writing > 0);
}

#[tokio::test(start_paused = true)]
async fn law_06_a_contact_is_updated_in_place() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    let before = find(&rig.gal("fabrikam"), "Ann").expect("made").anchor;
    rig.apply(
        "contoso",
        json!([{"op": "update", "anchor": a[0], "set": {"PrimarySmtpAddress": "ann.smith@contoso.example", "DisplayName": "Ann Smith"}}]),
    );
    rig.settle(5).await.unwrap();
    let gal = rig.gal("fabrikam");
    let renamed = find(&gal, "Ann Smith").expect("renamed");
    assert_eq!(renamed.anchor, before);
    assert!(property(renamed, "ExternalEmailAddress").to_lowercase().ends_with("ann.smith@contoso.example"));
    // The account is deleted and made again under the same address.
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}]));
    rig.apply(
        "contoso",
        json!([{"op": "create", "kind": "user", "set": {"DisplayName": "Ann Again", "PrimarySmtpAddress": "ann.smith@contoso.example"}}]),
    );
    rig.settle(6).await.unwrap();
    let told = format!("{}{:#?}", told(&rig).await, rig.engine.explain(&rig.pair(), "ann.smith@contoso.example").await);
    assert_eq!(find(&rig.gal("fabrikam"), "Ann Again").unwrap_or_else(|| panic!("{told}")).anchor, before);
}

#[tokio::test(start_paused = true)]
async fn law_07_after_a_quiet_cycle_the_next_one_writes_nothing() {
    let odd = json!({"op": "create", "kind": "user", "set": {
        "DisplayName": "  Ζωή  ", "PrimarySmtpAddress": "Zoe@Contoso.Example", "CountryOrRegion": "DE", "Title": "Tab\tand  spaces ",
        "Phone": "+41 44 668 18 00"}});
    let peer = json!({"op": "create", "kind": "contact", "set": {"DisplayName": "Pat", "ExternalEmailAddress": "Pat@PARTNER.example", "CountryOrRegion": "CH"}});
    let (rig, _, _) =
        Rig::merged("[pairs.a_to_b.mapping]\ndisplay_name = \"{{ display_name }} (Contoso)\"\nmail_tip = true\n", vec![odd, peer], vec![])
            .await;
    rig.recorded.take();
    for _ in 0..4 {
        rig.advance(Duration::from_secs(600)).await;
        rig.cycle().await.unwrap();
    }
    // A full reading compares everything again.
    rig.snapshot(true).await.unwrap();
    rig.reconcile().await.unwrap();
    let writes: Vec<_> = rig.recorded.cmdlets().into_iter().filter(|(name, _)| !name.starts_with("Get-")).collect();
    assert!(writes.is_empty(), "{writes:#?}");
}

#[tokio::test(start_paused = true)]
async fn law_08_one_bad_object_never_stops_a_run() {
    let rig = Rig::new(RigOptions::default()).await;
    rig.apply("contoso", json!([user("contoso", "Ann"), user("contoso", "Bad"), user("contoso", "Cem")]));
    rig.simulator
        .set_faults_json(json!({"calls": [{"tenant": "fabrikam", "cmdlet": "New-MailContact", "identity": "bad@", "do": "form-a", "status": 400,
            "type": "Microsoft.Exchange.Configuration.Tasks.RecipientTaskException", "message": "The external e-mail address bad is not an SMTP e-mail address."}]}))
        .expect("a fault plan");
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Cem"]);
    let quarantined = rig.engine.quarantined(&rig.pair()).await.unwrap();
    assert_eq!(quarantined.len(), 1, "{}", told(&rig).await);
    assert!(quarantined[0].quarantine.as_ref().is_some_and(|quarantine| !quarantine.reason.is_empty()));
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.advance(DAY).await;
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Bad", "Cem"], "it is tried again");
}

#[tokio::test(start_paused = true)]
async fn law_09_two_runs_of_one_pair_never_write_at_once() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    rig.apply("contoso", json!([{"op": "update", "anchor": a[0], "set": {"Title": "Director"}}]));
    rig.advance(Duration::from_secs(600)).await;
    rig.snapshot(false).await.unwrap();
    let mut other = rig.engine.clone();
    other.owner = "another process".to_owned();
    other.progress = Arc::new(Silent);
    let lease = engine::records::Lease { owner: other.owner.clone(), until: rig.now() + jiff::SignedDuration::from_mins(10) };
    other.store.acquire(&rig.pair(), engine::records::LeaseKind::Writing, &lease, rig.now()).await.unwrap();
    let refused = rig.reconcile().await;
    assert!(matches!(refused, Err(EngineError::Store(StoreError::LeaseHeld { .. }))), "{refused:?}");
    // Reading goes on meanwhile; and when the lease has run out, so does writing.
    rig.snapshot(false).await.unwrap();
    rig.advance(Duration::from_secs(700)).await;
    rig.reconcile().await.unwrap();
    assert_eq!(property(find(&rig.gal("fabrikam"), "Ann").unwrap(), "Title"), "Director");
}

#[tokio::test(start_paused = true)]
async fn law_10_only_what_changes_is_sent() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    rig.apply("contoso", json!([{"op": "update", "anchor": a[0], "set": {"Title": null, "City": "Bern"}}]));
    rig.recorded.take();
    rig.settle(4).await.unwrap();
    let sent = rig.recorded.cmdlets();
    let writes: Vec<&(String, Value)> = sent.iter().filter(|(name, _)| !name.starts_with("Get-")).collect();
    assert_eq!(writes.len(), 1, "{writes:#?}");
    let mut parameters: Vec<&String> =
        writes[0].1.as_object().unwrap().keys().filter(|key| *key != "ErrorAction" && *key != "Confirm").collect();
    parameters.sort();
    assert_eq!(parameters, ["City", "Identity", "Title"]);
    assert!(writes[0].1["Title"].is_null(), "null clears");
    assert!(
        sent.iter().all(|(_, parameters)| parameters.get("Identity").is_none_or(|identity| !identity.is_null())),
        "never a Get of null"
    );
}

#[tokio::test(start_paused = true)]
async fn law_11_no_secret_and_above_debug_no_address_is_logged() {
    let (all, above) = (Collected::default(), Collected::default());
    let (for_all, for_above) = (all.clone(), above.clone());
    let subscriber = tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || for_all.clone()).with_filter(LevelFilter::TRACE))
        .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || for_above.clone()).with_filter(LevelFilter::INFO));
    let guard = tracing::subscriber::set_default(subscriber);
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), contact("Pat")], vec![user("fabrikam", "Bob")]).await;
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0]}]));
    rig.settle(3).await.unwrap();
    drop(guard);
    let (all, above) = (all.text(), above.text());
    assert!(above.contains("run done"), "something was logged");
    for secret in ["eyJ", "client_assertion=", "PRIVATE KEY", "Bearer ey"] {
        assert!(!all.contains(secret), "{secret} was logged");
    }
    for person in ["ann@contoso.example", "pat@partner.example", "bob@fabrikam.example"] {
        assert!(!above.contains(person), "{person} was logged above debug");
    }
}

#[tokio::test(start_paused = true)]
async fn law_12_everybody_who_is_skipped_has_a_reason() {
    let options = RigOptions {
        tenants: vec![("contoso".to_owned(), 80), ("fabrikam".to_owned(), 60)],
        faults: FaultLevel::None,
        ..RigOptions::default()
    };
    let rig = Rig::new(options).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(6).await.unwrap();
    let mut skipped = 0;
    for (tenant, side) in [("contoso", gal::Side::A), ("fabrikam", gal::Side::B)] {
        for entry in rig.gal_with_hidden(tenant) {
            let address = property(&entry, "PrimarySmtpAddress").to_lowercase();
            if address.is_empty() {
                continue;
            }
            let explained = rig.engine.explain(&rig.pair(), &address).await.unwrap();
            let about =
                explained.iter().find(|one| one.side == side && (one.anchor.0 == entry.anchor || one.kind == gal::Kind::DistributionGroup));
            let about = about.unwrap_or_else(|| panic!("nothing is known of {address}: {:?} {explained:?}", entry.properties));
            assert!(about.skipped.is_some() || about.link.is_some() || !about.next.is_empty(), "{address}: {about:#?}");
            skipped += usize::from(about.skipped.is_some());
        }
    }
    assert!(skipped > 10, "the generated directories have people to skip");
}
