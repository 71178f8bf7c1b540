//! The core level: gal's pure functions over two directories in memory. Here is the smallest shell
//! that can drive them: it plans everything, asks the guard, applies what the guard lets through
//! and remembers each outcome, round by round, until nothing is done any more.

mod apply;
mod directory;

use std::collections::{BTreeMap, BTreeSet};

use gal::decide::{Context, MergeRules, Serve};
use gal::guard::{History, Judgement, Question, Tripped, judge};
use gal::operation::{Action, Operation};
use gal::plan::{Focus, Plan, plan};
use gal::policy::{MergeMode, PairPolicy, TenantFacts};
use gal::reason::Note;
use gal::{Anchor, Field, Link, LinkKey, Role, Side, Sides, World};
use jiff::{SignedDuration, Timestamp};

use crate::level::{Broken, FaultAt, FaultKind, Known, Level, Report, Request, Shown, Stop, Touch};
use crate::lexicon::{Address, Lexicon, tenant_of};
use crate::model::Work;
use directory::Directory;

/// The installation in stamps.
const INSTALLATION: &str = "scenarios";

/// Minutes from one cycle to the next.
const CYCLE: i64 = 10;

/// Cycles after which a sync that is still writing is one that never ends.
const MOST_CYCLES: usize = 12;

/// Two directories and the links between them.
pub(crate) struct CoreLevel {
    now: Timestamp,
    attributes: BTreeSet<Field>,
    policy: Option<PairPolicy>,
    sides: Sides<Directory>,
    links: BTreeMap<LinkKey, Link>,
    approved: Sides<BTreeSet<String>>,
}

/// What one sync has done so far.
#[derive(Debug, Default)]
struct Doing {
    report: Report,
    faults: Vec<FaultAt>,
    /// Objects that may still be written before the process dies.
    crash_after: Option<u64>,
    written: BTreeSet<(Side, Anchor)>,
}

/// One cycle's plan with the guard's word on it.
struct Cycle {
    plan: Plan,
    judgements: Sides<Judgement>,
}

impl CoreLevel {
    /// Two empty directories.
    pub(crate) fn new(lexicon: &Lexicon) -> Self {
        Self {
            // 2026-01-15T08:00:00Z
            now: Timestamp::from_second(1_768_464_000).unwrap_or(Timestamp::UNIX_EPOCH),
            attributes: lexicon.attributes(),
            policy: None,
            sides: Sides::from_fn(Directory::of),
            links: BTreeMap::new(),
            approved: Sides::default(),
        }
    }

    fn facts(side: Side) -> TenantFacts {
        let name = tenant_of(side);
        TenantFacts {
            tenant_id: format!("tenant-{side}"),
            name: name.to_owned(),
            authoritative_domains: [format!("{name}.example")].into_iter().collect(),
            relay_domains: BTreeSet::new(),
        }
    }

    /// What the sides show, with the links.
    fn world(&self) -> World {
        let mut world = World::default();
        for side in Side::BOTH {
            for entry in self.sides.get(side).listed() {
                world.insert(side, entry.clone());
            }
        }
        for link in self.links.values() {
            world.insert_link(link.clone());
        }
        world
    }

    fn cycle(&self, world: &World, serve: Serve) -> Result<Cycle, Broken> {
        let pair = self.policy.as_ref().ok_or_else(|| Broken("no profile was given".to_owned()))?;
        let mesh = Side::BOTH.map(Self::facts);
        let context = Context {
            intended: gal::managers::Intended::default(),
            now: self.now,
            installation: INSTALLATION,
            pair,
            tenants: Sides::from_fn(Self::facts),
            mesh: &mesh,
            serve,
            closed: Sides::default(),
            homes: Sides { a: true, b: true },
        };
        let plan = plan(&context, world, &Focus::Everything);
        let judgements = Sides::from_fn(|side| {
            let live = self.live(side);
            let in_scope = *plan.in_scope.get(side.other());
            // A confirmed merge is consent to what it does.
            let merges = matches!(serve, Serve::Merge(_));
            let confirmed = plan.of_side(side).filter(|one| merges && one.action.guarded() != Some(gal::operation::Guarded::Deletion));
            let approved = self.approved.get(side).iter().cloned().chain(confirmed.map(gal::operation::Operation::id)).collect();
            let question = Question {
                limits: pair.guard,
                history: History { live_before: live, live, in_scope_before: live.max(in_scope), in_scope, ..History::default() },
                approved: &approved,
                incomplete: None,
                settings: 0,
            };
            judge(&question, plan.of_side(side))
        });
        Ok(Cycle { plan, judgements })
    }

