//! Explaining: why somebody is, or is not, in the list (law 12).

use gal::operation::Operation;
use gal::plan::{Focus, Skipped};
use gal::reason::Note;
use gal::recipient::Presence;
use gal::{Anchor, Kind, Link, Phase, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::records::{AgendaRow, Due};

/// What is known of one recipient that holds an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// Its side.
    pub side: Side,
    /// The tenant.
    pub tenant: String,
    /// Its id.
    pub anchor: Anchor,
    /// What people call it.
    pub title: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it still exists.
    pub presence: Presence,
    /// Whether it is hidden.
    pub hidden: bool,
    /// The link it belongs to.
    pub link: Option<Link>,
    /// When its contact is removed, where that is decided.
    pub purge_at: Option<Timestamp>,
    /// Why it is not published, or left alone; `None`: it is published, or would be.
    pub skipped: Option<String>,
    /// The same in one word.
    pub code: Option<String>,
    /// What the next run would do about it.
    pub next: Vec<Operation>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Engine {
    /// Everybody who holds an address on either side, and why each is or is not published.
    pub async fn explain(&self, pair: &str, address: &str) -> Result<Vec<Explained>, EngineError> {
        let setup = self.pair(pair)?;
        let state = self.store.pair(&setup.name).await?;
        let address = gal::normalise::address(address);
        let mut rows = Vec::new();
        for side in Side::BOTH {
            for anchor in self.store.holders(&setup.name, side, &address).await? {
                rows.push(AgendaRow { due: self.now(), side, anchor, why: Due::Changed, version: 0 });
            }
        }
        for link in self.links_by_address(setup, &address).await? {
            let side = link.item.key.origin.source_side().unwrap_or(link.item.target_side());
            rows.push(AgendaRow { due: self.now(), side, anchor: link.item.key.anchor, why: Due::Changed, version: 0 });
        }
        rows.sort();
        rows.dedup();
        let loaded = self.load_due(setup, &rows, state.writing.merge.is_some()).await?;
        let focus = Focus::These(rows.iter().map(|row| ((row.side, row.anchor), false)).collect());
        let plan = self.plan_world(setup, &state.writing, &loaded, &focus).await?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                let entry = loaded.world.entry(row.side, row.anchor)?;
                let recipient = &entry.recipient;
                let link = loaded.world.link_of(row.side, row.anchor).cloned();
                let about = |side: Side, anchor: Anchor| side == row.side && anchor == row.anchor;
                let skipped: Option<&Skipped> = plan.skipped.iter().find(|skipped| about(skipped.side, skipped.anchor));
                let next = plan.operations.iter().filter(|operation| crate::reconcile::halves(operation).contains(&(row.side, row.anchor)));
                let notes = plan.notes.iter().filter(|noted| about(noted.side, noted.anchor)).map(|noted| &noted.note);
                Some(Explained {
                    side: row.side,
                    tenant: setup.tenants.get(row.side).name.clone(),
                    anchor: row.anchor,
                    title: recipient.title().to_owned(),
                    kind: recipient.kind,
                    presence: recipient.presence,
                    hidden: recipient.hidden,
                    purge_at: link.as_ref().and_then(|link| match link.phase {
                        Phase::Staged { since, .. } => Some(gal::decide::purge_at(since, setup.policy.deletion_grace_days)),
                        Phase::Creating { .. } | Phase::Joining | Phase::Live | Phase::Kept | Phase::Suppressed { .. } => None,
                    }),
                    skipped: skipped.map(|skipped| skipped.reason.to_string()),
                    code: skipped.map(|skipped| skipped.reason.code().to_owned()),
                    next: next.cloned().collect(),
                    notes: notes.map(Note::to_string).collect(),
                    link,
                })
            })
            .collect())
    }

    /// How many contacts of either side bear this installation's stamp (for people: it looks at every shard).
    pub async fn stamped(&self, pair: &str) -> Result<u64, EngineError> {
        let setup = self.pair(pair)?;
        let mut count = 0;
        for side in Side::BOTH {
            let stamp = setup.tenants.get(side).stamp_attribute;
            for shard in 0..16 {
                let replicas = self.store.replica_shard(&setup.name, side, shard).await?;
                let recipients =
                    replicas.iter().filter(|replica| replica.presence == Presence::Present).map(|replica| replica.recipient(stamp));
                let ours = |recipient: &gal::Recipient| recipient.mark.stamp().is_some_and(|stamp| stamp.installation == self.installation);
                count += recipients.filter(ours).count() as u64;
            }
        }
        Ok(count)
    }

    /// Every link that is quarantined, with its reason (for people: it looks at every shard).
    pub async fn quarantined(&self, pair: &str) -> Result<Vec<Link>, EngineError> {
        let setup = self.pair(pair)?;
        let mut found = Vec::new();
        for shard in 0..16 {
            let links = self.store.link_shard(&setup.name, shard).await?;
            found.extend(links.into_iter().map(|link| link.item).filter(|link| link.quarantine.is_some()));
        }
        found.sort_by_key(|link| link.key);
        Ok(found)
    }
}
