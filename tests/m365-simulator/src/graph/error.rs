//! Errors of Graph. MICROSOFT.md sections 3.1, 6 and 7.

use serde_json::json;
use uuid::Uuid;

use crate::clock::graph_error_time;
use crate::reply::{Asked, Reply};

/// A refusal of Graph.
#[derive(Debug, Clone)]
pub(crate) struct GraphError {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl GraphError {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> GraphError {
        GraphError { status, code, message: message.into(), headers: Vec::new() }
    }

    pub(crate) fn not_found(id: &str) -> GraphError {
        GraphError::new(
            404,
            "Request_ResourceNotFound",
            format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present."),
        )
    }

    pub(crate) fn denied() -> GraphError {
        GraphError::new(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> GraphError {
        GraphError::new(400, "Request_BadRequest", message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> GraphError {
        GraphError::new(400, "Request_UnsupportedQuery", message)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> GraphError {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer.
    pub(crate) fn reply(&self, asked: &Asked, request_id: Uuid) -> Reply {
        let client = match asked.header("client-request-id") {
            "" => request_id.to_string(),
            id => id.to_owned(),
        };
        let body = json!({"error": {
            "code": self.code,
            "message": self.message,
            "innerError": {
                "date": graph_error_time(asked.arrived),
                "request-id": request_id,
                "client-request-id": client,
            },
        }});
        let mut reply = Reply::text(self.status, "application/json", body.to_string());
        reply.headers.extend(self.headers.iter().cloned());
        reply
    }
}

/// The headers every answer of Graph carries.
pub(crate) fn with_headers(reply: Reply, asked: &Asked, request_id: Uuid) -> Reply {
    let client = match asked.header("client-request-id") {
        "" => request_id.to_string(),
        id => id.to_owned(),
    };
    reply
        .with("Cache-Control", "no-cache")
        .with("request-id", request_id.to_string())
        .with("client-request-id", client)
        .with(
            "x-ms-ags-diagnostic",
            "{\"ServerInfo\":{\"DataCenter\":\"Simulated\",\"Slice\":\"E\",\"Ring\":\"1\",\"ScaleUnit\":\"000\",\"RoleInstance\":\"SIM01\"}}",
        )
        .with("OData-Version", "4.0")
}
