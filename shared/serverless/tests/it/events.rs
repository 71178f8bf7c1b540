//! What the functions do with events that cannot be served, or need not be: nothing is sent to any tenant.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use credentials::{Credential, CredentialError};
use engine::ports::{Clock, Store as _};
use engine::records::{Lease, LeaseKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use serverless::message::WakeUp;
use serverless::reconcile::{self, Served, Woken};
use serverless::{Client, Credentials, Parts, ServerlessError, Waker, snapshot};
use state::StateStore;

use crate::settings;

const PROFILE: &str = r#"
client = "acme"
[tenants.contoso]
id = "11111111-1111-1111-1111-111111111111"
app_id = "22222222-2222-2222-2222-222222222222"
[tenants.fabrikam]
id = "33333333-3333-3333-3333-333333333333"
app_id = "44444444-4444-4444-4444-444444444444"
[[pairs]]
a = "contoso"
b = "fabrikam"
"#;

fn now() -> Timestamp {
    "2026-11-25T10:20:05Z".parse().unwrap()
}

struct Stopped;

#[async_trait]
impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        now()
    }

    async fn sleep(&self, _duration: Duration) {
        panic!("nothing here waits")
    }
}

struct Secrets(Option<Credential>);

#[async_trait]
impl Credentials for Secrets {
    async fn credential(&self, secret: &str) -> Result<Credential, CredentialError> {
        let missing = || CredentialError::Secret { secret: secret.to_owned(), detail: "it has no certificate yet".to_owned() };
        self.0.clone().ok_or_else(missing)
    }
}

struct Asleep;

#[async_trait]
impl Waker for Asleep {
    async fn wake(&self, _message: &WakeUp) -> Result<(), ServerlessError> {
        panic!("nobody is woken")
    }
}

async fn client(profile: Option<&str>, secrets: Secrets) -> (Client, StateStore) {
    let store = StateStore::memory().unwrap();
    if let Some(profile) = profile {
        store.put_profile(profile, 0).await.unwrap();
    }
    let parts = Parts {
        settings: settings(),
        store: store.clone(),
        credentials: Arc::new(secrets),
        clock: Arc::new(Stopped),
        seed: || [7; 32],
        tell: |_| {},
    };
    (Client::new(parts), store)
}

fn end() -> Timestamp {
    now() + SignedDuration::from_mins(15)
}

async fn reconcile(client: &Client, event: Value) -> Result<Served, ServerlessError> {
    reconcile::serve(client, event, "request", end()).await
}

fn woken(body: &Value) -> Value {
    json!({"Records": [{"messageId": "1", "body": body.to_string()}]})
}

fn wake_up(tick: &str) -> Value {
    woken(&json!({"version": 1, "pair": "contoso-fabrikam", "tick": tick}))
}

#[tokio::test]
async fn what_cannot_be_served_is_named() {
    let status = json!({"version": 1, "pair": "contoso-fabrikam", "action": {"do": "status"}});
    let (bare, _) = client(None, Secrets(None)).await;
    let error = reconcile(&bare, status.clone()).await.unwrap_err().to_string();
    assert!(error.contains("table acme-state holds no profile") && error.contains("profile push"), "{error}");

    let (client, _) = client(Some(PROFILE), Secrets(None)).await;
    assert!(matches!(reconcile(&client, status).await, Ok(Served::Answer(_))), "a status needs no certificate");
    let cases = [
        (json!({"version": 1, "pair": "contoso-fabrikam", "action": {"do": "run"}}), "secret galbridge/acme/contoso"),
        (json!({"version": 1, "pair": "contoso-tailspin", "action": {"do": "status"}}), "it has: contoso-fabrikam"),
        (json!({"version": 1, "pair": "contoso-fabrikam", "action": {"do": "explode"}}), "explode"),
        (woken(&json!({"version": 2, "pair": "contoso-fabrikam"})), "version 2"),
        (woken(&json!("nonsense")), "no version"),
        (json!({"Records": [{"messageId": "1", "body": "}"}]}), "no JSON"),
        (json!({"pair": "contoso-fabrikam"}), "no version"),
        (json!({"version": 1, "pair": "contoso-fabrikam"}), "neither an action nor a page"),
        (json!({"version": 1, "pair": "contoso-fabrikam", "page": {"id": "none", "number": 0}}), "ask again"),
    ];
    for (event, expected) in cases {
        let error = reconcile(&client, event.clone()).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{event}: {error}");
    }
}

