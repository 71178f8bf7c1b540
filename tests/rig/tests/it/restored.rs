//! An older state of the table is restored after accounts were made again: found by random histories.

use std::time::Duration;

use engine::operate::{Leave, rebuild_checksum};
use gal::Side;
use gal::policy::MergeMode;
use rig::people::{contact, find, names, property, update, user};
use rig::{Rig, RigOptions};
use serde_json::json;
use uuid::Uuid;

/// Deleted for good, and made again under the same address.
async fn rehire(rig: &Rig, anchor: Uuid) -> Uuid {
    rig.apply("contoso", json!([{"op": "delete", "anchor": anchor, "permanent": true}]));
    let again = rig.apply("contoso", json!([user("contoso", "Ann")]))[0].unwrap();
    rig.settle(6).await.unwrap();
    again
}

/// Ann and Ben were published; Ann was made again; then the state from before that was restored.
async fn just_restored(seed: u64) -> (Rig, Uuid) {
    let mut rig = Rig::new(RigOptions { seed, ..RigOptions::default() }).await;
    let a = rig.apply("contoso", json!([user("contoso", "Ann"), user("contoso", "Ben")]));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(6).await.unwrap();
    let state = rig.export_state().await;
    let again = rehire(&rig, a[0].unwrap()).await;
    rig.import_state(&state).await;
    (rig, again)
}

async fn restored(seed: u64) -> (Rig, Uuid) {
    let (rig, again) = just_restored(seed).await;
    rig.advance(Duration::from_secs(1200)).await;
    rig.settle(6).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben"]);
    (rig, again)
}

/// Seed 1606.
#[tokio::test(start_paused = true)]
async fn who_was_made_again_before_the_state_was_restored_may_be_made_again() {
    // Which of two links comes first goes by their ids.
    for seed in 0..12 {
        let (rig, again) = restored(seed).await;
        rehire(&rig, again).await;
        rig.settle(6).await.unwrap();
        assert!(find(&rig.gal("fabrikam"), "Ann").is_some(), "seed {seed}: {:?}", names(&rig.gal_with_hidden("fabrikam")));
    }
}

/// Seed 1051.
#[tokio::test(start_paused = true)]
async fn unpublish_after_the_state_was_restored_leaves_nobody() {
    for seed in 0..12 {
        let (rig, _) = restored(seed).await;
        let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Purge).await.unwrap();
        rig.engine.unpublish(&rig.pair(), Side::B, Leave::Purge, &plan.checksum(), rig.deadline()).await.unwrap();
        rig.settle(4).await.unwrap();
        assert_eq!(names(&rig.gal_with_hidden("fabrikam")), [""; 0], "seed {seed}");
    }
}

/// contoso and fabrikam show one address in initech; fabrikam took it over after the state that is restored was made.
async fn taken_over_before_the_restore() -> (Rig, Uuid) {
    let mut rig = Rig::mesh(&[("contoso", "initech"), ("fabrikam", "initech")], "").await;
    let a = rig.apply("contoso", json!([contact("Pat", "Of contoso")]))[0].unwrap();
    let b = rig.apply("fabrikam", json!([contact("Pat", "Of fabrikam")]))[0].unwrap();
    rig.merge_each_pair(4).await.unwrap();
    let state = rig.export_state().await;
    rig.apply("contoso", update(a, json!({"HiddenFromAddressListsEnabled": true})));
    cycles(&rig, 5).await;
    rig.import_state(&state).await;
    rig.advance(Duration::from_secs(1200)).await;
    (rig, b)
}

async fn cycles(rig: &Rig, count: u32) {
    for _ in 0..count {
        rig.advance(Duration::from_secs(600)).await;
        rig.cycle_of_each_pair().await.unwrap();
    }
}

