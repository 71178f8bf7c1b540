//! A contact of another company that is deleted, and what follows it under its address; found by random histories of two pairs that show
//! one address.

use std::time::Duration;

use engine::records::MergeOptions;
use gal::policy::MergeMode;
use rig::people::{contact, find, names, property, update, user};
use rig::{Rig, RigOptions};
use serde_json::json;

const HOUR: Duration = Duration::from_secs(3_600);

/// Names that galbridge publishes from contoso end in its name; contacts that both sides edit are shared as they are.
const AFFIX: &str = "[pairs.a_to_b.mapping]\ndisplay_name = \"{{ display_name }} (contoso)\"\n";

fn title(rig: &Rig, tenant: &str, name: &str) -> String {
    find(&rig.gal(tenant), name).map_or_else(|| format!("nobody among {:?}", names(&rig.gal(tenant))), |entry| property(entry, "Title"))
}

/// Once the template of one direction was written into the twin, and stayed there.
#[tokio::test(start_paused = true)]
async fn a_contact_that_is_made_again_keeps_its_twin_as_it_is() {
    let (rig, a, _) = Rig::merged(AFFIX, vec![contact("Pat", "Agent")], vec![]).await;
    let twin = find(&rig.gal("fabrikam"), "Pat").expect("peers take no template").anchor;
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}, contact("Pat", "Partner")]));
    rig.settle(6).await.unwrap();
    assert_eq!(title(&rig, "fabrikam", "Pat"), "Partner");
    assert_eq!(find(&rig.gal("fabrikam"), "Pat").unwrap().anchor, twin, "updated in place");
    // What is edited there still reaches the other half.
    rig.apply("fabrikam", update(twin, json!({"Title": "Friend"})));
    rig.settle(6).await.unwrap();
    assert_eq!(title(&rig, "contoso", "Pat"), "Friend");
    assert_eq!((names(&rig.gal("contoso")), names(&rig.gal("fabrikam"))), (vec!["Pat".to_owned()], vec!["Pat".to_owned()]));
}

/// An edit of the twin that nobody has seen yet when the contact is made again reaches the new one.
#[tokio::test(start_paused = true)]
async fn what_was_edited_in_the_twin_reaches_the_contact_that_is_made_again() {
    let (rig, a, _) = Rig::merged(AFFIX, vec![contact("Pat", "Agent")], vec![]).await;
    let twin = find(&rig.gal("fabrikam"), "Pat").unwrap().anchor;
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}, contact("Pat", "Agent")]));
    rig.apply("fabrikam", update(twin, json!({"Title": "Friend"})));
    rig.settle(6).await.unwrap();
    assert_eq!((title(&rig, "contoso", "Pat"), title(&rig, "fabrikam", "Pat")), ("Friend".to_owned(), "Friend".to_owned()));
}

/// The partner was bought: who was a contact has a mailbox now. Nobody writes into a mailbox.
#[tokio::test(start_paused = true)]
async fn a_mailbox_that_follows_a_contact_is_not_written_by_its_twin() {
    let (rig, a, _) = Rig::merged(AFFIX, vec![contact("Pat", "Agent")], vec![]).await;
    let twin = find(&rig.gal("fabrikam"), "Pat").unwrap().anchor;
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}]));
    rig.apply("contoso", json!([{"op": "accepted-domain", "domain": "partner.example"}]));
    let mailbox = json!({"DisplayName": "Pat", "PrimarySmtpAddress": "pat@partner.example", "Title": "Colleague"});
    rig.apply("contoso", json!([{"op": "create", "kind": "user", "set": mailbox}]));
    rig.settle(6).await.unwrap();
    assert_eq!(title(&rig, "fabrikam", "Pat (contoso)"), "Colleague");
    assert_eq!(find(&rig.gal("fabrikam"), "Pat (contoso)").unwrap().anchor, twin, "updated in place");
    rig.apply("fabrikam", update(twin, json!({"Title": "Friend"})));
    rig.settle(6).await.unwrap();
    assert_eq!(title(&rig, "contoso", "Pat"), "Colleague", "nothing flows into the mailbox");
    assert_eq!(title(&rig, "fabrikam", "Pat (contoso)"), "Colleague", "what drifted there is put right");
}

/// Once the edit was lost: it was met while the twin was shown, and taken for another pair's.
#[tokio::test(start_paused = true)]
async fn what_was_edited_in_a_hidden_twin_reaches_the_contact_that_is_made_again() {
    let (rig, a, _) = Rig::merged(AFFIX, vec![contact("Pat", "Agent")], vec![]).await;
    let twin = find(&rig.gal("fabrikam"), "Pat").unwrap().anchor;
    rig.apply("contoso", update(a[0], json!({"HiddenFromAddressListsEnabled": true})));
    rig.settle(6).await.unwrap();
    assert!(rig.gal("fabrikam").is_empty(), "hidden for its deletion");
    rig.apply("fabrikam", update(twin, json!({"Title": "Friend"})));
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}, contact("Pat", "Agent")]));
    rig.settle(6).await.unwrap();
    assert_eq!((title(&rig, "contoso", "Pat"), title(&rig, "fabrikam", "Pat")), ("Friend".to_owned(), "Friend".to_owned()));
    assert_eq!(find(&rig.gal("fabrikam"), "Pat").unwrap().anchor, twin);
}

