//! Reading Exchange (MICROSOFT.md 3.3, 4.1, 4.2).

use engine::ports::{Detail, DirectoryReader as _, DomainType, ReadError, RecipientQuery, TenantError};
use serde_json::{Value, json};

use crate::script::{ANCHOR, GUID, Script, TENANT, anchor, form_a, guid, json_reply, reply, rows, with_header};

const NOT_FOUND: &str = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException";
const NEXT: &str = "https://outlook.office365.com/adminapi/beta/11111111-1111-1111-1111-111111111111/InvokeCommand?$skiptoken=OPAQUE%20x";

fn row() -> Value {
    json!({"Guid": GUID, "Guid@odata.type": "#Guid", "Name": "ann", "RecipientTypeDetails": "MailContact", "ExternalDirectoryObjectId": ANCHOR,
        "DisplayName": "Ann", "Title": "", "EmailAddresses": ["SMTP:ann@a.example"], "WhenChangedUTC": "2024-04-10T08:56:22.0000000Z", "WhenCreatedUTC": "2024-04-10T08:56:22.0000000Z"})
}

#[tokio::test(start_paused = true)]
async fn the_request_is_as_observed() {
    let script = Script::answering([rows(&json!([row()]))]);
    let query = RecipientQuery::ChangedSince("2017-08-01T14:00:00.5Z".parse().unwrap());
    let page = script.tenant().recipients(&query, None).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (1, None));
    assert_eq!((page.rows[0].anchor, page.rows[0].half.guid), (Some(anchor()), guid()));
    let sent = &script.calls()[0];
    assert_eq!(sent.path(), format!("/adminapi/beta/{TENANT}/InvokeCommand"));
    assert!(sent.request.uri().query().unwrap().starts_with("$select=Guid,Name,ExternalDirectoryObjectId,"));
    assert_eq!(
        sent.json(),
        json!({"CmdletInput": {"CmdletName": "Get-Recipient", "Parameters": {"ResultSize": "Unlimited", "Filter": "WhenChangedUTC -gt '8/1/2017 2:00:00 PM'"}}})
    );
    assert_eq!(sent.header("x-anchormailbox"), format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT}"));
    assert_eq!(sent.header("authorization"), "Bearer token-1");
}

#[tokio::test(start_paused = true)]
async fn pages_repeat_body_and_headers() {
    let first = json_reply(200, &json!({"value": [row()], "@odata.nextLink": NEXT}));
    let script = Script::answering([
        first,
        rows(&json!([row()])),
        form_a(400, "X.BadRequest", "the skip token has expired"),
        reply(503, ""),
        rows(&json!([])),
    ]);
    let tenant = script.tenant();
    let query = RecipientQuery::CreatedIn { from: None, to: None };
    let page = tenant.recipients(&query, None).await.unwrap();
    assert_eq!(page.next.as_deref(), Some(NEXT));
    tenant.recipients(&query, page.next.as_deref()).await.unwrap();
    assert_eq!(tenant.recipients(&query, Some(NEXT)).await, Err(ReadError::PageExpired));
    tenant.recipients(&query, Some(NEXT)).await.unwrap();
    let sent = script.calls();
    assert_eq!(sent[1].url(), NEXT);
    assert_eq!(sent[0].request.body(), sent[1].request.body());
    let without_id = |index: usize| {
        let mut headers = sent[index].request.headers().clone();
        headers.remove("client-request-id");
        headers
    };
    assert_eq!(without_id(0), without_id(1));
}

