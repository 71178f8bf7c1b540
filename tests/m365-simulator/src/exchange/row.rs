//! Writes objects as the JSON rows of a reading, straight into the page. MICROSOFT.md section 4.2.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::columns::Column;
use super::property::{Lens, Value};
use crate::clock::exchange_time;
use crate::directory::entry::Entry;

/// Appends a JSON string.
pub(crate) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

fn write_list(out: &mut String, values: &[Cow<'_, str>]) {
    out.push('[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_string(out, value);
    }
    out.push(']');
}

/// Appends one property with its annotations.
fn write_property(out: &mut String, name: &str, value: &Value<'_>) {
    let annotate = |out: &mut String, term: &str, kind: &str| {
        out.push('"');
        out.push_str(name);
        out.push_str(term);
        out.push_str("\":\"");
        out.push_str(kind);
        out.push_str("\",");
    };
    match value {
        Value::List(_) => annotate(out, "@odata.type", "#Collection(String)"),
        Value::Date(_) | Value::DateUtc(_) => annotate(out, "@data.type", "System.DateTime"),
        Value::Guid(_) => {
            if name == "Guid" {
                annotate(out, "@data.type", "System.Guid");
            }
            annotate(out, "@odata.type", "#Guid");
        }
        Value::Text(_) | Value::Null | Value::Flag(_) | Value::Number(_) => {}
    }
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
    match value {
        Value::Text(text) => write_string(out, text),
        Value::Null => out.push_str("null"),
        Value::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::List(values) => write_list(out, values),
        Value::Guid(guid) => {
            out.push('"');
            out.push_str(guid.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
            out.push('"');
        }
        Value::Date(at) => write_string(out, &exchange_time(*at, false)),
        Value::DateUtc(at) => write_string(out, &exchange_time(*at, true)),
    }
}

/// Appends one object with these columns.
pub(crate) fn write_row(out: &mut String, lens: Lens<'_>, entry: &Entry, columns: &[Column]) {
    out.push('{');
    for (at, (name, property)) in columns.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_property(out, name, &lens.value(entry, *property));
    }
    out.push('}');
}
