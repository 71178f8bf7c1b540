//! Graph: deltas and members (MICROSOFT.md 3.1, 7, 9).

use engine::ports::{DirectoryReader as _, GraphCursor, NextPage, ReadError, TenantError};
use gal::reading::Collection;
use microsoft365::{Response, Tenant365};
use serde_json::{Value, json};

use crate::script::{ANCHOR, GUID, Script, Step, anchor, broken, guid, json_reply, reply, with_header};

const LINK: &str = "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=OPAQUE%2B_x'~";

fn page(value: &Value) -> Response {
    json_reply(200, &json!({"value": value, "@odata.deltaLink": LINK}))
}

fn graph_error(status: u16, code: &str) -> Response {
    json_reply(status, &json!({"error": {"code": code, "message": "m"}}))
}

async fn read(tenant: &Tenant365, cursor: &GraphCursor) -> Result<NextPage, ReadError> {
    tenant.changes(Collection::Users, cursor).await.map(|page| page.next)
}

#[tokio::test(start_paused = true)]
async fn first_requests_select_and_links_are_replayed_verbatim() {
    let script = Script::answering((0..5).map(|_| page(&json!([]))));
    let tenant = script.tenant();
    for collection in Collection::ALL {
        tenant.changes(collection, &GraphCursor::Start).await.unwrap();
    }
    read(&tenant, &GraphCursor::Enumerating(LINK.into())).await.unwrap();
    read(&tenant, &GraphCursor::Delta(LINK.into())).await.unwrap();
    let sent = script.calls();
    assert_eq!(
        sent[0].url(),
        "https://graph.microsoft.com/v1.0/users/delta?$select=id,userPrincipalName,creationType,displayName,givenName,surname,mail,proxyAddresses,\
         userType,accountEnabled,companyName,department,jobTitle,officeLocation,businessPhones,mobilePhone,faxNumber,streetAddress,city,state,\
         postalCode,country,onPremisesSyncEnabled,onPremisesExtensionAttributes"
    );
    assert!(sent[1].url().starts_with("https://graph.microsoft.com/v1.0/contacts/delta?$select=id,"));
    assert!(sent[2].url().starts_with("https://graph.microsoft.com/v1.0/groups/delta?$select=id,") && sent[2].url().ends_with(",members"));
    assert_eq!((sent[3].url().as_str(), sent[4].url().as_str()), (LINK, LINK));
    assert_eq!(sent.iter().map(|sent| sent.header("prefer")).collect::<Vec<_>>(), ["", "", "", "", "return=minimal"]);
    let ids: std::collections::BTreeSet<&str> = sent.iter().map(|sent| sent.header("client-request-id")).collect();
    assert_eq!(ids.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn every_form_of_expiry_starts_over() {
    let gone = with_header(graph_error(410, "resyncRequired"), "location", "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=");
    let answers = [
        graph_error(400, "syncStateNotFound"),
        graph_error(404, "SyncStateNotFound"),
        graph_error(400, "RESYNCREQUIRED"),
        graph_error(400, "Directory_ExpiredPageToken"),
        graph_error(400, "Request_BadRequest"),
        gone,
        reply(410, ""),
    ];
    for answer in answers {
        let script = Script::answering([answer]);
        assert_eq!(read(&script.tenant(), &GraphCursor::Delta(LINK.into())).await, Err(ReadError::CursorExpired));
    }
    let script = Script::answering([graph_error(400, "Request_BadRequest")]);
    let error = read(&script.tenant(), &GraphCursor::Start).await.unwrap_err();
    assert!(matches!(error, ReadError::Tenant(TenantError::Protocol { .. })), "a first request that is wrong is our mistake: {error:?}");
}

#[tokio::test(start_paused = true)]
async fn no_link_leads_elsewhere() {
    for link in
        ["https://evil.example/v1.0/users/delta?x", "http://graph.microsoft.com/v1.0", "https://graph.microsoft.com@evil.example/", "x"]
    {
        let script = Script::answering([json_reply(200, &json!({"value": [], "@odata.nextLink": link}))]);
        let tenant = script.tenant();
        for cursor in [GraphCursor::Delta(link.into()), GraphCursor::Start] {
            let error = read(&tenant, &cursor).await.unwrap_err();
            assert!(matches!(error, ReadError::Tenant(TenantError::Protocol { .. })), "{link}: {error:?}");
        }
        assert_eq!(script.calls().len(), 1, "nothing was sent to {link}");
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_are_not_followed() {
    let script = Script::answering([with_header(reply(302, ""), "location", "https://evil.example/")]);
    let error = read(&script.tenant(), &GraphCursor::Start).await.unwrap_err();
    assert!(matches!(error, ReadError::Tenant(TenantError::Protocol { .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_for_with_and_without_retry_after() {
    let script = Script::answering([
        with_header(graph_error(429, "activityLimitReached"), "retry-after", "12"),
        graph_error(429, "TooManyRequests"),
        reply(503, ""),
        reply(504, "<html>"),
        page(&json!([])),
    ]);
    read(&script.tenant(), &GraphCursor::Start).await.unwrap();
    let seconds: Vec<f64> = script.calls().iter().map(|sent| sent.second).collect();
    let waits: Vec<f64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((12.0..12.6).contains(&waits[0]), "{waits:?}");
    assert!((1.5..2.5).contains(&waits[1]) && (3.0..5.0).contains(&waits[2]) && (6.0..10.0).contains(&waits[3]), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_pause_is_the_callers_to_plan() {
    let script = Script::answering([with_header(graph_error(429, ""), "retry-after", "600")]);
    let tenant = script.tenant();
    for _ in 0..2 {
        let error = read(&tenant, &GraphCursor::Start).await.unwrap_err();
        let ReadError::Tenant(TenantError::Transient { retry_after: Some(wait), .. }) = error else { panic!("{error:?}") };
        assert_eq!(wait.as_secs(), 600);
    }
    assert_eq!(script.calls().len(), 1, "nobody else asks meanwhile");
}

#[tokio::test(start_paused = true)]
async fn broken_exchanges_and_half_pages_are_tried_again() {
    let script =
        Script::new([broken(true), broken(false), Step::Answer(reply(200, r#"{"value": ["#)), Step::Answer(page(&json!([{"id": GUID}])))]);
    read(&script.tenant(), &GraphCursor::Start).await.unwrap();
    script.assert_done();
    let script = Script::answering([reply(200, "{"), reply(200, "{")]);
    let error = read(&script.tenant(), &GraphCursor::Start).await.unwrap_err();
    assert!(matches!(error, ReadError::Tenant(TenantError::Protocol { .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_named() {
    for (collection, permission) in
        [(Collection::Users, "User.Read.All"), (Collection::Contacts, "OrgContact.Read.All"), (Collection::Groups, "GroupMember.Read.All")]
    {
        let script = Script::answering([graph_error(403, "Authorization_RequestDenied")]);
        let error = script.tenant().changes(collection, &GraphCursor::Start).await.unwrap_err();
        let ReadError::Tenant(TenantError::Configuration { code, message }) = error else { panic!("{error:?}") };
        assert!(code == "graph-permission" && message.contains(permission), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_nearly_empty_bucket_slows_down_and_units_are_counted() {
    let nearly = with_header(with_header(page(&json!([])), "x-ms-throttle-limit-percentage", "1.0"), "x-ms-resource-unit", "2");
    let script = Script::answering([nearly, with_header(page(&json!([])), "x-ms-resource-unit", "3"), page(&json!([]))]);
    let tenant = script.tenant();
    for _ in 0..3 {
        read(&tenant, &GraphCursor::Start).await.unwrap();
    }
    let sent = script.calls();
    assert!((1.9..2.2).contains(&(sent[1].second - sent[0].second)), "{} {}", sent[0].second, sent[1].second);
    assert_eq!(tenant.graph_units(), 5);
}

#[tokio::test(start_paused = true)]
async fn members_are_read_to_the_end_and_sorted() {
    let next = format!("https://graph.microsoft.com/v1.0/groups/{GUID}/transitiveMembers?$select=id&$top=999&$skiptoken=X");
    let first =
        json_reply(200, &json!({"value": [{"@odata.type": "#microsoft.graph.user", "id": ANCHOR}, {"id": GUID}], "@odata.nextLink": next}));
    let last = || json_reply(200, &json!({"value": [{"id": GUID}]}));
    let script = Script::answering([first.clone(), graph_error(400, "Directory_ExpiredPageToken"), first, last()]);
    let members = script.tenant().transitive_members(gal::Anchor(guid())).await.unwrap();
    assert_eq!(members, [gal::Anchor(guid()), anchor()]);
    let sent = script.calls();
    assert_eq!(sent[0].url(), format!("https://graph.microsoft.com/v1.0/groups/{GUID}/transitiveMembers?$select=id&$top=999"));
    assert_eq!(sent[3].url(), next);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_gone_is_never_an_empty_one() {
    let group = gal::Anchor(guid());
    let script = Script::answering([graph_error(404, "Request_ResourceNotFound")]);
    assert_eq!(script.tenant().transitive_members(group).await, Err(ReadError::GroupGone(group)));
    for unclear in [reply(404, ""), json_reply(200, &json!({"value": [{"id": null}]}))] {
        let script = Script::answering([unclear]);
        let error = script.tenant().transitive_members(group).await.unwrap_err();
        assert!(matches!(error, ReadError::Tenant(TenantError::Protocol { .. })), "{error:?}");
    }
}
