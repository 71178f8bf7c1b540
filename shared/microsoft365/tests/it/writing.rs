//! Writing mail contacts (MICROSOFT.md 4.3 and 5).

use std::time::Duration;

use engine::ports::{ContactChange, ContactWriter as _, CreatedContact, DirectoryReader as _, NewContact, RecipientQuery, WriteError};
use gal::Field;
use microsoft365::Response;
use serde_json::json;

use crate::script::{ANCHOR, GUID, Script, Step, anchor, broken, form_a, guid, json_reply, reply, rows, with_header};

const NOT_FOUND: &str = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException";

fn contact() -> NewContact {
    NewContact {
        name: "galbridge-1".into(),
        alias: "galbridge-1".into(),
        address: "ann@a.example".into(),
        display_name: "Ann".into(),
        first_name: None,
        last_name: None,
        initials: None,
    }
}

fn titled() -> ContactChange {
    ContactChange { values: vec![(Field::Title, Some("Clerk".into()))], ..ContactChange::default() }
}

fn stamped() -> ContactChange {
    ContactChange { stamp: Some((Field::CustomAttribute15, Some("galbridge1|x".into()))), ..titled() }
}

fn made() -> Response {
    rows(&json!([{"Guid": GUID, "ExternalDirectoryObjectId": ANCHOR, "Name": "galbridge-1"}]))
}

fn missing() -> Response {
    form_a(404, NOT_FOUND, "The operation couldn't be performed because object 'x' couldn't be found on 'DC'.")
}

#[tokio::test(start_paused = true)]
async fn a_contact_is_made_stamped_filled_and_removed() {
    let script = Script::answering([made(), rows(&json!([])), reply(204, ""), reply(200, "")]);
    let tenant = script.tenant();
    assert_eq!(tenant.create(&contact()).await, Ok(CreatedContact { guid: guid(), anchor: Some(anchor()) }));
    tenant.change(guid(), &stamped()).await.unwrap();
    tenant.remove(guid()).await.unwrap();
    tenant.change(guid(), &ContactChange::default()).await.unwrap();
    let sent = script.calls();
    assert_eq!(
        sent.iter().map(super::script::Sent::cmdlet).collect::<Vec<_>>(),
        ["New-MailContact", "Set-MailContact", "Set-Contact", "Remove-MailContact"]
    );
    assert_eq!(sent[2].parameters(), json!({"Identity": GUID, "Title": "Clerk"}));
    assert_eq!(sent[3].parameters(), json!({"Identity": GUID, "Confirm": false}));
}

