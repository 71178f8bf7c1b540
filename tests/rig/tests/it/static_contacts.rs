//! A static contact that several pairs could show: it is one pair's, and waits for its address like anybody else.

use engine::operate::Leave;
use gal::Side;
use rig::people::{contact_at, delete, names, status_of};
use rig::{Rig, RigOptions};

use super::handed_on::{FIRST, SECOND, cycles, made, shown, tick};
use super::{DAY, TICK};

fn desk(tenants: &str) -> String {
    let pairs = [("contoso", "initech"), ("fabrikam", "initech")].map(|(a, b)| format!("[[pairs]]\na = \"{a}\"\nb = \"{b}\"\n"));
    let contacts = "contacts = [{ key = \"desk\", address = \"help@msp.example\", display_name = \"Desk\", title = \"Of the MSP\" }]";
    format!("{}[[static_contacts]]\ntenants = [{tenants}]\n{contacts}\n", pairs.concat())
}

/// Once every pair of a tenant took its static contacts for its own: one was told that its links were lost, and took them away.
#[tokio::test(start_paused = true)]
async fn a_tenants_static_contacts_are_one_pairs() {
    let tenants = ["contoso", "fabrikam", "initech"].map(|name| (name.to_owned(), 0)).to_vec();
    let rig = Rig::new(RigOptions { tenants, profile: desk("\"initech\""), ..RigOptions::default() }).await;
    rig.merge_each_pair(4).await.unwrap();
    assert_eq!(names(&rig.gal("initech")), ["Desk"]);
    let lost = status_of(&rig, SECOND).await.lost_links;
    assert_eq!((lost.a, lost.b), (0, 0));
    let plan = rig.engine.unpublish_preview(SECOND, Side::B, Leave::Purge).await.unwrap();
    assert!(plan.operations.is_empty(), "{plan:#?}");
    let plan = rig.engine.unpublish_preview(FIRST, Side::B, Leave::Purge).await.unwrap();
    assert_eq!(plan.operations.len(), 1, "{plan:#?}");
}

/// A static contact waits like anybody else, and is there as soon as the address is free.
#[tokio::test(start_paused = true)]
async fn a_static_contact_takes_over_what_is_hidden_for_its_deletion() {
    let tenants = ["contoso", "fabrikam", "initech"].map(|name| (name.to_owned(), 0)).to_vec();
    let mut rig = Rig::new(RigOptions { tenants, profile: desk("\"contoso\""), ..RigOptions::default() }).await;
    let a = made(&rig, "fabrikam", contact_at("Desk of fabrikam", "help@msp.example", "Of fabrikam"));
    rig.merge_each_pair(4).await.unwrap();
    rig.reprofile(&desk("\"contoso\", \"initech\""));
    cycles(&rig, 3).await;
    assert_eq!(shown(&rig).1, "Of fabrikam");
    rig.apply("fabrikam", delete(&[a]));
    cycles(&rig, 5).await;
    assert_eq!(shown(&rig).1, "Of the MSP");
}

/// Once the first pair of the profile had hidden, and after the grace period removed, what another pair is home to by now.
#[tokio::test(start_paused = true)]
async fn static_contacts_stay_where_the_pairs_of_the_profile_change_their_order() {
    let tenants = ["contoso", "fabrikam", "initech"].map(|name| (name.to_owned(), 0)).to_vec();
    let mut rig = Rig::new(RigOptions { tenants, profile: desk("\"initech\""), ..RigOptions::default() }).await;
    rig.merge_each_pair(4).await.unwrap();
    let before = shown(&rig);
    let profile = desk("\"initech\"");
    let (first, rest) = profile.split_at(profile.rfind("[[pairs]]").unwrap());
    let (second, statics) = rest.split_at(rest.find("[[static_contacts]]").unwrap());
    rig.reprofile(&format!("{second}{first}{statics}"));
    rig.advance(TICK).await;
    tick(&rig, FIRST).await;
    assert_eq!(shown(&rig), before, "the pair that had it lets it be");
    let plan = rig.engine.unpublish_preview(FIRST, Side::B, Leave::Purge).await.unwrap();
    assert!(plan.operations.is_empty(), "{plan:#?}");
    cycles(&rig, 3).await;
    assert_eq!(shown(&rig), before);
    let plan = rig.engine.unpublish_preview(SECOND, Side::B, Leave::Purge).await.unwrap();
    assert_eq!(plan.operations.len(), 1, "it is the other's now: {plan:#?}");
    rig.advance(DAY * 40).await;
    cycles(&rig, 3).await;
    assert_eq!(shown(&rig), before);
}
