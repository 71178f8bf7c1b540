//! What an operator asks for by hand: approve, pause, unsuppress, make way, unpublish, rebuild.

use std::collections::{BTreeMap, BTreeSet};

use gal::link::Suppression;
use gal::operation::{LinkPatch, Operation, Quiet, QuietChange, Reason};
use gal::plan::{Focus, Plan};
use gal::{Anchor, Entry, Link, LinkKey, Phase, Provenance, Recipient, Side, Sides};
use jiff::Timestamp;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::load::Loaded;
use crate::ports::{ReplicaWrite, Versioned};
use crate::reconcile::Run;
use crate::records::{
    AgendaRow, Approval, Due, LeaseKind, Merge, MergeOptions, OperationResult, PairState, Replica, RunKind, RunSummary, Stage, WritingState,
};
use crate::setup::PairSetup;

/// What becomes of contacts that galbridge made when a side is unpublished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Leave {
    /// Made contacts are removed, found ones released.
    Purge,
    /// Made contacts become the administrator's, found ones are released.
    Release,
}

/// What `make-way` did, for the person who makes the successor.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MadeWay {
    /// What people called it.
    pub title: String,
    /// The side it was removed from.
    pub side: Option<Side>,
    /// The groups it was a member of.
    pub groups: Vec<String>,
    /// What to put on the successor, so that old replies still arrive: `X500:` lines.
    pub x500: Vec<String>,
    /// Why it stands there still, if it does. It is not made again all the same.
    pub left: Option<String>,
}

impl Engine {
    /// Consents to what the guard holds. Answers how many operations may run now.
    pub async fn approve(&self, pair: &str, checksum: &str) -> Result<u64, EngineError> {
        let setup = self.pair(pair)?;
        self.with_writing(setup, async |state: &mut PairState| {
            let mut approved = 0;
            let (mut incomplete, mut other_profile) = (None, false);
            for side in Side::BOTH {
                let Some(hold) = state.writing.holds.get(side).clone() else { continue };
                match hold.checksum.as_deref() {
                    // Under another mapping the same operations would write something else.
                    Some(waits) if waits == checksum && hold.settings != Some(setup.settings_into(side)) => other_profile = true,
                    Some(waits) if waits == checksum => {
                        approved += hold.operations.len() as u64;
                        let approval = Approval { checksum: checksum.to_owned(), at: self.now(), operations: hold.operations, settings: hold.settings };
                        state.writing.approvals.get_mut(side).push(approval);
                    }
                    Some(_) => {}
                    None => incomplete = Some(side),
                }
            }
            match (approved, incomplete) {
                (0, _) if other_profile => Err(EngineError::Refused(format!(
                    "pair {pair}: the profile was changed since this was held. The next run plans and holds it anew; look at `galbridge status` then"
                ))),
                (0, Some(side)) => Err(EngineError::CannotApprove { pair: pair.to_owned(), side }),
                (0, None) => Err(EngineError::NothingToApprove { pair: pair.to_owned(), checksum: checksum.to_owned() }),
                (approved, _) => Ok(approved),
            }
        })
        .await
    }

    /// Stops writing for a pair until `resume`; reading goes on.
    pub async fn pause(&self, pair: &str, reason: Option<&str>) -> Result<(), EngineError> {
        let setup = self.pair(pair)?;
        self.with_writing(setup, async |state: &mut PairState| {
            state.writing.paused = reason.map(str::to_owned);
            Ok(())
        })
        .await
    }

    /// Publishes a suppressed address again. Answers how many links were forgotten.
    pub async fn unsuppress(&self, pair: &str, address: &str) -> Result<u64, EngineError> {
        let setup = self.pair(pair)?;
        self.with_writing(setup, async |_: &mut PairState| {
            let mut count = 0;
            for Versioned { item, version } in self.links_by_address(setup, address).await? {
                if matches!(item.phase, Phase::Suppressed { .. }) {
                    // On the agenda first: a crash in between leaves it suppressed, to be asked for again.
                    self.touch_link(setup, &item).await?;
                    self.store.delete_link(&setup.name, item.key, version).await?;
                    count += 1;
                }
            }
            if count == 0 {
                return Err(EngineError::Refused(format!("pair {pair}: nothing with the address {address} is suppressed")));
            }
            Ok(count)
        })
        .await
    }

