//! What touches recipients without changing them: a new profile, accepted domains, a released
//! address. It is evaluated here and puts them on the agenda.

use std::collections::BTreeSet;

use gal::recipient::domain_of;
use gal::{Anchor, Side};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::records::{AgendaRow, Due, ReadingState};
use crate::setup::PairSetup;

impl Engine {
    /// Whoever on `side` holds one of these addresses is looked at again.
    pub(crate) async fn touch_holders(&self, pair: &PairSetup, side: Side, addresses: &BTreeSet<String>) -> Result<(), EngineError> {
        let mut anchors = BTreeSet::new();
        for address in addresses {
            anchors.extend(self.store.holders(&pair.name, side, address).await?);
        }
        self.touch(pair, side, anchors).await
    }

    /// Puts recipients on the agenda, due now.
    pub(crate) async fn touch(&self, pair: &PairSetup, side: Side, anchors: impl IntoIterator<Item = Anchor>) -> Result<(), EngineError> {
        let due = self.now();
        let rows: Vec<AgendaRow> =
            anchors.into_iter().map(|anchor| AgendaRow { due, side, anchor, why: Due::Touched, version: 0 }).collect();
        if !rows.is_empty() {
            self.store.put_agenda(&pair.name, &rows).await?;
        }
        Ok(())
    }

    /// Scope or mapping changed: everybody is looked at again, shard by shard. The static contacts too.
    pub(crate) async fn touch_everything(&self, pair: &PairSetup, reading: &mut ReadingState) -> Result<(), EngineError> {
        let first = reading.settings == gal::Sides::default();
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

    /// Reads the accepted domains of a side's tenant; where they changed, everybody whose address is in a changed domain is looked at again.
    pub(crate) async fn refresh_and_touch(&self, pair: &PairSetup, side: Side) -> Result<(), EngineError> {
        let tenant = pair.tenants.get(side);
        let before: BTreeSet<_> = self.store.tenant(&tenant.name).await?.accepted_domains.into_iter().map(|domain| domain.domain).collect();
        if !self.refresh_domains(tenant).await? {
            return Ok(());
        }
        let after: BTreeSet<_> = self.store.tenant(&tenant.name).await?.accepted_domains.into_iter().map(|domain| domain.domain).collect();
        let changed: BTreeSet<&String> = before.symmetric_difference(&after).collect();
        for touched in Side::BOTH {
            for shard in 0..16 {
                let replicas = self.store.replica_shard(&pair.name, touched, shard).await?;
                let stamp = pair.tenants.get(touched).stamp_attribute;
                let concerned = replicas.iter().filter(|replica| {
                    let recipient = replica.recipient(stamp);
                    recipient
                        .primary
                        .as_deref()
                        .and_then(domain_of)
                        .is_some_and(|domain| changed.iter().any(|held| held.as_str() == domain))
                });
                self.touch(pair, touched, concerned.map(|replica| replica.anchor)).await?;
            }
        }
        Ok(())
    }
}
