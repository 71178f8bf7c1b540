//! Plays a history: administrators and the operator act, cycles run and die, and whenever everything has come to rest the model judges.

mod deeds;
mod orders;
mod rest;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use engine::explain::Explained;
use engine::ports::StoreError;
use engine::records::MergeOptions;
use engine::snapshot::SnapshotOptions;
use engine::{Engine, EngineError};
use futures::future::join_all;
use gal::Side;
use gal::policy::MergeMode;
use jiff::{SignedDuration, Timestamp};
use m365_simulator::{FaultLevel, FaultPlan};
use rig::outside::Fault;
use rig::{Rig, RigOptions};
use serde_json::json;
use uuid::Uuid;

use crate::model::{Model, STAMP, suffix};
use crate::peers::Peers;
use crate::rivals::Rivals;
use crate::script::{Act, Mishap, Policy, Script, Shape, Slot, Step, TENANTS};
use crate::view::View;

/// Ten minutes: a tick.
const TICK: Duration = Duration::from_secs(600);

/// What a hostile day may have beside what the simulator's level says: all forms of errors, and answers that never come.
const RARE: [m365_simulator::Fault; 5] = {
    use m365_simulator::Fault::{CommitThenHang, FormA, FormB, FormC, FormD};
    [FormA, FormB, FormC, FormD, CommitThenHang]
};

/// The limit of each pair.
const MOST_DELETIONS: usize = 3;

/// Where a history failed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The step.
    pub(crate) step: usize,
    /// What is wrong.
    pub(crate) what: Vec<String>,
}

/// Plays a script in a runtime of its own, whose time stands still but when everybody waits.
pub(crate) fn play(script: &Script) -> Result<Counted, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let broken = |error: std::io::Error| Failure { step: 0, what: vec![format!("no runtime: {error}")] };
    runtime.map_err(broken)?.block_on(async {
        let mut play = Play::begin(script).await;
        for (number, step) in script.steps.iter().enumerate() {
            Box::pin(play.step(step, number == 0)).await.map_err(|what| Failure { step: number, what })?;
        }
        play.explained().await.map_err(|what| Failure { step: script.steps.len(), what })?;
        Ok(Counted { calls: play.rig.outside.calls(), requests: play.rig.faults.calls(), ..play.counted })
    })
}

/// What was played.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// Acts that were done, and such as made no sense then.
    pub(crate) acts: u64,
    pub(crate) skipped: u64,
    /// Cycles, and processes that died in one.
    pub(crate) cycles: u64,
    pub(crate) deaths: u64,
    /// Times that everything was judged.
    pub(crate) judged: u64,
    /// Requests to Microsoft and to the state.
    pub(crate) calls: u64,
    pub(crate) requests: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Being {
    Here,
    Binned,
    Gone,
}

#[derive(Clone, Debug)]
struct Person {
    tenant: usize,
    anchor: Uuid,
    being: Being,
    kind: &'static str,
}

struct Play {
    rig: Rig,
    shape: Shape,
    model: Model,
    people: BTreeMap<Slot, Person>,
    groups: Vec<Uuid>,
    holders: BTreeMap<(Slot, usize), Uuid>,
    peers: Peers,
    rivals: Rivals,
    /// Contacts that both administrators made: the second one's.
    doubles: BTreeMap<Slot, Uuid>,
    paused: Option<String>,
    /// How the services are in this step.
    level: FaultLevel,
    rare: bool,
    /// Tenants whose certificate rolled since the last process began.
    rolled: BTreeSet<usize>,
    /// Whether the state is ever restored: then every step's is kept.
    remembers: bool,
    past: Vec<(Vec<u8>, Model, Rivals)>,
    /// What the model knew when the state that was restored was made.
    restored: Option<Model>,
    counted: Counted,
}

