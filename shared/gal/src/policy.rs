//! What the profile decides, in the core's terms. Crate `profile` fills these from TOML.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::mapping::Mapping;
use crate::recipient::{Side, Sides};
use crate::scope::Scope;

/// Who writes to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Both tenants publish into each other.
    TwoWay,
    /// `a` publishes into `b` only.
    AToB,
    /// `b` publishes into `a` only.
    BToA,
}

impl Direction {
    /// Whether recipients of this side are published on the other.
    pub fn publishes_from(self, side: Side) -> bool {
        match self {
            Self::TwoWay => true,
            Self::AToB => side == Side::A,
            Self::BToA => side == Side::B,
        }
    }
}

/// What happens when both halves of a peer link changed the same field differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictPolicy {
    /// The field is set aside and shown; everything else goes on.
    Hold,
    /// The later edit wins, where both times are trustworthy; else it holds.
    Newest,
    /// Side `a` wins.
    A,
    /// Side `b` wins.
    B,
}

/// The four modes of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeMode {
    /// Join what matches, fill blanks, conflicts by policy, create what is missing both ways.
    TwoWay,
    /// Side `a` is the truth.
    AToB,
    /// Side `b` is the truth.
    BToA,
    /// Join, write nothing else, go on from here.
    LinkOnly,
}

impl MergeMode {
    /// Whether a merge of this mode makes contacts for recipients of this side.
    pub fn creates_from(self, side: Side) -> bool {
        match self {
            Self::TwoWay => true,
            Self::AToB => side == Side::A,
            Self::BToA => side == Side::B,
            Self::LinkOnly => false,
        }
    }
}

/// The safety limits of a pair, per target side (law 4).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuardLimits {
    /// The most deletions (stagings and releases) in 24 hours.
    pub max_deletions: u64,
    /// The most deletions in 24 hours, as a share of the contacts linked 24 hours ago (from 10 contacts on).
    pub max_deletion_share: f64,
    /// The most creations in 24 hours.
    pub max_creations: u64,
    /// How much the in-scope source may shrink in 24 hours, as a share.
    pub max_source_shrink: f64,
    /// The most updates in one plan, as a share of the live contacts (from 10 contacts on): "everything changed".
    pub max_update_share: f64,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self { max_deletions: 50, max_deletion_share: 0.10, max_creations: 500, max_source_shrink: 0.20, max_update_share: 0.50 }
    }
}

impl GuardLimits {
    /// No limits: for scenarios and tests that are not about the guard.
    pub fn off() -> Self {
        Self { max_deletions: u64::MAX, max_deletion_share: 1.0, max_creations: u64::MAX, max_source_shrink: 1.0, max_update_share: 1.0 }
    }
}

/// What happens where a guest of the target tenant holds the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestPolicy {
    /// Reported, nothing written.
    #[default]
    Skip,
    /// The guest is shown in the address list and its attributes are filled.
    AdoptGuest,
}

/// What happens to an address in an internal-relay domain of the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelayPolicy {
    /// Reported, nothing written.
    #[default]
    Skip,
    /// Published like any other address.
    Publish,
}

/// What one direction of a pair publishes, and how.
#[derive(Clone, Debug)]
pub struct DirectionPolicy {
    /// Who is a source.
    pub scope: Scope,
    /// What is published of them.
    pub mapping: Mapping,
    /// Carry the source's X.500 addresses, so that old replies still arrive.
    pub carry_x500: bool,
    /// What to do about guests in the target.
    pub guests: GuestPolicy,
    /// What to do about internal-relay domains of the target.
    pub internal_relay: RelayPolicy,
}

/// One pair of the profile.
#[derive(Clone, Debug)]
pub struct PairPolicy {
    /// Who publishes to whom.
    pub direction: Direction,
    /// What happens on a conflict between peers.
    pub conflicts: ConflictPolicy,
    /// Whether deleting one half of a peer link deletes the other.
    pub peer_deletions: bool,
    /// How long a staged contact stays hidden before it is purged, in days.
    pub deletion_grace_days: u32,
    /// The safety limits.
    pub guard: GuardLimits,
    /// What `a` publishes into `b` is under `a`; what `b` publishes into `a` is under `b`.
    pub publishing: Sides<DirectionPolicy>,
}

/// What is known of a tenant beyond its recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantFacts {
    /// The tenant's id, a GUID in text, as it stands in stamps.
    pub tenant_id: String,
    /// The short name of the profile.
    pub name: String,
    /// Accepted domains of type Authoritative, lower case.
    pub authoritative_domains: BTreeSet<String>,
    /// Accepted domains of type `InternalRelay`, lower case.
    pub relay_domains: BTreeSet<String>,
}

impl TenantFacts {
    /// Whether the domain is accepted in the tenant, in whatever way.
    pub fn accepts(&self, domain: &str) -> bool {
        self.authoritative_domains.contains(domain) || self.relay_domains.contains(domain)
    }
}
