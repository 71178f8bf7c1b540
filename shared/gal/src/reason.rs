//! Why somebody is not in the list, or why something is done: each in words for a person (law 12).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::field::Field;
use crate::link::Suppression;
use crate::recipient::Kind;

/// Why a recipient is not published, or a linked one is not touched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "skip")]
pub enum SkipReason {
    /// The pair does not publish from this side.
    DirectionClosed,
    /// The kind is not in the profile's `kinds`.
    KindNotPublished {
        /// Its kind.
        kind: Kind,
    },
    /// A Graph user without an Exchange recipient.
    NoExchangeRecipient,
    /// Not all of it has been read yet.
    NotReadYet,
    /// A guest, a `#EXT#` name or a B2B member from elsewhere.
    ExternalIdentity,
    /// galbridge itself published it (law 1).
    Published,
    /// Another tool wrote it (`foreign_marks`).
    ForeignMark {
        /// The mark that matched.
        mark: String,
    },
    /// It holds no mail address.
    NoAddress,
    /// Only `onmicrosoft.com` addresses, which the profile leaves out.
    OnMicrosoftOnly,
    /// It holds no address in the domain that `routing_address` names.
    NoAddressInDomain {
        /// The domain.
        domain: String,
    },
    /// The account is disabled.
    Disabled,
    /// Hidden from address lists in its own tenant.
    Hidden,
    /// In none of the include groups.
    NotInGroups,
    /// An `exclude` rule matched.
    Excluded {
        /// The rule, as in the profile.
        rule: String,
    },
    /// The `when` expression is false for it.
    WhenFalse,
    /// The `when` expression could not be evaluated for it.
    WhenFailed {
        /// What went wrong.
        error: String,
    },
    /// It takes mail from authenticated senders only: a contact for it would bounce.
    AuthenticatedSendersOnly,
    /// A mail contact for a person of a tenant of the profile: that tenant's stand-in, never a peer.
    StandIn {
        /// The tenant whose accepted domain the address is in.
        tenant: String,
    },
    /// The address is in an authoritative domain of the target.
    TargetOwnsDomain {
        /// The domain.
        domain: String,
    },
    /// The address is in an internal-relay domain of the target.
    TargetRelaysDomain {
        /// The domain.
        domain: String,
    },
    /// A linked contact whose domain became authoritative in the target: it must yield (`make-way`).
    MustYield {
        /// The domain.
        domain: String,
    },
    /// Another kind of object of the target holds the address.
    AddressHeld {
        /// The kind of the holder.
        kind: Kind,
        /// What people call it.
        holder: String,
    },
    /// A mail contact that is mastered on-premises holds the address; it is never written.
    HolderDirectorySynced {
        /// What people call it.
        holder: String,
    },
    /// The contact that holds the address was written by another tool.
    HolderForeign {
        /// What people call it.
        holder: String,
    },
    /// The contact that holds the address bears a copy of another contact's stamp.
    CopiedStamp {
        /// What people call it.
        holder: String,
    },
    /// More than one object on the other side fits: never a guess.
    Ambiguous {
        /// What people call them.
        holders: Vec<String>,
    },
    /// Another pair already published this address into the target.
    Covered {
        /// The tenant it came from.
        origin_tenant: String,
    },
    /// The stamp on the holder belongs to another installation.
    OtherInstallation {
        /// That installation.
        installation: String,
    },
    /// Another recipient of this side claims the same address or the same contact.
    ClaimedByAnother {
        /// What people call it.
        other: String,
    },
    /// Not published again until `galbridge unsuppress`.
    Suppressed {
        /// Why.
        reason: Suppression,
    },
    /// The target's administrator keeps a contact that was staged.
    KeptByAdministrator,
    /// The stamp attribute of the contact holds something that is not ours.
    StampReplaced,
    /// The linked contact is mastered on-premises and cannot be written.
    TargetDirectorySynced,
    /// Set aside after a permanent error.
    Quarantined {
        /// The error.
        reason: String,
    },
    /// Waits for the first merge, a full merge after a pilot, or `--limit`.
    NotInMerge,
    /// One half of a peer link left its scope: nothing is merged until it is back.
    PeerOutOfScope,
    /// A deletion that waits until the merge in progress is done: a merge never deletes.
    MergeFirst,
    /// `unpublish` closed the side to writes until the next merge.
    SideClosed,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DirectionClosed => out.write_str("the pair does not publish from this side"),
            Self::KindNotPublished { kind } => write!(out, "kind {kind} is not in the profile's kinds"),
            Self::NoExchangeRecipient => out.write_str("a user without an Exchange recipient"),
            Self::NotReadYet => out.write_str("not completely read yet; the next cycles bring the rest"),
            Self::ExternalIdentity => out.write_str("a guest or B2B identity from elsewhere is never a source"),
            Self::Published => out.write_str("published by galbridge itself, so never published again"),
            Self::ForeignMark { mark } => write!(out, "written by another tool (mark {mark})"),
            Self::NoAddress => out.write_str("holds no mail address"),
            Self::OnMicrosoftOnly => out.write_str("holds onmicrosoft.com addresses only"),
            Self::NoAddressInDomain { domain } => write!(out, "holds no address in {domain}, the routing domain"),
            Self::Disabled => out.write_str("the account is disabled"),
            Self::Hidden => out.write_str("hidden from address lists in its own tenant"),
            Self::NotInGroups => out.write_str("in none of the include groups"),
            Self::Excluded { rule } => write!(out, "excluded by the rule {rule}"),
            Self::WhenFalse => out.write_str("the profile's `when` is false for it"),
            Self::WhenFailed { error } => write!(out, "the profile's `when` failed for it: {error}"),
            Self::AuthenticatedSendersOnly => out.write_str("accepts mail from authenticated senders only; a contact for it would bounce"),
            Self::StandIn { tenant } => write!(out, "stands for a person of tenant {tenant}, so it is no peer"),
            Self::TargetOwnsDomain { domain } => write!(out, "{domain} is an authoritative domain of the target"),
            Self::TargetRelaysDomain { domain } => write!(out, "{domain} is an internal-relay domain of the target"),
            Self::MustYield { domain } => {
                write!(out, "must yield: {domain} became authoritative in the target; run `galbridge make-way`")
            }
            Self::AddressHeld { kind, holder } => write!(out, "the address is held by the {kind} \"{holder}\" of the target"),
            Self::HolderDirectorySynced { holder } => {
                write!(out, "the address is held by the contact \"{holder}\", which is mastered on-premises")
            }
            Self::HolderForeign { holder } => write!(out, "the address is held by the contact \"{holder}\" of another tool"),
            Self::CopiedStamp { holder } => {
                write!(
                    out,
                    "the address is held by the contact \"{holder}\", which bears a copy of another contact's stamp; clear it there"
                )
            }
            Self::Ambiguous { holders } => write!(out, "more than one object on the other side fits: {}", holders.join(", ")),
            Self::Covered { origin_tenant } => write!(out, "covered: already published into the target from tenant {origin_tenant}"),
            Self::OtherInstallation { installation } => {
                write!(out, "the contact belongs to another installation ({installation}); see --take-over")
            }
            Self::ClaimedByAnother { other } => write!(out, "\"{other}\" of the same side claims the same address or contact"),
            Self::Suppressed { reason } => match reason {
                Suppression::DeletedTwice => {
                    out.write_str("suppressed: the target's administrator deleted it twice; see `galbridge unsuppress`")
                }
                Suppression::PeerDeleted => out.write_str("suppressed: one half of the peer link was deleted; see `galbridge unsuppress`"),
                Suppression::MadeWay => out.write_str("suppressed: removed by make-way for a successor"),
                Suppression::Undone => out.write_str("suppressed: `galbridge undo` took its publication back; see `galbridge unsuppress`"),
            },
            Self::KeptByAdministrator => out.write_str("the target's administrator keeps it (unhidden while staged)"),
            Self::StampReplaced => out.write_str("the stamp attribute of the contact holds something else; it is not touched"),
            Self::TargetDirectorySynced => out.write_str("the contact is mastered on-premises; it is never written"),
            Self::Quarantined { reason } => write!(out, "in quarantine: {reason}"),
            Self::NotInMerge => out.write_str("waits for a merge (only linked recipients are served until a full merge)"),
            Self::PeerOutOfScope => out.write_str("one half of the peer link is out of scope; nothing is merged until it is back"),
            Self::MergeFirst => out.write_str("would be taken away, but a merge never deletes; it waits until the merge is done"),
            Self::SideClosed => out.write_str("`unpublish` closed this side to writes until the next merge"),
        }
    }
}

