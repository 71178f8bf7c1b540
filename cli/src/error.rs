//! How a command ends: the five exit codes, and errors that say what to do next.

use std::process::ExitCode;

use credentials::CredentialError;
use engine::act::{Answer, Standing};
use engine::ports::StoreError;
use engine::{EngineError, Fault};
use microsoft365::WireError;

/// How a command ended. The numbers are a promise (`galbridge --help`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Everything is in step, or what was asked for was done.
    InStep = 0,
    /// It failed.
    Failed = 1,
    /// What was given cannot be used.
    WrongInput = 2,
    /// The guard holds, or a person must confirm.
    Held = 3,
    /// Some recipients are in quarantine; everything else is done.
    Quarantined = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Fault> for Exit {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Input => Self::WrongInput,
            Fault::Waits => Self::Held,
            Fault::Failure => Self::Failed,
        }
    }
}

impl From<Standing> for Exit {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::InStep => Self::InStep,
            Standing::Quarantined => Self::Quarantined,
            Standing::Held => Self::Held,
            Standing::Failed => Self::Failed,
        }
    }
}

/// What the exit codes mean, for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  in step: everything due was done, or goes on by itself
  1  failed: a service, the state or the machine; the message says what to do
  2  wrong input: an argument, the profile, a key file, a checksum
  3  held: by the guard, an incomplete reading, a contradiction, a contact that must yield, a lost state, or a pause that refuses a
     command; or a plan or the rest of a command waits for a person
  4  quarantined: some recipients were set aside with a reason, the rest is done";

/// An error with its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct CliError {
    /// The code.
    pub(crate) exit: Exit,
    /// What happened, to which tenant, pair or recipient, and what to do next.
    pub(crate) message: String,
}

impl CliError {
    /// Something given by the person cannot be used.
    pub(crate) fn wrong(message: impl Into<String>) -> Self {
        Self { exit: Exit::WrongInput, message: message.into() }
    }

    /// Something failed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }

    /// A person must say something first.
    pub(crate) fn held(message: impl Into<String>) -> Self {
        Self { exit: Exit::Held, message: message.into() }
    }

    /// An answer to another question than was asked.
    pub(crate) fn unexpected(answer: &Answer) -> Self {
        let kind = serde_json::to_value(answer).ok().and_then(|answer| answer["answer"].as_str().map(str::to_owned)).unwrap_or_default();
        Self::failed(format!("another question was answered than was asked ({kind}): galbridge and the stack are of different versions"))
    }

    /// An error of the file system.
    pub(crate) fn file(path: &std::path::Path, doing: &str, error: &std::io::Error) -> Self {
        Self::failed(format!("{}: it cannot be {doing}: {error}", path.display()))
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        let exit = error.fault().into();
        let message = match &error {
            // The adapter's message names the tenant already, with its id.
            EngineError::Tenant { error, .. } if error.to_string().starts_with("tenant ") => error.to_string(),
            _ => error.to_string(),
        };
        Self { exit, message }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadExport { .. } | StoreError::NotEmpty { .. } => Self::wrong(error.to_string()),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<CredentialError> for CliError {
    fn from(error: CredentialError) -> Self {
        Self::wrong(error.to_string())
    }
}

impl From<WireError> for CliError {
    fn from(error: WireError) -> Self {
        Self::wrong(error.to_string())
    }
}
