//! The directory of one tenant: its objects, the indexes that keep every look-up off a scan, and its change log.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::entry::{Class, Entry};
use super::facet;
use crate::clock::earlier;

/// How long an old state of an object is kept for the domain controllers that lag.
const KEEP_VERSIONS: Duration = Duration::from_mins(2);

/// One line of the change log that delta queries read.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// When Graph delta begins to show it.
    pub(crate) visible: Timestamp,
    pub(crate) anchor: Uuid,
    pub(crate) what: Altered,
}

/// What a change was.
#[derive(Debug, Clone)]
pub(crate) enum Altered {
    /// These facets changed; all of them for a new or a restored object.
    Facets(u64),
    /// The object left the directory.
    Removed,
    /// Members came and went.
    Members { added: Vec<Uuid>, removed: Vec<Uuid> },
}

/// An earlier state, for readers behind `until`.
struct Version {
    until: Timestamp,
    before: Option<Arc<Entry>>,
}

/// What an open transaction can take back.
#[derive(Default)]
struct Journal {
    befores: Vec<(Uuid, Option<Arc<Entry>>)>,
    log_lengths: [usize; 3],
}

/// Random ids are their own hash.
#[derive(Default)]
pub(crate) struct UuidHasher(u64);

impl Hasher for UuidHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for (at, byte) in bytes.iter().enumerate() {
            self.0 ^= u64::from(*byte) << (at % 8 * 8);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

/// A map by id.
type UuidMap<T> = HashMap<Uuid, T, BuildHasherDefault<UuidHasher>>;

/// All objects of a tenant.
#[derive(Default)]
pub(crate) struct Directory {
    objects: UuidMap<Arc<Entry>>,
    pub(super) classes: [BTreeSet<Uuid>; 3],
    /// Every live object, by name: the order of a Get without `SortBy`.
    pub(super) by_name: BTreeSet<(String, Uuid)>,
    pub(super) by_guid: UuidMap<Uuid>,
    pub(super) names: HashMap<String, Uuid>,
    pub(super) proxies: HashMap<String, Uuid>,
    /// Aliases, display names, principal names and legacy names: what an Identity may also be.
    pub(super) labels: HashMap<String, Vec<Uuid>>,
    pub(super) by_changed: BTreeSet<(i64, Uuid)>,
    pub(super) by_created: BTreeSet<(i64, Uuid)>,
    pub(super) member_of: UuidMap<BTreeSet<Uuid>>,
    pub(super) deleted: BTreeSet<Uuid>,
    recent: UuidMap<VecDeque<Version>>,
    recent_order: VecDeque<(Timestamp, Uuid)>,
    log: [Vec<Change>; 3],
    journal: Option<Journal>,
    version: u64,
    /// While the directory is made there is no history.
    pub(crate) without_history: bool,
}

/// Where a collection's set and log are.
pub(super) fn slot(class: Class) -> usize {
    match class {
        Class::User => 0,
        Class::Contact => 1,
        Class::Group => 2,
    }
}

/// How addresses and names are compared.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase() }
}

impl Directory {
    /// The object, deleted or not.
    pub(crate) fn get(&self, anchor: Uuid) -> Option<&Arc<Entry>> {
        self.objects.get(&anchor)
    }

    /// The object if it is not deleted.
    pub(crate) fn live(&self, anchor: Uuid) -> Option<&Arc<Entry>> {
        self.objects.get(&anchor).filter(|entry| entry.is_live())
    }

    /// The object as a domain controller sees it that has heard of nothing after `as_of`.
    pub(crate) fn view(&self, anchor: Uuid, as_of: Timestamp) -> Option<Arc<Entry>> {
        if let Some(versions) = self.recent.get(&anchor)
            && let Some(version) = versions.iter().find(|version| version.until > as_of)
        {
            return version.before.clone();
        }
        self.objects.get(&anchor).cloned()
    }

    /// Objects that changed lately, for which an index of the present may mislead a lagging reader.
    pub(crate) fn unsettled(&self, as_of: Timestamp) -> BTreeSet<Uuid> {
        self.recent_order.iter().rev().take_while(|(at, _)| *at > as_of).map(|(_, anchor)| *anchor).collect()
    }