#[tokio::test]
async fn a_table_of_another_installation_is_left_alone() {
    let (client, store) = client(Some(PROFILE), Secrets(None)).await;
    store.installation("somebody").await.unwrap();
    let status = json!({"version": 1, "pair": "contoso-fabrikam", "action": {"do": "status"}});
    let error = reconcile(&client, status).await.unwrap_err();
    assert!(matches!(&error, ServerlessError::Installation { stored, profile } if stored == "somebody" && profile == "acme"), "{error}");
    let Served::Woken { wake_ups } = reconcile(&client, wake_up("2026-11-25T10:20:00Z")).await.unwrap() else { panic!("not woken") };
    assert!(matches!(&wake_ups[..], [Woken::Failed { why }] if why.contains("somebody")), "{wake_ups:?}");
}

#[tokio::test]
async fn a_stale_tick_and_a_missed_lease_are_acknowledged() {
    let credential = Credential::generate("test", now() - SignedDuration::from_hours(1), 30).unwrap();
    let (client, store) = client(Some(PROFILE), Secrets(Some(credential))).await;
    let came_to = |served: Served| match served {
        Served::Woken { wake_ups } => wake_ups,
        other => panic!("{other:?}"),
    };
    let stale = reconcile(&client, wake_up("2026-11-25T10:10:00Z")).await.unwrap();
    assert_eq!(came_to(stale), [Woken::Stale]);
    assert_eq!(came_to(reconcile(&client, wake_up("2026-11-25T10:20:00Z")).await.unwrap()), [Woken::NothingDue]);

    let other = Lease { owner: "another".to_owned(), until: now() + SignedDuration::from_mins(5) };
    for kind in [LeaseKind::Writing, LeaseKind::Reading] {
        store.acquire("contoso-fabrikam", kind, &other, now()).await.unwrap();
    }
    assert_eq!(came_to(reconcile(&client, wake_up("2026-11-25T10:20:00Z")).await.unwrap()), [Woken::Missed]);
    let tick = json!({"version": 1, "pair": "contoso-fabrikam", "tick": "2026-11-25T10:20:00Z"});
    assert!(snapshot::serve(&client, &Asleep, tick, "request", end()).await.unwrap().missed);
}

/// Once such a message stayed in the queue for a quarter of an hour, and kept the next tick's back.
#[tokio::test]
async fn a_wake_up_that_fails_makes_room_for_the_next_tick() {
    let (client, _) = client(Some(PROFILE), Secrets(None)).await;
    let Served::Woken { wake_ups } = reconcile(&client, wake_up("2026-11-25T10:20:00Z")).await.unwrap() else { panic!("not woken") };
    assert!(matches!(&wake_ups[..], [Woken::Failed { why }] if why.contains("secret galbridge/acme/contoso")), "{wake_ups:?}");
}

/// A plan of a large first merge is larger than Lambda's 6 MB.
#[tokio::test]
async fn a_large_answer_is_stored_and_paged() {
    let (client, store) = client(Some(PROFILE), Secrets(None)).await;
    store.installation("acme").await.unwrap();
    for number in 0..6_000 {
        let summary = engine::records::RunSummary {
            id: format!("20261125T{number:06}Z-contoso-fabrikam"),
            pair: "contoso-fabrikam".to_owned(),
            kind: engine::records::RunKind::Reconcile,
            began: now() + SignedDuration::from_secs(number),
            ended: now() + SignedDuration::from_secs(number + 1),
            outcome: engine::records::Outcome::Completed,
            counters: gal::Sides::default(),
            left: 0,
            attention: false,
            notes: vec!["Zoë ".repeat(40)],
        };
        store.put_run(&summary).await.unwrap();
    }
    let asked = json!({"version": 1, "pair": "contoso-fabrikam", "action": {"do": "runs", "limit": 10_000}});
    let Served::Paged(reconcile::Paged::Stored { id, pages }) = reconcile(&client, asked).await.unwrap() else { panic!("not stored") };
    assert!(pages > 3, "{pages}");
    let mut text = String::new();
    for number in 0..pages {
        let asked = json!({"version": 1, "pair": "contoso-fabrikam", "page": {"id": id, "number": number}});
        let Served::Paged(reconcile::Paged::Page(page)) = reconcile(&client, asked).await.unwrap() else { panic!("no page") };
        text.push_str(&page);
    }
    let answer: engine::act::Answer = serde_json::from_str(&text).unwrap();
    assert!(matches!(answer, engine::act::Answer::Runs(runs) if runs.len() == 6_000));
}
