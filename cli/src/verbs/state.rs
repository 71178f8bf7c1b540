//! `state export` and `state import`: nobody is tied to a database. `state repair`: one damaged item stops nobody for long.

use std::collections::BTreeSet;

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use engine::ports::StoreError;
use serde_json::json;
use state::{Damage, Existing, Loss, StateStore};

use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::files;
use crate::screen::count;
use crate::session::{Time, state_file};
use crate::stack::Stack;
use crate::wiring::{Environment, fresh_id};

/// Writes the whole state to a new file that only its owner can read: it holds people's names and addresses.
pub(crate) async fn export(environment: &Environment, global: &Global, file: &Path) -> Result<Exit, CliError> {
    let path = state_file(global);
    let store = existing(global, &path).await?;
    let now = Time::of(environment, global).await?.clock.now();
    let out = files::new_private(file)?;
    let exported = store.export(&mut BufWriter::new(out), now).await.inspect_err(|_| {
        // Half an export serves nobody.
        let _ = std::fs::remove_file(file);
    })?;
    environment.screen.answer(&json!({"file": file, "items": exported.items, "installation": exported.installation}), |_| {
        let of = called(global, &path);
        format!("{}: {} of {of} are written", file.display(), count(exported.items, "item"))
    })?;
    Ok(Exit::InStep)
}

/// A state that must be there.
async fn existing(global: &Global, path: &Path) -> Result<StateStore, CliError> {
    if global.stack.is_none() && !path.exists() {
        return Err(CliError::wrong(format!("{}: there is no such state; name it with --state FILE", path.display())));
    }
    opened(global, path).await
}

/// How a state is called in messages.
fn called(global: &Global, path: &Path) -> String {
    global.stack.as_ref().map_or_else(|| path.display().to_string(), |stack| format!("the stack {stack}"))
}

/// The stack's table, or the state file.
async fn opened(global: &Global, path: &Path) -> Result<StateStore, CliError> {
    Ok(match &global.stack {
        Some(stack) => Stack::find(stack).await?.store(fresh_id()),
        None => StateStore::file(path)?,
    })
}

/// Reads a whole state from a file.
pub(crate) async fn import(environment: &Environment, global: &Global, file: &Path, replace: bool, yes: bool) -> Result<Exit, CliError> {
    let source = File::open(file).map_err(|error| CliError::wrong(format!("{}: it cannot be read: {error}", file.display())))?;
    let now = Time::of(environment, global).await?.clock.now();
    let path = state_file(global);
    let fresh = global.stack.is_none() && !path.exists();
    let into = called(global, &path);
    if replace && !fresh && !yes {
        let lost = format!(
            "{into}: all that it knows is replaced by {}; what was approved, made way, unpublished or deleted since is forgotten",
            file.display()
        );
        if !environment.screen.asks {
            return Err(CliError::held(format!("{lost}. Nothing was replaced; say --yes where nobody can be asked")));
        }
        environment.screen.say(&lost)?;
        if !environment.screen.ask("Replace it?")? {
            return Ok(Exit::Held);
        }
    }
    let store = opened(global, &path).await?;
    let existing = if replace { Existing::Replace } else { Existing::Refuse };
    let imported = match store.import(&mut BufReader::new(source), existing, now).await {
        Ok(imported) => imported,
        Err(error @ (StoreError::BadExport { .. } | StoreError::NewerSchema { .. })) => {
            drop(store);
            if fresh {
                // It was refused before the first write: the empty state would only be in the way.
                let _ = std::fs::remove_file(&path);
            }
            let told = CliError::from(error);
            return Err(CliError { message: format!("{}: {}", file.display(), told.message), ..told });
        }
        Err(error) => return Err(error.into()),
    };
    environment.screen.answer(&json!({"state": into, "items": imported.items, "installation": imported.installation}), |_| {
        format!("{into}: {} are read in; the next run goes on from there", count(imported.items, "item"))
    })?;
    Ok(Exit::InStep)
}

/// Drops the items that cannot be read: all of them are told first, with what that means.
pub(crate) async fn repair(environment: &Environment, global: &Global, yes: bool) -> Result<Exit, CliError> {
    let path = state_file(global);
    let of = called(global, &path);
    let store = existing(global, &path).await?;
    let damages = store.damages().await?;
    let told: Vec<_> =
        damages.iter().map(|Damage { item, detail, loss, .. }| json!({"item": item, "detail": detail, "loss": loss.to_string()})).collect();
    let report = |dropped: bool| json!({"state": of, "damaged": told, "dropped": dropped});
    if damages.is_empty() {
        environment.screen.answer(&report(false), |_| format!("{of}: every item can be read; nothing is to be repaired"))?;
        return Ok(Exit::InStep);
    }
    environment.screen.say(&listed(&of, &damages))?;
    if damages.iter().any(|damage| damage.loss == Loss::Installation) {
        return Err(CliError::failed(format!("{of}: nothing was dropped: {}", Loss::Installation)));
    }
    if !yes {
        if !environment.screen.asks {
            let waits = count(damages.len() as u64, "damaged item");
            return Err(CliError::held(format!("{of}: {waits}; nothing was dropped; say --yes where nobody can be asked")));
        }
        if !environment.screen.ask("Drop them?")? {
            return Ok(Exit::Held);
        }
    }
    store.drop_damaged(&damages, Time::of(environment, global).await?.clock.now()).await?;
    environment.screen.answer(&report(true), |_| {
        let next: BTreeSet<Loss> = damages.iter().map(|damage| damage.loss).collect();
        let next: Vec<String> = next.iter().map(|loss| format!("  {loss}")).collect();
        format!("{of}: {} dropped.\n{}", count(damages.len() as u64, "damaged item"), next.join("\n"))
    })?;
    Ok(Exit::InStep)
}

/// Damaged items, the first of many.
fn listed(of: &str, damages: &[Damage]) -> String {
    const SHOWN: usize = 20;
    let mut lines = vec![format!("{of}: {} cannot be read", count(damages.len() as u64, "item"))];
    lines.extend(damages.iter().take(SHOWN).map(|damage| format!("  {}: {}", damage.item, damage.detail)));
    if damages.len() > SHOWN {
        lines.push(format!("  and {} more (--json names all)", damages.len() - SHOWN));
    }
    lines.join("\n")
}
