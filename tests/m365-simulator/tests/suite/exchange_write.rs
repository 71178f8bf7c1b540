//! Writing contacts. MICROSOFT.md section 5.

use serde_json::{Value, json};

use crate::world::World;

async fn refused(world: &mut World, cmdlet: &str, parameters: Value) -> (String, String) {
    let answer = world.run("contoso", cmdlet, parameters.clone()).await;
    assert_eq!(answer.status, 400, "{cmdlet} {parameters}");
    answer.piped()
}

#[tokio::test]
async fn a_contact_takes_three_cmdlets_and_reads_back_as_the_service_keeps_it() {
    let mut world = World::quiet();
    let manager = world.apply("contoso", json!([{"op": "create", "kind": "user", "set": {"DisplayName": "The Boss"}}]))[0];
    let guid = world.contact("contoso", "galbridge-1", "ann@adatum.example").await;
    let before = world.row("contoso", "Get-MailContact", &guid).await;
    world.simulator.advance_clock(std::time::Duration::from_secs(5));
    let set = json!({"Identity": guid, "CustomAttribute15": "GB1", "HiddenFromAddressListsEnabled": true, "MailTip": "Outside",
        "EmailAddresses": {"@odata.type": "#Exchange.GenericHashTable", "Add": ["X500:/o=a/cn=ann", "smtp:a2@adatum.example"]}});
    assert_eq!(world.run("contoso", "Set-MailContact", set).await.rows(), Vec::<Value>::new());
    let set = json!({"Identity": guid, "Title": "Engineer", "Phone": "+1", "CountryOrRegion": "de", "Manager": manager,
        "OtherTelephone": ["+2", "+3"]});
    assert_eq!(world.run("contoso", "Set-Contact", set).await.status, 200);
    let mail = world.row("contoso", "Get-MailContact", &guid).await;
    assert_eq!(mail["MailTip"], "<html><body>Outside</body></html>");
    assert_eq!(mail["MailTipTranslations"], json!(["default:<html><body>Outside</body></html>"]));
    assert_eq!(mail["EmailAddresses"], json!(["SMTP:ann@Adatum.example", "X500:/o=a/cn=ann", "smtp:a2@Adatum.example"]));
    assert_eq!(mail["LegacyExchangeDN"], before["LegacyExchangeDN"]);
    assert_ne!(mail["WhenChangedUTC"], before["WhenChangedUTC"]);
    let contact = world.row("contoso", "Get-Contact", &guid).await;
    assert_eq!(contact["CountryOrRegion"], "Germany");
    assert_eq!(contact["Manager"], "The Boss");
    assert_eq!(contact["OtherTelephone"], json!(["+2", "+3"]));
    // Null clears; so does an empty hash table or list.
    let clear = json!({"Identity": guid, "Title": null, "Manager": null, "CountryOrRegion": null,
        "OtherTelephone": {"@odata.type": "#Exchange.GenericHashTable"}});
    assert_eq!(world.run("contoso", "Set-Contact", clear).await.status, 200);
    let contact = world.row("contoso", "Get-Contact", &guid).await;
    assert_eq!((&contact["Title"], &contact["Manager"], &contact["CountryOrRegion"]), (&json!(""), &Value::Null, &Value::Null));
    assert_eq!(contact["OtherTelephone"], json!([]));
}

#[tokio::test]
async fn a_new_external_address_drops_the_old_one() {
    let mut world = World::quiet();
    let guid = world.contact("contoso", "c", "ann@adatum.example").await;
    let set = json!({"Identity": guid, "ExternalEmailAddress": "SMTP:ann@litware.example"});
    assert_eq!(world.run("contoso", "Set-MailContact", set).await.status, 200);
    let row = world.row("contoso", "Get-MailContact", &guid).await;
    assert_eq!(row["EmailAddresses"], json!(["SMTP:ann@Litware.example"]));
    assert_eq!(row["PrimarySmtpAddress"], "ann@Litware.example");
    // Free again.
    world.contact("contoso", "d", "ann@adatum.example").await;
}

#[tokio::test]
async fn a_set_that_changes_nothing_warns_and_leaves_the_date() {
    let mut world = World::quiet();
    let guid = world.contact("contoso", "c", "ann@adatum.example").await;
    let before = world.row("contoso", "Get-MailContact", &guid).await;
    world.simulator.advance_clock(std::time::Duration::from_secs(5));
    let answer = world
        .run("contoso", "Set-MailContact", json!({"Identity": guid, "ExternalEmailAddress": "ANN@adatum.EXAMPLE".to_lowercase()}))
        .await;
    assert!(answer.json()["@adminapi.warnings"][0].as_str().unwrap().contains("no settings of 'c' have been modified"));
    assert_eq!(world.row("contoso", "Get-MailContact", &guid).await["WhenChangedUTC"], before["WhenChangedUTC"]);
}

