//! Delta queries. MICROSOFT.md sections 3.1 and 9.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::World;

fn user(name: &str) -> Value {
    json!({"op": "create", "kind": "user", "set": {"DisplayName": name, "Title": "T"}})
}

#[tokio::test]
async fn a_first_sync_leaves_out_what_was_never_set_and_only_has_what_is_selected() {
    let mut world = World::quiet();
    let anchor = world.apply("contoso", json!([user("Ann")]))[0];
    let (rows, link) = world.delta("contoso", "/users/delta()?$select=displayName,jobTitle,department").await;
    assert_eq!(rows, [json!({"id": anchor, "displayName": "Ann", "jobTitle": "T"})]);
    assert!(link.starts_with("http://simulator.test/v1.0/users/delta?$deltatoken="));
    // A property that is not selected does not bring it back.
    world.apply("contoso", json!([{"op": "update", "anchor": anchor, "set": {"Phone": "+1"}}]));
    let (rows, link) = world.delta("contoso", &link).await;
    assert!(rows.is_empty());
    world.apply("contoso", json!([{"op": "update", "anchor": anchor, "set": {"Title": null}}]));
    let (rows, _) = world.delta("contoso", &link).await;
    assert_eq!(rows, [json!({"id": anchor, "displayName": "Ann", "jobTitle": null})]);
    // An old link still gives everything since.
    let minimal = world.graph_with("contoso", &link, &[("prefer", "return=minimal")]).await;
    assert_eq!(minimal.header("preference-applied"), "return=minimal");
    assert_eq!(minimal.rows(), [json!({"id": anchor, "jobTitle": null})]);
}

#[tokio::test]
async fn pages_link_on_until_the_delta_link() {
    let mut world = World::quiet();
    let operations: Value = (0..250).map(|at| user(&format!("U{at}"))).collect();
    let anchors = world.apply("contoso", operations);
    let answer = world.graph("contoso", "/users/delta?$select=id&$top=5").await;
    assert_eq!(answer.rows().len(), 100);
    let body = answer.json();
    assert!(body["@odata.nextLink"].as_str().unwrap().contains("$skiptoken="));
    assert_eq!(body.get("@odata.deltaLink"), None);
    // What changes meanwhile comes in the next round.
    let next = body["@odata.nextLink"].as_str().unwrap().to_owned();
    world.apply("contoso", json!([{"op": "delete", "anchor": anchors[0]}, user("Late")]));
    let (rows, link) = world.delta("contoso", &next).await;
    let ids: BTreeSet<&str> = answer.json()["value"]
        .as_array()
        .unwrap()
        .iter()
        .chain(&rows)
        .map(|row| row["id"].as_str().unwrap())
        .map(|id| Box::leak(id.to_owned().into_boxed_str()) as &str)
        .collect();
    assert!(ids.len() >= 249);
    let (rows, _) = world.delta("contoso", &link).await;
    assert!(rows.contains(&json!({"id": anchors[0], "@removed": {"reason": "changed"}})));
    // The late one may have been in the enumeration already; it comes again.
    assert_eq!(rows.iter().filter(|row| row.get("@removed").is_none()).count(), 1);
}

