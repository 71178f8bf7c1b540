//! Operations: what a plan would write, why, and what is remembered once it is done.

mod patch;

pub use patch::LinkPatch;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::field::Field;
use crate::link::{Link, LinkKey, Phase, Suppression};
use crate::merge::Why;
use crate::reason::{Note, SkipReason};
use crate::recipient::{Anchor, Side};
use crate::stamp::Stamp;

/// What is done to a contact. In the order in which a plan runs them: what frees addresses comes
/// before what needs them, and what takes away comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Removed now, by a person's word (`make-way`, `unpublish`).
    Remove,
    /// Fields, stamp or addresses of a linked contact change.
    Update,
    /// A staged contact is shown again.
    Restore,
    /// The contact now stands for a re-created account with the same address.
    Relink,
    /// A contact that was made from elsewhere, and is hidden for its deletion, is claimed; it stays hidden.
    Claim,
    /// A contact that was claimed is shown, with everything its new source says.
    TakeOver,
    /// A contact that was there before is adopted.
    Adopt,
    /// A guest is shown in the address list and filled.
    AdoptGuest,
    /// A half-done creation goes on.
    Resume,
    /// A contact is made.
    Create,
    /// A creation that nobody wants any more is looked up and ended.
    Abandon,
    /// A made contact loses stamp and Name prefix and becomes the administrator's.
    HandOver,
    /// A found contact gets back what it was before.
    Release,
    /// A contact is hidden, to be purged after the grace period.
    Stage,
    /// A staged contact is removed.
    Purge,
}

impl Action {
    /// The word for it, in plans, run records and checksums.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Update => "update",
            Self::Restore => "restore",
            Self::Relink => "relink",
            Self::Claim => "claim",
            Self::TakeOver => "take-over",
            Self::Adopt => "adopt",
            Self::AdoptGuest => "adopt-guest",
            Self::Resume => "resume",
            Self::Create => "create",
            Self::Abandon => "abandon",
            Self::HandOver => "hand-over",
            Self::Release => "release",
            Self::Stage => "stage",
            Self::Purge => "purge",
        }
    }

    /// How the guard counts it (law 4: a staging or release counts once, its later purge does not).
    pub fn guarded(self) -> Option<Guarded> {
        match self {
            // Somebody appears who was not there.
            Self::Create | Self::Claim | Self::AdoptGuest => Some(Guarded::Creation),
            Self::Stage | Self::Release => Some(Guarded::Deletion),
            Self::Update => Some(Guarded::Update),
            Self::Remove
            | Self::Restore
            | Self::Relink
            | Self::TakeOver
            | Self::Adopt
            | Self::Resume
            | Self::Abandon
            | Self::HandOver
            | Self::Purge => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The kinds that the guard counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarded {
    /// A contact is made.
    Creation,
    /// A contact is hidden for deletion, or released.
    Deletion,
    /// A contact changes; counted as a share only ("everything changed").
    Update,
}

/// Why an operation is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "because")]
pub enum Reason {
    /// In scope and not yet on the other side.
    InScope,
    /// A contact on the other side holds one of its addresses.
    SameAddress {
        /// The address.
        address: String,
    },
    /// Fields differ from what the source says, or were edited.
    Fields {
        /// Why each is written, without repetition.
        why: Vec<String>,
    },
    /// Only the stamp, the X500 addresses or bookkeeping change.
    Upkeep,
    /// The creation was interrupted.
    Interrupted,
    /// The target's administrator deleted the contact once; it is made again once.
    DeletedOnce,
    /// The other half of the peer link was deleted, but this half was edited since: the edit wins.
    EditWins,
    /// The source was deleted.
    SourceGone,
    /// The source left the scope.
    SourceLeft {
        /// Why.
        reason: SkipReason,
    },
    /// The other half of the peer link was deleted.
    PeerGone,
    /// The source is back in scope.
    Back,
    /// The other half of the peer link, whose deletion had hidden this one, is there again.
    PeerBack,
    /// One half of two that stood there before was deleted, and the profile does not wish that the other one follows (any more).
    PeerDeletionsOff,
    /// The account was re-created under the same address.
    Recreated {
        /// The anchor before.
        was: Anchor,
    },
    /// Another pair, or the other direction, made the contact for the same address and has hidden it for its deletion.
    TakenOver {
        /// The id of the tenant it was made from, or `static`.
        origin_tenant: String,
    },
    /// The contact was claimed, and is nobody else's any more.
    Claimed,
    /// Staged since then; the grace period is over.
    GraceOver {
        /// Since when.
        since: Timestamp,
    },
    /// The operator asked for it.
    Operator {
        /// The command.
        command: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InScope => out.write_str("in scope and not yet on the other side"),
            Self::SameAddress { address } => write!(out, "a contact there already holds {address}"),
            Self::Fields { why } => out.write_str(&why.join(", ")),
            Self::Upkeep => out.write_str("stamp or reply addresses are brought up to date"),
            Self::Interrupted => out.write_str("an interrupted creation goes on"),
            Self::DeletedOnce => out.write_str("deleted there once by an administrator; made again once"),
            Self::EditWins => out.write_str("the other half was deleted, but this one was edited since: the edit wins"),
            Self::SourceGone => out.write_str("the source was deleted"),
            Self::SourceLeft { reason } => write!(out, "the source left the scope: {reason}"),
            Self::PeerGone => out.write_str("the other half of the peer link was deleted"),
            Self::Back => out.write_str("the source is back in scope"),
            Self::PeerDeletionsOff => out.write_str("by the profile it does not follow the other half, which was deleted"),
            Self::PeerBack => out.write_str("the other half of the peer link is there again"),
            Self::Recreated { was } => write!(out, "the account was re-created under the same address (before: {was})"),
            Self::TakenOver { origin_tenant } => {
                write!(out, "there is a contact for the address, published from tenant {origin_tenant} and hidden for its deletion")
            }
            Self::Claimed => out.write_str("the contact was another pair's, and stands for this one now"),
            Self::GraceOver { since } => write!(out, "staged since {since}; the grace period is over"),
            Self::Operator { command } => write!(out, "asked for by `galbridge {command}`"),
        }
    }
}

impl Why {
    /// The words used in [`Reason::Fields`].
    pub fn words(self) -> &'static str {
        match self {
            Self::Edited => "edited at its source",
            Self::Aside => "addresses were swapped; this one moves aside for a moment",
            Self::Manager => "its manager changed, came or left",
            Self::Drift => "the copy was edited and is put right",
            Self::FillBlank => "a blank is filled",
            Self::Policy => "the policy decides",
        }
    }
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field.
    pub field: Field,
    /// What stands there.
    pub before: Option<String>,
    /// What is written; `None` clears.
    pub after: Option<String>,
}

