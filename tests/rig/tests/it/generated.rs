//! Two generated directories, with the simulator's usual faults, merged and kept in step.

use engine::records::Outcome;
use gal::policy::MergeMode;
use m365_simulator::FaultLevel;
use rig::{Rig, RigOptions};

async fn merged(faults: FaultLevel, counts: (usize, usize)) {
    let options =
        RigOptions { tenants: vec![("contoso".to_owned(), counts.0), ("fabrikam".to_owned(), counts.1)], faults, ..RigOptions::default() };
    let rig = Rig::new(options).await;
    let before = (rig.gal("contoso").len(), rig.gal("fabrikam").len());
    let summary = rig.merge(MergeMode::TwoWay).await.expect("a merge").expect("something to do");
    let after = (rig.gal("contoso").len(), rig.gal("fabrikam").len());
    let quarantined = rig.engine.quarantined(&rig.pair()).await.expect("links");
    assert!(quarantined.len() < 10, "{quarantined:#?}");
    assert!(after.0 > before.0 && after.1 > before.1);
    rig.settle(12).await.expect("cycles");
    let last = rig.settle(3).await.expect("cycles");
    assert!(last.iter().all(|summary| summary.counters == gal::Sides::default()), "quiet at last: {last:#?}");
    assert!(matches!(summary.outcome, Outcome::Completed | Outcome::Partial(_)));
}

#[tokio::test(start_paused = true)]
async fn without_faults() {
    merged(FaultLevel::None, (300, 200)).await;
}

#[tokio::test(start_paused = true)]
async fn with_the_usual_faults() {
    merged(FaultLevel::Usual, (300, 200)).await;
}

#[tokio::test(start_paused = true)]
async fn with_hostile_faults() {
    merged(FaultLevel::Hostile, (120, 80)).await;
}
