//! The certificate of a tenant's application, made and rolled inside AWS: its private key never leaves the secret and this
//! function's memory.
//!
//! Secrets Manager asks for four steps, each of which may be asked for again. `createSecret` makes key and certificate; `setSecret`
//! adds the certificate to the application, proven by the current key (MICROSOFT.md 12); `testSecret` signs in with it, as soon as
//! the token endpoint knows it; `finishSecret` makes it the current one, and removes keys that have expired. By hand the function
//! makes the first certificate, answers its public part, or goes through all four steps at once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use credentials::{Credential, CredentialError, SecretsManager, VALIDITY_DAYS};
use engine::act::{PublicPart, Wish};
use engine::ports::{DirectoryReader as _, TenantError};
use jiff::{SignedDuration, Timestamp};
use microsoft365::Tenant365;
use profile::Tenant;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::ApplicationKey;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{Client, ServerlessError, message};

/// A new certificate is tried again after so long, until the token endpoint knows it.
const BETWEEN_TRIES: Duration = Duration::from_secs(10);

/// The last try begins so long before Lambda ends the function.
const MARGIN: SignedDuration = SignedDuration::from_secs(45);

/// What the token endpoint says of a certificate that it does not know yet.
const NOT_REGISTERED: &str = "certificate-not-registered";

/// Where credentials are kept, version by version.
#[async_trait]
pub trait Vault: Send + Sync {
    /// The current credential; none if there is none yet.
    async fn current(&self, secret: &str) -> Result<Option<Credential>, CredentialError>;
    /// The credential of a version; none if there is no such version.
    async fn version(&self, secret: &str, version: &str) -> Result<Option<Credential>, CredentialError>;
    /// The version of a rotation that was begun and did not come to its end.
    async fn pending(&self, secret: &str) -> Result<Option<String>, CredentialError>;
    /// Stores a credential as a version: the current one, or a pending one.
    async fn put(&self, secret: &str, version: &str, credential: &Credential, current: bool) -> Result<(), CredentialError>;
    /// Makes a version the current one; it may be so already.
    async fn promote(&self, secret: &str, version: &str) -> Result<(), CredentialError>;
}

#[async_trait]
impl Vault for SecretsManager {
    async fn current(&self, secret: &str) -> Result<Option<Credential>, CredentialError> {
        self.find(secret, None).await
    }

    async fn version(&self, secret: &str, version: &str) -> Result<Option<Credential>, CredentialError> {
        self.find(secret, Some(version)).await
    }

    async fn put(&self, secret: &str, version: &str, credential: &Credential, current: bool) -> Result<(), CredentialError> {
        self.put_version(secret, version, credential, current).await
    }

    async fn pending(&self, secret: &str) -> Result<Option<String>, CredentialError> {
        self.pending_version(secret).await
    }

    async fn promote(&self, secret: &str, version: &str) -> Result<(), CredentialError> {
        self.make_current(secret, version).await
    }
}

/// Secrets Manager's word.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rotation {
    step: Step,
    secret_id: String,
    client_request_token: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Step {
    #[serde(rename = "createSecret")]
    Create,
    #[serde(rename = "setSecret")]
    Set,
    #[serde(rename = "testSecret")]
    Test,
    #[serde(rename = "finishSecret")]
    Finish,
}

/// A person's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByHand {
    /// [`message::VERSION`].
    pub version: u32,
    /// The tenant, by its name in the profile.
    pub tenant: String,
    /// What is asked.
    #[serde(rename = "do")]
    pub what: Wish,
}

impl message::Message for ByHand {
    const LIKE: &str = r#"{"version": 1, "tenant": "contoso", "do": "certificate"}, or "rotate""#;
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "of", rename_all = "kebab-case")]
pub enum Rotated {
    /// A step of the protocol.
    Step(String),
    /// The current certificate.
    Certificate(PublicPart),
}

/// Serves an event. `end`: when Lambda ends it.
///
/// # Errors
/// What cannot be understood or done. A step that failed is asked for again by Secrets Manager; the current certificate stays.
pub async fn serve(client: &Client, vault: &dyn Vault, event: Value, end: Timestamp) -> Result<Rotated, ServerlessError> {
    if event.get("Step").is_some() {
        let Rotation { step, secret_id, client_request_token } =
            serde_json::from_value(event).map_err(|error| ServerlessError::Event(error.to_string()))?;
        let work = Work { client, vault, name: tenant_of(client, &secret_id)?, secret: &secret_id, version: &client_request_token, end };
        work.step(step).await?;
        return Ok(Rotated::Step(format!("{step:?} of tenant {} is done", work.name)));
    }
    let ByHand { tenant, what, .. } = message::read(event)?;
    let secret = client.settings().secret(&tenant);
    // A rotation that was cut off goes on: another pending version would be in the way of Secrets Manager's own, and another certificate at
    // the application.
    let begun = if matches!(what, Wish::Rotate) { begun(vault, &secret).await } else { None };
    let token = begun.unwrap_or_else(|| Uuid::from_bytes(client.chance()).to_string());
    let work = Work { client, vault, name: tenant, secret: &secret, version: &token, end };
    let made = match what {
        Wish::Certificate => work.first().await?,
        Wish::Replace => work.another().await?,
        Wish::Rotate => {
            for step in [Step::Create, Step::Set, Step::Test, Step::Finish] {
                work.step(step).await?;
            }
            true
        }
    };
    work.public_part(made).await.map(Rotated::Certificate)
}

