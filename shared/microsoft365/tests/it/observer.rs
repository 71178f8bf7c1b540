//! Watching exchanges; and that no secret is in what can be watched, logged or printed.

use std::sync::{Arc, Mutex};

use engine::ports::{ContactWriter as _, DirectoryReader as _, GraphCursor, NewContact, RecipientQuery, WriteError};
use gal::reading::Collection;
use microsoft365::{Exchanged, Parts, PathClass, Tenant365};
use serde_json::{Value, json};

use crate::script::{Script, Step, broken, form_a, guid, json_reply, parts, reply, settings};

type Seen = (String, String, Option<u16>);

#[tokio::test(start_paused = true)]
async fn every_exchange_is_told_without_its_secrets() {
    let page = json_reply(200, &json!({"value": [], "@odata.deltaLink": "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=1"}));
    let script = Script::new([broken(true), Step::Answer(page), Step::Answer(reply(204, ""))]);
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let traces: Arc<Mutex<Vec<Value>>> = Arc::default();
    let (into, trace_into) = (seen.clone(), traces.clone());
    let observer = move |exchange: &Exchanged<'_>| {
        assert_eq!(exchange.tenant, "contoso");
        into.lock().unwrap().push((
            exchange.method.to_string(),
            exchange.path.as_str().to_owned(),
            exchange.status.map(|status| status.as_u16()),
        ));
        trace_into.lock().unwrap().push(exchange.trace());
    };
    let parts = Parts { observer: Some(Arc::new(observer)), ..parts(script.transport()) };
    let tenant = Tenant365::new(settings(), parts);
    tenant.changes(Collection::Users, &GraphCursor::Start).await.unwrap();
    tenant.remove(guid()).await.unwrap();
    let post = |path: &str, status| ("POST".to_owned(), path.to_owned(), Some(status));
    let expected = [
        post("token", 200),
        ("GET".to_owned(), PathClass::UsersDelta.as_str().to_owned(), None),
        ("GET".to_owned(), "users-delta".to_owned(), Some(200)),
        post("token", 200),
        post("Remove-MailContact", 204),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
    let text = Value::from(std::mem::take(&mut *traces.lock().unwrap())).to_string();
    assert!(!text.contains("token-1") && !text.contains("token-2") && !text.contains("client_assertion="), "{text}");
    assert!(text.contains("InvokeCommand") && text.contains("x-anchormailbox"));
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a day of errors logs at this level.
async fn logged(level: tracing::Level) -> String {
    let log = Log::default();
    let into = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(move || into.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let proxy =
        "The proxy address \"SMTP:ann@a.example\" is already being used by the proxy addresses or LegacyExchangeDN of \"Bob Secret\".";
    let script = Script::new([
        Step::Answer(reply(401, "")),
        broken(true),
        Step::Answer(json_reply(200, &json!({"value": [{"id": 5, "mail": "ann@a.example"}], "@odata.deltaLink": "https://graph.microsoft.com/v1.0/x?$deltatoken=LINK"}))),
        Step::Answer(form_a(400, "M.ProxyAddressExistsException", proxy)),
        Step::Answer(reply(429, "ann@a.example")),
        Step::Answer(form_a(400, "M.BadFilterException", "ann@a.example is no filter")),
    ])
    .with_tokens([Step::Answer(json_reply(401, &json!({"error": "temporarily_unavailable"})))]);
    let tenant = script.tenant();
    tenant.changes(Collection::Users, &GraphCursor::Start).await.unwrap();
    let contact = NewContact {
        name: "galbridge-1".into(),
        alias: "galbridge-1".into(),
        address: "ann@a.example".into(),
        display_name: "Ann".into(),
        first_name: None,
        last_name: None,
        initials: None,
    };
    assert!(matches!(tenant.create(&contact).await, Err(WriteError::AddressInUse { .. })));
    tenant.recipients(&RecipientQuery::Address("ann@a.example".into()), None).await.unwrap_err();
    script.assert_done();
    drop(guard);
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn logs_hold_no_secret_and_above_debug_no_person() {
    let everything = logged(tracing::Level::TRACE).await;
    assert!(everything.contains("one request was made") && everything.contains("Get-Recipient"), "{everything}");
    for secret in ["token-", "SIGNATURE", "U0lHTkFUVVJF", "deltatoken"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
    let above_debug = logged(tracing::Level::INFO).await;
    assert!(above_debug.contains("Exchange throttles"), "{above_debug}");
    for personal in ["ann@", "Ann", "Bob"] {
        assert!(!above_debug.contains(personal), "{personal} in {above_debug}");
    }
}
