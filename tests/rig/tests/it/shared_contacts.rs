//! Contacts that both sides edit: what the pair shares, what it does not, and where an edit must not go.

use std::time::Duration;

use engine::operate::Leave;
use gal::Side;
use gal::policy::MergeMode;
use rig::Rig;
use rig::people::{contact, delete, find, names, property, update};
use serde_json::{Value, json};
use uuid::Uuid;

use super::DAY;

fn pair(rest: &str) -> String {
    format!("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n{rest}")
}

/// A contact of contoso that galbridge shared with fabrikam, and its twin there.
async fn shared(profile: &str, more: Value) -> (Rig, Uuid, Uuid) {
    let mut pat = contact("Pat", "Agent");
    for (field, value) in more.as_object().unwrap() {
        pat["set"][field] = value.clone();
    }
    let (rig, a, _) = Rig::merged(profile, vec![pat], vec![]).await;
    let twin = find(&rig.gal("fabrikam"), "Pat").unwrap().anchor;
    (rig, a[0], twin)
}

fn says(rig: &Rig, tenant: &str, field: &str) -> String {
    property(find(&rig.gal_with_hidden(tenant), "Pat").unwrap(), field)
}

/// Once a value in a field that nobody shares counted for ever as an edit: the deleted contact came back.
#[tokio::test(start_paused = true)]
async fn a_value_that_is_not_shared_is_no_edit() {
    let (rig, own, twin) = shared("", json!({"StreetAddress": "Main street 1"})).await;
    rig.apply("fabrikam", update(twin, json!({"CustomAttribute1": "branch", "Notes": "met in Bern"})));
    rig.settle(4).await.unwrap();
    rig.apply("contoso", delete(&[own]));
    rig.settle(6).await.unwrap();
    assert!(rig.gal("contoso").is_empty() && rig.gal("fabrikam").is_empty(), "the twin follows");

    let (rig, _, twin) = shared("peer_deletions = true\n", json!({"StreetAddress": "Main street 1"})).await;
    rig.apply("fabrikam", delete(&[twin]));
    rig.settle(6).await.unwrap();
    assert!(rig.gal("contoso").is_empty() && rig.gal("fabrikam").is_empty(), "the other half follows");
}

/// Once the source's side of a pair that publishes one way by now was written, and its contact hidden.
#[tokio::test(start_paused = true)]
async fn a_pair_that_becomes_one_way_writes_its_source_no_more() {
    let (mut rig, own, twin) = shared("peer_deletions = true\n", json!({})).await;
    rig.reprofile(&pair("direction = \"a-to-b\"\n"));
    rig.settle(4).await.unwrap();
    rig.apply("fabrikam", update(twin, json!({"Title": "by hand"})));
    rig.settle(4).await.unwrap();
    assert_eq!((says(&rig, "contoso", "Title"), says(&rig, "fabrikam", "Title")), ("Agent".to_owned(), "Agent".to_owned()));
    rig.apply("contoso", update(own, json!({"Title": "Partner"})));
    rig.settle(4).await.unwrap();
    assert_eq!(says(&rig, "fabrikam", "Title"), "Partner", "it follows its source");
    rig.apply("fabrikam", delete(&[twin]));
    rig.settle(4).await.unwrap();
    rig.advance(DAY * 40).await;
    rig.settle(4).await.unwrap();
    let gal = rig.gal("contoso");
    assert_eq!((names(&gal), gal[0].anchor), (vec!["Pat".to_owned()], own));
}

/// Once a number that was not to be published any more stayed in every twin.
#[tokio::test(start_paused = true)]
async fn a_field_that_is_no_longer_shared_leaves_the_twins() {
    let (mut rig, own, twin) = shared("", json!({"MobilePhone": "+41 79 555 01 01", "Fax": "+41 44 555 01 02"})).await;
    rig.apply("fabrikam", update(twin, json!({"Fax": "+41 44 555 01 03"})));
    rig.settle(4).await.unwrap();
    assert_eq!(says(&rig, "fabrikam", "MobilePhone"), "+41 79 555 01 01");
    rig.reprofile(&pair("[pairs.a_to_b.mapping]\nmobile_phone = false\n"));
    rig.settle(6).await.unwrap();
    assert_eq!(
        (says(&rig, "fabrikam", "MobilePhone"), says(&rig, "contoso", "MobilePhone")),
        (String::new(), "+41 79 555 01 01".to_owned())
    );
    assert_eq!(says(&rig, "fabrikam", "Fax"), "+41 44 555 01 03", "the rest is shared as before");
    // What its administrator writes there now is his, and flows nowhere.
    rig.apply("fabrikam", update(twin, json!({"MobilePhone": "+41 79 555 09 09"})));
    rig.apply("contoso", update(own, json!({"Title": "Partner"})));
    rig.settle(4).await.unwrap();
    let phones = (says(&rig, "fabrikam", "MobilePhone"), says(&rig, "contoso", "MobilePhone"), says(&rig, "fabrikam", "Title"));
    assert_eq!(phones, ("+41 79 555 09 09".to_owned(), "+41 79 555 01 01".to_owned(), "Partner".to_owned()));
}

