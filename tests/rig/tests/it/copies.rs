//! Stamps that somebody copied, with a contact or by a script: they prove nothing, and whoever bears one is not touched.

use std::time::Duration;

use engine::act::Standing;
use engine::operate::{Leave, rebuild_checksum};
use gal::Side;
use gal::policy::MergeMode;
use rig::Rig;
use rig::people::{contact_at, delete, find, names, property, status, update, user};
use serde_json::json;
use uuid::Uuid;

use super::DAY;

/// Ann and Ben of contoso, published, and a supplier's contact of fabrikam's administrator, made as a copy of Ann's.
async fn copied() -> (Rig, Vec<Uuid>, Uuid) {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    let zed = rig.apply("fabrikam", json!([contact_at("Supplier Zed", "zed@supplier.example", "Supplier")]))[0].unwrap();
    let stamp = property(find(&rig.gal("fabrikam"), "Ann").unwrap(), "CustomAttribute15");
    rig.apply("fabrikam", update(zed, json!({"CustomAttribute15": stamp})));
    rig.settle(4).await.unwrap();
    (rig, a, zed)
}

/// The supplier's contact is as its administrator made it.
fn is_untouched(rig: &Rig, zed: Uuid) {
    let gal = rig.gal("fabrikam");
    let zed = gal.iter().find(|entry| entry.anchor == zed).expect("it is shown");
    let values =
        ["DisplayName", "Title", "ExternalEmailAddress"].map(|name| property(zed, name).trim_start_matches("SMTP:").to_lowercase());
    assert_eq!(values, ["supplier zed", "supplier", "zed@supplier.example"]);
}

#[tokio::test(start_paused = true)]
async fn unpublish_takes_back_what_was_published_and_no_copy() {
    for lost in [false, true] {
        let (mut rig, _, zed) = copied().await;
        if lost {
            rig.lose_state().await;
            rig.snapshot(true).await.unwrap();
        }
        let plan = rig.engine.unpublish_preview(&rig.pair(), Side::B, Leave::Purge).await.unwrap();
        rig.engine.unpublish(&rig.pair(), Side::B, Leave::Purge, &plan.checksum(), rig.deadline()).await.unwrap();
        assert_eq!(names(&rig.gal_with_hidden("fabrikam")), ["Supplier Zed"], "lost {lost}");
        is_untouched(&rig, zed);
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_after_his_purge_gets_a_contact_of_his_own() {
    let (rig, a, zed) = copied().await;
    rig.apply("contoso", update(a[0], json!({"AccountDisabled": true})));
    rig.settle(4).await.unwrap();
    rig.advance(DAY * 31).await;
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal_with_hidden("fabrikam")), ["Ben", "Supplier Zed"]);
    rig.apply("contoso", update(a[0], json!({"AccountDisabled": false})));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben", "Supplier Zed"]);
    is_untouched(&rig, zed);
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_takes_no_copy_for_a_lost_contact() {
    let (mut rig, a, zed) = copied().await;
    rig.apply("contoso", delete(&a[..1]));
    rig.settle(4).await.unwrap();
    rig.advance(DAY * 31).await;
    rig.settle(4).await.unwrap();
    rig.lose_state().await;
    rig.snapshot(true).await.unwrap();
    let plan = rig.engine.rebuild_preview(&rig.pair()).await.unwrap();
    assert_eq!(plan.quiet.len(), 1, "{:?}", plan.quiet);
    rig.engine.rebuild(&rig.pair(), &rebuild_checksum(&plan), rig.deadline()).await.unwrap();
    for _ in 0..2 {
        rig.advance(DAY * 31).await;
        rig.snapshot(true).await.unwrap();
        rig.settle(4).await.unwrap();
    }
    assert_eq!(names(&rig.gal_with_hidden("fabrikam")), ["Ben", "Supplier Zed"]);
    is_untouched(&rig, zed);
}

/// The administrator of the source makes a contact for the supplier too, after Ann has left.
#[tokio::test(start_paused = true)]
async fn a_copied_stamp_is_nobodys_proof() {
    let (rig, a, zed) = copied().await;
    rig.apply("contoso", delete(&a[..1]));
    rig.settle(4).await.unwrap();
    rig.apply("contoso", json!([contact_at("Zed of contoso", "zed@supplier.example", "Partner")]));
    rig.settle(4).await.unwrap();
    is_untouched(&rig, zed);
    let told = rig.engine.explain(&rig.pair(), "zed@supplier.example").await.unwrap();
    assert!(told.iter().any(|one| one.code.as_deref() == Some("copied-stamp")), "{told:#?}");
    rig.advance(DAY * 31).await;
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal_with_hidden("fabrikam")), ["Ben", "Supplier Zed"], "Ann's own contact is removed after its grace");
    is_untouched(&rig, zed);
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_that_bears_a_stamp_stays_published() {
    let (rig, _, b) = Rig::merged("", vec![user("contoso", "Ann")], vec![user("fabrikam", "Fay")]).await;
    let stamp = property(find(&rig.gal("fabrikam"), "Ann").unwrap(), "CustomAttribute15");
    rig.apply("fabrikam", update(b[0], json!({"CustomAttribute15": stamp})));
    rig.settle(4).await.unwrap();
    rig.advance(DAY * 31).await;
    rig.snapshot(true).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("contoso")), ["Ann", "Fay"]);
}

