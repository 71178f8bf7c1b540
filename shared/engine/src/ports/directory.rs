//! Reading a tenant's address list (MICROSOFT.md 3 and 9).

use async_trait::async_trait;
use gal::reading::{Collection, ExchangeHalf};
use gal::{Anchor, Field};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::{ReadError, TenantError};

/// Where the reading of a Graph collection stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "cursor", content = "link")]
pub enum GraphCursor {
    /// From the beginning: everything.
    #[default]
    Start,
    /// In the middle of the first enumeration: an opaque nextLink.
    Enumerating(String),
    /// In the middle of a round of changes: an opaque nextLink.
    Following(String),
    /// At the end: an opaque deltaLink.
    Delta(String),
}

/// What follows a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextPage {
    /// More pages; the link is opaque.
    More(String),
    /// The round is complete; the deltaLink is opaque.
    Complete(String),
}

/// Why Graph says an object was removed (MICROSOFT.md 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removal {
    /// `changed`: soft-deleted, can come back.
    SoftDeleted,
    /// `deleted`: gone for good.
    Deleted,
}

/// One entry of a delta page. Outside the first enumeration it carries only what changed:
/// `None` = not mentioned, `Some(None)` = explicitly null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryChange {
    /// The object's id.
    pub anchor: Anchor,
    /// `@removed`. Everything else is then unmentioned.
    pub removed: Option<Removal>,
    /// Attribute values (users only), by field.
    pub values: Vec<(Field, Option<String>)>,
    /// `accountEnabled`.
    pub account_enabled: Option<Option<bool>>,
    /// `userPrincipalName`.
    pub user_principal_name: Option<Option<String>>,
    /// `userType`.
    pub user_type: Option<Option<String>>,
    /// `creationType`.
    pub creation_type: Option<Option<String>>,
    /// `onPremisesSyncEnabled`.
    pub on_premises_sync: Option<Option<bool>>,
    /// `mail`.
    pub mail: Option<Option<String>>,
    /// Groups only: direct members were added or removed.
    pub members_changed: bool,
}

impl DirectoryChange {
    /// A change that mentions nothing.
    pub fn new(anchor: Anchor) -> Self {
        Self {
            anchor,
            removed: None,
            values: Vec::new(),
            account_enabled: None,
            user_principal_name: None,
            user_type: None,
            creation_type: None,
            on_premises_sync: None,
            mail: None,
            members_changed: false,
        }
    }
}

/// A page of a Graph delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// The entries, in the order sent; the last one of an object wins.
    pub changes: Vec<DirectoryChange>,
    /// What follows.
    pub next: NextPage,
}

/// Which recipients to ask Exchange for. All times are UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientQuery {
    /// Changed after this moment (`WhenChangedUTC -gt`); deletions never show up.
    ChangedSince(Timestamp),
    /// Created in this window, start included, end excluded (`WhenCreatedUTC`).
    /// `None`: from the first / up to the last.
    CreatedIn {
        /// Start, included.
        from: Option<Timestamp>,
        /// End, excluded.
        to: Option<Timestamp>,
    },
    /// The object with this Guid.
    Guid(Uuid),
    /// The object with this Entra object id.
    Anchor(Anchor),
    /// The object with this Name.
    Name(String),
    /// The objects that hold this SMTP address.
    Address(String),
}

/// A row of `Get-Recipient`. Details are still missing (`half.detailed == false`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeRow {
    /// `ExternalDirectoryObjectId`; `None` while the dual write to Entra is under way, or for objects Entra does not have.
    pub anchor: Option<Anchor>,
    /// The row.
    pub half: ExchangeHalf,
}

