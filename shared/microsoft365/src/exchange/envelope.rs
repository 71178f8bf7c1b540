//! Requests and successes of `InvokeCommand` (MICROSOFT.md 4.1 and 4.2).

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::command::Command;
use super::row::Row;
use crate::observer::PathClass;
use crate::wire::{Call, Repeat};

/// The mailbox by which requests find their way to one and the same backend.
const SYSTEM_MAILBOX: &str = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}";

/// A cmdlet with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Invocation {
    pub(super) command: Command,
    pub(super) parameters: Map<String, Value>,
}

impl Invocation {
    /// A cmdlet without parameters yet.
    pub(super) fn new(command: Command) -> Self {
        Self { command, parameters: Map::new() }
    }

    /// With a parameter.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    /// Whether "not found" speaks of the manager that is to be written, not of the object itself.
    pub(super) fn names_somebody_else(&self, text: &str) -> bool {
        let named = |name: &str| self.parameters.get(name).and_then(Value::as_str).is_some_and(|value| text.contains(value));
        named("Manager") && !named("Identity")
    }

    /// The request. It is the same for every page.
    pub(super) fn call(&self, uri: Uri, tenant: Uuid, connection: Uuid) -> Call {
        let body = json!({ "CmdletInput": { "CmdletName": self.command.as_str(), "Parameters": self.parameters } });
        let repeat = match self.command {
            // Two are two (MICROSOFT.md 4.3).
            Command::NewMailContact => Repeat::IfNotExecuted,
            Command::GetRecipient
            | Command::GetUser
            | Command::GetContact
            | Command::GetMailContact
            | Command::GetMailbox
            | Command::GetDistributionGroup
            | Command::GetUnifiedGroup
            | Command::GetDynamicDistributionGroup
            | Command::GetAcceptedDomain
            | Command::SetMailContact
            | Command::SetContact
            | Command::SetMailUser
            | Command::SetUser
            | Command::RemoveMailContact => Repeat::Freely,
        };
        Call {
            method: Method::POST,
            uri,
            headers: headers(self.command, tenant, connection),
            body: Bytes::from(body.to_string()),
            path: PathClass::Cmdlet(self.command.as_str()),
            repeat,
        }
    }
}

fn headers(command: Command, tenant: Uuid, connection: Uuid) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        (ACCEPT, HeaderValue::from_static("application/json")),
        // The service has sent undecodable bodies labelled gzip.
        (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        (HeaderName::from_static("x-cmdletname"), HeaderValue::from_static(command.as_str())),
        (HeaderName::from_static("x-responseformat"), HeaderValue::from_static("json")),
        (HeaderName::from_static("x-serializationlevel"), HeaderValue::from_static("Partial")),
        (HeaderName::from_static("prefer"), HeaderValue::from_static("odata.maxpagesize=1000")),
    ]);
    let made = [
        (HeaderName::from_static("x-anchormailbox"), format!("APP:{SYSTEM_MAILBOX}@{}", tenant.hyphenated())),
        (HeaderName::from_static("connection-id"), connection.hyphenated().to_string()),
    ];
    for (name, value) in made {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    headers
}

/// A success.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) rows: Vec<Row>,
    pub(super) next: Option<String>,
    pub(super) warnings: Vec<String>,
    /// `@adminapi.errors`: a failure in a success.
    pub(super) errors: Vec<String>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    value: Value,
    #[serde(default, rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(default, rename = "@adminapi.warnings")]
    warnings: Value,
    #[serde(default, rename = "@adminapi.errors")]
    errors: Value,
}

impl Reply {
    /// Reads the body of a success. An empty one (204) has no rows.
    pub(super) fn parse(body: &[u8], header_warnings: &str) -> Result<Self, String> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let envelope: Envelope = serde_json::from_slice(body)
            .map_err(|error| format!("an answer of Exchange is not readable at line {}, column {}", error.line(), error.column()))?;
        let rows = match envelope.value {
            Value::Array(rows) => rows.into_iter().filter_map(Row::new).collect(),
            Value::Null => Vec::new(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                return Err("an answer of Exchange has no list of rows".to_owned());
            }
        };
        let mut warnings = texts(envelope.warnings);
        warnings.extend(Some(header_warnings).filter(|text| !text.is_empty()).map(str::to_owned));
        Ok(Self { rows, next: envelope.next, warnings, errors: texts(envelope.errors) })
    }
}

/// A list of texts, or one text.
fn texts(value: Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.into_iter().flat_map(texts).collect(),
        Value::String(text) => vec![text],
        Value::Object(_) => vec![value.to_string()],
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_observed() {
        let invocation = Invocation::new(Command::GetRecipient).with("ResultSize", "Unlimited");
        let tenant = Uuid::parse_str("11111111-1111-1111-1111-111111111111").unwrap();
        let call = invocation.call(Uri::from_static("https://o.example/x"), tenant, Uuid::nil());
        assert_eq!(call.body, r#"{"CmdletInput":{"CmdletName":"Get-Recipient","Parameters":{"ResultSize":"Unlimited"}}}"#);
        let header = |name: &str| call.headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(
            header("x-anchormailbox"),
            "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@11111111-1111-1111-1111-111111111111"
        );
        assert_eq!((header("content-type"), header("accept-encoding")), ("application/json; charset=utf-8", "identity"));
        assert_eq!((header("prefer"), header("x-cmdletname")), ("odata.maxpagesize=1000", "Get-Recipient"));
        assert_eq!(call.repeat, Repeat::Freely);
    }

    #[test]
    fn only_a_creation_is_never_repeated_in_doubt() {
        for command in Command::ALL {
            let call = Invocation::new(command).call(Uri::from_static("https://o.example/x"), Uuid::nil(), Uuid::nil());
            assert_eq!(call.repeat == Repeat::IfNotExecuted, command == Command::NewMailContact);
        }
    }

    #[test]
    fn successes_are_read() {
        let body = br#"{"@adminapi.warnings":["w"],"@odata.nextLink":"n","value":[{"Name":"x"},7]}"#;
        let reply = Reply::parse(body, "h").unwrap();
        assert_eq!((reply.rows.len(), reply.next.as_deref(), reply.warnings), (1, Some("n"), vec!["w".to_owned(), "h".to_owned()]));
        assert!(Reply::parse(b"", "").unwrap().rows.is_empty());
        assert!(Reply::parse(br#"{"value":null}"#, "").unwrap().rows.is_empty());
        assert_eq!(Reply::parse(br#"{"value":[],"@adminapi.errors":[{"a":1}]}"#, "").unwrap().errors, [r#"{"a":1}"#]);
        for bad in [&b"{"[..], b"\0\0\0", b"[]x", br#"{"value":5}"#, b"null"] {
            assert!(Reply::parse(bad, "").is_err(), "{bad:?}");
        }
    }
}