    /// Contacts of a side that are kept in step: those published there, and both halves of peers.
    fn live(&self, side: Side) -> u64 {
        self.links.values().filter(|link| link.is_live() && (link.target_side() == side || link.role == Role::Peer)).count() as u64
    }

    /// Cycles under one kind of service, until nothing is done any more.
    fn settle(&mut self, doing: &mut Doing, serve: Serve, once: Option<&[Touch]>) -> Result<(), Broken> {
        for _ in 0..MOST_CYCLES {
            self.now += SignedDuration::from_mins(CYCLE);
            let world = self.world();
            let cycle = self.cycle(&world, serve)?;
            if let Some(meanwhile) = once {
                self.edit(meanwhile)?;
                let before = self.sides.clone();
                self.carry_out(doing, &cycle)?;
                doing.report.writes = self.written_since(&before);
                return Ok(());
            }
            let done = self.carry_out(doing, &cycle)?;
            if doing.report.stops.contains(&Stop::Crashed) {
                return Ok(());
            }
            doing.report.stops = stops(&cycle.judgements);
            doing.report.unresolved = self.shown_conflicts(&world, &cycle.plan);
            if !done {
                return Ok(());
            }
        }
        Err(Broken(format!("still writing after {MOST_CYCLES} cycles")))
    }

    /// Applies what the guard lets through; answers whether anything was done.
    fn carry_out(&mut self, doing: &mut Doing, cycle: &Cycle) -> Result<bool, Broken> {
        let mut done = false;
        for change in &cycle.plan.quiet {
            done |= self.remember_quiet(change);
        }
        for operation in &cycle.plan.operations {
            if !cycle.judgements.get(operation.side).allows(operation) {
                continue;
            }
            if self.dies_before(doing, operation) {
                doing.report.stops.insert(Stop::Crashed);
                return Ok(true);
            }
            if self.refused(doing, operation) {
                self.quarantine(operation, "the write was refused");
                continue;
            }
            decided(self, doing, operation);
            self.apply(doing, operation);
            done = true;
        }
        Ok(done)
    }

    /// Whether the process dies before this write. The last write before it was done, and nobody remembers it.
    fn dies_before(&self, doing: &Doing, operation: &Operation) -> bool {
        let Some(limit) = doing.crash_after else { return false };
        let again = operation.contact.as_ref().is_some_and(|contact| doing.written.contains(&(operation.side, contact.anchor)));
        !again && doing.written.len() as u64 >= limit
    }

    fn refused(&self, doing: &Doing, operation: &Operation) -> bool {
        let kind = match operation.action {
            Action::Create | Action::Resume => FaultKind::Create,
            Action::Purge | Action::Remove => FaultKind::Delete,
            Action::Update | Action::Restore | Action::Relink | Action::Claim | Action::TakeOver | Action::Adopt | Action::AdoptGuest => {
                FaultKind::Update
            }
            Action::Abandon | Action::HandOver | Action::Release | Action::Stage => return false,
        };
        doing.faults.iter().any(|fault| {
            let hit = fault
                .address
                .as_ref()
                .is_none_or(|address| *address == operation.address || Some(address) == self.address_of(operation).as_ref());
            fault.side == operation.side && fault.what == kind && hit
        })
    }

    /// The address of what an operation writes.
    fn address_of(&self, operation: &Operation) -> Option<Address> {
        let contact = operation.contact.as_ref()?;
        self.sides.get(operation.side).entry(contact.anchor)?.recipient.primary.clone()
    }

    /// Conflicts, and differences since the join, as a plan shows them.
    fn shown_conflicts(&self, world: &World, plan: &Plan) -> BTreeSet<Address> {
        let shown = plan.notes.iter().filter(|noted| matches!(noted.note, Note::Conflict { .. } | Note::Differing { .. }));
        shown.filter_map(|noted| world.entry(noted.side, noted.anchor)?.recipient.primary.clone()).collect()
    }

    /// Recipients in quarantine, with their reasons.
    fn set_aside(&self) -> Vec<String> {
        self.links.values().filter_map(|link| Some(format!("{}: {}", link.address, link.quarantine.as_ref()?.reason))).collect()
    }

    fn written_since(&self, before: &Sides<Directory>) -> Sides<u64> {
        Sides::from_fn(|side| self.sides.get(side).written_since(before.get(side)))
    }

    fn planned(&self, cycle: &Cycle) -> BTreeSet<(Side, Work, Address)> {
        let planned = cycle.plan.operations.iter().filter_map(|operation| {
            let address = self.address_of(operation).unwrap_or_else(|| operation.address.clone());
            Some((operation.side, work(operation.action)?, address))
        });
        planned.collect()
    }
}