#[tokio::test]
async fn aliases_come_from_the_name_and_are_checked() {
    let mut world = World::quiet();
    let parameters = json!({"Name": "ann müller@a.example", "ExternalEmailAddress": "ann@adatum.example"});
    let answer = world.run("contoso", "New-MailContact", parameters).await;
    assert_eq!(answer.rows()[0]["Alias"], "annmüller?a.example");
    assert_eq!(answer.rows()[0]["DisplayName"], "ann müller@a.example");
    for alias in ["a b", "a..b", ".a", "a.", "а", "a@b"] {
        let parameters = json!({"Name": "x", "Alias": alias, "ExternalEmailAddress": "x@adatum.example"});
        assert!(refused(&mut world, "New-MailContact", parameters).await.1.contains("Alias"), "{alias}");
    }
}

#[tokio::test]
async fn names_and_addresses_are_unique_in_the_whole_organisation() {
    let mut world = World::quiet();
    let anchors = world.apply(
        "contoso",
        json!([
            {"op": "create", "kind": "user", "set": {"DisplayName": "Ann", "Name": "ann", "EmailAddresses": ["SMTP:ann@contoso.example", "smtp:alt@contoso.example"]}},
            {"op": "create", "kind": "guest", "set": {"DisplayName": "Guest", "Name": "guest", "ExternalEmailAddress": "guest@adatum.example"}},
            {"op": "create", "kind": "user", "set": {"DisplayName": "Gone", "Name": "gone", "EmailAddresses": ["SMTP:gone@contoso.example", "smtp:gone@litware.example"]}},
        ]),
    );
    world.apply("contoso", json!([{"op": "delete", "anchor": anchors[2]}]));
    let new = |name: &str, address: &str| json!({"Name": name, "Alias": "a", "ExternalEmailAddress": address});
    let (kind, text) = refused(&mut world, "New-MailContact", new("x", "guest@adatum.example")).await;
    assert!(kind.ends_with("ProxyAddressExistsException"));
    assert!(text.contains("already being used by the proxy addresses or LegacyExchangeDN of \"contoso.onmicrosoft.com/guest\""));
    // A deleted user still holds his.
    let (kind, text) = refused(&mut world, "New-MailContact", new("x", "gone@litware.example")).await;
    assert!(kind.ends_with("UnableToWriteToAadException") && text.contains("proxyAddresses already exists"));
    // Names too, in either form of the error.
    let guid = world.contact("contoso", "c", "c@adatum.example").await;
    for (name, address) in [("ANN", "y@adatum.example"), ("guest", "z@adatum.example")] {
        let answer = world.run("contoso", "New-MailContact", new(name, address)).await;
        assert_eq!(answer.status, 400);
        let text = answer.text();
        assert!(text.contains("ADObjectAlreadyExistsException") && text.contains("already"), "{text}");
        world.run("contoso", "Set-MailContact", json!({"Identity": guid, "CustomAttribute1": name})).await;
    }
    // The legacy name of another counts as an X500 address.
    let legacy = world.row("contoso", "Get-Mailbox", "ann").await["LegacyExchangeDN"].as_str().unwrap().to_owned();
    let set = json!({"Identity": guid, "EmailAddresses": {"@odata.type": "#Exchange.GenericHashTable", "Add": [format!("X500:{legacy}")]}});
    assert!(refused(&mut world, "Set-MailContact", set).await.0.ends_with("ProxyAddressExistsException"));
}

#[tokio::test]
async fn addresses_are_checked() {
    let mut world = World::quiet();
    world.apply("contoso", json!([{"op": "accepted-domain", "domain": "Relay.example", "DomainType": "InternalRelay"}]));
    let new = |address: &str| json!({"Name": "x", "Alias": "a", "ExternalEmailAddress": address});
    for address in ["ann", "ann@", "X400:c=us", "an n@adatum.example", "añn@adatum.example"] {
        let (kind, text) = refused(&mut world, "New-MailContact", new(address)).await;
        assert!(kind.ends_with("RecipientTaskException") && text.contains("is not an SMTP e-mail address"), "{address}");
    }
    // Mail for an own domain would go in circles.
    let (_, text) = refused(&mut world, "New-MailContact", new("ann@Contoso.example")).await;
    assert!(text.contains("authoritative"));
    let answer = world.run("contoso", "New-MailContact", new("ann@relay.EXAMPLE")).await;
    assert_eq!(answer.rows()[0]["PrimarySmtpAddress"], "ann@Relay.example");
}

