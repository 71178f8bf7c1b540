//! The way of the data, once through: read, merge, keep in step.

use gal::policy::MergeMode;
use rig::{Rig, RigOptions};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn two_small_tenants_are_merged_and_then_quiet() {
    let rig = Rig::new(RigOptions::default()).await;
    rig.apply(
        "contoso",
        json!([
            {"op": "create", "kind": "user", "set": {"DisplayName": "Ann A", "FirstName": "Ann", "PrimarySmtpAddress": "ann@contoso.example", "Title": "Engineer"}},
            {"op": "create", "kind": "contact", "set": {"DisplayName": "Pat P", "ExternalEmailAddress": "pat@partner.example", "Title": "Partner"}}
        ]),
    );
    rig.apply(
        "fabrikam",
        json!([
            {"op": "create", "kind": "user", "set": {"DisplayName": "Bob B", "PrimarySmtpAddress": "bob@fabrikam.example", "Department": "Sales"}},
            {"op": "create", "kind": "contact", "set": {"DisplayName": "Pat P", "ExternalEmailAddress": "pat@partner.example", "Company": "Partner Ltd"}}
        ]),
    );
    rig.merge(MergeMode::TwoWay).await.expect("a merge").expect("something to do");
    for tenant in ["contoso", "fabrikam"] {
        let gal = rig.gal(tenant);
        assert_eq!(gal.len(), 3, "{tenant}");
    }
    let done = rig.settle(6).await.expect("quiet cycles");
    assert!(done.iter().all(|summary| summary.counters == gal::Sides::default()), "{done:#?}");
}
