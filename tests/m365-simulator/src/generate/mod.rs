//! Makes the directories from the seed.

mod build;
mod names;
mod person;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::{SimulatorConfig, TenantInfo, TenantSpec};
use crate::dice::Dice;
use crate::directory::address::{AcceptedDomain, DomainType};
use crate::tenant::{Tenant, TenantState};

/// Makes every tenant.
pub(crate) fn tenants(config: &SimulatorConfig, now: Timestamp) -> Vec<Tenant> {
    let mut made: Vec<(TenantInfo, TenantState)> = config.tenants.iter().map(|spec| empty(config.seed, spec)).collect();
    // Own objects first: contacts and guests then point at people of the other tenants.
    let mut people: Vec<Vec<String>> = Vec::new();
    for ((info, state), spec) in made.iter_mut().zip(&config.tenants) {
        state.directory.without_history = true;
        people.push(build::own_objects(info, state, config.seed, spec.count, now));
    }
    for (at, ((info, state), spec)) in made.iter_mut().zip(&config.tenants).enumerate() {
        let others: Vec<&[String]> = people.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, list)| list.as_slice()).collect();
        build::outside_objects(info, state, config.seed, spec.count, now, &others);
        build::groups(info, state, config.seed, spec.count, now);
        state.directory.without_history = false;
        info.groups = state.notable_groups();
    }
    made.into_iter().map(|(info, state)| Tenant::new(info, state)).collect()
}

fn empty(seed: u64, spec: &TenantSpec) -> (TenantInfo, TenantState) {
    let mut dice = Dice::new(seed, &format!("{}/tenant", spec.name));
    let info = TenantInfo {
        name: spec.name.clone(),
        id: dice.uuid(),
        app_id: dice.uuid(),
        app_object_id: dice.uuid(),
        domain: format!("{}.example", spec.name),
        initial_domain: format!("{}.onmicrosoft.com", spec.name),
        cloud: spec.cloud,
        groups: BTreeMap::new(),
    };
    let accepted = |domain_name: String, domain_type: DomainType, default: bool| AcceptedDomain { domain_name, domain_type, default };
    let mut domains = vec![
        accepted(info.domain.clone(), DomainType::Authoritative, true),
        accepted(info.initial_domain.clone(), DomainType::Authoritative, false),
    ];
    if spec.count > 0 {
        domains.push(accepted(format!("{}-labs.example", spec.name), DomainType::Authoritative, false));
        domains.push(accepted(format!("relay.{}.example", spec.name), DomainType::InternalRelay, false));
    }
    let state = TenantState::new(seed, &spec.name, domains);
    (info, state)
}
