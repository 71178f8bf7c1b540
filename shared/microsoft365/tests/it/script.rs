//! A service that follows a script, and a tenant that talks to it in paused time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use engine::ports::{Clock, Signer, SigningError};
use http::StatusCode;
use jiff::Timestamp;
use microsoft365::{Budget, Cloud, Hosts, Parts, Request, Response, SeededIds, Settings, Tenant365, Timeouts, Transport, WireError};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const TENANT: &str = "11111111-1111-1111-1111-111111111111";
pub(crate) const APP: &str = "22222222-2222-2222-2222-222222222222";
pub(crate) const GUID: &str = "33333333-3333-3333-3333-333333333333";
pub(crate) const ANCHOR: &str = "44444444-4444-4444-4444-444444444444";

/// Tokio's time, which tests pause, counted from a fixed moment.
pub(crate) struct TokioClock {
    began: tokio::time::Instant,
    start: Timestamp,
}

impl TokioClock {
    pub(crate) fn starting(start: Timestamp) -> Arc<Self> {
        Arc::new(Self { began: tokio::time::Instant::now(), start })
    }
}

#[async_trait]
impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.start.checked_add(self.began.elapsed()).unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Signs nothing anybody verifies.
pub(crate) struct NoSigner;

impl Signer for NoSigner {
    fn thumbprint_sha256(&self) -> String {
        "THUMBPRINT".into()
    }

    fn sign_ps256(&self, _message: &[u8]) -> Result<Vec<u8>, SigningError> {
        Ok(b"SIGNATURE".to_vec())
    }
}

/// What a step of the script does.
pub(crate) enum Step {
    /// Answers.
    Answer(Response),
    /// Breaks the exchange.
    Break(WireError),
    /// Answers after a while.
    After(Duration, Response),
}

pub(crate) fn reply(status: u16, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

pub(crate) fn json_reply(status: u16, body: &Value) -> Response {
    reply(status, body.to_string())
}

pub(crate) fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().append(name, value.parse().unwrap());
    response
}

/// An answer to a cmdlet: rows.
pub(crate) fn rows(rows: &Value) -> Response {
    json_reply(200, &json!({"@adminapi.warnings": [], "value": rows}))
}

/// Form A.
pub(crate) fn form_a(status: u16, kind: &str, text: &str) -> Response {
    json_reply(
        status,
        &json!({"error": {"code": "x", "message": "Error executing cmdlet", "details": [{"code": "Client", "message": format!("Ex1|{kind}|{text}")}]}}),
    )
}

pub(crate) fn broken(sent: bool) -> Step {
    let (host, detail) = ("h".to_owned(), "d".to_owned());
    Step::Break(if sent { WireError::Interrupted { host, detail } } else { WireError::NotSent { host, detail } })
}

/// A request as it was sent, with the second it left.
pub(crate) struct Sent {
    pub(crate) second: f64,
    pub(crate) request: Request,
}

impl Sent {
    pub(crate) fn path(&self) -> &str {
        self.request.uri().path()
    }

    pub(crate) fn url(&self) -> String {
        self.request.uri().to_string()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.request.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(self.request.body()).unwrap()
    }

    pub(crate) fn cmdlet(&self) -> String {
        self.json()["CmdletInput"]["CmdletName"].as_str().unwrap().to_owned()
    }

    pub(crate) fn parameters(&self) -> Value {
        self.json()["CmdletInput"]["Parameters"].clone()
    }

    pub(crate) fn form(&self, name: &str) -> Option<String> {
        let body = String::from_utf8(self.request.body().to_vec()).unwrap();
        let found = body.split('&').find_map(|field| field.strip_prefix(&format!("{name}=")).map(str::to_owned));
        found.map(|text| percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned())
    }
}

/// The service: token requests have their own script, which ends in tokens for ever.
pub(crate) struct Script {
    tokens: Mutex<VecDeque<Step>>,
    steps: Mutex<VecDeque<Step>>,
    sent: Mutex<Vec<Sent>>,
    issued: Mutex<u32>,
    began: tokio::time::Instant,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Arc<Self> {
        Arc::new(Self {
            tokens: Mutex::default(),
            steps: Mutex::new(steps.into_iter().collect()),
            sent: Mutex::default(),
            issued: Mutex::default(),
            began: tokio::time::Instant::now(),
        })
    }

    pub(crate) fn answering(answers: impl IntoIterator<Item = Response>) -> Arc<Self> {
        Self::new(answers.into_iter().map(Step::Answer))
    }

    pub(crate) fn with_tokens(self: Arc<Self>, steps: impl IntoIterator<Item = Step>) -> Arc<Self> {
        self.tokens.lock().unwrap().extend(steps);
        self
    }

    /// Requests to Graph and Exchange.
    pub(crate) fn calls(&self) -> Vec<Sent> {
        let mut sent = std::mem::take(&mut *self.sent.lock().unwrap());
        sent.retain(|sent| !sent.path().ends_with("/token"));
        sent
    }

    pub(crate) fn token_calls(&self) -> Vec<Sent> {
        let mut sent = std::mem::take(&mut *self.sent.lock().unwrap());
        sent.retain(|sent| sent.path().ends_with("/token"));
        sent
    }

    pub(crate) fn assert_done(&self) {
        assert!(self.steps.lock().unwrap().is_empty(), "the script did not come to its end");
        assert!(self.tokens.lock().unwrap().is_empty(), "the script of tokens did not come to its end");
    }

    async fn answer(self: Arc<Self>, request: Request) -> Result<Response, WireError> {
        let is_token = request.uri().path().ends_with("/token");
        self.sent.lock().unwrap().push(Sent { second: self.began.elapsed().as_secs_f64(), request });
        let step = if is_token {
            let step = self.tokens.lock().unwrap().pop_front();
            step.unwrap_or_else(|| Step::Answer(self.token()))
        } else {
            let step = self.steps.lock().unwrap().pop_front();
            step.unwrap_or_else(|| panic!("the script is over"))
        };
        match step {
            Step::Answer(response) => Ok(response),
            Step::Break(error) => Err(error),
            Step::After(wait, response) => {
                tokio::time::sleep(wait).await;
                Ok(response)
            }
        }
    }

    fn token(&self) -> Response {
        let mut issued = self.issued.lock().unwrap();
        *issued += 1;
        json_reply(
            200,
            &json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": format!("token-{issued}")}),
        )
    }

    pub(crate) fn transport(self: &Arc<Self>) -> Transport {
        let script = self.clone();
        Transport::new(tower::service_fn(move |request| script.clone().answer(request)), Timeouts::default())
    }

    pub(crate) fn tenant(self: &Arc<Self>) -> Tenant365 {
        Tenant365::new(settings(), parts(self.transport()))
    }
}

pub(crate) fn settings() -> Settings {
    Settings::new("contoso", TENANT.parse().unwrap(), APP.parse().unwrap(), Hosts::of(Cloud::Global))
}

pub(crate) fn start() -> Timestamp {
    "2026-01-15T08:00:00Z".parse().unwrap()
}

pub(crate) fn parts(transport: Transport) -> Parts {
    Parts {
        transport,
        signer: Arc::new(NoSigner),
        clock: TokioClock::starting(start()),
        ids: Arc::new(SeededIds::from_number(7)),
        budget: Budget::new(3),
        observer: None,
    }
}

pub(crate) fn guid() -> Uuid {
    GUID.parse().unwrap()
}

pub(crate) fn anchor() -> gal::Anchor {
    ANCHOR.parse().unwrap()
}
