//! A credential as the engine's port: signs client assertions.

use engine::ports::{Signer, SigningError};

use crate::Credential;

impl Signer for Credential {
    fn thumbprint_sha256(&self) -> String {
        self.thumbprint_sha256_base64url().to_owned()
    }

    fn sign_ps256(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        Self::sign_ps256(self, message).map_err(|error| SigningError(error.to_string()))
    }
}