#[tokio::test]
async fn deleted_users_can_come_back_and_contacts_cannot() {
    let mut world = World::quiet();
    let made = world.apply(
        "contoso",
        json!([
            user("Ann"),
            {"op": "create", "kind": "contact", "set": {"DisplayName": "C", "ExternalEmailAddress": "c@adatum.example"}}
        ]),
    );
    let (_, users) = world.delta("contoso", "/users/delta?$select=displayName").await;
    let (_, contacts) = world.delta("contoso", "/contacts/delta?$select=displayName").await;
    world.apply("contoso", json!([{"op": "delete", "anchor": made[0]}, {"op": "delete", "anchor": made[1]}]));
    let (rows, users) = world.delta("contoso", &users).await;
    assert_eq!(rows, [json!({"id": made[0], "@removed": {"reason": "changed"}})]);
    let (rows, _) = world.delta("contoso", &contacts).await;
    assert_eq!(rows, [json!({"id": made[1], "@removed": {"reason": "deleted"}})]);
    assert!(world.simulator.apply_json("contoso", json!([{"op": "restore", "anchor": made[1]}])).is_err());
    world.apply("contoso", json!([{"op": "restore", "anchor": made[0]}]));
    let (rows, users) = world.delta("contoso", &users).await;
    assert_eq!(rows, [json!({"id": made[0], "displayName": "Ann"})]);
    world.apply("contoso", json!([{"op": "delete", "anchor": made[0], "permanent": true}]));
    let (rows, _) = world.delta("contoso", &users).await;
    assert_eq!(rows, [json!({"id": made[0], "@removed": {"reason": "deleted"}})]);
}

#[tokio::test]
async fn removed_objects_may_be_in_the_first_enumeration() {
    let mut world = World::quiet();
    let anchor = world.apply("contoso", json!([user("Ann"), user("Bob")]))[0];
    world.apply("contoso", json!([{"op": "delete", "anchor": anchor}]));
    assert_eq!(world.delta("contoso", "/users/delta?$select=id").await.0.len(), 1);
    world.simulator.set_faults_json(json!({"probabilities": {"removed-in-initial-sync": 1.0}})).unwrap();
    let (rows, _) = world.delta("contoso", "/users/delta?$select=id").await;
    assert!(rows.contains(&json!({"id": anchor, "@removed": {"reason": "changed"}})));
}

#[tokio::test]
async fn tokens_are_bound_and_grow_old() {
    let mut world = World::quiet();
    let (_, link) = world.delta("contoso", "/users/delta?$select=displayName").await;
    let (_, contacts) = world.delta("contoso", "/contacts/delta?$select=displayName").await;
    // Another tenant, another collection, another query, another text.
    assert_eq!(world.graph("fabrikam", &link).await.status, 400);
    assert_eq!(world.graph("contoso", &link.replace("/users/", "/contacts/")).await.status, 400);
    assert_eq!(world.graph("contoso", &contacts.replace("/contacts/", "/users/")).await.status, 400);
    assert_eq!(world.graph("contoso", &format!("{link}&$select=mail")).await.status, 400);
    assert_eq!(world.graph("contoso", &format!("{link}x")).await.status, 400);
    world.simulator.advance_clock(Duration::from_hours(144));
    world.sign_out();
    assert_eq!(world.graph("contoso", &link).await.status, 200);
    world.simulator.advance_clock(Duration::from_secs(86_401));
    world.sign_out();
    let answer = world.graph("contoso", &link).await;
    assert_eq!((answer.status, answer.graph_code().as_str()), (400, "syncStateNotFound"));
}

#[tokio::test]
async fn a_resync_is_a_410_with_a_location() {
    let mut world = World::quiet();
    world.apply("contoso", json!([user("Ann")]));
    let (_, link) = world.delta("contoso", "/users/delta?$select=displayName").await;
    world.apply("contoso", json!([{"op": "resync"}]));
    let answer = world.graph("contoso", &link).await;
    assert_eq!((answer.status, answer.graph_code().as_str()), (410, "resyncRequired"));
    let location = answer.header("location").to_owned();
    assert_eq!(location, "http://simulator.test/v1.0/users/delta?$deltatoken=");
    assert_eq!(world.delta("contoso", &location).await.0.len(), 1);
    let (_, link) = world.delta("contoso", "/users/delta?$select=displayName").await;
    let plan = json!({"calls": [{"endpoint": "users-delta", "nth": 1, "do": "resync-410"}, {"endpoint": "users-delta", "nth": 2, "do": "expire-delta-400"}]});
    world.simulator.set_faults_json(plan).unwrap();
    assert_eq!(world.graph("contoso", &link).await.status, 410);
    assert_eq!(world.graph("contoso", &link).await.status, 400);
    assert_eq!(world.graph("contoso", &link).await.status, 200);
}

