//! Who else stands there: guests, other pairs, domains that change hands, static contacts; and readings that fail.

use std::time::Duration;

use engine::act::Standing;
use engine::records::{Due, Outcome};
use gal::Side;
use gal::policy::MergeMode;
use rig::people::{self, code, contact, contact_at, delete, find, guest, names, property, update, user};
use rig::{Rig, RigOptions};
use serde_json::{Value, json};
use uuid::Uuid;

use super::DAY;

#[tokio::test(start_paused = true)]
async fn a_guest_that_holds_the_address_is_left_alone_or_adopted_by_policy() {
    let sides = || (vec![user("contoso", "Ann")], vec![guest("Ann (guest)", "ann@contoso.example")]);
    let (contoso, fabrikam) = sides();
    let (rig, _, b) = Rig::merged("", contoso, fabrikam).await;
    let gal = rig.gal_with_hidden("fabrikam");
    assert!(gal.len() == 1 && gal[0].hidden && property(&gal[0], "Title").is_empty(), "{gal:#?}");
    assert_eq!(code(&rig, &rig.pair(), "ann@contoso.example", Side::A).await, ["address-held"]);
    // Once the guest is gone, nobody is in the way.
    rig.apply("fabrikam", json!([{"op": "delete", "anchor": b[0], "permanent": true}]));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann"]);

    let (contoso, fabrikam) = sides();
    let (rig, a, b) = Rig::merged("[pairs.a_to_b]\nguests = \"adopt-guest\"\n", contoso, fabrikam).await;
    let shown = |rig: &Rig| rig.gal("fabrikam").into_iter().next().expect("the guest is shown");
    let adopted = shown(&rig);
    assert_eq!((adopted.anchor, adopted.kind.as_str(), property(&adopted, "Title")), (b[0], "guest", "Engineer".to_owned()));
    rig.apply("contoso", update(a[0], json!({"Title": "Director"})));
    rig.settle(4).await.unwrap();
    assert_eq!(property(&shown(&rig), "Title"), "Director", "and is kept in step");
    assert_eq!(rig.settle(2).await.unwrap().len(), 0, "and is quiet");
    rig.apply("contoso", delete(&[a[0]]));
    rig.settle(4).await.unwrap();
    rig.advance(DAY * 40).await;
    rig.settle(4).await.unwrap();
    let gal = rig.gal_with_hidden("fabrikam");
    assert!(gal.len() == 1 && gal[0].hidden, "a guest is given back as it was, never removed: {gal:#?}");
    assert_eq!(property(&gal[0], "Title"), "");
}

