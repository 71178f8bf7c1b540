//! The reference model of contacts that both sides keep: "The life of a peer link" and the peers' column of "One field of a linked
//! pair" in SEMANTICS.md, for two tenants.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::script::{FIELDS, TENANTS};
use crate::view::{Fields, Object, View};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Live,
    Staged,
    Suppressed,
}

/// Two halves of one contact, and what is remembered of them.
#[derive(Clone, Debug)]
struct Twins {
    /// Where the first half is, and its id; its other half is in the other tenant.
    origin: (usize, Uuid),
    other: Uuid,
    /// Whether galbridge made the other half.
    made: bool,
    phase: Phase,
    /// What both said when they were last looked at, and what they say since.
    base: [Fields; 2],
    now: [Fields; 2],
    /// Whether the other half was deleted by its administrator.
    deleted: bool,
}

/// The model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    /// By the id of the first half.
    twins: BTreeMap<Uuid, Twins>,
    /// Contacts that galbridge made and handed over.
    handed: BTreeSet<Uuid>,
}

impl Peers {
    /// The other half of a contact.
    pub(crate) fn other(&self, origin: Uuid) -> Option<Uuid> {
        self.twins.get(&origin).filter(|twins| !twins.deleted && twins.phase == Phase::Live).map(|twins| twins.other)
    }

    /// Whether it is not published any more.
    pub(crate) fn is_suppressed(&self, origin: Uuid) -> bool {
        self.twins.get(&origin).is_some_and(|twins| twins.phase == Phase::Suppressed)
    }

    /// The administrator of a half edited it.
    pub(crate) fn edited(&mut self, half: Uuid, field: &'static str, value: Option<String>) {
        let value = value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        for twins in self.twins.values_mut() {
            for (number, id) in [twins.origin.1, twins.other].into_iter().enumerate() {
                if id == half {
                    match &value {
                        Some(value) => twins.now[number].insert(field, value.clone()),
                        None => twins.now[number].remove(field),
                    };
                }
            }
        }
    }

    /// The administrator of the other half deleted it.
    pub(crate) fn deleted(&mut self, half: Uuid) {
        for twins in self.twins.values_mut().filter(|twins| twins.other == half) {
            twins.deleted = true;
        }
    }

    /// The operator publishes it again.
    pub(crate) fn unsuppressed(&mut self, origin: Uuid) {
        self.twins.retain(|id, twins| *id != origin || twins.phase != Phase::Suppressed);
    }

    /// Grace periods ended.
    pub(crate) fn weeks_passed(&mut self) {
        self.twins.retain(|_, twins| twins.phase != Phase::Staged);
    }

    /// Everything came to rest. `contacts`: the administrators' own, each with its tenant, and the id of the one that stands for the
    /// same in the other tenant, if there is any. Answers what is wrong, and who was handed over: old id, new tenant and id.
    pub(crate) fn settle(
        &mut self,
        contacts: &[(usize, Uuid, Option<Uuid>)],
        own: &BTreeMap<(usize, Uuid), Object>,
        no_legal: bool,
        views: &[View],
    ) -> (Vec<String>, Vec<(Uuid, usize, Uuid)>) {
        let mut wrong = Vec::new();
        let mut moved = Vec::new();
        let legal = |department: Option<&str>| no_legal && department.is_some_and(|department| department.eq_ignore_ascii_case("Legal"));
        let wanted = |object: &Object| !object.hidden && !legal(object.text("Department"));
        for (tenant, id, _) in contacts {
            self.made_again(*tenant, *id, own, views);
        }
        for twins in std::mem::take(&mut self.twins).into_values() {
            let origin = views[twins.origin.0].0.get(&twins.origin.1);
            // What its owner says counts, not what stands there after a merge.
            let left = legal(twins.now[0].get("Department").map(String::as_str));
            let there = origin.map(|object| !object.hidden && !left);
            if let Some((old, tenant, new)) = self.live_on(twins, there, views, &mut wrong) {
                moved.push((old, tenant, new));
                self.handed.insert(new);
            }
        }
        for (tenant, id, double) in contacts {
            let Some(object) = views[*tenant].0.get(id).filter(|object| wanted(object)) else { continue };
            if !self.twins.contains_key(id) && !self.twins.values().any(|twins| twins.other == *id && twins.phase != Phase::Suppressed) {
                let said = |tenant: usize, id: &Uuid| own.get(&(tenant, *id)).map(Object::fields);
                let both = double.and_then(|double| Some((double, said(*tenant, id)?, said(1 - *tenant, &double)?)));
                self.join(*tenant, object, both, views, &mut wrong);
            }
        }
        for (_, tenant, id) in &moved {
            if let Some(object) = views[*tenant].0.get(id) {
                self.join(*tenant, object, None, views, &mut wrong);
            }
        }
        for twins in self.twins.values() {
            wrong.extend(compare(twins, views));
        }
        wrong.extend(self.nobody_else(views));
        (wrong, moved)
    }

