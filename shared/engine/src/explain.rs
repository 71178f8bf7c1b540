//! Explaining: why somebody is, or is not, in the list (law 12).

use std::collections::{BTreeMap, BTreeSet};

use gal::operation::Operation;
use gal::plan::{Focus, Plan, Skipped, foresee};
use gal::policy::MergeMode;
use gal::reason::{Note, SkipReason};
use gal::recipient::Presence;
use gal::{Anchor, Kind, Link, LinkKey, Origin, Phase, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::load::Loaded;
use crate::records::{AgendaRow, Due, Merge, MergeOptions, WritingState};
use crate::setup::PairSetup;

/// What is known of one recipient that holds an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// Its side.
    pub side: Side,
    /// The tenant.
    pub tenant: String,
    /// Its id.
    pub anchor: Anchor,
    /// Whether it is a static contact of the profile: it stands in no tenant, and `side` and `tenant` say where it is published.
    #[serde(default)]
    pub of_profile: bool,
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
    /// How it is seen in the other tenant, where a contact stands for it.
    #[serde(default)]
    pub seen: Option<Seen>,
    /// What the next run would do about it.
    pub next: Vec<Operation>,
    /// Which of that the guard holds for a person, as `operation link`.
    #[serde(default)]
    pub held: Vec<String>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// The contact that stands for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The tenant where it stands.
    pub tenant: String,
    /// What people there call it.
    pub title: String,
    /// The address that mail to it goes to.
    pub address: String,
    /// Whether it is hidden from address lists there.
    pub hidden: bool,
    /// When galbridge last wrote it.
    pub written_at: Option<Timestamp>,
}

impl Engine {
    /// Everybody who holds an address on either side, and why each is or is not published.
    pub async fn explain(&self, pair: &str, address: &str) -> Result<Vec<Explained>, EngineError> {
        let setup = self.pair(pair)?;
        let state = self.store.pair(&setup.name).await?;
        let address = gal::normalise::address(address);
        let mut rows = Vec::new();
        // One moment for all: rows that differ by nothing are one.
        let now = self.now();
        for side in Side::BOTH {
            for anchor in self.store.holders(&setup.name, side, &address).await? {
                rows.push(AgendaRow { due: now, side, anchor, why: Due::Changed, version: 0 });
            }
            // As the agenda names them.
            let statics = setup.statics_with(side, &BTreeSet::from([address.clone()]));
            rows.extend(statics.into_iter().map(|anchor| AgendaRow { due: now, side, anchor, why: Due::Touched, version: 0 }));
        }
        for link in self.links_by_address(setup, &address).await? {
            let (side, why) = match link.item.key.origin.source_side() {
                Some(side) => (side, Due::Changed),
                None => (link.item.target_side(), Due::Touched),
            };
            rows.push(AgendaRow { due: now, side, anchor: link.item.key.anchor, why, version: 0 });
        }
        rows.sort();
        rows.dedup();
        let loaded = self.load_due(setup, &rows, state.writing.merge.as_ref().is_some_and(|merge| merge.options.is_pilot())).await?;
        let focus = Focus::These(rows.iter().map(|row| ((row.side, row.anchor), false)).collect());
        let mut plan = self.plan_world(setup, &state.writing, &loaded, &focus, foresee).await?;
        self.tell_beyond_the_merge(setup, &state.writing, &loaded, &focus, &mut plan).await?;
        Ok(rows.iter().filter_map(|row| explained(setup, &state.writing, &loaded, &plan, row)).collect())
    }

    /// Whoever waits for a merge may wait in vain: what a merge would find in the way is told now.
    async fn tell_beyond_the_merge(
        &self,
        setup: &PairSetup,
        writing: &WritingState,
        loaded: &Loaded,
        focus: &Focus,
        plan: &mut Plan,
    ) -> Result<(), EngineError> {
        if plan.skipped.iter().all(|one| one.reason != SkipReason::NotInMerge) {
            return Ok(());
        }
        let options = MergeOptions::of(MergeMode::TwoWay);
        let merge = Some(Merge { options, confirmed: self.now(), checksum: String::new(), settings: setup.settings });
        let merged = self.plan_world(setup, &WritingState { merge, ..writing.clone() }, loaded, focus, foresee).await?;
        for waits in plan.skipped.iter_mut().filter(|one| one.reason == SkipReason::NotInMerge) {
            let then = merged.skipped.iter().find(|one| (one.side, one.anchor) == (waits.side, waits.anchor));
            if let Some(then) = then {
                waits.reason.clone_from(&then.reason);
            }
        }
        Ok(())
    }

    /// Links that a stamp on a side speaks of, and that are not stored: lost rows. It looks at every shard. Two contacts with one stamp are
    /// an error to report, and nothing that `rebuild` would restore.
    pub(crate) async fn lost_links(&self, pair: &PairSetup, side: Side) -> Result<BTreeSet<LinkKey>, EngineError> {
        let stamp = pair.tenants.get(side).stamp_attribute;
        let mut bearers: BTreeMap<LinkKey, u64> = BTreeMap::new();
        for shard in 0..16 {
            let replicas = self.store.replica_shard(&pair.name, side, shard).await?;
            let present = replicas.iter().filter(|replica| replica.presence == Presence::Present).map(|replica| replica.recipient(stamp));
            let told = present.filter_map(|recipient| self.told_by_stamp(pair, side, &recipient));
            told.for_each(|link| *bearers.entry(link.key).or_default() += 1);
        }
        let mut lost: BTreeSet<LinkKey> = bearers.into_iter().filter(|(_, bearers)| *bearers == 1).map(|(key, _)| key).collect();
        if !lost.is_empty() {
            for shard in 0..16 {
                for link in self.store.link_shard(&pair.name, shard).await? {
                    lost.remove(&link.item.key);
                }
            }
        }
        Ok(lost)
    }

