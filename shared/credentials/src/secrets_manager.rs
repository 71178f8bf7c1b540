//! Secrets Manager as the source of credentials: the functions' own. A private key never leaves it and their memory.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_types::SdkConfig;
use engine::ports::with_causes;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Credential, CredentialError};

/// The labels of Secrets Manager's versions.
const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

/// What to do with a secret that cannot be used.
const REPLACE: &str = "make its version AWSPREVIOUS the current one again, or make another first certificate and upload it (`galbridge --stack NAME certificate new --tenant TENANT --replace`)";

/// What a secret holds, as JSON.
#[derive(Deserialize, Serialize)]
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
        let missing = || {
            let detail = "it has no certificate yet: make one with `galbridge --stack NAME certificate new --tenant TENANT`";
            CredentialError::Secret { secret: secret.to_owned(), detail: detail.to_owned() }
        };
        self.find(secret, None).await?.ok_or_else(missing)
    }

    /// The credential of a version, or the current one; none if there is none.
    ///
    /// # Errors
    /// As for [`SecretsManager::current`].
    pub async fn find(&self, secret: &str, version: Option<&str>) -> Result<Option<Credential>, CredentialError> {
        let answer = self.client.get_secret_value().secret_id(secret).set_version_id(version.map(str::to_owned)).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) => return Ok(None),
            Err(error) => return Err(failed(secret, &why(&error))),
        };
        let text = answer.secret_string().unwrap_or_default();
        if text.trim().is_empty() && answer.secret_binary().is_none() {
            return Ok(None);
        }
        // The message says nothing of the content.
        let unusable = |what: &str| failed(secret, &format!("{what}; {REPLACE}"));
        let stored: Stored = serde_json::from_str(text).map_err(|_| unusable("it holds no certificate of galbridge"))?;
        Credential::from_pem(stored.pem.as_bytes(), None).map(Some).map_err(|error| unusable(&error.to_string()))
    }

    /// Stores a credential as a version: the current one, or a pending one. `version` is a UUID, or what the rotation gave.
    ///
    /// # Errors
    /// `Secret` if the store refuses it.
    pub async fn put_version(&self, secret: &str, version: &str, credential: &Credential, current: bool) -> Result<(), CredentialError> {
        let stored = Stored { pem: Zeroizing::new(credential.to_pem()?.expose().clone()) };
        let text = Zeroizing::new(serde_json::to_string(&stored).map_err(|_| failed(secret, "the credential cannot be written"))?);
        // A label that stayed on a version of before would say that a rotation goes on, and the service would begin no other.
        // (AWS Secrets Manager user guide, "Rotation function overview".)
        let stages = if current { vec![CURRENT.to_owned(), PENDING.to_owned()] } else { vec![PENDING.to_owned()] };
        let put = self.client.put_secret_value().secret_id(secret).client_request_token(version).set_version_stages(Some(stages));
        let put = put.secret_string(text.as_str()).send().await;
        put.map(|_| ()).map_err(|error| failed(secret, &why(&error)))
    }

    /// The version of a rotation that was begun and did not come to its end.
    ///
    /// # Errors
    /// `Secret` if the secret does not exist, or the store refuses it.
    pub async fn pending_version(&self, secret: &str) -> Result<Option<String>, CredentialError> {
        let told = self.client.describe_secret().secret_id(secret).send().await;
        let told = told.map_err(|error| failed(secret, &why(&error)))?;
        let has = |stages: &[String], wanted: &str| stages.iter().any(|stage| stage == wanted);
        let waits = told.version_ids_to_stages().into_iter().flatten().find(|(_, stages)| has(stages, PENDING) && !has(stages, CURRENT));
        Ok(waits.map(|(version, _)| version.clone()))
    }

    /// Makes a version the current one; it may be so already.
    ///
    /// # Errors
    /// `Secret` if the secret or the version does not exist, or the store refuses it.
    pub async fn make_current(&self, secret: &str, version: &str) -> Result<(), CredentialError> {
        let told = self.client.describe_secret().secret_id(secret).send().await;
        let told = told.map_err(|error| failed(secret, &why(&error)))?;
        let versions = told.version_ids_to_stages();
        let is_current = |(_, stages): &(&String, &Vec<String>)| stages.iter().any(|stage| stage == CURRENT);
        let before = versions.and_then(|versions| versions.iter().find(is_current)).map(|(id, _)| id.clone());
        if before.as_deref() == Some(version) {
            return Ok(());
        }
        let moved = self.client.update_secret_version_stage().secret_id(secret).version_stage(CURRENT);
        let moved = moved.move_to_version_id(version).set_remove_from_version_id(before).send().await;
        moved.map(|_| ()).map_err(|error| failed(secret, &why(&error)))
    }
}

/// What the service says, or what kept it from answering.
fn why(error: &(impl ProvideErrorMetadata + std::error::Error + 'static)) -> String {
    if error.code() == Some("ResourceNotFoundException") {
        return "there is no such secret: the stack makes one for each of its Tenants; `galbridge profile samconfig` writes them, then deploy".to_owned();
    }
    error.message().map_or_else(|| with_causes(error), str::to_owned)
}

fn failed(secret: &str, detail: &str) -> CredentialError {
    CredentialError::Secret { secret: secret.to_owned(), detail: detail.to_owned() }
}
