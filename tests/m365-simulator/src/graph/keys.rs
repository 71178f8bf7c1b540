//! `addKey` and `removeKey`: an application rolls its own certificate. MICROSOFT.md section 12.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::GraphError;
use crate::clock::graph_time;
use crate::entra::assertion::decode_base64;
use crate::entra::certificate::{Algorithm, Certificate, hex};
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::tenant::{Tenant, TenantState};

/// Whom a proof must be addressed to.
const AUDIENCE: &str = "00000002-0000-0000-c000-000000000000";

/// How long a proof may be valid, in seconds.
const LONGEST: i64 = 600;

/// Answers `addKey`.
pub(crate) fn add(inner: &Inner, tenant: &Tenant, asked: &Asked, application: &str) -> Result<Reply, GraphError> {
    is_own(tenant, application)?;
    let body = body(asked)?;
    prove(&tenant.lock(), tenant.info.app_object_id, &body, asked.arrived)?;
    let text = |name: &str| body["keyCredential"][name].as_str().unwrap_or_default();
    if text("type") != "AsymmetricX509Cert" || text("usage") != "Verify" || !body["passwordCredential"].is_null() {
        return Err(GraphError::bad_request("Invalid value specified for property 'keyCredentials' of resource 'Application'."));
    }
    let der = STANDARD.decode(text("key")).map_err(|_| GraphError::bad_request("Key credential is not valid base64."))?;
    let known_from = crate::clock::later(inner.clock.now(), inner.config.certificate_delay);
    let mut state = tenant.lock();
    let key_id = state.ids.uuid();
    let certificate =
        Certificate::from_der(&der, key_id, known_from).map_err(|_| GraphError::bad_request("Key credential is not a certificate."))?;
    let answer = json!({
        "@odata.context": format!("{}/v1.0/$metadata#microsoft.graph.keyCredential", asked.base),
        "customKeyIdentifier": hex(&certificate.sha1),
        "displayName": null,
        "startDateTime": graph_time(certificate.not_before),
        "endDateTime": graph_time(certificate.not_after),
        "key": null,
        "keyId": key_id,
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
    });
    state.certificates.push(certificate);
    Ok(Reply::text(200, "application/json", answer.to_string()))
}

/// Answers `removeKey`.
pub(crate) fn remove(tenant: &Tenant, asked: &Asked, application: &str) -> Result<Reply, GraphError> {
    is_own(tenant, application)?;
    let body = body(asked)?;
    let mut state = tenant.lock();
    prove(&state, tenant.info.app_object_id, &body, asked.arrived)?;
    let named = body["keyId"].as_str().unwrap_or_default();
    let key_id: Uuid = named.parse().map_err(|_| GraphError::bad_request("Invalid value specified for property 'keyId'."))?;
    let before = state.certificates.len();
    state.certificates.retain(|certificate| certificate.key_id != key_id);
    if state.certificates.len() == before {
        return Err(GraphError::not_found(named));
    }
    Ok(Reply::empty(204))
}

/// An application rolls its own keys and nobody else's.
fn is_own(tenant: &Tenant, application: &str) -> Result<(), GraphError> {
    let named = |id: Uuid| application.parse() == Ok(id);
    let by_app_id = application.strip_prefix("appId=").map(|id| id.trim_matches('\''));
    if named(tenant.info.app_object_id) || by_app_id.is_some_and(|id| id.parse() == Ok(tenant.info.app_id)) {
        return Ok(());
    }
    Err(GraphError::not_found(application))
}

fn body(asked: &Asked) -> Result<Value, GraphError> {
    serde_json::from_slice(&asked.body).map_err(|_| GraphError::bad_request("Unable to read JSON request payload."))
}

/// The proof of possession: signed by a certificate that is registered and valid now.
fn prove(state: &TenantState, object: Uuid, body: &Value, now: Timestamp) -> Result<(), GraphError> {
    let refused = || GraphError::new(401, "Authentication_MissingOrMalformed", "Access Token missing or malformed.");
    let proof = body["proof"].as_str().ok_or_else(refused)?;
    let parts: Vec<&str> = proof.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { return Err(refused()) };
    let read = |part: &str| decode_base64(part).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let (header_said, said) = (read(header).ok_or_else(refused)?, read(claims).ok_or_else(refused)?);
    // Only RS256 was ever seen to be taken here.
    if header_said["alg"] != "RS256" {
        return Err(refused());
    }
    let x5t = header_said["x5t"].as_str().and_then(decode_base64);
    let kid = header_said["kid"].as_str().map(str::to_uppercase);
    let is = |certificate: &&Certificate| x5t.as_ref() == Some(&certificate.sha1) || kid == Some(hex(&certificate.sha1));
    let certificate = state.certificates.iter().find(is).ok_or_else(refused)?;
    let signature = decode_base64(signature).ok_or_else(refused)?;
    let signed = certificate.has_signed(Algorithm::Rs256, format!("{header}.{claims}").as_bytes(), &signature);
    let seconds = |name: &str| said[name].as_i64();
    let (Some(from), Some(until)) = (seconds("nbf"), seconds("exp")) else { return Err(refused()) };
    let in_time = (from - 300..=until + 300).contains(&now.as_second()) && until - from <= LONGEST && until > from;
    let right = said["aud"] == AUDIENCE && said["iss"].as_str().and_then(|iss| iss.parse().ok()) == Some(object);
    let valid = (certificate.not_before..=certificate.not_after).contains(&now);
    if signed && in_time && right && valid { Ok(()) } else { Err(refused()) }
}
