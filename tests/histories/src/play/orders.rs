//! What the operator does, and time.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::operate::{Leave, rebuild_checksum};
use engine::snapshot::SnapshotOptions;
use gal::Side;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::{Being, Play, TICK, cycle, deadline, profile, tenant_id, told};
use crate::model::Way;
use crate::rivals::THERE;
use crate::script::{Act, FIELDS, Shape, Slot, TENANTS};
use crate::view::{Fields, View};

impl Play {
    /// Does an act, if it makes sense now.
    pub(super) async fn act(&mut self, act: &Act) -> Result<(), Vec<String>> {
        let done = match act {
            Act::Profile(_)
            | Act::MakeWay { .. }
            | Act::Unsuppress { .. }
            | Act::Pause { .. }
            | Act::Unpublish { .. }
            | Act::LoseState
            | Act::Domain { .. }
            | Act::Mistake { .. }
            | Act::Yesterday { .. } => self.order(act).await?,
            Act::LongWait => {
                self.long_wait().await?;
                true
            }
            Act::Roll { tenant } => self.roll(*tenant).await,
            other => self.deed(other).is_some(),
        };
        *(if done { &mut self.counted.acts } else { &mut self.counted.skipped }) += 1;
        Ok(())
    }

    /// The certificate of a tenant rolls, whatever the services are like: it does so by itself. Once until all processes of
    /// before are gone, as in a year.
    async fn roll(&mut self, tenant: usize) -> bool {
        let rolled = !self.rolled.contains(&tenant) && {
            self.faults(self.level);
            self.rig.roll_certificate(TENANTS[tenant]).await.is_ok()
        };
        if rolled {
            self.rolled.insert(tenant);
        }
        rolled
    }

    /// Weeks pass, a day at a time as far as anybody notices.
    async fn long_wait(&mut self) -> Result<(), Vec<String>> {
        for _ in 0..4 {
            self.rig.advance(Duration::from_secs(9 * 24 * 3600)).await;
            self.settle(false).await?;
        }
        self.model.weeks_passed();
        self.peers.weeks_passed();
        self.rivals.weeks_passed();
        Ok(())
    }

