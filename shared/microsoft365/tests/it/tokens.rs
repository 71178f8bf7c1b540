//! Tokens (MICROSOFT.md 1).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use engine::ports::{DirectoryReader as _, GraphCursor, ReadError, TenantError};
use gal::reading::Collection;
use microsoft365::{Cloud, Hosts, Tenant365};
use serde_json::{Value, json};

use crate::script::{APP, Script, Step, TENANT, json_reply, parts, reply, rows, settings, start, with_header};

fn refusal(status: u16, code: u32, text: &str) -> Step {
    let body = json!({"error": "invalid_client", "error_description": format!("AADSTS{code}: {text}"), "error_codes": [code], "trace_id": "trace"});
    Step::Answer(with_header(json_reply(status, &body), "date", "Thu, 15 Jan 2026 09:00:00 GMT"))
}

fn delta() -> Step {
    Step::Answer(json_reply(200, &json!({"value": [], "@odata.deltaLink": "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=1"})))
}

async fn read(tenant: &Tenant365) -> Result<(), ReadError> {
    tenant.changes(Collection::Users, &GraphCursor::Start).await.map(|_| ())
}

fn code(error: &ReadError) -> &str {
    match error {
        ReadError::Tenant(TenantError::Configuration { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_request_is_as_documented() {
    let script = Script::new([delta()]);
    read(&script.tenant()).await.unwrap();
    let sent = &script.token_calls()[0];
    assert_eq!(sent.url(), format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"));
    assert_eq!(sent.header("content-type"), "application/x-www-form-urlencoded");
    assert!(sent.header("authorization").is_empty() && !sent.header("client-request-id").is_empty());
    assert_eq!(sent.form("client_id").as_deref(), Some(APP));
    assert_eq!(sent.form("scope").as_deref(), Some("https://graph.microsoft.com/.default"));
    assert_eq!(sent.form("grant_type").as_deref(), Some("client_credentials"));
    assert_eq!(sent.form("client_assertion_type").as_deref(), Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    let claims = claims(&sent.form("client_assertion").unwrap());
    assert_eq!((claims["aud"].as_str().unwrap(), claims["iss"].as_str().unwrap()), (sent.url().as_str(), APP));
    assert_eq!(claims["nbf"], start().as_second());
}

fn claims(assertion: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_until_five_minutes_before_it_expires_and_fetched_once() {
    let script = Script::new((0..8).map(|_| delta()));
    let tenant = script.tenant();
    let (one, other, third) = tokio::join!(read(&tenant), read(&tenant), read(&tenant));
    assert!(one.is_ok() && other.is_ok() && third.is_ok());
    tokio::time::sleep(Duration::from_secs(3290)).await;
    read(&tenant).await.unwrap();
    assert_eq!(script.token_calls().len(), 1);
    tokio::time::sleep(Duration::from_secs(20)).await;
    read(&tenant).await.unwrap();
    assert_eq!(script.token_calls().len(), 1, "expired: one more");
}

#[tokio::test(start_paused = true)]
async fn each_resource_has_its_own_token() {
    let script = Script::new([delta(), Step::Answer(rows(&json!([{"DomainName": "a.example", "DomainType": "Authoritative"}])))]);
    let tenant = script.tenant();
    read(&tenant).await.unwrap();
    tenant.accepted_domains().await.unwrap();
    let scopes: Vec<Option<String>> = script.token_calls().iter().map(|sent| sent.form("scope")).collect();
    assert_eq!(scopes, [Some("https://graph.microsoft.com/.default".into()), Some("https://outlook.office365.com/.default".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_set_right_by_the_services_date() {
    let late = |code| refusal(401, code, "Client assertion is not within its valid time range.");
    let script = Script::new([delta()]).with_tokens([late(700_024)]);
    read(&script.tenant()).await.unwrap();
    let sent = script.token_calls();
    assert_eq!(sent.len(), 2);
    let issued = claims(&sent[1].form("client_assertion").unwrap())["iat"].as_i64().unwrap();
    assert_eq!(issued - start().as_second(), 3600);

    let script = Script::new([]).with_tokens([late(700_024), late(700_024)]);
    assert_eq!(code(&read(&script.tenant()).await.unwrap_err()), "clock");
    script.assert_done();
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_is_given_time_and_an_old_one_is_not() {
    let unknown = || refusal(401, 700_027, "The certificate … [Reason - The key was not found., …");
    for (age, tries) in [(None, 1), (Some(7200), 1), (Some(60), 4)] {
        let script = Script::new([]).with_tokens((0..tries).map(|_| unknown()));
        let mut settings = settings();
        settings.certificate_since = age.map(|age| start() - Duration::from_secs(age));
        let tenant = Tenant365::new(settings, parts(script.transport()));
        assert_eq!(code(&read(&tenant).await.unwrap_err()), "certificate-not-registered");
        let seconds: Vec<String> = script.token_calls().iter().map(|sent| format!("{:.0}", sent.second)).collect();
        assert_eq!(seconds, (0..tries).map(|number| (number * 10).to_string()).collect::<Vec<_>>());
    }
    let script = Script::new([delta()]).with_tokens([unknown(), unknown()]);
    let mut settings = settings();
    settings.certificate_since = Some(start());
    read(&Tenant365::new(settings, parts(script.transport()))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_expired_certificate_is_never_waited_for() {
    let script = Script::new([]).with_tokens([refusal(401, 700_027, "[Reason - The key used is expired., … Found key")]);
    let mut settings = settings();
    settings.certificate_since = Some(start());
    assert_eq!(code(&read(&Tenant365::new(settings, parts(script.transport()))).await.unwrap_err()), "certificate-expired");
}

#[tokio::test(start_paused = true)]
async fn an_error_names_the_tenant_and_the_cloud() {
    let script = Script::new([]).with_tokens([refusal(400, 90_002, "Tenant not found.")]);
    let mut settings = settings();
    settings.hosts = Hosts::of(Cloud::GccHigh);
    let error = read(&Tenant365::new(settings, parts(script.transport()))).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("tenant contoso ({TENANT}): ")) && error.contains("`gcc-high`"), "{error}");
    assert_eq!(script.token_calls()[0].request.uri().host(), Some("login.microsoftonline.us"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_asked_for_by_everybody() {
    let script = Script::new([delta()]).with_tokens([refusal(400, 700_016, "Application not found")]);
    let tenant = script.tenant();
    let (one, other) = tokio::join!(read(&tenant), read(&tenant));
    assert_eq!((code(&one.unwrap_err()), code(&other.unwrap_err())), ("app-not-in-tenant", "app-not-in-tenant"));
    assert_eq!(script.token_calls().len(), 1);
    tokio::time::sleep(Duration::from_secs(11)).await;
    read(&tenant).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_busy_endpoint_is_waited_for() {
    let busy = with_header(reply(429, ""), "retry-after", "7");
    let unavailable =
        json_reply(400, &json!({"error": "temporarily_unavailable", "error_description": "AADSTS90033: …", "error_codes": [90_033]}));
    let script = Script::new([delta()]).with_tokens([
        Step::Answer(busy),
        Step::Answer(unavailable),
        Step::Answer(reply(503, "<html>")),
        Step::Answer(reply(200, "junk")),
    ]);
    read(&script.tenant()).await.unwrap();
    let sent = script.token_calls();
    assert_eq!(sent.len(), 5);
    assert!((7.0..7.6).contains(&sent[1].second), "{}", sent[1].second);

    let script = Script::new([]).with_tokens((0..8).map(|_| Step::Answer(reply(500, ""))));
    let error = read(&script.tenant()).await.unwrap_err();
    assert!(matches!(error, ReadError::Tenant(TenantError::Transient { .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_a_protocol_error() {
    for nonsense in [
        "",
        "{}",
        "[]",
        r#"{"access_token":"","expires_in":3599}"#,
        r#"{"access_token":"a\nb","expires_in":3599}"#,
        r#"{"access_token":"a","expires_in":"soon"}"#,
    ] {
        let script = Script::new([]).with_tokens((0..2).map(|_| Step::Answer(reply(200, nonsense))));
        let error = read(&script.tenant()).await.unwrap_err();
        assert!(matches!(error, ReadError::Tenant(TenantError::Protocol { .. })), "{nonsense}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_401_gets_one_new_token_for_its_challenge() {
    let challenge = r#"{"access_token":{"nbf":{"essential":true,"value":"1760000000"}}}"#;
    let header = format!(r#"Bearer realm="", error="insufficient_claims", claims="{}""#, STANDARD.encode(challenge));
    let script = Script::new([Step::Answer(with_header(reply(401, ""), "www-authenticate", &header)), delta()]);
    read(&script.tenant()).await.unwrap();
    assert_eq!(script.token_calls()[1].form("claims").as_deref(), Some(challenge));

    let script = Script::new([
        Step::Answer(reply(401, "")),
        Step::Answer(json_reply(401, &json!({"error": {"code": "InvalidAuthenticationToken"}}))),
    ]);
    let tenant = script.tenant();
    assert_eq!(code(&read(&tenant).await.unwrap_err()), "graph-unauthorized");
    let sent = script.calls();
    assert_eq!(sent.iter().map(|sent| sent.header("authorization")).collect::<Vec<_>>(), ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test(start_paused = true)]
async fn roles_are_read_from_both_tokens() {
    let token = |payload: Value| {
        let text = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(payload.to_string()));
        Step::Answer(json_reply(200, &json!({"access_token": text, "expires_in": 3599})))
    };
    let script = Script::new([]).with_tokens([
        token(json!({"tid": TENANT, "roles": ["User.Read.All"]})),
        token(json!({"tid": TENANT, "roles": ["Exchange.ManageAsApp"]})),
    ]);
    assert_eq!(script.tenant().roles().await.unwrap(), ["Exchange.ManageAsApp", "User.Read.All"]);
    let script = Script::new([]).with_tokens([token(json!({"tid": APP, "roles": []}))]);
    assert!(matches!(script.tenant().roles().await.unwrap_err(), TenantError::Protocol { .. }));
}
