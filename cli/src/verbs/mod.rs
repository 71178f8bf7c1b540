//! The verbs, one module a subject.

mod certificate;
mod check;
mod history;
mod leave;
mod look;
mod merge;
mod operate;
mod probe;
mod profile;
mod run;
mod state;
mod status;

use clap::CommandFactory as _;
use engine::records::RunSummary;
use engine::snapshot::{SnapshotOptions, SnapshotReport};

use crate::arguments::{Arguments, CertificateVerb, Global, MergeChoice, Mode, ProfileVerb, StateVerb, Verb};
use crate::demo;
use crate::error::{CliError, Exit};
use crate::session::Session;
use crate::wiring::Environment;

pub(crate) use certificate::make as make_certificate;
pub(crate) use merge::choice_of;

/// Does what the arguments say.
pub(crate) async fn run(environment: &Environment, arguments: Arguments) -> Result<Exit, CliError> {
    let Arguments { global, verb } = arguments;
    let global = &global;
    match verb {
        Verb::Check { probe, tenant } => check::check(environment, global, probe, tenant.as_deref()).await,
        Verb::Plan(arguments) => look::plan(environment, global, &arguments).await,
        Verb::Snapshot { full } => look::snapshot(environment, global, full).await,
        Verb::Merge(arguments) => merge::merge(environment, global, &arguments).await,
        Verb::Run(arguments) => run::run(environment, global, &arguments).await,
        Verb::Status => status::status(environment, global).await,
        Verb::Runs { run, limit } => history::runs(environment, global, run.as_deref(), limit).await,
        Verb::Explain { address } => history::explain(environment, global, &address).await,
        Verb::Approve { checksum } => operate::approve(environment, global, &checksum).await,
        Verb::Pause { reason } => operate::pause(environment, global, Some(&reason)).await,
        Verb::Resume => operate::pause(environment, global, None).await,
        Verb::MakeWay { address, yes } => operate::make_way(environment, global, &address, yes).await,
        Verb::Unsuppress { address } => operate::unsuppress(environment, global, &address).await,
        Verb::Unpublish(arguments) => leave::unpublish(environment, global, &arguments).await,
        Verb::Rebuild { confirmation } => leave::rebuild(environment, global, &confirmation).await,
        Verb::Certificate(CertificateVerb::New { tenant, out, days }) => {
            certificate::new(environment, global, tenant.as_deref(), out, days).await
        }
        Verb::Certificate(CertificateVerb::Show) => certificate::show(environment, global).await,
        Verb::Profile(ProfileVerb::Check) => profile::check(environment, global),
        Verb::Profile(ProfileVerb::Schema) => profile::schema(),
        Verb::State(StateVerb::Export { file }) => state::export(environment, global, &file).await,
        Verb::State(StateVerb::Import { file, replace }) => state::import(environment, global, &file, replace).await,
        Verb::Completions { shell } => completions(shell),
        Verb::Demo(arguments) => demo::demo(environment, global, &arguments).await,
    }
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "galbridge", &mut script);
    crate::screen::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::InStep)
}

/// Reads both sides until they are read, or until the person asks to stop.
pub(crate) async fn read(environment: &Environment, session: &Session, full: bool) -> Result<SnapshotReport, CliError> {
    read_sides(environment, session, SnapshotOptions { full, only: None }).await
}

/// Reads the sides that the options name.
pub(crate) async fn read_sides(
    environment: &Environment,
    session: &Session,
    mut options: SnapshotOptions,
) -> Result<SnapshotReport, CliError> {
    loop {
        let report = session.engine.snapshot(&session.pair, options, session.no_hurry()).await;
        session.bars.clear();
        let report = report?;
        if environment.stop.asked() {
            return Err(CliError::failed(format!(
                "pair {}: stopped while reading; what was read is kept, and the next run goes on",
                session.pair
            )));
        }
        if !report.unfinished {
            return Ok(report);
        }
        options.full = false;
    }
}

/// One cycle, without a deadline.
pub(crate) async fn cycle(
    environment: &Environment,
    session: &Session,
    full: bool,
) -> Result<(SnapshotReport, Option<RunSummary>), CliError> {
    run::one(environment, session, full, None).await
}

/// How the pair stands, as an exit code.
pub(crate) async fn standing(session: &Session) -> Result<Exit, CliError> {
    let state = session.engine.state(&session.pair).await?;
    if state.writing.holds.a.is_some() || state.writing.holds.b.is_some() {
        return Ok(Exit::Held);
    }
    if session.engine.quarantined(&session.pair).await?.is_empty() { Ok(Exit::InStep) } else { Ok(Exit::Quarantined) }
}

/// How a run ended, as an exit code.
pub(crate) async fn ended(session: &Session, run: Option<&RunSummary>) -> Result<Exit, CliError> {
    match run.map(|run| &run.outcome) {
        Some(engine::records::Outcome::Failed(_)) => Ok(Exit::Failed),
        Some(engine::records::Outcome::Held(_)) => Ok(Exit::Held),
        Some(engine::records::Outcome::Completed | engine::records::Outcome::Partial(_)) | None => standing(session).await,
    }
}

/// The word for a merge of this mode and choice.
pub(crate) fn merge_words(mode: Mode, choice: &MergeChoice) -> String {
    let mut words = match mode {
        Mode::TwoWay => "merge, two-way".to_owned(),
        Mode::AToB => "merge, a is the truth".to_owned(),
        Mode::BToA => "merge, b is the truth".to_owned(),
        Mode::LinkOnly => "merge, links only".to_owned(),
    };
    if let Some(limit) = choice.limit {
        words.push_str(&format!(", at most {limit} recipients"));
    }
    if let Some(group) = choice.group {
        words.push_str(&format!(", members of {group}"));
    }
    for (chosen, word) in
        [(choice.enforce, ", overwriting what differs"), (choice.take_over, ", taking over other installations' contacts")]
    {
        if chosen {
            words.push_str(word);
        }
    }
    words
}

/// The options that must be repeated so that a printed command means the same profile, state and pair.
pub(crate) fn repeated(global: &Global) -> String {
    let mut text = String::new();
    let mut push = |name: &str, value: &str| text.push_str(&format!(" {name} {}", quoted(value)));
    if global.profile != std::path::Path::new("galbridge.toml") {
        push("--profile", &global.profile.display().to_string());
    }
    if let Some(state) = &global.state {
        push("--state", &state.display().to_string());
    }
    if let Some(pair) = &global.pair {
        push("--pair", pair);
    }
    if let Some(simulator) = &global.simulator {
        push("--simulator", simulator);
    }
    text
}

/// A word as a shell takes it.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+,:@%=".contains(letter);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