#[tokio::test(start_paused = true)]
async fn a_creation_is_never_repeated_in_doubt() {
    let doubts = [
        broken(true),
        Step::Answer(reply(500, "")),
        Step::Answer(reply(503, "<html>")),
        Step::Answer(reply(504, "")),
        Step::Answer(reply(408, "")),
        Step::Answer(form_a(500, "Microsoft.Exchange.Data.Directory.ADTransientException", "issue may be transient")),
        Step::Answer(form_a(400, "X", "ExternalDirectoryObjectId was not returned")),
        Step::Answer(reply(200, r#"{"value":[{"Gui"#)),
        Step::Answer(rows(&json!([]))),
        Step::Answer(reply(204, "")),
        Step::After(Duration::from_mins(15), made()),
    ];
    for doubt in doubts {
        let script = Script::new([doubt]);
        let outcome = script.tenant().create(&contact()).await;
        assert!(matches!(outcome, Err(WriteError::Unknown { .. })), "{outcome:?}");
        assert_eq!(script.calls().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_was_not_carried_out_is_sent_again() {
    let crowded = "You have reached the maximum number of concurrent requests per tenant. Please wait and try again";
    let script = Script::new([
        broken(false),
        Step::Answer(with_header(reply(429, ""), "retry-after", "3")),
        Step::Answer(reply(429, crowded)),
        Step::Answer(reply(401, "")),
        Step::Answer(made()),
    ]);
    script.tenant().create(&contact()).await.unwrap();
    script.assert_done();
}

#[tokio::test(start_paused = true)]
async fn a_change_is_repeated_until_it_is_known() {
    let script = Script::new([broken(true), Step::Answer(reply(500, "")), Step::Answer(reply(200, "{cut"))]);
    script.tenant().change(guid(), &titled()).await.unwrap();
    script.assert_done();

    let script = Script::new((0..8).map(|_| broken(true)));
    assert!(matches!(script.tenant().change(guid(), &titled()).await, Err(WriteError::Unknown { .. })));
    let script = Script::answering((0..8).map(|_| reply(429, "")));
    assert!(matches!(script.tenant().change(guid(), &titled()).await, Err(WriteError::Tenant(_))), "throttling is no doubt");
}

#[tokio::test(start_paused = true)]
async fn what_was_just_made_is_waited_for() {
    let script = Script::answering(std::iter::once(made()).chain((0..7).map(|_| missing())).chain([rows(&json!([]))]));
    let tenant = script.tenant();
    tenant.create(&contact()).await.unwrap();
    tenant.change(guid(), &titled()).await.unwrap();
    let seconds: Vec<String> = script.calls().iter().map(|sent| format!("{:.0}", sent.second)).collect();
    assert_eq!(seconds, ["0", "0", "1", "2", "4", "7", "12", "20", "30"]);

    let script = Script::answering(std::iter::once(made()).chain((0..8).map(|_| missing())).chain([missing(), missing()]));
    let tenant = script.tenant();
    tenant.create(&contact()).await.unwrap();
    assert_eq!(tenant.change(guid(), &titled()).await, Err(WriteError::NotFound));
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(tenant.change(guid(), &titled()).await, Err(WriteError::NotFound), "after ten minutes two looks suffice");
    script.assert_done();
}

#[tokio::test(start_paused = true)]
async fn what_was_made_in_doubt_and_found_again_is_waited_for_too() {
    let found = rows(&json!([{"Guid": GUID, "Name": "galbridge-1"}]));
    let script = Script::new([
        broken(true),
        Step::Answer(found),
        Step::Answer(missing()),
        Step::Answer(missing()),
        Step::Answer(missing()),
        Step::Answer(rows(&json!([]))),
    ]);
    let tenant = script.tenant();
    assert!(tenant.create(&contact()).await.is_err());
    tenant.recipients(&RecipientQuery::Name("galbridge-1".into()), None).await.unwrap();
    tenant.change(guid(), &titled()).await.unwrap();
    script.assert_done();
}

#[tokio::test(start_paused = true)]
async fn what_is_long_gone_is_confirmed_once() {
    let script = Script::answering([missing(), missing(), missing(), missing()]);
    let tenant = script.tenant();
    assert_eq!(tenant.change(guid(), &titled()).await, Err(WriteError::NotFound));
    assert_eq!(tenant.remove(guid()).await, Ok(()), "removed is removed");
    script.assert_done();
}

#[tokio::test(start_paused = true)]
async fn a_removal_in_doubt_ends_well_when_it_is_gone() {
    let script = Script::new([broken(true), Step::Answer(missing()), Step::Answer(missing())]);
    assert_eq!(script.tenant().remove(guid()).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_manager_who_is_missing_is_not_the_contact() {
    let boss = ContactChange { values: vec![(Field::Manager, Some("galbridge-9".into()))], ..ContactChange::default() };
    let nobody = || form_a(404, NOT_FOUND, "The operation couldn't be performed because object 'galbridge-9' couldn't be found on 'DC'.");
    let script = Script::answering([nobody(), nobody()]);
    let outcome = script.tenant().change(guid(), &boss).await;
    assert!(matches!(&outcome, Err(WriteError::Refused { message }) if message.contains("manager")), "{outcome:?}");
    script.assert_done();

    let made = rows(&json!([{"Guid": ANCHOR, "Name": "galbridge-9"}]));
    let script = Script::answering([made, nobody(), nobody(), nobody(), rows(&json!([]))]);
    let tenant = script.tenant();
    tenant.create(&NewContact { name: "galbridge-9".into(), ..contact() }).await.unwrap();
    tenant.change(guid(), &boss).await.unwrap();
    script.assert_done();
}

#[tokio::test(start_paused = true)]
async fn a_guest_is_written_by_its_own_cmdlets() {
    let script = Script::answering([rows(&json!([])), rows(&json!([]))]);
    script.tenant().change_guest(guid(), &stamped()).await.unwrap();
    assert_eq!(script.calls().iter().map(super::script::Sent::cmdlet).collect::<Vec<_>>(), ["Set-MailUser", "Set-User"]);
}

#[tokio::test(start_paused = true)]
async fn errors_inside_a_success_are_errors() {
    let hidden = json_reply(200, &json!({"value": [], "@adminapi.errors": [format!("Ex1|{NOT_FOUND}|couldn't be found on 'DC'.")]}));
    let script = Script::answering([hidden.clone(), hidden]);
    assert_eq!(script.tenant().change(guid(), &titled()).await, Err(WriteError::NotFound));
}

#[tokio::test(start_paused = true)]
async fn an_address_is_never_cleared() {
    let script = Script::answering([]);
    let change = ContactChange { values: vec![(Field::ExternalEmailAddress, None)], ..ContactChange::default() };
    assert!(matches!(script.tenant().change(guid(), &change).await, Err(WriteError::Refused { .. })));
}
