//! A rig: two (or more) simulated tenants, an embedded state and a real engine in one process.
//!
//! Real wire bytes go through the simulator's router, under paused time and without sockets, so a
//! test plays days in milliseconds. Use it inside `#[tokio::test(start_paused = true)]`, or a
//! current-thread runtime whose time is paused.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a rig is test code: what it cannot set up is the failure of the test"
)]

mod certificates;
pub mod collected;
pub mod outside;
pub mod people;
mod process;

pub use certificates::credential;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use certificates::Certificates;
use engine::ports::{Clock, Store};
use engine::records::{MergeOptions, RunSummary};
use engine::setup::Setup;
use engine::snapshot::{SnapshotOptions, SnapshotReport};
use engine::{Engine, EngineError};
use gal::policy::MergeMode;
use jiff::{SignedDuration, Timestamp};
use m365_simulator::{ClockKind, FaultLevel, GalEntry, Simulator, SimulatorConfig, TenantSpec};
use microsoft365::{Exchanged, Observer};
use outside::Outside;
use process::Process;
use serde_json::Value;
use state::StateStore;
use state::testing::Faults;
use uuid::Uuid;

/// A clock that follows tokio's (paused) time from a fixed instant.
#[derive(Debug)]
pub struct RigClock {
    start: Timestamp,
    began: tokio::time::Instant,
}

#[async_trait]
impl Clock for RigClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.began.elapsed()).unwrap_or(SignedDuration::ZERO);
        self.start + passed
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Keeps every exchange.
#[derive(Debug, Default)]
pub struct Recorder {
    lines: Mutex<Vec<Value>>,
    off: AtomicBool,
}

impl Recorder {
    /// Whether exchanges are kept: they take time and memory.
    pub fn record(&self, on: bool) {
        self.off.store(!on, Ordering::Relaxed);
    }

    /// What was recorded so far; it begins anew.
    pub fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The cmdlets sent since the last time, with their parameters.
    pub fn cmdlets(&self) -> Vec<(String, Value)> {
        let lines = self.take().into_iter();
        let inputs = lines.filter_map(|line| line["request_body"]["CmdletInput"].as_object().cloned());
        inputs.map(|input| (input["CmdletName"].as_str().unwrap_or_default().to_owned(), input["Parameters"].clone())).collect()
    }
}

impl Observer for Recorder {
    fn exchanged(&self, exchange: &Exchanged<'_>) {
        if !self.off.load(Ordering::Relaxed) {
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(exchange.trace());
        }
    }
}

/// How a rig is made.
#[derive(Clone, Debug)]
pub struct RigOptions {
    /// Tenants with the number of generated recipients (0: empty).
    pub tenants: Vec<(String, usize)>,
    /// What stands in the profile after the tenants: pairs and more. `{name}` of a tenant is its short name.
    pub profile: String,
    /// The simulator's faults.
    pub faults: FaultLevel,
    /// The seed of everything.
    pub seed: u64,
    /// Contacts a tenant may create in an hour.
    pub creation_quota: Option<u32>,
    /// How long the token endpoint does not know a certificate that was added.
    pub certificate_delay: Duration,
    /// Objects on a page of Graph.
    pub graph_page: usize,
}

impl Default for RigOptions {
    fn default() -> Self {
        Self {
            tenants: vec![("contoso".to_owned(), 0), ("fabrikam".to_owned(), 0)],
            profile: "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n".to_owned(),
            faults: FaultLevel::None,
            seed: 7,
            creation_quota: None,
            certificate_delay: Duration::ZERO,
            graph_page: SimulatorConfig::default().graph_page,
        }
    }
}

/// A running rig.
pub struct Rig {
    /// The Microsoft side.
    pub simulator: Simulator,
    /// The engine.
    pub engine: Engine,
    /// The state, for counting requests.
    pub state: Arc<StateStore>,
    /// Fails requests to the state on purpose.
    pub faults: Faults,
    /// Where the process dies at a call to Microsoft.
    pub outside: Outside,
    /// Every exchange with Microsoft, as trace lines without secrets.
    pub recorded: Arc<Recorder>,
    clock: Arc<RigClock>,
    certificates: Certificates,
    options: RigOptions,
    restarts: u64,
}

impl Rig {
    /// A rig. Panics on a profile that is refused: a test's own mistake.
    pub async fn new(options: RigOptions) -> Self {
        let config = SimulatorConfig {
            seed: options.seed,
            tenants: options.tenants.iter().map(|(name, count)| TenantSpec::new(name.clone(), *count)).collect(),
            faults: options.faults,
            clock: ClockKind::Tokio,
            creation_quota: options.creation_quota,
            certificate_delay: options.certificate_delay,
            graph_page: options.graph_page,
            ..SimulatorConfig::default()
        };
        let clock = Arc::new(RigClock { start: config.start, began: tokio::time::Instant::now() });
        let simulator = Simulator::new(config).expect("the simulator starts");
        let certificate = credential().public_certificate_pem().expect("a certificate");
        simulator.register_certificate(None, &certificate).expect("the certificate is registered");
        let faults = Faults::default();
        let state = Arc::new(state::testing::memory(&faults).expect("an embedded state"));
        state.create_table_if_missing().await.expect("a table");
        let setup = setup(&simulator, &options.profile);
        let recorded = Arc::new(Recorder::default());
        let outside = Outside::default();
        let certificates = Certificates::default();
        let (seed, restarts) = (options.seed, 0);
        let process = Process {
            simulator: &simulator,
            clock: &clock,
            recorded: &recorded,
            outside: &outside,
            certificates: &certificates,
            seed,
            restarts,
        };
        let engine = process.engine(state.clone(), setup);
        Self { simulator, engine, state, faults, outside, recorded, clock, certificates, options, restarts }
    }

