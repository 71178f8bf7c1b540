//! Graph's errors, and what they mean for a reading (MICROSOFT.md 3.1, 6, 7 and 9).

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use crate::error::WireError;
use crate::resource::CallError;
use crate::retry::{Again, Failure};
use crate::wire::{Call, Repeat};

/// What an error answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Everything must be read again (MICROSOFT.md 3.1).
    Expired,
    /// The object asked for does not exist.
    Missing,
    /// 401, even with a new token.
    Unauthorized,
    /// 403: a permission is missing.
    Forbidden,
    /// 429.
    Throttled,
    /// 408, 500, 502, 503, 504.
    Unavailable,
    /// The request is wrong; on a link: the token in it.
    BadRequest,
    /// Nothing that the contract knows.
    Other,
}

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GraphError {
    pub(crate) meaning: Meaning,
    pub(crate) status: u16,
    /// `error.code`, as sent, cut short.
    pub(crate) code: String,
    pub(crate) retry_after: Option<Duration>,
}

/// Codes that say that a delta or skip token has expired, in any case.
const EXPIRED: &[&str] = &["syncStateNotFound", "syncStateInvalid", "resyncRequired", "Directory_ExpiredPageToken"];
/// Codes for an object that is not there.
const MISSING: &[&str] = &["Request_ResourceNotFound", "ResourceNotFound", "itemNotFound", "NotFound"];

#[derive(Deserialize)]
struct Body {
    error: Inner,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    code: String,
}

impl GraphError {
    /// Reads an error answer.
    pub(crate) fn parse(status: StatusCode, body: &[u8], retry_after: Option<Duration>) -> Self {
        let code = serde_json::from_slice::<Body>(body).map(|body| body.error.code).unwrap_or_default();
        let code: String = code.chars().filter(|letter| !letter.is_control()).take(80).collect();
        Self { meaning: meaning(status, &code), status: status.as_u16(), code, retry_after }
    }

    /// Status and code, for messages.
    pub(crate) fn shown(&self) -> String {
        if self.code.is_empty() { format!("status {}", self.status) } else { format!("status {}, {}", self.status, self.code) }
    }
}

/// Status first where Graph's codes vary in case and wording, code where the status has two meanings.
fn meaning(status: StatusCode, code: &str) -> Meaning {
    let is = |codes: &[&str]| codes.iter().any(|known| known.eq_ignore_ascii_case(code));
    match status.as_u16() {
        410 => Meaning::Expired,
        400 | 404 if is(EXPIRED) => Meaning::Expired,
        400 => Meaning::BadRequest,
        401 => Meaning::Unauthorized,
        403 => Meaning::Forbidden,
        404 if is(MISSING) => Meaning::Missing,
        429 => Meaning::Throttled,
        408 | 500 | 502 | 503 | 504 => Meaning::Unavailable,
        _ => Meaning::Other,
    }
}

/// Why a page of Graph was not read.
#[derive(Clone, Debug)]
pub(crate) enum GraphFailure {
    /// No answer.
    Call(CallError),
    /// An error answer.
    Service(GraphError),
    /// A success that cannot be understood.
    Malformed(String),
}

impl GraphFailure {
    /// Whether the request may have been carried out all the same.
    fn is_unsure(&self) -> bool {
        match self {
            Self::Call(CallError::Wire(error)) => matches!(error, WireError::Interrupted { .. } | WireError::TimedOut { .. }),
            Self::Service(error) => error.meaning == Meaning::Unavailable,
            Self::Malformed(_) => true,
            Self::Call(CallError::Tenant(_)) => false,
        }
    }
}

impl Failure for GraphFailure {
    fn again(&self, call: &Call) -> Again {
        let freely = call.repeat == Repeat::Freely;
        match self {
            // It may have been carried out.
            _ if !freely && self.is_unsure() => Again::No,
            Self::Call(CallError::Wire(WireError::NotSent { .. } | WireError::Interrupted { .. } | WireError::TimedOut { .. })) => {
                Again::After(None)
            }
            Self::Call(
                CallError::Tenant(_) | CallError::Wire(WireError::Host { .. } | WireError::Client { .. } | WireError::TooLarge { .. }),
            ) => Again::No,
            Self::Malformed(_) => Again::Once,
            Self::Service(error) => match error.meaning {
                Meaning::Throttled | Meaning::Unavailable => Again::After(error.retry_after),
                Meaning::Expired | Meaning::Missing | Meaning::Unauthorized | Meaning::Forbidden | Meaning::BadRequest | Meaning::Other => {
                    Again::No
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table() {
        let rows = [
            (400, "syncStateNotFound", Meaning::Expired),
            (404, "SYNCSTATENOTFOUND", Meaning::Expired),
            (400, "resyncRequired", Meaning::Expired),
            (400, "Directory_ExpiredPageToken", Meaning::Expired),
            (410, "resyncRequired", Meaning::Expired),
            (410, "", Meaning::Expired),
            (400, "Request_BadRequest", Meaning::BadRequest),
            (401, "InvalidAuthenticationToken", Meaning::Unauthorized),
            (403, "Authorization_RequestDenied", Meaning::Forbidden),
            (404, "Request_ResourceNotFound", Meaning::Missing),
            (404, "", Meaning::Other),
            (429, "TooManyRequests", Meaning::Throttled),
            (429, "activityLimitReached", Meaning::Throttled),
            (503, "serviceNotAvailable", Meaning::Unavailable),
            (504, "", Meaning::Unavailable),
            (501, "NotImplemented", Meaning::Other),
            (302, "", Meaning::Other),
        ];
        for (status, code, expected) in rows {
            let body = serde_json::json!({"error": {"code": code, "message": "m"}}).to_string();
            let error = GraphError::parse(StatusCode::from_u16(status).unwrap(), body.as_bytes(), None);
            assert_eq!(error.meaning, expected, "{status} {code}");
        }
        assert_eq!(GraphError::parse(StatusCode::GONE, b"\0\0", None).meaning, Meaning::Expired);
    }
}
