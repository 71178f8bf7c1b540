//! Single objects, lists, members, batches. MICROSOFT.md sections 3.2, 6 and 9.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn users_and_contacts_have_graphs_own_shapes() {
    let mut world = World::quiet();
    let made = world.apply("contoso", json!([
        {"op": "create", "kind": "user", "set": {"DisplayName": "Ann", "Alias": "ann", "Phone": "+1", "CustomAttribute2": "x", "CountryOrRegion": "CH"}},
        {"op": "create", "kind": "contact", "set": {"DisplayName": "C", "ExternalEmailAddress": "c@adatum.example", "City": "Bern", "MobilePhone": "+2"}},
        {"op": "create", "kind": "guest", "set": {"DisplayName": "G", "ExternalEmailAddress": "g@adatum.example"}}
    ]));
    let user = world
        .graph(
            "contoso",
            &format!("/users/{}?$select=businessPhones,onPremisesExtensionAttributes,country,mobilePhone,proxyAddresses", made[0]),
        )
        .await
        .json();
    assert_eq!(user["businessPhones"], json!(["+1"]));
    assert_eq!(user["onPremisesExtensionAttributes"]["extensionAttribute2"], "x");
    assert_eq!(user["country"], "Switzerland");
    assert_eq!(user["mobilePhone"], Value::Null);
    assert_eq!(user["proxyAddresses"][0], "SMTP:ann@contoso.example");
    assert_eq!(world.graph("contoso", "/users/ann@contoso.example?$select=displayName").await.json()["displayName"], "Ann");
    let contact = world.graph("contoso", &format!("/contacts/{}", made[1])).await.json();
    assert_eq!(contact["addresses"][0]["city"], "Bern");
    assert_eq!(contact["phones"], json!([{"type": "mobile", "number": "+2"}]));
    let guest = world
        .graph("contoso", &format!("/users/{}?$select=userType,creationType,userPrincipalName,showInAddressList", made[2]))
        .await
        .json();
    assert_eq!(
        (&guest["userType"], &guest["creationType"], &guest["showInAddressList"]),
        (&json!("Guest"), &json!("Invitation"), &json!(false))
    );
    assert_eq!(guest["userPrincipalName"], "g_Adatum.example#EXT#@contoso.onmicrosoft.com");
    let answer = world.graph("contoso", &format!("/users/{}", made[1])).await;
    assert_eq!((answer.status, answer.graph_code().as_str()), (404, "Request_ResourceNotFound"));
}

