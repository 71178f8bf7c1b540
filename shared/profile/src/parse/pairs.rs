//! `[[pairs]]`

use std::collections::{BTreeMap, BTreeSet};

use gal::mapping::Mapping;
use gal::policy::{ConflictPolicy, Direction, DirectionPolicy, GuardLimits, GuestPolicy, PairPolicy, RelayPolicy};
use gal::scope::Scope;
use gal::{Side, Sides};

use super::{clash, mapping, marks, scope, tenant};
use crate::keys;
use crate::model::{Pair, Publishing, Tenant};
use crate::reader::{Reader, Table};

/// The most that a limit of the guard can be; a tenant holds no more contacts.
const MAX_COUNT: u64 = 1_000_000;
/// The longest time a staged contact stays hidden, in days.
const MAX_GRACE_DAYS: u64 = 365;

const DIRECTIONS: [(&str, Direction); 3] = [("two-way", Direction::TwoWay), ("a-to-b", Direction::AToB), ("b-to-a", Direction::BToA)];
const CONFLICTS: [(&str, ConflictPolicy); 4] =
    [("hold", ConflictPolicy::Hold), ("newest", ConflictPolicy::Newest), ("a", ConflictPolicy::A), ("b", ConflictPolicy::B)];
const GUESTS: [(&str, GuestPolicy); 2] = [("skip", GuestPolicy::Skip), ("adopt-guest", GuestPolicy::AdoptGuest)];
const RELAY: [(&str, RelayPolicy); 2] = [("skip", RelayPolicy::Skip), ("publish", RelayPolicy::Publish)];

pub(super) fn read(table: &Table<'_, '_>, tenants: &BTreeMap<String, Tenant>, marks: &[marks::Placed]) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut places = Vec::new();
    for entry in table.tables("pairs", "a pair", keys::PAIR) {
        let (a, b) = (entry.required("a"), entry.required("b"));
        let known = [&a, &b].map(|text| text.as_ref().and_then(|text| tenant(entry.reader, text, tenants)));
        let settings = settings(&entry, known, marks);
        let (Some(a), Some(b)) = (known[0], known[1]) else { continue };
        if let Some(message) = fits(&a.name, &b.name, &pairs) {
            clash(entry.reader, entry.at("a"), message);
            continue;
        }
        // Where something is wrong, it is reported, and the whole profile is refused.
        let pair = settings.and_then(|settings| settings.pair(&a.name, &b.name));
        places.extend(pair.iter().map(|_| entry.at("conflicts")));
        pairs.extend(pair);
    }
    for (number, pair) in pairs.iter().enumerate().filter(|(_, pair)| pair.conflicts != ConflictPolicy::Hold) {
        if closes_a_ring(&pairs, number) {
            let message = format!(
                "the pair {} stands in a ring of two-way pairs, where two edits of a contact that all tenants keep could overwrite each other \
                 round it for ever; there `conflicts` must be \"hold\"",
                pair.name()
            );
            clash(table.reader, places[number].clone(), message);
        }
    }
    pairs
}

/// Whether the tenants of a two-way pair also hang together by way of other two-way pairs.
fn closes_a_ring(pairs: &[Pair], number: usize) -> bool {
    let two_way = |pair: &Pair| pair.direction == Direction::TwoWay;
    let mut reached = BTreeSet::from([pairs[number].a.as_str()]);
    // Each round takes a pair further, and there are not more rounds than pairs.
    for _ in pairs {
        for (_, pair) in pairs.iter().enumerate().filter(|(other, pair)| *other != number && two_way(pair)) {
            if reached.contains(pair.a.as_str()) || reached.contains(pair.b.as_str()) {
                reached.extend([pair.a.as_str(), pair.b.as_str()]);
            }
        }
    }
    two_way(&pairs[number]) && reached.contains(pairs[number].b.as_str())
}

/// Why a pair cannot stand beside the others.
fn fits(a: &str, b: &str, pairs: &[Pair]) -> Option<String> {
    if a == b {
        return Some(format!("tenant {a} cannot be paired with itself"));
    }
    if let Some(twin) = pairs.iter().find(|pair| pair.side(a).is_some() && pair.side(b).is_some()) {
        return Some(format!("tenants {a} and {b} already are the pair {}", twin.name()));
    }
    let joined = format!("{a}{b}");
    let alike = pairs.iter().find(|pair| format!("{}{}", pair.a, pair.b) == joined)?;
    // Cloud resources are named without dashes.
    Some(format!("the pairs {} and {a}-{b} have the same name without dashes; rename a tenant", alike.name()))
}

/// A pair without its tenants.
struct Settings {
    direction: Direction,
    conflicts: ConflictPolicy,
    guard: GuardLimits,
    peer_deletions: bool,
    deletion_grace_days: u32,
    publishing: Sides<Publishing>,
}

