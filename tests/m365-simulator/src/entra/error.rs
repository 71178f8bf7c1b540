//! Errors of the token endpoint. MICROSOFT.md section 1.4.

use serde_json::json;
use uuid::Uuid;

use crate::clock::entra_time;
use crate::reply::{Asked, Reply};

/// An error of the token endpoint before it has its ids.
#[derive(Debug, Clone)]
pub(crate) struct EntraError {
    pub(crate) code: u32,
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) text: String,
}

impl EntraError {
    pub(crate) fn new(code: u32, status: u16, error: &'static str, text: impl Into<String>) -> EntraError {
        EntraError { code, status, error, text: text.into() }
    }

    /// 90002: no such tenant, or not in this cloud.
    pub(crate) fn tenant_not_found(tenant: &str) -> EntraError {
        EntraError::new(
            90002,
            400,
            "invalid_request",
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into \
                 the correct cloud. Check with your subscription administrator, this may happen if there are no active \
                 subscriptions for the tenant."
            ),
        )
    }

    /// The answer.
    pub(crate) fn reply(&self, asked: &Asked, trace_id: Uuid) -> Reply {
        let correlation = correlation_id(asked).unwrap_or(trace_id);
        let time = entra_time(asked.arrived);
        let body = json!({
            "error": self.error,
            "error_description": format!(
                "AADSTS{}: {} Trace ID: {trace_id} Correlation ID: {correlation} Timestamp: {time}",
                self.code, self.text
            ),
            "error_codes": [self.code],
            "timestamp": time,
            "trace_id": trace_id,
            "correlation_id": correlation,
            "error_uri": format!("{}/error?code={}", asked.base, self.code),
        });
        headers(Reply::json(self.status, &body), asked, trace_id)
    }
}

fn correlation_id(asked: &Asked) -> Option<Uuid> {
    asked.header("client-request-id").parse().ok()
}

/// The headers every answer of the token endpoint has.
pub(crate) fn headers(reply: Reply, asked: &Asked, trace_id: Uuid) -> Reply {
    let reply = reply
        .with("Cache-Control", "no-store, no-cache")
        .with("Pragma", "no-cache")
        .with("x-ms-request-id", trace_id.to_string())
        .with("x-ms-ests-server", "2.1.21955.8 - SIM ProdSlices");
    match asked.header("client-request-id") {
        "" => reply,
        id => reply.with("client-request-id", id),
    }
}