#[tokio::test]
async fn transitive_members_are_flat_and_mixed() {
    let mut world = World::quiet();
    let made = world.apply(
        "contoso",
        json!([
            {"op": "create", "kind": "user", "set": {"DisplayName": "Ann"}},
            {"op": "create", "kind": "user", "set": {"DisplayName": "Bob"}},
            {"op": "create", "kind": "contact", "set": {"DisplayName": "C", "ExternalEmailAddress": "c@adatum.example"}}
        ]),
    );
    let inner = world.apply(
        "contoso",
        json!([{"op": "create", "kind": "distribution-group", "set": {"DisplayName": "Inner"}, "members": [made[1], made[2]]}]),
    )[0];
    let outer = world.apply(
        "contoso",
        json!([{"op": "create", "kind": "security-group", "set": {"DisplayName": "Outer"}, "members": [made[0], inner]}]),
    )[0];
    // A ring does no harm.
    world.apply("contoso", json!([{"op": "add-member", "anchor": inner, "member": outer}]));
    let rows = world.graph("contoso", &format!("/groups/{outer}/transitiveMembers?$select=id,displayName&$top=999")).await.rows();
    let mut found: Vec<(String, String)> =
        rows.iter().map(|row| (row["displayName"].as_str().unwrap().to_owned(), row["@odata.type"].as_str().unwrap().to_owned())).collect();
    found.sort();
    assert_eq!(
        found,
        [
            ("Ann".to_owned(), "#microsoft.graph.user".to_owned()),
            ("Bob".to_owned(), "#microsoft.graph.user".to_owned()),
            ("C".to_owned(), "#microsoft.graph.orgContact".to_owned()),
            ("Inner".to_owned(), "#microsoft.graph.group".to_owned()),
        ]
    );
    let direct = world.graph("contoso", &format!("/groups/{outer}/members")).await.rows();
    assert_eq!(direct.len(), 2);
    let cast = format!("/groups/{outer}/transitiveMembers/microsoft.graph.user");
    let answer = world.graph_with("contoso", &format!("{cast}?$count=true&$top=1"), &[("consistencylevel", "eventual")]).await;
    assert_eq!((answer.json()["@odata.count"].as_u64(), answer.rows().len()), (Some(2), 1));
    let next = answer.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    assert_eq!(world.graph("contoso", &next).await.rows().len(), 1);
    let answer = world.graph_with("contoso", &format!("{cast}/$count"), &[("consistencylevel", "eventual")]).await;
    assert_eq!((answer.text().as_str(), answer.header("content-type")), ("2", "text/plain"));
    // A hidden membership reads as none at all.
    world.apply("contoso", json!([{"op": "update", "anchor": outer, "set": {"HiddenGroupMembershipEnabled": true}}]));
    assert!(world.graph("contoso", &format!("/groups/{outer}/transitiveMembers")).await.rows().is_empty());
    world.apply("contoso", json!([{"op": "delete", "anchor": outer}]));
    assert_eq!(world.graph("contoso", &format!("/groups/{outer}/transitiveMembers")).await.graph_code(), "Request_ResourceNotFound");
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let mut world = World::quiet();
    let operations: Value = (0..120).map(|at| json!({"op": "create", "kind": "user", "set": {"DisplayName": format!("U{at}")}})).collect();
    world.apply("contoso", operations);
    let answer = world.graph("contoso", "/users?$select=displayName").await;
    assert_eq!(answer.rows().len(), 100);
    let next = answer.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    assert_eq!(world.graph("contoso", &next).await.rows().len(), 20);
    assert_eq!(world.graph("contoso", "/users?$filter=displayName%20eq%20'U7'").await.rows().len(), 1);
    assert_eq!(world.graph("contoso", "/users?$filter=startswith(displayName,'U11')").await.rows().len(), 11);
    assert_eq!(world.graph("contoso", "/users?$filter=city%20gt%20'a'").await.graph_code(), "Request_UnsupportedQuery");
    assert_eq!(world.graph("contoso", "/users?$top=1000").await.status, 400);
    assert_eq!(world.graph("contoso", "/planets").await.status, 400);
    let answer = world.graph("contoso", "/users?$skiptoken=nonsense").await;
    assert_eq!(answer.graph_code(), "Directory_ExpiredPageToken");
}

#[tokio::test]
async fn a_batch_answers_each_for_itself() {
    let mut world = World::quiet();
    let anchor = world.apply("contoso", json!([{"op": "create", "kind": "user", "set": {"DisplayName": "Ann"}}]))[0];
    let token = format!("Bearer {}", world.token("contoso", "graph.microsoft.com").await);
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let body = json!({"requests": [
        {"id": "1", "method": "GET", "url": format!("/users/{anchor}?$select=displayName")},
        {"id": "2", "method": "GET", "url": "/users/00000000-0000-0000-0000-000000000000"},
        {"id": "3", "method": "GET", "url": "/users", "dependsOn": ["2"]}
    ]});
    let answer = world.send("POST", "/v1.0/$batch", &headers, body.to_string()).await;
    let responses = answer.json()["responses"].clone();
    let statuses: Vec<u64> = responses.as_array().unwrap().iter().map(|one| one["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 404, 424]);
    assert_eq!(responses[0]["body"]["displayName"], "Ann");
    let many: Vec<Value> = (0..21).map(|id| json!({"id": id.to_string(), "method": "GET", "url": "/users"})).collect();
    let answer = world.send("POST", "/v1.0/$batch", &headers, json!({"requests": many}).to_string()).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn no_token_is_a_401_and_other_hosts_get_their_own_links() {
    let mut world = World::quiet();
    let answer = world.send("GET", "/v1.0/users", &[], "").await;
    assert_eq!((answer.status, answer.graph_code().as_str()), (401, "InvalidAuthenticationToken"));
    let answer = world.graph("contoso", "https://graph.microsoft.com/v1.0/users/delta").await;
    assert!(answer.json()["@odata.deltaLink"].as_str().unwrap().starts_with("https://graph.microsoft.com/v1.0/users/delta?"));
}
