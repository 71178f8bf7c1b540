//! An application rolls its own certificate: `addKey` and `removeKey` (MICROSOFT.md 12).
//!
//! Neither needs a permission; both need a proof, signed by a certificate that is registered and valid now.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use engine::ports::{Prover, TenantError};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Graph;
use super::error::{GraphError, GraphFailure, Meaning};
use crate::observer::PathClass;
use crate::resource::CallError;
use crate::wire::{Call, Repeat};

/// Whom a proof is addressed to: the directory, by the id that all tenants know it by.
const AUDIENCE: &str = "00000002-0000-0000-c000-000000000000";

/// How long a proof is valid, in seconds: at most ten minutes.
const LIFETIME: i64 = 540;
/// It begins so long before now: clocks differ.
const BEFORE: i64 = 60;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Added {
    key_id: Uuid,
}

impl Graph {
    /// Adds a certificate to an application, and answers the id of the key. An answer that is lost is not asked for again: the
    /// key may be there.
    pub(crate) async fn add_key(&self, object: Uuid, certificate: &[u8], prover: &dyn Prover) -> Result<Uuid, TenantError> {
        let body = json!({
            "keyCredential": {"type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(certificate)},
            "passwordCredential": null,
            "proof": self.proof(object, prover)?,
        });
        let call = self.key_call(object, "addKey", &body, Repeat::IfNotExecuted)?;
        let read = |body: &[u8]| serde_json::from_slice::<Added>(body).map_err(|_| "addKey answered no keyId".to_owned());
        Ok(self.make(call, read).await.map_err(|failure| self.key_error(&failure, "adding a certificate"))?.key_id)
    }

    /// Removes a key of an application; one that is not there any more is removed.
    pub(crate) async fn remove_key(&self, object: Uuid, key: Uuid, prover: &dyn Prover) -> Result<(), TenantError> {
        let body = json!({"keyId": key, "proof": self.proof(object, prover)?});
        let call = self.key_call(object, "removeKey", &body, Repeat::Freely)?;
        match self.make(call, |_| Ok(())).await {
            Err(GraphFailure::Service(error)) if error.meaning == Meaning::Missing => Ok(()),
            other => other.map_err(|failure| self.key_error(&failure, "removing a certificate")),
        }
    }

    /// RS256 with `kid` and `x5t`: no other algorithm was ever seen to be taken here.
    fn proof(&self, object: Uuid, prover: &dyn Prover) -> Result<String, TenantError> {
        proof(object, prover, self.service.wire.clock.now())
            .map_err(|error| self.service.wire.configuration("signing", &format!("{error}; make a new certificate")))
    }

    fn key_call(&self, object: Uuid, action: &str, body: &Value, repeat: Repeat) -> Result<Call, TenantError> {
        let json = HeaderValue::from_static("application/json");
        Ok(Call {
            method: Method::POST,
            uri: self.uri(&format!("/v1.0/applications/{object}/{action}"))?,
            headers: HeaderMap::from_iter([(ACCEPT, json.clone()), (CONTENT_TYPE, json)]),
            body: Bytes::from(body.to_string()),
            path: PathClass::Keys,
            repeat,
        })
    }

    fn key_error(&self, failure: &GraphFailure, doing: &str) -> TenantError {
        let wire = &self.service.wire;
        let error: &GraphError = match failure {
            GraphFailure::Call(CallError::Tenant(error)) => return error.clone(),
            GraphFailure::Call(CallError::Wire(error)) => return wire.broken(error),
            GraphFailure::Malformed(what) => return wire.protocol(what),
            GraphFailure::Service(error) => error,
        };
        let shown = error.shown();
        match error.meaning {
            // The same answer for a bad token and for a bad proof.
            Meaning::Unauthorized => wire.configuration(
                "proof-refused",
                &format!(
                    "{doing} was refused ({shown}): the proof of possession was not accepted. Is app_object_id in the profile the object id \
                     of the app registration (not of the enterprise application), and the current certificate registered there and valid?"
                ),
            ),
            Meaning::Missing => wire.configuration(
                "application-missing",
                &format!("{doing} failed ({shown}): the app registration in app_object_id of the profile does not exist in this tenant"),
            ),
            Meaning::Forbidden => wire.configuration("key-permission", &format!("{doing} was forbidden ({shown})")),
            Meaning::Throttled | Meaning::Unavailable => wire.transient(&format!("{doing} failed ({shown})"), error.retry_after),
            Meaning::Expired | Meaning::BadRequest | Meaning::Other => wire.protocol(&format!("{doing} failed ({shown})")),
        }
    }
}

fn proof(object: Uuid, prover: &dyn Prover, now: Timestamp) -> Result<String, engine::ports::SigningError> {
    let thumbprint = prover.thumbprint_sha1();
    let kid = hex::encode_upper(&thumbprint);
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": kid, "x5t": URL_SAFE_NO_PAD.encode(&thumbprint)});
    let from = now.as_second() - BEFORE;
    let claims = json!({"aud": AUDIENCE, "iss": object.hyphenated().to_string(), "nbf": from, "exp": from + LIFETIME});
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = prover.sign_rs256(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
