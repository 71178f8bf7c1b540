//! A contact that two pairs want: what one has hidden for its deletion, the other takes over; it stands for one of them at a time.

use std::time::Duration;

use engine::operate::Leave;
use engine::records::Outcome;
use engine::snapshot::SnapshotOptions;
use gal::Side;
use jiff::SignedDuration;
use rig::people::{code, contact, delete, find, names, property, status_of, update, user};
use rig::{Rig, RigOptions};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{DAY, TICK};

/// The pair whose contact it is at first, and the one that wants it too.
pub(super) const FIRST: &str = "contoso-initech";
pub(super) const SECOND: &str = "fabrikam-initech";

/// Both have a contact for Pat, merged one after the other: initech shows contoso's.
async fn two_pats(profile: &str) -> (Rig, Uuid, Uuid) {
    let rig = Rig::mesh(&[("contoso", "initech"), ("fabrikam", "initech")], profile).await;
    let a = made(&rig, "contoso", contact("Pat", "Of contoso"));
    let b = made(&rig, "fabrikam", contact("Pat", "Of fabrikam"));
    rig.merge_each_pair(4).await.unwrap();
    assert_eq!(shown(&rig).1, "Of contoso");
    (rig, a, b)
}

pub(super) fn made(rig: &Rig, tenant: &str, one: Value) -> Uuid {
    rig.apply(tenant, json!([one]))[0].unwrap()
}

fn hide(rig: &Rig, tenant: &str, anchor: Uuid, hidden: bool) {
    rig.apply(tenant, update(anchor, json!({"HiddenFromAddressListsEnabled": hidden})));
}

/// The one contact of initech's list.
pub(super) fn shown(rig: &Rig) -> (Uuid, String) {
    let gal = rig.gal_with_hidden("initech");
    assert!(gal.len() == 1 && !gal[0].hidden, "{gal:#?}");
    (gal[0].anchor, property(&gal[0], "Title"))
}

pub(super) async fn cycles(rig: &Rig, count: u32) {
    for _ in 0..count {
        rig.advance(TICK).await;
        rig.cycle_of_each_pair().await.unwrap();
    }
}

async fn read(rig: &Rig, pair: &str) {
    rig.engine.snapshot(pair, SnapshotOptions::default(), rig.deadline()).await.unwrap();
}

/// One pair reads and writes.
pub(super) async fn tick(rig: &Rig, pair: &str) {
    read(rig, pair).await;
    rig.engine.reconcile(pair, rig.deadline()).await.unwrap();
}

/// Once whoever held the address next was missing from the list for the whole grace period, and then had a new contact.
#[tokio::test(start_paused = true)]
async fn what_another_pair_has_hidden_for_its_deletion_is_taken_over_at_once() {
    let (rig, a, b) = two_pats("").await;
    let mut a = vec![a];
    let b = vec![b];
    let (contact_there, _) = shown(&rig);
    rig.apply("contoso", delete(&a));
    cycles(&rig, 5).await;
    assert_eq!(shown(&rig), (contact_there, "Of fabrikam".to_owned()), "the same contact, for the other's");
    // The first owner comes back: the contact is not his any more.
    a = rig.apply("contoso", json!([contact("Pat", "Back at contoso")])).into_iter().flatten().collect();
    rig.apply("fabrikam", update(b[0], json!({"Title": "Head"})));
    cycles(&rig, 4).await;
    assert_eq!(shown(&rig), (contact_there, "Head".to_owned()));
    assert_eq!(code(&rig, "contoso-initech", "pat@partner.example", Side::A).await, ["covered"]);
    // And until the second one leaves: then it is.
    rig.apply("fabrikam", delete(&b));
    cycles(&rig, 5).await;
    assert_eq!(shown(&rig), (contact_there, "Back at contoso".to_owned()));
    rig.advance(DAY * 40).await;
    cycles(&rig, 3).await;
    assert_eq!(shown(&rig).0, contact_there, "nobody purges it");
    rig.apply("contoso", delete(&a));
    cycles(&rig, 4).await;
    assert_eq!(names(&rig.gal("initech")), Vec::<String>::new());
    rig.advance(DAY * 40).await;
    cycles(&rig, 3).await;
    assert!(rig.gal_with_hidden("initech").is_empty(), "the last one who had it purges it");
}