/// The version of a rotation that was cut off, where it can be used, and is no former one: the label stays on a version that was
/// replaced since.
async fn begun(vault: &dyn Vault, secret: &str) -> Option<String> {
    let version = vault.pending(secret).await.ok()??;
    let (pending, current) = (vault.version(secret, &version).await.ok()??, vault.current(secret).await.ok()??);
    (pending.not_after() > current.not_after()).then_some(version)
}

/// The tenant whose secret it is. An ARN ends in six letters of chance after the name.
fn tenant_of(client: &Client, secret: &str) -> Result<String, ServerlessError> {
    let prefix = &client.settings().secrets;
    let name = secret.split_once(":secret:").map_or(secret, |(_, name)| name);
    let tenant = name.strip_prefix(prefix.as_str()).map(|rest| rest.split('-').next().unwrap_or_default());
    let unknown = || ServerlessError::Event(format!("the secret {secret} is none of this stack's; theirs begin with {prefix}"));
    tenant.filter(|tenant| !tenant.is_empty()).map(str::to_owned).ok_or_else(unknown)
}

/// One rotation of one tenant's certificate.
struct Work<'w> {
    client: &'w Client,
    vault: &'w dyn Vault,
    /// The tenant's name.
    name: String,
    secret: &'w str,
    version: &'w str,
    end: Timestamp,
}