#[tokio::test]
async fn empty_pages_replays_and_other_orders_change_nothing_in_the_end() {
    let mut world = World::quiet();
    let operations: Value = (0..150).map(|at| user(&format!("U{at}"))).collect();
    let anchors: BTreeSet<String> = world.apply("contoso", operations).iter().map(ToString::to_string).collect();
    let plan = json!({"probabilities": {"empty-pages": 1.0, "replay": 1.0, "reorder": 1.0}});
    world.simulator.set_faults_json(plan).unwrap();
    let first = world.graph("contoso", "/users/delta?$select=id").await;
    assert_eq!(first.rows().len(), 0);
    assert!(first.json()["@odata.nextLink"].is_string());
    let (rows, link) = world.delta("contoso", "/users/delta?$select=id").await;
    assert!(rows.len() > 150);
    let found: BTreeSet<String> = rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, anchors);
    // A replay: what was told already is told again.
    assert!(!world.delta("contoso", &link).await.0.is_empty());
}

#[tokio::test]
async fn latest_starts_from_now_and_filters_are_by_id() {
    let mut world = World::quiet();
    let anchors = world.apply("contoso", json!([user("Ann"), user("Bob")]));
    let (rows, link) = world.delta("contoso", "/users/delta?$select=displayName&$deltatoken=latest").await;
    assert!(rows.is_empty());
    world.apply("contoso", json!([{"op": "update", "anchor": anchors[0], "set": {"DisplayName": "Anna"}}]));
    assert_eq!(world.delta("contoso", &link).await.0.len(), 1);
    let filter = format!("/users/delta?$select=displayName&$filter=id%20eq%20'{}'", anchors[1]);
    let (rows, link) = world.delta("contoso", &filter).await;
    assert_eq!(rows, [json!({"id": anchors[1], "displayName": "Bob"})]);
    world.apply("contoso", json!([{"op": "update", "anchor": anchors[0], "set": {"DisplayName": "Anne"}}]));
    assert!(world.delta("contoso", &link).await.0.is_empty());
    for query in ["$filter=userType eq 'Guest'", "$orderby=displayName", "$search=x", "$expand=manager", "$select=nonsense"] {
        assert_eq!(world.graph("contoso", &format!("/users/delta?{}", query.replace(' ', "%20"))).await.status, 400, "{query}");
    }
    assert_eq!(world.graph("contoso", "/users/delta?$select=skills").await.status, 501);
}

#[tokio::test]
async fn groups_tell_their_members_in_portions() {
    let mut world = World::quiet();
    let operations: Value = (0..250).map(|at| user(&format!("U{at}"))).collect();
    let users = world.apply("contoso", operations);
    let group =
        world.apply("contoso", json!([{"op": "create", "kind": "distribution-group", "set": {"DisplayName": "All"}, "members": users}]))[0];
    let (rows, link) = world.delta("contoso", "/groups/delta?$select=displayName,members").await;
    assert_eq!(rows.len(), 3, "the same group on several pages");
    let told: BTreeSet<&str> =
        rows.iter().flat_map(|row| row["members@delta"].as_array().unwrap()).map(|member| member["id"].as_str().unwrap()).collect();
    assert_eq!(told.len(), 250);
    assert_eq!(rows[0]["members@delta"][0]["@odata.type"], "#microsoft.graph.user");
    world.apply("contoso", json!([{"op": "remove-member", "anchor": group, "member": users[0]}, {"op": "delete", "anchor": users[1]}]));
    let (rows, _) = world.delta("contoso", &link).await;
    assert_eq!(rows.len(), 1);
    let gone: BTreeSet<String> = rows[0]["members@delta"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| {
            assert_eq!(member["@removed"]["reason"], "deleted");
            member["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(gone, BTreeSet::from([users[0].to_string(), users[1].to_string()]));
}