    /// A contact that was made again under its address: its twin is its own from now on, and what both say is compared with what they
    /// said before.
    fn made_again(&mut self, tenant: usize, id: Uuid, own: &BTreeMap<(usize, Uuid), Object>, views: &[View]) {
        let Some(object) = own.get(&(tenant, id)).filter(|_| !self.twins.contains_key(&id)) else { return };
        let is_of = |twins: &&Twins| {
            let there = views[1 - tenant].0.get(&twins.other).and_then(Object::address);
            let gone = twins.origin.0 == tenant && !views[tenant].0.contains_key(&twins.origin.1);
            gone && twins.made && !twins.deleted && twins.phase != Phase::Suppressed && there == object.address()
        };
        let Some(old) = self.twins.values().find(is_of).map(|twins| twins.origin.1) else { return };
        let Some(mut twins) = self.twins.remove(&old) else { return };
        twins.origin.1 = id;
        twins.now[0] = object.fields();
        self.twins.insert(id, twins);
    }

    /// One row of the table. `there`: whether the origin half is wanted; none if it is gone.
    fn live_on(&mut self, mut twins: Twins, there: Option<bool>, views: &[View], wrong: &mut Vec<String>) -> Option<(Uuid, usize, Uuid)> {
        let id = twins.origin.1;
        let other_tenant = 1 - twins.origin.0;
        match (twins.phase, there, twins.deleted) {
            (Phase::Suppressed | Phase::Live | Phase::Staged, None, true) | (Phase::Staged, Some(_), true) => return None,
            (Phase::Suppressed, _, _) | (Phase::Staged, Some(false) | None, false) => {}
            (Phase::Live, Some(_), true) => twins.phase = Phase::Suppressed,
            (Phase::Live | Phase::Staged, Some(true), false) => {
                twins.phase = Phase::Live;
                merge(&mut twins);
            }
            (Phase::Live, Some(false), false) => {
                if twins.made {
                    twins.phase = Phase::Staged;
                }
            }
            (Phase::Live, None, false) if !twins.made => twins.phase = Phase::Suppressed,
            (Phase::Live, None, false) if twins.now[1] == twins.base[1] => twins.phase = Phase::Staged,
            // Edited since: it is its administrator's from now on.
            (Phase::Live, None, false) => {
                let stamped = views[other_tenant]
                    .0
                    .get(&twins.other)
                    .is_none_or(|half| half.text("CustomAttribute15").is_some_and(|mark| mark.contains("|made|")));
                if stamped && !self.is_origin_stamp(views, other_tenant, twins.other) {
                    wrong.push(format!("{}: an edited twin whose other half is gone was not handed over", TENANTS[other_tenant]));
                }
                return Some((id, other_tenant, twins.other));
            }
        }
        self.twins.insert(id, twins);
        None
    }

    /// A half that was handed over is the first half of another pair by now, and bears no stamp.
    #[expect(clippy::unused_self, reason = "reads better with the rest")]
    fn is_origin_stamp(&self, views: &[View], tenant: usize, half: Uuid) -> bool {
        views[tenant].0.get(&half).is_some_and(|object| object.text("CustomAttribute15").is_none())
    }

