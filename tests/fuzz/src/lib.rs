//! What the targets share: services that answer whatever the fuzzer says, and time that stands still.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "what a target cannot set up is a mistake of the target")]

#[cfg(feature = "aws")]
pub mod items;
#[cfg(feature = "aws")]
pub mod messages;

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use engine::ports::{Clock, Signer, SigningError};
use jiff::Timestamp;
use microsoft365::{Budget, Cloud, Hosts, Parts, Response, SeededIds, Settings, Tenant365, Timeouts, Transport, WireError};

/// Between two answers of a service: a byte that no UTF-8 text has.
const NEXT: u8 = 0xff;

/// The status codes that a service gives; an answer's first byte chooses.
const STATUSES: [u16; 16] = [200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 410, 412, 429, 500, 503, 504];

/// What a service that has said everything answers.
const NOTHING_MORE: u16 = 503;

/// Which service answers the fuzzer's bytes. Another one is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The token endpoint.
    Entra,
    /// Graph and Exchange.
    Resources,
}

/// A tenant whose service answers these bytes: for each answer its status, what its headers say, and its body.
pub fn tenant(service: Service, data: &[u8]) -> Tenant365 {
    let answers: VecDeque<Response> = data.split(|byte| *byte == NEXT).take(32).map(answer).collect();
    let answers = Arc::new(Mutex::new(answers));
    let call = tower::service_fn(move |request: http::Request<Bytes>| {
        let answers = answers.clone();
        async move {
            let is_token = request.uri().path().ends_with("/token");
            if is_token != (service == Service::Entra) {
                let body = if is_token { r#"{"token_type":"Bearer","expires_in":3599,"access_token":"t"}"# } else { r#"{"value":[]}"# };
                return Ok(respond(200, Bytes::from_static(body.as_bytes())));
            }
            let next = answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            Ok::<_, WireError>(next.unwrap_or_else(|| respond(NOTHING_MORE, Bytes::new())))
        }
    });
    let id = uuid::Uuid::from_u128(0x1111);
    let settings = Settings::new("contoso", id, uuid::Uuid::from_u128(0x2222), Hosts::of(Cloud::Global));
    let parts = Parts {
        transport: Transport::new(call, Timeouts::default()),
        signer: Arc::new(AnySigner),
        clock: Arc::new(StillClock(tokio::time::Instant::now())),
        ids: Arc::new(SeededIds::from_number(7)),
        budget: Budget::new(3),
        observer: None,
    };
    Tenant365::new(settings, parts)
}

fn answer(data: &[u8]) -> Response {
    let (status, rest) = data.split_first().map_or((0, data), |(first, rest)| (*first, rest));
    let mut response = respond(STATUSES[usize::from(status % 16)], Bytes::copy_from_slice(rest));
    if status >= 128 {
        let wait = http::HeaderValue::from_bytes(rest.get(..rest.len().min(12)).unwrap_or_default());
        if let Ok(wait) = wait {
            response.headers_mut().insert("retry-after", wait);
        }
    }
    response
}

fn respond(status: u16, body: Bytes) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status code");
    response
}

/// Runs a work whose waits take no time.
pub fn wait_for<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}

struct AnySigner;

impl Signer for AnySigner {
    fn thumbprint_sha256(&self) -> String {
        "THUMBPRINT".to_owned()
    }

    fn sign_ps256(&self, _message: &[u8]) -> Result<Vec<u8>, SigningError> {
        Ok(vec![0; 256])
    }
}

struct StillClock(tokio::time::Instant);

#[async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        let start = Timestamp::from_second(1_768_464_000).expect("a moment");
        start.checked_add(self.0.elapsed()).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