    /// Removes the contact of an address now, for a successor, and never makes it again.
    pub async fn make_way(&self, pair: &str, address: &str, deadline: Timestamp) -> Result<Vec<MadeWay>, EngineError> {
        let setup = self.pair(pair)?;
        let mut told: Vec<(LinkKey, MadeWay)> = Vec::new();
        let mut found = BTreeSet::new();
        let prepare = async |_: &mut PairState| {
            let loaded = self.load_everything(setup, false).await?;
            let mut plan = Plan::default();
            for Versioned { item: link, .. } in self.links_by_address(setup, address).await? {
                let Some(entry) = link.target.and_then(|anchor| loaded.world.entry(link.target_side(), anchor)) else { continue };
                // Somebody who merely waits for the address keeps his contact.
                let holds = entry.recipient.is_present() && entry.recipient.holds(&gal::normalise::address(address));
                if !holds || self.is_anothers(setup, &link, &entry.recipient) {
                    continue;
                }
                if link.provenance == Provenance::Found {
                    found.insert(link.key);
                }
                told.push((link.key, self.way(setup, &link, &entry.recipient).await?));
                plan.operations.push(self.make_way_operation(setup, &link, entry, address));
            }
            if plan.operations.is_empty() {
                return Err(EngineError::Refused(format!("pair {pair}: no published contact has the address {address}")));
            }
            Ok((loaded, plan))
        };
        let summary = self.carry_out(setup, RunKind::MakeWay, deadline, prepare, |_, _| {}).await?;
        // Only what was made is taken away (law 2).
        let stays = "it stood there before galbridge, so it is given back as it was and stays; delete it by hand to free the address";
        let records = match summary {
            Some(summary) => self.store.operations(&summary.id).await?,
            None => Vec::new(),
        };
        for (key, one) in &mut told {
            one.left = match records.iter().find(|record| record.link == *key).map(|record| &record.result) {
                Some(OperationResult::Done) => found.contains(key).then(|| stays.to_owned()),
                Some(OperationResult::Deferred(reason) | OperationResult::Quarantined(reason)) => Some(reason.clone()),
                None => Some("it was stopped before its turn; ask for it again".to_owned()),
            };
        }
        Ok(told.into_iter().map(|(_, one)| one).collect())
    }

    /// What the person who makes the successor must know.
    async fn way(&self, pair: &PairSetup, link: &Link, contact: &Recipient) -> Result<MadeWay, EngineError> {
        let tenant = pair.tenants.get(link.target_side());
        let groups = self.connection(tenant)?.reader.groups_of(contact.anchor).await;
        Ok(MadeWay {
            title: contact.title().to_owned(),
            side: Some(link.target_side()),
            groups: groups.map_err(|error| EngineError::read(&tenant.name, error))?,
            x500: contact.x500.iter().map(|address| format!("X500:{address}")).collect(),
            left: None,
        })
    }

    /// The link is suppressed before the contact is removed: a crash in between must not make it again.
    fn make_way_operation(&self, pair: &PairSetup, link: &Link, contact: &Entry, address: &str) -> Operation {
        let phase = Phase::Suppressed { reason: Suppression::MadeWay };
        let reason = Reason::Operator { command: format!("make-way {address}") };
        let published = pair.published_into(link.target_side());
        let title = contact.recipient.title();
        let mut operation = gal::decide::leave_operation(&self.installation, link, contact, reason, title, true, published);
        operation.patch = LinkPatch::phase(phase.clone());
        operation.start = Some(Box::new(Link { phase, ..link.clone() }));
        operation
    }

    /// What `unpublish` would do on one side.
    pub async fn unpublish_preview(&self, pair: &str, side: Side, leave: Leave) -> Result<Plan, EngineError> {
        let setup = self.pair(pair)?;
        let loaded = self.load_everything(setup, false).await?;
        Ok(self.unpublish_plan(setup, &loaded, side, leave))
    }

    /// Takes everything back that was published into a side. The side is closed to writes until the next merge, from before
    /// the first of them: what a crash or the deadline leaves half done is never published again meanwhile.
    pub async fn unpublish(
        &self,
        pair: &str,
        side: Side,
        leave: Leave,
        checksum: &str,
        deadline: Timestamp,
    ) -> Result<Option<RunSummary>, EngineError> {
        let setup = self.pair(pair)?;
        let prepare = async |state: &mut PairState| {
            let loaded = self.load_everything(setup, false).await?;
            let plan = self.unpublish_plan(setup, &loaded, side, leave);
            if plan.checksum() != checksum {
                return Err(EngineError::PlanChanged { shown: checksum.to_owned(), now: plan.checksum() });
            }
            *state.writing.closed.get_mut(side) = true;
            Ok((loaded, plan))
        };
        self.carry_out(setup, RunKind::Unpublish, deadline, prepare, |_, _| {}).await
    }

