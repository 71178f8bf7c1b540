//! `plan` and `snapshot`: looking, without writing to a tenant.

use engine::act::{Action, Answer, PlanDocument};
use serde_json::json;

use super::{choice_of, repeated};
use crate::arguments::{Global, PlanArguments};
use crate::error::{CliError, Exit};
use crate::files;
use crate::screen::count;
use crate::session::{Need, Session};
use crate::show::{csv, plan as shown};
use crate::wiring::Environment;

/// Shows everything that would be done.
pub(crate) async fn plan(environment: &Environment, global: &Global, arguments: &PlanArguments) -> Result<Exit, CliError> {
    // Before anything is read.
    if let Some(path) = arguments.csv.as_deref().filter(|path| path.exists()) {
        return Err(files::taken(path));
    }
    let need = if arguments.stored && arguments.choice.group.is_none() { Need::Nobody } else { Need::Both };
    let session = Session::open(environment, global, need).await?;
    let chosen =
        arguments.choice.limit.is_some() || arguments.choice.group.is_some() || arguments.choice.enforce || arguments.choice.take_over;
    if chosen && arguments.mode.is_none() {
        return Err(CliError::wrong("--limit, --group, --enforce and --take-over belong to a merge: name its mode with --merge MODE"));
    }
    let merge = arguments.mode.map(|mode| choice_of(mode, &arguments.choice));
    let document = session.plan(Action::Plan { merge, stored: arguments.stored }).await?;
    if let Some(path) = &arguments.csv {
        csv::write(path, &document)?;
    }
    environment.screen.answer(&document, |paint| {
        let mut text = shown::text(&document, paint, arguments.all);
        if let Some(path) = &arguments.csv {
            text.push_str(&format!("\nWritten to {} as well.\n", path.display()));
        }
        text.push_str(&next(global, arguments, &document));
        text
    })?;
    // A merge is its own approval: what the guard would say of the schedule is not a hold of it.
    Ok(if document.holds() && arguments.mode.is_none() { Exit::Held } else { Exit::InStep })
}

fn next(global: &Global, arguments: &PlanArguments, document: &PlanDocument) -> String {
    let Some(mode) = arguments.mode.and_then(|mode| clap::ValueEnum::to_possible_value(&mode)) else { return String::new() };
    let choice = &arguments.choice;
    let mut command = format!("galbridge merge{} --mode {}", repeated(global), mode.get_name());
    if let Some(limit) = choice.limit {
        command.push_str(&format!(" --limit {limit}"));
    }
    if let Some(group) = choice.group {
        command.push_str(&format!(" --group {group}"));
    }
    if choice.enforce {
        command.push_str(" --enforce");
    }
    if choice.take_over {
        command.push_str(" --take-over");
    }
    if !document.admitting.is_empty() {
        command.push_str(" --accept-dynamic-groups");
    }
    format!("\nTo carry it out:\n  {command} --confirm {}\n", document.checksum)
}

/// Reads both sides, and writes nothing.
pub(crate) async fn snapshot(environment: &Environment, global: &Global, full: bool) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Both).await?;
    let read = match session.act(Action::Snapshot { full }).await? {
        Answer::Read(read) => read,
        other => return Err(CliError::unexpected(&other)),
    };
    let setup = session.setup()?;
    let document = json!({"pair": session.pair, "changed": read.changed, "incomplete": read.incomplete, "due": read.due});
    environment.screen.answer(&document, |paint| {
        let mut text = String::new();
        for side in gal::Side::BOTH {
            let tenant = &setup.tenants.get(side).name;
            text.push_str(&format!("{tenant} ({side}): {} new or changed\n", count(*read.changed.get(side), "recipient")));
            if let Some(why) = read.incomplete.get(side) {
                text.push_str(&format!("  {}\n", paint.yellow(&format!("incomplete: {why}"))));
            }
        }
        text.push_str(if read.due { "Something is due; `galbridge plan` shows it.\n" } else { "Nothing is due.\n" });
        text
    })?;
    let incomplete = gal::Side::BOTH.into_iter().any(|side| read.incomplete.get(side).is_some());
    Ok(if incomplete { Exit::Held } else { Exit::InStep })
}
