//! Loading the part of the world that a plan looks at: everything for a merge, and for a cycle what
//! is due and what it touches. No cycle scans.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use gal::recipient::Presence;
use gal::stamp::made_name;
use gal::{Anchor, Entry, Link, LinkKey, Origin, Side, Sides, Stamp, World};
use jiff::Timestamp;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::Versioned;
use crate::records::{AgendaRow, Due, ReadingState, Replica};
use crate::setup::PairSetup;

/// Due rows from which on the whole directory is loaded: a query for each address would take longer.
const LOAD_EVERYTHING_FROM: usize = 1_000;

/// Queries of the holder index in flight.
const LOOKUPS: usize = 16;

/// The pseudo group that holds the members of a pilot.
pub(crate) const PILOT: Anchor = Anchor(uuid::Uuid::nil());

/// A loaded part of the world, with the versions for conditional writes.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) world: World,
    pub(crate) links: BTreeMap<LinkKey, u64>,
    /// Names (lower case) that are somebody's manager, where everything was loaded.
    pub(crate) managers: Option<Sides<BTreeSet<String>>>,
    /// Why nobody can be said to have left a side, beside what its reading says.
    pub(crate) unknown: Sides<Option<String>>,
}

/// Whom a pilot and the include groups admit.
struct Admission {
    scope: Sides<Option<BTreeSet<Anchor>>>,
    pilot: Sides<Option<BTreeSet<Anchor>>>,
    unknown: Sides<Option<String>>,
    /// When the last complete reading of a side began.
    last_full: Sides<Option<Timestamp>>,
}

impl Admission {
    /// A replica as the plan sees it. What it was made of is not kept: a directory is held once.
    fn entry(&self, pair: &PairSetup, side: Side, replica: &Replica) -> Entry {
        let admitted = |set: &Option<BTreeSet<Anchor>>| set.as_ref().is_none_or(|set| set.contains(&replica.anchor));
        let recipient = replica.recipient(pair.tenants.get(side).stamp_attribute);
        Entry {
            in_groups: admitted(self.scope.get(side)),
            in_pilot: admitted(self.pilot.get(side)),
            written_at: replica.written_at,
            looked_for: recipient.exchange || self.last_full.get(side).is_some_and(|began| replica.first_seen < began),
            recipient,
        }
    }
}

impl Loaded {
    /// A reading that knows who is in scope no more than this is incomplete: deletions wait (law 3).
    pub(crate) fn distrust(&self, reading: &mut ReadingState) {
        for side in Side::BOTH {
            let incomplete = &mut reading.sides.get_mut(side).incomplete;
            *incomplete = incomplete.take().or_else(|| self.unknown.get(side).clone());
        }
    }

    fn insert_link(&mut self, link: Link, version: u64) {
        self.links.insert(link.key, version);
        self.world.insert_link(link);
    }
}

/// Nobody yet but the static contacts, which stand in no directory.
fn empty(pair: &PairSetup) -> Loaded {
    let mut loaded = Loaded::default();
    for (origin, entry) in pair.static_entries() {
        loaded.world.insert_static(origin, entry);
    }
    loaded
}

impl Engine {
    /// Loads what the due rows touch, or everything if there are many.
    pub(crate) async fn load_due(&self, pair: &PairSetup, rows: &[AgendaRow], pilot: bool) -> Result<Loaded, EngineError> {
        if rows.len() >= LOAD_EVERYTHING_FROM {
            return self.load_everything(pair, pilot).await;
        }
        let mut loader = Loader { engine: self, pair, replicas: Sides::default(), links: BTreeMap::new(), missing: BTreeSet::new() };
        for side in Side::BOTH {
            let anchors: Vec<Anchor> = rows.iter().filter(|row| row.side == side).map(|row| row.anchor).collect();
            loader.replicas(side, anchors).await?;
        }
        loader.static_links(rows).await?;
        // Links bring halves, halves bring holders, holders bring their own links and halves.
        loader.links_of_replicas().await?;
        loader.followers().await?;
        loader.holders().await?;
        loader.links_of_replicas().await?;
        loader.managers().await?;
        loader.links_of_replicas().await?;
        let Loader { replicas, links, .. } = loader;
        let admission = self.admission(pair, pilot).await?;
        let mut loaded = Loaded { unknown: admission.unknown.clone(), ..empty(pair) };
        for side in Side::BOTH {
            for replica in replicas.get(side).values() {
                loaded.world.insert(side, admission.entry(pair, side, replica));
            }
        }
        for (link, version) in links.into_values() {
            loaded.insert_link(link, version);
        }
        Ok(loaded)
    }