#[tokio::test(start_paused = true)]
async fn no_link_leads_elsewhere() {
    let elsewhere = "https://outlook.office365.us/adminapi/beta/x/InvokeCommand?$skiptoken=1";
    let script = Script::answering([json_reply(200, &json!({"value": [], "@odata.nextLink": elsewhere}))]);
    let tenant = script.tenant();
    for next in [Some(elsewhere), None] {
        let error = tenant.recipients(&RecipientQuery::Name("x".into()), next).await.unwrap_err();
        assert!(matches!(error, ReadError::Tenant(TenantError::Protocol { .. })), "{error:?}");
    }
    assert_eq!(script.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_found_is_an_empty_page() {
    let script = Script::answering([
        form_a(404, NOT_FOUND, "couldn't be found on 'DC'."),
        rows(&json!([])),
        rows(&json!([{"Name": "without a Guid"}])),
    ]);
    let tenant = script.tenant();
    for query in [RecipientQuery::Guid(guid()), RecipientQuery::Address("a@b.example".into()), RecipientQuery::Name("x".into())] {
        assert!(tenant.recipients(&query, None).await.unwrap().rows.is_empty());
    }
    let sent = script.calls();
    assert_eq!(sent[0].parameters()["Identity"], GUID);
    assert_eq!(sent[1].parameters()["Filter"], "EmailAddresses -eq 'a@b.example'");
}

#[tokio::test(start_paused = true)]
async fn details_of_every_kind() {
    for (detail, cmdlet, property) in [
        (Detail::User, "Get-User", "MobilePhone"),
        (Detail::Contact, "Get-Contact", "StreetAddress"),
        (Detail::MailContact, "Get-MailContact", "MailTip"),
        (Detail::Mailbox, "Get-Mailbox", "RequireSenderAuthenticationEnabled"),
        (Detail::DistributionGroup, "Get-DistributionGroup", "RequireSenderAuthenticationEnabled"),
        (Detail::UnifiedGroup, "Get-UnifiedGroup", "RequireSenderAuthenticationEnabled"),
        (Detail::DynamicGroup, "Get-DynamicDistributionGroup", "LegacyExchangeDN"),
    ] {
        let script =
            Script::answering([rows(&json!([{"Guid": GUID, "LegacyExchangeDN": "/o=x", "RequireSenderAuthenticationEnabled": true}]))]);
        let page = script.tenant().details(detail, &RecipientQuery::Guid(guid()), None).await.unwrap();
        assert_eq!((page.rows[0].guid, page.rows[0].legacy_exchange_dn.as_deref()), (guid(), Some("/o=x")));
        let sent = &script.calls()[0];
        assert_eq!(sent.cmdlet(), cmdlet);
        assert!(sent.request.uri().query().unwrap().contains(property), "{cmdlet}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_contacts_details_are_found_by_its_entra_id() {
    let script = Script::answering([rows(&json!([row()])), rows(&json!([{"Guid": GUID}])), rows(&json!([]))]);
    let tenant = script.tenant();
    let query = RecipientQuery::Anchor(anchor());
    assert_eq!(tenant.details(Detail::Contact, &query, None).await.unwrap().rows.len(), 1);
    assert!(tenant.details(Detail::Contact, &query, None).await.unwrap().rows.is_empty());
    let sent = script.calls();
    assert_eq!((sent[0].cmdlet().as_str(), sent[1].cmdlet().as_str()), ("Get-Recipient", "Get-Contact"));
    assert_eq!(sent[1].parameters()["Identity"], GUID);
}

#[tokio::test(start_paused = true)]
async fn domains_and_dynamic_groups() {
    let script = Script::answering([
        json_reply(200, &json!({"value": [{"DomainName": "A.Example", "DomainType": "Authoritative"}], "@odata.nextLink": NEXT})),
        rows(&json!([{"DomainName": "b.example", "DomainType": "InternalRelay"}])),
        rows(&json!([{"Name": "all", "DisplayName": "All", "RecipientFilter": "((Alias -ne $null))"}])),
        rows(&json!([])),
    ]);
    let tenant = script.tenant();
    let domains = tenant.accepted_domains().await.unwrap();
    assert_eq!(
        domains.iter().map(|domain| (domain.domain.as_str(), domain.domain_type)).collect::<Vec<_>>(),
        [("a.example", DomainType::Authoritative), ("b.example", DomainType::Relay)]
    );
    assert_eq!(tenant.dynamic_groups().await.unwrap()[0].filter, "((Alias -ne $null))");
    assert!(tenant.accepted_domains().await.is_err(), "a tenant without domains was not read");
    assert!(script.calls().iter().all(|sent| sent.parameters().get("Identity").is_none()));
}

#[tokio::test(start_paused = true)]
async fn warnings_and_a_low_rate_slow_down() {
    let warned =
        json_reply(200, &json!({"value": [], "@adminapi.warnings": ["Micro delay applied. Actual delayed: 1500 msecs, Enforced: True"]}));
    let low = with_header(
        with_header(with_header(rows(&json!([])), "rate-limit-limit", "30000"), "rate-limit-remaining", "5"),
        "rate-limit-reset",
        "2026-01-15T08:00:21.500Z",
    );
    let script = Script::answering([warned, low, rows(&json!([])), rows(&json!([]))]);
    let tenant = script.tenant();
    for _ in 0..3 {
        tenant.recipients(&RecipientQuery::Guid(guid()), None).await.unwrap();
    }
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    tenant.recipients(&RecipientQuery::Guid(guid()), None).await.unwrap();
    let seconds: Vec<f64> = script.calls().iter().map(|sent| sent.second).collect();
    assert!((1.5..1.6).contains(&seconds[1]), "{seconds:?}");
    assert!((5.4..5.6).contains(&seconds[2]), "20 s for 5 requests is 4 s each: {seconds:?}");
    assert!((35.4..35.6).contains(&seconds[3]), "after the reset it is over: {seconds:?}");
}
