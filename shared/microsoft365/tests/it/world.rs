//! The simulator as the other side, called in-process in paused time.

use std::sync::{Arc, OnceLock};

use credentials::Credential;
use m365_simulator::{ClockKind, FaultLevel, Simulator, SimulatorConfig, TenantInfo, TenantSpec};
use microsoft365::{Budget, Cloud, Hosts, Parts, SeededIds, Settings, Tenant365, Timeouts, Transport};

use crate::script::{TokioClock, start};

/// A certificate, made once: keys take time.
pub(crate) fn certificate() -> Arc<Credential> {
    static MADE: OnceLock<Arc<Credential>> = OnceLock::new();
    MADE.get_or_init(|| Arc::new(Credential::generate("galbridge", start(), 30).unwrap())).clone()
}

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) tenant: Tenant365,
    pub(crate) info: TenantInfo,
    pub(crate) parts: Parts,
}

pub(crate) fn config(objects: usize, faults: FaultLevel) -> SimulatorConfig {
    let tenants = vec![TenantSpec::new("contoso", objects)];
    SimulatorConfig { tenants, faults, clock: ClockKind::Tokio, start: start(), ..SimulatorConfig::default() }
}

pub(crate) fn world(config: SimulatorConfig) -> World {
    let simulator = Simulator::new(config).unwrap();
    let certificate = certificate();
    simulator.register_certificate(None, &certificate.public_certificate_pem().unwrap()).unwrap();
    let info = simulator.tenants().remove(0);
    let parts = Parts {
        transport: Transport::in_process(simulator.router(), Timeouts::default()),
        signer: certificate,
        clock: TokioClock::starting(start()),
        ids: Arc::new(SeededIds::from_number(7)),
        budget: Budget::new(3),
        observer: None,
    };
    let tenant = Tenant365::new(settings(&info), parts.clone());
    World { simulator, tenant, info, parts }
}

pub(crate) fn settings(info: &TenantInfo) -> Settings {
    Settings::new(&info.name, info.id, info.app_id, Hosts::of(Cloud::Global))
}
