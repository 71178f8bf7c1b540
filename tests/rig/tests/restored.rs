//! An older state of the table is restored after accounts were made again: found by random histories.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where its set-up fails")]

use std::time::Duration;

use engine::operate::Leave;
use gal::Side;
use gal::policy::MergeMode;
use rig::people::{find, names, user};
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

async fn restored(seed: u64) -> (Rig, Uuid) {
    let mut rig = Rig::new(RigOptions { seed, ..RigOptions::default() }).await;
    let a = rig.apply("contoso", json!([user("contoso", "Ann"), user("contoso", "Ben")]));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(6).await.unwrap();
    let state = rig.export_state().await;
    let again = rehire(&rig, a[0].unwrap()).await;
    rig.import_state(&state).await;
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