    /// Loads both sides and all links.
    pub(crate) async fn load_everything(&self, pair: &PairSetup, pilot: bool) -> Result<Loaded, EngineError> {
        let admission = self.admission(pair, pilot).await?;
        let mut managers: Sides<BTreeSet<String>> = Sides::default();
        let mut loaded = Loaded { unknown: admission.unknown.clone(), ..empty(pair) };
        for shard in 0..16 {
            for side in Side::BOTH {
                for replica in self.store.replica_shard(&pair.name, side, shard).await? {
                    if let Some(name) = replica.reading.exchange.as_ref().and_then(|half| half.manager_name.as_deref()) {
                        managers.get_mut(side).insert(name.to_lowercase());
                    }
                    loaded.world.insert(side, admission.entry(pair, side, &replica));
                }
            }
            for Versioned { item, version } in self.store.link_shard(&pair.name, shard).await? {
                loaded.insert_link(item, version);
            }
        }
        loaded.managers = Some(managers);
        Ok(loaded)
    }

    async fn admission(&self, pair: &PairSetup, pilot: bool) -> Result<Admission, EngineError> {
        let reading = self.store.pair(&pair.name).await?.reading;
        let last_full = Sides::from_fn(|side| reading.sides.get(side).last_full);
        let mut admission = Admission { scope: Sides::default(), pilot: Sides::default(), unknown: Sides::default(), last_full };
        for side in Side::BOTH {
            let groups = pair.policy.publishing.get(side).scope.include_groups().to_vec();
            if !groups.is_empty() {
                let mut members = BTreeSet::new();
                for group in groups {
                    if let Some(known) = self.store.group_members(&pair.name, side, group).await? {
                        members.extend(known);
                        continue;
                    }
                    let tenant = &pair.tenants.get(side).name;
                    let why = format!("the members of the include group {group} of {tenant} are not known; a full reading reads them");
                    *admission.unknown.get_mut(side) = Some(why);
                }
                *admission.scope.get_mut(side) = Some(members);
            }
            if pilot {
                let members = self.store.group_members(&pair.name, side, PILOT).await?;
                *admission.pilot.get_mut(side) = members.map(|members| members.into_iter().collect());
            }
        }
        Ok(admission)
    }
}

/// Loads the closure of what is due.
struct Loader<'e> {
    engine: &'e Engine,
    pair: &'e PairSetup,
    replicas: Sides<BTreeMap<Anchor, Replica>>,
    links: BTreeMap<LinkKey, (Link, u64)>,
    /// Links that were looked for and are not there.
    missing: BTreeSet<LinkKey>,
}

