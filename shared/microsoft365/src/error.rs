//! What can go wrong before a service answers: a wrong setting, or a broken connection.
//!
//! What a service answers becomes the ports' errors (`engine::ports::{TenantError, ReadError,
//! WriteError}`); the conversions stand next to the service's own error table.

use std::time::Duration;

use thiserror::Error;

/// A host that cannot be used, or an exchange that did not come to an end.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// A host of the settings is not usable.
    #[error("{host:?} cannot be used: {reason}")]
    Host {
        /// As given.
        host: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The HTTP client could not be built.
    #[error("the HTTP client cannot be built: {detail}")]
    Client {
        /// What it said.
        detail: String,
    },
    /// The request certainly did not reach the service: no address, no connection, no TLS.
    #[error("no connection to {host}: {detail}")]
    NotSent {
        /// The host.
        host: String,
        /// What happened.
        detail: String,
    },
    /// The connection broke after the request was sent: it may have been carried out.
    #[error("the connection to {host} broke before the answer was complete: {detail}")]
    Interrupted {
        /// The host.
        host: String,
        /// What happened.
        detail: String,
    },
    /// No answer in time: the request may have been carried out, or be carried out yet.
    #[error("{host} did not answer within {} s", limit.as_secs())]
    TimedOut {
        /// The host.
        host: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The answer is larger than anything the service has a reason to send.
    #[error("the answer of {host} is larger than {limit} bytes; the rest was not read")]
    TooLarge {
        /// The host.
        host: String,
        /// How much would have been taken.
        limit: usize,
    },
}

impl WireError {
    /// Whether the service may have carried the request out.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Host { .. } | Self::Client { .. } | Self::NotSent { .. } => false,
            Self::Interrupted { .. } | Self::TimedOut { .. } | Self::TooLarge { .. } => true,
        }
    }
}