/// Once a twin's address was written into the tenant that owns its domain: mail did not arrive there, and the twin was purged.
#[tokio::test(start_paused = true)]
async fn an_address_goes_into_no_tenant_that_owns_its_domain() {
    let (rig, own, twin) = shared("", json!({})).await;
    rig.apply("fabrikam", update(twin, json!({"ExternalEmailAddress": "SMTP:pat@contoso.example", "City": "Bern"})));
    rig.settle(6).await.unwrap();
    let gal = rig.gal("contoso");
    let pat = gal.iter().find(|entry| entry.anchor == own).expect("it stays");
    assert!(property(pat, "ExternalEmailAddress").to_lowercase().ends_with("pat@partner.example"), "{pat:?}");
    assert_eq!(property(pat, "City"), "Bern", "the rest is shared");
    assert_eq!(names(&rig.gal("fabrikam")), ["Pat"], "and what its administrator wrote stays there");
    assert!(rig.engine.quarantined(&rig.pair()).await.unwrap().is_empty(), "nobody tries to write it");
    assert!(rig.settle(3).await.unwrap().is_empty(), "quiet");
}

/// Once an edit that could not be carried while a side was closed was forgotten: nobody carried it later either.
#[tokio::test(start_paused = true)]
async fn an_edit_that_may_not_be_carried_now_is_carried_when_it_may() {
    let (rig, own, twin) = shared("", json!({})).await;
    let plan = rig.engine.unpublish_preview(&rig.pair(), Side::A, Leave::Release).await.unwrap();
    rig.engine.unpublish(&rig.pair(), Side::A, Leave::Release, &plan.checksum(), rig.deadline()).await.unwrap();
    rig.apply("fabrikam", update(twin, json!({"Title": "Friend"})));
    rig.settle(4).await.unwrap();
    assert_eq!(says(&rig, "contoso", "Title"), "Agent", "its side is closed");
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!((says(&rig, "contoso", "Title"), rig.gal("contoso")[0].anchor), ("Friend".to_owned(), own));
}

/// Once the other side's own contact, hidden because its half was deleted, was removed although the operator had turned that off.
#[tokio::test(start_paused = true)]
async fn what_was_hidden_for_a_deletion_is_given_back_where_deletions_count_no_more() {
    for after in ["", "direction = \"a-to-b\"\n"] {
        let (mut rig, _, twin) = shared("peer_deletions = true\n", json!({})).await;
        rig.apply("fabrikam", delete(&[twin]));
        rig.settle(6).await.unwrap();
        assert!(rig.gal("contoso").is_empty(), "it follows");
        rig.reprofile(&pair(after));
        rig.settle(6).await.unwrap();
        rig.advance(DAY * 40).await;
        rig.snapshot(true).await.unwrap();
        rig.settle(6).await.unwrap();
        assert_eq!(names(&rig.gal("contoso")), ["Pat"], "{after}");
    }
}

/// Once the two were never joined again, and no command helped.
#[tokio::test(start_paused = true)]
async fn a_half_that_is_made_again_is_joined_also_where_the_other_one_was_kept_or_rests() {
    for (profile, kept) in [("peer_deletions = true\n", true), ("", false)] {
        let (rig, own, twin) = shared(profile, json!({})).await;
        rig.apply("fabrikam", delete(&[twin]));
        rig.settle(6).await.unwrap();
        if kept {
            rig.apply("contoso", update(own, json!({"HiddenFromAddressListsEnabled": false})));
            rig.settle(6).await.unwrap();
        }
        let again = rig.apply("fabrikam", json!([contact("Pat", "Agent")]))[0].unwrap();
        rig.settle(6).await.unwrap();
        rig.apply("fabrikam", update(again, json!({"Title": "Partner"})));
        rig.settle(6).await.unwrap();
        assert_eq!((says(&rig, "contoso", "Title").as_str(), rig.gal("fabrikam").len()), ("Partner", 1), "{profile}");
    }
}

