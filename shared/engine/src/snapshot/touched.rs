//! What touches recipients without changing them: a new profile, accepted domains, a released
//! address. It is evaluated here and puts them on the agenda.

use std::collections::BTreeSet;

use gal::recipient::domain_of;
use gal::{Anchor, Kind, Side};
use tracing::warn;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{AcceptedDomain, Versioned};
use crate::records::{AgendaRow, Due, ReadingState, TenantState};
use crate::setup::{PairSetup, TenantSetup};

/// Above the version of any replica: such a row replaces the one of the same moment, and whoever planned that one leaves it.
const AGAIN: u64 = 1 << 40;

impl Engine {
    /// Whoever on `side` is found by one of these keys of the holder index: addresses, or the manager's Name.
    pub(crate) async fn holders_of(&self, pair: &PairSetup, side: Side, keys: &BTreeSet<String>) -> Result<BTreeSet<Anchor>, EngineError> {
        let mut anchors = BTreeSet::new();
        for key in keys {
            anchors.extend(self.store.holders(&pair.name, side, key).await?);
        }
        Ok(anchors)
    }

    /// Puts recipients on the agenda, due now.
    pub(crate) async fn touch(&self, pair: &PairSetup, side: Side, anchors: impl IntoIterator<Item = Anchor>) -> Result<(), EngineError> {
        self.touch_as(pair, side, anchors, 0).await
    }

    /// The same once more, after what they were touched for is stored: a run that took the first row for done in between, even in the
    /// same moment, leaves this one.
    pub(crate) async fn touch_again(
        &self,
        pair: &PairSetup,
        side: Side,
        anchors: impl IntoIterator<Item = Anchor>,
    ) -> Result<(), EngineError> {
        self.touch_as(pair, side, anchors, AGAIN).await
    }

    async fn touch_as(
        &self,
        pair: &PairSetup,
        side: Side,
        anchors: impl IntoIterator<Item = Anchor>,
        version: u64,
    ) -> Result<(), EngineError> {
        let due = self.now();
        let rows: Vec<AgendaRow> = anchors.into_iter().map(|anchor| AgendaRow { due, side, anchor, why: Due::Touched, version }).collect();
        if !rows.is_empty() {
            self.store.put_agenda(&pair.name, &rows).await?;
        }
        Ok(())
    }

    /// Scope or mapping changed: everybody is looked at again, shard by shard. The static contacts too, also those that the
    /// profile does not name any more.
    pub(crate) async fn touch_everything(&self, pair: &PairSetup, reading: &mut ReadingState) -> Result<(), EngineError> {
        let first = reading.settings == gal::Sides::default();
        for shard in 0..16 {
            for Versioned { item: link, .. } in self.store.link_shard(&pair.name, shard).await? {
                if link.key.origin.source_side().is_none() {
                    self.touch(pair, link.target_side(), [link.key.anchor]).await?;
                }
            }
        }
        for side in Side::BOTH {
            let statics = pair.statics.iter().filter(|(target, _)| *target == side).map(|(_, recipient)| recipient.anchor);
            self.touch(pair, side, statics).await?;
            if first || reading.settings.get(side) == pair.settings.get(side) {
                continue;
            }
            for shard in 0..16 {
                let replicas = self.store.replica_shard(&pair.name, side, shard).await?;
                self.touch(pair, side, replicas.into_iter().map(|replica| replica.anchor)).await?;
            }
        }
        Ok(())
    }

    /// Reads the accepted domains of a tenant; answers whether they changed. Whoever has an address in a changed domain is
    /// looked at again, in every pair: the domains of all tenants of the profile tell who is a stand-in. The domains are
    /// stored last, so that a crash in between forgets nobody.
    pub(crate) async fn refresh_domains(&self, tenant: &TenantSetup) -> Result<bool, EngineError> {
        let reader = &self.connection(tenant)?.reader;
        let mut domains = reader.accepted_domains().await.map_err(|error| EngineError::read(&tenant.name, error))?;
        domains.sort_by(|left, right| left.domain.cmp(&right.domain));
        let state = self.store.tenant(&tenant.name).await?;
        if state.accepted_domains == domains {
            return Ok(false);
        }
        let (before, now): (BTreeSet<&AcceptedDomain>, BTreeSet<&AcceptedDomain>) =
            (state.accepted_domains.iter().collect(), domains.iter().collect());
        let changed: BTreeSet<&str> = before.symmetric_difference(&now).map(|domain| domain.domain.as_str()).collect();
        self.touch_domains_everywhere(tenant, &changed).await?;
        self.store.put_tenant(&tenant.name, &TenantState { accepted_domains: domains.clone(), ..state }).await?;
        // A run in between has looked at them by the former ones.
        self.touch_domains_everywhere(tenant, &changed).await?;
        Ok(true)
    }

    async fn touch_domains_everywhere(&self, tenant: &TenantSetup, changed: &BTreeSet<&str>) -> Result<(), EngineError> {
        for pair in &self.setup.pairs {
            for side in Side::BOTH {
                let own = pair.tenants.get(side).name == tenant.name;
                self.touch_domains(pair, side, own, changed).await?;
            }
        }
        Ok(())
    }

    /// Reads the domains of the profile's other tenants, where they were never read and a connection is there: their
    /// stand-ins must be known before the first merge. Whoever cannot be reached is asked with a pair of its own.
    pub(super) async fn learn_domains(&self) {
        for tenant in self.setup.tenants.iter().filter(|tenant| self.connections.contains_key(&tenant.name)) {
            let unknown = self.store.tenant(&tenant.name).await.is_ok_and(|state| state.accepted_domains.is_empty());
            if unknown && let Err(error) = self.refresh_domains(tenant).await {
                warn!(tenant = %tenant.name, error = %error, "the accepted domains could not be read; its stand-ins are not known yet");
            }
        }
    }

    /// `own`: the domains are this side's own; there only contacts depend on them.
    async fn touch_domains(&self, pair: &PairSetup, side: Side, own: bool, domains: &BTreeSet<&str>) -> Result<(), EngineError> {
        let stamp = pair.tenants.get(side).stamp_attribute;
        for shard in 0..16 {
            let replicas = self.store.replica_shard(&pair.name, side, shard).await?;
            let concerned = replicas.iter().filter(|replica| {
                let recipient = replica.recipient(stamp);
                let holds = |address: &String| domain_of(address).is_some_and(|domain| domains.contains(domain));
                (!own || recipient.kind == Kind::Contact) && (recipient.addresses.iter().any(holds) || recipient.primary.iter().any(holds))
            });
            self.touch(pair, side, concerned.map(|replica| replica.anchor)).await?;
        }
        Ok(())
    }
}
