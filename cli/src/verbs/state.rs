//! `state export` and `state import`: nobody is tied to a database.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter};
use std::path::Path;

use engine::ports::StoreError;
use serde_json::json;
use state::{Existing, StateStore};

use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::screen::count;
use crate::session::{Time, state_file};
use crate::stack::Stack;
use crate::wiring::{Environment, fresh_id};

/// Writes the whole state to a new file that only its owner can read: it holds people's names and addresses.
pub(crate) async fn export(environment: &Environment, global: &Global, file: &Path) -> Result<Exit, CliError> {
    let path = state_file(global);
    if global.stack.is_none() && !path.exists() {
        return Err(CliError::wrong(format!("{}: there is no such state; name it with --state FILE", path.display())));
    }
    let store = opened(global, &path).await?;
    let now = Time::of(environment, global).await?.clock.now();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let out = options.open(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::wrong(format!("{}: it is there already, and is not overwritten", file.display())),
        _ => CliError::file(file, "created", &error),
    })?;
    let exported = store.export(&mut BufWriter::new(out), now).await.inspect_err(|_| {
        // Half an export serves nobody.
        let _ = std::fs::remove_file(file);
    })?;
    environment.screen.answer(&json!({"file": file, "items": exported.items, "installation": exported.installation}), |_| {
        let of = global.stack.as_ref().map_or_else(|| path.display().to_string(), |stack| format!("the stack {stack}"));
        format!("{}: {} of {of} are written", file.display(), count(exported.items, "item"))
    })?;
    Ok(Exit::InStep)
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
    let into = global.stack.as_ref().map_or_else(|| path.display().to_string(), |stack| format!("the stack {stack}"));
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