impl Work<'_> {
    /// The tenant, as the profile has it. The first certificate is made without: the application it is for may not exist yet.
    async fn tenant(&self) -> Result<Tenant, ServerlessError> {
        let profile = self.client.profile().await?;
        let unknown = || ServerlessError::Profile(format!("it has no tenant {}", self.name));
        profile.tenants.get(&self.name).cloned().ok_or_else(unknown)
    }

    async fn step(&self, step: Step) -> Result<(), ServerlessError> {
        match step {
            Step::Create => self.create().await,
            Step::Set => self.set().await,
            Step::Test => self.test().await,
            Step::Finish => self.finish().await,
        }?;
        info!(tenant = %self.name, ?step, "step of the rotation done");
        Ok(())
    }

    /// Makes the first certificate. Answers whether there was none. Of two that ask at once one makes it, and the other is shown
    /// that one: both would store it as the same version.
    async fn first(&self) -> Result<bool, ServerlessError> {
        if self.is_made().await? {
            return Ok(false);
        }
        let credential = self.generate()?;
        let version = Uuid::new_v5(&Uuid::NAMESPACE_URL, self.secret.as_bytes()).to_string();
        if let Err(refused) = self.vault.put(self.secret, &version, &credential, true).await {
            return if self.is_made().await? { Ok(false) } else { Err(self.credential(refused)) };
        }
        info!(tenant = %self.name, thumbprint = credential.thumbprint_sha1_hex(), "the first certificate is made");
        Ok(true)
    }

    async fn is_made(&self) -> Result<bool, ServerlessError> {
        let current = self.vault.current(self.secret).await.map_err(|error| self.credential(error))?;
        Ok(current.is_some())
    }

    /// Makes another first certificate, whatever the secret holds: what cannot be used, or has expired, cannot be rolled.
    async fn another(&self) -> Result<bool, ServerlessError> {
        let credential = self.generate()?;
        self.vault.put(self.secret, self.version, &credential, true).await.map_err(|error| self.credential(error))?;
        info!(tenant = %self.name, thumbprint = credential.thumbprint_sha1_hex(), "another first certificate is made");
        Ok(true)
    }

    async fn create(&self) -> Result<(), ServerlessError> {
        self.current().await?;
        // A pending version that can never be set would stand in the way of Secrets Manager's own next rotation.
        self.object(&self.tenant().await?)?;
        let there = self.vault.version(self.secret, self.version).await.map_err(|error| self.credential(error))?;
        if there.is_none() {
            self.vault.put(self.secret, self.version, &self.generate()?, false).await.map_err(|error| self.credential(error))?;
        }
        Ok(())
    }

    async fn set(&self) -> Result<(), ServerlessError> {
        let (current, pending, tenant) = (self.current().await?, self.pending().await?, self.tenant().await?);
        let store = self.client.store();
        let mut keys = store.application_keys(&self.name).await?;
        let thumbprint = pending.thumbprint_sha1_hex();
        // Asked for again: it is there already, also where the answer to the first time was lost.
        if keys.iter().any(|key| key.thumbprint == thumbprint) || self.sign_in(&tenant, &pending).await.is_ok() {
            return Ok(());
        }
        let key_id = self.connect(&tenant, &current)?.add_key(self.object(&tenant)?, pending.certificate_der(), &*current).await;
        let key_id = key_id.map_err(|error| self.refused(&error))?;
        keys.push(ApplicationKey { key_id, thumbprint: thumbprint.to_owned(), not_after: pending.not_after() });
        store.put_application_keys(&self.name, &keys).await?;
        info!(tenant = %self.name, %key_id, thumbprint, "the new certificate is added to the application");
        Ok(())
    }

    async fn test(&self) -> Result<(), ServerlessError> {
        let (pending, tenant) = (self.pending().await?, self.tenant().await?);
        loop {
            match self.sign_in(&tenant, &pending).await {
                Ok(()) => return Ok(()),
                Err(TenantError::Configuration { code, .. }) if code == NOT_REGISTERED && self.client.now() < self.end - MARGIN => {
                    self.client.clock().sleep(BETWEEN_TRIES).await;
                }
                Err(error) => return Err(self.refused(&error)),
            }
        }
    }

    async fn finish(&self) -> Result<(), ServerlessError> {
        // Asked for out of order, it would put a certificate to use that the tenant does not know.
        self.test().await?;
        let pending = self.pending().await?;
        self.vault.promote(self.secret, self.version).await.map_err(|error| self.credential(error))?;
        let store = self.client.store();
        let now = self.client.now();
        let keys = store.application_keys(&self.name).await?;
        let (expired, mut kept): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.not_after < now);
        if expired.is_empty() {
            return Ok(());
        }
        let tenant = self.tenant().await?;
        let (application, object) = (self.connect(&tenant, &pending)?, self.object(&tenant)?);
        for key in expired {
            // The new certificate serves already: a key too many is told and tried again by the next rotation.
            match application.remove_key(object, key.key_id, &*pending).await {
                Ok(()) => info!(tenant = %self.name, key_id = %key.key_id, "an expired key is removed from the application"),
                Err(error) => {
                    warn!(tenant = %self.name, key_id = %key.key_id, %error, "an expired key stays with the application");
                    kept.push(key);
                }
            }
        }
        Ok(store.put_application_keys(&self.name, &kept).await?)
    }

    fn generate(&self) -> Result<Credential, ServerlessError> {
        let made = Credential::generate(&format!("galbridge {}", self.name), self.client.now(), VALIDITY_DAYS);
        made.map_err(|error| self.credential(error))
    }

    async fn current(&self) -> Result<Arc<Credential>, ServerlessError> {
        let found = self.vault.current(self.secret).await.map_err(|error| self.credential(error))?;
        found.map(Arc::new).ok_or_else(|| self.failed("it has no certificate to roll: make the first one and upload it (`galbridge --stack NAME certificate new --tenant TENANT`)"))
    }

    async fn pending(&self) -> Result<Arc<Credential>, ServerlessError> {
        let found = self.vault.version(self.secret, self.version).await.map_err(|error| self.credential(error))?;
        found.map(Arc::new).ok_or_else(|| self.failed("the version to roll to does not exist: createSecret comes first"))
    }

    fn object(&self, tenant: &Tenant) -> Result<Uuid, ServerlessError> {
        let missing = "the profile does not say app_object_id, the object id of the app registration, without which an application cannot \
                       prove its key; the onboarding script prints it";
        tenant.app_object_id.ok_or_else(|| self.failed(missing))
    }

    fn connect(&self, tenant: &Tenant, credential: &Arc<Credential>) -> Result<Arc<Tenant365>, ServerlessError> {
        Ok(tenants::client(tenant, credential, None, &self.client.surroundings(1))?)
    }

    /// Signs in to both services.
    async fn sign_in(&self, tenant: &Tenant, credential: &Arc<Credential>) -> Result<(), TenantError> {
        let client = self.connect(tenant, credential).map_err(|error| TenantError::Protocol { message: error.to_string() })?;
        client.roles().await.map(|_| ())
    }

    async fn public_part(&self, made: bool) -> Result<PublicPart, ServerlessError> {
        let current = self.current().await?;
        Ok(PublicPart {
            tenant: self.name.clone(),
            made,
            pem: current.public_certificate_pem().map_err(|error| self.credential(error))?,
            thumbprint: current.thumbprint_sha1_hex().to_owned(),
            not_after: current.not_after(),
        })
    }

    fn credential(&self, error: CredentialError) -> ServerlessError {
        ServerlessError::Credential { tenant: self.name.clone(), error }
    }

    fn refused(&self, error: &TenantError) -> ServerlessError {
        self.failed(&error.to_string())
    }

    fn failed(&self, detail: &str) -> ServerlessError {
        ServerlessError::Rotation { tenant: self.name.clone(), detail: detail.to_owned() }
    }
}