    /// From the links, and from the stamps where the links are lost.
    fn unpublish_plan(&self, pair: &PairSetup, loaded: &Loaded, side: Side, leave: Leave) -> Plan {
        let mut plan = Plan::default();
        let purge = leave == Leave::Purge;
        let command = format!("unpublish --pair {} --side {side} --{}", pair.name, if purge { "purge" } else { "release" });
        for entry in loaded.world.entries(side).filter(|entry| entry.recipient.is_present()) {
            let recipient = &entry.recipient;
            let stored = loaded
                .world
                .link_of(side, recipient.anchor)
                .filter(|link| link.target_side() == side && link.target == Some(recipient.anchor))
                .filter(|link| !self.is_anothers(pair, link, recipient));
            // A stamp tells of lost links only: where the link is stored and stands for another contact, this one is a copy.
            let stands_elsewhere = |link: &Link| {
                let stored = loaded.world.link(link.key).and_then(|stored| stored.target);
                stored.is_some_and(|target| target != recipient.anchor)
            };
            let told = || self.told_by_stamp(pair, side, recipient).filter(|link| !stands_elsewhere(link));
            // A creation that was cut off before its contact could be stamped.
            let begun = || loaded.world.links().find(|link| link.target_side() == side && is_begun_for(link, recipient));
            let stored = stored.or_else(begun);
            let Some(link) = stored.cloned().or_else(told) else {
                continue;
            };
            let reason = Reason::Operator { command: command.clone() };
            let published = pair.published_into(side);
            let mut operation = gal::decide::leave_operation(&self.installation, &link, entry, reason, recipient.title(), purge, published);
            operation.start = stored.is_none().then(|| Box::new(link));
            plan.operations.push(operation);
        }
        // Suppressions are the administrators' own words, and stay.
        let stays = |link: &Link| matches!(link.phase, Phase::Suppressed { .. });
        for link in loaded.world.links().filter(|link| link.target_side() == side && !stays(link)) {
            let planned = plan.operations.iter().any(|operation| operation.key == link.key);
            if !planned {
                let change = QuietChange {
                    quiet: Quiet::Forget,
                    link: link.clone(),
                    new: false,
                    patch: LinkPatch::forget(),
                    title: link.address.clone(),
                };
                plan.quiet.push(change);
            }
        }
        plan.operations.sort_by_key(|operation: &Operation| (operation.action, operation.key));
        plan
    }

    /// What `rebuild` would restore: links from stamps, and peers by their address. No write to any tenant.
    pub async fn rebuild_preview(&self, pair: &str) -> Result<Plan, EngineError> {
        let setup = self.pair(pair)?;
        let state = self.store.pair(&setup.name).await?;
        if Side::BOTH.into_iter().any(|side| state.reading.sides.get(side).last_full.is_none()) {
            return Err(EngineError::Refused(format!(
                "pair {pair}: both sides must be read completely before a rebuild; run a snapshot first"
            )));
        }
        let loaded = self.load_everything(setup, false).await?;
        self.rebuild_plan(setup, &loaded).await
    }

    async fn rebuild_plan(&self, pair: &PairSetup, loaded: &Loaded) -> Result<Plan, EngineError> {
        let state = self.store.pair(&pair.name).await?;
        let options = MergeOptions::of(gal::policy::MergeMode::LinkOnly);
        let mut writing = state.writing;
        writing.merge = Some(Merge { options, confirmed: self.now(), checksum: String::new(), settings: pair.settings });
        // A link that is not lost stays as it is: it remembers more than any stamp tells.
        let bare = Loaded { world: loaded.world.with_intact_links(), ..Loaded::default() };
        let mut plan = self.plan_world(pair, &writing, &bare, &Focus::Everything, gal::plan::plan).await?;
        plan.operations.clear();
        plan.quiet.retain(|change| change.new);
        self.recover_orphans(pair, &bare, &mut plan);
        for change in &mut plan.quiet {
            let older = change.link.target.and_then(|target| loaded.world.link_of(change.link.target_side(), target));
            if let Some(older) = older {
                change.link.inherit(older);
            }
        }
        Ok(plan)
    }

