//! Addresses that become free, are waited for, or lead to another directory; and older states that know less than a stamp.

use std::sync::Arc;
use std::time::Duration;

use engine::EngineError;
use engine::act::{Action, Answer};
use engine::records::MergeOptions;
use gal::policy::MergeMode;
use gal::{LinkKey, Origin, Phase, Side};
use jiff::SignedDuration;
use rig::Rig;
use rig::people::{contact, contact_at, delete, find, names, property, update, user};
use serde_json::json;
use uuid::Uuid;

use super::DAY;

const GRACE: &str = "deletion_grace_days = 2\n";

fn link_of(anchor: Uuid) -> LinkKey {
    LinkKey { origin: Origin::of(Side::A), anchor: gal::Anchor(anchor) }
}

async fn conflicts(rig: &Rig) -> Vec<String> {
    match rig.engine.act(&rig.pair(), Action::Status, rig.deadline()).await.unwrap() {
        Answer::Status(status) => status.conflicts.into_iter().flat_map(|one| one.fields).collect(),
        other => panic!("{other:?}"),
    }
}

/// Once a newcomer with the address of somebody whose contact was purged was never published.
#[tokio::test(start_paused = true)]
async fn whoever_waits_for_an_address_gets_it_when_our_own_purge_frees_it() {
    let (rig, a, _) = Rig::merged(GRACE, vec![user("contoso", "Bob"), user("contoso", "Ada")], vec![]).await;
    // Bob leaves the scope and gives up his address; a newcomer gets it.
    rig.apply("contoso", update(a[0], json!({"HiddenFromAddressListsEnabled": true, "PrimarySmtpAddress": "bob.old@contoso.example"})));
    rig.apply("contoso", json!([{"op": "update", "anchor": a[0], "set": {"EmailAddresses": ["SMTP:bob.old@contoso.example"]}}]));
    let mut newcomer = user("contoso", "Cyd");
    newcomer["set"]["PrimarySmtpAddress"] = json!("bob@contoso.example");
    rig.apply("contoso", json!([newcomer]));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ada"], "the hidden contact holds the address for its grace");
    rig.advance(DAY * 3).await;
    rig.settle(6).await.unwrap();
    assert_eq!(names(&rig.gal_with_hidden("fabrikam")), ["Ada", "Cyd"]);
}

/// Once a colleague stayed at her dead address for ever.
#[tokio::test(start_paused = true)]
async fn a_colleague_who_takes_over_a_leavers_address_moves_to_it_and_is_told_of_meanwhile() {
    let (rig, a, _) = Rig::merged(GRACE, vec![user("contoso", "Bob"), user("contoso", "Ada")], vec![]).await;
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}]));
    rig.settle(4).await.unwrap();
    rig.apply(
        "contoso",
        update(a[1], json!({"EmailAddresses": ["SMTP:bob@contoso.example"], "PrimarySmtpAddress": "bob@contoso.example"})),
    );
    rig.settle(4).await.unwrap();
    assert_eq!(conflicts(&rig).await, ["ExternalEmailAddress"], "the status tells that she waits");
    assert!(!rig.snapshot(false).await.unwrap().waiting, "for nobody: that ends by itself");
    rig.advance(DAY * 3).await;
    rig.settle(6).await.unwrap();
    let ada = property(find(&rig.gal("fabrikam"), "Ada").expect("there"), "ExternalEmailAddress");
    assert!(ada.eq_ignore_ascii_case("SMTP:bob@contoso.example"), "{ada}");
    assert!(conflicts(&rig).await.is_empty());
}

/// Once they stayed at each other's address for ever, and mail went to the wrong person.
#[tokio::test(start_paused = true)]
async fn people_who_swap_their_addresses_end_at_their_own() {
    let people = ["Ada", "Bob", "Cyd"];
    let (rig, a, _) = Rig::merged("", people.iter().map(|name| user("contoso", name)).collect(), vec![]).await;
    let set = |rig: &Rig, who: usize, address: &str| {
        rig.apply("contoso", update(a[who], json!({"EmailAddresses": [format!("SMTP:{address}")], "PrimarySmtpAddress": address})));
    };
    let at = |rig: &Rig| -> Vec<String> {
        let gal = rig.gal("fabrikam");
        people.iter().map(|name| property(find(&gal, name).expect("there"), "ExternalEmailAddress").to_lowercase()).collect()
    };
    // Two of them swap.
    set(&rig, 0, "ada.temporary@contoso.example");
    set(&rig, 1, "ada@contoso.example");
    set(&rig, 0, "bob@contoso.example");
    rig.settle(6).await.unwrap();
    assert_eq!(at(&rig), ["smtp:bob@contoso.example", "smtp:ada@contoso.example", "smtp:cyd@contoso.example"]);
    // And all three go round, read one after the other.
    set(&rig, 2, "cyd.temporary@contoso.example");
    set(&rig, 1, "cyd@contoso.example");
    set(&rig, 0, "ada@contoso.example");
    set(&rig, 2, "bob@contoso.example");
    rig.settle(6).await.unwrap();
    assert_eq!(at(&rig), ["smtp:ada@contoso.example", "smtp:cyd@contoso.example", "smtp:bob@contoso.example"]);
    assert!(conflicts(&rig).await.is_empty() && rig.settle(2).await.unwrap().is_empty());
}

