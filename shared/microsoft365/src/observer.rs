//! Watching the exchanges: counting them, or recording them.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use crate::error::WireError;
use crate::transport::{Request, Response};

/// What kind of request it was. Never the path itself: paths hold ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathClass {
    /// The token endpoint.
    Token,
    /// `/users/delta`.
    UsersDelta,
    /// `/contacts/delta`.
    ContactsDelta,
    /// `/groups/delta`.
    GroupsDelta,
    /// `/groups/{id}/transitiveMembers`.
    Members,
    /// `/applications/{id}/addKey` and `removeKey`.
    Keys,
    /// An Exchange cmdlet, by its name.
    Cmdlet(&'static str),
}

impl PathClass {
    /// A word for it, such as `users-delta` or `Get-Recipient`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::UsersDelta => "users-delta",
            Self::ContactsDelta => "contacts-delta",
            Self::GroupsDelta => "groups-delta",
            Self::Members => "members",
            Self::Keys => "keys",
            Self::Cmdlet(name) => name,
        }
    }
}

/// One exchange that came to an end.
#[derive(Clone, Copy, Debug)]
pub struct Exchanged<'a> {
    /// The tenant's short name.
    pub tenant: &'a str,
    /// The method.
    pub method: &'a Method,
    /// What kind of request it was.
    pub path: PathClass,
    /// The status of the answer; none if there was no whole answer.
    pub status: Option<StatusCode>,
    /// How long it took.
    pub duration: Duration,
    request: &'a Request,
    outcome: &'a Result<Response, WireError>,
}

impl<'a> Exchanged<'a> {
    pub(crate) fn new(
        tenant: &'a str,
        path: PathClass,
        duration: Duration,
        request: &'a Request,
        outcome: &'a Result<Response, WireError>,
    ) -> Self {
        let status = outcome.as_ref().ok().map(Response::status);
        Self { tenant, method: request.method(), path, status, duration, request, outcome }
    }

    /// The exchange as a line of a trace: method, URL, headers, bodies. It holds addresses, but no secret:
    /// bearer tokens and client assertions are left out.
    pub fn trace(&self) -> Value {
        let (headers, body) = match self.outcome {
            Ok(response) => (shown_headers(response.headers()), self.shown_answer(response)),
            Err(error) => (json!({}), json!({ "error": error.to_string() })),
        };
        json!({
            "method": self.method.as_str(),
            "url": self.request.uri().to_string(),
            "request_headers": shown_headers(self.request.headers()),
            "request_body": self.shown_request(),
            "status": self.status.map(|status| status.as_u16()),
            "response_headers": headers,
            "response_body": body,
        })
    }

    fn shown_request(&self) -> Value {
        match self.path {
            PathClass::Token => json!("[the client assertion is not recorded]"),
            PathClass::Keys => json!("[the proof is not recorded]"),
            PathClass::UsersDelta | PathClass::ContactsDelta | PathClass::GroupsDelta | PathClass::Members | PathClass::Cmdlet(_) => {
                shown_body(self.request.body())
            }
        }
    }

    fn shown_answer(&self, response: &Response) -> Value {
        match self.path {
            PathClass::Token if response.status().is_success() => json!("[the token is not recorded]"),
            PathClass::Token
            | PathClass::UsersDelta
            | PathClass::ContactsDelta
            | PathClass::GroupsDelta
            | PathClass::Members
            | PathClass::Keys
            | PathClass::Cmdlet(_) => shown_body(response.body()),
        }
    }
}

fn shown_headers(headers: &HeaderMap) -> Value {
    let shown = headers.iter().map(|(name, value)| {
        let text =
            if name == http::header::AUTHORIZATION { "Bearer [not recorded]".into() } else { String::from_utf8_lossy(value.as_bytes()) };
        (name.as_str().to_owned(), json!(text))
    });
    Value::Object(shown.collect())
}

fn shown_body(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_else(|_| json!(String::from_utf8_lossy(body)))
}

/// Is told of every exchange. It must be quick: the next step waits for it.
pub trait Observer: Send + Sync {
    /// An exchange came to an end, well or badly.
    fn exchanged(&self, exchange: &Exchanged<'_>);
}

impl<F: Fn(&Exchanged<'_>) + Send + Sync> Observer for F {
    fn exchanged(&self, exchange: &Exchanged<'_>) {
        self(exchange);
    }
}
