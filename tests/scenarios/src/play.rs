//! Plays one scenario on a level: makes the base, links it, plays edits and syncs, and compares.

use std::collections::{BTreeMap, BTreeSet};

use gal::{Field, Side};

use crate::applies::writable;
use crate::check;
use crate::format::{Edit, EditOp, Rules, Scenario, Step, truthy};
use crate::level::{Act, Broken, FaultAt, FaultKind, Level, Report, Request, Touch};
use crate::lexicon::{Address, Attributes, Lexicon, TOUCHED};
use crate::model::{People, Person, Standing};
use crate::pair;

/// Minutes between two steps: more than a day, because our guard counts a day and a scenario's counts a run.
const BETWEEN_STEPS: u64 = 25 * 60;

/// Minutes between edits with different clocks.
const BETWEEN_CLOCKS: u64 = 10;

/// Plays a scenario; what was not as expected.
pub(crate) fn play(level: &mut dyn Level, scenario: &Scenario, lexicon: &Lexicon) -> Result<Vec<String>, Broken> {
    let mut player = Player { level, lexicon, standing: Standing::initial(scenario, lexicon), lags: false };
    player.begin(scenario)?;
    for (number, step) in scenario.steps.iter().enumerate() {
        let wrong = player.step(scenario, step, number)?;
        if !wrong.is_empty() {
            return Ok(wrong.into_iter().map(|wrong| format!("step {}: {wrong}", number + 1)).collect());
        }
    }
    Ok(Vec::new())
}

struct Player<'p> {
    level: &'p mut dyn Level,
    lexicon: &'p Lexicon,
    /// The state as the scenario tells it.
    standing: Standing,
    /// A side does not show yet what was just made there.
    lags: bool,
}

/// An edit with the clock it is played by; those without clock come first.
type Clocked = (Option<i64>, Touch);

