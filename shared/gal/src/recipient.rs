//! Recipients: the objects of an address list, as the core sees them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::field::Field;
use crate::link::Provenance;
use crate::stamp::{Mark, Stamp};
use crate::values::Values;

/// The immutable id of a recipient: its Entra object id (Exchange's `ExternalDirectoryObjectId`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Anchor(pub Uuid);

impl fmt::Display for Anchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

impl fmt::Debug for Anchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Anchor {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// A side of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The tenant that the profile names `a`.
    A,
    /// The tenant that the profile names `b`.
    B,
}

impl Side {
    /// Both sides, `a` first.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// `a` or `b`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Side {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "a" => Ok(Self::A),
            "b" => Ok(Self::B),
            _ => Err(()),
        }
    }
}

/// One value for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides<T> {
    /// Side `a`.
    pub a: T,
    /// Side `b`.
    pub b: T,
}

impl<T> Sides<T> {
    /// The value of a side.
    pub fn get(&self, side: Side) -> &T {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    /// The value of a side, to change.
    pub fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }

    /// Makes both values by a function of the side.
    pub fn from_fn(mut make: impl FnMut(Side) -> T) -> Self {
        Self { a: make(Side::A), b: make(Side::B) }
    }
}

/// What kind of object a recipient is; it comes from `RecipientTypeDetails` (MICROSOFT.md 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A person's mailbox, in the cloud or on-premises.
    User,
    /// A shared mailbox.
    Shared,
    /// A room.
    Room,
    /// Equipment.
    Equipment,
    /// A mail contact.
    Contact,
    /// A mail user: signs in here, has its mailbox elsewhere.
    MailUser,
    /// A distribution group or mail-enabled security group, dynamic ones and room lists included.
    DistributionGroup,
    /// A Microsoft 365 group.
    Microsoft365Group,
    /// A guest, invited from elsewhere.
    Guest,
    /// Anything else that holds an address: public folders, system and discovery mailboxes. Never a source.
    Other,
}

impl Kind {
    /// The kinds that may be named in a profile, with the word used there.
    pub const NAMED: [(Self, &'static str); 8] = [
        (Self::User, "user"),
        (Self::Shared, "shared"),
        (Self::Room, "room"),
        (Self::Equipment, "equipment"),
        (Self::Contact, "contact"),
        (Self::MailUser, "mail-user"),
        (Self::DistributionGroup, "distribution-group"),
        (Self::Microsoft365Group, "microsoft365-group"),
    ];

    /// The kind for a value of `RecipientTypeDetails`.
    pub fn from_type_details(details: &str) -> Self {
        match details {
            "UserMailbox" | "LinkedMailbox" | "LegacyMailbox" | "RemoteUserMailbox" => Self::User,
            "SharedMailbox" | "RemoteSharedMailbox" | "TeamMailbox" | "RemoteTeamMailbox" => Self::Shared,
            "RoomMailbox" | "RemoteRoomMailbox" => Self::Room,
            "EquipmentMailbox" | "RemoteEquipmentMailbox" => Self::Equipment,
            "MailContact" | "MailForestContact" => Self::Contact,
            "MailUser" => Self::MailUser,
            "GuestMailUser" | "SharedWithMailUser" => Self::Guest,
            "MailUniversalDistributionGroup"
            | "MailUniversalSecurityGroup"
            | "MailNonUniversalGroup"
            | "DynamicDistributionGroup"
            | "RoomList" => Self::DistributionGroup,
            "GroupMailbox" => Self::Microsoft365Group,
            // Scheduling, discovery, arbitration and public-folder mailboxes, and what Microsoft adds next.
            _ => Self::Other,
        }
    }

    /// Whether galbridge ever writes such an object: it makes contacts, and adopts contacts and guests. Anything else that holds an address
    /// is never touched, and a stamp on it is somebody's copy.
    pub fn is_written(self) -> bool {
        match self {
            Self::Contact | Self::Guest => true,
            Self::User
            | Self::Shared
            | Self::Room
            | Self::Equipment
            | Self::MailUser
            | Self::DistributionGroup
            | Self::Microsoft365Group
            | Self::Other => false,
        }
    }

    /// The word for it, as in the profile.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Shared => "shared",
            Self::Room => "room",
            Self::Equipment => "equipment",
            Self::Contact => "contact",
            Self::MailUser => "mail-user",
            Self::DistributionGroup => "distribution-group",
            Self::Microsoft365Group => "microsoft365-group",
            Self::Guest => "guest",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Whether the object still exists in its tenant, as far as it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "at")]
