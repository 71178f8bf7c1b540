//! The stamp: how a published contact says what it is, even when the state is lost.
//!
//! A stamp stands in one custom attribute of the tenant (`stamp_attribute`). `New-MailContact`
//! cannot write custom attributes, so from its first moment a made contact is known by its Name,
//! which is computed from its origin and begins with [`NAME_PREFIX`] (MICROSOFT.md 5, crash window).

use std::fmt;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::link::{Provenance, Role};
use crate::recipient::Anchor;

/// What every Name given by galbridge begins with.
pub const NAME_PREFIX: &str = "galbridge-";

/// The first word of a stamp of this version.
const STAMP_WORD: &str = "galbridge1";

/// The mark on a published contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The installation (stack) that published it.
    pub installation: String,
    /// The id of the tenant the person belongs to, or `static` for a static contact.
    pub origin_tenant: String,
    /// The person's immutable id there.
    pub anchor: Anchor,
    /// Whether galbridge made the contact or found it.
    pub provenance: Provenance,
    /// Whether the owner wins, or both sides edit.
    pub role: Role,
    /// Since when it is staged for deletion.
    pub staged: Option<Timestamp>,
}

/// What stands in the stamp attribute of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    #[default]
    None,
    /// A stamp, of this installation or another.
    Stamp(Stamp),
    /// Something that is not ours; never overwritten.
    Foreign(String),
}

impl Mark {
    /// Reads the value of a stamp attribute.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            return Self::None;
        }
        Stamp::parse(text).map_or_else(|| Self::Foreign(text.to_owned()), Self::Stamp)
    }

    /// The stamp, if there is one.
    pub fn stamp(&self) -> Option<&Stamp> {
        match self {
            Self::Stamp(stamp) => Some(stamp),
            Self::None | Self::Foreign(_) => None,
        }
    }
}

impl fmt::Display for Stamp {
    /// `galbridge1|installation|origin tenant|anchor|made|projection|staging date or -`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{STAMP_WORD}|{}|{}|{}|{}|{}|", self.installation, self.origin_tenant, self.anchor, self.provenance, self.role)?;
        match self.staged {
            Some(staged) => write!(formatter, "{}", staged.as_second()),
            None => formatter.write_char('-'),
        }
    }
}

impl Stamp {
    /// Reads a stamp; `None` if the text is none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('|');
        if parts.next()? != STAMP_WORD {
            return None;
        }
        let stamp = Self {
            installation: parts.next().filter(|text| !text.is_empty())?.to_owned(),
            origin_tenant: parts.next().filter(|text| !text.is_empty())?.to_owned(),
            anchor: parts.next()?.parse().ok()?,
            provenance: Provenance::from_word(parts.next()?)?,
            role: Role::from_word(parts.next()?)?,
            staged: match parts.next()? {
                "-" => None,
                seconds => Some(Timestamp::from_second(seconds.parse().ok()?).ok()?),
            },
        };
        parts.next().is_none().then_some(stamp)
    }

    /// The key by which the holder index finds a stamped object by its origin.
    pub fn holder_key(origin_tenant: &str, anchor: Anchor) -> String {
        format!("stamp:{origin_tenant}/{anchor}")
    }
}

/// The Name and Alias of the contact made for an origin: at most 64 characters, only letters,
/// digits and dashes, the same at every attempt, so that a half-done creation is found again.
pub fn made_name(installation: &str, origin_tenant: &str, anchor: Anchor) -> String {
    let digest = Sha256::digest(format!("{installation}/{origin_tenant}/{anchor}"));
    format!("{NAME_PREFIX}{}", hex::encode(&digest[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Stamp {
        Stamp {
            installation: "inst".into(),
            origin_tenant: "11111111-1111-1111-1111-111111111111".into(),
            anchor: "33333333-3333-3333-3333-333333333333".parse().unwrap(),
            provenance: Provenance::Made,
            role: Role::Projection,
            staged: Some(Timestamp::from_second(1_760_000_000).unwrap()),
        }
    }

    #[test]
    fn a_stamp_reads_back() {
        for provenance in [Provenance::Made, Provenance::Found] {
            for role in [Role::Projection, Role::Peer] {
                for staged in [None, stamp().staged] {
                    let stamp = Stamp { provenance, role, staged, ..stamp() };
                    assert_eq!(Mark::parse(&stamp.to_string()), Mark::Stamp(stamp));
                }
            }
        }
    }

    #[test]
    fn what_is_not_exactly_a_stamp_is_foreign() {
        for text in ["XTSYNC|t|u|1", "galbridge1", "galbridge1|i|t|not-an-id|made|peer|-", &format!("{}|more", stamp())] {
            assert_eq!(Mark::parse(text), Mark::Foreign(text.to_owned()));
        }
        assert_eq!(Mark::parse("  "), Mark::None);
    }

    #[test]
    fn a_made_name_fits_name_and_alias() {
        let name = made_name("i", "t", stamp().anchor);
        assert!(name.len() <= 64 && name.starts_with(NAME_PREFIX));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
        assert_ne!(name, made_name("j", "t", stamp().anchor));
    }
}
