//! The engine: the ports tied together, and what all use-cases share.

use std::collections::BTreeMap;
use std::sync::Arc;

use gal::policy::TenantFacts;
use gal::{Side, Sides};
use jiff::{SignedDuration, Timestamp};

use crate::error::EngineError;
use crate::ports::{AcceptedDomain, Clock, DomainType, Store};
use crate::records::{Lease, PairState, ReadingState, TenantState};
use crate::setup::{Connection, PairSetup, Setup, TenantSetup};

/// How long a lease lasts while a run reads, loads and decides.
pub(crate) const LEASE: SignedDuration = SignedDuration::from_mins(15);

/// How long it lasts while a run writes, which prolongs it as it goes: a process that died in the middle is followed by the next
/// tick, not by the one after.
const WRITING: SignedDuration = SignedDuration::from_mins(4);

/// How far the overlay looks back before its watermark: change times are not replicated between
/// Exchange's controllers (MICROSOFT.md 3.3).
pub(crate) const OVERLAP: SignedDuration = SignedDuration::from_hours(1);

/// Tells a person how far long work has come.
pub trait Progress: Send + Sync {
    /// `done` of `total` (0: unknown) of what `what` names.
    fn step(&self, what: &str, done: u64, total: u64);

    /// Whether the person asked to stop: the work ends at its next safe point, as if its time were up.
    fn stop_asked(&self) -> bool {
        false
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _what: &str, _done: u64, _total: u64) {}
}

/// The engine of one client.
#[derive(Clone)]
pub struct Engine {
    /// The state.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Connections by tenant name. A tenant that is not written needs none for `unpublish` of the other side.
    pub connections: BTreeMap<String, Connection>,
    /// The profile's tenants and pairs.
    pub setup: Arc<Setup>,
    /// The id of this installation.
    pub installation: String,
    /// Names this process and run in leases.
    pub owner: String,
    /// Where progress is told.
    pub progress: Arc<dyn Progress>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engine").field("owner", &self.owner).field("installation", &self.installation).finish_non_exhaustive()
    }
}

impl Engine {
    /// A pair of the profile.
    pub fn pair(&self, name: &str) -> Result<&PairSetup, EngineError> {
        self.setup.pairs.iter().find(|pair| pair.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.setup.pairs.iter().map(|pair| pair.name.as_str()).collect();
            EngineError::UnknownPair { pair: name.to_owned(), known: known.join(", ") }
        })
    }

    /// The connection to a tenant.
    pub(crate) fn connection(&self, tenant: &TenantSetup) -> Result<&Connection, EngineError> {
        self.connections.get(&tenant.name).ok_or_else(|| EngineError::NoConnection { tenant: tenant.name.clone() })
    }

    /// Refuses to go on where the profile means another directory than the one that was read: what is known of the one would be
    /// carried out in the other.
    pub(crate) fn same_tenants(pair: &PairSetup, reading: &ReadingState) -> Result<(), EngineError> {
        for side in Side::BOTH {
            let tenant = pair.tenants.get(side);
            if let Some(was) = reading.tenants.get(side).as_ref().filter(|was| **was != tenant.id) {
                let (was, now) = (was.clone(), tenant.id.clone());
                return Err(EngineError::AnotherTenant { pair: pair.name.clone(), side, tenant: tenant.name.clone(), was, now });
            }
        }
        Ok(())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn lease(&self) -> Lease {
        Lease { owner: self.owner.clone(), until: self.now() + LEASE }
    }

    /// Until when the lease of a run that writes lasts, if it is not prolonged again.
    pub(crate) fn lease_while_writing(&self) -> Timestamp {
        self.now() + WRITING
    }

    /// The facts of all tenants of the profile, from what was last read.
    pub(crate) async fn facts(&self) -> Result<BTreeMap<String, (TenantFacts, TenantState)>, EngineError> {
        let mut all = BTreeMap::new();
        for tenant in &self.setup.tenants {
            let state = self.store.tenant(&tenant.name).await?;
            all.insert(tenant.name.clone(), (facts_of(tenant, &state.accepted_domains), state));
        }
        Ok(all)
    }

    /// The pair's state, for people.
    pub async fn state(&self, pair: &str) -> Result<PairState, EngineError> {
        Ok(self.store.pair(pair).await?)
    }
}

/// The facts of a tenant with these accepted domains.
pub(crate) fn facts_of(tenant: &TenantSetup, domains: &[AcceptedDomain]) -> TenantFacts {
    let mut facts = Setup::bare_facts(tenant);
    for domain in domains {
        match domain.domain_type {
            DomainType::Authoritative => facts.authoritative_domains.insert(domain.domain.clone()),
            DomainType::Relay => facts.relay_domains.insert(domain.domain.clone()),
        };
    }
    facts
}

/// The facts of a pair's two tenants.
pub(crate) fn pair_facts(pair: &PairSetup, all: &BTreeMap<String, (TenantFacts, TenantState)>) -> Sides<TenantFacts> {
    Sides::from_fn(|side: Side| {
        let tenant = pair.tenants.get(side);
        all.get(&tenant.name).map_or_else(|| Setup::bare_facts(tenant), |(facts, _)| facts.clone())
    })
}
