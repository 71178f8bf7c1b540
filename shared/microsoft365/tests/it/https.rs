//! The real HTTP client, against a socket of this machine.

use std::time::Duration;

use credentials::Credential;
use engine::ports::{DirectoryReader as _, GraphCursor, ReadError, TenantError};
use gal::reading::Collection;
use m365_simulator::{Simulator, SimulatorConfig, TlsFiles};
use microsoft365::{Hosts, Patience, Settings, Tenant365, Timeouts, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::script::{APP, TENANT, parts};

/// Answers each connection's request with the next text; an empty one closes the connection.
async fn serve(listener: TcpListener, answers: Vec<String>) -> Vec<String> {
    let mut requests = Vec::new();
    for answer in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).await.unwrap();
            request.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&request).into_owned();
            let head = text.split("\r\n\r\n").next().unwrap();
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if text.contains("\r\n\r\n") && request.len() >= head.len() + 4 + length {
                requests.push(text);
                break;
            }
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
    requests
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn tenant(port: u16) -> Tenant365 {
    tenant_at(&format!("http://127.0.0.1:{port}"))
}

fn tenant_at(address: &str) -> Tenant365 {
    let hosts = Hosts::single(address).unwrap();
    let patience = Patience { attempts: 1, whole: Duration::from_secs(1) };
    let settings = Settings { patience, ..Settings::new("contoso", TENANT.parse().unwrap(), APP.parse().unwrap(), hosts) };
    Tenant365::new(settings, parts(Transport::https(Timeouts::default()).unwrap()))
}

#[tokio::test]
async fn requests_arrive_and_redirects_are_not_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let token = ok(r#"{"access_token":"t","expires_in":3599}"#);
    let page = ok(&format!(r#"{{"value":[],"@odata.deltaLink":"http://127.0.0.1:{port}/v1.0/users/delta?$deltatoken=1"}}"#));
    let away = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{port}/stolen\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let server = tokio::spawn(serve(listener, vec![token, page, away, String::new()]));
    let tenant = tenant(port);
    tenant.changes(Collection::Users, &GraphCursor::Start).await.unwrap();
    let error = tenant.changes(Collection::Users, &GraphCursor::Start).await.unwrap_err();
    assert!(matches!(error, ReadError::Tenant(TenantError::Protocol { .. })), "{error:?}");
    let error = tenant.changes(Collection::Users, &GraphCursor::Start).await.unwrap_err();
    assert!(matches!(error, ReadError::Tenant(TenantError::Transient { .. })), "{error:?}");
    let requests = server.await.unwrap();
    assert!(requests[0].starts_with(&format!("POST /{TENANT}/oauth2/v2.0/token HTTP/1.1\r\n")), "{}", requests[0]);
    assert!(requests[1].starts_with("GET /v1.0/users/delta?$select=id,userPrincipalName,"), "{}", requests[1]);
    assert!(requests[1].to_ascii_lowercase().contains("authorization: bearer t\r\n") && requests[1].contains("galbridge/"));
}

#[tokio::test]
async fn nobody_there_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = tenant(port).changes(Collection::Users, &GraphCursor::Start).await.unwrap_err();
    let ReadError::Tenant(TenantError::Transient { message, .. }) = error else { panic!("{error:?}") };
    assert!(message.contains("no connection to 127.0.0.1"), "{message}");
}

/// Whoever sits between us and Microsoft has a certificate too, but none that an authority vouches for.
#[tokio::test]
async fn nothing_is_sent_to_whoever_no_authority_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = Credential::generate("login.microsoftonline.com", "2026-01-01T00:00:00Z".parse().unwrap(), 730).unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, theirs.public_certificate_pem().unwrap()).unwrap();
    std::fs::write(&key, theirs.to_pem().unwrap().expose()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let simulator = Simulator::new(SimulatorConfig::default()).unwrap();
    let served = m365_simulator::serve(simulator.clone(), listener, Some(TlsFiles { certificate, key }));
    let server = tokio::spawn(served);
    let error = tenant_at(&address).changes(Collection::Users, &GraphCursor::Start).await.unwrap_err();
    let ReadError::Tenant(TenantError::Transient { message, .. }) = error else { panic!("{error:?}") };
    assert!(message.contains("certificate"), "{message}");
    let asked = |simulator: &Simulator| {
        let stats = simulator.stats();
        stats.unknown_tenant + stats.tenants.values().map(|tenant| tenant.requests).sum::<u64>()
    };
    assert_eq!(asked(&simulator), 0, "not even the assertion");
    // It does serve whoever takes any certificate.
    let careless = reqwest::Client::builder().danger_accept_invalid_certs(true).build().unwrap();
    careless.post(format!("{address}/{TENANT}/oauth2/v2.0/token")).send().await.unwrap();
    assert_eq!(asked(&simulator), 1);
    server.abort();
}
