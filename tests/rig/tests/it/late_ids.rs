//! Contacts whose dual write to Entra is late: they exist in Exchange, and nobody knows their Entra id.

use std::time::Duration;

use engine::act::Standing;
use gal::policy::MergeMode;
use rig::people::{delete, find, names, property, status_of, update, user};
use rig::{Rig, RigOptions};
use serde_json::json;
use uuid::Uuid;

/// Ann's contact is made, and has no id.
async fn without_id() -> (Rig, Uuid) {
    let rig = Rig::new(RigOptions::default()).await;
    rig.apply("fabrikam", json!([{"op": "dual-write", "waits": true}]));
    let ann = rig.apply("contoso", json!([user("contoso", "Ann")]))[0].unwrap();
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(2).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann"]);
    (rig, ann)
}

fn goes_on(rig: &Rig) {
    rig.apply("fabrikam", json!([{"op": "dual-write", "waits": false}]));
}

#[tokio::test(start_paused = true)]
async fn a_contact_whose_id_comes_late_is_linked_then_and_made_once() {
    let (rig, ann) = without_id().await;
    rig.apply("contoso", update(ann, json!({"Title": "Lead"})));
    rig.settle(3).await.unwrap();
    goes_on(&rig);
    rig.next_day().await.unwrap();
    let gal = rig.gal_with_hidden("fabrikam");
    assert_eq!((names(&gal), property(&gal[0], "Title")), (vec!["Ann".to_owned()], "Lead".to_owned()));
    assert_eq!(status_of(&rig, &rig.pair()).await.standing, Standing::InStep);
    rig.apply("contoso", delete(&[ann]));
    rig.settle(4).await.unwrap();
    assert!(rig.gal("fabrikam").is_empty(), "and leaves like any other");
}

/// Once it was tried for ever, in silence.
#[tokio::test(start_paused = true)]
async fn a_contact_that_never_gets_its_id_is_set_aside_and_told() {
    let (rig, ann) = without_id().await;
    for _ in 0..12 {
        rig.advance(Duration::from_secs(600)).await;
        rig.cycle().await.unwrap();
    }
    let told = status_of(&rig, &rig.pair()).await;
    assert_eq!(told.standing, Standing::Quarantined);
    assert!(told.quarantined[0].reason.contains("no Entra id"), "{:?}", told.quarantined);
    // Nobody wants it any more: it cannot be taken away yet, and is not shown.
    rig.apply("contoso", delete(&[ann]));
    rig.next_day().await.unwrap();
    assert!(rig.gal("fabrikam").is_empty());
    goes_on(&rig);
    rig.advance(Duration::from_secs(31 * 24 * 3_600)).await;
    rig.next_day().await.unwrap();
    rig.advance(Duration::from_secs(31 * 24 * 3_600)).await;
    rig.next_day().await.unwrap();
    assert!(rig.gal_with_hidden("fabrikam").is_empty(), "{:?}", rig.gal_with_hidden("fabrikam"));
}

/// Once it stayed hidden for ever, and was told as hidden by its administrator.
#[tokio::test(start_paused = true)]
async fn a_contact_that_was_hidden_before_it_had_an_id_is_shown_when_its_source_is_back() {
    let (rig, ann) = without_id().await;
    rig.apply("contoso", update(ann, json!({"HiddenFromAddressListsEnabled": true})));
    rig.settle(4).await.unwrap();
    let gal = rig.gal_with_hidden("fabrikam");
    assert!(gal.len() == 1 && gal[0].hidden, "nobody sees who is not wanted: {gal:?}");
    rig.apply("contoso", update(ann, json!({"HiddenFromAddressListsEnabled": false})));
    rig.settle(4).await.unwrap();
    goes_on(&rig);
    rig.settle(4).await.unwrap();
    rig.next_day().await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Ann").is_some(), "{:?}", rig.gal_with_hidden("fabrikam"));
    // What his administrator does afterwards is his.
    let contact = rig.gal("fabrikam")[0].anchor;
    rig.apply("fabrikam", update(contact, json!({"HiddenFromAddressListsEnabled": true})));
    rig.settle(4).await.unwrap();
    assert!(rig.gal("fabrikam").is_empty());
}
