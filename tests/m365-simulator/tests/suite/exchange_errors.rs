//! The forms of Exchange's errors, roles and binding. MICROSOFT.md sections 2.1 and 4.3.

use m365_simulator::SimulatorConfig;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn roles_decide_which_cmdlets_run() {
    let mut world = World::quiet();
    let new = json!({"Name": "x", "Alias": "x", "ExternalEmailAddress": "x@adatum.example"});
    world.apply("contoso", json!([{"op": "exchange-role", "role": "read"}]));
    assert_eq!(world.run("contoso", "Get-Recipient", json!({})).await.status, 200);
    // Form D: NUL bytes, the reason in a header.
    let answer = world.run("contoso", "New-MailContact", new.clone()).await;
    assert_eq!(answer.status, 403);
    assert!(answer.bytes.len() == 336 && answer.bytes.iter().all(|byte| *byte == 0));
    assert_eq!(answer.header("x-exceptiontype"), "CmdletAccessDeniedException");
    world.apply("contoso", json!([{"op": "exchange-role", "role": {"cmdlets": ["New-MailContact"]}}]));
    assert_eq!(world.run("contoso", "New-MailContact", new).await.status, 200);
    assert_eq!(world.run("contoso", "Get-Recipient", json!({})).await.status, 403);
    world.apply("contoso", json!([{"op": "exchange-role", "role": "none"}]));
    let answer = world.run("contoso", "Get-Recipient", json!({})).await;
    assert_eq!(answer.status, 403);
    assert!(answer.piped().1.starts_with("[FailureCategory=AuthZ-CmdletAccessDeniedException]"));
    world.apply("contoso", json!([{"op": "exchange-role", "role": "write"}]));
    assert_eq!(world.run("contoso", "Get-Nonsense", json!({})).await.status, 403);
}

#[tokio::test]
async fn parameters_are_bound_strictly() {
    let mut world = World::quiet();
    let guid = world.contact("contoso", "c", "c@adatum.example").await;
    let mut text = async |cmdlet: &str, parameters: Value| {
        let answer = world.run("contoso", cmdlet, parameters).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        answer.json()["error"]["innererror"]["internalexception"]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        text("Set-MailContact", json!({"Identity": guid, "Title": "x"})).await,
        "A parameter cannot be found that matches parameter name 'Title'."
    );
    // On-premises only.
    assert!(text("Set-MailContact", json!({"Identity": guid, "PrimarySmtpAddress": "x@y.example"})).await.contains("PrimarySmtpAddress"));
    for parameters in [
        json!({"Identity": guid, "HiddenFromAddressListsEnabled": "yes"}),
        json!({"Identity": guid, "HiddenFromAddressListsEnabled": null}),
        json!({"Identity": guid, "EmailAddresses": {"Add": ["smtp:x@y.example"]}}),
        json!({"Identity": guid, "EmailAddresses": {"@odata.type": "#Exchange.GenericHashTable", "Append": ["smtp:x@y.example"]}}),
        json!({"Identity": guid, "UseMapiRichTextFormat": "Sometimes"}),
        json!({"Identity": ""}),
    ] {
        text("Set-MailContact", parameters).await;
    }
    assert!(text("Set-Contact", json!({"Identity": guid, "CountryOrRegion": "Atlantis"})).await.contains("CountryInfo"));
    assert!(text("New-MailContact", json!({"Name": "x"})).await.contains("Parameter set cannot be resolved"));
}

#[tokio::test]
async fn an_ambiguous_identity_is_a_500() {
    let mut world = World::quiet();
    for name in ["one", "two"] {
        let parameters = json!({"Name": name, "Alias": "same", "ExternalEmailAddress": format!("{name}@adatum.example")});
        assert_eq!(world.run("contoso", "New-MailContact", parameters).await.status, 200);
    }
    let answer = world.run("contoso", "Get-MailContact", json!({"Identity": "same"})).await;
    assert_eq!(answer.status, 500);
    assert!(answer.piped().1.starts_with("There are multiple recipients matching identity \"same\"."));
}

#[tokio::test]
async fn the_creation_quota_stops_creations_and_nothing_else() {
    let mut world = World::new(SimulatorConfig { creation_quota: Some(3), ..SimulatorConfig::default() });
    let mut guid = String::new();
    for number in 0..3 {
        guid = world.contact("contoso", &format!("c{number}"), &format!("c{number}@adatum.example")).await;
    }
    let new = json!({"Name": "x", "Alias": "x", "ExternalEmailAddress": "x@adatum.example"});
    let answer = world.run("contoso", "New-MailContact", new.clone()).await;
    assert_eq!(answer.status, 400);
    assert!(answer.piped().0.ends_with("RecipientUsageExceededRecentQuotaException"));
    assert!(world.run("contoso", "Set-Contact", json!({"Identity": guid, "Title": "x"})).await.status < 300);
    world.simulator.advance_clock(std::time::Duration::from_hours(1));
    world.sign_out();
    assert_eq!(world.run("contoso", "New-MailContact", new).await.status, 200);
}

#[tokio::test]
async fn every_form_can_be_had_on_demand() {
    let mut world = World::quiet();
    for (form, status) in [("form-a", 500), ("form-b", 400), ("form-c", 400), ("form-d", 403), ("form-e", 429), ("form-f", 500)] {
        let plan =
            json!({"calls": [{"cmdlet": "Get-User", "nth": 1, "do": form, "type": "Microsoft.Exchange.TestException", "message": "Text"}]});
        world.simulator.set_faults_json(plan).unwrap();
        let answer = world.run("contoso", "Get-User", json!({})).await;
        assert_eq!(answer.status, status, "{form}");
        match form {
            "form-a" => assert_eq!(answer.piped(), ("Microsoft.Exchange.TestException".to_owned(), "Text".to_owned())),
            "form-b" => {
                let message = answer.json()["error"]["details"][0]["message"].as_str().unwrap().to_owned();
                let inner: Value = serde_json::from_str(&message).unwrap();
                assert_eq!(inner["TypeName"], "Microsoft.Exchange.TestException");
            }
            "form-c" => assert_eq!(answer.json()["error"]["message"], "Invalid Operation"),
            "form-d" => assert!(answer.bytes.iter().all(|byte| *byte == 0)),
            "form-e" => assert!(answer.text().starts_with("You have reached the maximum number of concurrent requests")),
            _ => {
                let (kind, text) = answer.piped();
                assert_eq!(kind, "Microsoft.Exchange.Configuration.CmdletProxyException");
                assert!(text.contains("Microsoft.Exchange.TestException|Text"));
            }
        }
        assert_eq!(world.run("contoso", "Get-User", json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn only_the_beta_endpoint_takes_commands() {
    let mut world = World::quiet();
    let id = world.tenant("contoso").id;
    let answer = world.post("contoso", &format!("/adminapi/v1.0/{id}/InvokeCommand"), "Get-User", json!({})).await;
    assert_eq!(answer.status, 405);
    let answer = world.run("contoso", "Get-AcceptedDomain", json!({})).await;
    for header in ["request-id", "rate-limit-limit", "rate-limit-remaining", "rate-limit-reset", "x-concurrencycount"] {
        assert!(!answer.header(header).is_empty(), "{header}");
    }
}
