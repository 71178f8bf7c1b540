//! What a process is made of: its connections to the simulated tenants, and an engine over the state.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use credentials::Credential;
use engine::setup::{Connection, Setup};
use engine::{Engine, Silent};
use http_body_util::Full;
use m365_simulator::{Simulator, TenantInfo};
use microsoft365::{Budget, Hosts, Parts, SeededIds, Settings, Tenant365, Timeouts, Transport};
use state::StateStore;
use tower::{Service, ServiceExt as _};

use crate::certificates::Certificates;
use crate::outside::Outside;
use crate::{Recorder, RigClock};

/// The surroundings of a process that starts.
pub(crate) struct Process<'r> {
    pub(crate) simulator: &'r Simulator,
    pub(crate) clock: &'r Arc<RigClock>,
    pub(crate) recorded: &'r Arc<Recorder>,
    pub(crate) outside: &'r Outside,
    pub(crate) certificates: &'r Certificates,
    pub(crate) seed: u64,
    /// How many there were before: each has chances of its own.
    pub(crate) restarts: u64,
}

impl Process<'_> {
    /// Its engine.
    pub(crate) fn engine(&self, state: Arc<StateStore>, setup: Setup) -> Engine {
        let ids = self.ids();
        let mut connections = BTreeMap::new();
        for tenant in self.simulator.tenants() {
            let client = self.client(&tenant, self.certificates.current(&tenant.name), &ids);
            connections.insert(tenant.name, Connection { reader: client.clone(), writer: client });
        }
        Engine {
            store: state,
            clock: self.clock.clone(),
            connections,
            setup: Arc::new(setup),
            installation: "rig".to_owned(),
            owner: format!("rig-{}", self.restarts),
            progress: Arc::new(Silent),
        }
    }

    /// Where its ids come from, for all its clients.
    pub(crate) fn ids(&self) -> Arc<SeededIds> {
        Arc::new(SeededIds::from_number(self.seed.wrapping_mul(1_000).wrapping_add(self.restarts)))
    }

    /// A client of a tenant that signs with this credential.
    pub(crate) fn client(&self, tenant: &TenantInfo, signer: Arc<Credential>, ids: &Arc<SeededIds>) -> Arc<Tenant365> {
        let hosts = Hosts::single("http://127.0.0.1:4365").expect("a loopback host");
        let parts = Parts {
            transport: Transport::in_process(counted(self.simulator.router(), self.outside.clone()), Timeouts::default()),
            signer,
            clock: self.clock.clone(),
            ids: ids.clone(),
            budget: Budget::of_pair(1),
            observer: Some(self.recorded.clone()),
        };
        Arc::new(Tenant365::new(Settings::new(tenant.name.clone(), tenant.id, tenant.app_id, hosts), parts))
    }
}

/// The simulator's router, with its calls counted.
fn counted(
    router: axum::Router,
    outside: Outside,
) -> impl Service<http::Request<Full<Bytes>>, Response = axum::response::Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(move |request: http::Request<Full<Bytes>>| {
        let (router, outside) = (router.clone(), outside.clone());
        async move {
            let call = outside.before().await;
            let answer = router.oneshot(request).await;
            outside.after(call).await;
            answer
        }
    })
}
