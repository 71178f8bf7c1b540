//! Links: the stored fact that a recipient of one side and a contact of the other belong together.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::base::Base;
use crate::field::Field;
use crate::recipient::{Anchor, Side};
use crate::values::Values;

/// Whether galbridge made a contact, or it was there before and was adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// galbridge made it; only such contacts are ever hidden or purged (law 2).
    Made,
    /// It was there before; it is released, never removed.
    Found,
}

impl Provenance {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "made" => Some(Self::Made),
            "found" => Some(Self::Found),
            _ => None,
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Made => "made",
            Self::Found => "found",
        })
    }
}

/// Who may edit a linked pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The contact shows what the source says; the owner wins.
    Projection,
    /// Both halves are mail contacts and edited on both sides; a three-way merge by field.
    Peer,
}

impl Role {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "projection" => Some(Self::Projection),
            "peer" => Some(Self::Peer),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Projection => "projection",
            Self::Peer => "peer",
        })
    }
}

/// Where the person of a link comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A recipient of side `a`, published into `b`.
    A,
    /// A recipient of side `b`, published into `a`.
    B,
    /// A static contact of the profile, published into `a`.
    StaticA,
    /// A static contact of the profile, published into `b`.
    StaticB,
}

impl Origin {
    /// The origin for a recipient of a side.
    pub fn of(side: Side) -> Self {
        match side {
            Side::A => Self::A,
            Side::B => Self::B,
        }
    }

    /// The origin of a static contact that is published on a side.
    pub fn static_on(target: Side) -> Self {
        match target {
            Side::A => Self::StaticA,
            Side::B => Self::StaticB,
        }
    }

    /// The side where the source is, if it is a recipient at all.
    pub fn source_side(self) -> Option<Side> {
        match self {
            Self::A => Some(Side::A),
            Self::B => Some(Side::B),
            Self::StaticA | Self::StaticB => None,
        }
    }

    /// The side where the contact is published.
    pub fn target_side(self) -> Side {
        match self {
            Self::A | Self::StaticB => Side::B,
            Self::B | Self::StaticA => Side::A,
        }
    }

    /// The word used in keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::StaticA => "static-a",
            Self::StaticB => "static-b",
        }
    }
}

/// The key of a link within its pair: the origin and the anchor of the source there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LinkKey {
    /// Where the person comes from.
    pub origin: Origin,
    /// The person's immutable id there.
    pub anchor: Anchor,
}

impl fmt::Display for LinkKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}", self.origin.as_str(), self.anchor)
    }
}

impl FromStr for LinkKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (origin, anchor) = text.split_once('#').ok_or(())?;
        let origin = match origin {
            "a" => Origin::A,
            "b" => Origin::B,
            "static-a" => Origin::StaticA,
            "static-b" => Origin::StaticB,
            _ => return Err(()),
        };
        Ok(Self { origin, anchor: anchor.parse().map_err(|_| ())? })
    }
}

/// How far a creation has come (MICROSOFT.md 5: three cmdlets, none idempotent).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Stored before the first call: a contact of that Name may exist.
    Intended,
    /// `New-MailContact` answered, or the contact was found by its Name.
    Created,
    /// `Set-MailContact` wrote the stamp.
    Stamped,
}

/// Where a link stands in its life. The table of SEMANTICS.md ("The life of a published contact").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "phase")]
pub enum Phase {
    /// A found contact is being adopted: what it was before is stored, and the first write may have happened.
    Joining,
    /// The contact is being made.
    Creating {
        /// How far it has come.
        step: Step,
    },
    /// Linked and kept in step.
    Live,
    /// The contact is hidden and will be purged.
    Staged {
        /// Since when.
        since: Timestamp,
        /// The side on which the hidden half is.
        side: Side,
    },
    /// The administrator of the target unhid a staged contact: it stays, and is no longer maintained
    /// until its source comes back.
    Kept,
    /// Not published again until `galbridge unsuppress`.
    Suppressed {
        /// Why.
        reason: Suppression,
    },
}

/// Why an address is not published any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Suppression {
    /// The target's administrator deleted the contact twice.
    DeletedTwice,
    /// One half of a peer link was deleted, and `peer_deletions` is off.
    PeerDeleted,
    /// `galbridge make-way` removed it for a successor.
    MadeWay,
    /// `galbridge undo` took its publication back.
    Undone,
}

