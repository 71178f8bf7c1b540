//! Masks a line of JSON string by string, so that it stays JSON whatever a string holds.

use serde_json::Value;
use tracing::Level;

use crate::Mask;

/// The line with every string masked, and everything else, order and spacing included, as it was. A string under a
/// telling name is masked as a whole. What is no JSON is masked as text.
pub(crate) fn masked(line: &str, mask: &Mask, level: Level) -> String {
    strings(line, mask, level).unwrap_or_else(|| mask.text(line, level).into_owned())
}

fn strings(line: &str, mask: &Mask, level: Level) -> Option<String> {
    if !line.starts_with('{') {
        return None;
    }
    let mut written = String::with_capacity(line.len());
    let mut rest = line;
    let mut telling = false;
    while let Some(start) = rest.find('"') {
        let length = string_length(&rest[start..])?;
        let (before, from_quote) = rest.split_at(start);
        let (quoted, after) = from_quote.split_at(length);
        written.push_str(before);
        let text: String = serde_json::from_str(quoted).ok()?;
        let is_name = after.trim_start().starts_with(':');
        if !is_name && telling {
            written.push_str("\"[masked]\"");
        } else {
            written.push_str(&Value::from(mask.text(&text, level)).to_string());
        }
        telling = is_name && mask.is_telling(&text);
        rest = after;
    }
    written.push_str(rest);
    Some(written)
}

/// The length of the JSON string that a text begins with, both quotes included.
fn string_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map(|position| position + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_info(line: &str) -> String {
        masked(line, &Mask::new().unwrap(), Level::INFO)
    }

    #[test]
    fn only_strings_change() {
        let line = "{ \"a\" : 1.50, \"b\":[true,null,{\"c\":\"\"}],\"d\\\"\":\"x\\\\\" }\n";
        assert_eq!(at_info(line), line);
        assert_eq!(at_info("{\"a\":\"to adele@contoso.example\"}"), "{\"a\":\"to [address]\"}");
    }

    #[test]
    fn a_telling_name_hides_its_string_and_no_other() {
        assert_eq!(
            at_info(r#"{"client_assertion":"a \" b","then":"c","password":5,"d":"e"}"#),
            r#"{"client_assertion":"[masked]","then":"c","password":5,"d":"e"}"#
        );
        assert_eq!(at_info(r#"{"password":["a","b"]}"#), r#"{"password":["[masked]","b"]}"#);
    }

    #[test]
    fn what_is_no_json_is_masked_as_text() {
        assert_eq!(at_info("{\"a\":\"Bearer abc"), "{\"a\":\"Bearer [masked]");
        assert_eq!(at_info("no json, client_secret=abc"), "no json, client_secret=[masked]");
    }
}
