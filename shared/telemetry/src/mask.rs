//! The safety net: hides what looks like a secret or a person in a finished line.
//!
//! It works on text, after formatting, so it also catches what other crates log. Over-hiding costs a word in a log;
//! under-hiding costs a tenant. A line of JSON is masked string by string (see `json`), so that it stays JSON.

use std::borrow::Cow;

use regex::Regex;
use tracing::Level;

use crate::personal::may_show;

/// What gives itself away, in one pattern, so that whichever begins first hides all of itself: a PEM private key,
/// with real line breaks or escaped ones, whole or cut off; DER in base64 without its PEM lines (keys, archives, and
/// certificates, which are no loss); a JSON Web Token or a part of one, which begins with `{"` in base64url.
const SELF_EVIDENT: &str = concat!(
    r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY-----",
    r"(?:(?:[A-Za-z0-9+/=_\s:,.-]|\\+[nrt])*?-----END [A-Z0-9 ]{0,32}PRIVATE KEY-----",
    r"|(?:[A-Za-z0-9+/=_\s:,.-]|\\+[nrt])*)",
    r"|MI[A-Za-z0-9+/]{2}[A-Za-z0-9+/_=.-]{60,}",
    r"|eyJ[A-Za-z0-9_+/=-]{6,}(?:\.[A-Za-z0-9_+/=-]*)*",
);

/// `Authorization: Bearer …`, also in a form's encoding.
const BEARER: &str = r#"(?i)(bearer(?:\s|\+|%20)+(?:\\*")?)[A-Za-z0-9._~+/=%-]+"#;

/// The names whose values are secrets, in a form, in JSON, in a header or in a struct.
const NAMES: &str = concat!(
    r"(?:client_?assertion|client_?secret|(?:access|refresh|id|session|security)[_-]?token|password|passphrase",
    r"|private_?key|secret_?(?:access_?)?key|authorization)",
);

/// What may stand between a name and its value, where a log in colours puts its codes.
const SEPARATOR: &str = r"(?:\x1b\[[0-9;]*m)*\s*(?::|=|%3D)(?:\x1b\[[0-9;]*m)*\s*(?:Some\()?";

/// `name="value"`, `name: "value"`, `"name":"value"`.
const QUOTED: &str = r#"")(?:[^"\\]|\\.)*"#;

/// The same inside of a quoted text: `name=\"value\"`, `\"name\":\"value\"`. Quotes of the value itself have more
/// backslashes than the two around it.
const QUOTED_ONCE_MORE: &str = r#"\\")(?:[^"\\]|\\{3,}"|\\+[^"\\])*"#;

/// And inside of that: `Debug` of a text that holds `Debug` of a text.
const QUOTED_TWICE_MORE: &str = r#"\\{2,}")(?:[^"\\]|\\{7,}"|\\+[^"\\])*"#;

/// `name=value`, up to a space, a quote or the form's next field.
const BARE: &str =
    concat!(r"(?:\x1b\[[0-9;]*m)*(?:=|%3D)(?:\x1b\[[0-9;]*m)*)", r#"(?:[^\s&"\\\x1b\[]|\\+[^"\\])(?:[^\s&"\\\x1b]|\\+[^"\\])*"#,);

/// An address, also with `%40`. Colour codes and escaped line breaks before it are kept.
const ADDRESS: &str = concat!(r"((?:\x1b\[[0-9;]*m|\\+[nrt])*)", r"[\p{L}\p{N}.#%'*+^_~-]+(?:@|%40)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+",);

/// A telephone number in international form.
const TELEPHONE: &str = r"\+[0-9](?:[ ().-]{0,2}[0-9]){6,}";

/// The patterns, compiled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mask {
    secrets: [Pattern; 6],
    name: Regex,
    people: [Pattern; 2],
}

#[derive(Clone, Debug)]
struct Pattern {
    what: Regex,
    instead: &'static str,
}

impl Pattern {
    fn new(what: &str, instead: &'static str) -> Result<Self, regex::Error> {
        Ok(Self { what: Regex::new(what)?, instead })
    }

    /// A secret's name, what follows it up to the value (kept), and the value (masked).
    fn named(after_name: &str) -> Result<Self, regex::Error> {
        Self::new(&format!("(?i)({NAMES}{after_name}"), "${1}[masked]")
    }
}

impl Mask {
    /// Compiles the patterns. The error is a defect of this crate, and its tests would have shown it.
    pub fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            secrets: [
                Pattern::new(SELF_EVIDENT, "[masked]")?,
                Pattern::new(BEARER, "${1}[masked]")?,
                Pattern::named(&format!(r#""?{SEPARATOR}{QUOTED}"#))?,
                Pattern::named(&format!(r#"(?:\\+")?{SEPARATOR}{QUOTED_ONCE_MORE}"#))?,
                Pattern::named(&format!(r#"(?:\\+")?{SEPARATOR}{QUOTED_TWICE_MORE}"#))?,
                Pattern::named(BARE)?,
            ],
            name: Regex::new(&format!("(?i){NAMES}$"))?,
            people: [Pattern::new(ADDRESS, "${1}[address]")?, Pattern::new(TELEPHONE, "[telephone]")?],
        })
    }

    /// Hides what looks like a private key, a token, an assertion or a password.
    pub fn secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        replace(Cow::Borrowed(text), &self.secrets)
    }

    /// Hides secrets, and what looks like an address or a telephone number: for lines at info and above.
    pub fn secrets_and_people<'a>(&self, text: &'a str) -> Cow<'a, str> {
        replace(self.secrets(text), &self.people)
    }

    /// What a text of this level may show.
    pub(crate) fn text<'a>(&self, text: &'a str, level: Level) -> Cow<'a, str> {
        if may_show(level) { self.secrets(text) } else { self.secrets_and_people(text) }
    }

    /// Whether a field of this name holds a secret, whatever its value looks like.
    pub(crate) fn is_telling(&self, name: &str) -> bool {
        self.name.is_match(name)
    }
}

fn replace<'a>(text: Cow<'a, str>, patterns: &[Pattern]) -> Cow<'a, str> {
    let mut text = text;
    for pattern in patterns {
        if let Cow::Owned(changed) = pattern.what.replace_all(&text, pattern.instead) {
            text = Cow::Owned(changed);
        }
    }
    text
}
