//! Who is a source, as the profile says it.

use serde::Serialize;

use crate::expression::Name;
use crate::field::Field;
use crate::recipient::{Anchor, Kind};

/// Who is a source, before it is compiled. `Default` is what a profile means that says nothing.
///
/// `Serialize` is for fingerprints: equal settings serialize equally.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeSettings {
    /// Kinds that are published. Default: all that may be named but mail users.
    pub kinds: Vec<Kind>,
    /// Entra groups; only their transitive members are published. Empty: everybody.
    pub include_groups: Vec<Anchor>,
    /// Recipients that one of these rules matches are not published.
    pub exclude: Vec<ExcludeRule>,
    /// An expression that must be true, for what the lists cannot say.
    pub when: Option<String>,
    /// Publish recipients that have `onmicrosoft.com` addresses only. Default: no.
    pub include_onmicrosoft: bool,
    /// Which address mail to the published contact is sent to.
    pub routing: RoutingAddress,
    /// What other tools wrote: neither source nor adopted.
    pub foreign_marks: Vec<ForeignMark>,
    /// Addresses of recipients that are included by name: for them the account may be disabled,
    /// and `include_groups`, `exclude` and `when` are not asked. Everything else still holds.
    pub include: Vec<String>,
    /// What to do about recipients that accept mail from authenticated senders only.
    pub authenticated_senders: AuthenticatedSenders,
}

impl Default for ScopeSettings {
    fn default() -> Self {
        Self {
            kinds: Kind::NAMED.iter().map(|(kind, _)| *kind).filter(|kind| *kind != Kind::MailUser).collect(),
            include_groups: Vec::new(),
            exclude: Vec::new(),
            when: None,
            include_onmicrosoft: false,
            routing: RoutingAddress::Primary,
            foreign_marks: Vec::new(),
            include: Vec::new(),
            authenticated_senders: AuthenticatedSenders::Skip,
        }
    }
}

/// A rule of `exclude`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExcludeRule {
    /// What it looks at.
    pub field: Name,
    /// What it asks.
    pub test: Test,
}

impl Serialize for ExcludeRule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.field.key(), &self.test).serialize(serializer)
    }
}

/// The question of an exclude rule. Upper and lower case are alike in all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// Is the value this one? Of `address`: does the recipient hold it? `""` is a blank value.
    Equals(String),
    /// Does this regular expression match somewhere in it? Of `address`: in the routing address.
    Matches(String),
    /// Is the value one of these? Of `address`: does the recipient hold one?
    In(Vec<String>),
    /// Is the routing address in one of these domains? Of `address` only; subdomains do not count.
    Domain(Vec<String>),
}

/// The mark of another tool: an attribute whose value a regular expression matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForeignMark {
    /// Where it stands.
    pub place: MarkPlace,
    /// The regular expression; upper and lower case are alike.
    pub matches: String,
}

/// Where the mark of another tool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum MarkPlace {
    /// In an attribute.
    Field(Field),
    /// In Exchange's Name.
    Name,
}

impl MarkPlace {
    /// The key, as in the profile.
    pub fn key(self) -> &'static str {
        match self {
            Self::Field(field) => field.row().key,
            Self::Name => "name",
        }
    }
}

/// Which address mail to the published contact is sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum RoutingAddress {
    /// The primary one. Where that is an `onmicrosoft.com` address that is left out: the first
    /// other one, in alphabetical order.
    #[default]
    Primary,
    /// One in this domain: the primary one if it is, else the first in alphabetical order. Mail
    /// contacts and mail users keep their external address, wherever it is.
    Domain(String),
}

/// What to do about recipients that accept mail from authenticated senders only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthenticatedSenders {
    /// They are no sources: mail from the other tenant would bounce.
    #[default]
    Skip,
    /// They are published all the same.
    Publish,
}
