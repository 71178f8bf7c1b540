//! Writing mail contacts into a tenant (MICROSOFT.md 4 and 5).

use async_trait::async_trait;
use gal::{Anchor, Field};
use jiff::SignedDuration;
use thiserror::Error;
use uuid::Uuid;

use super::error::TenantError;

/// What `New-MailContact` takes. Everything else needs a second and third call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// `Name`, unique in the tenant, at most 64 characters.
    pub name: String,
    /// `Alias`, unique, at most 64 characters.
    pub alias: String,
    /// `ExternalEmailAddress`.
    pub address: String,
    /// `DisplayName`.
    pub display_name: String,
    /// `FirstName`.
    pub first_name: Option<String>,
    /// `LastName`.
    pub last_name: Option<String>,
    /// `Initials`.
    pub initials: Option<String>,
}

/// What `New-MailContact` answered, or a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedContact {
    /// Exchange's `Guid`.
    pub guid: Uuid,
    /// `ExternalDirectoryObjectId`, if already known.
    pub anchor: Option<Anchor>,
}

/// A change of a contact: only what changes is sent (law 10). The adapter splits it between
/// `Set-MailContact` and `Set-Contact` by the field table and sends a cmdlet only if it has work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactChange {
    /// Fields to write; `None` clears.
    pub values: Vec<(Field, Option<String>)>,
    /// A new `Name` and `Alias` (a twin that becomes the administrator's).
    pub name: Option<String>,
    /// `HiddenFromAddressListsEnabled`.
    pub hidden: Option<bool>,
    /// The stamp attribute and its value; `None` clears it.
    pub stamp: Option<(Field, Option<String>)>,
    /// X.500 addresses to add, without prefix.
    pub x500_add: Vec<String>,
    /// X.500 addresses to remove, without prefix.
    pub x500_remove: Vec<String>,
}

impl ContactChange {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// What went wrong with one write.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The object does not exist (any more), after the retries for replication lag.
    #[error("the contact does not exist (any more)")]
    NotFound,
    /// Another object holds the address.
    #[error("the address is already held: {message}")]
    AddressInUse {
        /// What Exchange said, with the holder.
        message: String,
    },
    /// An X.500 address was refused, or is held by another object.
    #[error("the X500 addresses were refused: {message}")]
    X500Refused {
        /// What Exchange said.
        message: String,
    },
    /// Another object has the Name.
    #[error("the Name is already used")]
    NameInUse,
    /// It is not known whether the write happened (time-out, 5xx, a dropped connection).
    #[error("the outcome is not known: {message}")]
    Unknown {
        /// What happened.
        message: String,
    },
    /// The object is mastered on-premises.
    #[error("the object is mastered on-premises and cannot be written here")]
    DirectorySynced,
    /// The tenant's creation quota is used up: creations pause, updates go on.
    #[error("the tenant's creation quota is used up")]
    CreationQuota,
    /// Exchange refuses this write for good (bad address, a value it does not take …).
    #[error("{message}")]
    Refused {
        /// What Exchange said.
        message: String,
    },
    /// Anything about the tenant as a whole.
    #[error(transparent)]
    Tenant(#[from] TenantError),
}

/// Writes one tenant. Every method sends exactly the cmdlets it names, with the adapter's retries
/// for throttling and for replication lag after our own creation, but never a creation twice.
#[async_trait]
pub trait ContactWriter: Send + Sync {
    /// `New-MailContact`, once. After `Unknown` look the Name up before anything else.
    async fn create(&self, contact: &NewContact) -> Result<CreatedContact, WriteError>;

    /// `Set-MailContact` and/or `Set-Contact`; idempotent, so it is repeated after unknown outcomes.
    async fn change(&self, contact: Uuid, change: &ContactChange) -> Result<(), WriteError>;

    /// `Remove-MailContact`. An object that is not there is success.
    async fn remove(&self, contact: Uuid) -> Result<(), WriteError>;

    /// The same for a guest: `Set-MailUser` and/or `Set-User` (policy `adopt-guest`).
    async fn change_guest(&self, guest: Uuid, change: &ContactChange) -> Result<(), WriteError>;

    /// How many requests may be in flight for this tenant.
    fn concurrency(&self) -> usize;

    /// How far the service's clock is ahead of this machine's, once it complained; else nothing.
    fn clock_skew(&self) -> SignedDuration {
        SignedDuration::ZERO
    }
}
