//! Planted secrets: none is ever written, at any level, in any look, by any way into a line.

use std::fmt::Debug;
use std::sync::LazyLock;

use proptest::prelude::*;
use telemetry::{Format, Mask};
use tracing::{debug, error, info, info_span, trace, warn};

use crate::{Log, every_look, json_lines, logged};

/// The heart of each secret, which must not be found again.
const HEART: &str = "Zk3vQx9LmN7pRt5w";

fn token() -> String {
    format!("eyJhbGciOiJQUzI1NiJ9.eyJhdWQiOi{HEART}.c2ln_{HEART}-{HEART}")
}

fn private_key(label: &str) -> String {
    let line = format!("{HEART}{HEART}{HEART}{HEART}");
    format!("-----BEGIN {label}-----\n{line}\n{line}\n{line}=\n-----END {label}-----\n")
}

/// Texts that each hold [`HEART`] the way secrets come.
fn secrets() -> Vec<String> {
    let mut secrets = vec![
        token(),
        format!("Authorization: Bearer {}", token()),
        format!("authorization: bearer {HEART}"),
        format!("Bearer%20{HEART}%3D"),
        format!("client_id=7&client_assertion={}&grant_type=client_credentials", token()),
        format!("client_id=7&client_assertion={HEART}&grant_type=client_credentials"),
        format!("client_assertion%3D{HEART}"),
        format!("client_secret={HEART}"),
        format!("{{\"token_type\":\"Bearer\",\"access_token\":\"{HEART}\"}}"),
        format!("{{\"access_token\" : \"a\\\"{HEART}\"}}"),
        format!("{{\"body\":\"{{\\\"refresh_token\\\":\\\"{HEART}\\\"}}\"}}"),
        format!("Form {{ client_assertion: \"{HEART}\", passphrase: Some(\"open {HEART}\") }}"),
        format!("\"x-amz-security-token\": \"{HEART}/{HEART}\""),
        format!("aws_secret_access_key = {HEART}").replace(" = ", "="),
        format!("password={HEART}, and more"),
        format!("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC{HEART}{HEART}{HEART}{HEART}"),
    ];
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY"] {
        let key = private_key(label);
        secrets.push(key.clone());
        secrets.push(key.replace('\n', "\r\n"));
        secrets.push(key.replace('\n', "\\n"));
        secrets.push(key[..key.len() / 2].to_owned());
        secrets.push(format!("read \"{key}\" from disk"));
    }
    secrets
}

#[derive(Debug)]
#[expect(dead_code, reason = "read through Debug only")]
struct Request<'a> {
    body: &'a str,
    raw: Option<&'a str>,
}

fn in_every_way(secret: &str) {
    let request = Request { body: secret, raw: Some(secret) };
    let nested = format!("{request:?}");
    info!("{secret}");
    info!("before {secret} after");
    error!(secret, "a field");
    warn!(secret = %secret, "a displayed field");
    debug!(secret = ?secret, "a debugged field");
    trace!(?request, "a struct");
    debug!(?nested, "debug of debug");
    error!(error = %format!("outer: {nested}"), list = ?[secret, secret], "an error");
    let _span = info_span!("span", secret, shown = %secret).entered();
    trace!("in a span");
}

#[test]
fn no_planted_secret_is_ever_written() {
    for secret in secrets() {
        assert!(secret.contains(HEART), "the test plants something: {secret}");
        for look in every_look() {
            let text = logged(&look, || in_every_way(&secret));
            assert!(!text.contains(HEART), "{look:?}\nplanted: {secret}\nwritten: {text}");
            assert!(text.contains("[masked"), "{text}");
            if look.format == Format::Json {
                assert_eq!(json_lines(&text).len(), 9, "{text}");
            }
        }
    }
}

#[test]
fn a_telling_field_name_is_enough() {
    for look in every_look() {
        let text = logged(&look, || {
            info!(client_assertion = HEART, "one");
            info!(password = format!("{HEART} and {HEART}"), "two");
            info!(client_secret = %HEART, access_token = ?Some(HEART), "three");
        });
        assert!(!text.contains(HEART), "{text}");
        assert!(text.matches("[masked]").count() >= 4, "{text}");
    }
}

#[test]
fn what_stands_around_a_secret_stays() {
    let mask = Mask::new().unwrap();
    for (text, expected) in [
        ("POST /token client_id=7&client_assertion=abc&scope=s", "POST /token client_id=7&client_assertion=[masked]&scope=s"),
        ("Authorization: Bearer abc.def, next", "Authorization: Bearer [masked], next"),
        ("{\"access_token\":\"abc\",\"expires_in\":3599}", "{\"access_token\":\"[masked]\",\"expires_in\":3599}"),
        ("got eyJhbGciOiJQUzI1NiJ9.e30.sig for contoso", "got [masked] for contoso"),
        ("key -----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY----- read", "key [masked] read"),
        ("nothing to hide", "nothing to hide"),
    ] {
        assert_eq!(mask.secrets(text), expected);
    }
}

#[test]
fn a_line_stays_a_line_after_a_key_that_was_cut() {
    for look in every_look() {
        let text = logged(&look, || {
            info!("-----BEGIN PRIVATE KEY-----\n{HEART}");
            info!("the next line");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.lines().nth(1).unwrap().contains("the next line"), "{text}");
    }
}

/// Pieces that are awkward next to each other.
fn awkward() -> impl Strategy<Value = String> {
    let fixed = [
        "\"",
        "\\",
        "\\\"",
        "\n",
        "\r\n",
        "\t",
        "\u{1b}[31m",
        "{",
        "}",
        "[",
        ",",
        ":",
        "=",
        " ",
        "&",
        "'",
        "Some(",
        "password",
        "password=",
        "password: ",
        "\"password\":",
        "client_assertion",
        "Bearer ",
        "Bearer \"",
        "eyJabcdefgh",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "-----BEGIN ",
        "adele@contoso.example",
        "+41441234567",
        "\u{0}",
        "é",
        "%40",
        "%3D",
        "\\n",
        "\\u0041",
    ];
    let piece = prop_oneof![
        4 => proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// One log per look, kept: compiling the patterns for each case would take most of the time.
static LOGS: LazyLock<[Log; 3]> = LazyLock::new(|| every_look().map(|look| Log::new(&look)));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever is masked, JSON stays JSON: a log that cannot be parsed hides everything else.
    #[test]
    fn json_stays_json(message in awkward(), field in awkward()) {
        let [_, _, json] = &*LOGS;
        let text = json.written(|| {
            info!(field, password = %field, nested = ?Some(&field), "{message}");
            debug!(field, "{message}");
        });
        prop_assert_eq!(json_lines(&text).len(), 2);
    }

    /// A token is found in any surroundings.
    #[test]
    fn a_token_is_found_anywhere(before in awkward(), after in awkward()) {
        let around = format!("{before}{}{after}", token());
        for log in &*LOGS {
            let text = log.written(|| debug!(field = ?around, "{around}"));
            prop_assert!(!text.contains(HEART), "{}", text);
        }
    }
}