impl Loader<'_> {
    async fn replicas(&mut self, side: Side, anchors: impl IntoIterator<Item = Anchor>) -> Result<(), EngineError> {
        let wanted: BTreeSet<Anchor> = anchors.into_iter().filter(|anchor| !self.replicas.get(side).contains_key(anchor)).collect();
        let wanted: Vec<Anchor> = wanted.into_iter().collect();
        if !wanted.is_empty() {
            let found = self.engine.store.replicas(&self.pair.name, side, &wanted).await?;
            self.replicas.get_mut(side).extend(found.into_iter().map(|replica| (replica.anchor, replica)));
        }
        Ok(())
    }

    async fn links(&mut self, keys: impl IntoIterator<Item = LinkKey>) -> Result<(), EngineError> {
        let wanted: BTreeSet<LinkKey> =
            keys.into_iter().filter(|key| !self.links.contains_key(key) && !self.missing.contains(key)).collect();
        let wanted: Vec<LinkKey> = wanted.into_iter().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let found = self.engine.store.links(&self.pair.name, &wanted).await?;
        self.links.extend(found.into_iter().map(|link| (link.item.key, (link.item, link.version))));
        self.missing.extend(wanted.into_iter().filter(|key| !self.links.contains_key(key)));
        Ok(())
    }

    async fn static_links(&mut self, rows: &[AgendaRow]) -> Result<(), EngineError> {
        let keys: Vec<LinkKey> = rows
            .iter()
            .filter(|row| !self.replicas.get(row.side).contains_key(&row.anchor) && row.why != Due::Changed)
            .map(|row| LinkKey { origin: Origin::static_on(row.side), anchor: row.anchor })
            .collect();
        self.links(keys).await
    }

    /// The links of all loaded replicas, and both halves of those links.
    async fn links_of_replicas(&mut self) -> Result<(), EngineError> {
        let mut keys = BTreeSet::new();
        for side in Side::BOTH {
            for replica in self.replicas.get(side).values() {
                keys.insert(LinkKey { origin: Origin::of(side), anchor: replica.anchor });
                keys.extend(replica.linked_to);
                let recipient = replica.recipient(self.pair.tenants.get(side).stamp_attribute);
                if let Some(stamp) = recipient.mark.stamp() {
                    keys.extend(self.origin_of(side, stamp));
                }
            }
        }
        self.links(keys).await?;
        for side in Side::BOTH {
            let mut anchors: BTreeSet<Anchor> = BTreeSet::new();
            for (link, _) in self.links.values() {
                if link.target_side() == side {
                    anchors.extend(link.target);
                }
                if link.key.origin.source_side() == Some(side) {
                    anchors.insert(link.key.anchor);
                }
            }
            // A stamp may name a source whose link was lost: whether it still exists decides.
            for replica in self.replicas.get(side.other()).values() {
                let recipient = replica.recipient(self.pair.tenants.get(side.other()).stamp_attribute);
                anchors.extend(recipient.mark.stamp().and_then(|stamp| self.origin_of(side.other(), stamp)).map(|key| key.anchor));
            }
            self.replicas(side, anchors).await?;
        }
        Ok(())
    }

    /// The link that a stamp on a contact of `side` speaks of.
    fn origin_of(&self, side: Side, stamp: &Stamp) -> Option<LinkKey> {
        let origin = if stamp.origin_tenant == self.pair.tenants.get(side.other()).id {
            Origin::of(side.other())
        } else if stamp.origin_tenant == "static" {
            Origin::static_on(side)
        } else {
            return None;
        };
        Some(LinkKey { origin, anchor: stamp.anchor })
    }

    /// Whoever is there now under the address of a half that is gone.
    async fn followers(&mut self) -> Result<(), EngineError> {
        let mut keys: Sides<BTreeSet<String>> = Sides::default();
        for (link, _) in self.links.values() {
            let source = link.key.origin.source_side().map(|side| (side, link.key.anchor));
            let target = link.target.map(|anchor| (link.target_side(), anchor));
            for (gone, other) in [(source, target), (target, source)] {
                let replica = |(side, anchor): (Side, Anchor)| self.replicas.get(side).get(&anchor);
                let Some((side, _)) = gone.filter(|half| replica(*half).is_some_and(|replica| replica.presence != Presence::Present))
                else {
                    continue;
                };
                let attribute = self.pair.tenants.get(side.other()).stamp_attribute;
                let other = other.and_then(replica).and_then(|other| other.recipient(attribute).primary);
                keys.get_mut(side).extend(other.into_iter().chain([link.address.clone()]));
            }
        }
        for side in Side::BOTH {
            let found = self.look_up(side, std::mem::take(keys.get_mut(side))).await?;
            self.replicas(side, found).await?;
        }
        self.links_of_replicas().await
    }

    /// Who on the other side holds an address, the stamp or the Name of what was loaded so far.
    async fn holders(&mut self) -> Result<(), EngineError> {
        for side in Side::BOTH {
            let tenant = self.pair.tenants.get(side);
            let mut keys: BTreeSet<String> = BTreeSet::new();
            for replica in self.replicas.get(side).values().filter(|replica| replica.presence == Presence::Present) {
                let recipient = replica.recipient(tenant.stamp_attribute);
                let linked =
                    self.links.contains_key(&LinkKey { origin: Origin::of(side), anchor: replica.anchor }) || replica.linked_to.is_some();
                // A linked one can only meet somebody at the address it has or moves to.
                if linked {
                    keys.extend(self.pair.policy.publishing.get(side).scope.routing_address(&recipient));
                    keys.extend(recipient.primary);
                } else {
                    keys.extend(recipient.addresses);
                }
                if !linked {
                    keys.insert(Stamp::holder_key(&tenant.id, replica.anchor));
                    keys.insert(format!("name:{}", made_name(&self.engine.installation, &tenant.id, replica.anchor)));
                }
            }
            let statics = self.pair.statics.iter().filter(|(target, _)| *target == side.other());
            for (_, recipient) in statics {
                keys.extend(recipient.addresses.iter().cloned());
                keys.insert(Stamp::holder_key("static", recipient.anchor));
                keys.insert(format!("name:{}", made_name(&self.engine.installation, "static", recipient.anchor)));
            }
            let found = self.look_up(side.other(), keys).await?;
            self.replicas(side.other(), found).await?;
        }
        Ok(())
    }

    /// The managers of what was loaded, by Name, on their own side.
    async fn managers(&mut self) -> Result<(), EngineError> {
        for side in Side::BOTH {
            let names: BTreeSet<String> = self
                .replicas
                .get(side)
                .values()
                .filter_map(|replica| replica.reading.exchange.as_ref()?.manager_name.as_deref())
                .filter(|name| !name.is_empty())
                .map(|name| format!("name:{}", name.to_lowercase()))
                .collect();
            let found = self.look_up(side, names).await?;
            self.replicas(side, found).await?;
        }
        Ok(())
    }

    async fn look_up(&self, side: Side, keys: BTreeSet<String>) -> Result<BTreeSet<Anchor>, EngineError> {
        let store = &self.engine.store;
        let pair = &self.pair.name;
        let lists: Vec<Vec<Anchor>> = stream::iter(keys)
            .map(|key| async move { store.holders(pair, side, &key).await })
            .buffer_unordered(LOOKUPS)
            .try_collect()
            .await?;
        Ok(lists.into_iter().flatten().collect())
    }
}