impl Play {
    async fn begin(script: &Script) -> Self {
        let tenants = TENANTS[..script.shape.tenants()].iter().map(|name| ((*name).to_owned(), 0)).collect();
        let profile = profile(script.shape, Policy::default(), &[]);
        let certificate_delay = Duration::from_secs(90);
        let mut rig = Rig::new(RigOptions { tenants, profile, seed: script.seed, certificate_delay, ..RigOptions::default() }).await;
        rig.advance(certificate_delay).await;
        rig.recorded.record(false);
        let ids = (0..script.shape.tenants()).map(|tenant| tenant_id(&rig, tenant)).collect();
        let mut model = Model::new(script.shape, script.policy, ids);
        let mut groups = Vec::new();
        for (number, tenant) in TENANTS[..script.shape.tenants()].iter().enumerate() {
            // The group is never empty: an empty one would be a hold for ever.
            let keeper = json!({"op": "create", "kind": "shared", "set": {"DisplayName": "Keeper", "HiddenFromAddressListsEnabled": true}});
            let keeper = rig.apply(tenant, json!([keeper]))[0].unwrap_or_default();
            let group = json!({"op": "create", "kind": "security-group", "set": {"DisplayName": "published"}, "members": [keeper]});
            groups.push(rig.apply(tenant, json!([group]))[0].unwrap_or_default());
            let view = View::of(rig.gal_with_hidden(tenant));
            model.own.extend(view.0.into_iter().map(|(anchor, object)| ((number, anchor), object)));
        }
        rig.reprofile(&self::profile(script.shape, script.policy, &groups));
        Self {
            rig,
            shape: script.shape,
            model,
            people: BTreeMap::new(),
            groups,
            holders: BTreeMap::new(),
            peers: Peers::default(),
            rivals: Rivals::default(),
            doubles: BTreeMap::new(),
            paused: None,
            level: FaultLevel::None,
            rare: script.rare,
            rolled: BTreeSet::new(),
            remembers: script.steps.iter().flat_map(|step| &step.acts).any(|act| matches!(act, Act::Yesterday { .. })),
            past: Vec::new(),
            restored: None,
            counted: Counted::default(),
        }
    }

    async fn step(&mut self, step: &Step, first: bool) -> Result<(), Vec<String>> {
        self.level = [FaultLevel::None, FaultLevel::Usual, FaultLevel::Hostile][usize::from(step.faults.min(2))];
        let mut cycles = step.cycles.iter();
        for act in &step.acts {
            // A person waits until the services are well.
            self.faults(FaultLevel::None);
            self.act(act).await?;
            self.faults(self.level);
            if let Some(mishap) = cycles.next().filter(|_| !first) {
                self.disturbed(*mishap, step).await?;
            }
        }
        if first {
            self.merge_all().await?;
        }
        for mishap in cycles {
            self.disturbed(*mishap, step).await?;
        }
        self.settle(step.full).await?;
        self.counted.judged += 1;
        let views = self.views();
        let mut wrong = match self.restored.take() {
            Some(then) => self.model.restored(&then, &views),
            None => Vec::new(),
        };
        wrong.extend(match self.shape {
            Shape::Peers => self.judge_peers(&views),
            Shape::Rivals => self.rivals.settle(&self.model.own, &views, &self.model.ids),
            Shape::Pair | Shape::OneWay | Shape::Chain | Shape::Mesh | Shape::Star => self.model.settle(&views),
        });
        if !wrong.is_empty() {
            return Err(wrong);
        }
        if self.remembers {
            self.past.push((self.rig.export_state().await, self.model.clone(), self.rivals.clone()));
        }
        Ok(())
    }

    fn judge_peers(&mut self, views: &[View]) -> Vec<String> {
        let here = self.people.iter().filter(|(_, person)| person.being == Being::Here);
        let contacts: Vec<_> = here
            .map(|(slot, person)| {
                let double = self.doubles.get(slot).filter(|double| views[1 - person.tenant].0.contains_key(*double));
                (person.tenant, person.anchor, double.copied())
            })
            .collect();
        let (wrong, moved) = self.peers.settle(&contacts, &self.model.own, self.model.policy.no_legal, views);
        for (old, tenant, anchor) in moved {
            for person in self.people.values_mut().filter(|person| person.anchor == old) {
                (person.tenant, person.anchor, person.being) = (tenant, anchor, Being::Here);
            }
        }
        wrong
    }

