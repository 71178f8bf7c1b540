//! What a scenario says of its own state: who stands where before a sync, and what changed since
//! both sides last agreed. Only the rules of applicability and the edits are made from it; what is
//! right is never judged by it.

use std::collections::{BTreeMap, BTreeSet};

use gal::{Field, Side, Sides};

use crate::format::{Edit, EditOp, Record, Records, Scenario, Step};
use crate::lexicon::{Address, Attributes, Lexicon};

/// One person of a side.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Person {
    /// The key it was given under.
    pub(crate) key: String,
    /// What its record says.
    pub(crate) attributes: Attributes,
    /// The record, with its metadata.
    pub(crate) record: Record,
}

/// The people of a side, by address.
pub(crate) type People = BTreeMap<Address, Person>;

/// Records as people.
pub(crate) fn people(records: &Records, lexicon: &Lexicon) -> People {
    let person =
        |key: &String, record: &Record| Person { key: key.clone(), attributes: lexicon.attributes_of(record), record: record.clone() };
    records.iter().map(|(key, record)| (lexicon.address(key), person(key, record))).collect()
}

/// The state before a sync, as the scenario says it.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The people of both sides.
    pub(crate) sides: Sides<People>,
    /// What both agreed on; `None` before the first sync.
    pub(crate) base: Option<People>,
}

impl Standing {
    /// How a scenario begins.
    pub(crate) fn initial(scenario: &Scenario, lexicon: &Lexicon) -> Self {
        Self {
            sides: Sides::from_fn(|side| people(scenario.initial.side(side), lexicon)),
            base: scenario.initial.base.as_ref().map(|base| people(base, lexicon)),
        }
    }

    /// Plays edits.
    pub(crate) fn edit(&mut self, edits: &[Edit], lexicon: &Lexicon) {
        for edit in edits {
            let side = self.sides.get_mut(edit.side);
            match edit.op {
                EditOp::Clear => side.clear(),
                EditOp::Delete => {
                    side.remove(&lexicon.address(&edit.key));
                }
                EditOp::Put => {
                    let one: Records = [(edit.key.clone(), edit.record.clone())].into_iter().collect();
                    side.extend(people(&one, lexicon));
                }
            }
        }
    }

    /// The state after a step, by what it expects. A dry run changes nothing.
    ///
    /// `written`: the only side that is written, of a one-way pair. A side that nothing is said of is taken to follow the other.
    pub(crate) fn after(&mut self, step: &Step, dry_run: bool, written: Option<Side>, lexicon: &Lexicon) {
        if dry_run {
            return;
        }
        let before = self.clone();
        for side in Side::BOTH {
            if let Some(records) = step.expected.side(side) {
                *self.sides.get_mut(side) = people(records, lexicon);
            }
        }
        for side in Side::BOTH
            .into_iter()
            .filter(|side| step.expected.is("ok") && step.expected.side(*side).is_none() && written != Some(side.other()))
        {
            if step.expected.side(side.other()).is_some() {
                let own = before.sides.get(side).iter().filter(|(address, _)| written.is_some() && !before.knows(address));
                let own: People = own.map(|(address, person)| (address.clone(), person.clone())).collect();
                *self.sides.get_mut(side) = self.sides.get(side.other()).clone();
                self.sides.get_mut(side).extend(own);
            }
        }
        for side in Side::BOTH {
            for (address, person) in self.sides.get_mut(side) {
                if let Some(before) = before.sides.get(side).get(address) {
                    carry(&before.record, &mut person.record);
                }
            }
        }
        if let Some(records) = &step.expected.base {
            self.base = Some(people(records, lexicon));
        } else if step.expected.is("ok") {
            let agreed = self
                .sides
                .a
                .iter()
                .filter(|(address, person)| self.sides.b.get(*address).is_some_and(|other| other.attributes == person.attributes));
            self.base = Some(agreed.map(|(address, person)| (address.clone(), person.clone())).collect());
        }
    }

    fn knows(&self, address: &Address) -> bool {
        self.base.as_ref().is_some_and(|base| base.contains_key(address))
    }

    /// Every address with what changed about it.
    pub(crate) fn changes(&self) -> BTreeMap<&Address, Change<'_>> {
        let known = self.base.iter().flat_map(BTreeMap::keys);
        let all: BTreeSet<&Address> = self.sides.a.keys().chain(self.sides.b.keys()).chain(known).collect();
        all.into_iter()
            .map(|address| {
                let base = self.base.as_ref().and_then(|base| base.get(address));
                (address, Change { base, a: self.sides.a.get(address), b: self.sides.b.get(address) })
            })
            .collect()
    }

    /// How many records both sides know of each other.
    pub(crate) fn known(&self) -> u64 {
        self.base.as_ref().map_or(0, |base| base.len() as u64)
    }
}

