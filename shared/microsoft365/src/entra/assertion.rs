//! The client assertion: a JWT signed with the application's certificate (MICROSOFT.md 1.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::ports::{Signer, SigningError};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

/// How long an assertion is valid, in seconds. MSAL's value; the documentation asks for 5 to 10 minutes.
const LIFETIME: i64 = 600;

/// Makes an assertion for the token endpoint `audience`, valid from `now` on. PS256 and `x5t#S256`, exactly.
pub(super) fn assertion(signer: &dyn Signer, audience: &str, app: Uuid, id: Uuid, now: Timestamp) -> Result<String, SigningError> {
    let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": signer.thumbprint_sha256() });
    let app = app.hyphenated().to_string();
    let issued = now.as_second();
    let payload = json!({
        "aud": audience,
        "iss": app,
        "sub": app,
        "jti": id.hyphenated().to_string(),
        "nbf": issued,
        "iat": issued,
        "exp": issued + LIFETIME,
    });
    let signed = format!("{}.{}", encoded(&header), encoded(&payload));
    let signature = signer.sign_ps256(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn encoded(part: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Backwards;

    impl Signer for Backwards {
        fn thumbprint_sha256(&self) -> String {
            "thumb".into()
        }

        fn sign_ps256(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
            Ok(message.iter().rev().copied().collect())
        }
    }

    #[test]
    fn header_and_claims_are_as_documented() {
        let now = Timestamp::from_second(1_760_000_000).unwrap();
        let token = assertion(&Backwards, "https://l.example/t/oauth2/v2.0/token", Uuid::nil(), Uuid::max(), now).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let decoded = |part: &str| -> serde_json::Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
        assert_eq!(decoded(parts[0]), json!({"alg": "PS256", "typ": "JWT", "x5t#S256": "thumb"}));
        assert_eq!(
            decoded(parts[1]),
            json!({"aud": "https://l.example/t/oauth2/v2.0/token", "iss": Uuid::nil().to_string(), "sub": Uuid::nil().to_string(),
                "jti": Uuid::max().to_string(), "nbf": 1_760_000_000, "iat": 1_760_000_000, "exp": 1_760_000_600})
        );
        let signed = format!("{}.{}", parts[0], parts[1]);
        assert_eq!(URL_SAFE_NO_PAD.decode(parts[2]).unwrap(), signed.bytes().rev().collect::<Vec<u8>>());
    }
}