/// A domain and its person move from contoso to fabrikam: initech sees the same contact, and is not without it for a month.
#[tokio::test(start_paused = true)]
async fn a_person_who_moves_to_another_tenant_of_the_mesh_keeps_the_contact_in_the_third() {
    let rig = Rig::mesh(&[("contoso", "initech"), ("fabrikam", "initech"), ("contoso", "fabrikam")], "").await;
    rig.apply("contoso", json!([{"op": "accepted-domain", "domain": "brand.example"}]));
    let mut ann = user("contoso", "Ann");
    ann["set"]["PrimarySmtpAddress"] = json!("ann@brand.example");
    let a: Vec<Uuid> = rig.apply("contoso", json!([ann.clone()])).into_iter().flatten().collect();
    rig.merge_each_pair(4).await.unwrap();
    let before = find(&rig.gal("initech"), "Ann").expect("published").anchor;
    // (Removed for good: the recycle bin holds the address for a month, and nothing could be made for it in contoso.)
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[0], "permanent": true}]));
    rig.apply("contoso", json!([{"op": "accepted-domain", "domain": "brand.example", "remove": true}]));
    rig.apply("fabrikam", json!([{"op": "accepted-domain", "domain": "brand.example"}]));
    ann["set"]["Title"] = json!("Of fabrikam");
    cycles(&rig, 6).await;
    // A contact for her still stands in fabrikam; galbridge makes way when it is told to.
    rig.engine.make_way("contoso-fabrikam", "ann@brand.example", rig.deadline()).await.unwrap();
    rig.apply("fabrikam", json!([ann]));
    cycles(&rig, 6).await;
    let gal = rig.gal_with_hidden("initech");
    assert_eq!((gal.len(), gal[0].hidden, property(&gal[0], "Title"), gal[0].anchor), (1, false, "Of fabrikam".to_owned(), before));
    // That the domain is contoso's no more is known from the next daily reading.
    rig.advance(DAY).await;
    rig.full_reading_of_each_pair().await.unwrap();
    rig.cycle_of_each_pair().await.unwrap();
    let why = code(&rig, "contoso-fabrikam", "ann@brand.example", Side::B).await;
    assert_eq!(names(&rig.gal("contoso")), ["Ann"], "and contoso sees her from fabrikam: {why:?}");
}

/// Once a creation took the contact that bears its Name for its own, whoever that stood for by then.
#[tokio::test(start_paused = true)]
async fn who_comes_back_when_his_contact_is_anothers_gets_one_of_his_own() {
    let (rig, a, b) = two_pats("").await;
    let first = rig.gal("initech")[0].anchor;
    rig.apply("contoso", update(a, json!({"HiddenFromAddressListsEnabled": true})));
    cycles(&rig, 5).await;
    let back = json!({"ExternalEmailAddress": "pat.two@partner.example", "DisplayName": "Patty", "HiddenFromAddressListsEnabled": false});
    rig.apply("contoso", update(a, back));
    cycles(&rig, 5).await;
    let of = |rig: &Rig, name: &str| find(&rig.gal_with_hidden("initech"), name).map(|found| (found.anchor, property(found, "Title")));
    assert_eq!(names(&rig.gal("initech")), ["Pat", "Patty"], "{:?}", status_of(&rig, FIRST).await);
    assert_eq!(of(&rig, "Pat"), Some((first, "Of fabrikam".to_owned())));
    // Each is kept in step.
    rig.apply("fabrikam", update(b, json!({"Title": "Head"})));
    rig.apply("contoso", update(a, json!({"Title": "Director"})));
    cycles(&rig, 5).await;
    let (second, title) = of(&rig, "Patty").unwrap();
    assert_eq!((of(&rig, "Pat"), title.as_str()), (Some((first, "Head".to_owned())), "Director"));
    assert_ne!(first, second);
}