impl Player<'_> {
    /// What stands before the first step.
    fn begin(&mut self, scenario: &Scenario) -> Result<(), Broken> {
        let Some(base) = self.standing.base.clone() else {
            let mut touches = Vec::new();
            for side in Side::BOTH {
                for (address, person) in self.standing.sides.get(side) {
                    touches.push((person.record.modified(), self.make(side, address, person, &scenario.policy)));
                }
            }
            self.play_by_clock(touches)?;
            return self.lock(scenario);
        };
        let profile = pair::profile_of_base(&scenario.policy, &self.standing, self.lexicon);
        self.level.configure(&profile)?;
        for side in Side::BOTH {
            let placed = base.iter().filter(|(address, person)| self.stands_on(address, person, side, &scenario.policy));
            let touches: Vec<Touch> = placed.map(|(address, person)| self.make(side, address, person, &Rules::default())).collect();
            self.level.edit(&touches)?;
        }
        if let Some(side) = self.lagging() {
            self.lags = true;
            self.level.lag(side)?;
        }
        let report = self.level.sync(&Request { merge: true, ..Request::default() })?;
        if !report.stops.is_empty() || !report.set_aside.is_empty() {
            return Err(Broken(format!("the base could not be linked: {:?} {:?}", report.stops, report.set_aside)));
        }
        self.pause(BETWEEN_STEPS)?;
        let mut touches = Vec::new();
        for side in Side::BOTH {
            touches.extend(self.since_base(side, &base, &scenario.policy));
        }
        self.play_by_clock(touches)?;
        self.lock(scenario)
    }

    fn lock(&mut self, scenario: &Scenario) -> Result<(), Broken> {
        match scenario.initial.meta.get("lock").filter(|lock| truthy(lock)) {
            Some(lock) => self.level.lock(lock.get("expired").is_some_and(truthy)),
            None => Ok(()),
        }
    }

    fn pause(&mut self, minutes: u64) -> Result<(), Broken> {
        if self.lags { Ok(()) } else { self.level.wait(minutes) }
    }

    /// The side that does not list yet what was just made on it.
    fn lagging(&self) -> Option<Side> {
        let fresh = self.standing.base.iter().flatten().filter(|(_, person)| person.record.flag("_fresh"));
        let mut fresh = fresh;
        fresh.find_map(|(address, _)| self.unlisted_on(address))
    }

    /// The only side that does not show an address.
    fn unlisted_on(&self, address: &Address) -> Option<Side> {
        let shown = |side: Side| self.standing.sides.get(side).contains_key(address);
        Side::BOTH.into_iter().find(|side| !shown(*side) && shown(side.other()))
    }

    /// On which sides administrators made a record of the base. What galbridge itself published stands on
    /// one side only, and its contact is made by the link: in a one-way pair, where a record leaves the
    /// scope later, and where its contact is too fresh to be listed.
    fn stands_on(&self, address: &Address, person: &Person, side: Side, rules: &Rules) -> bool {
        if let Some(target) = writable(rules) {
            return side != target;
        }
        if person.record.flag("_fresh")
            && let Some(unlisted) = self.unlisted_on(address)
        {
            return side != unlisted;
        }
        let leaves = |side: Side| leaves_scope(self.standing.sides.get(side).get(address), rules);
        !leaves(side.other())
    }

    fn make(&self, side: Side, address: &Address, person: &Person, rules: &Rules) -> Touch {
        let mut attributes = person.attributes.clone();
        if self.lexicon.names_by_key() {
            attributes.insert(Field::DisplayName, address.clone());
        }
        let name = if (1..=64).contains(&person.key.chars().count()) { person.key.clone() } else { address.chars().take(64).collect() };
        Touch { side, address: address.clone(), act: Act::Make { name, attributes, hidden: leaves_scope(Some(person), rules) } }
    }

    /// The edits that lead from the base to what a side shows.
    fn since_base(&self, side: Side, base: &People, rules: &Rules) -> Vec<Clocked> {
        let shown = self.standing.sides.get(side);
        let mut touches: Vec<Clocked> = Vec::new();
        let mut moved: Vec<&Address> = Vec::new();
        for (address, person) in shown {
            let clock = person.record.modified();
            let touch = |act| Touch { side, address: address.clone(), act };
            match base.get(address) {
                None => match self.moved_from(side, person, base, rules) {
                    Some((old, before)) => {
                        moved.push(old);
                        touches.push((clock, Touch { side, address: old.clone(), act: Act::Move(address.clone()) }));
                        let changes = changed(&before.attributes, &person.attributes);
                        if !changes.is_empty() {
                            touches.push((clock, touch(Act::Change(changes))));
                        }
                    }
                    None => touches.push((clock, self.make(side, address, person, rules))),
                },
                Some(before) if another_object(side, before, person) => {
                    touches.push((clock, touch(Act::Delete)));
                    touches.push((clock, self.make(side, address, person, rules)));
                }
                Some(before) => {
                    let changes = changed(&before.attributes, &person.attributes);
                    if !changes.is_empty() {
                        touches.push((clock, touch(Act::Change(changes))));
                    } else if let Some(token) = touched(side, before, person) {
                        touches.push((clock, touch(Act::Change([(TOUCHED, Some(token))].into_iter().collect()))));
                    }
                    if leaves_scope(Some(person), rules) {
                        touches.push((clock, touch(Act::Hide(true))));
                    }
                }
            }
        }
        for (address, person) in base.iter().filter(|(address, _)| !shown.contains_key(*address) && !moved.contains(address)) {
            if !(self.lags && person.record.flag("_fresh")) {
                touches.push((None, Touch { side, address: address.clone(), act: Act::Delete }));
            }
        }
        touches
    }

    /// The base record that has a person's native id under another key, where the scenario links by native ids.
    fn moved_from<'b>(&self, side: Side, person: &Person, base: &'b People, rules: &Rules) -> Option<(&'b Address, &'b Person)> {
        let id = person.record.text("_native_id").filter(|_| rules.matches_by("native_id"))?;
        let shown = self.standing.sides.get(side);
        base.iter().find(|(address, before)| !shown.contains_key(*address) && native_id(side, before) == Some(id))
    }

    /// Plays edits in the order of their clocks, letting time pass between different ones.
    fn play_by_clock(&mut self, touches: Vec<Clocked>) -> Result<(), Broken> {
        let mut by_clock: BTreeMap<Option<i64>, Vec<Touch>> = BTreeMap::new();
        for (clock, touch) in touches {
            by_clock.entry(clock).or_default().push(touch);
        }
        for touches in by_clock.into_values() {
            self.level.edit(&touches)?;
            self.pause(BETWEEN_CLOCKS)?;
        }
        Ok(())
    }

    /// A step's edits, from what really stands there.
    fn touches(&mut self, edits: &[Edit], rules: &Rules) -> Result<Vec<Clocked>, Broken> {
        let mut touches = Vec::new();
        for edit in edits {
            let (side, shown) = (edit.side, self.level.observe(edit.side)?);
            let address = self.lexicon.address(&edit.key);
            match edit.op {
                EditOp::Clear => touches.extend(shown.into_keys().map(|address| (None, Touch { side, address, act: Act::Delete }))),
                EditOp::Delete if shown.contains_key(&address) => touches.push((None, Touch { side, address, act: Act::Delete })),
                EditOp::Delete => {}
                EditOp::Put => {
                    let person =
                        Person { key: edit.key.clone(), attributes: self.lexicon.attributes_of(&edit.record), record: edit.record.clone() };
                    let clock = person.record.modified();
                    match shown.get(&address) {
                        None => touches.push((clock, self.make(side, &address, &person, rules))),
                        Some(now) => {
                            let mut changes = changed(&now.attributes, &person.attributes);
                            if let Some(clock) = clock.filter(|_| changes.is_empty()) {
                                changes.insert(TOUCHED, Some(clock.to_string()));
                            }
                            if !changes.is_empty() {
                                touches.push((clock, Touch { side, address: address.clone(), act: Act::Change(changes) }));
                            }
                            let hidden = leaves_scope(Some(&person), rules);
                            if hidden != now.hidden {
                                touches.push((clock, Touch { side, address, act: Act::Hide(hidden) }));
                            }
                        }
                    }
                }
            }
        }
        Ok(touches)
    }

    /// One step: edits, sync, comparison. The edits of one step to the same record are played one after the other.
    fn step(&mut self, scenario: &Scenario, step: &Step, number: usize) -> Result<Vec<String>, Broken> {
        let rules = scenario.policy.with(&step.operation.sync);
        if number > 0 {
            self.pause(BETWEEN_STEPS)?;
        }
        // By their clocks; but edits of one record follow each other as they are listed.
        let edits = &step.operation.edits;
        let alone: BTreeSet<(Side, &str)> = edits.iter().map(|edit| (edit.side, edit.key.as_str())).collect();
        let together = if alone.len() == edits.len() && edits.iter().all(|edit| edit.op != EditOp::Clear) { edits.len().max(1) } else { 1 };
        for edits in edits.chunks(together) {
            let touches = self.touches(edits, &rules)?;
            self.play_by_clock(touches)?;
        }
        self.standing.edit(&step.operation.edits, self.lexicon);
        let first = self.standing.base.is_none() || Rules::on(rules.resync);
        let profile = pair::profile(&rules, &self.standing, self.lexicon, first);
        let request = self.request(&rules, first)?;
        let report = if let Err(refused) = pair::compile(&profile) {
            Report { stops: [crate::level::Stop::Refused(refused)].into_iter().collect(), ..Report::default() }
        } else {
            self.level.configure(&profile)?;
            self.level.sync(&request)?
        };
        let mut wrong = check::step(self.level, self.lexicon, &rules, step, &request, &report)?;
        let quiet =
            step.expected.is("ok") && !request.dry_run && request.meanwhile.is_empty() && request.crash_after.is_none() && !self.lags;
        if quiet && wrong.is_empty() {
            let again = self.level.sync(&Request { force: request.force, ..Request::default() })?;
            if again.writes.a + again.writes.b > 0 {
                wrong.push(format!("a second sync without edits writes again: {} on a, {} on b", again.writes.a, again.writes.b));
            }
        }
        self.standing.edit(rules.edits_after_snapshot.as_deref().unwrap_or_default(), self.lexicon);
        self.standing.after(step, request.dry_run, writable(&rules), self.lexicon);
        Ok(wrong)
    }

    fn request(&mut self, rules: &Rules, first: bool) -> Result<Request, Broken> {
        let meanwhile = self.touches(rules.edits_after_snapshot.as_deref().unwrap_or_default(), rules)?;
        Ok(Request {
            merge: first,
            force: Rules::on(rules.force),
            dry_run: Rules::on(rules.dry_run),
            faults: rules.faults().iter().filter_map(|fault| fault_at(fault, self.lexicon)).collect(),
            crash_after: rules.crash_after_writes,
            meanwhile: meanwhile.into_iter().map(|(_, touch)| touch).collect(),
        })
    }
}