    /// `double`: the contact that stood there before, with what both administrators said.
    fn join(&mut self, tenant: usize, object: &Object, double: Option<(Uuid, Fields, Fields)>, views: &[View], wrong: &mut Vec<String>) {
        let other_tenant = 1 - tenant;
        let address = object.address().unwrap_or_default();
        let mine = object.fields();
        let (other, made, base) = if let Some((double, mut here, mut there)) = double {
            // Both blanks are filled; what differs stays.
            for (field, value) in here.clone() {
                there.entry(field).or_insert(value);
            }
            for (field, value) in there.clone() {
                here.entry(field).or_insert(value);
            }
            (double, false, [here, there])
        } else {
            let twins: Vec<&Object> = views[other_tenant].holders(&address).filter(|one| one.made).collect();
            let [twin] = twins.as_slice() else {
                wrong.push(format!("<{address}> of {} has {} twins", TENANTS[tenant], twins.len()));
                return;
            };
            (twin.anchor, true, [mine.clone(), mine.clone()])
        };
        let origin = (tenant, object.anchor);
        let twins = Twins { origin, other, made, phase: Phase::Live, now: base.clone(), base, deleted: false };
        self.twins.insert(object.anchor, twins);
    }

    fn nobody_else(&self, views: &[View]) -> Vec<String> {
        let known: BTreeSet<Uuid> = self
            .twins
            .values()
            .filter(|twins| twins.phase != Phase::Suppressed)
            .flat_map(|twins| [twins.origin.1, twins.other])
            .chain(self.handed.iter().copied())
            .collect();
        let of = |(tenant, view): (usize, &View)| {
            let strangers = view.0.values().filter(|object| object.made && !known.contains(&object.anchor));
            strangers.map(|object| format!("{}: a contact for nobody: {:?}", TENANTS[tenant], object.address())).collect::<Vec<_>>()
        };
        views.iter().enumerate().flat_map(of).collect()
    }
}

/// "One field of a linked pair", the peers' column; conflicts are held.
fn merge(twins: &mut Twins) {
    for field in FIELDS {
        let [now, base] = [&twins.now, &twins.base].map(|pair| [pair[0].get(field).cloned(), pair[1].get(field).cloned()]);
        let edited = [now[0] != base[0], now[1] != base[1]];
        let both = match (now[0] == now[1], edited) {
            (true, _) | (false, [true, false]) => now[0].clone(),
            (false, [false, true]) => now[1].clone(),
            // Held, with its bases; or differing since the join.
            (false, [true, true] | [false, false]) => continue,
        };
        for half in 0..2 {
            for fields in [&mut twins.now[half], &mut twins.base[half]] {
                match &both {
                    Some(value) => fields.insert(field, value.clone()),
                    None => fields.remove(field),
                };
            }
        }
    }
}

fn compare(twins: &Twins, views: &[View]) -> Vec<String> {
    let (tenant, id) = twins.origin;
    let halves = [views[tenant].0.get(&id), views[1 - tenant].0.get(&twins.other)];
    let whom = format!("{:?} of {}", twins.now[0].get("DisplayName"), TENANTS[tenant]);
    let mut wrong = Vec::new();
    match (twins.phase, halves) {
        (Phase::Suppressed, [_, Some(other)]) if twins.made && other.made && twins.deleted => {
            wrong.push(format!("{whom}: is there again, though suppressed"));
        }
        (Phase::Suppressed, _) => {}
        (Phase::Staged, [_, other]) => {
            if !other.is_some_and(|other| other.hidden) {
                wrong.push(format!("{whom}: its twin is not hidden"));
            }
        }
        (Phase::Live, [origin, other]) => {
            let Some(other) = other else {
                wrong.push(format!("{whom}: its other half is gone"));
                return wrong;
            };
            if other.hidden {
                wrong.push(format!("{whom}: its other half is hidden"));
            }
            for (half, number) in [(origin, 0), (Some(other), 1)] {
                let Some(stands) = half.map(Object::fields) else { continue };
                for field in FIELDS.iter().filter(|field| stands.get(*field) != twins.now[number].get(*field)) {
                    wrong.push(format!(
                        "{whom}, half {number}: {field} is {:?}, not {:?}",
                        stands.get(field),
                        twins.now[number].get(field)
                    ));
                }
            }
        }
    }
    wrong
}
