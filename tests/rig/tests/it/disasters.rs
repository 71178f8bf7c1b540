//! Disasters that other tools' users report (the trackers named in DESIGN.md's sources): in each nothing beyond the guard's limits is
//! written, a person is told why in words, and the pair's standing, which the alarm goes by, is not "in step".

use std::time::Duration;

use engine::act::Standing;
use engine::snapshot::SnapshotOptions;
use gal::Side;
use gal::policy::MergeMode;
use jiff::SignedDuration;
use rig::people::{delete, names, property, status, update, user};
use rig::{Rig, RigOptions};
use serde_json::{Value, json};
use uuid::Uuid;

const CROWD: usize = 40;

fn crowd() -> Vec<Value> {
    (0..CROWD).map(|number| user("contoso", &format!("Person{number:02}"))).collect()
}

/// Forty people of contoso, published into fabrikam under the limits that a profile has by default.
async fn published(profile: &str) -> (Rig, Vec<Uuid>) {
    let (rig, a, _) = Rig::merged(profile, crowd(), vec![]).await;
    assert_eq!(rig.gal("fabrikam").len(), CROWD);
    (rig, a)
}

/// Some ticks, each of which may fail.
async fn ticks(rig: &Rig, count: usize) {
    for _ in 0..count {
        rig.advance(Duration::from_secs(600)).await;
        let _ = rig.cycle().await;
    }
}

/// The hold of what would be written into fabrikam says this; the pair asks for attention.
async fn is_held(rig: &Rig, words: &[&str]) {
    let status = status(rig).await;
    assert_eq!(status.standing, Standing::Held, "{status:#?}");
    let held = status.holds.get(Side::B).as_ref().unwrap_or_else(|| panic!("nothing is held: {status:#?}"));
    let told = held.hold.reasons.join(" ");
    for word in words {
        assert!(told.contains(word), "{word}: {told}");
    }
}

/// The last run failed, and says why in these words.
async fn has_failed(rig: &Rig, words: &[&str]) {
    let status = status(rig).await;
    let told = format!("{:?}", status.runs.first().map(|run| run.outcome.clone()));
    assert!(status.standing == Standing::Failed && words.iter().all(|word| told.contains(word)), "{told}");
}

fn profile_of(rest: &str) -> String {
    format!("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n{rest}")
}

/// Exchange answers nothing of a full reading, or cuts its answers off in the middle.
#[tokio::test(start_paused = true)]
async fn a_reading_that_breaks_off_takes_nobody_away() {
    for fault in ["503", "truncated-json", "500", "form-d"] {
        let (rig, _) = published("").await;
        rig.advance(Duration::from_secs(25 * 3600)).await;
        let calls = json!({"calls": [{"tenant": "contoso", "endpoint": "invoke", "do": fault}]});
        rig.simulator.set_faults_json(calls).unwrap();
        let _ = rig.snapshot(true).await;
        ticks(&rig, 4).await;
        assert_eq!(rig.gal("fabrikam").len(), CROWD, "{fault}");
        assert_eq!(status(&rig).await.standing, Standing::Failed, "{fault}: a person is told");
        rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
        rig.advance(Duration::from_secs(3600)).await;
        rig.settle(6).await.unwrap();
        assert_eq!((rig.gal("fabrikam").len(), status(&rig).await.standing), (CROWD, Standing::InStep), "{fault}");
    }
}

