//! A credential as the engine's ports: signs client assertions, and proves the possession of its key.

use engine::ports::{Prover, Signer, SigningError};
use jiff::Timestamp;

use crate::Credential;

impl Signer for Credential {
    fn thumbprint_sha256(&self) -> String {
        self.thumbprint_sha256_base64url().to_owned()
    }

    fn ends(&self) -> Option<Timestamp> {
        Some(self.not_after())
    }

    fn sign_ps256(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        Self::sign_ps256(self, message).map_err(|error| SigningError(error.to_string()))
    }
}

impl Prover for Credential {
    fn thumbprint_sha1(&self) -> Vec<u8> {
        self.thumbprint_sha1_raw().to_vec()
    }

    fn sign_rs256(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        Self::sign_rs256(self, message).map_err(|error| SigningError(error.to_string()))
    }
}