/// What an action is to the format.
pub(crate) fn work(action: Action) -> Option<Work> {
    match action {
        Action::Create | Action::Resume => Some(Work::Create),
        Action::Update | Action::Restore | Action::Relink | Action::Claim | Action::TakeOver | Action::Adopt | Action::AdoptGuest => {
            Some(Work::Update)
        }
        Action::Stage | Action::Purge | Action::Remove => Some(Work::Delete),
        Action::Abandon | Action::HandOver | Action::Release => None,
    }
}

/// Notes a conflict that this operation decides: the side that is not written won.
fn decided(level: &CoreLevel, doing: &mut Doing, operation: &Operation) {
    let fields = apply::decided_fields(operation);
    if !fields.is_empty() {
        let address = level.address_of(operation).unwrap_or_else(|| operation.address.clone());
        doing.report.resolved.insert(address, (operation.side.other(), fields));
    }
}

fn stops(judgements: &Sides<Judgement>) -> BTreeSet<Stop> {
    let each = Side::BOTH.into_iter().flat_map(|side| judgements.get(side).tripped.iter().map(move |tripped| (side, tripped)));
    each.map(|(side, tripped)| match tripped {
        Tripped::Deletions { .. } | Tripped::DeletionShare { .. } => Stop::Deletions(side),
        Tripped::SourceShrank { .. } => Stop::Shrank(side),
        Tripped::Updates { .. } => Stop::Updates(side),
        Tripped::Creations { .. } | Tripped::Incomplete { .. } => Stop::Held(side, tripped.to_string()),
    })
    .collect()
}

/// The merge of the format.
const MERGE: Serve = Serve::Merge(MergeRules { mode: MergeMode::TwoWay, enforce: false, take_over: false });

impl Level for CoreLevel {
    fn configure(&mut self, profile: &str) -> Result<(), Broken> {
        let profile = crate::pair::compile(profile).map_err(Broken)?;
        self.policy = profile.pairs.first().map(profile::Pair::policy);
        Ok(())
    }

    fn wait(&mut self, minutes: u64) -> Result<(), Broken> {
        let minutes = i64::try_from(minutes).map_err(|error| Broken(error.to_string()))?;
        self.now += SignedDuration::from_mins(minutes);
        Ok(())
    }

    fn edit(&mut self, touches: &[Touch]) -> Result<(), Broken> {
        let now = self.now;
        touches.iter().try_for_each(|touch| self.sides.get_mut(touch.side).edit(touch, now))
    }

    fn lag(&mut self, side: Side) -> Result<(), Broken> {
        self.sides.get_mut(side).lags = true;
        Ok(())
    }

    fn lock(&mut self, _expired: bool) -> Result<(), Broken> {
        Err(Broken("the core knows no lock".to_owned()))
    }

    fn sync(&mut self, request: &Request) -> Result<Report, Broken> {
        let serve = if request.merge { MERGE } else { Serve::Everybody };
        if request.dry_run {
            let cycle = self.cycle(&self.world(), serve)?;
            return Ok(Report { plan: self.planned(&cycle), ..Report::default() });
        }
        let before = self.sides.clone();
        let mut doing = Doing { faults: request.faults.clone(), crash_after: request.crash_after, ..Doing::default() };
        if !request.meanwhile.is_empty() {
            self.settle(&mut doing, serve, Some(&request.meanwhile))?;
            doing.report.set_aside = self.set_aside();
            return Ok(doing.report);
        }
        self.settle(&mut doing, serve, None)?;
        if request.merge && !doing.report.stops.contains(&Stop::Crashed) {
            self.settle(&mut doing, Serve::Everybody, None)?;
        }
        if request.force && !doing.report.stops.is_empty() {
            let cycle = self.cycle(&self.world(), Serve::Everybody)?;
            for side in Side::BOTH {
                self.approved.get_mut(side).extend(cycle.judgements.get(side).held.iter().cloned());
            }
            self.settle(&mut doing, Serve::Everybody, None)?;
            self.approved = Sides::default();
        }
        doing.report.writes = self.written_since(&before);
        doing.report.set_aside = self.set_aside();
        Ok(doing.report)
    }

    fn observe(&mut self, side: Side) -> Result<BTreeMap<Address, Shown>, Broken> {
        Ok(self.sides.get(side).shown(&self.attributes))
    }

    fn links(&mut self) -> Result<BTreeMap<Address, Known>, Broken> {
        let live = self.links.values().filter(|link| link.is_live());
        Ok(live
            .map(|link| {
                let source = link.key.origin.source_side().and_then(|side| self.sides.get(side).address(link.key.anchor));
                let target = || link.target.and_then(|anchor| self.sides.get(link.target_side()).address(anchor));
                let address = source.or_else(target).unwrap_or_else(|| link.address.clone());
                (address, Known { source: link.base_source.clone(), target: link.base_target.clone() })
            })
            .collect())
    }
}