    async fn disturbed(&mut self, mishap: Mishap, step: &Step) -> Result<(), Vec<String>> {
        self.rig.advance(TICK).await;
        let before = self.views();
        self.cycle(mishap, step).await?;
        let after = self.views();
        let mut wrong = self.model.always(&after);
        wrong.extend(self.too_many_gone(&before, &after));
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// However a cycle ended: of the contacts that galbridge keeps it took no more away than the limit says, since nobody has approved
    /// anything in it (law 4).
    fn too_many_gone(&self, before: &[View], after: &[View]) -> Vec<String> {
        let is_shown = |view: &View, anchor: &Uuid| view.0.get(anchor).is_some_and(|object| !object.hidden);
        let mut wrong = Vec::new();
        for (tenant, (before, after)) in before.iter().zip(after).enumerate() {
            let pairs = self.shape.pairs().iter().filter(|(a, b)| [*a, *b].contains(&tenant)).count();
            let kept = before.0.iter().filter(|(anchor, object)| object.text(STAMP).is_some() && is_shown(before, anchor));
            let gone = kept.filter(|(anchor, _)| !is_shown(after, anchor)).count();
            if gone > pairs * MOST_DELETIONS {
                wrong.push(format!("{}: {gone} contacts went in one cycle, over the limits of {pairs} pairs", TENANTS[tenant]));
            }
        }
        wrong
    }

    fn views(&self) -> Vec<View> {
        TENANTS[..self.shape.tenants()].iter().map(|tenant| View::of(self.rig.gal_with_hidden(tenant))).collect()
    }

    fn faults(&self, level: FaultLevel) {
        let probabilities = match level {
            FaultLevel::Hostile if self.rare => RARE.map(|fault| (fault, 0.003)).into(),
            FaultLevel::None | FaultLevel::Usual | FaultLevel::Hostile => BTreeMap::new(),
        };
        self.rig.simulator.set_faults(FaultPlan { level: Some(level), probabilities, ..FaultPlan::default() });
    }

    fn pair(&self, number: usize) -> String {
        self.rig.engine.setup.pairs[number].name.clone()
    }

    /// The pair of two tenants, and the side of the second.
    fn pair_of(&self, from: usize, to: usize) -> Option<(String, Side)> {
        let found = self.shape.pairs().iter().position(|(a, b)| (*a, *b) == (from, to) || (*a, *b) == (to, from))?;
        let side = if self.shape.pairs()[found].0 == to { Side::A } else { Side::B };
        Some((self.pair(found), side))
    }

    /// One cycle of every pair, with its mishap.
    async fn cycle(&mut self, mishap: Mishap, step: &Step) -> Result<(), Vec<String>> {
        self.counted.cycles += 1;
        let fault = |after: bool| if after { Fault::After } else { Fault::Before };
        let lived = match mishap {
            Mishap::None => Some(cycle(&self.rig.engine, deadline(&self.rig)).await),
            Mishap::DieOutside { nth, after } => {
                self.rig.outside.die_at(nth, fault(after));
                let (engine, outside) = (&self.rig.engine, self.rig.outside.clone());
                let lived = tokio::select! {
                    biased;
                    () = outside.death() => None,
                    done = cycle(engine, deadline(&self.rig)) => Some(done),
                };
                self.rig.outside.revive();
                lived
            }
            Mishap::DieInState { nth, after } => {
                self.rig.faults.crash_at(nth, fault(after));
                let done = cycle(&self.rig.engine, deadline(&self.rig)).await;
                let died = self.rig.faults.fired();
                self.rig.faults.revive();
                (!died).then_some(done)
            }
            Mishap::Drop { polls } => polled(cycle(&self.rig.engine, deadline(&self.rig)), polls).await,
            Mishap::Overlap => {
                let second = self.rig.second();
                let deadline = deadline(&self.rig);
                let (one, other) = tokio::join!(cycle(&self.rig.engine, deadline), cycle(&second, deadline));
                Some(one.and(other))
            }
            Mishap::Together => {
                let (engine, deadline) = (&self.rig.engine, deadline(&self.rig));
                let all = engine.setup.pairs.iter().map(|pair| cycle_of(engine, &pair.name, deadline));
                Some(join_all(all).await.into_iter().collect())
            }
            Mishap::Skew { minutes } => {
                let ahead = SignedDuration::from_mins(minutes);
                self.rig.restart_with_clock_ahead(ahead);
                let done = cycle(&self.rig.engine, deadline(&self.rig)).await;
                self.rig.restart_with_clock_ahead(-ahead);
                Some(done)
            }
        };
        match lived {
            None => {
                self.counted.deaths += 1;
                self.rig.restart();
                Ok(())
            }
            Some(Err(error)) if step.faults == 0 && !is_held(&error) => Err(vec![format!("a cycle failed: {error}")]),
            Some(_) => Ok(()),
        }
    }

    /// The first merge of every pair, or one after a rebuild.
    async fn merge_all(&mut self) -> Result<(), Vec<String>> {
        for number in 0..self.shape.pairs().len() {
            self.merge(number).await?;
        }
        Ok(())
    }

    async fn merge(&mut self, number: usize) -> Result<(), Vec<String>> {
        let pair = self.pair(number);
        let broken = |error: EngineError| vec![format!("{pair}: the merge failed: {error}")];
        let (engine, deadline) = (&self.rig.engine, deadline(&self.rig));
        engine.snapshot(&pair, SnapshotOptions::default(), deadline).await.map_err(broken)?;
        engine.merge(&pair, &MergeOptions::of(MergeMode::TwoWay), None, deadline).await.map_err(broken)?;
        Ok(())
    }

    /// Everybody who is not seen somewhere has a reason that `explain` tells (law 12).
    async fn explained(&self) -> Result<(), Vec<String>> {
        let views = self.views();
        let mut wrong = Vec::new();
        for person in self.people.values().filter(|person| person.being == Being::Here) {
            let Some(address) = views[person.tenant].0.get(&person.anchor).and_then(crate::view::Object::address) else { continue };
            for there in 0..self.shape.tenants() {
                let Some((pair, _)) = self.pair_of(person.tenant, there) else { continue };
                let told = self.rig.engine.explain(&pair, &address).await.map_err(|error| vec![format!("{pair}: {error}")])?;
                let has_reason = |one: &Explained| one.skipped.is_some() || one.link.is_some() || !one.next.is_empty();
                if !told.iter().any(|one| one.anchor.0 == person.anchor && has_reason(one)) {
                    wrong.push(format!("{pair}: explain has no reason for <{address}>: {told:?}"));
                }
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// A snapshot and a run of every pair, as two functions do it: a reading that failed keeps no run back.
async fn cycle(engine: &Engine, deadline: Timestamp) -> Result<(), EngineError> {
    let mut first = Ok(());
    for pair in &engine.setup.pairs {
        first = first.and(cycle_of(engine, &pair.name, deadline).await);
    }
    first
}

async fn cycle_of(engine: &Engine, pair: &str, deadline: Timestamp) -> Result<(), EngineError> {
    let read = engine.snapshot(pair, SnapshotOptions::default(), deadline).await.map(drop);
    let ran = engine.reconcile(pair, deadline).await.map(drop);
    read.and(ran)
}

/// A work that is dropped after so many steps; none if it was.
async fn polled<T>(work: impl Future<Output = T>, polls: u64) -> Option<T> {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// Somebody else reads or writes: no failure.
fn is_held(error: &EngineError) -> bool {
    matches!(error, EngineError::Store(StoreError::LeaseHeld { .. } | StoreError::LeaseLost { .. } | StoreError::Conflict { .. }))
}

fn told(what: &'static str) -> impl Fn(EngineError) -> Vec<String> {
    move |error| vec![format!("{what}: {error}")]
}

/// Late enough for a cycle, as the schedule has it.
fn deadline(rig: &Rig) -> Timestamp {
    rig.now() + SignedDuration::from_mins(9)
}

fn tenant_id(rig: &Rig, tenant: usize) -> String {
    rig.simulator.tenants().into_iter().find(|info| info.name == TENANTS[tenant]).map(|info| info.id.to_string()).unwrap_or_default()
}

/// The profile, after the tenants.
fn profile(shape: Shape, policy: Policy, groups: &[Uuid]) -> String {
    let mut text = String::new();
    for (a, b) in shape.pairs() {
        let direction = if shape == Shape::OneWay { "a-to-b" } else { "two-way" };
        let _ = write!(text, "[[pairs]]\na = \"{}\"\nb = \"{}\"\ndirection = \"{direction}\"\n", TENANTS[*a], TENANTS[*b]);
        let _ = writeln!(text, "guard = {{ max_deletions = {MOST_DELETIONS} }}");
        for (name, from) in [("a_to_b", *a), ("b_to_a", *b)] {
            if shape == Shape::OneWay && name == "b_to_a" {
                continue;
            }
            let _ = writeln!(text, "[pairs.{name}.scope]");
            if policy.no_legal {
                text.push_str("exclude = [{ field = \"department\", equals = \"Legal\" }]\n");
            }
            if let Some(group) = groups.get(from).filter(|_| policy.grouped) {
                let _ = writeln!(text, "include_groups = [\"{group}\"]");
            }
            let _ = writeln!(text, "[pairs.{name}.mapping]");
            if policy.suffix {
                let _ = writeln!(text, "display_name = \"{{{{ display_name }}}}{}\"", suffix(from));
            }
            if policy.no_department {
                text.push_str("department = false\n");
            }
        }
    }
    text
}
