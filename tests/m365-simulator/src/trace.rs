//! Writes every exchange as a JSON line, for the contract checkers.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::reply::{Asked, Reply};

/// A trace file being written.
pub(crate) struct Trace(Mutex<BufWriter<File>>);

impl Trace {
    pub(crate) fn create(path: &Path) -> std::io::Result<Trace> {
        Ok(Trace(Mutex::new(BufWriter::new(File::create(path)?))))
    }

    /// Appends one exchange. A trace that cannot be written is no reason to answer differently.
    pub(crate) fn write(&self, asked: &Asked, reply: &Reply) {
        let mut headers = Map::new();
        for (name, value) in &reply.headers {
            headers.insert((*name).to_owned(), json!(value));
        }
        let response_type = reply.header("content-type").unwrap_or_default();
        let (status, body) =
            if reply.dropped { (Value::Null, Value::Null) } else { (json!(reply.status), body(&reply.body, response_type)) };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double")]
        let time = asked.arrived.as_millisecond() as f64 / 1000.0;
        let line = json!({
            "method": asked.method.as_str(),
            "url": asked.url(),
            "request_headers": request_headers(&asked.headers),
            "request_body": body_of(asked),
            "status": status,
            "response_headers": headers,
            "response_body": body,
            "time": time,
        });
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(file, "{line}");
        let _ = file.flush();
    }
}

fn request_headers(headers: &HeaderMap) -> Value {
    let mut all = Map::new();
    for (name, value) in headers {
        all.insert(name.as_str().to_owned(), json!(String::from_utf8_lossy(value.as_bytes())));
    }
    Value::Object(all)
}

fn body_of(asked: &Asked) -> Value {
    body(&asked.body, asked.header("content-type"))
}

/// JSON as JSON, text as text, the rest as base64, nothing as null.
fn body(bytes: &[u8], content_type: &str) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    if content_type.contains("json")
        && let Ok(value) = serde_json::from_slice(bytes)
    {
        return value;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => json!(text),
        _ => json!({"$base64": STANDARD.encode(bytes)}),
    }
}