    /// Three tenants, and these pairs of them, each with these lines of the profile; nothing is merged yet.
    pub async fn mesh(pairs: &[(&str, &str)], profile: &str) -> Self {
        let tenants = ["contoso", "fabrikam", "initech"].map(|name| (name.to_owned(), 0)).to_vec();
        let pairs: Vec<String> = pairs.iter().map(|(a, b)| format!("[[pairs]]\na = \"{a}\"\nb = \"{b}\"\n{profile}")).collect();
        Self::new(RigOptions { tenants, profile: pairs.concat(), ..RigOptions::default() }).await
    }

    /// A pair of two small tenants, made of these operations of their administrators, merged and come to rest, with the
    /// anchors of both. `profile`: what stands in the pair, and after it.
    pub async fn merged(profile: &str, contoso: Vec<Value>, fabrikam: Vec<Value>) -> (Self, Vec<Uuid>, Vec<Uuid>) {
        let profile = format!("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n{profile}");
        let rig = Self::new(RigOptions { profile, ..RigOptions::default() }).await;
        let a = rig.apply("contoso", Value::Array(contoso)).into_iter().flatten().collect();
        let b = rig.apply("fabrikam", Value::Array(fabrikam)).into_iter().flatten().collect();
        rig.merge(MergeMode::TwoWay).await.expect("a merge");
        rig.settle(6).await.expect("quiet");
        (rig, a, b)
    }

    /// The first pair of the profile.
    pub fn pair(&self) -> String {
        self.engine.setup.pairs[0].name.clone()
    }

    /// A new process over the same state: tokens, budgets and leases of the old one are gone.
    pub fn restart(&mut self) {
        self.restarts += 1;
        let setup = (*self.engine.setup).clone();
        self.engine = self.another(setup);
    }

    /// Another process over the same state.
    fn another(&self, setup: Setup) -> Engine {
        self.process().engine(self.state.clone(), setup)
    }

