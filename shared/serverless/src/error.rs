//! Why an event cannot be served.

use credentials::CredentialError;
use engine::ports::StoreError;
use engine::{EngineError, Fault};
use thiserror::Error;

/// An event could not be served. The message says what to do next; nothing was written to a tenant, unless the run that is
/// recorded says so.
#[derive(Debug, Error)]
pub enum ServerlessError {
    /// The template did not tell something.
    #[error("the setting {name} {problem}; deploy the stack again from an unchanged template.yaml")]
    Setting {
        /// The environment variable.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The stack has no profile yet.
    #[error("table {table} holds no profile: push one with `galbridge --stack NAME profile push`")]
    NoProfile {
        /// The table.
        table: String,
    },
    /// The stored profile is not one.
    #[error("the stored profile cannot be used; mend it and push it again: {0}")]
    Profile(String),
    /// The profile and the table belong to different installations.
    #[error(
        "the table belongs to the installation {stored}, the profile to {profile}: write installation = \"{stored}\" into the profile and push it again"
    )]
    Installation {
        /// The table's.
        stored: String,
        /// The profile's.
        profile: String,
    },
    /// A credential cannot be had.
    #[error("tenant {tenant}: {error}")]
    Credential {
        /// The tenant.
        tenant: String,
        /// Why.
        error: CredentialError,
    },
    /// A certificate cannot be rolled. The current one stays in use.
    #[error("tenant {tenant}: its certificate is not rolled: {detail}")]
    Rotation {
        /// The tenant.
        tenant: String,
        /// Why, and what to do.
        detail: String,
    },
    /// A tenant cannot be connected to.
    #[error(transparent)]
    Connect(#[from] tenants::ConnectError),
    /// An event that is not understood.
    #[error("this event is not understood: {0}")]
    Event(String),
    /// A message of another version.
    #[error(
        "this is a message of version {found}, and this function knows version {known}: deploy all functions of the stack from one version"
    )]
    Version {
        /// The message's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The queue does not take the wake-up.
    #[error("pair {pair}: the queue did not take the wake-up: {detail}; the next tick sends another")]
    Queue {
        /// The pair.
        pair: String,
        /// Why.
        detail: String,
    },
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl ServerlessError {
    /// Whose turn it is: the command ends with the exit code for it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Engine(error) => error.fault(),
            Self::NoProfile { .. }
            | Self::Profile(_)
            | Self::Installation { .. }
            | Self::Credential { .. }
            | Self::Connect(_)
            | Self::Event(_)
            | Self::Version { .. } => Fault::Input,
            Self::Setting { .. } | Self::Rotation { .. } | Self::Queue { .. } => Fault::Failure,
        }
    }
}

impl From<StoreError> for ServerlessError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}