/// The people come in four pages, of which some are told; no limit would hold whoever stands on the others, and a run goes on all the same.
#[tokio::test(start_paused = true)]
async fn who_stands_on_pages_that_were_not_told_is_not_gone() {
    for fault in ["503", "truncated-json", "drop-before-commit", "resync-410"] {
        for told in 1..=3 {
            let guard = "guard = { max_deletions = 50, max_deletion_share = 1.0, max_source_shrink = 1.0 }\n";
            let rig = Rig::new(RigOptions { graph_page: CROWD / 4, profile: profile_of(guard), ..RigOptions::default() }).await;
            rig.apply("contoso", crowd().into());
            rig.merge(MergeMode::TwoWay).await.unwrap();
            rig.settle(6).await.unwrap();
            assert_eq!(rig.gal("fabrikam").len(), CROWD);
            rig.advance(Duration::from_secs(25 * 3600)).await;
            let pages = told + 1..told + 40;
            let calls: Vec<Value> =
                pages.map(|nth| json!({"tenant": "contoso", "endpoint": "users-delta", "nth": nth, "do": fault})).collect();
            rig.simulator.set_faults_json(json!({"calls": calls})).unwrap();
            let read = rig.snapshot(true).await;
            assert!(fault == "resync-410" || read.is_err(), "{fault} after {told}: {read:?}");
            for _ in 0..3 {
                rig.reconcile().await.unwrap();
                rig.advance(Duration::from_secs(600)).await;
                let _ = rig.snapshot(false).await;
            }
            rig.reconcile().await.unwrap();
            assert_eq!(rig.gal("fabrikam").len(), CROWD, "{fault} after {told}");
            rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
            rig.advance(Duration::from_secs(3600)).await;
            rig.settle(6).await.unwrap();
            assert_eq!((rig.gal("fabrikam").len(), status(&rig).await.standing), (CROWD, Standing::InStep), "{fault} after {told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_scope_group_that_is_deleted_emptied_or_unreadable_is_a_hold() {
    for disaster in ["deleted", "emptied", "unreadable"] {
        let (mut rig, a) = published("").await;
        let group = json!([{"op": "create", "kind": "security-group", "set": {"DisplayName": "Published"}, "members": a}]);
        let group = rig.apply("contoso", group)[0].unwrap();
        rig.reprofile(&profile_of(&format!("[pairs.a_to_b.scope]\ninclude_groups = [\"{group}\"]\n")));
        rig.settle(6).await.unwrap();
        assert_eq!(rig.gal("fabrikam").len(), CROWD);
        match disaster {
            "deleted" => drop(rig.apply("contoso", json!([{"op": "delete", "anchor": group, "permanent": true}]))),
            "emptied" => {
                let out = a.iter().map(|anchor| json!({"op": "remove-member", "anchor": group, "member": anchor})).collect();
                rig.apply("contoso", out);
            }
            _ => {
                rig.apply("contoso", json!([{"op": "revoke", "role": "GroupMember.Read.All"}]));
                rig.restart_tokens().await;
            }
        }
        ticks(&rig, 3).await;
        rig.advance(Duration::from_secs(25 * 3600)).await;
        let _ = rig.snapshot(true).await;
        ticks(&rig, 3).await;
        assert_eq!(rig.gal("fabrikam").len(), CROWD, "{disaster}");
        let status = status(&rig).await;
        let why = status.sides.a.incomplete.clone().unwrap_or_default();
        let failed = status.standing == Standing::Failed;
        assert!(why.contains("include group") || failed, "{disaster}: {status:#?}");
    }
}

/// Half of the people vanish at once, as when a directory is restored from an older backup.
#[tokio::test(start_paused = true)]
async fn a_directory_restored_from_yesterday_is_a_hold() {
    let (rig, a) = published("").await;
    rig.apply("contoso", delete(&a[..20]));
    ticks(&rig, 4).await;
    assert_eq!(rig.gal("fabrikam").len(), CROWD);
    is_held(&rig, &["20 deletions"]).await;
    // The rest goes on meanwhile.
    rig.apply("contoso", update(a[30], json!({"Title": "Head"})));
    ticks(&rig, 3).await;
    assert!(rig.gal("fabrikam").iter().any(|one| rig::people::property(one, "Title") == "Head"));
    // The directory comes back: nothing is held any more, and nobody was touched.
    rig.apply("contoso", a[..20].iter().map(|anchor| json!({"op": "restore", "anchor": anchor})).collect());
    rig.settle(6).await.unwrap();
    assert_eq!((rig.gal("fabrikam").len(), status(&rig).await.standing), (CROWD, Standing::InStep));
}

/// Everybody gets another address on one day.
#[tokio::test(start_paused = true)]
async fn a_domain_renamed_for_everyone_is_a_hold() {
    let (rig, a) = published("").await;
    let before = names(&rig.gal("fabrikam"));
    rig.apply("contoso", json!([{"op": "accepted-domain", "domain": "contoso-new.example"}]));
    for (number, anchor) in a.iter().enumerate() {
        rig.apply("contoso", update(*anchor, json!({"PrimarySmtpAddress": format!("person{number:02}@contoso-new.example")})));
    }
    ticks(&rig, 4).await;
    let moved = rig.gal("fabrikam").iter().filter(|one| rig::people::property(one, "ExternalEmailAddress").contains("new")).count();
    assert_eq!((moved, names(&rig.gal("fabrikam"))), (0, before));
    is_held(&rig, &["40 of 40 contacts would change"]).await;
}

/// Somebody excludes a title that everybody has.
#[tokio::test(start_paused = true)]
async fn a_filter_edited_by_mistake_is_a_hold() {
    let (mut rig, _) = published("").await;
    rig.reprofile(&profile_of("[pairs.a_to_b.scope]\nexclude = [{ field = \"title\", equals = \"Engineer\" }]\n"));
    ticks(&rig, 4).await;
    assert_eq!(rig.gal("fabrikam").len(), CROWD);
    is_held(&rig, &["40 deletions"]).await;
    rig.reprofile(&profile_of(""));
    rig.settle(6).await.unwrap();
    assert_eq!((rig.gal("fabrikam").len(), status(&rig).await.standing), (CROWD, Standing::InStep));
}

/// Neither side's application knows the certificate any more.
#[tokio::test(start_paused = true)]
async fn certificates_that_are_not_known_write_nothing() {
    let (rig, a) = published("").await;
    for tenant in ["contoso", "fabrikam"] {
        rig.apply(tenant, json!([{"op": "certificates", "clear": true}]));
    }
    rig.restart_tokens().await;
    rig.apply("contoso", delete(&a[..2]));
    ticks(&rig, 4).await;
    assert_eq!(rig.gal("fabrikam").len(), CROWD);
    has_failed(&rig, &["contoso", "certificate"]).await;
}

/// Whoever left a group is hidden, and the group is deleted before his grace is over: perhaps he is in its successor.
#[tokio::test(start_paused = true)]
async fn nobody_is_purged_while_his_group_cannot_be_read() {
    let mut rig = Rig::new(RigOptions::default()).await;
    let people: Vec<Uuid> = rig.apply("contoso", Value::Array(crowd())).into_iter().flatten().collect();
    let group = json!([{"op": "create", "kind": "security-group", "set": {"DisplayName": "published"}, "members": people}]);
    let group = rig.apply("contoso", group)[0].unwrap();
    rig.reprofile(&format!("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n[pairs.a_to_b.scope]\ninclude_groups = [\"{group}\"]\n"));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    rig.apply("contoso", json!([{"op": "remove-member", "anchor": group, "member": people[0]}]));
    rig.settle(4).await.unwrap();
    rig.apply("contoso", delete(&[group]));
    rig.advance(Duration::from_hours(31 * 24)).await;
    ticks(&rig, 4).await;
    assert_eq!((rig.gal("fabrikam").len(), rig.gal_with_hidden("fabrikam").len()), (CROWD - 1, CROWD), "he is hidden, and still there");
    is_held(&rig, &["not completely read"]).await;
}

/// Each side is signed in to with the other's certificate.
#[tokio::test(start_paused = true)]
async fn swapped_certificates_write_nothing() {
    let (mut rig, a) = published("").await;
    // The first one is removed when the third comes: by then each tenant knows only its own.
    for _ in 0..2 {
        rig.roll_certificate("contoso").await.unwrap();
    }
    rig.swap_certificates("contoso", "fabrikam");
    rig.apply("contoso", delete(&a[..2]));
    ticks(&rig, 4).await;
    assert_eq!(rig.gal("fabrikam").len(), CROWD);
    has_failed(&rig, &["certificate", "not registered"]).await;
    rig.swap_certificates("contoso", "fabrikam");
    ticks(&rig, 2).await;
    assert_eq!(rig.gal("fabrikam").len(), CROWD - 2);
}

/// The token endpoint hears of a new certificate late. A process of before goes on with its own, a new one signs with the new one.
#[tokio::test(start_paused = true)]
async fn a_certificate_rolls_while_cycles_go_on() {
    let certificate_delay = Duration::from_mins(3);
    let mut rig = Rig::new(RigOptions { certificate_delay, ..RigOptions::default() }).await;
    rig.advance(certificate_delay).await;
    let a: Vec<_> = rig.apply("contoso", json!([user("contoso", "Ann")])).into_iter().flatten().collect();
    rig.merge(MergeMode::TwoWay).await.unwrap();
    let before = rig.second();
    let rolled = rig.now();
    rig.roll_certificate("contoso").await.unwrap();
    assert!(rig.now().duration_since(rolled) >= SignedDuration::from_mins(3), "it is used before the endpoint knows it");
    rig.apply("contoso", update(a[0], json!({"Title": "Director"})));
    rig.advance(Duration::from_mins(10)).await;
    before.snapshot(&rig.pair(), SnapshotOptions::default(), rig.deadline()).await.unwrap();
    before.reconcile(&rig.pair(), rig.deadline()).await.unwrap();
    assert_eq!(property(&rig.gal("fabrikam")[0], "Title"), "Director");
    // Once more, and the first one is gone: only whoever signs with a new one can read.
    rig.roll_certificate("contoso").await.unwrap();
    rig.restart();
    rig.restart_tokens().await;
    rig.settle(4).await.unwrap();
    let old = before.snapshot(&rig.pair(), SnapshotOptions::default(), rig.deadline()).await.unwrap_err();
    assert!(old.to_string().contains("not registered"), "{old}");
}

/// Each cycle's deletions are below the limit; together they are not.
#[tokio::test(start_paused = true)]
async fn deletions_in_every_cycle_are_counted_together() {
    let (rig, a) = published("guard = { max_deletions = 5, max_deletion_share = 1.0, max_source_shrink = 1.0 }\n").await;
    for batch in a.chunks(4) {
        rig.apply("contoso", delete(batch));
        ticks(&rig, 2).await;
        let gone = CROWD - rig.gal("fabrikam").len();
        assert!(gone <= 5, "{gone} are gone");
    }
    is_held(&rig, &["deletions"]).await;
}