/// A fault in a directory's terms. `exists` is none: the twin simply stands there, with the address.
fn fault_at(fault: &crate::format::Fault, lexicon: &Lexicon) -> Option<FaultAt> {
    let (side, verb) = fault.place()?;
    let what = match (verb, fault.kind.as_str()) {
        ("list", "error") => FaultKind::Unreadable,
        ("list", "truncate") => FaultKind::CutOff,
        ("create", "error") => FaultKind::Create,
        ("update", "error") => FaultKind::Update,
        ("delete", "error") => FaultKind::Delete,
        _ => return None,
    };
    Some(FaultAt { side, what, address: fault.key.as_ref().map(|key| lexicon.address(key)) })
}

/// Whether a record is out of the scope of its own side: a mail contact has no account, so it is hidden.
fn leaves_scope(person: Option<&Person>, rules: &Rules) -> bool {
    rules.exclude_disabled.as_ref().is_some_and(truthy) && person.is_some_and(|person| person.record.flag("_disabled"))
}

/// What changes from one set of attributes to another.
fn changed(before: &Attributes, after: &Attributes) -> BTreeMap<Field, Option<String>> {
    let fields = before.keys().chain(after.keys()).filter(|field| before.get(field) != after.get(field));
    fields.map(|field| (*field, after.get(field).cloned())).collect()
}

/// The id of an object on a side, as the base has it.
fn native_id(side: Side, before: &Person) -> Option<&str> {
    before.record.text(&format!("_{side}_native_id")).or_else(|| before.record.text("_native_id"))
}

/// Whether another object stands where the base knew one.
fn another_object(side: Side, before: &Person, person: &Person) -> bool {
    matches!((native_id(side, before), person.record.text("_native_id")), (Some(before), Some(now)) if before != now)
}

/// A new version token or clock without new content.
fn touched(side: Side, before: &Person, person: &Person) -> Option<String> {
    let token = person.record.text("_rev").filter(|token| before.record.text(&format!("_{side}_rev")) != Some(*token));
    let clock = person.record.modified().filter(|clock| before.record.modified().is_some_and(|before| before != *clock));
    token.map(str::to_owned).or_else(|| clock.map(|clock| clock.to_string()))
}