impl SkipReason {
    /// A short, stable word for grouping and for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DirectionClosed => "direction-closed",
            Self::KindNotPublished { .. } => "kind-not-published",
            Self::NoExchangeRecipient => "no-exchange-recipient",
            Self::NotReadYet => "not-read-yet",
            Self::ExternalIdentity => "external-identity",
            Self::Published => "published",
            Self::ForeignMark { .. } => "foreign-mark",
            Self::NoAddress => "no-address",
            Self::OnMicrosoftOnly => "onmicrosoft-only",
            Self::NoAddressInDomain { .. } => "no-address-in-domain",
            Self::Disabled => "disabled",
            Self::Hidden => "hidden",
            Self::NotInGroups => "not-in-groups",
            Self::Excluded { .. } => "excluded",
            Self::WhenFalse => "when-false",
            Self::WhenFailed { .. } => "when-failed",
            Self::AuthenticatedSendersOnly => "authenticated-senders-only",
            Self::StandIn { .. } => "stand-in",
            Self::TargetOwnsDomain { .. } => "target-owns-domain",
            Self::TargetRelaysDomain { .. } => "target-relays-domain",
            Self::MustYield { .. } => "must-yield",
            Self::AddressHeld { .. } => "address-held",
            Self::HolderDirectorySynced { .. } => "holder-directory-synced",
            Self::HolderForeign { .. } => "holder-foreign",
            Self::CopiedStamp { .. } => "copied-stamp",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Covered { .. } => "covered",
            Self::OtherInstallation { .. } => "other-installation",
            Self::ClaimedByAnother { .. } => "claimed-by-another",
            Self::Suppressed { .. } => "suppressed",
            Self::KeptByAdministrator => "kept-by-administrator",
            Self::StampReplaced => "stamp-replaced",
            Self::TargetDirectorySynced => "target-directory-synced",
            Self::Quarantined { .. } => "quarantined",
            Self::NotInMerge => "not-in-merge",
            Self::PeerOutOfScope => "peer-out-of-scope",
            Self::MergeFirst => "merge-first",
            Self::SideClosed => "side-closed",
        }
    }
}

