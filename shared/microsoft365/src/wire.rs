//! One request, one answer: what Entra, Graph and Exchange share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::ports::{Clock, TenantError};
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode, Uri};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use uuid::Uuid;

use crate::entra::Token;
use crate::error::WireError;
use crate::ids::Ids;
use crate::observer::{Exchanged, Observer, PathClass};
use crate::transport::{Request, Transport};

/// How a tenant is named in messages: short name and id.
#[derive(Clone, Debug)]
pub(crate) struct TenantLabel {
    pub(crate) name: String,
    pub(crate) id: Uuid,
}

impl fmt::Display for TenantLabel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "tenant {} ({})", self.name, self.id.hyphenated())
    }
}

/// Whether a request may be sent again when it is not known what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It reads, or writing twice is writing once.
    Freely,
    /// Only if it certainly was not carried out (MICROSOFT.md 4.3: `New-MailContact` is not idempotent).
    IfNotExecuted,
}

/// A request to make, as often as it may be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) path: PathClass,
    pub(crate) repeat: Repeat,
}

/// An answer of any status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header's text; empty if absent or not text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// `Retry-After`, in seconds or as a date.
    pub(crate) fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        match text.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() => Duration::try_from_secs_f64(seconds.min(86_400.0)).ok(),
            Ok(_) => None,
            Err(_) => Some(until(now, http_date(text)?)),
        }
    }

    /// The service's own time.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        http_date(self.header("date"))
    }
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// From `now` until `then`; nothing if that is over.
pub(crate) fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// What every client of a tenant needs.
pub(crate) struct Wire {
    pub(crate) label: TenantLabel,
    pub(crate) transport: Transport,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl Wire {
    /// Sends once. Every request has an id of its own, which the services echo and log.
    pub(crate) async fn send(&self, call: &Call, token: Option<&Token>) -> Result<Answer, WireError> {
        let id = self.ids.uuid();
        let request = request(call, id, token);
        let began = self.clock.now();
        let outcome = self.transport.send(request.clone()).await;
        let duration = until(began, self.clock.now());
        let exchange = Exchanged::new(&self.label.name, call.path, duration, &request, &outcome);
        if let Some(observer) = &self.observer {
            observer.exchanged(&exchange);
        }
        tracing::debug!(
            tenant = %self.label.name,
            path = call.path.as_str(),
            request = %id,
            status = exchange.status.map(|status| status.as_u16()),
            milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            "one request was made"
        );
        let (parts, body) = outcome?.into_parts();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// An error that a person must mend.
    pub(crate) fn configuration(&self, code: &str, what: &str) -> TenantError {
        TenantError::Configuration { code: code.to_owned(), message: format!("{}: {what}", self.label) }
    }

    /// An error that time may mend.
    pub(crate) fn transient(&self, what: &str, retry_after: Option<Duration>) -> TenantError {
        TenantError::Transient { message: format!("{}: {what}", self.label), retry_after }
    }

    /// An answer that the wire contract does not allow.
    pub(crate) fn protocol(&self, what: &str) -> TenantError {
        TenantError::Protocol { message: format!("{}: {what}", self.label) }
    }

    /// A broken exchange, for reading and for tokens.
    pub(crate) fn broken(&self, error: &WireError) -> TenantError {
        match error {
            WireError::Host { .. } | WireError::Client { .. } => self.configuration("host", &error.to_string()),
            WireError::NotSent { .. } | WireError::Interrupted { .. } | WireError::TimedOut { .. } => {
                self.transient(&error.to_string(), None)
            }
            WireError::TooLarge { .. } => self.protocol(&error.to_string()),
        }
    }
}

fn request(call: &Call, id: Uuid, token: Option<&Token>) -> Request {
    let mut request = Request::new(call.body.clone());
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = call.uri.clone();
    *request.headers_mut() = call.headers.clone();
    if let Ok(id) = HeaderValue::try_from(id.hyphenated().to_string()) {
        request.headers_mut().insert(HeaderName::from_static("client-request-id"), id);
    }
    if let Some(token) = token {
        request.headers_mut().insert(AUTHORIZATION, token.header());
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(name: &'static str, value: &str) -> Answer {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())]);
        Answer { status: StatusCode::OK, headers, body: Bytes::new() }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-01-09T02:02:12Z".parse().unwrap();
        for (text, expected) in [
            ("3", Some(3)),
            (" 120 ", Some(120)),
            ("Fri, 09 Jan 2026 02:03:12 GMT", Some(60)),
            ("Fri, 09 Jan 2026 02:01:12 GMT", Some(0)),
            ("-4", None),
            ("soon", None),
            ("NaN", None),
            ("1e300", Some(86_400)),
        ] {
            assert_eq!(answer("retry-after", text).retry_after(now), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn the_date_header_is_read() {
        assert_eq!(answer("date", "Fri, 09 Jan 2026 02:02:12 GMT").date(), Some("2026-01-09T02:02:12Z".parse().unwrap()));
        assert_eq!(answer("date", "yesterday").date(), None);
    }
}
