//! The one place that knows the machine: its clock, its chance, its environment, its terminal.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use credentials::{Passphrase, Secret};
use engine::ports::Clock;
use tenants::SystemClock;
use uuid::Uuid;

use crate::arguments::{Arguments, Global};
use crate::error::{CliError, Exit};
use crate::screen::{Paint, Screen, document};
use crate::stop::Stop;
use crate::verbs;

/// Where the passphrase of encrypted key files is taken from.
pub(crate) const PASSPHRASE_VARIABLE: &str = "GALBRIDGE_KEY_PASSPHRASE";

/// What a command has of the machine.
pub(crate) struct Environment {
    /// Where it writes.
    pub(crate) screen: Screen,
    /// The machine's clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// The passphrase of encrypted key files.
    pub(crate) passphrase: Option<Passphrase>,
    /// Ctrl-C.
    pub(crate) stop: Stop,
    /// This program's own file.
    pub(crate) executable: Option<PathBuf>,
}

impl Environment {
    /// Real chance: what ids and jitter are made from.
    pub(crate) fn seed() -> [u8; 32] {
        rand::random()
    }
}

/// Milliseconds of real time since the process began to ask: what the demo took.
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts it.
    #[expect(clippy::disallowed_methods, reason = "the demo says how long it took")]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// What has passed.
    pub(crate) fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// An id of its own, for the name of a probe.
#[expect(clippy::disallowed_methods, reason = "ids are made in the wiring")]
pub(crate) fn fresh_id() -> Uuid {
    Uuid::new_v4()
}

#[expect(clippy::disallowed_methods, reason = "settings are read once, in the wiring")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn screen(global: &Global) -> Screen {
    let terminal = std::io::stdout().is_terminal();
    let errors = std::io::stderr().is_terminal();
    Screen {
        json: global.json,
        paint: Paint { colours: terminal && variable("NO_COLOR").is_none() && variable("TERM").as_deref() != Some("dumb") },
        bars: errors && !global.json,
        asks: errors && std::io::stdin().is_terminal() && !global.json,
        stack: global.stack.clone(),
    }
}

/// Starts the log: warnings, or what `-v` and `--log` ask for.
fn log(global: &Global, colours: bool) -> Result<(), CliError> {
    let usual = match global.verbose {
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let settings = telemetry::Settings {
        filter: global.log.clone().unwrap_or_else(|| usual.to_owned()),
        ansi: colours,
        ..telemetry::Settings::default()
    };
    telemetry::init(&settings).map_err(|error| CliError::wrong(error.to_string()))
}

/// Tells what is wrong with the arguments, or the help or version that they ask for. Whoever asked for `--json` gets a document.
fn unparsed(problem: &clap::Error) -> Exit {
    let _ = problem.print();
    if !problem.use_stderr() {
        return Exit::InStep;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let text = problem.render().to_string();
        let error = CliError::wrong(text.trim_start_matches("error: ").trim_end());
        document(&error.message, error.exit);
    }
    Exit::WrongInput
}

/// Parses the arguments, and does what they say.
pub(crate) fn run() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(problem) => return unparsed(&problem),
    };
    let screen = screen(&arguments.global);
    let outcome = log(&arguments.global, screen.paint.colours).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::failed(format!("the program cannot start its work: {error}")))?;
        let outcome = runtime.block_on(async {
            let environment = Environment {
                screen: screen.clone(),
                clock: Arc::new(SystemClock),
                passphrase: variable(PASSPHRASE_VARIABLE).map(Secret::new),
                stop: Stop::listen(),
                executable: std::env::current_exe().ok(),
            };
            verbs::run(&environment, arguments).await
        });
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(exit) => exit,
        Err(error) => {
            screen.error(&error);
            error.exit
        }
    }
}
