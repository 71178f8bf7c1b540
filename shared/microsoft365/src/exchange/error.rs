//! The six forms in which Exchange says no, brought into one (MICROSOFT.md 4.3).

use std::time::Duration;

use serde_json::Value;

use crate::wire::Answer;

/// How an error was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `hex|type|text`
    Piped,
    /// JSON within the message.
    Json,
    /// A binding error: type and text in `innererror.internalexception`.
    Binding,
    /// A body of NUL bytes, or none; the reason is in a header.
    Blank,
    /// Plain text.
    Plain,
    /// Form A within a proxy's complaint.
    Proxied,
    /// JSON of no known form.
    Unknown,
}

/// An error answer of Exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExchangeError {
    pub(crate) form: Form,
    pub(crate) status: u16,
    /// The .NET type, with its namespace; empty if there was none. May hold several, the outermost first.
    pub(crate) kind: String,
    /// What it says. It may hold names and addresses.
    pub(crate) text: String,
    pub(crate) retry_after: Option<Duration>,
}

/// The longest text that is kept.
const LONGEST: usize = 1000;

impl ExchangeError {
    /// Reads an error answer of any form. Never fails: what is in no form is plain text.
    pub(crate) fn parse(answer: &Answer, retry_after: Option<Duration>) -> Self {
        let (form, kind, text) = parse_body(&answer.body, answer.header("x-exceptiontype"));
        Self { form, status: answer.status.as_u16(), kind: limited(&kind), text: limited(&text), retry_after }
    }

    /// An error that came inside a success (`@adminapi.errors`).
    pub(crate) fn within_success(status: u16, text: &str) -> Self {
        let (form, kind, text) = message(text, None).unwrap_or_else(|| (Form::Plain, String::new(), text.to_owned()));
        Self { form, status, kind: limited(&kind), text: limited(&text), retry_after: None }
    }

    /// The type without its namespace, for logs: it holds nothing personal.
    pub(crate) fn short_kind(&self) -> &str {
        self.kind.rsplit('.').next().unwrap_or_default()
    }

    /// What it says, with its type.
    pub(crate) fn shown(&self) -> String {
        match (self.text.is_empty(), self.short_kind()) {
            (true, "") => format!("Exchange answered with status {}", self.status),
            (true, kind) => format!("Exchange answered with status {}, {kind}", self.status),
            (false, "") => self.text.clone(),
            (false, kind) => format!("{} ({kind})", self.text),
        }
    }
}

fn limited(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect::<String>().trim().to_owned()
}

/// Form, type and text of a body.
fn parse_body(body: &[u8], exception_type: &str) -> (Form, String, String) {
    if body.iter().all(|byte| *byte == 0) {
        return (Form::Blank, exception_type.to_owned(), String::new());
    }
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        return parse_json(&json).unwrap_or_else(|| (Form::Unknown, exception_type.to_owned(), String::new()));
    }
    let text = String::from_utf8_lossy(body.get(..body.len().min(8 * LONGEST)).unwrap_or_default());
    (Form::Plain, exception_type.to_owned(), text.into_owned())
}

