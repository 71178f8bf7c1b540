//! Secrets Manager as the source of credentials: the functions' own. A private key never leaves it and their memory.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use aws_types::SdkConfig;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{Credential, CredentialError};

/// What a secret holds, as JSON.
#[derive(Deserialize)]
struct Stored {
    /// Key and certificate as PEM.
    pem: Zeroizing<String>,
}

/// Secrets Manager.
#[derive(Clone, Debug)]
pub struct SecretsManager {
    client: Client,
}

impl SecretsManager {
    /// At whatever answers at the endpoint of `config`. No request is made yet.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// The credential that a secret holds now (`AWSCURRENT`). `secret`: its name or ARN.
    ///
    /// # Errors
    /// `Secret` if it cannot be read, is empty, or holds something else; whatever is wrong with the key itself.
    pub async fn current(&self, secret: &str) -> Result<Credential, CredentialError> {
        let failed = |detail: String| CredentialError::Secret { secret: secret.to_owned(), detail };
        let answer = self.client.get_secret_value().secret_id(secret).send().await;
        let answer = answer.map_err(|error| match error.as_service_error() {
            Some(service) if service.is_resource_not_found_exception() => {
                failed("it has no certificate yet: make one with `galbridge certificate new --stack NAME --tenant TENANT`".to_owned())
            }
            Some(_) | None => failed(DisplayErrorContext(&error).to_string()),
        })?;
        let text = answer.secret_string().unwrap_or_default();
        // The message says nothing of the content.
        let stored: Stored = serde_json::from_str(text).map_err(|_| failed("it holds no certificate of galbridge".to_owned()))?;
        Credential::from_pem(stored.pem.as_bytes(), None)
    }
}