/// A contact that both sides had before is deleted on one, and made again there with nothing but its name: whether one cycle sees both, or
/// two do, the other side's own contact keeps what it says, and fills the new one.
#[tokio::test(start_paused = true)]
async fn a_contact_that_was_there_before_keeps_what_it_says() {
    for cycles_between in [0, 4] {
        let (rig, a, b) = Rig::merged("", vec![contact("Pat", "Agent")], vec![contact("Pat", "Agent")]).await;
        rig.apply("fabrikam", update(b[0], json!({"City": "Bern"})));
        rig.settle(6).await.unwrap();
        rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}]));
        rig.settle(cycles_between).await.unwrap();
        let bare = json!({"op": "create", "kind": "contact", "set": {"DisplayName": "Pat", "ExternalEmailAddress": "pat@partner.example"}});
        rig.apply("contoso", json!([bare]));
        rig.settle(6).await.unwrap();
        for tenant in ["contoso", "fabrikam"] {
            let gal = rig.gal(tenant);
            let pat = find(&gal, "Pat").unwrap();
            assert_eq!((gal.len(), property(pat, "Title"), property(pat, "City")), (1, "Agent".to_owned(), "Bern".to_owned()), "{tenant}");
        }
    }
}

/// The same, and a mailbox follows: the other side's contact is adopted, and keeps what it says; nothing is written into the mailbox.
#[tokio::test(start_paused = true)]
async fn a_contact_that_was_there_before_is_adopted_for_the_mailbox_that_follows() {
    for cycles_between in [0, 4] {
        let (rig, a, b) = Rig::merged(AFFIX, vec![contact("Pat", "Agent")], vec![contact("Pat", "Agent")]).await;
        rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}]));
        rig.settle(cycles_between).await.unwrap();
        rig.apply("contoso", json!([{"op": "accepted-domain", "domain": "partner.example"}]));
        let mailbox = json!({"DisplayName": "Pat", "PrimarySmtpAddress": "pat@partner.example", "Office": "12"});
        rig.apply("contoso", json!([{"op": "create", "kind": "user", "set": mailbox}]));
        rig.settle(8).await.unwrap();
        let gal = rig.gal("fabrikam");
        assert_eq!((gal.len(), gal[0].anchor), (1, b[0]));
        let said = ["DisplayName", "Title", "Office"].map(|name| property(&gal[0], name));
        assert_eq!(said, ["Pat", "Agent", "12"], "blanks are filled, the rest is its administrator's; {cycles_between} cycles between");
        assert_eq!(title(&rig, "contoso", "Pat"), "");
    }
}

/// What the service answers to a value that it does not take.
fn refuses(rig: &Rig, cmdlet: &str) {
    let refusal = json!({"tenant": "fabrikam", "cmdlet": cmdlet, "do": "form-a", "status": 400,
        "type": "Microsoft.Exchange.Configuration.Tasks.RecipientTaskException", "message": "The value is not valid for this property."});
    rig.simulator.set_faults_json(json!({"calls": [refusal]})).expect("a fault plan");
}

/// Once the retry knew the old account only: the contact stayed hidden, or was hidden, and purged after the grace period.
#[tokio::test(start_paused = true)]
async fn a_re_hire_whose_first_write_is_refused_is_tried_again() {
    for (cycles_between, cmdlet) in [(4, "Set-Contact"), (0, "Set-MailContact")] {
        let (rig, a, _) = Rig::merged("deletion_grace_days = 3\n", vec![user("contoso", "Ann")], vec![]).await;
        let contact = find(&rig.gal("fabrikam"), "Ann").unwrap().anchor;
        rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}]));
        rig.settle(cycles_between).await.unwrap();
        refuses(&rig, cmdlet);
        let mut again = user("contoso", "Ann");
        again["set"]["Title"] = json!("Director");
        rig.apply("contoso", json!([again]));
        rig.settle(6).await.unwrap();
        rig.advance(HOUR * 3).await;
        rig.settle(3).await.unwrap();
        assert_eq!(rig.gal("fabrikam").is_empty(), cycles_between > 0, "{cmdlet}: who was shown stays shown");
        rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
        for _ in 0..8 {
            rig.advance(HOUR * 12).await;
            rig.settle(3).await.unwrap();
        }
        let gal = rig.gal_with_hidden("fabrikam");
        assert_eq!((gal.len(), gal[0].anchor, gal[0].hidden), (1, contact, false), "{cmdlet}: shown again, in place");
        assert_eq!(property(&gal[0], "Title"), "Director");
    }
}