/// Two pairs want one contact in the same moment: its owner shows it again while the other is about to take it over.
#[tokio::test(start_paused = true)]
async fn an_owner_who_comes_back_in_the_last_moment_keeps_the_contact() {
    let (rig, a, _) = two_pats("").await;
    rig.advance(TICK).await;
    hide(&rig, "contoso", a, true);
    tick(&rig, FIRST).await;
    assert!(rig.gal("initech").is_empty());
    rig.advance(TICK).await;
    read(&rig, SECOND).await;
    hide(&rig, "contoso", a, false);
    rig.advance(TICK).await;
    tick(&rig, FIRST).await;
    for _ in 0..4 {
        rig.engine.reconcile(SECOND, rig.deadline()).await.unwrap();
        assert_eq!(shown(&rig).1, "Of contoso");
        cycles(&rig, 1).await;
    }
    assert_eq!(code(&rig, SECOND, "pat@partner.example", Side::A).await, ["covered"]);
}

/// The owner hides it once more, because the first answer was lost, while the other takes it over: once its stamp and its Name spoke of two,
/// and it stood in no list until the grace period was over.
#[tokio::test(start_paused = true)]
async fn a_hiding_that_comes_late_says_whose_it_is() {
    let (rig, a, _) = two_pats("").await;
    rig.advance(TICK).await;
    hide(&rig, "contoso", a, true);
    let lost = json!({"tenant": "initech", "cmdlet": "Set-MailContact", "do": "commit-then-drop"});
    rig.simulator.set_faults_json(json!({"calls": [lost]})).unwrap();
    tick(&rig, FIRST).await;
    rig.advance(TICK).await;
    read(&rig, FIRST).await;
    read(&rig, SECOND).await;
    // The owner's write is under way for half a minute; the other claims the contact meanwhile, and its time is up then.
    let delay =
        |nth: u64, millis: u64| json!({"tenant": "initech", "cmdlet": "Set-MailContact", "nth": nth, "do": "delay", "delay_ms": millis});
    rig.simulator.set_faults_json(json!({"calls": [delay(1, 30_000), delay(2, 2_000)]})).unwrap();
    let deadline = rig.now() + SignedDuration::from_secs(3);
    let second = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        rig.engine.reconcile(SECOND, deadline).await
    };
    let (first, second) = tokio::join!(rig.engine.reconcile(FIRST, rig.deadline()), second);
    first.unwrap();
    second.unwrap();
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    cycles(&rig, 5).await;
    assert_eq!((rig.gal("initech").len(), shown(&rig).1), (1, "Of fabrikam".to_owned()));
}

/// The owner's write comes late, after the other has taken over and shown: what that one wrote is no edit of the owner's.
#[tokio::test(start_paused = true)]
async fn a_write_that_comes_late_writes_nothing_into_its_own_source() {
    let (rig, a, b) = two_pats("").await;
    rig.apply("fabrikam", update(b, json!({"City": "Berlin", "Phone": "+49 30 1234567"})));
    rig.apply("contoso", update(a, json!({"Department": "Sales"})));
    cycles(&rig, 2).await;
    rig.advance(TICK).await;
    hide(&rig, "contoso", a, true);
    tick(&rig, FIRST).await;
    rig.advance(TICK).await;
    read(&rig, SECOND).await;
    hide(&rig, "contoso", a, false);
    rig.advance(TICK).await;
    read(&rig, FIRST).await;
    let late = json!({"tenant": "initech", "cmdlet": "Set-MailContact", "nth": 1, "do": "delay", "delay_ms": 30_000});
    rig.simulator.set_faults_json(json!({"calls": [late]})).unwrap();
    let first = rig.engine.reconcile(FIRST, rig.deadline());
    let second = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        rig.engine.reconcile(SECOND, rig.deadline()).await
    };
    let (first, second) = tokio::join!(first, second);
    first.unwrap();
    second.unwrap();
    cycles(&rig, 4).await;
    let own = |tenant: &str| {
        let gal = rig.gal(tenant);
        let pat = find(&gal, "Pat").expect("there");
        ["Title", "City", "Department"].map(|name| property(pat, name))
    };
    assert_eq!(own("contoso"), ["Of contoso", "", "Sales"]);
    assert_eq!(own("fabrikam"), ["Of fabrikam", "Berlin", ""]);
    let there = own("initech");
    assert!(there == own("contoso") || there == own("fabrikam"), "one of them, and no mixture: {there:?}");
    assert_eq!(rig.gal_with_hidden("initech").len(), 1);
}

