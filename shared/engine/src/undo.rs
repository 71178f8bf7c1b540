//! Taking a run back: what it wrote is put back where nobody has touched it since, as a run of its own.

use std::collections::BTreeMap;

use gal::operation::Operation;
use gal::plan::Plan;
use gal::undo::{Deed, Left, Undoing, Written};
use gal::{LinkKey, Side, Sides};
use jiff::Timestamp;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::load::Loaded;
use crate::records::{Change, OperationRecord, OperationResult, PairState, RunKind, RunSummary};
use crate::setup::PairSetup;

/// Runs that are looked through for one by its id.
const SEARCHED: usize = 10_000;

/// What taking a run back would do.
#[derive(Clone, Debug)]
pub struct UndoPlan {
    /// The run.
    pub run: RunSummary,
    /// What would be written.
    pub plan: Plan,
    /// What is left alone, and why.
    pub left: Vec<LeftAlone>,
}

/// Something that the run did, and that is not taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// The side that was written.
    pub side: Side,
    /// The link.
    pub link: LinkKey,
    /// The address.
    pub address: String,
    /// What people call it, as far as it is known.
    pub title: String,
    /// Why.
    pub why: Left,
}

impl Engine {
    /// The run whose id begins so.
    pub async fn run_by_id(&self, pair: &str, id: &str) -> Result<RunSummary, EngineError> {
        let setup = self.pair(pair)?;
        // Every id begins with nothing: a variable of a script that is not set must not mean the only run there is.
        if id.is_empty() {
            return Err(EngineError::Refused(format!("pair {pair}: no run was named; `galbridge runs` lists them")));
        }
        let runs = self.store.runs(&setup.name, SEARCHED).await?;
        let mut found: Vec<RunSummary> = runs.into_iter().filter(|run| run.id.starts_with(id)).collect();
        let more = found.len() > 1;
        found.pop().filter(|_| !more).ok_or_else(|| {
            let what = if more { "more than one run has" } else { "no run has" };
            EngineError::Refused(format!("pair {pair}: {what} an id that begins with {id}; `galbridge runs` lists them"))
        })
    }

    /// What taking a run back would do, by what is known of both sides.
    pub async fn undo_preview(&self, pair: &str, run: &str) -> Result<UndoPlan, EngineError> {
        let setup = self.pair(pair)?;
        let run = self.run_by_id(pair, run).await?;
        let loaded = self.load_everything(setup, false).await?;
        self.undo_plan(setup, &loaded, run).await
    }

    /// Takes a run back. `checksum`: of the plan that was shown.
    pub async fn undo(&self, pair: &str, run: &str, checksum: &str, deadline: Timestamp) -> Result<Option<RunSummary>, EngineError> {
        let setup: &PairSetup = self.pair(pair)?;
        let run = self.run_by_id(pair, run).await?;
        let prepare = async |_: &mut PairState| {
            let loaded = self.load_everything(setup, false).await?;
            let UndoPlan { plan, .. } = self.undo_plan(setup, &loaded, run).await?;
            let now = plan.checksum();
            if now != checksum {
                return Err(EngineError::PlanChanged { shown: checksum.to_owned(), now });
            }
            Ok((loaded, plan))
        };
        self.carry_out(setup, RunKind::Undo, deadline, prepare, |_, _| {}).await
    }

    async fn undo_plan(&self, setup: &PairSetup, loaded: &Loaded, run: RunSummary) -> Result<UndoPlan, EngineError> {
        let records = self.store.operations(&run.id).await?;
        let addresses: BTreeMap<LinkKey, String> = records.iter().map(|record| (record.link, record.address.clone())).collect();
        let mut plan = Plan::default();
        let mut left = Vec::new();
        let published = Sides::from_fn(|side| setup.published_into(side));
        let asked = Undoing { installation: &self.installation, run: &run.id, now: self.now(), world: &loaded.world, published };
        for deed in deeds(&records) {
            let link = loaded.world.link(deed.link);
            let anchor = match link {
                Some(link) if deed.side == link.target_side() => link.target,
                Some(_) => Some(deed.link.anchor),
                None => None,
            };
            let entry = anchor.and_then(|anchor| loaded.world.entry(deed.side, anchor));
            match gal::undo::undo(&asked, &deed, link, entry) {
                Ok(operation) => plan.operations.push(operation),
                Err(why) => left.push(LeftAlone {
                    side: deed.side,
                    link: deed.link,
                    address: addresses.get(&deed.link).cloned().unwrap_or_default(),
                    title: entry.map(|entry| entry.recipient.title().to_owned()).unwrap_or_default(),
                    why,
                }),
            }
        }
        plan.operations.sort_by_key(|operation: &Operation| (operation.action, operation.key));
        Ok(UndoPlan { run, plan, left })
    }
}

/// What was done to each object, its operations in their order taken together.
fn deeds(records: &[OperationRecord]) -> Vec<Deed> {
    let mut deeds: BTreeMap<(LinkKey, Side), Deed> = BTreeMap::new();
    for record in records.iter().filter(|record| record.result == OperationResult::Done) {
        let blank = || Deed { link: record.link, side: record.side, operations: Vec::new(), changes: Vec::new() };
        let deed = deeds.entry((record.link, record.side)).or_insert_with(blank);
        deed.operations.push(record.operation.clone());
        for Change { property, before, after } in &record.changes {
            match deed.changes.iter_mut().find(|change| change.property == *property) {
                Some(change) => change.after.clone_from(after),
                None => deed.changes.push(Written { property: property.clone(), before: before.clone(), after: after.clone() }),
            }
        }
    }
    deeds.into_values().collect()
}