    /// The anchors of a Graph collection, in the order it is enumerated, with those in the recycle bin.
    pub(crate) fn class(&self, class: Class) -> &BTreeSet<Uuid> {
        &self.classes[slot(class)]
    }

    /// Every live object by name.
    pub(crate) fn in_name_order(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.by_name.iter().map(|(_, anchor)| *anchor)
    }

    /// The deleted users that can be restored.
    pub(crate) fn deleted(&self) -> &BTreeSet<Uuid> {
        &self.deleted
    }

    /// The object with this Exchange Guid.
    pub(crate) fn by_guid(&self, guid: Uuid) -> Option<Uuid> {
        self.by_guid.get(&guid).copied()
    }

    /// The object of this Name.
    pub(crate) fn by_name(&self, name: &str) -> Option<Uuid> {
        self.names.get(&fold(name)).copied()
    }

    /// Who holds a proxy address, given with its type; deleted users still hold theirs.
    pub(crate) fn holder(&self, proxy: &str) -> Option<Uuid> {
        self.proxies.get(&fold(proxy)).copied()
    }

    /// The objects that carry this alias, display name, principal name or legacy name.
    pub(crate) fn labelled(&self, label: &str) -> &[Uuid] {
        self.labels.get(&fold(label)).map_or(&[], Vec::as_slice)
    }

