//! A profile that has been read and checked.

use std::collections::BTreeMap;
use std::fmt;

use gal::mapping::FieldMapping;
use gal::policy::{ConflictPolicy, Direction, GuardLimits, GuestPolicy, PairPolicy, RelayPolicy};
use gal::scope::ScopeSettings;
use gal::{Field, Side, Sides, Values};
use uuid::Uuid;

/// The client's configuration: tenants, pairs, scope, mapping, guard.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The company this installation is deployed for: `[a-z0-9-]`.
    pub client: String,
    /// The id of the installation, as it stands in stamps. Default: the client's name.
    pub installation: String,
    /// The tenants by their short names.
    pub tenants: BTreeMap<String, Tenant>,
    /// The pairs, in the order of the file.
    pub pairs: Vec<Pair>,
    /// Contacts that every tenant named there gets, in the order of the file.
    pub static_contacts: Vec<StaticContact>,
    /// Folders of contacts in people's mailboxes, in the order of the file.
    pub mailbox_lists: Vec<MailboxList>,
}

/// A Microsoft 365 directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its short name: `[a-z0-9]`, so that the dash of a pair's name means one thing.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// The application (client) id that galbridge signs in with.
    pub app_id: Uuid,
    /// The object id of that application, for rotating its certificate (MICROSOFT.md 12).
    pub app_object_id: Option<Uuid>,
    /// The cloud it is in.
    pub cloud: Cloud,
    /// Hosts to use instead of the cloud's: a simulator.
    pub hosts: Option<Hosts>,
    /// The custom attribute, 1 to 15, that holds the stamp. Never mapped.
    pub stamp_attribute: Field,
    /// The file of the certificate and key, for the command line; relative to the profile.
    pub certificate: Option<String>,
}

/// A Microsoft cloud (MICROSOFT.md 1). GCC is in the global one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cloud {
    /// Worldwide, GCC included.
    #[default]
    Global,
    /// GCC High.
    GccHigh,
    /// The US Department of Defense.
    Dod,
    /// 21Vianet.
    China,
}

impl Cloud {
    /// The clouds with their words in the profile.
    pub const NAMED: [(&'static str, Self); 4] =
        [("global", Self::Global), ("gcc-high", Self::GccHigh), ("dod", Self::Dod), ("china", Self::China)];

    /// The word in the profile.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::GccHigh => "gcc-high",
            Self::Dod => "dod",
            Self::China => "china",
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The three services of a tenant, as origins: `https://host` or, on this machine only, `http://127.0.0.1:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// Where tokens come from.
    pub login: String,
    /// Microsoft Graph.
    pub graph: String,
    /// Exchange's cmdlets.
    pub exchange: String,
}

/// Two tenants kept in step.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The tenant of side `a`.
    pub a: String,
    /// The tenant of side `b`.
    pub b: String,
    /// Who publishes to whom.
    pub direction: Direction,
    /// What happens on a conflict between peers.
    pub conflicts: ConflictPolicy,
    /// The safety limits, per target side.
    pub guard: GuardLimits,
    /// Whether deleting one half of a peer link deletes the other.
    pub peer_deletions: bool,
    /// How long a staged contact stays hidden before it is purged, in days.
    pub deletion_grace_days: u32,
    /// What each side publishes into the other.
    pub publishing: Sides<Publishing>,
    pub(crate) policy: PairPolicy,
}

/// What one side publishes into the other, as the profile says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publishing {
    /// Who is a source.
    pub scope: ScopeSettings,
    /// What is published of them; fields that are not named keep their default.
    pub mapping: BTreeMap<Field, FieldMapping>,
    /// Carry the source's X.500 addresses, so that old replies still arrive.
    pub carry_x500: bool,
    /// What to do about guests in the target.
    pub guests: GuestPolicy,
    /// What to do about internal-relay domains of the target.
    pub internal_relay: RelayPolicy,
}

/// A contact that stands in the profile itself, such as a helpdesk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticContact {
    /// Its key, unique in the profile: what it is recognised by when everything else changes.
    pub key: String,
    /// Where mail to it goes, lower case.
    pub address: String,
    /// Its attributes.
    pub values: Values,
    /// The tenants that get it, by short name, sorted.
    pub tenants: Vec<String>,
}

/// A folder of contacts in people's mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxList {
    /// The tenant whose mailboxes get it.
    pub tenant: String,
    /// The folder's name.
    pub folder: String,
    /// The tenants whose people are in it.
    pub sources: Vec<String>,
    /// Whose mailboxes.
    pub mailboxes: Mailboxes,
    /// Whether photos are carried.
    pub photos: bool,
}

/// Whose mailboxes get a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mailboxes {
    /// Every mailbox of a person in the tenant.
    All,
    /// Those of the transitive members of a group.
    Group(Uuid),
    /// These, by address, lower case.
    Addresses(Vec<String>),
}

impl Pair {
    /// The pair's name: `contoso-fabrikam`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.a, self.b)
    }

    /// The tenant of a side, by its short name.
    pub fn tenant(&self, side: Side) -> &str {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    /// The side of a tenant.
    pub fn side(&self, tenant: &str) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| self.tenant(*side) == tenant)
    }

    /// What the core decides by.
    pub fn policy(&self) -> PairPolicy {
        self.policy.clone()
    }
}

impl Profile {
    /// The pair with this name.
    pub fn pair(&self, name: &str) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.name() == name)
    }

    /// The pairs a tenant takes part in, in the order of the file.
    pub fn pairs_of(&self, tenant: &str) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(move |pair| pair.side(tenant).is_some())
    }

    /// The static contacts a tenant gets, in the order of the file.
    pub fn static_contacts_of(&self, tenant: &str) -> impl Iterator<Item = &StaticContact> {
        self.static_contacts.iter().filter(move |contact| contact.tenants.iter().any(|name| name == tenant))
    }

    /// The pairs that a full mesh of the tenants in pairs would have and this profile does not:
    /// nothing is relayed, so these tenants do not see each other. By short name, sorted.
    pub fn missing_pairs(&self) -> Vec<(String, String)> {
        let paired: Vec<&String> = self.tenants.keys().filter(|name| self.pairs_of(name).next().is_some()).collect();
        let mut missing = Vec::new();
        for (position, a) in paired.iter().enumerate() {
            for b in paired.iter().skip(position + 1) {
                if !self.pairs_of(a).any(|pair| pair.side(b).is_some()) {
                    missing.push(((*a).clone(), (*b).clone()));
                }
            }
        }
        missing
    }
}
