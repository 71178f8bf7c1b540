//! The engine level: the whole engine, with state and real wire bytes, against the simulated
//! services in this process, under paused time. What stands there is read from the simulator's own
//! view, never from the engine's.

mod crash;
mod simulator;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::records::{Lease, LeaseKind, MergeOptions, Outcome, RunSummary, SideCounters};
use engine::{EngineError, ports::StoreError};
use gal::plan::Plan;
use gal::policy::MergeMode;
use gal::reason::Note;
use gal::{Anchor, Field, Link, Side};
use jiff::SignedDuration;
use rig::{Rig, RigOptions};

use crate::core_level::work;
use crate::level::{Broken, Known, Level, Report, Request, Shown, Stop, Touch};
use crate::lexicon::{Address, Lexicon, TENANTS};
use crate::model::Work;
use simulator::Tenants;

/// Seconds from one cycle to the next.
const CYCLE: Duration = Duration::from_secs(600);

/// Cycles after which a sync that is still writing is one that never ends.
const MOST_CYCLES: usize = 12;

/// The whole engine over two simulated tenants.
pub(crate) struct EngineLevel {
    runtime: tokio::runtime::Runtime,
    rig: Rig,
    tenants: Tenants,
}

/// What one sync has done so far.
#[derive(Debug, Default)]
struct Doing {
    stops: BTreeSet<Stop>,
    runs: Vec<RunSummary>,
}

