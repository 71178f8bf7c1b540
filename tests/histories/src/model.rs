//! The reference model: what both address lists must be, by the tables of SEMANTICS.md and nothing else. It knows no engine, no plan
//! and no wire; it looks at the directories, and remembers what a careful person would.

mod check;
mod older;

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::script::{FIELDS, Policy, Shape, TENANTS};
use crate::view::{Fields, Object, View};

/// From one tenant to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// How far a published contact has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Live,
    Staged,
    Kept,
    Suppressed,
}

/// What is remembered of somebody who was published.
#[derive(Clone, Debug)]
struct Memo {
    contact: Uuid,
    made: bool,
    /// Of a found contact: what it was, and whether it was hidden.
    before: Fields,
    /// The fields that we wrote into a found contact.
    wrote: BTreeSet<&'static str>,
    /// What the source said when both were last looked at.
    said: Fields,
    /// What stood there.
    shown: Fields,
    hidden: bool,
    deletions: u32,
    phase: Phase,
    /// What its administrator wrote into a field that is not mapped.
    note: Option<String>,
    /// What its administrator did since.
    edits: Vec<(&'static str, Option<String>)>,
    deleted: bool,
}

/// The model.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) policy: Policy,
    ways: Vec<Way>,
    /// The ids of the tenants, which stamps bear.
    pub(crate) ids: Vec<String>,
    /// Who is in the group of each tenant.
    pub(crate) members: BTreeSet<Uuid>,
    memos: BTreeMap<(Way, Uuid), Memo>,
    /// What administrators made, as they left it.
    pub(crate) own: BTreeMap<(usize, Uuid), Object>,
    /// Found contacts that were given back since: their values are read anew.
    released: Vec<(usize, Uuid, Fields)>,
}

/// The kinds that are published.
const KINDS: [&str; 7] = ["user", "shared", "room", "equipment", "contact", "distribution-group", "microsoft365-group"];

/// A field that nobody maps.
const NOTE: &str = "CustomAttribute3";

/// Where stamps are.
pub(crate) const STAMP: &str = "CustomAttribute15";

impl Model {
    /// Nobody is published.
    pub(crate) fn new(shape: Shape, policy: Policy, ids: Vec<String>) -> Self {
        let both = shape != Shape::OneWay;
        let ways = shape.pairs().iter().flat_map(|(a, b)| {
            let there = Way { from: *a, to: *b };
            [Some(there), both.then_some(Way { from: *b, to: *a })]
        });
        Self {
            policy,
            ways: ways.flatten().collect(),
            ids,
            members: BTreeSet::new(),
            memos: BTreeMap::new(),
            own: BTreeMap::new(),
            released: Vec::new(),
        }
    }

    /// The contact of somebody in a tenant.
    pub(crate) fn contact(&self, person: Uuid, there: usize) -> Option<Uuid> {
        let mine = self
            .memos
            .iter()
            .find(|((way, anchor), memo)| way.to == there && *anchor == person && memo.phase != Phase::Suppressed && !memo.deleted);
        mine.map(|(_, memo)| memo.contact)
    }

    fn memo_of(&mut self, there: usize, contact: Uuid) -> Option<&mut Memo> {
        let of = |(way, _): &(Way, Uuid), memo: &Memo| way.to == there && memo.contact == contact && memo.phase != Phase::Suppressed;
        self.memos.iter_mut().find(|(key, memo)| of(key, memo)).map(|(_, memo)| memo)
    }