fn settings(entry: &Table<'_, '_>, tenants: [Option<&Tenant>; 2], marks: &[marks::Placed]) -> Option<Settings> {
    let reader = entry.reader;
    let before = reader.errors();
    let direction = entry.word("direction", &DIRECTIONS).unwrap_or(Direction::TwoWay);
    let marks: Vec<marks::Placed> = marks.iter().cloned().chain(marks::read(entry)).collect();
    let pair_wide = Publishing {
        scope: gal::scope::ScopeSettings::default(),
        mapping: BTreeMap::new(),
        carry_x500: entry.flag("carry_x500").unwrap_or(true),
        guests: entry.word("guests", &GUESTS).unwrap_or_default(),
        internal_relay: entry.word("internal_relay", &RELAY).unwrap_or_default(),
    };
    let settings = Settings {
        direction,
        conflicts: entry.word("conflicts", &CONFLICTS).unwrap_or(ConflictPolicy::Hold),
        guard: guard(entry),
        peer_deletions: entry.flag("peer_deletions").unwrap_or(false),
        deletion_grace_days: entry.count("deletion_grace_days", 0..=MAX_GRACE_DAYS).and_then(|days| days.try_into().ok()).unwrap_or(30),
        publishing: Sides::from_fn(|side| {
            let key = match side {
                Side::A => "a_to_b",
                Side::B => "b_to_a",
            };
            if entry.has(key) && !direction.publishes_from(side) {
                reader.warn(entry.at(key), format!("`{key}` is not used: the direction of the pair is the other one"));
            }
            publishing(reader, entry.table(key, "a direction of a pair", keys::DIRECTION).as_ref(), &pair_wide, tenants, &marks)
        }),
    };
    warn(entry, &settings);
    (reader.errors() == before).then_some(settings)
}

fn warn(entry: &Table<'_, '_>, settings: &Settings) {
    let publishes = |side| settings.direction.publishes_from(side);
    if settings.deletion_grace_days == 0 {
        entry.reader.warn(entry.at("deletion_grace_days"), "0 days: what leaves is purged at once, and its memberships with it".to_owned());
    }
    if settings.peer_deletions && !(publishes(Side::A) && publishes(Side::B)) {
        entry.reader.warn(entry.at("peer_deletions"), "`peer_deletions` is not used: a one-way pair has no peers".to_owned());
    }
}

fn publishing(
    reader: &Reader<'_>,
    table: Option<&Table<'_, '_>>,
    pair_wide: &Publishing,
    tenants: [Option<&Tenant>; 2],
    marks: &[marks::Placed],
) -> Publishing {
    let scope = table.and_then(|table| table.table("scope", "a scope", keys::SCOPE));
    let mapping = table.and_then(|table| table.table("mapping", "a mapping", &mapping::keys()));
    Publishing {
        scope: scope::read(reader, scope.as_ref(), marks),
        mapping: mapping::read(reader, mapping.as_ref(), tenants),
        carry_x500: table.and_then(|table| table.flag("carry_x500")).unwrap_or(pair_wide.carry_x500),
        guests: table.and_then(|table| table.word("guests", &GUESTS)).unwrap_or(pair_wide.guests),
        internal_relay: table.and_then(|table| table.word("internal_relay", &RELAY)).unwrap_or(pair_wide.internal_relay),
    }
}

fn guard(entry: &Table<'_, '_>) -> GuardLimits {
    let default = GuardLimits::default();
    let Some(table) = entry.table("guard", "a guard", keys::GUARD) else { return default };
    GuardLimits {
        max_deletions: table.count("max_deletions", 0..=MAX_COUNT).unwrap_or(default.max_deletions),
        max_deletion_share: table.share("max_deletion_share").unwrap_or(default.max_deletion_share),
        max_creations: table.count("max_creations", 0..=MAX_COUNT).unwrap_or(default.max_creations),
        max_source_shrink: table.share("max_source_shrink").unwrap_or(default.max_source_shrink),
        max_update_share: table.share("max_update_share").unwrap_or(default.max_update_share),
    }
}

impl Settings {
    /// The pair, compiled. `None` cannot happen here: what does not compile was reported.
    fn pair(self, a: &str, b: &str) -> Option<Pair> {
        let compile = |publishing: &Publishing| -> Option<DirectionPolicy> {
            Some(DirectionPolicy {
                scope: Scope::compile(publishing.scope.clone()).ok()?,
                mapping: Mapping::compile(&publishing.mapping).ok()?,
                carry_x500: publishing.carry_x500,
                guests: publishing.guests,
                internal_relay: publishing.internal_relay,
            })
        };
        let policy = PairPolicy {
            direction: self.direction,
            conflicts: self.conflicts,
            peer_deletions: self.peer_deletions,
            deletion_grace_days: self.deletion_grace_days,
            guard: self.guard,
            publishing: Sides { a: compile(&self.publishing.a)?, b: compile(&self.publishing.b)? },
        };
        Some(Pair {
            a: a.to_owned(),
            b: b.to_owned(),
            direction: self.direction,
            conflicts: self.conflicts,
            guard: self.guard,
            peer_deletions: self.peer_deletions,
            deletion_grace_days: self.deletion_grace_days,
            publishing: self.publishing,
            policy,
        })
    }
}