/// Once the first owner's old link took the other's values for edits of his own contact, and wrote them there.
#[tokio::test(start_paused = true)]
async fn what_was_taken_over_and_is_given_up_again_tells_nothing_of_its_first_owner() {
    for paused in [false, true] {
        let (rig, a, b) = two_pats("").await;
        rig.advance(TICK).await;
        hide(&rig, "contoso", a, true);
        tick(&rig, FIRST).await;
        if paused {
            rig.engine.pause(FIRST, Some("a visit")).await.unwrap();
        }
        rig.advance(TICK).await;
        tick(&rig, SECOND).await;
        assert_eq!(shown(&rig).1, "Of fabrikam");
        rig.apply("fabrikam", delete(&[b]));
        hide(&rig, "contoso", a, false);
        rig.advance(TICK).await;
        tick(&rig, SECOND).await;
        if paused {
            rig.engine.pause(FIRST, None).await.unwrap();
        }
        cycles(&rig, 4).await;
        assert_eq!(shown(&rig).1, "Of contoso");
        let own = rig.gal("contoso").into_iter().find(|one| one.anchor == a).unwrap();
        assert_eq!(property(&own, "Title"), "Of contoso", "his own contact is as it was");
    }
}

/// Once an account that was made again took back, by what it had read before, what was another's by then.
#[tokio::test(start_paused = true)]
async fn who_is_made_again_after_his_contact_was_taken_over_is_covered() {
    let (rig, a, b) = two_pats("").await;
    rig.advance(TICK).await;
    rig.apply("contoso", delete(&[a]));
    tick(&rig, FIRST).await;
    rig.advance(Duration::from_secs(60)).await;
    tick(&rig, SECOND).await;
    made(&rig, "contoso", contact("Pat", "Again at contoso"));
    rig.advance(Duration::from_secs(60)).await;
    tick(&rig, FIRST).await;
    cycles(&rig, 4).await;
    assert_eq!(shown(&rig).1, "Of fabrikam");
    assert_eq!(code(&rig, FIRST, "pat@partner.example", Side::A).await, ["covered"]);
    rig.apply("fabrikam", delete(&[b]));
    cycles(&rig, 5).await;
    assert_eq!(shown(&rig).1, "Again at contoso");
}

/// Once the first owner's link waited for ever, and would have purged the contact once its stamp was gone.
#[tokio::test(start_paused = true)]
async fn the_link_that_waited_to_purge_it_ends_whatever_its_administrator_does() {
    for (name, edit) in [
        ("hidden", json!({"HiddenFromAddressListsEnabled": true})),
        ("renamed", json!({"Name": "Pat of our partner", "HiddenFromAddressListsEnabled": true})),
    ] {
        let (rig, a, _) = two_pats("").await;
        rig.advance(TICK).await;
        hide(&rig, "contoso", a, true);
        tick(&rig, FIRST).await;
        rig.advance(TICK).await;
        tick(&rig, SECOND).await;
        rig.apply("initech", update(shown(&rig).0, edit));
        cycles(&rig, 3).await;
        let first = status_of(&rig, FIRST).await;
        // By another Name it may be a copied stamp: a person is told.
        let told = if name == "renamed" { (1, 1) } else { (0, 0) };
        assert_eq!((first.staged.b, first.overwritten.len()), told, "{name}");
        rig.apply("initech", update(rig.gal_with_hidden("initech")[0].anchor, json!({"CustomAttribute15": null})));
        rig.advance(DAY * 40).await;
        cycles(&rig, 3).await;
        let gal = rig.gal_with_hidden("initech");
        assert_eq!((gal.len(), property(&gal[0], "Title")), (1, "Of fabrikam".to_owned()), "{name}");
    }
}