    /// Whether the contact of a link stands for somebody of another pair by now; this one has only not seen it yet.
    pub(crate) fn is_anothers(&self, pair: &PairSetup, link: &Link, contact: &Recipient) -> bool {
        gal::decide::is_of_another_home(pair.homes, link)
            || gal::decide::stands_for_another(&self.installation, pair.origin_tenant(link.key.origin), link, contact)
    }

    /// The link that the stamp of a contact on `side` tells of.
    pub(crate) fn told_by_stamp(&self, pair: &PairSetup, side: Side, contact: &Recipient) -> Option<Link> {
        // A tenant's static contacts are one pair's.
        if contact.mark.stamp()?.origin_tenant == "static" && !*pair.homes.get(side) {
            return None;
        }
        gal::decide::link_from_stamp(&self.installation, side, &pair.tenants.get(side.other()).id, pair.published_into(side), contact)
    }

    /// Contacts whose source left while the state was lost, or is no source any more: their links are restored from the
    /// stamps too, so that they leave under the guard like everybody else's, and are not shown for ever.
    fn recover_orphans(&self, pair: &PairSetup, loaded: &Loaded, plan: &mut Plan) {
        let known: BTreeSet<LinkKey> = plan.quiet.iter().map(|change| change.link.key).collect();
        let mut orphans: BTreeMap<LinkKey, Vec<QuietChange>> = BTreeMap::new();
        for side in Side::BOTH {
            for entry in loaded.world.entries(side).filter(|entry| entry.recipient.is_present()) {
                let Some(link) = self.told_by_stamp(pair, side, &entry.recipient) else { continue };
                if known.contains(&link.key) || loaded.world.link(link.key).is_some() {
                    continue;
                }
                let title = entry.recipient.title().to_owned();
                let change = QuietChange { quiet: Quiet::Recover, link, new: true, patch: LinkPatch::default(), title };
                orphans.entry(change.link.key).or_default().push(change);
            }
        }
        // Two contacts with one stamp are an error to report, never a guess.
        plan.quiet.extend(orphans.into_values().filter(|changes| changes.len() == 1).flatten());
    }

    /// Sources that only a stamp tells of: they were looked for in a complete reading, and are gone.
    async fn bury_unknown_sources(&self, pair: &PairSetup, loaded: &Loaded, plan: &Plan) -> Result<(), EngineError> {
        for side in Side::BOTH {
            let keys = plan.quiet.iter().map(|change| change.link.key);
            let unknown = keys.filter(|key| key.origin.source_side() == Some(side) && loaded.world.entry(side, key.anchor).is_none());
            self.bury(pair, side, unknown.map(|key| key.anchor).collect()).await?;
        }
        Ok(())
    }

    /// Recipients of whom nothing is known, and who are in no complete reading: gone.
    pub(crate) async fn bury(&self, pair: &PairSetup, side: Side, anchors: Vec<Anchor>) -> Result<(), EngineError> {
        let now = self.now();
        let gone = |anchor: Anchor| ReplicaWrite {
            side,
            replica: Replica::gone(anchor, now),
            expected: None,
            holders: Vec::new(),
            holders_before: Vec::new(),
            agenda: Some(AgendaRow { due: now, side, anchor, why: Due::Changed, version: 1 }),
        };
        // Somebody who came back meanwhile has a replica by now; his stays.
        self.store.put_replicas(&pair.name, anchors.into_iter().map(gone).collect()).await?;
        Ok(())
    }

    /// Restores the links. They are kept in step from then on; where the state was lost, newcomers wait for a confirmed merge.
    pub async fn rebuild(&self, pair: &str, checksum: &str, deadline: Timestamp) -> Result<Option<RunSummary>, EngineError> {
        let setup = self.pair(pair)?;
        let prepare = async |_: &mut PairState| {
            let loaded = self.load_everything(setup, false).await?;
            let plan = self.rebuild_plan(setup, &loaded).await?;
            let now = rebuild_checksum(&plan);
            if now != checksum {
                return Err(EngineError::PlanChanged { shown: checksum.to_owned(), now });
            }
            self.bury_unknown_sources(setup, &loaded, &plan).await?;
            Ok((loaded, plan))
        };
        let settle = |writing: &mut WritingState, loaded: &Loaded| {
            let live = |side| loaded.world.links().filter(|link| crate::reconcile::counts(link, side)).count() as u64;
            // Whether this was a pilot, or a side was unpublished, nobody knows any more: newcomers wait for a person's word.
            if writing.stage == Stage::Unmerged {
                writing.stage = Stage::LinkedOnly;
            }
            writing.merge = None;
            writing.live = Sides::from_fn(live);
        };
        self.carry_out(setup, RunKind::Rebuild, deadline, prepare, settle).await
    }