impl EngineLevel {
    /// Two empty tenants.
    pub(crate) fn new(lexicon: &Lexicon) -> Result<Self, Broken> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| Broken(format!("the runtime does not start: {error}")))?;
        let [a, b] = TENANTS;
        let options = RigOptions {
            tenants: TENANTS.map(|name| (name.to_owned(), 0)).into(),
            profile: format!("[[pairs]]\na = \"{a}\"\nb = \"{b}\"\n"),
            ..RigOptions::default()
        };
        let rig = runtime.block_on(Rig::new(options));
        let tenants = Tenants::of(rig.simulator.clone(), lexicon.attributes());
        Ok(Self { runtime, rig, tenants })
    }

    /// Cycles until nothing is done any more.
    async fn settle(rig: &Rig, doing: &mut Doing) -> Result<(), EngineError> {
        let mut idle = 0;
        for _ in 0..MOST_CYCLES {
            rig.advance(CYCLE).await;
            let Some(summary) = rig.cycle().await? else { return Ok(()) };
            idle = if busy(&summary.counters.a) || busy(&summary.counters.b) { 0 } else { idle + 1 };
            doing.runs.push(summary);
            if idle == 2 {
                return Ok(());
            }
        }
        doing.stops.insert(Stop::Failed(format!("still writing after {MOST_CYCLES} cycles")));
        Ok(())
    }

    /// A sync as it is asked for; what stopped it goes into `doing`.
    async fn run(rig: &Rig, tenants: &mut Tenants, request: &Request, doing: &mut Doing) -> Result<(), EngineError> {
        if !request.meanwhile.is_empty() {
            rig.advance(CYCLE).await;
            rig.snapshot(false).await?;
            if let Err(Broken(reason)) = tenants.edit(&request.meanwhile) {
                doing.stops.insert(Stop::Failed(reason));
            }
            tenants.remember();
            doing.runs.extend(rig.reconcile().await?);
            return Ok(());
        }
        if tenants.lags() {
            // Everything is listed, and what does not show yet is missing from it.
            rig.snapshot(true).await?;
        }
        if request.merge {
            doing.runs.extend(rig.merge(MergeMode::TwoWay).await?);
        }
        Self::settle(rig, doing).await?;
        if request.force && Self::approve(rig).await? {
            Self::settle(rig, doing).await?;
        }
        Ok(())
    }

    /// Approves what the guard holds; answers whether it held anything.
    async fn approve(rig: &Rig) -> Result<bool, EngineError> {
        let state = rig.engine.state(&rig.pair()).await?;
        let held: BTreeSet<String> =
            Side::BOTH.into_iter().filter_map(|side| state.writing.holds.get(side).as_ref()?.checksum.clone()).collect();
        for checksum in &held {
            rig.engine.approve(&rig.pair(), checksum).await?;
        }
        Ok(!held.is_empty())
    }

    /// What the guard holds, after a sync.
    async fn held(rig: &Rig) -> Result<BTreeSet<Stop>, EngineError> {
        let state = rig.engine.state(&rig.pair()).await?;
        let reasons = |side: Side| state.writing.holds.get(side).iter().flat_map(|hold| hold.reasons.clone()).collect::<Vec<String>>();
        Ok(Side::BOTH.into_iter().flat_map(|side| reasons(side).into_iter().map(move |reason| stop(side, reason))).collect())
    }

    async fn report(rig: &Rig, tenants: &Tenants, doing: Doing) -> Result<Report, EngineError> {
        let mut report = Report { stops: doing.stops, writes: tenants.written(), ..Report::default() };
        report.stops.extend(Self::held(rig).await?);
        let quarantined = rig.engine.quarantined(&rig.pair()).await?;
        report.set_aside =
            quarantined.iter().filter_map(|link| Some(format!("{}: {}", link.address, link.quarantine.as_ref()?.reason))).collect();
        if let Some(RunSummary { outcome: Outcome::Partial(reason) | Outcome::Failed(reason), .. }) = doing.runs.last() {
            report.set_aside.push(reason.clone());
        }
        let preview = rig.engine.preview(&rig.pair(), None).await?;
        report.unresolved = shown_conflicts(tenants, &preview.plan);
        for run in &doing.runs {
            for record in rig.engine.store.operations(&run.id).await? {
                let by_policy = record.reason.contains("the policy decides");
                let decided = record.changes.iter().filter(|change| match record.operation.as_str() {
                    // At a join everything that replaces a value was decided by the policy.
                    "adopt" => change.before.as_deref().is_some_and(|before| !before.is_empty()),
                    _ => by_policy,
                });
                let fields: BTreeSet<Field> = decided.filter_map(|change| Field::from_property(&change.property)).collect();
                let side = record.link.origin.source_side().unwrap_or(record.side);
                if let Some(address) = tenants.address(side, record.link.anchor).filter(|_| !fields.is_empty()) {
                    report.resolved.insert(address, (record.side.other(), fields));
                }
            }
        }
        Ok(report)
    }

    async fn dry_run(rig: &Rig, tenants: &Tenants, merge: bool) -> Result<Report, EngineError> {
        rig.snapshot(false).await?;
        let options = MergeOptions::of(MergeMode::TwoWay);
        let preview = rig.engine.preview(&rig.pair(), merge.then_some(&options)).await?;
        Ok(Report { plan: planned(tenants, &preview.plan), writes: tenants.written(), ..Report::default() })
    }

    fn all_links(&self) -> Result<Vec<Link>, Broken> {
        let pair = self.rig.pair();
        self.runtime.block_on(async {
            let mut links = Vec::new();
            for shard in 0..16 {
                let found = self.rig.engine.store.link_shard(&pair, shard).await.map_err(|error| Broken(error.to_string()))?;
                links.extend(found.into_iter().map(|link| link.item));
            }
            Ok(links)
        })
    }
}

/// Whether a run wrote or remembered anything.
fn busy(counters: &SideCounters) -> bool {
    let idle = SideCounters { conflicts: counters.conflicts, held: counters.held, ..SideCounters::default() };
    *counters != idle
}

/// A limit that was tripped, from its words.
fn stop(side: Side, reason: String) -> Stop {
    if reason.contains("max_deletion") {
        Stop::Deletions(side)
    } else if reason.contains("max_source_shrink") {
        Stop::Shrank(side)
    } else if reason.contains("max_update_share") {
        Stop::Updates(side)
    } else {
        Stop::Held(side, reason)
    }
}

/// What an error of a use-case means.
fn stopped(error: &EngineError) -> Stop {
    match error {
        EngineError::Store(StoreError::LeaseHeld { .. }) => Stop::Locked,
        EngineError::Tenant { .. } | EngineError::Read { .. } => Stop::Unreadable(error.to_string()),
        other => Stop::Failed(other.to_string()),
    }
}