/// Something a person should know of a recipient that is published all the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "note")]
pub enum Note {
    /// A value was longer than Exchange takes, and was cut at a character boundary.
    Cut {
        /// The field.
        field: Field,
        /// The limit, in UTF-16 code units.
        limit: usize,
    },
    /// The template of a field failed for this recipient; the field is left alone.
    TemplateFailed {
        /// The field.
        field: Field,
        /// What went wrong.
        error: String,
    },
    /// The two sides differ since they were joined; overwritten when the source changes, or with `--enforce`.
    Differing {
        /// The field.
        field: Field,
        /// What stands there, and stays.
        stays: Option<String>,
        /// What the source says.
        says: Option<String>,
    },
    /// Both halves of a peer link changed this field differently; the policy holds it for a person.
    Conflict {
        /// The field.
        field: Field,
    },
    /// Somebody edited the published contact; it is put right.
    Drift {
        /// The field.
        field: Field,
    },
    /// The target's administrator hid the contact; it stays hidden.
    HiddenByAdministrator,
    /// Booking from outside needs `ProcessExternalMeetingMessages` on the room.
    RoomBooking,
    /// The manager is not published, so the field is left out.
    ManagerNotPublished,
    /// The target refused the X.500 addresses; they are given up for this recipient.
    X500Refused,
    /// The country is none that Exchange takes, so the field is left alone.
    CountryUnknown,
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut { field, limit } => write!(out, "{field} was cut to {limit} characters"),
            Self::TemplateFailed { field, error } => write!(out, "the template of {field} failed and the field is left alone: {error}"),
            Self::Differing { field, .. } => {
                write!(out, "{field} differs from the source; what stands there stays until the source changes (or --enforce)")
            }
            Self::Conflict { field } => {
                write!(out, "{field} was edited differently on both sides and is held for a person: make both sides say the same")
            }
            Self::Drift { field } => write!(out, "{field} was edited in the copy and is put right"),
            Self::HiddenByAdministrator => out.write_str("hidden by the target's administrator; it stays hidden"),
            Self::RoomBooking => out.write_str("booking from outside needs ProcessExternalMeetingMessages on the room"),
            Self::ManagerNotPublished => out.write_str("the manager is not published, so the field is left out"),
            Self::X500Refused => out.write_str("the target refused the X500 addresses; they are given up for this recipient"),
            Self::CountryUnknown => {
                out.write_str("the country is none that Exchange takes (an ISO code or an English name), so the field is left alone")
            }
        }
    }
}