    /// Carries out a plan that a person confirmed. Under the writing lease it is made anew and compared with what was shown
    /// (`prepare`, which may also change the state that is stored before the first write); `settle` changes what is stored
    /// when everything was gone through.
    pub(crate) async fn carry_out(
        &self,
        pair: &PairSetup,
        kind: RunKind,
        deadline: Timestamp,
        prepare: impl AsyncFnOnce(&mut PairState) -> Result<(Loaded, Plan), EngineError>,
        settle: impl FnOnce(&mut WritingState, &Loaded),
    ) -> Result<Option<RunSummary>, EngineError> {
        let mut state = self.store.acquire(&pair.name, LeaseKind::Writing, &self.lease(), self.now()).await?;
        let before = state.writing.clone();
        // A rebuild writes to no tenant; and a pair is paused so that what went wrong can be taken back.
        let paused = before.paused.clone().filter(|_| !matches!(kind, RunKind::Rebuild | RunKind::Undo));
        let refused = paused.map(|reason| EngineError::Paused { pair: pair.name.clone(), reason });
        let refused = refused.or_else(|| Self::same_tenants(pair, &state.reading).err());
        let prepared = match refused {
            Some(refused) => Err(refused),
            None => prepare(&mut state).await,
        };
        let (mut loaded, mut plan) = match prepared {
            Ok(prepared) => prepared,
            Err(refused) => {
                self.store.save_writing(&pair.name, &self.owner, &before, None).await?;
                return Err(refused);
            }
        };
        let mut run = Run::begin(self, pair, kind, deadline);
        let outcome = async {
            self.store.save_writing(&pair.name, &self.owner, &state.writing, Some(self.lease_while_writing())).await?;
            run.apply(&state, &mut loaded, &mut plan, &BTreeSet::new()).await?;
            self.store.put_agenda(&pair.name, &run.take_later()).await?;
            run.count_into(&mut state.writing);
            if state.writing.must_yield > 0 {
                self.count_links(pair, &mut state.writing).await?;
            }
            settle(&mut state.writing, &loaded);
            Ok(state.writing)
        }
        .await;
        Box::pin(self.give_back(&run, outcome)).await
    }

    /// Changes the writing half under its lease.
    async fn with_writing<T>(
        &self,
        pair: &PairSetup,
        change: impl AsyncFnOnce(&mut PairState) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let mut state = self.store.acquire(&pair.name, LeaseKind::Writing, &self.lease(), self.now()).await?;
        let before = state.writing.clone();
        let outcome = change(&mut state).await;
        let writing = if outcome.is_ok() { &state.writing } else { &before };
        self.store.save_writing(&pair.name, &self.owner, writing, None).await?;
        outcome
    }

    /// All links of an address (for people: it looks at every shard).
    pub(crate) async fn links_by_address(&self, pair: &PairSetup, address: &str) -> Result<Vec<Versioned<Link>>, EngineError> {
        let address = gal::normalise::address(address);
        let mut found = Vec::new();
        for shard in 0..16 {
            found.extend(self.store.link_shard(&pair.name, shard).await?.into_iter().filter(|link| link.item.address == address));
        }
        found.sort_by_key(|link| link.item.key);
        Ok(found)
    }

    async fn touch_link(&self, pair: &PairSetup, link: &Link) -> Result<(), EngineError> {
        let source = link.key.origin.source_side().unwrap_or(link.target_side());
        self.touch(pair, source, [link.key.anchor]).await?;
        self.touch(pair, link.target_side(), link.target).await
    }
}

/// Whether a contact without stamp is what a link was begun for: it bears the Name that the link makes.
fn is_begun_for(link: &Link, contact: &Recipient) -> bool {
    let bare = contact.has_made_name() && contact.mark == gal::stamp::Mark::None;
    bare && link.target.is_none() && link.name.eq_ignore_ascii_case(&contact.name)
}

/// The checksum of what a rebuild would restore.
pub fn rebuild_checksum(plan: &Plan) -> String {
    gal::plan::checksum(plan.quiet.iter().map(|change| format!("recover {}", change.link.key)))
}