    /// Live objects whose `whenChanged` lies in this range of seconds, oldest first.
    pub(crate) fn changed_within(&self, seconds: RangeInclusive<i64>) -> impl Iterator<Item = Uuid> + '_ {
        let (low, high) = seconds.into_inner();
        range(&self.by_changed, low, high)
    }

    /// Live objects whose `whenCreated` lies in this range of seconds, oldest first.
    pub(crate) fn created_within(&self, seconds: RangeInclusive<i64>) -> impl Iterator<Item = Uuid> + '_ {
        let (low, high) = seconds.into_inner();
        range(&self.by_created, low, high)
    }

    /// The groups an object is a direct member of.
    pub(crate) fn groups_of(&self, anchor: Uuid) -> Vec<Uuid> {
        self.member_of.get(&anchor).map(|groups| groups.iter().copied().collect()).unwrap_or_default()
    }

    /// The change log of a collection.
    pub(crate) fn log(&self, class: Class) -> &[Change] {
        &self.log[slot(class)]
    }

    /// How far the log of a collection is visible at `now`. It becomes visible in order.
    pub(crate) fn visible_end(&self, class: Class, now: Timestamp) -> usize {
        self.log(class).partition_point(|change| change.visible <= now)
    }

    /// Stores an object, new or changed. `visible` is when Graph shows it.
    pub(crate) fn put(&mut self, mut entry: Entry, now: Timestamp, visible: Timestamp) -> Arc<Entry> {
        let before = self.objects.get(&entry.anchor).cloned();
        entry.ever_set |= facet::set(&entry);
        let after = Arc::new(entry);
        if !self.without_history {
            self.remember(after.anchor, before.clone(), now);
            self.write_log(before.as_deref(), &after, visible);
        }
        self.replace(after.anchor, Some(&after));
        after
    }

    /// Removes an object for good, from its groups too.
    pub(crate) fn remove(&mut self, anchor: Uuid, now: Timestamp, visible: Timestamp) {
        let Some(before) = self.objects.get(&anchor).cloned() else {
            return;
        };
        self.leave_groups(anchor, now, visible);
        if let Some(class) = before.kind.class() {
            self.append(class, anchor, Altered::Removed, visible);
        }
        self.remember(anchor, Some(before), now);
        self.replace(anchor, None);
    }

    /// Takes an object out of every group.
    pub(crate) fn leave_groups(&mut self, anchor: Uuid, now: Timestamp, visible: Timestamp) {
        for group in self.groups_of(anchor) {
            if let Some(entry) = self.objects.get(&group) {
                let mut changed = Entry::clone(entry);
                Arc::make_mut(&mut changed.members).remove(&anchor);
                self.put(changed, now, visible);
            }
        }
    }

    /// From here on, everything can be taken back.
    pub(crate) fn begin(&mut self) {
        let log_lengths = [self.log[0].len(), self.log[1].len(), self.log[2].len()];
        self.journal = Some(Journal { befores: Vec::new(), log_lengths });
    }

    /// Keeps what happened since [`Directory::begin`].
    pub(crate) fn commit(&mut self) {
        self.journal = None;
    }

    /// Takes back what happened since [`Directory::begin`].
    pub(crate) fn roll_back(&mut self) {
        let Some(journal) = self.journal.take() else {
            return;
        };
        for (anchor, before) in journal.befores.into_iter().rev() {
            self.replace(anchor, before.as_ref());
            if let Some(versions) = self.recent.get_mut(&anchor) {
                versions.pop_back();
            }
        }
        for (log, length) in self.log.iter_mut().zip(journal.log_lengths) {
            log.truncate(length);
        }
    }

    fn write_log(&mut self, before: Option<&Entry>, after: &Entry, visible: Timestamp) {
        let Some(class) = after.kind.class() else {
            return;
        };
        let anchor = after.anchor;
        let Some(before) = before else {
            self.append(class, anchor, Altered::Facets(u64::MAX), visible);
            if !after.members.is_empty() {
                let added = after.members.iter().copied().collect();
                self.append(class, anchor, Altered::Members { added, removed: Vec::new() }, visible);
            }
            return;
        };
        match (before.is_live(), after.is_live()) {
            (true, false) => self.append(class, anchor, Altered::Removed, visible),
            (false, true) => self.append(class, anchor, Altered::Facets(u64::MAX), visible),
            _ => {
                let bits = facet::changed(before, after) & !facet::MEMBERS;
                if bits != 0 {
                    self.append(class, anchor, Altered::Facets(bits), visible);
                }
            }
        }
        if !Arc::ptr_eq(&before.members, &after.members) && before.members != after.members {
            let added = after.members.difference(&before.members).copied().collect();
            let removed = before.members.difference(&after.members).copied().collect();
            self.append(class, anchor, Altered::Members { added, removed }, visible);
        }
    }

    fn append(&mut self, class: Class, anchor: Uuid, what: Altered, visible: Timestamp) {
        if self.without_history {
            return;
        }
        let log = &mut self.log[slot(class)];
        let visible = log.last().map_or(visible, |last| last.visible.max(visible));
        log.push(Change { visible, anchor, what });
    }

    fn remember(&mut self, anchor: Uuid, before: Option<Arc<Entry>>, now: Timestamp) {
        if self.without_history {
            return;
        }
        self.recent.entry(anchor).or_default().push_back(Version { until: now, before });
        self.recent_order.push_back((now, anchor));
        let horizon = earlier(now, KEEP_VERSIONS);
        while let Some((at, old)) = self.recent_order.front().copied() {
            if at > horizon {
                break;
            }
            self.recent_order.pop_front();
            if let Some(versions) = self.recent.get_mut(&old) {
                versions.retain(|version| version.until > horizon);
                if versions.is_empty() {
                    self.recent.remove(&old);
                }
            }
        }
    }

    /// Counted up with every change: what was worked out before may not hold any more.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The one place that changes objects and indexes.
    fn replace(&mut self, anchor: Uuid, after: Option<&Arc<Entry>>) {
        self.version += 1;
        let before = match after {
            Some(entry) => self.objects.insert(anchor, entry.clone()),
            None => self.objects.remove(&anchor),
        };
        if let Some(journal) = &mut self.journal {
            journal.befores.push((anchor, before.clone()));
        }
        let same_members = match (&before, after) {
            (Some(old), Some(new)) => Arc::ptr_eq(&old.members, &new.members),
            _ => false,
        };
        if let Some(entry) = &before {
            self.unindex(entry, same_members);
        }
        if let Some(entry) = after {
            self.index(entry, same_members);
        }
    }
}

fn range(index: &BTreeSet<(i64, Uuid)>, low: i64, high: i64) -> impl Iterator<Item = Uuid> + '_ {
    let bounds = (low, Uuid::nil())..=(high.max(low), Uuid::max());
    index.range(bounds).take_while(move |_| low <= high).map(|(_, anchor)| *anchor)
}
