//! Access tokens: made by the token endpoint, read by Graph and Exchange. MICROSOFT.md section 1.3.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use openssl::hash::MessageDigest;
use openssl::memcmp;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccessToken {
    pub(crate) aud: String,
    pub(crate) iss: String,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    pub(crate) appid: Uuid,
    pub(crate) oid: Uuid,
    pub(crate) tid: Uuid,
    pub(crate) uti: String,
    pub(crate) ver: String,
    /// Absent, not empty, if no role was consented to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<String>,
}

/// The key that signs tokens; nobody but the simulator needs it.
pub(crate) struct TokenKey(Vec<u8>);

/// A signature over these bytes; empty only if openssl failed, and an empty one never verifies.
fn sign(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let made = PKey::hmac(key).and_then(|key| {
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        signer.sign_oneshot_to_vec(bytes)
    });
    made.unwrap_or_default()
}

impl TokenKey {
    pub(crate) fn new(seed: u64) -> TokenKey {
        TokenKey(format!("simulated tokens of seed {seed}").into_bytes())
    }

    /// Writes a token.
    pub(crate) fn issue(&self, token: &AccessToken) -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256","kid":"simulator"}"#);
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(token).unwrap_or_default());
        self.seal(&format!("{header}.{claims}"))
    }

    /// Reads a token; none if it was not made here or has expired.
    pub(crate) fn read(&self, token: &str, now: Timestamp) -> Option<AccessToken> {
        let payload = self.open(token)?;
        let (_, claims) = payload.split_once('.')?;
        let claims: AccessToken = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        (claims.exp > now.as_second()).then_some(claims)
    }

    /// Signs any opaque text: the payload, a dot, the signature.
    pub(crate) fn seal(&self, payload: &str) -> String {
        format!("{payload}.{}", URL_SAFE_NO_PAD.encode(sign(&self.0, payload.as_bytes())))
    }

    /// The payload of a sealed text, if the seal is ours.
    pub(crate) fn open<'a>(&self, sealed: &'a str) -> Option<&'a str> {
        let (payload, signature) = sealed.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let right = sign(&self.0, payload.as_bytes());
        (!right.is_empty() && right.len() == signature.len() && memcmp::eq(&right, &signature)).then_some(payload)
    }
}