/// What a former owner published beside is not shown of somebody else.
#[tokio::test(start_paused = true)]
async fn nothing_of_the_former_owner_stays() {
    for kind in ["peers", "projections"] {
        let way = if kind == "peers" { "" } else { "direction = \"a-to-b\"\n" };
        let all = "[[pairs]]\na = \"contoso\"\nb = \"initech\"\ndirection = \"a-to-b\"\n[pairs.a_to_b.mapping]\nhome_phone = true\nnotes = true\n";
        let few = format!("[[pairs]]\na = \"fabrikam\"\nb = \"initech\"\n{way}");
        let tenants = ["contoso", "fabrikam", "initech"].map(|name| (name.to_owned(), 0)).to_vec();
        let rig = Rig::new(RigOptions { tenants, profile: format!("{all}{few}"), ..RigOptions::default() }).await;
        let boss = made(&rig, "contoso", user("contoso", "Boss"));
        let mut pat = contact("Pat", "Of contoso");
        pat["set"]["HomePhone"] = json!("+41 44 000 00 01");
        pat["set"]["Notes"] = json!("private to contoso");
        pat["set"]["Department"] = json!("Sales");
        let a = made(&rig, "contoso", pat);
        rig.apply("contoso", update(a, json!({"Manager": boss})));
        made(&rig, "fabrikam", contact("Pat", "Of fabrikam"));
        rig.merge_each_pair(4).await.unwrap();
        let before = rig.gal("initech");
        assert_eq!(property(find(&before, "Pat").unwrap(), "Notes"), "private to contoso");
        hide(&rig, "contoso", a, true);
        cycles(&rig, 5).await;
        let gal = rig.gal("initech");
        let pat = find(&gal, "Pat").expect("taken over");
        let left = ["HomePhone", "Notes", "Department", "Manager"].map(|name| property(pat, name));
        assert_eq!((property(pat, "Title"), left), ("Of fabrikam".to_owned(), Default::default()), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn taking_over_counts_as_a_creation_and_is_held_like_one() {
    let rig = Rig::mesh(&[("contoso", "initech"), ("fabrikam", "initech")], "guard = { max_creations = 3 }\n").await;
    let people = |of: &str| (0..6).map(|number| contact(&format!("Pat{number}"), of)).collect::<Value>();
    let a: Vec<Uuid> = rig.apply("contoso", people("Of contoso")).into_iter().flatten().collect();
    rig.apply("fabrikam", people("Of fabrikam"));
    rig.merge_each_pair(4).await.unwrap();
    for anchor in a {
        hide(&rig, "contoso", anchor, true);
    }
    cycles(&rig, 6).await;
    let held = status_of(&rig, SECOND).await;
    assert!(rig.gal("initech").is_empty(), "{held:#?}");
    let checksum = held.holds.b.and_then(|held| held.hold.checksum).expect("it is held, and can be approved");
    rig.engine.approve(SECOND, &checksum).await.unwrap();
    cycles(&rig, 4).await;
    assert_eq!(rig.gal("initech").len(), 6);
}

/// `undo` puts nothing back into a contact that is another's by now, and does not hide what was taken over.
#[tokio::test(start_paused = true)]
async fn an_undo_leaves_alone_what_changed_hands() {
    let (rig, a, _) = two_pats("").await;
    rig.apply("contoso", update(a, json!({"Title": "Director"})));
    cycles(&rig, 2).await;
    let edited = rig.engine.store.runs(FIRST, 20).await.unwrap().into_iter().find(|run| run.counters.b.updated > 0).expect("an edit");
    hide(&rig, "contoso", a, true);
    rig.advance(TICK).await;
    tick(&rig, FIRST).await;
    rig.engine.pause(FIRST, Some("a visit")).await.unwrap();
    rig.advance(TICK).await;
    tick(&rig, SECOND).await;
    assert_eq!(shown(&rig).1, "Of fabrikam");
    rig.advance(TICK).await;
    read(&rig, FIRST).await;
    let plan = rig.engine.undo_preview(FIRST, &edited.id).await.unwrap().plan;
    assert!(plan.operations.is_empty(), "{plan:#?}");
    read(&rig, SECOND).await;
    let taken = rig.engine.store.runs(SECOND, 20).await.unwrap().into_iter().find(|run| run.counters.b.restored > 0).expect("a take-over");
    let plan = rig.engine.undo_preview(SECOND, &taken.id).await.unwrap();
    assert!(plan.plan.operations.is_empty(), "{plan:#?}");
    assert_eq!(taken.outcome, Outcome::Completed);
}

/// What the other pair has taken over, and this one does not know yet, is not in what it takes back.
#[tokio::test(start_paused = true)]
async fn unpublish_and_make_way_leave_alone_what_is_anothers_by_now() {
    let (rig, a, _) = two_pats("").await;
    rig.advance(TICK).await;
    hide(&rig, "contoso", a, true);
    tick(&rig, FIRST).await;
    rig.engine.pause(FIRST, Some("a visit")).await.unwrap();
    rig.advance(TICK).await;
    tick(&rig, SECOND).await;
    rig.advance(TICK).await;
    read(&rig, FIRST).await;
    rig.engine.pause(FIRST, None).await.unwrap();
    let plan = rig.engine.unpublish_preview(FIRST, Side::B, Leave::Purge).await.unwrap();
    assert!(plan.operations.is_empty(), "{plan:#?}");
    let way = rig.engine.make_way(FIRST, "pat@partner.example", rig.deadline()).await;
    assert!(way.is_err_and(|error| error.to_string().contains("no published contact")));
    assert_eq!(shown(&rig).1, "Of fabrikam");
}

/// Once the one whose address was used first stood in quarantine, and waited for the end of it.
#[tokio::test(start_paused = true)]
async fn whose_creation_was_forestalled_is_covered_and_comes_next() {
    let rig = Rig::mesh(&[("contoso", "initech"), ("fabrikam", "initech")], "").await;
    rig.merge_each_pair(2).await.unwrap();
    let a = made(&rig, "contoso", contact("Pat", "Of contoso"));
    made(&rig, "fabrikam", contact("Pat", "Of fabrikam"));
    rig.advance(TICK).await;
    // Both read before either writes.
    read(&rig, FIRST).await;
    read(&rig, SECOND).await;
    rig.engine.reconcile(FIRST, rig.deadline()).await.unwrap();
    rig.engine.reconcile(SECOND, rig.deadline()).await.unwrap();
    assert_eq!(shown(&rig).1, "Of contoso");
    cycles(&rig, 2).await;
    hide(&rig, "contoso", a, true);
    cycles(&rig, 5).await;
    assert_eq!(shown(&rig).1, "Of fabrikam");
    assert!(status_of(&rig, SECOND).await.quarantined.is_empty());
}

/// Once the former owner was in the list again, under his name, for as long as a value of the new one was refused.
#[tokio::test(start_paused = true)]
async fn nobody_is_shown_as_who_he_is_no_more() {
    let (rig, a, _) = two_pats("").await;
    hide(&rig, "contoso", a, true);
    let message = "The value is not valid.";
    let kind = "Microsoft.Exchange.Configuration.Tasks.ThereIsNoSuchException";
    let refused = json!({"tenant": "initech", "cmdlet": "Set-Contact", "times": 1000, "do": "form-a", "type": kind, "message": message, "status": 400});
    rig.simulator.set_faults_json(json!({"calls": [refused]})).unwrap();
    cycles(&rig, 4).await;
    assert_eq!(names(&rig.gal("initech")), Vec::<String>::new());
    assert_eq!(status_of(&rig, SECOND).await.quarantined.len(), 1);
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.advance(DAY).await;
    cycles(&rig, 2).await;
    assert_eq!(shown(&rig).1, "Of fabrikam");
}