    /// The target's administrator edited a contact.
    pub(crate) fn edited(&mut self, there: usize, contact: Uuid, field: &'static str, value: Option<String>) {
        if let Some(memo) = self.memo_of(there, contact) {
            memo.edits.push((field, value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())));
        }
    }

    /// … wrote into a field that is not mapped.
    pub(crate) fn annotated(&mut self, there: usize, contact: Uuid, note: &str) {
        if let Some(memo) = self.memo_of(there, contact) {
            memo.note = Some(note.to_owned());
        }
    }

    /// … hid or showed it.
    pub(crate) fn hidden(&mut self, there: usize, contact: Uuid, hidden: bool) {
        if let Some(memo) = self.memo_of(there, contact) {
            match memo.phase {
                Phase::Live | Phase::Kept => memo.hidden = hidden,
                // Shown by its administrator: it stays.
                Phase::Staged if !hidden => memo.phase = Phase::Kept,
                Phase::Staged | Phase::Suppressed => {}
            }
        }
    }

    /// … or deleted it.
    pub(crate) fn deleted(&mut self, there: usize, contact: Uuid) {
        if let Some(memo) = self.memo_of(there, contact) {
            memo.deleted = true;
        }
    }

    /// The operator made way.
    pub(crate) fn made_way(&mut self, person: Uuid, there: usize) {
        for way in self.ways.clone().into_iter().filter(|way| way.to == there) {
            let Some(memo) = self.memos.get_mut(&(way, person)) else { continue };
            if !memo.made {
                self.released.push((there, memo.contact, restored(memo)));
            }
            memo.phase = Phase::Suppressed;
        }
    }

    /// The operator publishes somebody again.
    pub(crate) fn unsuppressed(&mut self, person: Uuid, there: usize) {
        self.memos.retain(|(way, anchor), memo| way.to != there || *anchor != person || memo.phase != Phase::Suppressed);
    }

    /// Whether whatever stands for somebody was made for him.
    pub(crate) fn is_made_everywhere(&self, person: Uuid) -> bool {
        self.memos.iter().filter(|((_, anchor), _)| *anchor == person).all(|(_, memo)| memo.made && memo.phase == Phase::Live)
    }

    /// Whether somebody is suppressed there.
    pub(crate) fn is_suppressed(&self, person: Uuid, there: usize) -> bool {
        self.memos.iter().any(|((way, anchor), memo)| way.to == there && *anchor == person && memo.phase == Phase::Suppressed)
    }

    /// Grace periods ended.
    pub(crate) fn weeks_passed(&mut self) {
        self.memos.retain(|_, memo| memo.phase != Phase::Staged);
    }

    /// A side was taken back.
    pub(crate) fn unpublished(&mut self, way: Way) {
        let released = self.memos.iter().filter(|((on, _), memo)| *on == way && !memo.made && memo.phase != Phase::Suppressed);
        let released: Vec<_> = released.map(|(_, memo)| (way.to, memo.contact, restored(memo))).collect();
        self.released.extend(released);
        self.memos.retain(|(on, _), memo| *on != way || memo.phase == Phase::Suppressed);
    }

    /// What a published contact of somebody says.
    fn says(&self, way: Way, person: &Object) -> Fields {
        let mut fields = person.fields();
        if self.policy.suffix
            && let Some(name) = fields.get_mut("DisplayName")
        {
            name.push_str(&suffix(way.from));
        }
        if self.policy.no_department {
            fields.remove("Department");
        }
        fields
    }

    fn is_published(&self, field: &str) -> bool {
        !(self.policy.no_department && field == "Department")
    }

    /// "Who is a source", in SEMANTICS.md.
    fn wanted(&self, way: Way, person: &Object) -> Option<String> {
        let refused = person.made
            || person.hidden
            || !KINDS.contains(&person.kind.as_str())
            || person.kind == "user" && person.flag("AccountDisabled")
            || person.text("UserPrincipalName").is_some_and(|name| name.contains("#EXT#"))
            || person.flag("RequireSenderAuthenticationEnabled")
            || self.policy.grouped && !self.members.contains(&person.anchor)
            || self.policy.no_legal && person.text("Department").is_some_and(|department| department.eq_ignore_ascii_case("Legal"));
        let address = person.address().filter(|_| !refused)?;
        let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_owned())?;
        let stands_in = person.kind == "contact" && TENANTS.iter().any(|tenant| domain == format!("{tenant}.example"));
        (!stands_in && domain != format!("{}.example", TENANTS[way.to])).then_some(address)
    }

    /// Everything came to rest: says what is not as it must be, and goes on from there.
    pub(crate) fn settle(&mut self, views: &[View]) -> Vec<String> {
        let mut wrong = self.given_back(views);
        let mut taken: BTreeSet<Uuid> = BTreeSet::new();
        for way in self.ways.clone() {
            self.relink(way, views);
            let keys: Vec<(Way, Uuid)> = self.memos.keys().filter(|(on, _)| *on == way).copied().collect();
            for key in keys {
                self.live_on(key, views, &mut wrong);
            }
            for person in views[way.from].0.values().filter(|person| !person.made) {
                let Some(address) = self.wanted(way, person) else { continue };
                if !self.memos.contains_key(&(way, person.anchor)) {
                    self.join(way, person, &address, views, &mut wrong);
                }
            }
        }
        for ((way, person), memo) in &self.memos {
            taken.insert(memo.contact);
            wrong.extend(check::compare(*way, views[way.from].0.get(person), memo, &views[way.to]));
        }
        wrong.extend(self.nobody_else(views, &taken));
        wrong
    }

    /// Found contacts that were released are what they were.
    fn given_back(&mut self, views: &[View]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (there, contact, fields) in std::mem::take(&mut self.released) {
            let Some(object) = views[there].0.get(&contact) else { continue };
            // It may have been found again at once.
            if object.text(STAMP).is_none() && object.fields() != fields {
                wrong.push(format!("{}: a contact that was given back is {:?}, not {fields:?}", TENANTS[there], object.fields()));
            }
        }
        wrong
    }

    /// A new account with the address of one that is gone takes its contact over.
    fn relink(&mut self, way: Way, views: &[View]) {
        for person in views[way.from].0.values().filter(|person| !person.made) {
            if self.memos.contains_key(&(way, person.anchor)) || self.wanted(way, person).is_none() {
                continue;
            }
            let addresses = person.addresses();
            let takes = |(on, anchor): &(Way, Uuid), memo: &Memo| {
                let holds = views[way.to].0.get(&memo.contact).is_some_and(|contact| !contact.addresses().is_disjoint(&addresses));
                *on == way && !views[way.from].0.contains_key(anchor) && memo.phase != Phase::Suppressed && !memo.deleted && holds
            };
            let old = self.memos.iter().find(|(key, memo)| takes(key, memo)).map(|(key, _)| *key);
            if let Some(mut memo) = old.and_then(|old| self.memos.remove(&old)) {
                if memo.phase == Phase::Kept {
                    memo.phase = Phase::Live;
                }
                self.memos.insert((way, person.anchor), memo);
            }
        }
    }

    /// "The life of a published contact: projection", in SEMANTICS.md.
    fn live_on(&mut self, key: (Way, Uuid), views: &[View], wrong: &mut Vec<String>) {
        let (way, anchor) = key;
        let person = views[way.from].0.get(&anchor);
        let wanted = person.and_then(|person| self.wanted(way, person));
        let Some(mut memo) = self.memos.remove(&key) else { return };
        match (memo.phase, person, wanted) {
            (Phase::Suppressed, None, _) => {}
            (Phase::Live, Some(person), Some(address)) if memo.deleted => {
                self.made_again(way, person, &address, memo, views, wrong);
            }
            (Phase::Live | Phase::Staged | Phase::Kept, _, _) if memo.deleted => {
                // Forgotten; whoever is wanted is joined anew.
            }
            (Phase::Live | Phase::Staged | Phase::Kept, Some(person), Some(_)) => {
                memo.phase = Phase::Live;
                self.follow(way, person, &mut memo);
                self.memos.insert(key, memo);
            }
            (Phase::Live, _, None) if !memo.made => {
                edits(&mut memo);
                self.released.push((way.to, memo.contact, restored(&memo)));
                let left = self.given_back(views);
                wrong.extend(left);
                self.adopt_own(way.to, memo.contact, views);
            }
            (Phase::Live, _, _) => {
                // What its administrator edits meanwhile is put right when it is wanted again.
                memo.phase = Phase::Staged;
                self.memos.insert(key, memo);
            }
            (Phase::Suppressed, Some(_), _) | (Phase::Staged | Phase::Kept, _, _) => {
                self.memos.insert(key, memo);
            }
        }
    }

    /// What its administrator deleted is made again once.
    fn made_again(&mut self, way: Way, person: &Object, address: &str, memo: Memo, views: &[View], wrong: &mut Vec<String>) {
        let key = (way, person.anchor);
        if memo.deletions >= 1 {
            self.memos.insert(key, Memo { phase: Phase::Suppressed, ..memo });
            return;
        }
        self.join(way, person, address, views, wrong);
        if let Some(again) = self.memos.get_mut(&key).filter(|again| again.made) {
            again.deletions = memo.deletions + 1;
        }
    }

    /// "What stands on the other side", in SEMANTICS.md.
    fn join(&mut self, way: Way, person: &Object, address: &str, views: &[View], wrong: &mut Vec<String>) {
        let (from, to) = (TENANTS[way.from], TENANTS[way.to]);
        let held: BTreeSet<Uuid> =
            person.addresses().iter().flat_map(|address| views[way.to].holders(address)).map(|one| one.anchor).collect();
        let others: Vec<&Object> = held.iter().filter_map(|anchor| views[way.to].0.get(anchor)).filter(|one| !one.made).collect();
        let says = self.says(way, person);
        let blank = Memo {
            contact: Uuid::nil(),
            made: true,
            before: Fields::new(),
            wrote: BTreeSet::new(),
            said: says.clone(),
            shown: says.clone(),
            hidden: false,
            deletions: 0,
            phase: Phase::Live,
            note: None,
            edits: Vec::new(),
            deleted: false,
        };
        match others.as_slice() {
            [] => {
                let made: Vec<&Object> = views[way.to].holders(address).filter(|one| one.made && !self.is_known(one.anchor)).collect();
                match made.as_slice() {
                    [one] => {
                        self.memos.insert((way, person.anchor), Memo { contact: one.anchor, ..blank });
                    }
                    made => wrong.push(format!("<{address}> of {from} has {} contacts in {to}, not one", made.len())),
                }
            }
            [one] if one.kind == "contact" => {
                let Some(before) = self.own.get(&(way.to, one.anchor)).map(|own| (own.fields(), own.hidden)) else {
                    wrong.push(format!("{to}: <{address}> is held by a contact that nobody made"));
                    return;
                };
                let mut shown = before.0.clone();
                let mut wrote = BTreeSet::new();
                for (field, value) in &says {
                    if !shown.contains_key(field) {
                        shown.insert(field, value.clone());
                        wrote.insert(*field);
                    }
                }
                let found = Memo { contact: one.anchor, made: false, before: before.0, wrote, shown, hidden: before.1, ..blank };
                self.memos.insert((way, person.anchor), found);
            }
            // Somebody else's address: nobody is published.
            _ => {}
        }
    }

    /// Whether a contact's stamp tells of this way.
    fn is_of(&self, contact: &Object, way: Way) -> bool {
        contact.text(STAMP).is_some_and(|stamp| stamp.contains(&self.ids[way.from]))
    }

    fn is_known(&self, contact: Uuid) -> bool {
        self.memos.values().any(|memo| memo.contact == contact && memo.phase != Phase::Suppressed)
    }

    /// "One field of a linked pair", in SEMANTICS.md.
    fn follow(&self, way: Way, person: &Object, memo: &mut Memo) {
        let says = self.says(way, person);
        let mut stands = memo.shown.clone();
        for (field, value) in memo.edits.drain(..) {
            set(&mut stands, field, value);
        }
        for field in FIELDS {
            let (s, t) = (says.get(field), stands.get(field).cloned());
            if !self.is_published(field) {
                // Cleared once in what we made, if what stands there is what we wrote.
                if memo.made && memo.said.contains_key(field) && t.as_ref() == memo.shown.get(field) {
                    stands.remove(field);
                }
                memo.said.remove(field);
                continue;
            }
            let was = (memo.said.get(field), memo.shown.get(field));
            let edited = s != was.0;
            let drifted = t.as_ref() != was.1 && was.0 == was.1;
            if s != t.as_ref() && (edited || drifted) {
                set(&mut stands, field, s.cloned());
                memo.wrote.insert(field);
            }
        }
        memo.said = says;
        memo.shown = stands;
    }

    /// What a released contact is now is its administrator's.
    fn adopt_own(&mut self, there: usize, contact: Uuid, views: &[View]) {
        if let Some(object) = views[there].0.get(&contact) {
            self.own.insert((there, contact), object.clone());
        }
    }
}

/// The end of published names.
pub(crate) fn suffix(from: usize) -> String {
    format!(" ({})", TENANTS[from])
}

fn set(fields: &mut Fields, field: &'static str, value: Option<String>) {
    match value {
        Some(value) => fields.insert(field, value),
        None => fields.remove(field),
    };
}

/// What stands in a contact that nobody maintains.
fn edits(memo: &mut Memo) {
    for (field, value) in memo.edits.drain(..) {
        set(&mut memo.shown, field, value);
    }
}

/// A found contact without what we wrote.
fn restored(memo: &Memo) -> Fields {
    let mut fields = memo.shown.clone();
    for field in &memo.wrote {
        set(&mut fields, field, memo.before.get(field).cloned());
    }
    fields
}