pub enum Presence {
    /// It was there when it was last read.
    #[default]
    Present,
    /// Explicitly reported as removed, or absent by the rule of law 3, at this time.
    Gone(Timestamp),
}

/// One recipient of one side, composed from what Graph and Exchange said of it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact that a service says of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Its immutable id.
    pub anchor: Anchor,
    /// Exchange's own id, the identity used when writing.
    pub guid: Option<Uuid>,
    /// What it is.
    pub kind: Kind,
    /// Exchange's `Name`, unique in the tenant.
    pub name: String,
    /// The attribute values, as the service shows them.
    pub values: Values,
    /// Every SMTP address it holds, lower case, without prefix, sorted; the primary one included.
    pub addresses: Vec<String>,
    /// The primary SMTP address, lower case. For a contact: where mail to it goes.
    pub primary: Option<String>,
    /// Every X.500 address it holds, without prefix: proxies and the legacyExchangeDN.
    pub x500: Vec<String>,
    /// Its own legacyExchangeDN, where it was read.
    pub legacy_exchange_dn: Option<String>,
    /// Hidden from address lists (Exchange's word, not Graph's).
    pub hidden: bool,
    /// Whether the account may sign in; `None` where there is no account.
    pub enabled: Option<bool>,
    /// Mastered on-premises: never written.
    pub directory_synced: bool,
    /// An identity from elsewhere: a guest, a `#EXT#` name, a B2B member.
    pub external_identity: bool,
    /// Takes mail from authenticated senders only, so outsiders would be refused.
    pub authenticated_senders_only: bool,
    /// What stands in the tenant's stamp attribute.
    pub mark: Mark,
    /// The manager, by Exchange's Name in this tenant.
    pub manager_name: Option<String>,
    /// When Exchange says it last changed.
    pub when_changed: Option<Timestamp>,
    /// Whether Exchange knows it. A Graph user without Exchange recipient is never a source.
    pub exchange: bool,
    /// Whether both halves that the kind needs have been read.
    pub complete: bool,
    /// Whether it still exists.
    pub presence: Presence,
}

impl Recipient {
    /// Whether galbridge published this object: by its stamp, or as a contact by its Name from the first moment on (law 1).
    ///
    /// galbridge stamps contacts and guests only: on a mailbox or a group a stamp is somebody's copy, and says nothing.
    pub fn published(&self) -> bool {
        let stamped = matches!(self.mark, Mark::Stamp(_));
        let stampable = matches!(self.kind, Kind::Contact | Kind::Guest | Kind::MailUser | Kind::Other);
        (stamped && stampable) || self.has_made_name()
    }

    /// Its stamp, if it stands where galbridge wrote it. `source`: whom it speaks of, where that is known.
    ///
    /// Whoever copies a contact copies its stamp. What galbridge made has a Name that only galbridge gives, or an address of its
    /// source if an administrator renamed it; what it found has an address of its source. No two objects of a tenant share one.
    pub fn genuine_stamp(&self, source: Option<&Self>) -> Option<&Stamp> {
        let stamp = self.mark.stamp()?;
        let holds = |source: &Self| source.addresses.iter().any(|address| self.holds(address));
        let genuine = match stamp.provenance {
            // galbridge makes no guests.
            Provenance::Made => self.kind == Kind::Contact && (self.has_made_name() || source.is_some_and(holds)),
            Provenance::Found => self.kind.is_written() && source.is_none_or(holds),
        };
        genuine.then_some(stamp)
    }

    /// Whether it is a contact whose Name is one that only galbridge gives. (A mailbox may be called what it likes.)
    pub fn has_made_name(&self) -> bool {
        self.kind == Kind::Contact
            && self.name.get(..crate::stamp::NAME_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(crate::stamp::NAME_PREFIX))
    }

    /// Whether its Name is the one that galbridge gave together with its stamp.
    pub fn has_stamps_name(&self) -> bool {
        let named = |stamp: &Stamp| crate::stamp::made_name(&stamp.installation, &stamp.origin_tenant, stamp.anchor);
        self.kind == Kind::Contact && self.mark.stamp().is_some_and(|stamp| self.name.eq_ignore_ascii_case(&named(stamp)))
    }

    /// Whether it still exists.
    pub fn is_present(&self) -> bool {
        self.presence == Presence::Present
    }

    /// What people call it: display name, else Name.
    pub fn title(&self) -> &str {
        self.values.get(Field::DisplayName).unwrap_or(&self.name)
    }

    /// Whether it holds this address (lower case, no prefix).
    pub fn holds(&self, address: &str) -> bool {
        self.addresses.binary_search_by(|held| held.as_str().cmp(address)).is_ok()
    }
}

/// The domain of an address, lower case.
pub fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}