impl std::fmt::Display for Suppression {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::DeletedTwice => "the target's administrator deleted the contact twice",
            Self::PeerDeleted => "one of the two contacts that both sides kept was deleted",
            Self::MadeWay => "make-way removed it for a successor",
            Self::Undone => "undo took its publication back",
        })
    }
}

/// What an adopted contact was before (for `release`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Its values.
    pub values: Values,
    /// Whether it was hidden.
    pub hidden: bool,
    /// The X.500 addresses it held.
    pub x500: Vec<String>,
}

/// A permanent error of one recipient: set aside with a reason, retried on a slowing schedule (law 8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// What happened and what to do, for a person.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub retry_at: Timestamp,
}

/// A write into one half of two that both sides edit, which was begun: until it is known to be done, what it wrote may stand there, and
/// is nobody's edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The side that is written.
    pub side: Side,
    /// When.
    pub at: Timestamp,
    /// Field by field.
    pub fields: Vec<BegunField>,
}

/// One field of it. Each pair: of the half at the origin, and of the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunField {
    /// Which.
    pub field: Field,
    /// The bases over which it was begun: over others it tells nothing any more.
    pub over: (Option<u64>, Option<u64>),
    /// What both sides say once it is done.
    pub says: (Option<u64>, Option<u64>),
}

/// A half that changed so long after a write was begun was changed by somebody else: a cmdlet has 15 minutes, and clocks differ.
pub const BEGUN_COUNTS: SignedDuration = SignedDuration::from_mins(30);

/// A link. `source` is the half at the origin, `target` the contact on the other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Origin and source anchor.
    pub key: LinkKey,
    /// The contact's anchor, once known.
    pub target: Option<Anchor>,
    /// The contact's Exchange Guid, once known.
    pub target_guid: Option<Uuid>,
    /// Whether the target was made or found.
    pub provenance: Provenance,
    /// Who may edit.
    pub role: Role,
    /// Where it stands in its life.
    pub phase: Phase,
    /// The Name the contact was made under, or the found contact's own.
    pub name: String,
    /// The source's address by which it was last published, lower case.
    pub address: String,
    /// What the source said when it was last published, in the target's terms (mapped).
    pub base_source: Base,
    /// What stood in the target when it was last written or read.
    pub base_target: Base,
    /// Whether the target was hidden when it was last written or read (the administrator's veto).
    pub base_hidden: bool,
    /// What a found contact was before its adoption.
    pub before: Option<Before>,
    /// How often the target's administrator deleted the contact.
    pub deletions: u32,
    /// It was taken over from another pair and is not shown yet, or another pair wrote it while it was shown: what stands there is
    /// nobody's word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
    /// The target refused the source's X.500 addresses; they are given up for this recipient.
    pub x500_refused: bool,
    /// How often in a row nobody knew whether a write of it was done.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deferrals: u32,
    /// Writes into halves that both sides edit, of which it is not known whether they were done: of each side those of half an hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub begun: Vec<Begun>,
    /// A permanent error.
    pub quarantine: Option<Quarantine>,
    /// Fields that both halves of a peer link changed differently, and that wait for a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Field>,
    /// Since when the link is live; counts for "contacts linked 24 hours ago".
    pub linked_at: Option<Timestamp>,
    /// When the target was last written; of a creation, when it was begun.
    pub written_at: Option<Timestamp>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Link {
    /// A link of which nothing has happened yet: a creation that is only intended.
    pub fn intended(key: LinkKey, role: Role, provenance: Provenance, name: String, address: String) -> Self {
        Self {
            key,
            target: None,
            target_guid: None,
            provenance,
            role,
            phase: Phase::Creating { step: Step::Intended },
            name,
            address,
            base_source: Base::default(),
            base_target: Base::default(),
            base_hidden: false,
            before: None,
            deletions: 0,
            claimed: false,
            x500_refused: false,
            deferrals: 0,
            begun: Vec::new(),
            quarantine: None,
            conflicts: Vec::new(),
            linked_at: None,
            written_at: None,
        }
    }

    /// Announces what is about to be written into a half. What was announced of it shortly before stays: it may be done late.
    pub fn announce(&mut self, begun: Begun) {
        self.begun.retain(|earlier| earlier.side != begun.side || begun.at <= earlier.at + BEGUN_COUNTS);
        self.begun.push(begun);
    }

    /// What was announced of a half since then is known to be done, or not. Answers whether anything was.
    pub fn unannounce(&mut self, side: Side, since: Timestamp) -> bool {
        let announced = self.begun.len();
        self.begun.retain(|begun| begun.side != side || begun.at < since);
        self.begun.len() < announced
    }

    /// What was announced over something else than is remembered now is settled: should the same stand there again, it is somebody's edit.
    pub(crate) fn settle_begun(&mut self) {
        let Self { begun, base_source, base_target, .. } = self;
        for one in begun.iter_mut() {
            one.fields.retain(|field| field.over == (base_source.get(field.field), base_target.get(field.field)));
        }
        begun.retain(|one| !one.fields.is_empty());
    }

    /// Takes over what an older link of the same contact remembers of it, and that no stamp tells.
    pub fn inherit(&mut self, older: &Self) {
        self.before.clone_from(&older.before);
        self.deletions = older.deletions;
        self.x500_refused = older.x500_refused;
    }

    /// The side where the contact is.
    pub fn target_side(&self) -> Side {
        self.key.origin.target_side()
    }

    /// Whether the contact exists as far as we know and counts as published.
    pub fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }
}

