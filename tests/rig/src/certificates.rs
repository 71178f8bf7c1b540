//! The certificates of the tenants' applications, and how they roll.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use credentials::{Credential, MINIMUM_KEY_BITS};
use engine::ports::{DirectoryReader as _, TenantError};
use jiff::SignedDuration;
use m365_simulator::SimulatorConfig;
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};

use crate::Rig;

/// How many there are; they follow each other in a circle.
const POOL: usize = 3;

/// A new certificate is tried again after so long, and so often.
const BETWEEN_TRIES: Duration = Duration::from_secs(10);
const TRIES: u32 = 60;

/// One of the credentials of the whole program: making keys is slow.
fn pooled(number: usize) -> Arc<Credential> {
    static MADE: [OnceLock<Arc<Credential>>; POOL] = [const { OnceLock::new() }; POOL];
    MADE[number % POOL].get_or_init(|| Arc::new(small().expect("a key can be made"))).clone()
}

/// A credential of the least size that is taken. galbridge itself makes larger ones, which sign three times as slowly: in a hundred
/// thousand histories that is hours.
fn small() -> Result<Credential, Box<dyn std::error::Error>> {
    let start = (SimulatorConfig::default().start - SignedDuration::from_hours(24)).as_second();
    let key = PKey::from_rsa(Rsa::generate(MINIMUM_KEY_BITS)?)?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, "galbridge-test")?;
    let name = name.build();
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(Asn1Integer::from_bn(BigNum::from_u32(1)?.as_ref())?.as_ref())?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_not_before(Asn1Time::from_unix(start)?.as_ref())?;
    builder.set_not_after(Asn1Time::from_unix(start + 730 * 86_400)?.as_ref())?;
    builder.set_pubkey(&key)?;
    builder.sign(&key, MessageDigest::sha256())?;
    let pem = [key.private_key_to_pem_pkcs8()?, builder.build().to_pem()?].concat();
    Ok(Credential::from_pem(&pem, None)?)
}

/// The credential that every tenant begins with.
pub fn credential() -> Arc<Credential> {
    pooled(0)
}

/// Which one serves each tenant now: its number, 0 where nothing is said.
#[derive(Debug, Default)]
pub(crate) struct Certificates(BTreeMap<String, usize>);

impl Certificates {
    /// The current one of a tenant.
    pub(crate) fn current(&self, tenant: &str) -> Arc<Credential> {
        pooled(self.number(tenant))
    }

    fn number(&self, tenant: &str) -> usize {
        self.0.get(tenant).copied().unwrap_or(0)
    }
}

impl Rig {
    /// Rolls the certificate of a tenant as the function does (`serverless::rotate`): the next one is added with a proof of the
    /// current one, tried until the token endpoint knows it, and serves the processes that start from then on. The one
    /// before the current one, by then expired, is removed.
    ///
    /// # Errors
    /// What was refused. Asked again it goes on where it stopped.
    pub async fn roll_certificate(&mut self, tenant: &str) -> Result<(), TenantError> {
        self.restarts += 1;
        let application = self.simulator.tenants().into_iter().find(|one| one.name == tenant).expect("a tenant of the rig");
        let number = self.certificates.number(tenant);
        let (current, next, old) = (pooled(number), pooled(number + 1), pooled(number + POOL - 1));
        let (process, object) = (self.process(), application.app_object_id);
        let ids = process.ids();
        let rolled = process.client(&application, next.clone(), &ids);
        if rolled.roles().await.is_err() {
            let before = process.client(&application, current.clone(), &ids);
            before.add_key(object, next.certificate_der(), &*current).await?;
        }
        let mut tries = 0;
        while let Err(error) = rolled.roles().await {
            tries += 1;
            let unknown = matches!(&error, TenantError::Configuration { code, .. } if code == "certificate-not-registered");
            if !unknown || tries == TRIES {
                return Err(error);
            }
            self.advance(BETWEEN_TRIES).await;
        }
        let keys = self.simulator.application_keys(tenant).into_iter();
        for (key, _) in keys.filter(|(_, thumbprint)| thumbprint == old.thumbprint_sha1_hex()) {
            // One too many is removed the next time.
            let _ = rolled.remove_key(object, key, &*next).await;
        }
        self.certificates.0.insert(tenant.to_owned(), (number + 1) % POOL);
        Ok(())
    }

    /// New processes sign in to each of two tenants with what belongs to the other, as after a mistake with two files.
    pub fn swap_certificates(&mut self, one: &str, other: &str) {
        let numbers = [self.certificates.number(other), self.certificates.number(one)];
        for (tenant, number) in [one, other].into_iter().zip(numbers) {
            self.certificates.0.insert(tenant.to_owned(), number);
        }
        self.restart();
    }
}