/// Seed 60 of the rivals: once nobody knew any more that the contact stands for fabrikam's, and it was shown for ever.
#[tokio::test(start_paused = true)]
async fn who_took_over_before_the_state_was_restored_leaves_like_everybody() {
    for gone in [false, true] {
        for cycles_before in [0, 4] {
            let (rig, b) = taken_over_before_the_restore().await;
            cycles(&rig, cycles_before).await;
            let leaves = if gone {
                json!([{"op": "delete", "anchor": b, "permanent": true}])
            } else {
                update(b, json!({"HiddenFromAddressListsEnabled": true}))
            };
            rig.apply("fabrikam", leaves);
            cycles(&rig, 5).await;
            let shown = names(&rig.gal("initech"));
            assert_eq!(shown, [""; 0], "gone {gone}, after {cycles_before} cycles");
        }
    }
}

/// Ann was made again after the state that is restored was made, and leaves before anybody looked at her.
#[tokio::test(start_paused = true)]
async fn who_was_made_again_before_the_state_was_restored_leaves_like_everybody() {
    let (rig, again) = just_restored(7).await;
    rig.apply("contoso", json!([{"op": "delete", "anchor": again, "permanent": true}]));
    rig.advance(Duration::from_secs(1200)).await;
    rig.settle(6).await.unwrap();
    // Nobody has seen her: that she is gone is known from the next daily reading.
    rig.snapshot(true).await.unwrap();
    rig.settle(6).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"]);
}

/// The state that is restored knows neither Ann, who was published since, nor the account that follows her.
#[tokio::test(start_paused = true)]
async fn who_is_made_again_while_the_state_is_restored_keeps_the_contact() {
    let mut rig = Rig::new(RigOptions::default()).await;
    rig.apply("contoso", json!([user("contoso", "Ben")]));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(6).await.unwrap();
    let state = rig.export_state().await;
    let a = rig.apply("contoso", json!([user("contoso", "Ann")]))[0].unwrap();
    rig.settle(6).await.unwrap();
    let contact = find(&rig.gal("fabrikam"), "Ann").expect("published").anchor;
    rig.import_state(&state).await;
    rig.apply("contoso", json!([{"op": "delete", "anchor": a, "permanent": true}]));
    let again = rig.apply("contoso", json!([user("contoso", "Ann")]))[0].unwrap();
    rig.advance(Duration::from_secs(1200)).await;
    rig.settle(6).await.unwrap();
    rig.apply("contoso", update(again, json!({"Title": "Head"})));
    rig.settle(6).await.unwrap();
    let gal = rig.gal_with_hidden("fabrikam");
    let ann = find(&gal, "Ann").expect("still there");
    assert_eq!((gal.len(), ann.hidden, ann.anchor, rig::people::property(ann, "Title")), (2, false, contact, "Head".to_owned()));
}

/// Seed 81525, where the model of the histories knew it otherwise.
#[tokio::test(start_paused = true)]
async fn what_was_edited_while_its_contact_was_hidden_is_written_after_a_lost_state_too() {
    const ALL: &str = "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n";
    let mut rig = Rig::new(RigOptions::default()).await;
    let a = rig.apply("contoso", json!([user("contoso", "Ann"), user("contoso", "Ben")]));
    let group = json!([{"op": "create", "kind": "security-group", "set": {"DisplayName": "published"}, "members": [a[1]]}]);
    let group = rig.apply("contoso", group)[0].unwrap();
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(6).await.unwrap();
    rig.reprofile(&format!("{ALL}[pairs.a_to_b.scope]\ninclude_groups = [\"{group}\"]\n"));
    rig.settle(6).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"]);
    rig.apply("contoso", update(a[0].unwrap(), json!({"LastName": "Lee"})));
    rig.settle(6).await.unwrap();
    rig.lose_state().await;
    rig.snapshot(true).await.unwrap();
    let plan = rig.engine.rebuild_preview(&rig.pair()).await.unwrap();
    rig.engine.rebuild(&rig.pair(), &rebuild_checksum(&plan), rig.deadline()).await.unwrap();
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(6).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"]);
    rig.reprofile(ALL);
    rig.settle(6).await.unwrap();
    let gal = rig.gal("fabrikam");
    assert_eq!(find(&gal, "Ann").map(|ann| property(ann, "LastName")), Some("Lee".to_owned()));
}