/// Once it also took the contact of a colleague who waited for the address.
#[tokio::test(start_paused = true)]
async fn make_way_takes_the_contact_that_holds_the_address_and_no_other() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Xen"), user("contoso", "Yve")], vec![]).await;
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}]));
    rig.settle(4).await.unwrap();
    rig.apply(
        "contoso",
        update(a[1], json!({"EmailAddresses": ["SMTP:xen@contoso.example"], "PrimarySmtpAddress": "xen@contoso.example"})),
    );
    rig.settle(4).await.unwrap();
    let told = rig.engine.make_way(&rig.pair(), "xen@contoso.example", rig.deadline()).await.unwrap();
    assert_eq!(told.iter().map(|one| one.title.as_str()).collect::<Vec<_>>(), ["Xen"]);
    rig.settle(6).await.unwrap();
    let yve = property(find(&rig.gal("fabrikam"), "Yve").expect("she stays"), "ExternalEmailAddress");
    assert!(yve.eq_ignore_ascii_case("SMTP:xen@contoso.example"), "and moves: {yve}");
}

/// Once it said "removed", and the contact stood there.
#[tokio::test(start_paused = true)]
async fn make_way_of_a_contact_that_was_found_says_that_it_stays() {
    let found = contact_at("Ann (ours)", "ann@contoso.example", "Partner");
    let (rig, _, b) = Rig::merged("", vec![user("contoso", "Ann")], vec![found]).await;
    let told = rig.engine.make_way(&rig.pair(), "ann@contoso.example", rig.deadline()).await.unwrap();
    assert!(told[0].left.as_ref().is_some_and(|left| left.contains("by hand")), "{told:?}");
    assert_eq!(rig.gal("fabrikam")[0].anchor, b[0]);
}

/// Once a contact that both sides edit was known by its first address for ever: under the new one nobody was found.
#[tokio::test(start_paused = true)]
async fn make_way_finds_a_contact_of_both_sides_under_its_new_address() {
    for tenant in ["contoso", "fabrikam"] {
        let (rig, _, _) = Rig::merged("", vec![contact("Pat", "Agent")], vec![]).await;
        let half = find(&rig.gal(tenant), "Pat").unwrap().anchor;
        rig.apply(tenant, update(half, json!({"ExternalEmailAddress": "SMTP:pat@new.example"})));
        rig.settle(6).await.unwrap();
        let told = rig.engine.make_way(&rig.pair(), "pat@new.example", rig.deadline()).await.unwrap();
        assert_eq!(told.iter().map(|one| one.title.as_str()).collect::<Vec<_>>(), ["Pat"], "moved in {tenant}");
        assert_eq!((names(&rig.gal("contoso")), names(&rig.gal_with_hidden("fabrikam"))), (vec!["Pat".to_owned()], vec![]));
    }
}

