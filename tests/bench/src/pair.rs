//! A pair of simulated tenants, a state in memory and an engine, as the command wires them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use credentials::Credential;
use engine::ports::Clock;
use engine::records::{MergeOptions, RunSummary};
use engine::setup::{Connection, Setup};
use engine::snapshot::{SnapshotOptions, SnapshotReport};
use engine::{Engine, Silent};
use gal::policy::MergeMode;
use jiff::{SignedDuration, Timestamp};
use microsoft365::{Budget, Hosts, Observer, Parts, SeededIds, Settings, Tenant365, Timeouts, Transport};
use state::StateStore;
use state::testing::Faults;

use crate::Problem;
use crate::simulator::Simulator;

/// A key and a certificate that both simulated clocks, and the wall clock, find valid.
pub(crate) fn credential() -> Result<Arc<Credential>, Problem> {
    let since: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    Ok(Arc::new(Credential::generate("galbridge-bench", since, 730)?))
}

/// Everything around one pair.
pub(crate) struct Pair {
    pub(crate) engine: Engine,
    pub(crate) state: Arc<StateStore>,
    name: String,
}

impl Pair {
    /// Connects to the simulator's two tenants.
    pub(crate) async fn over(
        simulator: &Simulator,
        credential: Arc<Credential>,
        clock: Arc<dyn Clock>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<Self, Problem> {
        let mut text = "client = \"bench\"\n".to_owned();
        for tenant in &simulator.tenants {
            write!(text, "[tenants.{}]\nid = \"{}\"\napp_id = \"{}\"\n", tenant.name, tenant.id, tenant.app_id)?;
        }
        let names: Vec<&str> = simulator.tenants.iter().map(|tenant| tenant.name.as_str()).collect();
        let [a, b] = names.as_slice() else { return Err("a pair has two tenants".into()) };
        write!(text, "[[pairs]]\na = \"{a}\"\nb = \"{b}\"\n")?;
        let loader = |path: &str| Err(std::io::Error::other(path.to_owned()));
        let (profile, _) = profile::Profile::parse("bench.toml", &text, &loader).map_err(|errors| errors.to_string())?;
        let ids = Arc::new(SeededIds::from_number(7));
        let mut connections = BTreeMap::new();
        for tenant in &simulator.tenants {
            let parts = Parts {
                transport: Transport::https(Timeouts::default())?,
                signer: credential.clone(),
                clock: clock.clone(),
                ids: ids.clone(),
                budget: Budget::of_pair(1),
                observer: observer.clone(),
            };
            let settings = Settings::new(tenant.name.clone(), tenant.id, tenant.app_id, Hosts::single(&simulator.address)?);
            let client = Arc::new(Tenant365::new(settings, parts));
            connections.insert(tenant.name.clone(), Connection { reader: client.clone(), writer: client });
        }
        let state = Arc::new(StateStore::memory()?);
        let setup = Arc::new(Setup::of(&profile));
        let name = setup.pairs.first().map(|pair| pair.name.clone()).ok_or("no pair")?;
        let engine = Engine {
            store: state.clone(),
            clock,
            connections,
            setup,
            installation: "bench".to_owned(),
            owner: "bench".to_owned(),
            progress: Arc::new(Silent),
        };
        Ok(Self { engine, state, name })
    }

    /// Goes on with a state as the service has it: the requests are those that are made on AWS. What is answered counts
    /// their units.
    pub(crate) fn in_service(&mut self) -> Result<Faults, Problem> {
        let faults = Faults::default();
        self.state = Arc::new(state::testing::service_in_memory(&faults)?);
        self.engine.store = self.state.clone();
        Ok(faults)
    }

    fn deadline(&self) -> Timestamp {
        self.engine.clock.now() + SignedDuration::from_hours(24 * 30)
    }

    /// Reads both sides.
    pub(crate) async fn snapshot(&self) -> Result<SnapshotReport, Problem> {
        Ok(self.engine.snapshot(&self.name, SnapshotOptions::default(), self.deadline()).await?)
    }

    /// A cycle, as the schedule does it. Answers whether anything was due.
    pub(crate) async fn cycle(&self) -> Result<bool, Problem> {
        self.cycle_with(SnapshotOptions::default()).await
    }

    /// The daily cycle, which reads everything.
    pub(crate) async fn full_cycle(&self) -> Result<bool, Problem> {
        self.cycle_with(SnapshotOptions { full: true, ..SnapshotOptions::default() }).await
    }

    async fn cycle_with(&self, options: SnapshotOptions) -> Result<bool, Problem> {
        let due = self.engine.snapshot(&self.name, options, self.deadline()).await?.due;
        if due {
            self.engine.reconcile(&self.name, self.deadline()).await?;
        }
        Ok(due)
    }

    /// Merges, as an operator would after a snapshot: in both directions, of everybody or of so many.
    pub(crate) async fn merge(&self, limit: Option<u64>) -> Result<RunSummary, Problem> {
        let options = MergeOptions { limit, accept_dynamic_groups: true, ..MergeOptions::of(MergeMode::TwoWay) };
        let done = self.engine.merge(&self.name, &options, None, self.deadline()).await?;
        done.ok_or_else(|| "the merge found nothing to do".into())
    }
}
