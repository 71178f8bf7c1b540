//! What a simulation is made of.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::clock::ClockKind;
use crate::cloud::Cloud;
use crate::faults::FaultLevel;

/// A tenant to make.
#[derive(Debug, Clone)]
pub struct TenantSpec {
    /// Short name; its domains are made from it.
    pub name: String,
    /// How many objects its directory begins with. Zero makes an empty one.
    pub count: usize,
    /// Where it lives.
    pub cloud: Cloud,
}

impl TenantSpec {
    /// A tenant of the worldwide cloud.
    pub fn new(name: impl Into<String>, count: usize) -> TenantSpec {
        TenantSpec { name: name.into(), count, cloud: Cloud::Global }
    }

    /// Reads `name:count[:cloud]`.
    pub fn parse(text: &str) -> Result<TenantSpec, String> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!("{text:?}: a tenant's name is lower-case letters, digits and dashes"));
        }
        let count = parts.next().unwrap_or("0");
        let count = count.parse().map_err(|_| format!("{text:?}: {count:?} is no number of objects"))?;
        let cloud = match parts.next() {
            None => Cloud::Global,
            Some(cloud) => Cloud::parse(cloud).ok_or_else(|| format!("{text:?}: {cloud:?} is no cloud"))?,
        };
        Ok(TenantSpec { name: name.to_owned(), count, cloud })
    }
}

/// How long answers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latency {
    /// No time at all.
    None,
    /// As long as the real services take.
    Real,
}

/// Everything a simulation is made from. The same configuration makes the same simulation.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// From which all chance comes.
    pub seed: u64,
    /// The tenants.
    pub tenants: Vec<TenantSpec>,
    /// How hostile the services are.
    pub faults: FaultLevel,
    /// How long answers take.
    pub latency: Latency,
    /// Which clock everything follows.
    pub clock: ClockKind,
    /// The instant the manual and the tokio clock begin at.
    pub start: Timestamp,
    /// Contacts a tenant may create in an hour; none is no limit.
    pub creation_quota: Option<u32>,
    /// Exchange requests a tenant answers at once.
    pub concurrency: u32,
    /// How long a new certificate is unknown to the token endpoint.
    pub certificate_delay: Duration,
    /// How long a token lives; none is Entra's 60 to 90 minutes.
    pub token_lifetime: Option<Duration>,
    /// Objects on a page of Graph, at most 200.
    pub graph_page: usize,
    /// Where to write every exchange.
    pub trace: Option<PathBuf>,
    /// The scheme of the simulator's own links when a request does not tell.
    pub https: bool,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        SimulatorConfig {
            seed: 7,
            tenants: vec![TenantSpec::new("contoso", 0), TenantSpec::new("fabrikam", 0)],
            faults: FaultLevel::None,
            latency: Latency::None,
            clock: ClockKind::Manual,
            // 2026-01-15T08:00:00Z
            start: Timestamp::from_second(1_768_464_000).unwrap_or(Timestamp::UNIX_EPOCH),
            creation_quota: None,
            concurrency: 3,
            certificate_delay: Duration::ZERO,
            token_lifetime: None,
            graph_page: 100,
            trace: None,
            https: false,
        }
    }
}

/// What a client must know of a tenant.
#[derive(Debug, Clone, Serialize)]
pub struct TenantInfo {
    /// Short name.
    pub name: String,
    /// Entra's tenant id.
    pub id: Uuid,
    /// Its default domain.
    pub domain: String,
    /// Its `onmicrosoft.com` domain.
    pub initial_domain: String,
    /// Where it lives.
    pub cloud: Cloud,
    /// The application's client id; the same application in every tenant would be one id, here each has its own.
    pub app_id: Uuid,
    /// The application's object id.
    pub app_object_id: Uuid,
    /// Groups worth scoping by: `all-staff`, `nested`, `large`, as far as they exist.
    pub groups: std::collections::BTreeMap<String, Uuid>,
}
