//! Plays two-way synchronisation scenarios against the core and the engine.
//!
//! `scenarios FILE [--level core|engine] [--only ID]` takes any file of the format
//! `sync-scenarios/1`, prints `ID passed|failed|not applicable: REASON` for each scenario and last
//! `N passed, N failed, N skipped`. Without `--level` both levels are played, and
//! a scenario passes if it passes wherever it applies. Exit code 1: a
//! scenario failed; 2: the file or the arguments are wrong.
//!
//! The mapping: records are mail contacts, a key is an external address (`KEY@example.net`), fields
//! are attributes ([`lexicon`]); peers, `peer_deletions` on, grace 0, the guard off unless the
//! scenario sets it ([`pair`]). `base: null` is `merge two-way` with `first_sync` as the policy;
//! otherwise the base is made on both sides and linked, and what differs from it is played as
//! edits of administrators ([`play`]). `resync` is `merge two-way`, `force` is `approve`, `report`
//! is `hold`. Which scenarios do not apply, and why, is decided by rules ([`applies`]).

#![allow(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    clippy::match_same_arms,
    reason = "a tool for developers: plain shapes before fine ones"
)]

mod applies;
mod check;
mod core_level;
mod engine_level;
mod format;
mod level;
mod lexicon;
mod mirror;
mod model;
mod pair;
mod play;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::core_level::CoreLevel;
use crate::engine_level::EngineLevel;
use crate::format::{FORMAT, File, Scenario};
use crate::level::{Broken, LevelName};
use crate::lexicon::Lexicon;

/// Plays two-way synchronisation scenarios against galbridge's core and engine.
#[derive(Debug, Parser)]
#[command(name = "scenarios")]
struct Arguments {
    /// A file of the format sync-scenarios/1.
    file: PathBuf,
    /// Only this level; both if it is not given.
    #[arg(long, value_enum)]
    level: Option<LevelName>,
    /// Only the scenario with this id.
    #[arg(long, value_name = "ID")]
    only: Option<String>,
    /// With the sides swapped: swapping the sides must swap the result.
    #[arg(long)]
    mirrored: bool,
}

/// How a scenario ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    /// Everything was as expected.
    Passed,
    /// What was not.
    Failed(String),
    /// Why it does not apply.
    NotApplicable(String),
}

/// The last line.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(Counts { failed: 0, .. }) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "scenarios: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Counts, String> {
    let mut scenarios = load(&arguments.file)?;
    if arguments.mirrored {
        scenarios = scenarios.iter().map(mirror::mirrored).collect();
    }
    let chosen: Vec<&Scenario> = scenarios.iter().filter(|scenario| arguments.only.as_ref().is_none_or(|id| *id == scenario.id)).collect();
    if chosen.is_empty() {
        return Err(match &arguments.only {
            Some(id) => format!("{} has no scenario {id}", arguments.file.display()),
            None => format!("{} has no scenarios", arguments.file.display()),
        });
    }
    let mut counts = Counts::default();
    let mut out = std::io::stdout().lock();
    for scenario in chosen {
        let line = match ended(scenario, arguments.level) {
            Ended::Passed => {
                counts.passed += 1;
                format!("{} passed", scenario.id)
            }
            Ended::Failed(reason) => {
                counts.failed += 1;
                format!("{} failed: {reason}", scenario.id)
            }
            Ended::NotApplicable(reason) => {
                counts.skipped += 1;
                format!("{} not applicable: {reason}", scenario.id)
            }
        };
        writeln!(out, "{line}").map_err(|error| error.to_string())?;
    }
    writeln!(out, "{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped).map_err(|error| error.to_string())?;
    Ok(counts)
}

/// Reads a file; what is wrong with it, with its place.
fn load(path: &Path) -> Result<Vec<Scenario>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let file: File =
        serde_json::from_str(&text).map_err(|error| format!("{}:{}:{}: {error}", path.display(), error.line(), error.column()))?;
    if file.format != FORMAT {
        return Err(format!("{}: the format is `{}`, this driver reads `{FORMAT}`", path.display(), file.format));
    }
    Ok(file.scenarios)
}

/// Plays one scenario on one level, or on both: then it passes if it passes wherever it applies.
fn ended(scenario: &Scenario, level: Option<LevelName>) -> Ended {
    let Some(level) = level else {
        return match (one(scenario, LevelName::Core), one(scenario, LevelName::Engine)) {
            (Ended::Failed(core), Ended::Failed(engine)) => Ended::Failed(format!("core: {core}; engine: {engine}")),
            (Ended::Failed(reason), _) => Ended::Failed(format!("core: {reason}")),
            (_, Ended::Failed(reason)) => Ended::Failed(format!("engine: {reason}")),
            (Ended::NotApplicable(_), other) | (other, Ended::NotApplicable(_)) => other,
            (Ended::Passed, Ended::Passed) => Ended::Passed,
        };
    };
    one(scenario, level)
}

/// Plays one scenario on one level.
fn one(scenario: &Scenario, level: LevelName) -> Ended {
    let lexicon = match Lexicon::of(scenario) {
        Ok(lexicon) => lexicon,
        Err(reason) => return Ended::NotApplicable(reason),
    };
    if let Some(reason) = applies::against(scenario, &lexicon, level) {
        return Ended::NotApplicable(reason);
    }
    let played = match level {
        LevelName::Core => play::play(&mut CoreLevel::new(&lexicon), scenario, &lexicon),
        LevelName::Engine => EngineLevel::new(&lexicon).and_then(|mut level| play::play(&mut level, scenario, &lexicon)),
    };
    match played {
        Ok(wrong) if wrong.is_empty() => Ended::Passed,
        Ok(wrong) => Ended::Failed(in_one_line(&wrong.join("; "))),
        Err(Broken(reason)) => Ended::Failed(in_one_line(&reason)),
    }
}

/// A reason in one line, whatever it quotes.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