    /// What a process that starts now is made of.
    fn process(&self) -> Process<'_> {
        Process {
            simulator: &self.simulator,
            clock: &self.clock,
            recorded: &self.recorded,
            outside: &self.outside,
            certificates: &self.certificates,
            seed: self.options.seed,
            restarts: self.restarts,
        }
    }

    /// A second process beside this one, as when two ticks overlap.
    pub fn second(&mut self) -> Engine {
        self.restarts += 1;
        self.another((*self.engine.setup).clone())
    }

    /// A new process on a machine whose clock is ahead.
    pub fn restart_with_clock_ahead(&mut self, ahead: SignedDuration) {
        self.clock = Arc::new(RigClock { start: self.clock.start + ahead, began: self.clock.began });
        self.restart();
    }

    /// Lets the tokens of this process run out.
    pub async fn restart_tokens(&self) {
        self.advance(Duration::from_secs(2 * 3_600)).await;
    }

    /// The same rig under another profile (what stands after the tenants).
    pub fn reprofile(&mut self, profile: &str) {
        self.restarts += 1;
        let setup = setup(&self.simulator, profile);
        self.engine = self.another(setup);
    }

    /// The state is gone: a new, empty one.
    pub async fn lose_state(&mut self) {
        self.faults = Faults::default();
        self.state = Arc::new(state::testing::memory(&self.faults).expect("an embedded state"));
        self.state.create_table_if_missing().await.expect("a table");
        self.restart();
    }

    /// Loses what was read of these recipients of side `a`, as dropping damaged items does.
    pub async fn lose_replicas(&self, anchors: &[Uuid]) {
        let removed = anchors.iter().map(|anchor| gal::Anchor(*anchor)).collect::<Vec<_>>();
        self.state.forget_replicas(&self.pair(), gal::Side::A, &removed).await.expect("they can be removed");
    }

    /// Loses the whole agenda of the first pair.
    pub async fn lose_agenda(&self) {
        let rows = self.state.due(&self.pair(), Timestamp::MAX, usize::MAX).await.expect("an agenda");
        self.state.delete_agenda(&self.pair(), &rows).await.expect("it can be removed");
    }

    /// The whole state as it is now, to come back to.
    pub async fn export_state(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.state.export(&mut out, self.now()).await.expect("nothing runs now");
        out
    }

    /// The state of an earlier day is restored.
    pub async fn import_state(&mut self, export: &[u8]) {
        self.lose_state().await;
        let mut read = std::io::Cursor::new(export);
        self.state.import(&mut read, state::Existing::Replace, self.now()).await.expect("an export can be imported");
        self.restart();
    }

    /// The same rig with another store in front of the state (to inject faults).
    pub fn with_store(&mut self, store: Arc<dyn Store>) {
        self.engine.store = store;
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass.
    pub async fn advance(&self, duration: Duration) {
        tokio::time::advance(duration).await;
    }

    /// What an administrator of a tenant does; answers the anchors.
    pub fn apply(&self, tenant: &str, operations: Value) -> Vec<Option<Uuid>> {
        self.simulator.apply_json(tenant, operations).expect("the administrator's operations are valid")
    }

    /// The GAL as its users see it.
    pub fn gal(&self, tenant: &str) -> Vec<GalEntry> {
        self.simulator.gal(tenant, false)
    }

    /// The GAL with hidden objects.
    pub fn gal_with_hidden(&self, tenant: &str) -> Vec<GalEntry> {
        self.simulator.gal(tenant, true)
    }

    /// Late enough for everything.
    pub fn deadline(&self) -> Timestamp {
        self.now() + SignedDuration::from_hours(12)
    }

    /// One snapshot of the first pair.
    pub async fn snapshot(&self, full: bool) -> Result<SnapshotReport, EngineError> {
        self.engine.snapshot(&self.pair(), SnapshotOptions { full, daily: false, only: None }, self.deadline()).await
    }

    /// One reconcile of the first pair.
    pub async fn reconcile(&self) -> Result<Option<RunSummary>, EngineError> {
        self.engine.reconcile(&self.pair(), self.deadline()).await
    }

    /// A cycle, as the schedule does it: snapshot, and reconcile if anything is due.
    pub async fn cycle(&self) -> Result<Option<RunSummary>, EngineError> {
        if self.snapshot(false).await?.due { self.reconcile().await } else { Ok(None) }
    }

    /// A day later both sides are read completely, and what comes of that is done.
    pub async fn next_day(&self) -> Result<(), EngineError> {
        self.advance(Duration::from_secs(25 * 3_600)).await;
        self.snapshot(true).await?;
        self.settle(4).await.map(|_| ())
    }

    /// Ten minutes and a cycle, until nothing is done any more (at most `most` cycles). Answers what was done.
    pub async fn settle(&self, most: usize) -> Result<Vec<RunSummary>, EngineError> {
        let mut done = Vec::new();
        for _ in 0..most {
            self.advance(Duration::from_secs(600)).await;
            match self.cycle().await? {
                Some(summary) => done.push(summary),
                None => break,
            }
        }
        Ok(done)
    }

    /// Reads both sides completely and merges, as an operator would.
    pub async fn merge(&self, mode: MergeMode) -> Result<Option<RunSummary>, EngineError> {
        self.merge_with(MergeOptions { accept_dynamic_groups: true, ..MergeOptions::of(mode) }).await
    }

    /// The same with these options.
    pub async fn merge_with(&self, options: MergeOptions) -> Result<Option<RunSummary>, EngineError> {
        self.snapshot(false).await?;
        self.engine.merge(&self.pair(), &options, None, self.deadline()).await
    }

    /// Reads all of every pair anew, and writes nothing.
    pub async fn full_reading_of_each_pair(&self) -> Result<(), EngineError> {
        for pair in &self.engine.setup.pairs {
            self.engine.snapshot(&pair.name, SnapshotOptions { full: true, ..SnapshotOptions::default() }, self.deadline()).await?;
        }
        Ok(())
    }

    /// One cycle of each pair, the pairs in their order.
    pub async fn cycle_of_each_pair(&self) -> Result<(), EngineError> {
        for pair in &self.engine.setup.pairs {
            self.engine.snapshot(&pair.name, SnapshotOptions::default(), self.deadline()).await?;
            self.engine.reconcile(&pair.name, self.deadline()).await?;
        }
        Ok(())
    }

    /// Reads and merges every pair, then lets so many cycles of all pairs pass.
    pub async fn merge_each_pair(&self, cycles: usize) -> Result<(), EngineError> {
        for pair in &self.engine.setup.pairs {
            self.engine.snapshot(&pair.name, SnapshotOptions::default(), self.deadline()).await?;
            self.engine.merge(&pair.name, &MergeOptions::of(MergeMode::TwoWay), None, self.deadline()).await?;
        }
        for _ in 0..cycles {
            self.advance(Duration::from_secs(600)).await;
            self.cycle_of_each_pair().await?;
        }
        Ok(())
    }
}

/// A setup from the simulator's tenants and the rest of a profile.
fn setup(simulator: &Simulator, rest: &str) -> Setup {
    let mut text = "client = \"rig\"\n".to_owned();
    for tenant in simulator.tenants() {
        write!(text, "[tenants.{}]\nid = \"{}\"\napp_id = \"{}\"\n", tenant.name, tenant.id, tenant.app_id).expect("a string takes text");
    }
    text.push_str(rest);
    let loader = |path: &str| Err(std::io::Error::other(format!("no file {path} in a rig")));
    match profile::Profile::parse("rig.toml", &text, &loader) {
        Ok((profile, _)) => Setup::of(&profile),
        Err(errors) => panic!("{errors}"),
    }
}
