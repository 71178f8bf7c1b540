//! What a token says of itself, for `check` alone: to everything else it is opaque (MICROSOFT.md 1.3).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The claims that diagnostics use.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Claims {
    /// The tenant.
    pub(crate) tid: Option<String>,
    /// The consented application permissions. Absent where none was ever consented.
    #[serde(default)]
    pub(crate) roles: Vec<String>,
}

/// The claims of a token; none if it cannot be read.
pub(super) fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The claims challenge of a 401, as the JSON that the next token request repeats
/// (`WWW-Authenticate: Bearer … claims="base64"`).
pub(crate) fn challenge(www_authenticate: &str) -> Option<String> {
    let (_, rest) = www_authenticate.split_once("claims=\"")?;
    let (encoded, _) = rest.split_once('"')?;
    let encoded = encoded.trim_end_matches('=');
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok().or_else(|| STANDARD.decode(pad(encoded)).ok())?;
    let text = String::from_utf8(bytes).ok()?;
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok().then_some(text)
}

fn pad(encoded: &str) -> String {
    let missing = (4 - encoded.len() % 4) % 4;
    format!("{encoded}{}", "=".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_tenant_are_read() {
        let token = |payload: &str| format!("e30.{}.x", URL_SAFE_NO_PAD.encode(payload));
        assert_eq!(
            claims(&token(r#"{"tid":"t","roles":["a","b"]}"#)),
            Some(Claims { tid: Some("t".into()), roles: vec!["a".into(), "b".into()] })
        );
        assert_eq!(claims(&token("{}")), Some(Claims::default()));
        for opaque in ["", "opaque", "a.b.c", "e30.!!.x"] {
            assert_eq!(claims(opaque), None);
        }
    }

    #[test]
    fn a_claims_challenge_is_read() {
        let json = r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#;
        for encoded in [STANDARD.encode(json), URL_SAFE_NO_PAD.encode(json)] {
            let header = format!(r#"Bearer realm="", error="insufficient_claims", claims="{encoded}""#);
            assert_eq!(challenge(&header).as_deref(), Some(json));
        }
        for other in ["", "Bearer", "Bearer claims=\"", "Bearer claims=\"!\"", "Bearer claims=\"WzFd\""] {
            assert_eq!(challenge(other), None, "{other}");
        }
    }
}