#[cfg(test)]
impl Link {
    /// A made projection, for tests of what links do to others.
    pub(crate) fn sample(key: LinkKey, target: Anchor, phase: Phase) -> Self {
        let intended = Self::intended(key, Role::Projection, Provenance::Made, String::new(), String::new());
        Self { target: Some(target), phase, ..intended }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_and_a_key_read_back() {
        let base = Base::of(&[(Field::Title, "Clerk")].into_iter().collect());
        assert_eq!(serde_json::from_str::<Base>(&serde_json::to_string(&base).unwrap()).unwrap(), base);
        assert!(format!("{base:?}").contains("Title"), "{base:?}");
        for origin in [Origin::A, Origin::B, Origin::StaticA, Origin::StaticB] {
            let key = LinkKey { origin, anchor: "33333333-3333-3333-3333-333333333333".parse().unwrap() };
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        assert_eq!("c#33333333-3333-3333-3333-333333333333".parse::<LinkKey>(), Err(()));
    }

    /// What is nothing takes no room; what is something is not lost.
    #[test]
    fn a_link_reads_back_as_it_was_stored() {
        let key = LinkKey { origin: Origin::A, anchor: "33333333-3333-3333-3333-333333333333".parse().unwrap() };
        let plain = Link::sample(key, key.anchor, Phase::Live);
        let counted = Link { deletions: 1, deferrals: 2, ..plain.clone() };
        for (link, counts) in [(plain, false), (counted, true)] {
            let stored = serde_json::to_string(&link).unwrap();
            assert_eq!((stored.contains("deferrals"), serde_json::from_str::<Link>(&stored).unwrap()), (counts, link), "{stored}");
        }
    }

    #[test]
    fn what_was_not_announced_is_not_taken_back() {
        let key = LinkKey { origin: Origin::A, anchor: "33333333-3333-3333-3333-333333333333".parse().unwrap() };
        let at: Timestamp = "2026-01-15T08:00:00Z".parse().unwrap();
        let mut link = Link::sample(key, key.anchor, Phase::Live);
        link.announce(Begun { side: Side::A, at, fields: Vec::new() });
        assert!(!link.unannounce(Side::B, at) && !link.unannounce(Side::A, at + jiff::SignedDuration::from_secs(1)));
        assert!(link.unannounce(Side::A, at) && !link.unannounce(Side::A, at));
    }

    /// Each reason is told in words of its own.
    #[test]
    fn why_somebody_is_suppressed() {
        let reasons = [Suppression::DeletedTwice, Suppression::PeerDeleted, Suppression::MadeWay, Suppression::Undone];
        let told: std::collections::BTreeSet<String> = reasons.iter().map(ToString::to_string).filter(|told| !told.is_empty()).collect();
        assert_eq!(told.len(), reasons.len(), "{told:?}");
    }
}
