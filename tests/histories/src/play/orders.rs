//! What the operator does, and time.

use std::time::Duration;

use engine::operate::{Leave, rebuild_checksum};
use engine::snapshot::SnapshotOptions;
use gal::Side;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Being, Play, TICK, cycle, deadline, profile, tenant_id, told};
use crate::model::Way;
use crate::script::{Act, Slot, TENANTS};
use crate::view::View;

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
            | Act::Yesterday { .. } => self.order(act).await?,
            Act::LongWait => {
                self.long_wait().await?;
                true
            }
            other => self.deed(other).is_some(),
        };
        *(if done { &mut self.counted.acts } else { &mut self.counted.skipped }) += 1;
        Ok(())
    }

    /// Weeks pass, a day at a time as far as anybody notices.
    async fn long_wait(&mut self) -> Result<(), Vec<String>> {
        for _ in 0..4 {
            self.rig.advance(Duration::from_secs(9 * 24 * 3600)).await;
            self.settle(false).await?;
        }
        self.model.weeks_passed();
        self.peers.weeks_passed();
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
                if self.model.contact(person, *there).is_none() {
                    return Ok(false);
                }
                let made = self.rig.engine.make_way(&pair, &address, deadline).await.map_err(told("make-way"))?;
                if made.is_empty() {
                    return Err(vec![format!("make-way {address}: nothing was done")]);
                }
                self.model.made_way(person, *there);
            }
            Act::Unsuppress { slot, there } => {
                let Some((person, pair, address)) = self.published(*slot, *there) else { return Ok(false) };
                if !self.model.is_suppressed(person, *there) && !self.peers.is_suppressed(person) {
                    return Ok(false);
                }
                self.rig.engine.unsuppress(&pair, &address).await.map_err(told("unsuppress"))?;
                self.model.unsuppressed(person, *there);
                self.peers.unsuppressed(person);
            }
            Act::Unpublish { pair, b } => self.unpublish(*pair, *b, deadline).await?,
            Act::LoseState => {
                self.rig.lose_state().await;
                for number in 0..self.shape.pairs().len() {
                    let pair = self.pair(number);
                    let engine = &self.rig.engine;
                    let full = SnapshotOptions { full: true, only: None };
                    engine.snapshot(&pair, full, deadline).await.map_err(told("snapshot"))?;
                    let plan = engine.rebuild_preview(&pair).await.map_err(told("rebuild"))?;
                    engine.rebuild(&pair, &rebuild_checksum(&plan), deadline).await.map_err(told("rebuild"))?;
                }
                self.merge_all().await?;
                self.model.rebuilt(&self.views());
            }
            Act::Yesterday { steps } => {
                let Some((state, model)) = self.past.len().checked_sub(*steps).and_then(|at| self.past.get(at)).cloned() else {
                    return Ok(false);
                };
                self.rig.import_state(&state).await;
                self.restored = Some(model);
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

    /// A person of another tenant, with the pair and his address.
    fn published(&self, slot: Slot, there: usize) -> Option<(Uuid, String, String)> {
        let person = self.people.get(&slot).filter(|person| person.being == Being::Here)?;
        let (pair, _) = self.pair_of(person.tenant, there)?;
        let view = View::of(self.rig.gal_with_hidden(TENANTS[person.tenant]));
        Some((person.anchor, pair, view.0.get(&person.anchor)?.address()?))
    }
}
