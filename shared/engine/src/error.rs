//! What a use-case can fail with. Every message says what happened, to whom, and what to do next.

use gal::Side;
use thiserror::Error;

use crate::ports::{ReadError, StoreError, TenantError};

/// A use-case could not be carried out.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The profile has no such pair.
    #[error("the profile has no pair {pair}; it has: {known}")]
    UnknownPair {
        /// What was asked for.
        pair: String,
        /// What there is.
        known: String,
    },
    /// No connection was given for a tenant.
    #[error("tenant {tenant}: no connection is configured (credential, app id)")]
    NoConnection {
        /// The tenant.
        tenant: String,
    },
    /// A tenant as a whole cannot be read or written.
    #[error("tenant {tenant}: {error}")]
    Tenant {
        /// The tenant.
        tenant: String,
        /// What is wrong and what to do.
        error: TenantError,
    },
    /// A reading failed in a way that only repetition can mend.
    #[error("tenant {tenant}: {error}")]
    Read {
        /// The tenant.
        tenant: String,
        /// What is wrong.
        error: ReadError,
    },
    /// The state store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plan that is to be confirmed is not the plan that was shown.
    #[error("the plan has changed since it was shown ({shown} then, {now} now); look at it again and confirm the new one")]
    PlanChanged {
        /// The checksum that was given.
        shown: String,
        /// The checksum of the present plan.
        now: String,
    },
    /// Nothing waits for this approval.
    #[error("pair {pair}: no hold waits for the checksum {checksum}; `galbridge status` shows what waits")]
    NothingToApprove {
        /// The pair.
        pair: String,
        /// What was given.
        checksum: String,
    },
    /// A hold that cannot be approved.
    #[error("pair {pair}, writes into side {side}: an incomplete reading cannot be approved; mend the reading first")]
    CannotApprove {
        /// The pair.
        pair: String,
        /// The target side.
        side: Side,
    },
    /// The first merge would change who gets the mail of dynamic distribution groups.
    #[error(
        "pair {pair}: nothing was written: published contacts would become members of dynamic distribution groups and get their mail: {groups}. Exclude Name -like 'galbridge-*' in their filters, or accept it with --accept-dynamic-groups"
    )]
    DynamicGroups {
        /// The pair.
        pair: String,
        /// The groups, each with its tenant.
        groups: String,
    },
    /// The reading was stopped, or its time was up.
    #[error("pair {pair}: stopped while reading; what was read is kept, and the next run goes on")]
    ReadingStopped {
        /// The pair.
        pair: String,
    },
    /// The profile means another directory by the name of a tenant than the one that was read until now.
    #[error(
        "pair {pair}, side {side}: the tenant {tenant} was {was} until now, and the profile says {now}: nothing was read or written. Put the \
         id back; a tenant that is truly another one gets a name of its own in the profile"
    )]
    AnotherTenant {
        /// The pair.
        pair: String,
        /// The side.
        side: Side,
        /// The tenant's name.
        tenant: String,
        /// The id that was read until now.
        was: String,
        /// The profile's.
        now: String,
    },
    /// A person paused the pair.
    #[error("pair {pair} is paused ({reason}); nothing was begun: `galbridge resume` first")]
    Paused {
        /// The pair.
        pair: String,
        /// What was said then.
        reason: String,
    },
    /// The request itself cannot be served.
    #[error("{0}")]
    Refused(String),
}

/// Whose turn it is after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What was asked or given cannot be used.
    Input,
    /// Something waits for a person's word.
    Waits,
    /// A service, the state or the machine failed.
    Failure,
}

impl EngineError {
    /// Whose turn it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::UnknownPair { .. }
            | Self::NoConnection { .. }
            | Self::NothingToApprove { .. }
            | Self::PlanChanged { .. }
            | Self::AnotherTenant { .. }
            | Self::Refused(_) => Fault::Input,
            Self::CannotApprove { .. } | Self::DynamicGroups { .. } | Self::Paused { .. } => Fault::Waits,
            Self::Tenant { .. } | Self::Read { .. } | Self::ReadingStopped { .. } | Self::Store(_) => Fault::Failure,
        }
    }

    pub(crate) fn read(tenant: &str, error: ReadError) -> Self {
        match error {
            ReadError::Tenant(error) => Self::Tenant { tenant: tenant.to_owned(), error },
            ReadError::CursorExpired | ReadError::PageExpired | ReadError::GroupGone(_) => Self::Read { tenant: tenant.to_owned(), error },
        }
    }
}
