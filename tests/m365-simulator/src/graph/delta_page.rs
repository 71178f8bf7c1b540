//! One page of a delta query: the enumeration, or what changed. MICROSOFT.md sections 3.1 and 9.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::delta_token::Position;
use super::property::{self, Property, odata_type};
use crate::directory::entry::{Class, Entry};
use crate::directory::facet;
use crate::directory::store::{Altered, Directory};

/// Most members told with one occurrence of a group.
const MEMBERS_AT_ONCE: usize = 100;

/// One page being made.
pub(crate) struct Page<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) class: Class,
    pub(crate) selected: Vec<Property>,
    pub(crate) ids: &'a [Uuid],
    pub(crate) size: usize,
    pub(crate) now: jiff::Timestamp,
    pub(crate) minimal: bool,
    pub(crate) show_deleted: bool,
    pub(crate) hidden_members: bool,
    pub(crate) value: Vec<Value>,
}

impl Page<'_> {
    /// Adds objects from this position on; where to go on, or none at the end.
    pub(crate) fn fill(&mut self, from: &Position, visible: usize) -> Option<Position> {
        match from {
            Position::Enumerating { after, members_told, log } => self.enumerate(*after, *members_told, *log),
            Position::Changes { log } => self.changes(*log, visible),
        }
    }

    fn is_wanted(&self, anchor: Uuid) -> bool {
        self.ids.is_empty() || self.ids.contains(&anchor)
    }

    /// Hidden memberships are told only to those who may see them.
    fn may_tell(&self, group: &Entry) -> bool {
        self.hidden_members || !group.hidden_membership
    }

    fn tells_members(&self) -> bool {
        self.selected.iter().any(|(name, _)| *name == "members")
    }

    fn enumerate(&mut self, after: Option<Uuid>, members_told: usize, log: usize) -> Option<Position> {
        let directory = self.directory;
        let from = match after {
            // A group whose members are not all told yet comes again.
            Some(anchor) if members_told > 0 => std::ops::Bound::Included(anchor),
            Some(anchor) => std::ops::Bound::Excluded(anchor),
            None => std::ops::Bound::Unbounded,
        };
        let mut told = members_told;
        let mut budget = self.size;
        let mut last = after;
        for anchor in directory.class(self.class).range((from, std::ops::Bound::Unbounded)) {
            if budget == 0 {
                return Some(Position::Enumerating { after: last, members_told: 0, log });
            }
            last = Some(*anchor);
            let Some(entry) = directory.get(*anchor) else {
                continue;
            };
            if !self.is_wanted(*anchor) || entry.graph_from > self.now {
                continue;
            }
            if !entry.is_live() {
                if self.show_deleted {
                    self.value.push(removed(*anchor, "changed"));
                    budget -= 1;
                }
                continue;
            }
            let mut object = self.object(entry, u64::MAX);
            budget -= 1;
            if self.tells_members() && self.may_tell(entry) {
                let chunk: Vec<Uuid> = entry.members.iter().skip(told).take(MEMBERS_AT_ONCE).copied().collect();
                told += chunk.len();
                if !chunk.is_empty() {
                    object.insert("members@delta".to_owned(), self.members(&chunk, &[]));
                }
                if told < entry.members.len() {
                    self.value.push(Value::Object(object));
                    return Some(Position::Enumerating { after: Some(*anchor), members_told: told, log });
                }
                told = 0;
            }
            self.value.push(Value::Object(object));
        }
        None
    }

    fn changes(&mut self, from: usize, visible: usize) -> Option<Position> {
        let mask = self.selected.iter().fold(0, |mask, (_, bits)| mask | bits);
        let mut order: Vec<Uuid> = Vec::new();
        let mut altered: HashMap<Uuid, (u64, BTreeMap<Uuid, bool>)> = HashMap::new();
        let mut at = from;
        let log = self.directory.log(self.class);
        while at < visible && order.len() < self.size {
            let change = &log[at];
            at += 1;
            if !self.is_wanted(change.anchor) {
                continue;
            }
            let relevant = match &change.what {
                Altered::Facets(bits) => *bits == u64::MAX || bits & mask != 0,
                Altered::Removed => true,
                Altered::Members { .. } => self.tells_members(),
            };
            if !relevant {
                continue;
            }
            let (bits, members) = altered.entry(change.anchor).or_insert_with(|| {
                order.push(change.anchor);
                (0, BTreeMap::new())
            });
            match &change.what {
                Altered::Facets(changed) => *bits |= changed,
                Altered::Removed => *bits = u64::MAX,
                Altered::Members { added, removed } => {
                    members.extend(added.iter().map(|member| (*member, true)));
                    members.extend(removed.iter().map(|member| (*member, false)));
                }
            }
        }
        for anchor in order {
            let (bits, members) = altered.remove(&anchor).unwrap_or_default();
            match self.directory.get(anchor) {
                None => self.value.push(removed(anchor, "deleted")),
                Some(entry) if !entry.is_live() => self.value.push(removed(anchor, "changed")),
                Some(entry) => {
                    let mut object = self.object(entry, if self.minimal { bits } else { u64::MAX });
                    if !members.is_empty() && self.may_tell(entry) {
                        let of = |present: bool| -> Vec<Uuid> {
                            members.iter().filter(|(_, there)| **there == present).map(|(member, _)| *member).collect()
                        };
                        object.insert("members@delta".to_owned(), self.members(&of(true), &of(false)));
                    }
                    self.value.push(Value::Object(object));
                }
            }
        }
        (at < visible).then_some(Position::Changes { log: at })
    }

    /// The object with the selected properties whose facets are among `bits`; what was never set is left out.
    fn object(&self, entry: &Entry, bits: u64) -> Map<String, Value> {
        let mut object = Map::new();
        for (name, facets) in &self.selected {
            let changed = *facets == 0 || facets & bits != 0;
            if !changed || *name == "members" || *name == "hideFromAddressLists" {
                continue;
            }
            let value = property::value(self.directory, entry, name);
            if *name == "manager" {
                if !value.is_null() {
                    object.insert("manager@delta".to_owned(), json!([value]));
                }
                continue;
            }
            if !property::is_empty(&value) || entry.ever_set & facets != 0 && *facets & !facet::SHOWN != 0 {
                object.insert((*name).to_owned(), value);
            }
        }
        object
    }

    fn members(&self, added: &[Uuid], gone: &[Uuid]) -> Value {
        let kind = |member: &Uuid| {
            let class = self.directory.get(*member).and_then(|entry| entry.kind.class());
            odata_type(class.unwrap_or(Class::User))
        };
        let there = added.iter().map(|member| json!({"@odata.type": kind(member), "id": member}));
        let left = gone.iter().map(|member| json!({"@odata.type": kind(member), "id": member, "@removed": {"reason": "deleted"}}));
        Value::Array(there.chain(left).collect())
    }
}

fn removed(anchor: Uuid, reason: &str) -> Value {
    json!({"id": anchor, "@removed": {"reason": reason}})
}