/// The grace period counts from a day that is right.
#[tokio::test(start_paused = true)]
async fn by_a_wrong_clock_nobody_is_hidden() {
    let (mut rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    rig.apply("contoso", delete(&a[..1]));
    rig.advance(Duration::from_mins(10)).await;
    rig.restart_with_clock_ahead(jiff::SignedDuration::from_mins(-45));
    for _ in 0..3 {
        let _ = rig.cycle().await;
        rig.advance(Duration::from_mins(10)).await;
    }
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben"]);
    rig.restart_with_clock_ahead(jiff::SignedDuration::from_mins(45));
    rig.settle(6).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben"]);
}

/// Whoever overwrites a stamp keeps the contact for himself; an operator hears that it stays, also when its source leaves.
#[tokio::test(start_paused = true)]
async fn whose_stamp_was_overwritten_stays_and_is_told() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    let ours = find(&rig.gal("fabrikam"), "Ann").unwrap().anchor;
    rig.apply("fabrikam", update(ours, json!({"CustomAttribute15": "VIP customer"})));
    rig.apply("contoso", delete(&a[..1]));
    rig.settle(4).await.unwrap();
    let told = status(&rig).await;
    assert_eq!((told.standing, told.overwritten.len()), (Standing::Quarantined, 1));
    assert_eq!(told.overwritten[0].address, "ann@contoso.example");
    rig.apply("fabrikam", update(ours, json!({"CustomAttribute15": null})));
    rig.settle(4).await.unwrap();
    assert_eq!((names(&rig.gal("fabrikam")), status(&rig).await.standing), (vec!["Ben".to_owned()], Standing::InStep));
}

/// Once nothing led out of it: `rebuild` restored neither of two contacts with one stamp, and `merge` asked for `rebuild` for ever.
#[tokio::test(start_paused = true)]
async fn a_copy_of_one_who_left_stands_in_no_merges_way() {
    let found = contact_at("Annie (old)", "ann@contoso.example", "Engineer");
    let (mut rig, a, b) = Rig::merged("", vec![user("contoso", "Ann")], vec![found]).await;
    let zed = rig.apply("fabrikam", json!([contact_at("Supplier Zed", "zed@supplier.example", "Supplier")]))[0].unwrap();
    let annie = find(&rig.gal("fabrikam"), "Annie (old)").unwrap().clone();
    assert_eq!(annie.anchor, b[0], "adopted");
    rig.apply("fabrikam", update(zed, json!({"CustomAttribute15": property(&annie, "CustomAttribute15")})));
    rig.settle(4).await.unwrap();
    rig.lose_state().await;
    rig.apply("contoso", delete(&a[..1]));
    rig.snapshot(true).await.unwrap();
    let plan = rig.engine.rebuild_preview(&rig.pair()).await.unwrap();
    assert!(plan.quiet.is_empty(), "{plan:?}");
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal_with_hidden("fabrikam")), ["Annie (old)", "Supplier Zed"]);
    is_untouched(&rig, zed);
}
