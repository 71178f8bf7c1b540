//! Makes the directories from the seed.

use jiff::Timestamp;
use uuid::Uuid;

use crate::config::{SimulatorConfig, TenantInfo};
use crate::dice::Dice;
use crate::directory::address::{AcceptedDomain, DomainType};
use crate::tenant::{Tenant, TenantState};

/// Makes every tenant.
pub(crate) fn tenants(config: &SimulatorConfig, now: Timestamp) -> Vec<Tenant> {
    let mut all = Vec::new();
    for spec in &config.tenants {
        let mut dice = Dice::new(config.seed, &format!("{}/tenant", spec.name));
        let mut draw = || -> Uuid { dice.uuid() };
        let domain = format!("{}.example", spec.name);
        let initial_domain = format!("{}.onmicrosoft.com", spec.name);
        let info = TenantInfo {
            name: spec.name.clone(),
            id: draw(),
            app_id: draw(),
            app_object_id: draw(),
            domain: domain.clone(),
            initial_domain: initial_domain.clone(),
            cloud: spec.cloud,
            groups: std::collections::BTreeMap::new(),
        };
        let accepted = |name: &str, default: bool| AcceptedDomain {
            domain_name: name.to_owned(),
            domain_type: DomainType::Authoritative,
            default,
        };
        let domains = vec![accepted(&domain, true), accepted(&initial_domain, false)];
        let state = TenantState::new(config.seed, &spec.name, domains);
        let _ = now;
        all.push(Tenant::new(info, state));
    }
    all
}
