//! Client assertions: everything about them is checked. MICROSOFT.md section 1.1.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use openssl::sha::sha256;
use serde_json::Value;

use super::certificate::{Algorithm, Certificate, hex};
use super::error::EntraError;
use crate::clock::entra_time;
use crate::tenant::TenantState;

/// How far clocks may differ.
const SKEW_SECONDS: i64 = 300;

const FORGIVING: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Base64 of either alphabet, padded or not: genuine clients send all of them.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    GeneralPurpose::new(&URL_SAFE, FORGIVING).decode(text).or_else(|_| GeneralPurpose::new(&STANDARD, FORGIVING).decode(text)).ok()
}

fn malformed(reason: &str) -> EntraError {
    EntraError::new(50027, 400, "invalid_request", format!("JWT token is invalid or malformed. {reason}"))
}

fn part(text: &str) -> Option<Value> {
    serde_json::from_slice(&decode_base64(text)?).ok()
}

/// Checks an assertion of `client_id`, addressed to one of `audiences`.
pub(crate) fn verify(
    state: &mut TenantState,
    assertion: &str,
    client_id: &str,
    audiences: &[String],
    now: Timestamp,
) -> Result<(), EntraError> {
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header_part, claims_part, signature_part] = parts.as_slice() else {
        return Err(malformed("It does not have three parts."));
    };
    let header = part(header_part).ok_or_else(|| malformed("The header cannot be read."))?;
    let claims = part(claims_part).ok_or_else(|| malformed("The payload cannot be read."))?;
    let algorithm = match header.get("alg").and_then(Value::as_str) {
        Some("PS256") => Algorithm::Ps256,
        Some("RS256") => Algorithm::Rs256,
        other => {
            return Err(malformed(&format!("The algorithm {other:?} is not accepted.")));
        }
    };
    let signature = decode_base64(signature_part).ok_or_else(|| malformed("The signature cannot be read."))?;
    let signed = format!("{header_part}.{claims_part}");
    check_key(state, &header, algorithm, signed.as_bytes(), &signature, now)?;
    check_claims(&claims, client_id, audiences)?;
    check_time(&claims, now)?;
    remember(state, assertion, &claims, now)
}

/// The key must be registered, valid now, and have made the signature.
fn check_key(
    state: &TenantState,
    header: &Value,
    algorithm: Algorithm,
    signed: &[u8],
    signature: &[u8],
    now: Timestamp,
) -> Result<(), EntraError> {
    let thumbprint = |name: &str| header.get(name).and_then(Value::as_str).and_then(decode_base64);
    let (sha1, sha256) = (thumbprint("x5t"), thumbprint("x5t#S256"));
    let named = |certificate: &&Certificate| {
        (sha1.is_some() || sha256.is_some())
            && sha1.as_ref().is_none_or(|wanted| *wanted == certificate.sha1)
            && sha256.as_ref().is_none_or(|wanted| *wanted == certificate.sha256)
    };
    let shown = hex(sha1.as_deref().or(sha256.as_deref()).unwrap_or_default());
    let known = state.certificates.iter().filter(|certificate| certificate.known_from <= now).find(named);
    let Some(certificate) = known else {
        return Err(EntraError::new(
            700_027,
            401,
            "invalid_client",
            format!(
                "The certificate with identifier used to sign the client assertion is not registered on application. \
                 [Reason - The key was not found., Thumbprint of key used by client: '{shown}', Please visit the Azure \
                 Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id.]"
            ),
        ));
    };
    let found = format!("Found key 'Start={}, End={}'", us(certificate.not_before), us(certificate.not_after));
    let refused = |reason: &str| {
        EntraError::new(
            700_027,
            401,
            "invalid_client",
            format!(
                "Client assertion contains an invalid signature. [Reason - {reason}, Thumbprint of key used by client: \
                 '{}', {found}]",
                hex(&certificate.sha1)
            ),
        )
    };
    if now > certificate.not_after || now < certificate.not_before {
        return Err(refused("The key used is expired."));
    }
    if !certificate.has_signed(algorithm, signed, signature) {
        return Err(refused("The key was found, but use of the key to verify the signature failed."));
    }
    Ok(())
}

fn us(at: Timestamp) -> String {
    at.strftime("%m/%d/%Y %H:%M:%S").to_string()
}

fn check_claims(claims: &Value, client_id: &str, audiences: &[String]) -> Result<(), EntraError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or("");
    if text("iss") != client_id || text("sub") != client_id {
        return Err(EntraError::new(
            50013,
            401,
            "invalid_client",
            "Assertion failed signature validation. [Reason - the issuer and the subject must be the client id.]",
        ));
    }
    if !audiences.iter().any(|audience| audience == text("aud")) {
        return Err(EntraError::new(
            50027,
            400,
            "invalid_request",
            format!("JWT token is invalid or malformed. Client assertion audience claim does not match Realm issuer: '{}'.", text("aud")),
        ));
    }
    if text("jti").is_empty() {
        return Err(malformed("The claim 'jti' is missing."));
    }
    Ok(())
}

/// Seconds of a claim, whole or not.
#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit")]
fn seconds(claims: &Value, name: &str) -> Option<i64> {
    claims.get(name).and_then(Value::as_f64).map(|seconds| seconds as i64)
}

fn check_time(claims: &Value, now: Timestamp) -> Result<(), EntraError> {
    let Some(expires) = seconds(claims, "exp") else {
        return Err(malformed("The claim 'exp' is missing."));
    };
    let begins = seconds(claims, "nbf").or_else(|| seconds(claims, "iat")).unwrap_or(i64::MIN / 2);
    let now_second = now.as_second();
    if now_second + SKEW_SECONDS < begins || now_second - SKEW_SECONDS > expires {
        let shown = |second: i64| Timestamp::from_second(second).map(entra_time).unwrap_or_default();
        return Err(EntraError::new(
            700_024,
            401,
            "invalid_client",
            format!(
                "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, \
                 expiry time of assertion {}.",
                entra_time(now),
                shown(begins),
                shown(expires)
            ),
        ));
    }
    Ok(())
}

/// The same assertion may come again (MSAL keeps one for nine minutes); another one with its `jti` may not.
fn remember(state: &mut TenantState, assertion: &str, claims: &Value, now: Timestamp) -> Result<(), EntraError> {
    let id = claims.get("jti").and_then(Value::as_str).unwrap_or_default().to_owned();
    let digest = sha256(assertion.as_bytes()).to_vec();
    let expires = seconds(claims, "exp").and_then(|second| Timestamp::from_second(second).ok()).unwrap_or(now);
    let horizon = now.as_second() - SKEW_SECONDS;
    state.assertions.retain(|_, (_, until)| until.as_second() >= horizon);
    if let Some((known, _)) = state.assertions.get(&id)
        && *known != digest
    {
        return Err(malformed("The claim 'jti' was used before in another assertion."));
    }
    state.assertions.insert(id, (digest, expires));
    Ok(())
}