/// Once 28 strangers were published, and then a client's people into a stranger's directory.
#[tokio::test(start_paused = true)]
async fn another_directory_under_the_same_name_is_refused() {
    let (mut rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    let right = rig.engine.setup.clone();
    let mut wrong = (*right).clone();
    wrong.pairs[0].tenants.b.id = "99999999-9999-9999-9999-999999999999".to_owned();
    rig.engine.setup = Arc::new(wrong);
    rig.apply("contoso", json!([user("contoso", "Ben")]));
    rig.advance(Duration::from_secs(600)).await;
    let error = rig.snapshot(false).await.unwrap_err();
    assert!(matches!(&error, EngineError::AnotherTenant { side: Side::B, .. }), "{error}");
    assert!(error.to_string().contains("99999999-9999-9999-9999-999999999999"), "{error}");
    assert!(matches!(rig.reconcile().await.unwrap_err(), EngineError::AnotherTenant { .. }));
    let merge = rig.engine.merge(&rig.pair(), &MergeOptions::of(MergeMode::TwoWay), None, rig.deadline()).await;
    assert!(matches!(merge.unwrap_err(), EngineError::AnotherTenant { .. }));
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann"]);
    rig.engine.setup = right;
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben"]);
}

/// Once a restored older state purged two hours after a contact was hidden.
#[tokio::test(start_paused = true)]
async fn a_purge_goes_by_the_stamp_where_the_state_is_older() {
    let (rig, a, _) = Rig::merged(GRACE, vec![user("contoso", "Ann")], vec![]).await;
    rig.apply("contoso", delete(&a));
    rig.settle(4).await.unwrap();
    let link = rig.engine.store.link(&rig.pair(), link_of(a[0])).await.unwrap().unwrap();
    let Phase::Staged { since, side } = link.item.phase else { panic!("not staged") };
    let older = Phase::Staged { since: since - SignedDuration::from_hours(47), side };
    rig.engine.store.put_link(&rig.pair(), &gal::Link { phase: older, ..link.item }, Some(link.version)).await.unwrap();
    rig.engine
        .store
        .put_agenda(
            &rig.pair(),
            &[engine::records::AgendaRow {
                due: rig.now(),
                side: Side::A,
                anchor: gal::Anchor(a[0]),
                why: engine::records::Due::Purge,
                version: 0,
            }],
        )
        .await
        .unwrap();
    rig.advance(Duration::from_secs(2 * 3_600)).await;
    rig.settle(4).await.unwrap();
    assert_eq!(rig.gal_with_hidden("fabrikam").len(), 1, "its own stamp says that its grace goes on");
    rig.advance(DAY * 2).await;
    rig.settle(4).await.unwrap();
    assert!(rig.gal_with_hidden("fabrikam").is_empty(), "and then it goes");
}

/// Once such a merge left those who had gone meanwhile in the list for ever.
#[tokio::test(start_paused = true)]
async fn a_merge_over_a_lost_state_is_refused_until_its_links_are_restored() {
    let (mut rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    rig.lose_state().await;
    rig.snapshot(true).await.unwrap();
    let options = MergeOptions::of(MergeMode::TwoWay);
    let error = rig.engine.merge(&rig.pair(), &options, None, rig.deadline()).await.unwrap_err();
    assert!(error.to_string().contains("galbridge rebuild"), "{error}");
    let plan = rig.engine.rebuild_preview(&rig.pair()).await.unwrap();
    rig.engine.rebuild(&rig.pair(), &engine::operate::rebuild_checksum(&plan), rig.deadline()).await.unwrap();
    rig.engine.merge(&rig.pair(), &options, None, rig.deadline()).await.unwrap();
}

/// Once a machine whose date was wrong removed at once who was to be hidden for a month.
#[tokio::test(start_paused = true)]
async fn nothing_is_removed_by_a_wrong_clock() {
    let (mut rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Ben")], vec![]).await;
    rig.apply("contoso", delete(&a[..1]));
    rig.settle(4).await.unwrap();
    rig.restart_with_clock_ahead(SignedDuration::from_hours(24 * 300));
    let runs = rig.settle(3).await.unwrap();
    let told = |run: &engine::records::RunSummary| run.notes.iter().any(|note| note.contains("clock"));
    assert!(runs.iter().any(told), "{runs:#?}");
    assert_eq!(rig.gal_with_hidden("fabrikam").len(), 2, "she is hidden, and stays for her month");
}

/// A circle with somebody in it who cannot move is left as it is: nobody is sent to an address that leads nowhere.
#[tokio::test(start_paused = true)]
async fn nobody_moves_aside_for_somebody_who_cannot_move() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ada"), user("contoso", "Bob")], vec![]).await;
    let link = rig.engine.store.link(&rig.pair(), link_of(a[1])).await.unwrap().unwrap();
    let quarantine =
        gal::link::Quarantine { reason: "refused".to_owned(), attempts: 3, retry_at: rig.now() + SignedDuration::from_hours(24 * 7) };
    let set_aside = gal::Link { quarantine: Some(quarantine), ..link.item };
    rig.engine.store.put_link(&rig.pair(), &set_aside, Some(link.version)).await.unwrap();
    let set = |who: usize, address: &str| {
        rig.apply("contoso", update(a[who], json!({"EmailAddresses": [format!("SMTP:{address}")], "PrimarySmtpAddress": address})));
    };
    set(0, "ada.temporary@contoso.example");
    set(1, "ada@contoso.example");
    set(0, "bob@contoso.example");
    rig.advance(Duration::from_secs(600)).await;
    rig.snapshot(false).await.unwrap();
    let link = rig.engine.store.link(&rig.pair(), link_of(a[1])).await.unwrap().unwrap();
    assert!(link.item.quarantine.is_some());
    let explained = rig.engine.explain(&rig.pair(), "bob@contoso.example").await.unwrap();
    let written: Vec<_> = explained.iter().flat_map(|one| &one.next).flat_map(|operation| &operation.changes).collect();
    assert!(written.iter().all(|change| change.after.as_ref().is_none_or(|after| !after.ends_with("galbridge.invalid"))), "{written:?}");
}
