//! From the stored profile and the secrets to an engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use credentials::{Credential, CredentialError, SecretsManager};
use engine::ports::{Clock, Store as _};
use engine::setup::{Connection, Setup};
use engine::{Engine, Silent};
use gal::Side;
use jiff::{SignedDuration, Timestamp};
use profile::{Pair, Profile, Tenant};
use state::StateStore;
use tenants::Surroundings;
use tokio::sync::Mutex;

use crate::metrics::Told;
use crate::{ServerlessError, Settings};

/// How long a connection is kept, with its credential and its tokens: a rotated credential is used within the hour, and the old
/// one serves for weeks.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// Where credentials come from.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The credential in a secret.
    async fn credential(&self, secret: &str) -> Result<Credential, CredentialError>;
}

#[async_trait]
impl Credentials for SecretsManager {
    async fn credential(&self, secret: &str) -> Result<Credential, CredentialError> {
        self.current(secret).await
    }
}

/// What a function has of its surroundings.
pub struct Parts {
    /// What the template told.
    pub settings: Settings,
    /// The stack's table.
    pub store: StateStore,
    /// Where credentials come from.
    pub credentials: Arc<dyn Credentials>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Real chance, anew for each connection: ids of requests are never used twice.
    pub seed: fn() -> [u8; 32],
    /// Takes a line for CloudWatch: in Lambda, standard output.
    pub tell: fn(&str),
}

/// Makes engines; it lives as long as the process, and remembers connections for a while.
pub struct Client {
    parts: Parts,
    remembered: Mutex<BTreeMap<String, Remembered>>,
}

struct Remembered {
    since: Timestamp,
    /// What the profile said of the tenant; another tenant by now is connected to anew.
    tenant: Tenant,
    pairs_at_once: usize,
    connection: Connection,
    /// When its certificate ends.
    ends: Timestamp,
}

impl Client {
    /// Over these parts.
    pub fn new(parts: Parts) -> Self {
        Self { parts, remembered: Mutex::new(BTreeMap::new()) }
    }

    /// What the template told.
    pub fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// The engine for a pair. `request`: the id of the invocation, which names the run in leases. `sides`: the tenants that are
    /// called.
    ///
    /// # Errors
    /// No profile, a pair that it does not know, a secret that cannot serve: nothing is sent to any tenant.
    pub async fn engine(&self, pair: &str, request: &str, sides: &[Side]) -> Result<Engine, ServerlessError> {
        let profile = self.profile().await?;
        let installation = self.installation(&profile).await?;
        let setup = Setup::of(&profile);
        let mut connections = BTreeMap::new();
        if let Some(pair) = profile.pair(pair) {
            for side in sides {
                let (name, connection) = self.connect(&profile, pair, *side).await?;
                connections.insert(name, connection);
            }
        }
        let engine = Engine {
            store: Arc::new(self.parts.store.clone()),
            clock: self.parts.clock.clone(),
            connections,
            setup: Arc::new(setup),
            installation,
            owner: request.to_owned(),
            progress: Arc::new(Silent),
        };
        engine.pair(pair)?;
        Ok(engine)
    }

    /// Tells CloudWatch of a cycle of a pair.
    pub(crate) fn tell(&self, pair: &str, told: Told) {
        if let Some(line) = told.line(self.parts.settings.stack(), pair, self.now()) {
            (self.parts.tell)(&line);
        }
    }

    /// Days until the first certificate ends, of the tenants that this process has connected to.
    pub(crate) async fn certificate_days(&self) -> Option<i64> {
        let now = self.now();
        let remembered = self.remembered.lock().await;
        remembered.values().map(|known| known.ends.duration_since(now).as_hours() / 24).min()
    }

    /// When a tenant's certificate ends, and what there is to say of it.
    pub(crate) async fn certificate(&self, tenant: &str) -> (String, Option<Timestamp>) {
        match self.credential(tenant).await {
            Ok(credential) => (credential.expiry(self.now()).to_string(), Some(credential.not_after())),
            Err(error) => (error.to_string(), None),
        }
    }

    /// A tenant's current credential.
    pub(crate) async fn credential(&self, tenant: &str) -> Result<Credential, ServerlessError> {
        let credential = self.parts.credentials.credential(&self.parts.settings.secret(tenant)).await;
        credential.map_err(|error| ServerlessError::Credential { tenant: tenant.to_owned(), error })
    }

    /// The clock.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.parts.clock
    }

    /// The stack's table.
    pub(crate) fn store(&self) -> &StateStore {
        &self.parts.store
    }

    /// Sixteen bytes of chance.
    pub(crate) fn chance(&self) -> [u8; 16] {
        let seed = (self.parts.seed)();
        std::array::from_fn(|place| seed[place])
    }

    /// What a connection of its own has of this process.
    pub(crate) fn surroundings(&self, pairs_at_once: usize) -> Surroundings {
        Surroundings { clock: self.parts.clock.clone(), seed: (self.parts.seed)(), pairs_at_once, observer: None }
    }

    /// The stored profile.
    pub(crate) async fn profile(&self) -> Result<Profile, ServerlessError> {
        let Some(stored) = self.parts.store.profile().await? else {
            return Err(ServerlessError::NoProfile { table: self.parts.settings.table.clone() });
        };
        let name = format!("profile version {}", stored.version);
        let parsed = Profile::parse_bundle(&name, &stored.item);
        parsed.map(|(profile, _)| profile).map_err(|errors| ServerlessError::Profile(errors.to_string()))
    }

    async fn installation(&self, profile: &Profile) -> Result<String, ServerlessError> {
        let stored = self.parts.store.installation(&profile.installation).await?;
        if stored == profile.installation {
            return Ok(stored);
        }
        Err(ServerlessError::Installation { stored, profile: profile.installation.clone() })
    }

    async fn connect(&self, profile: &Profile, pair: &Pair, side: Side) -> Result<(String, Connection), ServerlessError> {
        let name = pair.tenant(side);
        let Some(tenant) = profile.tenants.get(name) else {
            return Err(ServerlessError::Profile(format!("it has no tenant {name}")));
        };
        // Each pair of a tenant runs in a function of its own.
        let pairs_at_once = profile.pairs.iter().filter(|other| Side::BOTH.into_iter().any(|side| other.tenant(side) == name)).count();
        let now = self.now();
        let mut remembered = self.remembered.lock().await;
        if let Some(known) = remembered.get(name)
            && now.duration_since(known.since) < KEPT
            && (&known.tenant, known.pairs_at_once) == (tenant, pairs_at_once)
        {
            return Ok((name.to_owned(), known.connection.clone()));
        }
        let credential = self.credential(name).await?;
        let ends = credential.not_after();
        let connection = tenants::connect(tenant, &Arc::new(credential), &self.surroundings(pairs_at_once))?;
        let known = Remembered { since: now, tenant: tenant.clone(), pairs_at_once, connection: connection.clone(), ends };
        remembered.insert(name.to_owned(), known);
        Ok((name.to_owned(), connection))
    }
}