    /// Every link that is quarantined, with its reason (for people: it looks at every shard).
    pub async fn quarantined(&self, pair: &str) -> Result<Vec<Link>, EngineError> {
        self.links_where(pair, |link| link.quarantine.is_some()).await
    }

    /// Every link of which this is true, in the order of their keys. It looks at every shard.
    pub(crate) async fn links_where(&self, pair: &str, is: impl Fn(&Link) -> bool) -> Result<Vec<Link>, EngineError> {
        let setup = self.pair(pair)?;
        let mut found = Vec::new();
        for shard in 0..16 {
            let links = self.store.link_shard(&setup.name, shard).await?;
            found.extend(links.into_iter().map(|link| link.item).filter(|link| is(link)));
        }
        found.sort_by_key(|link| link.key);
        Ok(found)
    }
}

/// What is known of the recipient of a row; nothing if there is none.
fn explained(setup: &PairSetup, writing: &WritingState, loaded: &Loaded, plan: &Plan, row: &AgendaRow) -> Option<Explained> {
    let as_static = LinkKey { origin: Origin::static_on(row.side), anchor: row.anchor };
    let entry = loaded.world.entry(row.side, row.anchor);
    let (recipient, link, of_profile) = match (entry, loaded.world.static_contact(as_static)) {
        (Some(entry), _) => (&entry.recipient, loaded.world.link_of(row.side, row.anchor).cloned(), false),
        (None, Some(entry)) => (&entry.recipient, loaded.world.link(as_static).cloned(), true),
        (None, None) => return None,
    };
    let about = |side: Side, anchor: Anchor| side == row.side && anchor == row.anchor;
    let skipped: Option<&Skipped> = plan.skipped.iter().find(|skipped| about(skipped.side, skipped.anchor));
    let halves = |operation: &&Operation| crate::reconcile::halves(operation).contains(&(row.side, row.anchor));
    let next: Vec<Operation> = plan.operations.iter().filter(halves).cloned().collect();
    let holds =
        |operation: &Operation| writing.holds.get(operation.side).as_ref().is_some_and(|hold| hold.operations.contains(&operation.id()));
    let notes = plan.notes.iter().filter(|noted| about(noted.side, noted.anchor)).map(|noted| &noted.note);
    // Nobody removes a contact that must yield but a person.
    let stands_still = skipped.is_some_and(|skipped| matches!(skipped.reason, SkipReason::MustYield { .. }));
    // Somebody who is gone is known by the address alone.
    let title = match recipient.title() {
        "" => link.as_ref().map_or_else(|| row.anchor.to_string(), |link| link.address.clone()),
        title => title.to_owned(),
    };
    Some(Explained {
        side: row.side,
        tenant: setup.tenants.get(row.side).name.clone(),
        anchor: row.anchor,
        of_profile,
        title,
        kind: recipient.kind,
        presence: recipient.presence,
        hidden: recipient.hidden,
        purge_at: link.as_ref().filter(|_| !stands_still).and_then(|link| match link.phase {
            Phase::Staged { since, .. } => Some(gal::decide::purge_at(since, setup.policy.deletion_grace_days)),
            Phase::Creating { .. } | Phase::Joining | Phase::Live | Phase::Kept | Phase::Suppressed { .. } => None,
        }),
        skipped: skipped.map(|skipped| skipped.reason.to_string()),
        code: skipped.map(|skipped| skipped.reason.code().to_owned()),
        seen: link.as_ref().filter(|link| of_profile || link.target_side() != row.side).and_then(|link| seen(setup, loaded, link)),
        held: next.iter().filter(|operation| holds(operation)).map(Operation::id).collect(),
        next,
        notes: notes.map(told).collect(),
        link,
    })
}

/// The contact of a link, where it was read.
fn seen(setup: &PairSetup, loaded: &Loaded, link: &Link) -> Option<Seen> {
    let side = link.target_side();
    let contact = &loaded.world.entry(side, link.target?).filter(|entry| entry.recipient.is_present())?.recipient;
    Some(Seen {
        tenant: setup.tenants.get(side).name.clone(),
        title: contact.title().to_owned(),
        address: contact.primary.clone().unwrap_or_default(),
        hidden: contact.hidden,
        written_at: link.written_at,
    })
}

/// A note, with both values where the two sides differ.
fn told(note: &Note) -> String {
    match note {
        Note::Differing { stays, says, .. } => {
            let quoted = |value: &Option<String>| value.as_ref().map_or_else(|| "blank".to_owned(), |value| format!("\"{value}\""));
            format!("{note}: {} stands, the source says {}", quoted(stays), quoted(says))
        }
        other => other.to_string(),
    }
}