/// What a record is does not change because an expectation does not repeat it.
fn carry(before: &Record, after: &mut Record) {
    for name in ["_managed", "_mirror_of", "_disabled"] {
        if let Some(value) = before.meta.get(name) {
            after.meta.entry(name.to_owned()).or_insert_with(|| value.clone());
        }
    }
}

/// What changed about one address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'s> {
    /// What both sides agreed on.
    pub(crate) base: Option<&'s Person>,
    /// Side a.
    pub(crate) a: Option<&'s Person>,
    /// Side b.
    pub(crate) b: Option<&'s Person>,
}

/// Fields that two records have differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Both sides say something else (or, since the base, both changed it differently).
    pub(crate) both: BTreeSet<Field>,
    /// Only side a says something (or changed it).
    pub(crate) only_a: BTreeSet<Field>,
    /// Only side b does.
    pub(crate) only_b: BTreeSet<Field>,
}

impl Difference {
    /// Whether both sides say the same.
    pub(crate) fn is_empty(&self) -> bool {
        self.both.is_empty() && self.only_a.is_empty() && self.only_b.is_empty()
    }

    /// The fields that only one side says or changed.
    pub(crate) fn only(&self, side: Side) -> &BTreeSet<Field> {
        match side {
            Side::A => &self.only_a,
            Side::B => &self.only_b,
        }
    }
}

impl<'s> Change<'s> {
    /// The person of a side.
    pub(crate) fn side(self, side: Side) -> Option<&'s Person> {
        match side {
            Side::A => self.a,
            Side::B => self.b,
        }
    }

    /// Whether a known record went from a side.
    pub(crate) fn deleted_on(self, side: Side) -> bool {
        self.base.is_some() && self.side(side).is_none()
    }

    /// Whether a side has a record that the base does not know.
    pub(crate) fn new_on(self, side: Side) -> bool {
        self.base.is_none() && self.side(side).is_some()
    }

    /// Whether a known record was changed on a side.
    pub(crate) fn edited_on(self, side: Side) -> bool {
        match (self.base, self.side(side)) {
            (Some(base), Some(person)) => base.attributes != person.attributes,
            (Some(_) | None, Some(_) | None) => false,
        }
    }

    /// Both sides have a new record, or both changed a known one: how they differ. `None`: only one side did anything.
    pub(crate) fn difference(self) -> Option<Difference> {
        let (Some(a), Some(b)) = (self.a, self.b) else { return None };
        let fields: BTreeSet<Field> =
            [Some(a), Some(b), self.base].into_iter().flatten().flat_map(|person| person.attributes.keys().copied()).collect();
        let mut difference = Difference::default();
        for field in fields {
            let of = |person: &'s Person| person.attributes.get(&field);
            let (left, right) = (of(a), of(b));
            if left == right {
                continue;
            }
            let changed = match self.base {
                // Without base a blank is what was not said.
                None => (left.is_some(), right.is_some()),
                Some(base) => (left != of(base), right != of(base)),
            };
            match changed {
                (true, true) => difference.both.insert(field),
                (true, false) => difference.only_a.insert(field),
                (false, true) => difference.only_b.insert(field),
                (false, false) => false,
            };
        }
        match self.base {
            None => Some(difference),
            Some(_) => (self.edited_on(Side::A) && self.edited_on(Side::B)).then_some(difference),
        }
    }

    /// What a sync by galbridge's rules would write to a side for this address.
    pub(crate) fn work_on(self, side: Side) -> Option<Work> {
        let other = side.other();
        match (self.base, self.side(side), self.side(other)) {
            (None, None, Some(_)) => Some(Work::Create),
            (Some(_), Some(_), None) if !self.edited_on(side) => Some(Work::Delete),
            (Some(_), None, Some(_)) if self.edited_on(other) => Some(Work::Create),
            (Some(_), Some(mine), Some(theirs)) if self.edited_on(other) && mine.attributes != theirs.attributes => Some(Work::Update),
            (None, Some(mine), Some(theirs)) if mine.attributes != theirs.attributes => Some(Work::Update),
            (None | Some(_), None | Some(_), None | Some(_)) => None,
        }
    }
}

/// What is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// A contact is made.
    Create,
    /// A contact is changed.
    Update,
    /// A contact goes.
    Delete,
}

impl Work {
    /// The word of the format.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}
