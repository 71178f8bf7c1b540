//! Faults: what is lost, what is done all the same. MICROSOFT.md section 10.

use m365_simulator::{FaultLevel, SimulatorConfig};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_dropped_connection_may_have_committed() {
    let mut world = World::quiet();
    let plan = json!({"calls": [{"tenant": "contoso", "cmdlet": "New-MailContact", "nth": 2, "do": "commit-then-drop"}]});
    world.simulator.set_faults_json(plan).unwrap();
    world.contact("contoso", "one", "one@adatum.example").await;
    let new = |name: &str| json!({"Name": name, "Alias": name, "ExternalEmailAddress": format!("{name}@adatum.example")});
    assert!(world.run("contoso", "New-MailContact", new("two")).await.dropped);
    // It is there: a second try meets it.
    assert_eq!(world.run("contoso", "New-MailContact", new("two")).await.status, 400);
    world.row("contoso", "Get-MailContact", "two").await;
    // Counted as the write that it was.
    assert_eq!(world.simulator.stats().tenants["contoso"].writes, 2);

    let plan = json!({"calls": [{"identity": "three", "do": "drop-before-commit", "times": 1}]});
    world.simulator.set_faults_json(plan).unwrap();
    assert!(world.run("contoso", "New-MailContact", new("three")).await.dropped);
    assert_eq!(world.run("contoso", "New-MailContact", new("three")).await.status, 200);
}

#[tokio::test]
async fn a_gateway_timeout_may_have_committed() {
    let mut world = World::quiet();
    let guid = world.contact("contoso", "one", "one@adatum.example").await;
    let plan = json!({"calls": [{"cmdlet": "Set-Contact", "nth": 1, "do": "commit-then-504"}]});
    world.simulator.set_faults_json(plan).unwrap();
    let answer = world.run("contoso", "Set-Contact", json!({"Identity": guid, "Title": "x"})).await;
    assert_eq!(answer.status, 504);
    assert_eq!(world.row("contoso", "Get-Contact", &guid).await["Title"], "x");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_commits_and_is_lost_after_fifteen_minutes() {
    let mut world = World::paused(SimulatorConfig::default());
    let plan = json!({"calls": [{"cmdlet": "New-MailContact", "do": "commit-then-hang", "times": 1}]});
    world.simulator.set_faults_json(plan).unwrap();
    world.token("contoso", "outlook.office365.com").await;
    let before = world.simulator.now();
    let new = json!({"Name": "n", "Alias": "n", "ExternalEmailAddress": "n@adatum.example"});
    // The caller gives up first, and the contact is made.
    let wait = std::time::Duration::from_mins(1);
    assert!(tokio::time::timeout(wait, world.run("contoso", "New-MailContact", new)).await.is_err());
    assert_eq!(world.simulator.now().duration_since(before).as_secs(), 60);
    world.row("contoso", "Get-MailContact", "n").await;
}

#[tokio::test]
async fn a_caller_who_leaves_in_the_middle_undoes_nothing() {
    let mut world = World::quiet();
    world.token("contoso", "outlook.office365.com").await;
    {
        let new = json!({"Name": "n", "Alias": "n", "ExternalEmailAddress": "n@adatum.example"});
        let call = world.run("contoso", "New-MailContact", new);
        tokio::pin!(call);
        // One step, then the caller is gone.
        assert!(futures_poll(&mut call).await);
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    world.row("contoso", "Get-MailContact", "n").await;
}

/// Polls a future once; true if it was not done.
async fn futures_poll<F: Future>(future: &mut std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn statuses_carry_their_retry_after() {
    let mut world = World::quiet();
    let plan = json!({"calls": [
        {"endpoint": "users-delta", "nth": 1, "do": "429", "retry_after": 7},
        {"endpoint": "users-delta", "nth": 2, "do": "429-bare"},
        {"endpoint": "users-delta", "nth": 3, "do": "status", "status": 503, "retry_after": 2},
        {"endpoint": "users-delta", "nth": 4, "do": "truncated-json"},
        {"endpoint": "token", "do": "status", "status": 503, "nth": 1}
    ]});
    world.simulator.set_faults_json(plan).unwrap();
    let claims = world.claims("contoso");
    let credential = crate::world::Credential::usual();
    let assertion = credential.sign(&World::header(credential), &claims);
    let answer = world.ask_token("contoso", "https://graph.microsoft.com/.default", &assertion).await;
    assert_eq!((answer.status, answer.json()["error"].as_str().unwrap()), (503, "temporarily_unavailable"));
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = world.graph("contoso", "/users/delta?$select=id").await;
        assert!(answer.json()["error"]["innerError"]["request-id"].is_string());
        seen.push((answer.status, answer.header("retry-after").to_owned()));
    }
    assert_eq!(seen, [(429, "7".to_owned()), (429, String::new()), (503, "2".to_owned())]);
    let answer = world.graph("contoso", "/users/delta?$select=id").await;
    assert_eq!(answer.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.bytes).is_err());
    assert_eq!(world.graph("contoso", "/users/delta?$select=id").await.status, 200);
}

#[tokio::test]
async fn a_plan_that_is_not_understood_is_refused() {
    let world = World::quiet();
    for plan in [json!({"calls": [{"cmdlt": "x"}]}), json!({"probabilities": {"nonsense": 1.0}}), json!({"calls": [{"do": "nonsense"}]})] {
        assert!(world.simulator.set_faults_json(plan.clone()).is_err());
        assert_eq!(world.send("PUT", "/_sim/faults", &[], plan.to_string()).await.status, 400);
    }
}

#[tokio::test]
async fn sets_answer_in_both_ways() {
    let mut world = World::quiet();
    let guid = world.contact("contoso", "one", "one@adatum.example").await;
    world.simulator.set_faults_json(json!({"set_answer": "mixed"})).unwrap();
    let mut statuses = Vec::new();
    for title in ["a", "b"] {
        let answer = world.run("contoso", "Set-Contact", json!({"Identity": guid, "Title": title})).await;
        assert_eq!(answer.bytes.is_empty(), answer.status == 204);
        statuses.push(answer.status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 204]);
}

#[tokio::test]
async fn a_usual_day_goes_wrong_now_and_then_and_the_same_way_each_time() {
    let day = async || {
        let world = World::new(SimulatorConfig { faults: FaultLevel::Hostile, ..SimulatorConfig::default() });
        world.simulator.set_faults_json(json!({"calls": [], "probabilities": {"429": 0.3}})).unwrap();
        let mut statuses = Vec::new();
        while world.simulator.stats().tenants["contoso"].requests < 3 {
            let claims = world.claims("contoso");
            let credential = crate::world::Credential::usual();
            let assertion = credential.sign(&World::header(credential), &claims);
            statuses.push(world.ask_token("contoso", "https://graph.microsoft.com/.default", &assertion).await.status);
        }
        statuses
    };
    assert_eq!(day().await, day().await);
}