/// `details.message`, else `innererror.internalexception`, else `error.message`, in this order.
fn parse_json(json: &Value) -> Option<(Form, String, String)> {
    let error = json.get("error")?;
    let internal = error.pointer("/innererror/internalexception");
    let internal_type = internal.and_then(|internal| internal.get("type")).and_then(Value::as_str);
    let detail = error.pointer("/details/0/message").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    if let Some(found) = detail.and_then(|detail| message(detail, internal_type)) {
        return Some(found);
    }
    let text = |value: Option<&Value>| {
        value.and_then(|value| value.get("message")).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let kind = internal_type.or_else(|| error.pointer("/innererror/type").and_then(Value::as_str)).unwrap_or_default().to_owned();
    let binding = kind.contains("CommandInvocation") || kind.contains("ParameterBinding");
    let text = detail.map(str::to_owned).or_else(|| text(internal)).or_else(|| text(Some(error))).unwrap_or_default();
    Some((if binding { Form::Binding } else { Form::Unknown }, kind, text))
}

/// Forms A, B and F of `details[0].message`.
fn message(detail: &str, internal_type: Option<&str>) -> Option<(Form, String, String)> {
    let trimmed = detail.trim();
    if trimmed.starts_with('{')
        && let Ok(json) = serde_json::from_str::<Value>(trimmed)
    {
        return Some(inner_json(&json, internal_type));
    }
    let mut parts = trimmed.splitn(3, '|');
    let (_hex, kind, text) = (parts.next()?, parts.next()?.trim(), parts.next()?.trim());
    if kind.contains("CmdletProxyException") {
        return Some(proxied(text).unwrap_or_else(|| (Form::Proxied, kind.to_owned(), text.to_owned())));
    }
    Some((Form::Piped, kind.to_owned(), text.to_owned()))
}

/// Form B: `{"Message", "TypeName"}` or `{"ClassName", "Message", "localizedString": {"stringId"}}`.
fn inner_json(json: &Value, internal_type: Option<&str>) -> (Form, String, String) {
    let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kind = text("TypeName").or_else(|| text("ClassName")).or(internal_type).unwrap_or_default();
    // DualWrite.LocStrings.… names the trouble where the class is a general one.
    let kind = match json.pointer("/localizedString/stringId").and_then(Value::as_str) {
        Some(id) if !id.is_empty() => format!("{kind} {id}"),
        Some(_) | None => kind.to_owned(),
    };
    (Form::Json, kind, text("Message").unwrap_or_default().to_owned())
}

/// Form F: the inner type and text are somewhere in the text of the proxy, as form A's JSON or as its message.
fn proxied(text: &str) -> Option<(Form, String, String)> {
    let inner = text.find('{').and_then(|start| {
        let mut values = serde_json::Deserializer::from_str(text.get(start..)?).into_iter::<Value>();
        let (_, kind, text) = parse_json(&values.next()?.ok()?)?;
        Some((Form::Proxied, kind, text))
    });
    inner.or_else(|| {
        let start = text.find("Microsoft.Exchange")?;
        let (kind, rest) = text.get(start..)?.split_once('|')?;
        let end = rest.find("\"}").or_else(|| rest.find("[Server=")).unwrap_or(rest.len());
        let plain = !kind.contains(char::is_whitespace);
        plain.then(|| (Form::Proxied, kind.to_owned(), rest.get(..end).unwrap_or(rest).trim().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
    use proptest::prelude::*;
    use serde_json::json;

    fn answer(status: u16, body: &[u8]) -> Answer {
        Answer { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::copy_from_slice(body) }
    }

    fn parsed(status: u16, body: &Value) -> ExchangeError {
        ExchangeError::parse(&answer(status, body.to_string().as_bytes()), None)
    }

    const NOT_FOUND: &str = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException";

    fn form_a(message: &str) -> Value {
        json!({"error": {"code": "NotFound", "message": "Error executing cmdlet", "details": [{"code": "Client", "target": "", "message": message}],
            "innererror": {"message": "Error executing cmdlet", "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
                "internalexception": {"message": "Exception of type '…' was thrown.", "type": "Microsoft.Exchange.Management.PSDirectInvoke.DirectInvokeCmdletExecutionException"}}}})
    }

    fn is(error: &ExchangeError, form: Form, kind: &str, text: &str) {
        assert_eq!((error.form, error.kind.as_str(), error.text.as_str()), (form, kind, text));
    }

    #[test]
    fn form_a_is_split_at_the_first_two_pipes() {
        is(
            &parsed(404, &form_a(&format!("Ex6F9304|{NOT_FOUND}|object 'x|y' couldn't be found on 'DC'."))),
            Form::Piped,
            NOT_FOUND,
            "object 'x|y' couldn't be found on 'DC'.",
        );
        is(&parsed(404, &form_a(&format!("|{NOT_FOUND}|t"))), Form::Piped, NOT_FOUND, "t");
    }

    #[test]
    fn form_b_is_json_in_the_message() {
        let inner = json!({"Message": "The object 'CN=x' already exists.", "TypeName": "Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException", "StackTrace": null});
        is(
            &parsed(400, &form_a(&inner.to_string())),
            Form::Json,
            "Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException",
            "The object 'CN=x' already exists.",
        );
        let inner = json!({"ClassName": "A.B", "Message": "m", "localizedString": {"stringId": "DualWrite.LocStrings.UnableToWriteToAadException"}});
        is(&parsed(400, &form_a(&inner.to_string())), Form::Json, "A.B DualWrite.LocStrings.UnableToWriteToAadException", "m");
    }

    #[test]
    fn form_c_is_in_the_internal_exception() {
        let kind = "Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException";
        let body = json!({"error": {"code": "BadRequest", "message": "Invalid Operation", "innererror": {"internalexception": {"message": "Parameter set cannot be resolved", "type": kind}}}});
        is(&parsed(400, &body), Form::Binding, kind, "Parameter set cannot be resolved");
    }

    #[test]
    fn form_d_says_why_in_a_header() {
        for size in [0, 336, 985, 4096] {
            let mut answer = answer(403, &vec![0; size]);
            answer.headers.insert(HeaderName::from_static("x-exceptiontype"), HeaderValue::from_static("CmdletAccessDeniedException"));
            is(&ExchangeError::parse(&answer, None), Form::Blank, "CmdletAccessDeniedException", "");
        }
    }

    #[test]
    fn form_e_is_text() {
        let text = "You have reached the maximum number of concurrent requests per tenant. Please wait and try again";
        is(&ExchangeError::parse(&answer(429, text.as_bytes()), None), Form::Plain, "", text);
    }

    #[test]
    fn form_f_holds_form_a() {
        let inner = form_a(&format!("Ex6F9304|{NOT_FOUND}|couldn't be found on 'DC'."));
        let whole = format!(
            "|Microsoft.Exchange.Configuration.CmdletProxyException|Error on proxy command 'X' to server Y: NotFound: Error executing cmdlet : {inner} [Server=Y,RequestId=1] ."
        );
        is(&parsed(404, &form_a(&whole)), Form::Proxied, NOT_FOUND, "couldn't be found on 'DC'.");
        let cut = format!(
            "|Microsoft.Exchange.Configuration.CmdletProxyException|Error: {{\"error\": broken \"Ex1|{NOT_FOUND}|couldn't be found\"}}"
        );
        is(&parsed(404, &form_a(&cut)), Form::Proxied, NOT_FOUND, "couldn't be found");
        let bare = "|Microsoft.Exchange.Configuration.CmdletProxyException|Error";
        is(&parsed(500, &form_a(bare)), Form::Proxied, "Microsoft.Exchange.Configuration.CmdletProxyException", "Error");
    }

    #[test]
    fn the_order_of_extraction() {
        let body = json!({"error": {"message": "outer", "innererror": {"internalexception": {"message": "inner", "type": "T"}}}});
        is(&parsed(500, &body), Form::Unknown, "T", "inner");
        is(&parsed(500, &json!({"error": {"message": "outer", "type": "x"}})), Form::Unknown, "", "outer");
        is(&parsed(500, &json!({"error": {"details": [{"message": "no pipes"}]}})), Form::Unknown, "", "no pipes");
        is(&parsed(500, &json!([])), Form::Unknown, "", "");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), message in ".{0,120}", status in 100_u16..600) {
            let _ = ExchangeError::parse(&answer(status, &bytes), None);
            let error = parsed(status, &form_a(&message));
            prop_assert!(error.text.chars().count() <= LONGEST);
            let _ = parsed(status, &form_a(&format!("|CmdletProxyException|{message}")));
            let _ = ExchangeError::within_success(200, &message);
        }
    }
}
