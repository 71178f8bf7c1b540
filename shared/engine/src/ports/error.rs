//! What can go wrong with a tenant, in the words the engine decides by.

use std::time::Duration;

use thiserror::Error;

/// An error that concerns the whole tenant, not one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TenantError {
    /// Wrong id, app, certificate, consent, role or cloud. A person must act; the message says how.
    #[error("{message}")]
    Configuration {
        /// A short stable word, such as `certificate-not-registered`.
        code: String,
        /// What is wrong, for which tenant, and what to do.
        message: String,
    },
    /// The service is throttling, overloaded or unreachable, and the retries were used up.
    #[error("{message}")]
    Transient {
        /// What was tried and what it answered.
        message: String,
        /// What the service asked to wait, if it said.
        retry_after: Option<Duration>,
    },
    /// The service answered something that the wire contract does not allow.
    #[error("{message}")]
    Protocol {
        /// What was expected and what came.
        message: String,
    },
}

/// An error while reading.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The cursor has expired or was reset (MICROSOFT.md 3.1): read everything again.
    #[error("the cursor has expired; everything is read again")]
    CursorExpired,
    /// The page link has expired (Exchange: minutes): begin this reading again.
    #[error("the page link has expired; this reading begins again")]
    PageExpired,
    /// A scope group does not exist (any more): a hold, never "delete everyone" (law 3).
    #[error("the group {0} does not exist or cannot be read")]
    GroupGone(gal::Anchor),
    /// Anything about the tenant as a whole.
    #[error(transparent)]
    Tenant(#[from] TenantError),
}

/// An error of a library and what caused it, outermost first, in one sentence: for people, without the library's inner workings.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.ends_with(&text) {
            words = format!("{words}: {text}");
        }
        cause = error.source();
    }
    words
}
