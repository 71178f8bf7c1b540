//! Signing, as a capability: the private key stays where it is.

use jiff::Timestamp;

use thiserror::Error;

/// Signs client assertions for one application (MICROSOFT.md 1.1).
pub trait Signer: Send + Sync {
    /// The certificate's SHA-256 thumbprint, base64url without padding (`x5t#S256`).
    fn thumbprint_sha256(&self) -> String;

    /// When the certificate ends, where that is known.
    fn ends(&self) -> Option<Timestamp> {
        None
    }

    /// RSASSA-PSS with SHA-256, MGF1-SHA-256 and a salt of 32 bytes.
    fn sign_ps256(&self, message: &[u8]) -> Result<Vec<u8>, SigningError>;
}

/// Proves the possession of a key, where its owner rolls it (MICROSOFT.md 12).
pub trait Prover: Send + Sync {
    /// The certificate's SHA-1 thumbprint: 20 bytes.
    fn thumbprint_sha1(&self) -> Vec<u8>;

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    fn sign_rs256(&self, message: &[u8]) -> Result<Vec<u8>, SigningError>;
}

/// The key could not sign.
#[derive(Debug, Error)]
#[error("the private key cannot sign: {0}")]
pub struct SigningError(pub String);
