//! From a tenant of the profile and its credential to a connection: the one place that ties `profile`, `credentials`
//! and `microsoft365` together, for the operator's command and for the functions; and the clock that both go by.

mod clock;

use std::sync::Arc;

use credentials::Credential;
use engine::ports::Clock;
use engine::setup::Connection;
use jiff::Timestamp;
use microsoft365::{Budget, Cloud, Hosts, Observer, Parts, SeededIds, Settings, Tenant365, Timeouts, Transport, WireError};
use profile::Tenant;

pub use clock::SystemClock;

/// What a connection has of the process that makes it.
#[derive(Clone)]
pub struct Surroundings {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where ids of requests and jitter come from: real chance, anew for each connection. Used twice, assertions would be replays.
    pub seed: [u8; 32],
    /// How many pairs of the tenant are served at the same time, each by a process of its own: they share its places.
    pub pairs_at_once: usize,
    /// Is told of each exchange, where a simulator is followed.
    pub observer: Option<Arc<dyn Observer>>,
}

/// A connection cannot be made. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("tenant {tenant}: {error}")]
pub struct ConnectError {
    /// The tenant.
    pub tenant: String,
    /// What is wrong with its hosts.
    pub error: WireError,
}

/// Connects to a tenant. Nothing is sent yet.
pub fn connect(tenant: &Tenant, credential: &Arc<Credential>, around: &Surroundings) -> Result<Connection, ConnectError> {
    let client = client(tenant, credential, Some(credential.not_before()), around)?;
    Ok(Connection { reader: client.clone(), writer: client })
}

/// The client of a tenant. `certificate_since`: as in [`Settings::certificate_since`]. Nothing is sent yet.
pub fn client(
    tenant: &Tenant,
    credential: &Arc<Credential>,
    certificate_since: Option<Timestamp>,
    around: &Surroundings,
) -> Result<Arc<Tenant365>, ConnectError> {
    let failed = |error| ConnectError { tenant: tenant.name.clone(), error };
    let parts = Parts {
        transport: Transport::https(Timeouts::default()).map_err(failed)?,
        signer: credential.clone(),
        clock: around.clock.clone(),
        ids: Arc::new(SeededIds::from_seed(around.seed)),
        budget: Budget::of_pair(around.pairs_at_once),
        observer: around.observer.clone(),
    };
    let settings =
        Settings { certificate_since, ..Settings::new(tenant.name.clone(), tenant.id, tenant.app_id, hosts(tenant).map_err(failed)?) };
    Ok(Arc::new(Tenant365::new(settings, parts)))
}

/// The hosts of a tenant: its cloud's, or its own.
fn hosts(tenant: &Tenant) -> Result<Hosts, WireError> {
    match &tenant.hosts {
        Some(own) => Hosts::own(&own.login, &own.graph, &own.exchange),
        None => Ok(Hosts::of(match tenant.cloud {
            profile::Cloud::Global => Cloud::Global,
            profile::Cloud::GccHigh => Cloud::GccHigh,
            profile::Cloud::Dod => Cloud::Dod,
            profile::Cloud::China => Cloud::China,
        })),
    }
}