impl ExchangeRow {
    /// The id by which the recipient is known: Entra's, or Exchange's Guid for the kinds that Entra does not have.
    pub fn identity(&self) -> Option<Anchor> {
        let exchange_only = matches!(self.half.type_details.as_str(), "DynamicDistributionGroup" | "PublicFolder");
        self.anchor.or_else(|| exchange_only.then_some(Anchor(self.half.guid)))
    }
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangePage<Row> {
    /// The rows.
    pub rows: Vec<Row>,
    /// An opaque link to the next page, valid for minutes.
    pub next: Option<String>,
}

/// The cmdlets that complete a row (MICROSOFT.md 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detail {
    /// `Get-User`: attributes of mailboxes, mail users and guests, legacyExchangeDN.
    User,
    /// `Get-Contact`: attributes of mail contacts.
    Contact,
    /// `Get-MailContact`: legacyExchangeDN, MailTip of mail contacts.
    MailContact,
    /// `Get-Mailbox`: who may send, MailTip.
    Mailbox,
    /// `Get-DistributionGroup`: who may send, legacyExchangeDN.
    DistributionGroup,
    /// `Get-UnifiedGroup`: who may send, legacyExchangeDN.
    UnifiedGroup,
    /// `Get-DynamicDistributionGroup`: who may send, legacyExchangeDN.
    DynamicGroup,
}

/// A row of a detail cmdlet. What a cmdlet does not have stays `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetailRow {
    /// `Guid`.
    pub guid: Uuid,
    /// Attribute values the cmdlet shows; blank ones included as `None`.
    pub values: Vec<(Field, Option<String>)>,
    /// `LegacyExchangeDN`.
    pub legacy_exchange_dn: Option<String>,
    /// `RequireSenderAuthenticationEnabled`.
    pub authenticated_senders_only: Option<bool>,
    /// `Manager`, by Name; `Some("")` where there is none.
    pub manager_name: Option<String>,
}

/// An accepted domain of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AcceptedDomain {
    /// The domain, lower case.
    pub domain: String,
    /// How the tenant accepts it.
    pub domain_type: DomainType,
}

/// How a tenant accepts a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DomainType {
    /// All addresses of it are the tenant's.
    Authoritative,
    /// Some addresses live elsewhere (`InternalRelay`, `ExternalRelay`).
    Relay,
}

/// A dynamic distribution group, for `check` and the first merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicGroup {
    /// What people call it.
    pub name: String,
    /// Its OPATH filter.
    pub filter: String,
}

impl DynamicGroup {
    /// Whether the filter may let a mail contact in. It is not evaluated: one that names recipient types and not contacts
    /// keeps them out, any other may admit them.
    pub fn admits_contacts(&self) -> bool {
        let filter = self.filter.to_lowercase();
        let excluded = filter.contains("galbridge-") || filter.contains("-ne 'mailcontact'");
        let types = filter.contains("recipienttype");
        !excluded && (!types || filter.contains("mailcontact"))
    }
}

/// Reads one tenant.
#[async_trait]
pub trait DirectoryReader: Send + Sync {
    /// One page of a Graph delta. `ReadError::CursorExpired` means: from the start again.
    async fn changes(&self, collection: Collection, cursor: &GraphCursor) -> Result<ChangePage, ReadError>;

    /// One page of `Get-Recipient`; `next` is the link of the page before.
    async fn recipients(&self, query: &RecipientQuery, next: Option<&str>) -> Result<ExchangePage<ExchangeRow>, ReadError>;

    /// One page of a detail cmdlet for the same query.
    async fn details(&self, detail: Detail, query: &RecipientQuery, next: Option<&str>) -> Result<ExchangePage<DetailRow>, ReadError>;

    /// The accepted domains.
    async fn accepted_domains(&self) -> Result<Vec<AcceptedDomain>, ReadError>;

    /// All transitive members of a group, sorted. A group that is gone is `ReadError::GroupGone`.
    async fn transitive_members(&self, group: Anchor) -> Result<Vec<Anchor>, ReadError>;

    /// The dynamic distribution groups, for `check`.
    async fn dynamic_groups(&self) -> Result<Vec<DynamicGroup>, ReadError>;

    /// The groups that a mail contact is a direct member of, by display name (`/contacts/{id}/memberOf`), for `make-way`.
    async fn groups_of(&self, contact: Anchor) -> Result<Vec<String>, ReadError>;

    /// The application roles in the Graph and the Exchange token, for `check`.
    async fn roles(&self) -> Result<Vec<String>, TenantError>;
}