/// Once the row of whoever follows was gone with the first attempt, and the other side's own contact was purged after the grace period.
#[tokio::test(start_paused = true)]
async fn a_contact_that_is_given_back_late_is_not_purged() {
    const DELETIONS: &str = "peer_deletions = true\ndeletion_grace_days = 3\n";
    let (rig, a, b) = Rig::merged(DELETIONS, vec![contact("Pat", "Agent")], vec![contact("Pat", "Agent")]).await;
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}]));
    rig.settle(4).await.unwrap();
    assert!(rig.gal("fabrikam").is_empty(), "it follows");
    rig.simulator
        .set_faults_json(json!({"calls": [{"tenant": "fabrikam", "cmdlet": "Set-MailContact", "do": "503", "times": 40}]}))
        .unwrap();
    rig.apply("contoso", json!([contact("Pat", "Partner")]));
    rig.settle(1).await.unwrap();
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    for _ in 0..8 {
        rig.advance(HOUR * 12).await;
        rig.settle(3).await.unwrap();
    }
    let gal = rig.gal_with_hidden("fabrikam");
    assert_eq!((gal.len(), gal[0].anchor, gal[0].hidden), (1, b[0], false), "{gal:#?}");
}

/// The same from the other side: once the half that was hidden because the other one was deleted was purged although that one was made again.
#[tokio::test(start_paused = true)]
async fn a_contact_whose_other_half_is_made_again_is_shown_again() {
    const DELETIONS: &str = "peer_deletions = true\ndeletion_grace_days = 3\n";
    for (own, name) in [(vec![contact("Pat", "Agent")], "found"), (vec![], "made")] {
        let (rig, a, _) = Rig::merged(DELETIONS, vec![contact("Pat", "Agent")], own).await;
        let other = find(&rig.gal("fabrikam"), "Pat").unwrap().anchor;
        rig.apply("fabrikam", json!([{"op": "delete", "anchor": other, "permanent": true}]));
        rig.settle(4).await.unwrap();
        assert!(rig.gal("contoso").is_empty(), "{name}: it follows");
        rig.apply("fabrikam", json!([contact("Pat", "Partner")]));
        rig.settle(6).await.unwrap();
        for tenant in ["contoso", "fabrikam"] {
            assert_eq!(names(&rig.gal(tenant)), ["Pat"], "{name}: {tenant}");
        }
        rig.advance(HOUR * 24 * 5).await;
        rig.settle(4).await.unwrap();
        assert_eq!(rig.gal_with_hidden("contoso")[0].anchor, a[0], "{name}: the same contact, and no other");
        // They are linked: an edit reaches the other half.
        rig.apply("contoso", update(a[0], json!({"City": "Bern"})));
        rig.settle(5).await.unwrap();
        assert_eq!(property(find(&rig.gal("fabrikam"), "Pat").unwrap(), "City"), "Bern", "{name}");
    }
}

/// Once a pair that serves only whom it is linked with hid, and removed, the contact of an account that was made again.
#[tokio::test(start_paused = true)]
async fn who_is_made_again_after_a_pilot_keeps_his_contact() {
    let profile = "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\ndeletion_grace_days = 3\n".to_owned();
    let rig = Rig::new(RigOptions { profile, ..RigOptions::default() }).await;
    let ann = rig.apply("contoso", json!([user("contoso", "Ann")]))[0].unwrap();
    rig.merge_with(MergeOptions { limit: Some(1), ..MergeOptions::of(MergeMode::TwoWay) }).await.unwrap();
    rig.settle(4).await.unwrap();
    let contact = find(&rig.gal("fabrikam"), "Ann").unwrap().anchor;
    rig.apply("contoso", json!([{"op": "delete", "anchor": ann, "permanent": true}, user("contoso", "Ann"), user("contoso", "Newcomer")]));
    rig.settle(8).await.unwrap();
    rig.advance(HOUR * 24 * 5).await;
    rig.settle(4).await.unwrap();
    let gal = rig.gal("fabrikam");
    assert_eq!((gal.len(), gal[0].anchor), (1, contact), "he, and nobody new: {gal:#?}");
}

/// Once what stood in a contact that was being adopted was overwritten and cleared, because the account was made again meanwhile.
#[tokio::test(start_paused = true)]
async fn who_is_made_again_while_he_is_adopted_finds_what_was_there() {
    let (rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    let theirs = json!({"op": "create", "kind": "contact", "set": {"DisplayName": "Ben (ours)", "ExternalEmailAddress": "ben@contoso.example",
        "Title": "Partner", "City": "Bern"}});
    rig.apply("fabrikam", json!([theirs]));
    refuses(&rig, "Set-Contact");
    let ben = rig.apply("contoso", json!([user("contoso", "Ben")]))[0].unwrap();
    rig.settle(4).await.unwrap();
    assert!(rig.engine.quarantined(&rig.pair()).await.unwrap().len() == 1, "set aside in the middle of it");
    rig.apply("contoso", json!([{"op": "delete", "anchor": ben, "permanent": true}, user("contoso", "Ben")]));
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.advance(HOUR * 24).await;
    rig.settle(8).await.unwrap();
    let gal = rig.gal("fabrikam");
    let ben = find(&gal, "Ben (ours)").expect("there, by his own name");
    let said = ["Title", "City", "FirstName"].map(|name| property(ben, name));
    assert_eq!((said, gal.len()), (["Partner", "Bern", "Ben"].map(str::to_owned), 2), "as in any join");
}
