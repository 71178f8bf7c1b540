//! The simulator as a process of its own, ended with the demo.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::error::CliError;

/// How long it may take to make the directories.
const START: Duration = Duration::from_secs(60);

/// What the program says of a tenant.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tenant {
    /// Its short name.
    pub(crate) name: String,
    /// Its id.
    pub(crate) id: uuid::Uuid,
    /// The application's id there.
    pub(crate) app_id: uuid::Uuid,
    /// Its domain.
    pub(crate) domain: String,
}

#[derive(Deserialize)]
struct Started {
    address: String,
    tenants: Vec<Tenant>,
}

/// A running simulator. Dropped, it is ended.
pub(crate) struct Simulator {
    /// Where it listens.
    pub(crate) address: String,
    /// Its tenants.
    pub(crate) tenants: Vec<Tenant>,
    child: Child,
}

/// How it is started.
pub(crate) struct Settings<'s> {
    /// This program's own file; the simulator is beside it.
    pub(crate) beside: Option<&'s Path>,
    /// Tenants: name and recipients.
    pub(crate) tenants: [(&'s str, u64); 2],
    /// From which everything is made.
    pub(crate) seed: u64,
    /// Where every exchange is written.
    pub(crate) trace: Option<&'s Path>,
    /// Whether it outlives the demo.
    pub(crate) keep: bool,
}

impl Simulator {
    /// Starts it, and waits until it listens.
    pub(crate) async fn start(settings: &Settings<'_>) -> Result<Self, CliError> {
        let program = program(settings.beside)?;
        let mut command = Command::new(&program);
        command.args(["--listen", "127.0.0.1:0", "--faults", "usual", "--clock", "manual", "--seed", &settings.seed.to_string()]);
        for (name, recipients) in settings.tenants {
            command.args(["--tenant", &format!("{name}:{recipients}")]);
        }
        if let Some(trace) = settings.trace {
            command.arg("--trace").arg(trace);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(!settings.keep);
        if settings.keep {
            // Out of reach of this terminal's Ctrl-C, and of its noise.
            #[cfg(unix)]
            command.process_group(0);
            command.stderr(Stdio::null());
        }
        let failed = |what: String| CliError::failed(format!("{}: {what}", program.display()));
        let mut child = command.spawn().map_err(|error| failed(format!("the simulator cannot be started: {error}")))?;
        let out = child.stdout.take().ok_or_else(|| failed("the simulator has no output".to_owned()))?;
        let mut lines = BufReader::new(out).lines();
        let line = match tokio::time::timeout(START, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None) | Err(_)) => return Err(failed("the simulator ended at once".to_owned())),
            Err(_) => return Err(failed("the simulator did not start in time".to_owned())),
        };
        let started: Started = serde_json::from_str(&line).map_err(|error| failed(format!("its first line is not understood: {error}")))?;
        Ok(Self { address: started.address, tenants: started.tenants, child })
    }

    /// Its process id.
    pub(crate) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it now, although it was to be kept.
    pub(crate) async fn end(mut self) {
        // It has ended by itself otherwise.
        let _ = self.child.kill().await;
    }
}

/// The simulator is built together with this program.
fn program(beside: Option<&Path>) -> Result<PathBuf, CliError> {
    let name = format!("m365-simulator{}", std::env::consts::EXE_SUFFIX);
    let program = beside.map(|own| own.with_file_name(&name)).filter(|program| program.is_file());
    program.ok_or_else(|| CliError::failed(format!("the program {name} is not beside this one; `make demo` builds both")))
}
