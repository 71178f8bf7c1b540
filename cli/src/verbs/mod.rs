//! The verbs, one module a subject.

mod certificate;
mod check;
mod fleet;
mod history;
mod leave;
mod look;
mod merge;
mod operate;
mod profile;
mod run;
mod samconfig;
mod state;
mod status;

use clap::CommandFactory as _;

use crate::arguments::{Arguments, CertificateVerb, FleetVerb, Global, ProfileVerb, StateVerb, Verb};
use crate::demo;
use crate::error::{CliError, Exit};
use crate::wiring::Environment;

pub(crate) use certificate::make as make_certificate;
pub(crate) use merge::choice_of;
pub(crate) use run::one as cycle;

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
        Verb::Unsuppress { addresses } => operate::unsuppress(environment, global, &addresses).await,
        Verb::Unpublish(arguments) => leave::unpublish(environment, global, &arguments).await,
        Verb::Undo { run, confirmation } => leave::undo(environment, global, &run, &confirmation).await,
        Verb::Rebuild { confirmation } => leave::rebuild(environment, global, &confirmation).await,
        Verb::Certificate(CertificateVerb::New { tenant, replace, yes, .. }) if replace => {
            certificate::another(environment, global, tenant.as_deref(), yes).await
        }
        Verb::Certificate(CertificateVerb::New { tenant, out, days, .. }) => {
            certificate::new(environment, global, tenant.as_deref(), out, days).await
        }
        Verb::Certificate(CertificateVerb::Rotate { tenant }) => certificate::rotate(environment, global, &tenant).await,
        Verb::Certificate(CertificateVerb::Show) => certificate::show(environment, global).await,
        Verb::Profile(ProfileVerb::Check) => profile::check(environment, global),
        Verb::Profile(ProfileVerb::Schema) => profile::schema(),
        Verb::Profile(ProfileVerb::Samconfig { file, environment: name }) => samconfig::write(environment, global, &file, name.as_deref()),
        Verb::Profile(ProfileVerb::Push { yes }) => profile::push(environment, global, yes).await,
        Verb::Profile(ProfileVerb::Show { version }) => profile::show(environment, global, version).await,
        Verb::Profile(ProfileVerb::History) => profile::history(environment, global).await,
        Verb::Profile(ProfileVerb::Revert { version, yes }) => profile::revert(environment, global, version, yes).await,
        Verb::Fleet(FleetVerb::Status { accounts }) => fleet::status(environment, accounts.as_deref()).await,
        Verb::State(StateVerb::Export { file }) => state::export(environment, global, &file).await,
        Verb::State(StateVerb::Import { file, replace, yes }) => state::import(environment, global, &file, replace, yes).await,
        Verb::State(StateVerb::Repair { yes }) => state::repair(environment, global, yes).await,
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

/// The options that must be repeated so that a printed command means the same profile, state and pair.
pub(crate) fn repeated(global: &Global) -> String {
    let mut text = String::new();
    let mut push = |name: &str, value: &str| text.push_str(&format!(" {name} {}", quoted(value)));
    if global.profile != std::path::Path::new("galbridge.toml") {
        push("--profile", &global.profile.display().to_string());
    }
    if let Some(stack) = &global.stack {
        push("--stack", stack);
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