/// A contact that its administrator hides, and whose half was deleted and made again, is not shown by that.
#[tokio::test(start_paused = true)]
async fn who_is_hidden_by_his_administrator_is_not_shown_because_the_other_half_is_back() {
    let (rig, own, twin) = shared("", json!({})).await;
    rig.apply("fabrikam", delete(&[twin]));
    rig.settle(6).await.unwrap();
    rig.apply("contoso", update(own, json!({"HiddenFromAddressListsEnabled": true})));
    rig.apply("fabrikam", json!([contact("Pat", "Agent")]));
    rig.settle(8).await.unwrap();
    assert_eq!((rig.gal("contoso").len(), rig.gal("fabrikam").len()), (0, 1));
}

/// A shared contact whose own title became "First", while the write of that into its twin met this.
async fn meets(fault: &str, profile: &str) -> (Rig, Uuid, Uuid) {
    let (rig, own, twin) = shared(profile, json!({})).await;
    rig.apply("contoso", update(own, json!({"Title": "First"})));
    let fault = json!({"tenant": "fabrikam", "cmdlet": "Set-Contact", "do": fault});
    rig.simulator.set_faults_json(json!({"calls": [fault]})).unwrap();
    rig.advance(Duration::from_secs(600)).await;
    rig.cycle().await.unwrap();
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    (rig, own, twin)
}

fn titles(rig: &Rig) -> [String; 2] {
    ["contoso", "fabrikam"].map(|tenant| says(rig, tenant, "Title"))
}

/// Once a write whose answer was lost was taken for the edit of the other administrator, and the correction made meanwhile was undone.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_nobodys_edit() {
    for conflicts in ["newest", "b", "hold"] {
        let (rig, own, twin) = meets("commit-then-drop", &format!("conflicts = \"{conflicts}\"\n")).await;
        assert_eq!(says(&rig, "fabrikam", "Title"), "First", "it was done, and nobody knows");
        rig.apply("contoso", update(own, json!({"Title": "Corrected"})));
        rig.advance(Duration::from_secs(600)).await;
        rig.settle(6).await.unwrap();
        assert_eq!(titles(&rig), ["Corrected", "Corrected"], "{conflicts}");
        // And what the other administrator says later counts.
        rig.apply("fabrikam", update(twin, json!({"Title": "First"})));
        rig.settle(6).await.unwrap();
        assert_eq!(says(&rig, "contoso", "Title"), "First", "{conflicts}");
    }
}

/// Once the announcement of the next write took the place of one that was settled, and not remembered yet: what that had written was taken
/// for the other administrator's edit.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_before_a_refusal_is_nobodys_edit() {
    for refusal in ["429-bare", "form-a"] {
        let (rig, own, _) = meets("commit-then-drop", "conflicts = \"b\"\n").await;
        let refused = json!({"calls": [{"tenant": "fabrikam", "cmdlet": "Set-Contact", "times": 9, "do": refusal}]});
        rig.simulator.set_faults_json(refused).unwrap();
        rig.apply("contoso", update(own, json!({"Title": "Corrected"})));
        rig.advance(Duration::from_secs(600)).await;
        rig.cycle().await.unwrap();
        rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
        rig.settle(6).await.unwrap();
        assert_eq!(titles(&rig), ["Corrected", "Corrected"], "{refusal}");
    }
}

/// Once an announcement outlived its matter, and an edit that said the same by chance was taken back.
#[tokio::test(start_paused = true)]
async fn what_was_refused_or_settled_is_announced_no_more() {
    // Never done; what stands there later was written later.
    let (rig, own, twin) = meets("429-bare", "").await;
    rig.apply("contoso", update(own, json!({"Title": "Agent"})));
    rig.advance(Duration::from_secs(3_600)).await;
    rig.settle(4).await.unwrap();
    rig.apply("fabrikam", update(twin, json!({"Title": "First"})));
    rig.settle(4).await.unwrap();
    assert_eq!(titles(&rig), ["First", "First"], "the other administrator's own edit");

    // The answer was lost, and settled by a write into the other half.
    let (rig, _, twin) = meets("commit-then-drop", "").await;
    rig.apply("fabrikam", update(twin, json!({"City": "Bern"})));
    rig.settle(4).await.unwrap();
    for title in ["Second", "First"] {
        rig.apply("fabrikam", update(twin, json!({"Title": title})));
        rig.settle(4).await.unwrap();
        assert_eq!(titles(&rig), [title, title]);
    }
}