    /// What the operator does. Answers whether there was anything to do.
    async fn order(&mut self, act: &Act) -> Result<bool, Vec<String>> {
        // A lease of a process that died is over by then.
        self.rig.advance(2 * TICK).await;
        let deadline = deadline(&self.rig);
        match act {
            Act::Profile(policy) => {
                self.model.policy = *policy;
                self.rig.reprofile(&profile(self.shape, *policy, &self.groups));
            }
            Act::Pause { pair } => {
                let pair = self.pair(*pair);
                self.rig.engine.pause(&pair, Some("history")).await.map_err(told("pause"))?;
                self.paused = Some(pair);
            }
            Act::MakeWay { slot, there } => {
                let Some((person, pair, address)) = self.published(*slot, *there) else { return Ok(false) };
                let contact = self.model.contact(person, *there).or(self.rivals.contact(person));
                // Who was re-addressed while he was hidden is in nobody's way under his new address.
                let views = self.views();
                let holds = |contact| views[*there].0.get(&contact).is_some_and(|one| one.addresses().contains(&address));
                if !contact.is_some_and(holds) {
                    return Ok(false);
                }
                let made = self.rig.engine.make_way(&pair, &address, deadline).await.map_err(told("make-way"))?;
                if made.is_empty() {
                    return Err(vec![format!("make-way {address}: nothing was done")]);
                }
                self.model.made_way(person, *there);
                self.rivals.made_way(person);
            }
            Act::Unsuppress { slot, there } => {
                let Some((person, pair, address)) = self.published(*slot, *there) else { return Ok(false) };
                let known = [self.model.is_suppressed(person, *there), self.peers.is_suppressed(person), self.rivals.is_suppressed(person)];
                if !known.contains(&true) {
                    return Ok(false);
                }
                self.rig.engine.unsuppress(&pair, &address).await.map_err(told("unsuppress"))?;
                self.model.unsuppressed(person, *there);
                self.peers.unsuppressed(person);
                self.rivals.unsuppressed(person);
            }
            Act::Unpublish { pair, b } => self.unpublish(*pair, *b, deadline).await?,
            Act::LoseState => {
                self.rig.lose_state().await;
                for number in 0..self.shape.pairs().len() {
                    let pair = self.pair(number);
                    let engine = &self.rig.engine;
                    let full = SnapshotOptions { full: true, daily: false, only: None };
                    engine.snapshot(&pair, full, deadline).await.map_err(told("snapshot"))?;
                    let plan = engine.rebuild_preview(&pair).await.map_err(told("rebuild"))?;
                    engine.rebuild(&pair, &rebuild_checksum(&plan), deadline).await.map_err(told("rebuild"))?;
                }
                self.merge_all().await?;
                self.model.rebuilt(&self.views());
                self.rivals.rebuilt();
            }
            Act::Domain { pair, b, value } => self.domain_changes_hands(*pair, *b, value).await?,
            Act::Mistake { slot, field, value } => return self.mistake(*slot, FIELDS[*field], value.as_deref()).await,
            Act::Yesterday { steps } => {
                let Some((state, model, rivals)) = self.past.len().checked_sub(*steps).and_then(|at| self.past.get(at)).cloned() else {
                    return Ok(false);
                };
                if !self.rivals.may_be_restored(&rivals, self.views().get(THERE)) {
                    return Ok(false);
                }
                self.rig.import_state(&state).await;
                self.restored = Some(model).filter(|_| self.shape != Shape::Rivals);
                self.rivals.restored();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A side is taken back, stays empty for an hour, and is merged again.
    async fn unpublish(&mut self, number: usize, b: bool, deadline: Timestamp) -> Result<(), Vec<String>> {
        let pair = self.pair(number);
        let (side, way) = {
            let (at_a, at_b) = self.shape.pairs()[number];
            if b { (Side::B, Way { from: at_a, to: at_b }) } else { (Side::A, Way { from: at_b, to: at_a }) }
        };
        let plan = self.rig.engine.unpublish_preview(&pair, side, Leave::Purge).await.map_err(told("unpublish"))?;
        self.rig.engine.unpublish(&pair, side, Leave::Purge, &plan.checksum(), deadline).await.map_err(told("unpublish"))?;
        self.model.unpublished(way);
        self.rivals.unpublished(way.from);
        for _ in 0..3 {
            self.rig.advance(TICK).await;
            cycle(&self.rig.engine, self::deadline(&self.rig)).await.map_err(told("a cycle after unpublish"))?;
        }
        let view = View::of(self.rig.gal_with_hidden(TENANTS[way.to]));
        let ours = view
            .0
            .values()
            .filter(|object| object.text("CustomAttribute15").is_some_and(|stamp| stamp.contains(&tenant_id(&self.rig, way.from))));
        let left: Vec<_> = ours.map(|object| object.text("DisplayName").unwrap_or_default().to_owned()).collect();
        if !left.is_empty() {
            return Err(vec![format!("{pair}: after unpublish these are left in {}: {left:?}", TENANTS[way.to])]);
        }
        self.merge(number).await
    }

    /// A target accepts the domain of the sources: though all of them are edited, nothing is done there until it is given back.
    async fn domain_changes_hands(&mut self, number: usize, b: bool, title: &str) -> Result<(), Vec<String>> {
        let (at_a, at_b) = self.shape.pairs()[number];
        let (from, to) = if b { (at_a, at_b) } else { (at_b, at_a) };
        let accepted = |remove: bool| json!([{"op": "accepted-domain", "domain": format!("{}.example", TENANTS[from]), "remove": remove}]);
        self.rig.apply(TENANTS[to], accepted(false));
        self.read_all(deadline(&self.rig)).await?;
        let mut before = self.shown();
        before.retain(|(tenant, _), _| *tenant == to);
        let here: Vec<Uuid> =
            self.people.values().filter(|one| one.tenant == from && one.being == Being::Here).map(|one| one.anchor).collect();
        for anchor in here {
            self.retitle(from, anchor, title);
        }
        for _ in 0..2 {
            self.rig.advance(TICK).await;
            self.read_all(deadline(&self.rig)).await?;
        }
        self.unchanged(&before, "a domain changed hands")?;
        self.rig.apply(TENANTS[to], accepted(true));
        self.read_all(deadline(&self.rig)).await
    }

    /// A full reading and a run of every pair.
    async fn read_all(&self, deadline: Timestamp) -> Result<(), Vec<String>> {
        for pair in &self.rig.engine.setup.pairs {
            let full = SnapshotOptions { full: true, daily: false, only: None };
            self.rig.engine.snapshot(&pair.name, full, deadline).await.map_err(told("snapshot"))?;
            self.rig.engine.reconcile(&pair.name, deadline).await.map_err(told("reconcile"))?;
        }
        Ok(())
    }

    /// An edit by mistake, whose runs are undone before the mistake itself is mended. Answers whether it made sense.
    async fn mistake(&mut self, slot: Slot, field: &'static str, value: Option<&str>) -> Result<bool, Vec<String>> {
        let Some(person) = self.here(slot).filter(|person| person.kind != "distribution-group") else { return Ok(false) };
        // What was found there, or differs by an earlier undo, would be written again by the mending.
        if field == "Department" || !self.model.is_made_everywhere(person.anchor) {
            return Ok(false);
        }
        let own = View::of(self.rig.gal_with_hidden(TENANTS[person.tenant]));
        let Some(was) = own.0.get(&person.anchor).map(|own| own.text(field).map(str::to_owned)) else { return Ok(false) };
        let before = self.shown();
        let began = self.rig.now();
        let edit = |value: Option<&str>| json!([{"op": "update", "anchor": person.anchor, "set": {field: value}}]);
        if self.rig.simulator.apply_json(TENANTS[person.tenant], edit(value)).is_err() {
            return Ok(false);
        }
        for _ in 0..2 {
            self.rig.advance(TICK).await;
            cycle(&self.rig.engine, deadline(&self.rig)).await.map_err(told("a cycle after a mistake"))?;
        }
        let mut undone = false;
        for number in 0..self.shape.pairs().len() {
            let (pair, engine, deadline) = (self.pair(number), &self.rig.engine, deadline(&self.rig));
            let runs = engine.store.runs(&pair, 4).await.map_err(|error| vec![error.to_string()])?;
            for run in runs.iter().filter(|run| run.began >= began && super::rest::worked(run)) {
                let plan = engine.undo_preview(&pair, &run.id).await.map_err(told("undo"))?.plan;
                engine.undo(&pair, &run.id, &plan.checksum(), deadline).await.map_err(told("undo"))?;
                undone = true;
            }
        }
        let mut before = before;
        before.remove(&(person.tenant, person.anchor));
        self.unchanged(&before, "the runs of a mistake were undone")?;
        self.rig.apply(TENANTS[person.tenant], edit(was.as_deref()));
        Ok(undone)
    }

    /// Everybody in every address list, with what is compared.
    fn shown(&self) -> BTreeMap<(usize, Uuid), (Fields, bool)> {
        let views = self.views().into_iter().enumerate();
        let all = views.flat_map(|(tenant, view)| view.0.into_values().map(move |object| (tenant, object)));
        all.map(|(tenant, object)| ((tenant, object.anchor), (object.fields(), object.hidden))).collect()
    }

    fn unchanged(&self, before: &BTreeMap<(usize, Uuid), (Fields, bool)>, when: &str) -> Result<(), Vec<String>> {
        let now = self.shown();
        let differs = before.iter().filter(|(key, was)| now.get(*key) != Some(*was));
        let wrong: Vec<String> =
            differs.map(|(key, was)| format!("{when}: {} in {} is {:?}, not {was:?}", key.1, TENANTS[key.0], now.get(key))).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// A person of another tenant, with the pair and his address.
    fn published(&self, slot: Slot, there: usize) -> Option<(Uuid, String, String)> {
        let person = self.people.get(&slot).filter(|person| person.being == Being::Here)?;
        let (pair, _) = self.pair_of(person.tenant, there)?;
        let view = View::of(self.rig.gal_with_hidden(TENANTS[person.tenant]));
        Some((person.anchor, pair, view.0.get(&person.anchor)?.address()?))
    }
}