/// Once a guest whose first write was refused or cut off stayed hidden for ever, as if its administrator had hidden it; and where the person
/// is a contact at home it was taken for one, which no cmdlet of a guest can write.
#[tokio::test(start_paused = true)]
async fn a_guest_whose_adoption_was_cut_off_is_shown_all_the_same() {
    const ADOPT: &str = "[pairs.a_to_b]\nguests = \"adopt-guest\"\n";
    let at_home = |kind: &str| match kind {
        "user" => {
            let mut ann = user("contoso", "Ann");
            ann["set"]["Manager"] = json!("Boss");
            vec![user("contoso", "Boss"), ann]
        }
        _ => vec![contact_at("Ann", "ann@partner.example", "Engineer")],
    };
    for (kind, address) in [("user", "ann@contoso.example"), ("contact", "ann@partner.example")] {
        let rig =
            Rig::new(RigOptions { profile: format!("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n{ADOPT}"), ..RigOptions::default() })
                .await;
        let people = rig.apply("contoso", at_home(kind).into_iter().collect());
        let guest = rig.apply("fabrikam", json!([guest("Ann (guest)", address)]))[0].unwrap();
        let outage = json!({"tenant": "fabrikam", "cmdlet": "Set-MailUser", "do": "504", "times": 30});
        rig.simulator.set_faults_json(json!({"calls": [outage]})).unwrap();
        rig.merge(MergeMode::TwoWay).await.unwrap();
        rig.settle(2).await.unwrap();
        rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
        rig.advance(DAY).await;
        rig.settle(6).await.unwrap();
        let gal = rig.gal("fabrikam");
        let shown = find(&gal, "Ann (guest)").unwrap_or_else(|| panic!("{kind}: shown among {:?}", names(&gal)));
        assert_eq!((shown.anchor, property(shown, "Title").as_str()), (guest, "Engineer"), "{kind}");
        assert_eq!(
            (property(shown, "Manager").as_str(), rig.settle(3).await.unwrap().len()),
            ("", 0),
            "{kind}: its manager is its own, and all is quiet"
        );
        // What its own administrator edits does not flow into the other directory; it is put right.
        rig.apply("fabrikam", update(guest, json!({"Title": "Visitor"})));
        rig.settle(4).await.unwrap();
        let ann = people.iter().rev().flatten().next().copied().unwrap();
        let own = rig.gal("contoso").into_iter().find(|one| one.anchor == ann).unwrap();
        assert_eq!(
            (property(&own, "Title").as_str(), property(find(&rig.gal("fabrikam"), "Ann (guest)").unwrap(), "Title").as_str()),
            ("Engineer", "Engineer"),
            "{kind}"
        );
        rig.apply("contoso", delete(&[ann]));
        rig.settle(5).await.unwrap();
        let gal = rig.gal_with_hidden("fabrikam");
        let given_back = gal.iter().find(|one| one.anchor == guest).unwrap();
        assert!(given_back.hidden && property(given_back, "Title") != "Engineer", "{kind}: given back as it was: {given_back:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_becomes_the_targets_own_is_reported_and_frozen() {
    let people = ["Ann", "Ben", "Dan"].map(|name| user("contoso", name)).to_vec();
    let (rig, a, _) = Rig::merged("", people, vec![user("fabrikam", "Bob")]).await;
    // One waits for his end already: his contact holds the address that fabrikam's own mailbox needs, as the others do.
    rig.apply("contoso", update(a[2], json!({"HiddenFromAddressListsEnabled": true})));
    rig.settle(4).await.unwrap();
    // fabrikam buys the domain; an ordinary creation is what makes galbridge look at the domains again.
    rig.apply("fabrikam", json!([{"op": "accepted-domain", "domain": "contoso.example"}]));
    rig.apply("contoso", json!([user("contoso", "Cem")]));
    rig.settle(4).await.unwrap();
    assert!(find(&rig.gal_with_hidden("fabrikam"), "Cem").is_none(), "nobody new under its own domain");
    assert_eq!(code(&rig, &rig.pair(), "ann@contoso.example", Side::A).await, ["must-yield"]);
    assert_eq!(code(&rig, &rig.pair(), "cem@contoso.example", Side::A).await, ["target-owns-domain"]);
    // A person hears of it, and not only who asks about one of them.
    let status = people::status(&rig).await;
    assert_eq!((status.standing, status.must_yield.b), (Standing::Held, 3));
    rig.apply("contoso", delete(&[a[0]]));
    rig.settle(4).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Ann").is_some(), "a frozen link is left alone");
    rig.apply("fabrikam", json!([{"op": "accepted-domain", "domain": "contoso.example", "remove": true}]));
    rig.advance(DAY).await;
    rig.snapshot(true).await.unwrap();
    rig.settle(6).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ben", "Bob", "Cem"], "and goes on when the domain is given back");
}

#[tokio::test(start_paused = true)]
async fn domains_of_any_tenant_make_stand_ins_in_every_pair() {
    let rig = Rig::mesh(&[("contoso", "fabrikam"), ("contoso", "initech")], "").await;
    rig.apply("fabrikam", json!([contact_at("Ian", "ian@initech.example", "Stand-in"), contact("Pat", "Partner")]));
    rig.apply("initech", json!([user("initech", "Ian")]));
    rig.merge_each_pair(4).await.unwrap();
    assert_eq!(names(&rig.gal("contoso")), ["Ian", "Pat"], "Pat is a peer, and Ian of initech himself");
    assert!(find(&rig.gal("contoso"), "Ian").is_some_and(|ian| property(ian, "Title") == "Engineer"));
    assert_eq!(code(&rig, "contoso-fabrikam", "ian@initech.example", Side::B).await, ["stand-in"]);
    // A domain that initech gets later makes a stand-in of Pat, in the pair that does not have initech.
    rig.apply("initech", json!([{"op": "accepted-domain", "domain": "partner.example"}]));
    rig.advance(DAY).await;
    rig.full_reading_of_each_pair().await.unwrap();
    rig.cycle_of_each_pair().await.unwrap();
    assert_eq!(code(&rig, "contoso-fabrikam", "pat@partner.example", Side::B).await, ["stand-in"]);
    assert_eq!(names(&rig.gal("contoso")), ["Ian"], "the twin is staged");
    assert!(find(&rig.gal_with_hidden("contoso"), "Pat").is_some_and(|twin| twin.hidden));
}

#[tokio::test(start_paused = true)]
async fn an_address_of_another_pair_is_covered_and_taken_over_when_its_owner_leaves() {
    let rig = Rig::mesh(&[("contoso", "initech"), ("fabrikam", "initech")], "deletion_grace_days = 0\n").await;
    let a: Vec<Uuid> = rig.apply("contoso", json!([contact("Pat", "Of contoso")])).into_iter().flatten().collect();
    rig.apply("fabrikam", json!([contact("Pat", "Of fabrikam")]));
    rig.merge_each_pair(4).await.unwrap();
    let gal = rig.gal("initech");
    assert_eq!((gal.len(), property(&gal[0], "Title")), (1, "Of contoso".to_owned()));
    assert_eq!(code(&rig, "fabrikam-initech", "pat@partner.example", Side::A).await, ["covered"]);
    rig.apply("contoso", delete(&a));
    for _ in 0..8 {
        rig.advance(Duration::from_secs(600)).await;
        rig.cycle_of_each_pair().await.unwrap();
    }
    let gal = rig.gal("initech");
    assert_eq!((gal.len(), property(&gal[0], "Title")), (1, "Of fabrikam".to_owned()), "{gal:#?}");
}

#[tokio::test(start_paused = true)]
async fn static_contacts_stand_in_every_tenant_that_the_profile_names() {
    let desk = |title: &str, tenants: &str| {
        format!(
            "[[static_contacts]]\ntenants = [{tenants}]\ncontacts = [{{ key = \"desk\", address = \"help@msp.example\", display_name = \"Helpdesk\", title = \"{title}\" }}]\n"
        )
    };
    let pair = "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\ndeletion_grace_days = 0\n";
    let profile = format!("{pair}{}", desk("Always there", "\"contoso\", \"fabrikam\""));
    let mut rig = Rig::new(RigOptions { profile, ..RigOptions::default() }).await;
    rig.apply("contoso", json!([user("contoso", "Ann")]));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("contoso")), ["Ann", "Helpdesk"]);
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Helpdesk"], "once, and not relayed");
    let explained = rig.engine.explain(&rig.pair(), "help@msp.example").await.unwrap();
    assert_eq!(explained.iter().filter(|one| one.of_profile && one.seen.is_some()).count(), 2, "{explained:#?}");
    rig.reprofile(&format!("{pair}{}", desk("Day and night", "\"contoso\"")));
    rig.settle(5).await.unwrap();
    assert_eq!(property(find(&rig.gal("contoso"), "Helpdesk").expect("there"), "Title"), "Day and night");
    assert_eq!(names(&rig.gal_with_hidden("fabrikam")), ["Ann"], "not named any more");
    assert!(rig.settle(2).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn managers_come_with_their_reports_and_those_who_are_missing_later() {
    let rig = Rig::new(RigOptions::default()).await;
    let a: Vec<Uuid> = rig
        .apply("contoso", json!([user("contoso", "Boss"), user("contoso", "Ann"), user("contoso", "Ben")]))
        .into_iter()
        .flatten()
        .collect();
    // Ben's manager is hidden at first; Boss and Ann manage each other.
    let late = rig.apply("contoso", json!([user("contoso", "Late")]))[0].unwrap();
    rig.apply("contoso", update(late, json!({"HiddenFromAddressListsEnabled": true})));
    for (who, manager) in [(a[1], a[0]), (a[0], a[1]), (a[2], late)] {
        rig.apply("contoso", update(who, json!({"Manager": manager})));
    }
    rig.recorded.take();
    rig.merge(MergeMode::TwoWay).await.unwrap();
    let writes = rig.recorded.cmdlets().into_iter().filter(|(name, _)| name == "Set-Contact").count();
    assert_eq!(writes, 4, "one for each of the three, and one more for the circle");
    let manager = |rig: &Rig, name: &str| {
        let gal = rig.gal("fabrikam");
        let of = property(find(&gal, name).expect("published"), "Manager");
        gal.iter().find(|entry| property(entry, "Name") == of || entry.anchor.to_string() == of).map(|entry| property(entry, "DisplayName"))
    };
    assert_eq!((manager(&rig, "Ann"), manager(&rig, "Boss"), manager(&rig, "Ben")), (Some("Boss".into()), Some("Ann".into()), None));
    rig.apply("contoso", update(late, json!({"HiddenFromAddressListsEnabled": false})));
    rig.settle(5).await.unwrap();
    assert_eq!(manager(&rig, "Ben"), Some("Late".into()));
    assert!(rig.settle(2).await.unwrap().is_empty());
}

/// Once a report was put in quarantine because its manager's found contact bears the Name that another shows.
#[tokio::test(start_paused = true)]
async fn a_manager_whose_name_others_show_too_is_still_found() {
    let mut found = contact_at("Boss", "boss@contoso.example", "Head");
    found["set"]["Name"] = json!("Boss");
    let mut namesake = contact_at("Boss", "boss@elsewhere.example", "Another");
    namesake["set"]["Name"] = json!("Boss of elsewhere");
    let (rig, a, b) = Rig::merged("", vec![user("contoso", "Boss"), user("contoso", "Ann")], vec![found, namesake]).await;
    rig.apply("contoso", update(a[1], json!({"Manager": a[0]})));
    let runs = rig.settle(5).await.unwrap();
    assert!(runs.iter().all(|run| run.outcome == Outcome::Completed), "{runs:#?}");
    let gal = rig.gal("fabrikam");
    let manager = property(find(&gal, "Ann").expect("published"), "Manager");
    assert!(manager == b[0].to_string() || manager == "Boss", "{manager}");
    assert!(rig.settle(2).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_side_that_cannot_be_read_costs_the_other_nothing() {
    let (rig, _, b) = Rig::merged("", vec![user("contoso", "Ann")], vec![user("fabrikam", "Bob")]).await;
    rig.apply("fabrikam", update(b[0], json!({"Title": "Director"})));
    rig.advance(Duration::from_secs(600)).await;
    let before = rig.engine.state(&rig.pair()).await.unwrap().reading;
    rig.apply("contoso", json!([{"op": "revoke", "role": "Exchange.ManageAsApp"}]));
    rig.restart_tokens().await;
    assert!(rig.snapshot(false).await.is_err());
    let after = rig.engine.state(&rig.pair()).await.unwrap().reading;
    assert_eq!(after.last_success, before.last_success);
    assert!(after.sides.b.watermark > before.sides.b.watermark, "fabrikam's reading is kept");
    assert_eq!(after.sides.a.watermark, before.sides.a.watermark);
    rig.reconcile().await.unwrap_err();
    rig.apply("contoso", json!([{"op": "grant", "role": "Exchange.ManageAsApp"}]));
    rig.restart_tokens().await;
    rig.settle(4).await.unwrap();
    assert_eq!(property(find(&rig.gal("contoso"), "Bob").unwrap(), "Title"), "Director");
}

#[tokio::test(start_paused = true)]
async fn a_purge_is_not_forgotten_by_a_crash() {
    let mut crashed = 0;
    for at in 1.. {
        let (mut rig, a, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
        rig.apply("contoso", delete(&a));
        rig.advance(Duration::from_secs(600)).await;
        rig.snapshot(false).await.unwrap();
        rig.faults.crash_at(at, state::testing::Fault::After);
        let staged = rig.reconcile().await;
        rig.faults.revive();
        if staged.is_ok() {
            break;
        }
        crashed += 1;
        rig.restart();
        rig.advance(Duration::from_secs(20 * 60)).await;
        rig.settle(4).await.unwrap();
        assert!(find(&rig.gal("fabrikam"), "Ann").is_none(), "crash at request {at}");
        let due = rig.engine.store.due(&rig.pair(), rig.now() + jiff::SignedDuration::from_hours(24 * 31), 10).await.unwrap();
        assert!(due.iter().any(|row| row.why == Due::Purge), "crash at request {at}: {due:?}");
        rig.advance(DAY * 31).await;
        rig.settle(4).await.unwrap();
        assert!(find(&rig.gal_with_hidden("fabrikam"), "Ann").is_none(), "crash at request {at}: purged");
    }
    assert!(crashed > 8, "only {crashed} crash points were met");
}

#[tokio::test(start_paused = true)]
async fn everything_changed_is_held() {
    let people: Vec<Value> = (0..20).map(|number| user("contoso", &format!("Person{number:02}"))).collect();
    let (mut rig, _, _) = Rig::merged("", people, vec![]).await;
    let suffix = "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n[pairs.a_to_b.mapping]\ndisplay_name = \"{{ display_name }} (Contoso)\"\n";
    rig.reprofile(suffix);
    let done = rig.settle(3).await.unwrap();
    assert!(done.iter().any(|run| matches!(&run.outcome, Outcome::Held(why) if why.contains("max_update_share"))), "{done:#?}");
    assert!(find(&rig.gal("fabrikam"), "Person00").is_some(), "nothing was renamed");
    let hold = rig.engine.state(&rig.pair()).await.unwrap().writing.holds.b.expect("a hold");
    rig.engine.approve(&rig.pair(), &hold.checksum.unwrap()).await.unwrap();
    rig.settle(3).await.unwrap();
    assert!(find(&rig.gal("fabrikam"), "Person00 (Contoso)").is_some());
}

#[tokio::test(start_paused = true)]
async fn reports_lose_a_manager_who_leaves_and_find_one_who_came_back() {
    let (rig, a, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Boss")], vec![]).await;
    rig.apply("contoso", update(a[0], json!({"Manager": a[1]})));
    rig.settle(4).await.unwrap();
    let manager = |rig: &Rig| property(find(&rig.gal("fabrikam"), "Ann").expect("published"), "Manager");
    assert!(!manager(&rig).is_empty());
    rig.apply("contoso", json!([{"op": "delete", "anchor": a[1], "permanent": true}]));
    rig.settle(4).await.unwrap();
    assert_eq!(manager(&rig), "", "the contact that is hidden for deletion is nobody's manager");
    let again = rig.apply("contoso", json!([user("contoso", "Boss")]))[0].unwrap();
    rig.apply("contoso", update(a[0], json!({"Manager": again})));
    rig.settle(5).await.unwrap();
    assert!(!manager(&rig).is_empty(), "the same contact stands for the new account");
}

/// Once nothing was told of a static contact that could not be published.
#[tokio::test(start_paused = true)]
async fn explain_says_why_a_static_contact_is_not_there() {
    let profile = "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n[[static_contacts]]\ntenants = [\"contoso\"]\n\
                   contacts = [{ key = \"desk\", address = \"desk@contoso.example\", display_name = \"Desk\" }]\n";
    let rig = Rig::new(RigOptions { profile: profile.to_owned(), ..RigOptions::default() }).await;
    rig.merge(MergeMode::TwoWay).await.unwrap();
    let explained = rig.engine.explain(&rig.pair(), "desk@contoso.example").await.unwrap();
    assert_eq!(explained.len(), 1, "{explained:#?}");
    assert!(explained[0].of_profile && explained[0].skipped.is_some(), "{explained:#?}");
}

/// Once whoever lost his contact to a guest was set aside for ever, and adopted by no policy.
#[tokio::test(start_paused = true)]
async fn a_guest_in_the_place_of_our_contact_holds_the_address_or_is_adopted() {
    for (profile, shown) in [("", 0), ("[pairs.a_to_b]\nguests = \"adopt-guest\"\n", 1)] {
        let (rig, _, _) = Rig::merged(profile, vec![user("contoso", "Ann")], vec![]).await;
        let made = find(&rig.gal("fabrikam"), "Ann").unwrap().anchor;
        rig.apply("fabrikam", json!([{"op": "delete", "anchor": made}, guest("Ann (guest)", "ann@contoso.example")]));
        rig.settle(8).await.unwrap();
        assert!(rig.engine.quarantined(&rig.pair()).await.unwrap().is_empty(), "nobody is set aside");
        assert_eq!(rig.gal("fabrikam").len(), shown, "{profile}");
        let explained = rig.engine.explain(&rig.pair(), "ann@contoso.example").await.unwrap();
        assert_eq!(explained[0].code.as_deref(), (shown == 0).then_some("address-held"), "{explained:#?}");
    }
}

/// Once a contact moved aside for a guest, who moves nowhere, and mail to it came back.
#[tokio::test(start_paused = true)]
async fn nobody_moves_aside_for_an_adopted_guest() {
    let people = vec![user("contoso", "Ann"), user("contoso", "Ben")];
    let profile = "[pairs.a_to_b]\nguests = \"adopt-guest\"\n";
    let (rig, a, _) = Rig::merged(profile, people, vec![guest("Ann", "ann@contoso.example")]).await;
    assert_eq!(rig.gal("fabrikam").len(), 2, "the guest is shown");
    let address = |name: &str| json!({"PrimarySmtpAddress": name, "EmailAddresses": [format!("SMTP:{name}")]});
    rig.apply("contoso", update(a[0], address("aside@contoso.example")));
    rig.apply("contoso", update(a[1], address("ann@contoso.example")));
    rig.apply("contoso", update(a[0], address("ben@contoso.example")));
    rig.settle(8).await.unwrap();
    let gal = rig.gal("fabrikam");
    assert!(gal.iter().all(|entry| !property(entry, "ExternalEmailAddress").to_lowercase().contains("galbridge.invalid")), "{gal:#?}");
}
