//! The simulator's own calls.

use m365_simulator::{Kind, MadeBy, Operation, SimulatorConfig};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn an_administrator_makes_every_kind() {
    let mut world = World::quiet();
    for kind in ["user", "shared", "room", "equipment", "contact", "mail-user", "distribution-group", "microsoft365-group", "guest"] {
        let mut set = json!({"DisplayName": format!("The {kind}")});
        if ["contact", "mail-user", "guest"].contains(&kind) {
            set["ExternalEmailAddress"] = json!(format!("{kind}@adatum.example"));
        }
        let body = json!([{"op": "create", "kind": kind, "set": set}]);
        let answer = world.send("POST", "/_sim/tenants/contoso/apply", &[], body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let anchor = answer.json()[0].as_str().unwrap().to_owned();
        let gal = world.simulator.gal("contoso", true);
        let entry = gal.iter().find(|entry| entry.anchor.to_string() == anchor).unwrap();
        assert_eq!((entry.kind.as_str(), entry.made_by), (kind, MadeBy::Admin));
        assert_eq!(world.row("contoso", "Get-Recipient", &anchor).await["DisplayName"], format!("The {kind}"));
    }
    // Guests are hidden.
    assert_eq!(world.simulator.gal("contoso", false).len(), 8);
    let answer = world.send("GET", "/_sim/tenants/contoso/gal?all=1", &[], "").await;
    assert_eq!(answer.json().as_array().unwrap().len(), 9);
    world.contact("contoso", "n", "n@adatum.example").await;
    let gal = world.simulator.gal("contoso", false);
    let made = gal.iter().find(|entry| entry.properties["Name"] == "n").unwrap();
    assert_eq!(made.made_by, MadeBy::App);
    assert_eq!(made.properties["ExternalEmailAddress"], "SMTP:n@Adatum.example");
}

#[tokio::test]
async fn operations_are_all_done_or_none() {
    let world = World::quiet();
    let anchor = world.apply("contoso", json!([{"op": "create", "kind": "user", "set": {"DisplayName": "Ann"}}]))[0];
    let gal = || serde_json::to_value(world.simulator.gal("contoso", true)).unwrap();
    let before = gal();
    for last in [
        json!({"op": "update", "anchor": anchor, "set": {"Nonsense": 1}}),
        json!({"op": "update", "anchor": "00000000-0000-0000-0000-000000000000", "set": {}}),
        json!({"op": "create", "kind": "contact", "set": {"DisplayName": "C"}}),
        json!({"op": "create", "kind": "user", "set": {"DisplayName": "x", "EmailAddresses": ["SMTP:ann@contoso.example"]}}),
        json!({"op": "certificates", "clear": true, "add": ["nonsense"]}),
    ] {
        let operations = json!([
            {"op": "update", "anchor": anchor, "set": {"Title": "New"}},
            {"op": "create", "kind": "user", "set": {"DisplayName": "Bob"}},
            {"op": "accepted-domain", "domain": "new.example"},
            {"op": "delete", "anchor": anchor},
            {"op": "restore", "anchor": anchor},
            last
        ]);
        let answer = world.send("POST", "/_sim/tenants/contoso/apply", &[], operations.to_string()).await;
        assert_eq!(answer.status, 400);
        assert!(answer.json()["error"].as_str().unwrap().starts_with("operation 5 ("), "{}", answer.text());
        assert_eq!(gal(), before);
    }
    let unknown = json!([{"op": "paint"}]).to_string();
    assert_eq!(world.send("POST", "/_sim/tenants/contoso/apply", &[], unknown).await.status, 400);
    assert_eq!(world.send("GET", "/_sim/tenants/nobody/gal", &[], "").await.status, 404);
    assert_eq!(world.send("GET", "/_sim/nonsense", &[], "").await.status, 404);
}

#[tokio::test]
async fn a_user_can_become_a_shared_mailbox_and_operations_can_be_typed() {
    let mut world = World::quiet();
    let mut set = serde_json::Map::new();
    set.insert("DisplayName".to_owned(), json!("Ann"));
    let made = world.simulator.apply("contoso", &[Operation::Create { kind: Kind::User, set, members: Vec::new() }]);
    let anchor = made.unwrap()[0].unwrap();
    world.apply("contoso", json!([{"op": "update", "anchor": anchor, "kind": "shared", "set": {"AccountEnabled": false}}]));
    let row = world.row("contoso", "Get-Recipient", &anchor.to_string()).await;
    assert_eq!(row["RecipientTypeDetails"], "SharedMailbox");
    assert_eq!(world.graph("contoso", &format!("/users/{anchor}?$select=accountEnabled")).await.json()["accountEnabled"], false);
    assert!(world.simulator.apply_json("contoso", json!([{"op": "update", "anchor": anchor, "kind": "contact"}])).is_err());
}

#[tokio::test]
async fn statistics_count_and_begin_again() {
    let mut world = World::quiet();
    world.contact("contoso", "n", "n@adatum.example").await;
    world.graph("contoso", "/users/delta").await;
    let stats = world.send("GET", "/_sim/stats", &[], "").await.json();
    let contoso = &stats["tenants"]["contoso"];
    assert_eq!(contoso["cmdlets"], json!({"New-MailContact": 1}));
    assert_eq!(contoso["endpoints"], json!({"invoke": 1, "token": 2, "users-delta": 1}));
    assert_eq!((&contoso["writes"], &contoso["max_in_flight"]), (&json!(1), &json!(1)));
    assert_eq!(world.send("POST", "/_sim/stats/reset", &[], "").await.status, 204);
    assert_eq!(world.simulator.stats().tenants["contoso"].requests, 0);
}

#[tokio::test]
async fn the_trace_has_every_exchange_but_our_own() {
    let path = std::env::temp_dir().join(format!("m365-simulator-trace-{}.jsonl", std::process::id()));
    let mut world = World::new(SimulatorConfig { trace: Some(path.clone()), ..SimulatorConfig::default() });
    world.contact("contoso", "n", "n@adatum.example").await;
    world.send("GET", "/_sim/stats", &[], "").await;
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0]["request_body"].as_str().unwrap().starts_with("client_id="));
    assert_eq!(lines[1]["request_body"]["CmdletInput"]["CmdletName"], "New-MailContact");
    assert_eq!((&lines[1]["status"], &lines[1]["method"]), (&json!(200), &json!("POST")));
    assert!(lines[1]["url"].as_str().unwrap().starts_with("http://simulator.test/adminapi/beta/"));
    assert!(lines[1]["response_body"]["value"].is_array() && lines[1]["time"].is_number());
}
