//! Lags, latency, concurrency and rates, under paused time.

use std::time::Duration;

use m365_simulator::{Latency, SimulatorConfig};
use serde_json::json;

use crate::world::World;

#[tokio::test(start_paused = true)]
async fn without_an_anchor_a_new_contact_is_not_found_for_a_while() {
    let mut world = World::paused(SimulatorConfig::default());
    world.simulator.set_faults_json(json!({"replication_lag_ms": [0, 0], "unanchored_lag_ms": [5000, 5000]})).unwrap();
    let guid = world.contact("contoso", "n", "n@adatum.example").await;
    world.anchored = false;
    let set = json!({"Identity": guid, "Title": "x"});
    let answer = world.run("contoso", "Set-Contact", set.clone()).await;
    assert_eq!(answer.status, 404);
    assert!(answer.piped().0.ends_with("ManagementObjectNotFoundException"));
    assert_eq!(world.run("contoso", "Get-Recipient", json!({"ResultSize": "Unlimited"})).await.rows().len(), 0);
    world.anchored = true;
    assert!(world.run("contoso", "Set-Contact", set.clone()).await.status < 300);
    // The other domain controllers still tell the old state, then the new one.
    tokio::time::sleep(Duration::from_millis(5_001)).await;
    world.anchored = false;
    assert_eq!(world.row("contoso", "Get-Contact", &guid).await["Title"], "x");
    // A removed one lives on there.
    world.anchored = true;
    world.run("contoso", "Remove-MailContact", json!({"Identity": guid})).await;
    assert_eq!(world.run("contoso", "Get-Contact", json!({"Identity": guid})).await.status, 404);
    world.anchored = false;
    assert_eq!(world.row("contoso", "Get-Contact", &guid).await["Title"], "x");
    assert_eq!(world.run("contoso", "Get-Contact", json!({"Filter": "Name -eq 'n'"})).await.rows().len(), 1);
    tokio::time::sleep(Duration::from_millis(5_001)).await;
    assert_eq!(world.run("contoso", "Get-Contact", json!({"Identity": guid})).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn graph_hears_of_exchange_later() {
    let mut world = World::paused(SimulatorConfig::default());
    world.simulator.set_faults_json(json!({"graph_delay_ms": [30000, 30000]})).unwrap();
    let (_, link) = world.delta("contoso", "/contacts/delta?$select=displayName").await;
    world.contact("contoso", "n", "n@adatum.example").await;
    let anchor = world.simulator.gal("contoso", true)[0].anchor;
    assert_eq!(world.graph("contoso", &format!("/contacts/{anchor}")).await.status, 404);
    let (changes, link) = world.delta("contoso", &link).await;
    assert!(changes.is_empty());
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(world.graph("contoso", &format!("/contacts/{anchor}")).await.status, 200);
    assert_eq!(world.delta("contoso", &link).await.0.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn more_than_three_at_once_are_turned_away() {
    let mut world = World::paused(SimulatorConfig { latency: Latency::Real, ..SimulatorConfig::default() });
    let token = world.token("contoso", "outlook.office365.com").await;
    let id = world.tenant("contoso").id;
    let world = std::sync::Arc::new(world);
    let calls: Vec<_> = (0..5)
        .map(|number| {
            let (world, token) = (world.clone(), token.clone());
            tokio::spawn(async move {
                let bearer = format!("Bearer {token}");
                let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("x-anchormailbox", "x")];
                let name = format!("n{number}");
                let body = json!({"CmdletInput": {"CmdletName": "New-MailContact", "Parameters":
                    {"Name": name, "Alias": name, "ExternalEmailAddress": format!("{name}@adatum.example")}}});
                let url = format!("/adminapi/beta/{id}/InvokeCommand");
                world.send("POST", &url, &headers, body.to_string()).await
            })
        })
        .collect();
    let mut refused = 0;
    for call in calls {
        let answer = call.await.unwrap();
        if answer.status != 200 {
            assert!(answer.text().starts_with("You have reached the maximum number of concurrent requests per tenant"));
            refused += 1;
        }
    }
    assert_eq!(refused, 2);
    let stats = world.simulator.stats();
    let stats = &stats.tenants["contoso"];
    assert_eq!((stats.max_exchange_in_flight, stats.writes, stats.refusals["concurrency"]), (3, 3, 2));
    let mean = stats.mean_write_ms.unwrap();
    assert!((700.0..=1300.0).contains(&mean));
    assert!((stats.rate_allowed.unwrap() - 3000.0 / mean).abs() < 0.001);
    let reached = stats.rate_reached.unwrap();
    assert!(reached > 3.0 / 1.4 && reached <= 3.0 / 0.7, "{reached}");
}

#[tokio::test(start_paused = true)]
async fn answers_take_as_long_as_the_real_ones() {
    let mut world = World::paused(SimulatorConfig { latency: Latency::Real, ..SimulatorConfig::default() });
    world.token("contoso", "outlook.office365.com").await;
    let before = tokio::time::Instant::now();
    let guid = world.contact("contoso", "n", "n@adatum.example").await;
    assert!((700..=1300).contains(&before.elapsed().as_millis()));
    let before = tokio::time::Instant::now();
    world.row("contoso", "Get-MailContact", &guid).await;
    assert!((150..=350).contains(&before.elapsed().as_millis()));
}

#[tokio::test]
async fn a_manual_clock_moves_a_little_with_each_request() {
    let mut world = World::quiet();
    let before = world.simulator.now();
    world.graph("contoso", "/users/delta").await;
    assert_eq!(world.simulator.now().duration_since(before).as_millis(), 100);
    let answer = world.send("POST", "/_sim/clock", &[], r#"{"advance_seconds": 3600}"#).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.simulator.now().duration_since(before).as_secs(), 3_600);
}

#[tokio::test]
async fn resource_units_run_out_and_come_back() {
    let mut world = World::quiet();
    // 3,500 units in ten seconds for a small tenant; the clock moves 50 ms with each request.
    let group = world.apply("contoso", json!([{"op": "create", "kind": "security-group", "set": {"DisplayName": "G"}}]))[0];
    let path = format!("/groups/{group}/transitiveMembers");
    assert_eq!(world.graph("contoso", &path).await.header("x-ms-resource-unit"), "5");
    assert_eq!(world.graph("contoso", &format!("{path}?$select=id")).await.header("x-ms-resource-unit"), "4");
    assert_eq!(world.graph("contoso", "/users/delta").await.header("x-ms-resource-unit"), "2");
    let mut world = World::paused(SimulatorConfig::default());
    let group = world.apply("contoso", json!([{"op": "create", "kind": "security-group", "set": {"DisplayName": "G"}}]))[0];
    let path = format!("/groups/{group}/transitiveMembers");
    for _ in 0..700 {
        assert_eq!(world.graph("contoso", &path).await.status, 200);
    }
    let answer = world.graph("contoso", &path).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("x-ms-throttle-information"), "ResourceUnitLimitExceeded");
    assert!(answer.header("x-ms-throttle-scope").starts_with("Tenant_Application/ReadWrite/"));
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    world.simulator.advance_clock(Duration::from_secs(seconds));
    assert_eq!(world.graph("contoso", &path).await.status, 200);
}
