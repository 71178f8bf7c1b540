//! One directory object: a user, a contact or a group, as Entra and Exchange both see it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::attribute::{List, Text};

/// What an object is. The first nine are the kinds of the address list; the rest surround them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A person with a mailbox.
    User,
    /// A shared mailbox; its account is disabled.
    Shared,
    /// A room mailbox; its account is disabled.
    Room,
    /// An equipment mailbox; its account is disabled.
    Equipment,
    /// A mail contact.
    Contact,
    /// A user of this directory whose mailbox is elsewhere.
    MailUser,
    /// A distribution group.
    DistributionGroup,
    /// A Microsoft 365 group.
    #[serde(rename = "microsoft365-group")]
    Microsoft365Group,
    /// An invited guest.
    Guest,
    /// A user without any Exchange recipient.
    PlainUser,
    /// A security group without an address.
    SecurityGroup,
    /// A mail-enabled security group.
    MailSecurityGroup,
    /// A list of rooms.
    RoomList,
    /// A dynamic distribution group: Exchange knows it, Entra does not.
    DynamicDistributionGroup,
}

/// The three collections of Graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    User,
    Contact,
    Group,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Kind; 14] = [
        Kind::User,
        Kind::Shared,
        Kind::Room,
        Kind::Equipment,
        Kind::Contact,
        Kind::MailUser,
        Kind::DistributionGroup,
        Kind::Microsoft365Group,
        Kind::Guest,
        Kind::PlainUser,
        Kind::SecurityGroup,
        Kind::MailSecurityGroup,
        Kind::RoomList,
        Kind::DynamicDistributionGroup,
    ];

    /// Which Graph collection holds it; none for what only Exchange has.
    pub(crate) fn class(self) -> Option<Class> {
        Some(match self {
            Kind::User | Kind::Shared | Kind::Room | Kind::Equipment | Kind::MailUser | Kind::Guest | Kind::PlainUser => Class::User,
            Kind::Contact => Class::Contact,
            Kind::DistributionGroup | Kind::Microsoft365Group | Kind::SecurityGroup | Kind::MailSecurityGroup | Kind::RoomList => {
                Class::Group
            }
            Kind::DynamicDistributionGroup => return None,
        })
    }

    /// Whether Exchange has a recipient for it.
    pub(crate) fn is_recipient(self) -> bool {
        !matches!(self, Kind::PlainUser | Kind::SecurityGroup)
    }

    /// Whether it has a mailbox of its own (a group's mailbox does not count).
    pub(crate) fn is_mailbox(self) -> bool {
        matches!(self, Kind::User | Kind::Shared | Kind::Room | Kind::Equipment)
    }

    /// Whether it has members.
    pub(crate) fn is_group(self) -> bool {
        self.class() == Some(Class::Group)
    }

    /// Whether mail to it leaves the organisation.
    pub(crate) fn is_external(self) -> bool {
        matches!(self, Kind::Contact | Kind::MailUser | Kind::Guest)
    }

    /// The `kind` of the `/_sim` answers.
    pub(crate) fn gal_name(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Shared => "shared",
            Kind::Room => "room",
            Kind::Equipment => "equipment",
            Kind::Contact => "contact",
            Kind::MailUser => "mail-user",
            Kind::DistributionGroup | Kind::MailSecurityGroup | Kind::RoomList | Kind::DynamicDistributionGroup => "distribution-group",
            Kind::Microsoft365Group => "microsoft365-group",
            Kind::Guest => "guest",
            Kind::PlainUser => "plain-user",
            Kind::SecurityGroup => "security-group",
        }
    }

    /// Exchange's `RecipientTypeDetails`.
    pub(crate) fn type_details(self) -> &'static str {
        match self {
            Kind::User => "UserMailbox",
            Kind::Shared => "SharedMailbox",
            Kind::Room => "RoomMailbox",
            Kind::Equipment => "EquipmentMailbox",
            Kind::Contact => "MailContact",
            Kind::MailUser => "MailUser",
            Kind::DistributionGroup => "MailUniversalDistributionGroup",
            Kind::Microsoft365Group => "GroupMailbox",
            Kind::Guest => "GuestMailUser",
            Kind::PlainUser => "User",
            Kind::SecurityGroup => "UniversalSecurityGroup",
            Kind::MailSecurityGroup => "MailUniversalSecurityGroup",
            Kind::RoomList => "RoomList",
            Kind::DynamicDistributionGroup => "DynamicDistributionGroup",
        }
    }

    /// Exchange's `RecipientType`.
    pub(crate) fn recipient_type(self) -> &'static str {
        match self {
            Kind::User | Kind::Shared | Kind::Room | Kind::Equipment => "UserMailbox",
            Kind::Contact => "MailContact",
            Kind::MailUser | Kind::Guest => "MailUser",
            Kind::DistributionGroup | Kind::RoomList | Kind::Microsoft365Group => "MailUniversalDistributionGroup",
            Kind::PlainUser => "User",
            Kind::SecurityGroup => "Group",
            Kind::MailSecurityGroup => "MailUniversalSecurityGroup",
            Kind::DynamicDistributionGroup => "DynamicDistributionGroup",
        }
    }
}