#[tokio::test]
async fn lengths_are_counted_as_dotnet_counts() {
    let mut world = World::quiet();
    let guid = world.contact("contoso", "c", "c@adatum.example").await;
    // Each of these is two code units.
    let rockets = |number: usize| "🚀".repeat(number);
    let set = |name: &str, value: String| json!({"Identity": guid, name: value});
    for (cmdlet, property, limit) in [
        ("Set-Contact", "Title", 128),
        ("Set-Contact", "FirstName", 64),
        ("Set-Contact", "Initials", 6),
        ("Set-Contact", "Company", 64),
        ("Set-MailContact", "CustomAttribute3", 1024),
        ("Set-MailContact", "DisplayName", 256),
        ("Set-MailContact", "MailTip", 174),
        ("Set-MailContact", "Name", 64),
        ("Set-Contact", "PostalCode", 40),
    ] {
        let (kind, text) = refused(&mut world, cmdlet, set(property, rockets(limit / 2 + 1))).await;
        assert!(kind.ends_with("DataValidationException") && text.contains("length"), "{property}");
        let answer = world.run("contoso", cmdlet, set(property, rockets(limit / 2))).await;
        assert!(answer.status < 300, "{property} {}", answer.text());
    }
}

#[tokio::test]
async fn directory_synced_objects_are_never_written() {
    let mut world = World::quiet();
    world.apply(
        "contoso",
        json!([{"op": "create", "kind": "contact", "set": {"Name": "synced", "DisplayName": "S",
        "ExternalEmailAddress": "s@adatum.example", "IsDirSynced": true}}]),
    );
    for (cmdlet, parameters) in [
        ("Set-MailContact", json!({"Identity": "synced", "CustomAttribute1": "x"})),
        ("Set-Contact", json!({"Identity": "synced", "Title": "x"})),
        ("Remove-MailContact", json!({"Identity": "synced", "Confirm": false})),
    ] {
        let (kind, text) = refused(&mut world, cmdlet, parameters).await;
        assert_eq!(kind, "System.InvalidOperationException");
        assert!(text.contains("is being synchronized from your on-premises organization"));
    }
}

#[tokio::test]
async fn a_removed_contact_is_gone_and_a_new_one_is_another() {
    let mut world = World::quiet();
    let guid = world.contact("contoso", "c", "c@adatum.example").await;
    let legacy = world.row("contoso", "Get-MailContact", &guid).await["LegacyExchangeDN"].clone();
    assert!(world.run("contoso", "Remove-MailContact", json!({"Identity": guid, "Confirm": false})).await.status < 300);
    assert_eq!(world.run("contoso", "Get-MailContact", json!({"Identity": guid})).await.status, 404);
    assert_eq!(world.run("contoso", "Remove-MailContact", json!({"Identity": guid})).await.status, 404);
    let again = world.contact("contoso", "c", "c@adatum.example").await;
    assert_ne!(again, guid);
    assert_ne!(world.row("contoso", "Get-MailContact", &again).await["LegacyExchangeDN"], legacy);
}

#[tokio::test]
async fn guests_can_be_dressed_but_not_as_contacts() {
    let mut world = World::quiet();
    world.apply("contoso", json!([{"op": "create", "kind": "guest", "set": {"Name": "guest", "DisplayName": "G", "ExternalEmailAddress": "g@adatum.example"}}]));
    let row = world.row("contoso", "Get-Recipient", "guest").await;
    assert_eq!((&row["RecipientTypeDetails"], &row["HiddenFromAddressListsEnabled"]), (&json!("GuestMailUser"), &json!(true)));
    assert!(world.run("contoso", "Set-MailUser", json!({"Identity": "guest", "HiddenFromAddressListsEnabled": false})).await.status < 300);
    assert!(world.run("contoso", "Set-User", json!({"Identity": "guest", "Title": "Boss"})).await.status < 300);
    assert_eq!(world.row("contoso", "Get-User", "guest").await["Title"], "Boss");
    assert_eq!(world.run("contoso", "Set-MailContact", json!({"Identity": "guest", "CustomAttribute1": "x"})).await.status, 404);
}
