//! Reading through `InvokeCommand`. MICROSOFT.md sections 3.3 and 4.

use std::time::Duration;

use m365_simulator::{SimulatorConfig, TenantSpec};
use serde_json::{Value, json};

use crate::world::World;

fn users(number: usize) -> Value {
    (0..number)
        .map(|at| json!({"op": "create", "kind": "user", "set": {"DisplayName": format!("Person {at:04}"), "Department": "Sales"}}))
        .collect()
}

fn names(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["Name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn rows_have_the_annotations_and_conventions_of_the_wire() {
    let mut world = World::quiet();
    let guid = world.contact("contoso", "galbridge-1", "Ann@adatum.example").await;
    let row = world.row("contoso", "Get-MailContact", &guid).await;
    assert_eq!(row["EmailAddresses@odata.type"], "#Collection(String)");
    assert_eq!(row["Guid@data.type"], "System.Guid");
    assert_eq!(row["WhenChangedUTC@data.type"], "System.DateTime");
    // Whole seconds, seven digits.
    assert!(row["WhenChangedUTC"].as_str().unwrap().ends_with(".0000000Z"));
    assert!(row["WhenChanged"].as_str().unwrap().ends_with(".0000000+00:00"));
    assert_eq!(row["CustomAttribute1"], "");
    assert_eq!(row["MailTip"], Value::Null);
    assert_eq!(row["ExtensionCustomAttribute1"], json!([]));
    // The domain comes back in another case, and with the prefix.
    assert_eq!(row["ExternalEmailAddress"], "SMTP:Ann@Adatum.example");
    assert!(row["LegacyExchangeDN"].as_str().unwrap().starts_with("/o=ExchangeLabs/"));
    assert_eq!(row["Identity"], row["Name"]);
}

#[tokio::test]
async fn each_cmdlet_shows_what_the_real_one_shows() {
    let mut world = World::quiet();
    let guid = world.contact("contoso", "galbridge-1", "ann@adatum.example").await;
    let set = json!({"Identity": guid, "MobilePhone": "+1", "StreetAddress": "1 St", "CountryOrRegion": "CH", "Notes": "n"});
    assert!(world.run("contoso", "Set-Contact", set).await.status < 300);
    let recipient = world.row("contoso", "Get-Recipient", &guid).await;
    let contact = world.row("contoso", "Get-Contact", &guid).await;
    let mail = world.row("contoso", "Get-MailContact", &guid).await;
    for (absent, row) in [
        ("LegacyExchangeDN", &recipient),
        ("MobilePhone", &recipient),
        ("StreetAddress", &recipient),
        ("MailTip", &recipient),
        ("CustomAttribute1", &contact),
        ("HiddenFromAddressListsEnabled", &contact),
        ("ExternalDirectoryObjectId", &contact),
        ("MobilePhone", &mail),
        ("Title", &mail),
    ] {
        assert_eq!(row.get(absent), None, "{absent}");
    }
    assert_eq!(contact["CountryOrRegion"], "Switzerland");
    assert_eq!(contact["MobilePhone"], "+1");
    assert_eq!(recipient["CountryOrRegion"], "Switzerland");
    assert_eq!(recipient["Notes"], "n");
    assert_eq!(recipient["Guid"], contact["Guid"]);
}

#[tokio::test]
async fn pages_are_followed_by_posting_the_same_body() {
    let mut world = World::quiet();
    world.apply("contoso", users(25));
    world.prefer = Some("odata.maxpagesize=10".to_owned());
    let all = json!({"ResultSize": "Unlimited"});
    let first = world.run("contoso", "Get-Recipient", all.clone()).await;
    let mut rows = first.rows();
    assert_eq!(rows.len(), 10);
    let link = first.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    assert!(link.starts_with("http://simulator.test/adminapi/beta/"));
    let wrong = world.post("contoso", &link, "Get-Recipient", json!({})).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(world.send("GET", &link, &[], "").await.status, 405);
    let second = world.post("contoso", &link, "Get-Recipient", all.clone()).await;
    rows.extend(second.rows());
    // The same link again gives the same rows.
    assert_eq!(names(&world.post("contoso", &link, "Get-Recipient", all.clone()).await.rows()), names(&second.rows()));
    let last = second.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    let third = world.post("contoso", &last, "Get-Recipient", all.clone()).await;
    rows.extend(third.rows());
    assert_eq!(third.json().get("@odata.nextLink"), None);
    let names = names(&rows);
    assert_eq!(names.len(), 25);
    assert!(names.is_sorted());
    world.simulator.advance_clock(Duration::from_secs(301));
    assert_eq!(world.post("contoso", &link, "Get-Recipient", all).await.status, 400);
}

#[tokio::test]
async fn without_prefer_and_result_size_one_row_comes_at_a_time() {
    let mut world = World::quiet();
    world.apply("contoso", users(3));
    world.prefer = None;
    let answer = world.run("contoso", "Get-Recipient", json!({})).await;
    assert_eq!(answer.rows().len(), 1);
    assert!(answer.json()["@odata.nextLink"].is_string());
    assert!(answer.json()["@adminapi.warnings"][0].as_str().unwrap().contains("ResultSize"));
    let answer = world.run("contoso", "Get-Recipient", json!({"ResultSize": "Unlimited"})).await;
    assert_eq!(answer.rows().len(), 3);
    assert_eq!(answer.json()["@adminapi.warnings"], json!([]));
    let answer = world.run("contoso", "Get-Recipient", json!({"ResultSize": 2})).await;
    assert_eq!(answer.rows().len(), 2);
}

#[tokio::test]
async fn the_usual_thousand_is_cut_with_a_warning() {
    let mut world = World::quiet();
    world.apply("contoso", users(1_005));
    let answer = world.run("contoso", "Get-User", json!({})).await;
    assert_eq!(answer.rows().len(), 1_000);
    assert_eq!(answer.json().get("@odata.nextLink"), None);
    assert!(!answer.json()["@adminapi.warnings"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn select_is_exact_and_its_annotations_come_along() {
    let mut world = World::quiet();
    world.apply("contoso", users(1));
    let id = world.tenant("contoso").id;
    let url = format!("/adminapi/beta/{id}/InvokeCommand?$select=guid,EmailAddresses,Nonsense");
    let rows = world.post("contoso", &url, "Get-Recipient", json!({"ResultSize": "Unlimited"})).await.rows();
    let keys: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["EmailAddresses", "EmailAddresses@odata.type", "Guid", "Guid@data.type", "Guid@odata.type"]);
    // A domain serves as well as the id.
    let url = "/adminapi/beta/contoso.example/InvokeCommand?$select=Name";
    assert_eq!(world.post("contoso", url, "Get-Recipient", json!({})).await.rows().len(), 1);
}

#[tokio::test]
async fn filters_are_opath() {
    let mut world = World::quiet();
    world.apply(
        "contoso",
        json!([
            {"op": "create", "kind": "user", "set": {"DisplayName": "Ann O'Brien", "Name": "ann", "Department": "Sales"}},
            {"op": "create", "kind": "contact", "set": {"DisplayName": "Bob", "Name": "bob", "ExternalEmailAddress": "bob@adatum.example",
                "CustomAttribute15": "GB1|x|1", "HiddenFromAddressListsEnabled": true, "EmailAddresses": ["SMTP:bob@adatum.example", "smtp:b@adatum.example", "X500:/o=a/cn=b"]}},
            {"op": "create", "kind": "distribution-group", "set": {"DisplayName": "Staff", "Name": "staff", "RequireSenderAuthenticationEnabled": true}}
        ]),
    );
    for (filter, expected) in [
        ("DisplayName -eq 'Ann O''Brien'", vec!["ann"]),
        ("displayname -like 'ann*' -and Department -eq 'sales'", vec!["ann"]),
        ("EmailAddresses -eq 'B@Adatum.example'", vec!["bob"]),
        ("EmailAddresses -eq 'smtp:b@adatum.example'", vec!["bob"]),
        ("EmailAddresses -like 'b@*'", vec![]),
        ("EmailAddresses -like 'smtp:b@*'", vec!["bob"]),
        ("EmailAddresses -eq 'X500:/o=a/cn=b'", vec!["bob"]),
        ("PrimarySmtpAddress -eq 'b@adatum.example'", vec!["bob"]),
        ("ExternalEmailAddress -eq 'bob@adatum.example'", vec!["bob"]),
        ("CustomAttribute15 -like 'GB1|*'", vec!["bob"]),
        ("CustomAttribute15 -eq $null", vec!["ann", "staff"]),
        ("HiddenFromAddressListsEnabled -eq $true", vec!["bob"]),
        ("HiddenFromAddressListsEnabled -eq 'False' -and -not (Name -eq 'ann')", vec!["staff"]),
        ("RequireAllSendersAreAuthenticated -eq $true", vec!["staff"]),
        ("RecipientTypeDetails -eq 'MailContact' -or Name -eq 'staff'", vec!["bob", "staff"]),
        ("WhenChangedUTC -gt '1/15/2026 7:59:59 AM'", vec!["ann", "bob", "staff"]),
        ("WhenChangedUTC -gt '1/15/2026 8:30:00 PM'", vec![]),
        ("WhenCreatedUTC -ge '1/15/2026 8:00:00 AM' -and WhenCreatedUTC -lt '1/16/2026'", vec!["ann", "bob", "staff"]),
    ] {
        let answer = world.run("contoso", "Get-Recipient", json!({"Filter": filter, "ResultSize": "Unlimited"})).await;
        let mut found = names(&answer.rows());
        found.sort();
        assert_eq!(found, expected, "{filter}");
    }
    for (filter, text) in [
        ("Nonsense -eq 'x'", "is not a recognized filterable property"),
        ("RequireSenderAuthenticationEnabled -eq $true", "is not a recognized filterable property"),
        ("DisplayName -like '*nn'", "suffix"),
        ("WhenChangedUTC -gt '2026-01-15T08:00:00Z'", "System.DateTime"),
        ("DisplayName eq 'x'", "operator"),
        ("DisplayName -eq 'x", "quotation"),
        ("DisplayName -eq x", "quotation marks"),
    ] {
        let answer = world.run("contoso", "Get-Recipient", json!({"Filter": filter})).await;
        assert_eq!(answer.status, 400, "{filter}");
        assert!(answer.piped().1.contains(text), "{filter}: {}", answer.piped().1);
    }
}

#[tokio::test]
async fn an_identity_is_any_of_an_objects_names_and_null_is_everything() {
    let mut world = World::quiet();
    let anchors = world.apply("contoso", users(2));
    for identity in [
        anchors[0].to_string().as_str(),
        "Person 0000",
        "person0000",
        "person0000@contoso.example",
        "contoso.onmicrosoft.com/Person 0000",
        "person0000@contoso.onmicrosoft.com",
    ] {
        assert_eq!(world.row("contoso", "Get-User", identity).await["Name"], "Person 0000", "{identity}");
    }
    let dn = world.row("contoso", "Get-User", "Person 0000").await["DistinguishedName"].as_str().unwrap().to_owned();
    assert_eq!(world.row("contoso", "Get-Recipient", &dn).await["Name"], "Person 0000");
    assert_eq!(world.run("contoso", "Get-User", json!({"Identity": null})).await.rows().len(), 2);
    let answer = world.run("contoso", "Get-User", json!({"Identity": "nobody"})).await;
    assert_eq!(answer.status, 404);
    assert!(answer.piped().0.ends_with("ManagementObjectNotFoundException"));
    // A contact is no mailbox.
    let guid = world.contact("contoso", "c", "c@adatum.example").await;
    assert_eq!(world.run("contoso", "Get-Mailbox", json!({"Identity": guid})).await.status, 404);
}

#[tokio::test]
async fn every_reading_cmdlet_answers() {
    let config = SimulatorConfig { tenants: vec![TenantSpec::new("contoso", 300)], ..SimulatorConfig::default() };
    let mut world = World::new(config);
    for cmdlet in [
        "Get-Recipient",
        "Get-User",
        "Get-Contact",
        "Get-MailContact",
        "Get-MailUser",
        "Get-Mailbox",
        "Get-DistributionGroup",
        "Get-UnifiedGroup",
        "Get-DynamicDistributionGroup",
        "Get-AcceptedDomain",
        "Get-OrganizationConfig",
    ] {
        let answer = world.run("contoso", cmdlet, json!({})).await;
        assert!(!answer.rows().is_empty(), "{cmdlet}");
    }
    let group = world.tenant("contoso").groups["inner"].to_string();
    assert_eq!(world.run("contoso", "Get-DistributionGroupMember", json!({"Identity": group})).await.rows().len(), 10);
    let sorted = world
        .run(
            "contoso",
            "Get-Recipient",
            json!({"SortBy": "DisplayName", "ResultSize": "Unlimited", "RecipientTypeDetails": "MailContact,UserMailbox"}),
        )
        .await;
    let shown: Vec<String> = sorted.rows().iter().map(|row| row["DisplayName"].as_str().unwrap().to_lowercase()).collect();
    assert!(shown.is_sorted());
    let wrong = world.run("contoso", "Get-Recipient", json!({"RecipientTypeDetails": "Nonsense"})).await;
    assert_eq!(wrong.status, 400);
}