/// Who made an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MadeBy {
    /// The directory's own people: generated, or through `/_sim/…/apply`.
    Admin,
    /// The application, through Exchange.
    App,
}

/// One object of a directory. Shared and replaced, never changed in place.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the flags a directory has")]
pub(crate) struct Entry {
    /// The Entra object id, `ExternalDirectoryObjectId` in Exchange.
    pub(crate) anchor: Uuid,
    /// Exchange's own `Guid`.
    pub(crate) guid: Uuid,
    pub(crate) kind: Kind,
    pub(crate) made_by: MadeBy,
    pub(crate) name: String,
    pub(crate) alias: String,
    pub(crate) upn: Option<String>,
    /// `userType` Guest rather than Member.
    pub(crate) is_guest: bool,
    /// `creationType` is Invitation.
    pub(crate) invited: bool,
    pub(crate) account_enabled: bool,
    /// Proxies with their prefix; the primary one begins `SMTP:`.
    pub(crate) addresses: Vec<String>,
    /// Where mail is sent, with its prefix.
    pub(crate) external: Option<String>,
    pub(crate) windows_address: String,
    pub(crate) hidden: bool,
    pub(crate) dir_synced: bool,
    pub(crate) require_authentication: bool,
    pub(crate) moderation_enabled: bool,
    pub(crate) prefer_message_format: bool,
    pub(crate) hidden_membership: bool,
    pub(crate) manager: Option<Uuid>,
    pub(crate) legacy_dn: String,
    pub(crate) texts: Vec<(Text, Box<str>)>,
    pub(crate) lists: Vec<(List, Vec<String>)>,
    pub(crate) members: Arc<BTreeSet<Uuid>>,
    /// When an administrator deleted it, while it can be restored.
    pub(crate) soft_deleted: Option<Timestamp>,
    pub(crate) created: Timestamp,
    pub(crate) changed: Timestamp,
    /// Whether Exchange knows its Entra id: only then Graph knows it too.
    pub(crate) has_id: bool,
    /// From when Graph knows it.
    pub(crate) graph_from: Timestamp,
    /// Graph properties that ever had a value.
    pub(crate) ever_set: u64,
}

impl Entry {
    /// A text attribute, empty if not set.
    pub(crate) fn text(&self, which: Text) -> &str {
        match self.texts.binary_search_by_key(&which, |(text, _)| *text) {
            Ok(at) => self.texts.get(at).map_or("", |(_, value)| value),
            Err(_) => "",
        }
    }

    /// Sets a text attribute; an empty value clears it. True if that changed anything.
    pub(crate) fn set_text(&mut self, which: Text, value: &str) -> bool {
        if self.text(which) == value {
            return false;
        }
        match self.texts.binary_search_by_key(&which, |(text, _)| *text) {
            Ok(at) if value.is_empty() => {
                self.texts.remove(at);
            }
            Ok(at) => self.texts[at].1 = value.into(),
            Err(at) => self.texts.insert(at, (which, value.into())),
        }
        true
    }

    /// An attribute of several values.
    pub(crate) fn list(&self, which: List) -> &[String] {
        match self.lists.binary_search_by_key(&which, |(list, _)| *list) {
            Ok(at) => self.lists.get(at).map_or(&[], |(_, values)| values),
            Err(_) => &[],
        }
    }

    /// Replaces an attribute of several values. True if that changed anything.
    pub(crate) fn set_list(&mut self, which: List, values: Vec<String>) -> bool {
        if self.list(which) == values {
            return false;
        }
        match self.lists.binary_search_by_key(&which, |(list, _)| *list) {
            Ok(at) if values.is_empty() => {
                self.lists.remove(at);
            }
            Ok(at) => self.lists[at].1 = values,
            Err(at) => self.lists.insert(at, (which, values)),
        }
        true
    }

    /// The primary SMTP address without its prefix; empty if there is none.
    pub(crate) fn primary(&self) -> &str {
        self.addresses.iter().find_map(|address| address.strip_prefix("SMTP:")).unwrap_or("")
    }

    /// Makes `address` the primary one. The old primary stays as a secondary if `keep_old`.
    pub(crate) fn set_primary(&mut self, address: &str, keep_old: bool) {
        let old = self.primary().to_owned();
        self.addresses.retain(|known| {
            let same = is_smtp(known) && bare(known).eq_ignore_ascii_case(address);
            !same && !known.starts_with("SMTP:")
        });
        if keep_old && !old.is_empty() && !old.eq_ignore_ascii_case(address) {
            self.addresses.insert(0, format!("smtp:{old}"));
        }
        self.addresses.insert(0, format!("SMTP:{address}"));
    }

    /// Whether it is in the directory now, and not in its recycle bin.
    pub(crate) fn is_live(&self) -> bool {
        self.soft_deleted.is_none()
    }
}

/// Whether a proxy address is an SMTP one, primary or not.
pub(crate) fn is_smtp(proxy: &str) -> bool {
    proxy.get(..5).is_some_and(|prefix| prefix.eq_ignore_ascii_case("smtp:"))
}

/// A proxy address without its type.
pub(crate) fn bare(proxy: &str) -> &str {
    proxy.split_once(':').map_or(proxy, |(_, address)| address)
}
