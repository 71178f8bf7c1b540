//! Watching exchanges; and that no secret is in what can be watched, logged or printed.

use std::sync::{Arc, Mutex};

use engine::ports::{ContactWriter as _, DirectoryReader as _, GraphCursor};
use gal::reading::Collection;
use microsoft365::{Exchanged, Parts, PathClass, Tenant365};
use serde_json::{Value, json};

use crate::script::{Script, Step, broken, guid, json_reply, parts, reply, settings};

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
        into.lock().unwrap().push((exchange.method.to_string(), exchange.path.as_str().to_owned(), exchange.status.map(|status| status.as_u16())));
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