/// What is written beside fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    /// The hidden flag.
    #[serde(default)]
    pub hidden: Option<bool>,
    /// The stamp; `Some(None)` clears it.
    #[serde(default)]
    pub stamp: Option<Option<Stamp>>,
    /// X.500 addresses to add.
    #[serde(default)]
    pub x500_add: Vec<String>,
    /// X.500 addresses to remove.
    #[serde(default)]
    pub x500_remove: Vec<String>,
    /// A new Name and Alias.
    #[serde(default)]
    pub rename: Option<String>,
}

impl Extras {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The contact that an operation writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Its anchor.
    pub anchor: Anchor,
    /// Its Exchange Guid.
    pub guid: Uuid,
    /// Its Name, as it stands there.
    #[serde(default)]
    pub name: String,
    /// Its stamp, as it stands there.
    #[serde(default)]
    pub stamp: Option<Stamp>,
}

/// One thing that an operation writes, for people: what it is, what stood there, what is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// A field's property, or `HiddenFromAddressListsEnabled`, `Stamp`, `X500`, `Name`.
    pub property: &'static str,
    /// What stood there.
    pub before: Option<String>,
    /// What is written.
    pub after: Option<String>,
}

/// One planned operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// What is done.
    pub action: Action,
    /// The side that is written.
    pub side: Side,
    /// The link it belongs to.
    pub key: LinkKey,
    /// What people call the recipient.
    pub title: String,
    /// The recipient's address.
    pub address: String,
    /// Why.
    pub reason: Reason,
    /// The contact that is written; `None` for creations.
    pub contact: Option<Contact>,
    /// Fields to write.
    pub changes: Vec<FieldChange>,
    /// Everything else to write.
    pub extras: Extras,
    /// The link as it must be stored before the first write (creations and adoptions).
    pub start: Option<Box<Link>>,
    /// What is remembered when it is done.
    pub patch: LinkPatch,
    /// The link of the manager it names, where the same plan publishes the manager too: that comes first.
    pub manager: Option<LinkKey>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

