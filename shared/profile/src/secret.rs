//! Secrets in a profile are refused, and never repeated in what is said about it.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::ProfileError;

/// A secret, and where it stands.
pub(crate) struct Secret {
    pub(crate) range: Range<usize>,
    pub(crate) error: ProfileError,
}

/// Words that a key of a secret has in it.
const KEY_WORDS: [&str; 8] = ["secret", "password", "passphrase", "passwd", "private_key", "privatekey", "token", "api_key"];

/// What secrets look like, wherever they stand: with the words for each.
static SHAPES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let shapes = [
        (r"-----BEGIN [^\n]*(?:\n[^\n]*)*?(?:-----END [^\n]*|\z)", "a PEM block"),
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", "a token"),
        (r"\b[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{25,45}", "a client secret"),
        (r"\bMII[A-Za-z0-9+/\r\n]{120,}={0,2}", "a key or certificate"),
    ];
    // The patterns are constant and tried by the tests; one that did not compile would be left out.
    shapes.into_iter().filter_map(|(shape, what)| Some((Regex::new(shape).ok()?, what))).collect()
});

/// A line that gives a key of a secret a value, in text that may be no TOML.
static KEY_LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = KEY_WORDS.join("|");
    Regex::new(&format!(r#"(?i)[\w."'-]*(?:{words})[\w."'-]*\s*=[^\n]*"#)).ok()
});

const INSTEAD: &str = "Keys live in the secret store, or in the file that `certificate` names";

/// What looks like a secret by itself, comments included.
pub(crate) fn by_shape(text: &str) -> Vec<Secret> {
    let found = SHAPES.iter().flat_map(|(shape, what)| {
        shape.find_iter(text).map(|found| Secret { range: found.range(), error: ProfileError::Secret { what, instead: INSTEAD } })
    });
    found.collect()
}

/// The lines that may hold a secret because of their key, for text that is no TOML.
pub(crate) fn suspicious_lines(text: &str) -> Vec<Range<usize>> {
    KEY_LINE.iter().flat_map(|line| line.find_iter(text)).map(|found| found.range()).collect()
}

/// The values whose key says that they are secrets.
pub(crate) fn by_key(table: &DeTable<'_>, found: &mut Vec<Secret>) {
    for (key, value) in table {
        let name = key.get_ref().to_lowercase().replace('-', "_");
        if KEY_WORDS.iter().any(|word| name.contains(word)) {
            let range = key.span().start.min(value.span().start)..value.span().end.max(key.span().end);
            found.push(Secret { range, error: ProfileError::Secret { what: "a secret (so its key says)", instead: INSTEAD } });
        } else {
            by_key_inside(value, found);
        }
    }
}

fn by_key_inside(value: &Spanned<DeValue<'_>>, found: &mut Vec<Secret>) {
    match value.get_ref() {
        DeValue::Table(table) => by_key(table, found),
        DeValue::Array(values) => values.iter().for_each(|value| by_key_inside(value, found)),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_compiles_and_is_found() {
        assert_eq!(SHAPES.len(), 4);
        assert!(KEY_LINE.is_some());
        for text in [
            "# -----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
            "x = '''-----BEGIN CERTIFICATE-----",
            "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
            "\"abc8Q~abcdefghijklmnopqrstuvwxyz012345\"",
            &format!("MII{}", "Ab+/".repeat(40)),
        ] {
            assert_eq!(by_shape(text).len(), 1, "{text}");
        }
        for text in ["11111111-1111-1111-1111-111111111111", "display_name = \"{{ display_name }}\"", "MII short", "key.json"] {
            assert!(by_shape(text).is_empty(), "{text}");
        }
    }
}