fn shown_conflicts(tenants: &Tenants, plan: &Plan) -> BTreeSet<Address> {
    let shown = plan.notes.iter().filter(|noted| matches!(noted.note, Note::Conflict { .. } | Note::Differing { .. }));
    shown.filter_map(|noted| tenants.address(noted.side, noted.anchor)).collect()
}

fn planned(tenants: &Tenants, plan: &Plan) -> BTreeSet<(Side, Work, Address)> {
    let operations = plan.operations.iter().filter_map(|operation| {
        let address = operation.contact.as_ref().and_then(|contact| tenants.address(operation.side, contact.anchor));
        Some((operation.side, work(operation.action)?, address.unwrap_or_else(|| operation.address.clone())))
    });
    operations.collect()
}

impl Level for EngineLevel {
    fn configure(&mut self, profile: &str) -> Result<(), Broken> {
        let Self { runtime, rig, .. } = self;
        // Inside the runtime, because a new process looks at its clock.
        runtime.block_on(async { rig.reprofile(profile) });
        Ok(())
    }

    fn wait(&mut self, minutes: u64) -> Result<(), Broken> {
        self.runtime.block_on(self.rig.advance(Duration::from_secs(minutes * 60)));
        Ok(())
    }

    fn edit(&mut self, touches: &[Touch]) -> Result<(), Broken> {
        let Self { runtime, tenants, .. } = self;
        runtime.block_on(async { tenants.edit(touches) })
    }

    fn lag(&mut self, side: Side) -> Result<(), Broken> {
        let Self { runtime, tenants, .. } = self;
        runtime.block_on(async { tenants.lag(side) })
    }

    fn lock(&mut self, expired: bool) -> Result<(), Broken> {
        let rig = &self.rig;
        self.runtime.block_on(async {
            let now = rig.now();
            let until = if expired { now + SignedDuration::from_mins(1) } else { now + SignedDuration::from_hours(24 * 30) };
            let lease = Lease { owner: "another process".to_owned(), until };
            for kind in [LeaseKind::Reading, LeaseKind::Writing] {
                rig.engine.store.acquire(&rig.pair(), kind, &lease, now).await.map_err(|error| Broken(error.to_string()))?;
            }
            rig.advance(Duration::from_secs(120)).await;
            Ok(())
        })
    }

    fn sync(&mut self, request: &Request) -> Result<Report, Broken> {
        let Self { runtime, rig, tenants } = self;
        runtime.block_on(async {
            tenants.remember();
            if request.dry_run {
                return Self::dry_run(rig, tenants, request.merge).await.map_err(|error| Broken(error.to_string()));
            }
            tenants.break_by(&request.faults)?;
            let mut doing = Doing::default();
            if let Some(limit) = request.crash_after {
                let switch = crash::install(&mut rig.engine, limit);
                tokio::select! {
                    biased;
                    () = switch.died() => {
                        doing.stops.insert(Stop::Crashed);
                    }
                    ended = Self::run(rig, tenants, request, &mut doing) => {
                        if let Err(error) = ended {
                            doing.stops.insert(stopped(&error));
                        }
                    }
                }
                rig.restart();
            } else if let Err(error) = Self::run(rig, tenants, request, &mut doing).await {
                doing.stops.insert(stopped(&error));
            }
            tenants.break_by(&[])?;
            Self::report(rig, tenants, doing).await.map_err(|error| Broken(error.to_string()))
        })
    }

    fn observe(&mut self, side: Side) -> Result<BTreeMap<Address, Shown>, Broken> {
        let Self { runtime, tenants, .. } = self;
        Ok(runtime.block_on(async { tenants.shown(side) }))
    }

    fn links(&mut self) -> Result<BTreeMap<Address, Known>, Broken> {
        let links = self.all_links()?;
        let Self { runtime, tenants, .. } = self;
        Ok(runtime.block_on(async {
            let live = links.into_iter().filter(Link::is_live);
            live.map(|link| {
                let source = link.key.origin.source_side().and_then(|side| tenants.address(side, link.key.anchor));
                let target = link.target.and_then(|anchor: Anchor| tenants.address(link.target_side(), anchor));
                let address = source.or(target).unwrap_or_else(|| link.address.clone());
                (address, Known { source: link.base_source, target: link.base_target })
            })
            .collect()
        }))
    }
}