impl Operation {
    /// Everything it changes, for the preview and for the record of the run.
    pub fn told(&self) -> Vec<Told> {
        // Where it was made after all, it is hidden; whether it was nobody knows yet.
        if self.action == Action::Abandon {
            return Vec::new();
        }
        let Extras { hidden, stamp, x500_add, x500_remove, rename } = &self.extras;
        let fields = self.changes.iter().map(|change| Told {
            property: change.field.property(),
            before: change.before.clone(),
            after: change.after.clone(),
        });
        let made = self.contact.is_none();
        let hidden = hidden.map(|hidden| Told {
            property: "HiddenFromAddressListsEnabled",
            before: (!made).then(|| (!hidden).to_string()),
            after: Some(hidden.to_string()),
        });
        let stood = self.contact.as_ref().and_then(|contact| contact.stamp.as_ref());
        let stamp = stamp.as_ref().map(|stamp| Told {
            property: "Stamp",
            before: stood.map(ToString::to_string),
            after: stamp.as_ref().map(ToString::to_string),
        });
        let x500 =
            |before: Option<&String>, after: Option<&String>| Told { property: "X500", before: before.cloned(), after: after.cloned() };
        let name = rename.as_ref().map(|name| Told {
            property: "Name",
            before: self.contact.as_ref().map(|contact| contact.name.clone()),
            after: Some(name.clone()),
        });
        let added = x500_add.iter().map(|address| x500(None, Some(address)));
        let removed = x500_remove.iter().map(|address| x500(Some(address), None));
        let all = fields.chain(hidden).chain(stamp).chain(added).chain(removed).chain(name);
        // Where two pairs may have written, some is written once more.
        all.filter(|told| made || told.before != told.after).collect()
    }

    /// The same without its manager, for a manager who is not there after all.
    #[must_use]
    pub fn without_manager(&self) -> Self {
        let mut bare = self.clone();
        bare.manager = None;
        bare.changes.retain(|change| change.field != crate::Field::Manager);
        bare.patch.base_source.retain(|(field, _)| *field != crate::Field::Manager);
        bare.patch.base_target.retain(|(field, _)| *field != crate::Field::Manager);
        bare
    }

    /// Whether a contact that galbridge had hidden is shown as its own again.
    pub fn shows_again(&self) -> bool {
        self.action == Action::Restore || self.action == Action::Relink && self.extras.hidden == Some(false)
    }

    /// The link once the operation is done: of an account that was made again, the new one's.
    pub fn key_after(&self) -> LinkKey {
        self.patch.rekey.unwrap_or(self.key)
    }

    /// The contact that is written.
    pub(crate) fn object(&self) -> Option<(Side, Anchor)> {
        self.contact.as_ref().map(|contact| (self.side, contact.anchor))
    }

    /// `operation anchor`: how the guard's checksum and an approval name it.
    pub fn id(&self) -> String {
        format!("{} {}", self.action, self.key)
    }

    /// What a person who confirms a plan consents to: what is done, to whom, under which name and address, in which contact.
    ///
    /// Other values are not in it where they follow a source: people edit themselves at any minute, and no plan of a large
    /// directory would last until it is confirmed. What is asked for by hand has its values from a record: there they are in it.
    pub fn pledge(&self) -> String {
        let contact = self.contact.as_ref().map_or_else(String::new, |contact| contact.anchor.to_string());
        let mut text = format!("{} {contact} {:?} {:?}", self.id(), self.address, self.title);
        if matches!(self.reason, Reason::Operator { .. }) {
            // A stamp tells the time.
            let values = self.told().into_iter().filter(|told| told.property != "Stamp");
            text.extend(values.map(|told| format!(" {}={:?}", told.property, told.after)));
        }
        text
    }

    /// Whether an id, as [`Operation::id`] gives it, names a deletion as the guard counts them.
    pub fn id_deletes(id: &str) -> bool {
        let word = id.split(' ').next().unwrap_or_default();
        [Action::Stage, Action::Release].iter().any(|action| action.as_str() == word)
    }

    /// When a staged contact is to be purged, for operations that stage.
    pub fn staged_since(&self) -> Option<Timestamp> {
        match self.patch.phase {
            Some(Phase::Staged { since, .. }) => Some(since),
            Some(Phase::Joining | Phase::Creating { .. } | Phase::Live | Phase::Kept | Phase::Suppressed { .. }) | None => None,
        }
    }
}

/// What is only remembered, without any write to a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "quiet")]
pub enum Quiet {
    /// Bases follow what both sides say now.
    Record,
    /// A lost link is restored from the stamp, or from the Name of a half-done creation.
    Recover,
    /// Two contacts that were there before are linked as peers.
    LinkPeers,
    /// The address is not published any more.
    Suppress {
        /// Why.
        reason: Suppression,
    },
    /// The target's administrator keeps a staged contact.
    Keep,
    /// Nothing is left to remember.
    Forget,
}

/// A change of the stored links alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietChange {
    /// What is remembered.
    pub quiet: Quiet,
    /// The link as it is, or as it is first made.
    pub link: Link,
    /// Whether `link` is new.
    pub new: bool,
    /// What changes in it.
    pub patch: LinkPatch,
    /// What people call the recipient.
    pub title: String,
}
