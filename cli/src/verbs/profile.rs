//! `profile check` and `profile schema`; with `--stack` `profile push`, `show`, `history` and `revert`.

use engine::ports::{Store as _, StoreError};
use profile::Profile;
use serde_json::json;
use similar::{ChangeTag, TextDiff};
use state::StateStore;

use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::screen::{Paint, count, print};
use crate::session::{Loaded, Time, installation, loader, published_nothing, refuse_dropped_pairs};
use crate::show::{clean, moment};
use crate::stack::Stack;
use crate::verbs::samconfig;
use crate::wiring::{Environment, fresh_id};

/// Reads the profile, and says everything that is wrong with it or perhaps not meant.
pub(crate) fn check(environment: &Environment, global: &Global) -> Result<Exit, CliError> {
    let loaded = Loaded::read(global)?;
    let profile = &loaded.profile;
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    let pairs: Vec<String> = profile.pairs.iter().map(profile::Pair::name).collect();
    let missing: Vec<String> = profile.missing_pairs().iter().map(|(a, b)| format!("{a}-{b}")).collect();
    let document = json!({
        "client": profile.client, "installation": profile.installation, "tenants": profile.tenants.keys().collect::<Vec<_>>(),
        "pairs": pairs, "missing_pairs": missing, "warnings": warnings,
    });
    environment.screen.answer(&document, |paint| {
        let told = format!("{}, {}", count(profile.tenants.len() as u64, "tenant"), count(pairs.len() as u64, "pair"));
        let mut text =
            format!("{}: {} for {}: {told} ({})\n", global.profile.display(), paint.green("right"), profile.client, pairs.join(", "));
        for warning in &warnings {
            text.push_str(&format!("{}\n", paint.yellow(warning)));
        }
        text
    })?;
    Ok(Exit::InStep)
}

/// Prints the schema.
pub(crate) fn schema() -> Result<Exit, CliError> {
    let text = serde_json::to_string_pretty(&profile::schema());
    print(&text.map_err(|error| CliError::failed(format!("the schema cannot be written: {error}")))?)?;
    Ok(Exit::InStep)
}

/// Gives the profile to a stack, with the files that it includes.
pub(crate) async fn push(environment: &Environment, global: &Global, yes: bool) -> Result<Exit, CliError> {
    let (name, store) = stack(global).await?;
    let loaded = Loaded::read(global)?;
    let file = global.profile.display().to_string();
    let bundled = Profile::bundle(&file, &loaded.text, &loader(&loaded.folder));
    let (profile, warnings, bundle) = bundled.map_err(|errors| CliError::wrong(errors.to_string()))?;
    if let Some(tenant) = profile.tenants.values().find(|tenant| tenant.app_object_id.is_none()) {
        environment.screen.say(&format!(
            "tenant {}: without app_object_id its certificate cannot be rolled by itself; the onboarding script prints it",
            tenant.name
        ))?;
    }
    if profile.client != name {
        environment.screen.say(&format!("Mind: the profile is of the client {}, the stack is called {name}.", profile.client))?;
    }
    for warning in &warnings {
        environment.screen.say(&warning.to_string())?;
    }
    let exit = put(environment, global, &name, &store, &bundle, yes).await?;
    if exit != Exit::InStep {
        return Ok(exit);
    }
    let lists = samconfig::lists(&profile).map(|(key, list)| format!("{key}={list}")).join(" ");
    environment.screen.say(&format!(
        "The stack needs these parameters: {lists}. Where they are new, `galbridge profile samconfig` writes them, and `sam deploy` goes by them."
    ))?;
    Ok(exit)
}

/// Prints the stack's profile, or an earlier version.
pub(crate) async fn show(environment: &Environment, global: &Global, version: Option<u64>) -> Result<Exit, CliError> {
    let (name, store) = stack(global).await?;
    let (version, text) = match version {
        None => {
            let current = store.profile().await?.ok_or_else(|| none(&name))?;
            (current.version, current.item)
        }
        Some(version) => (version, earlier(&store, &name, version).await?),
    };
    environment.screen.answer(&json!({"stack": name, "version": version, "profile": text}), |_| text.clone())?;
    Ok(Exit::InStep)
}

/// The last versions of the stack's profile.
pub(crate) async fn history(environment: &Environment, global: &Global) -> Result<Exit, CliError> {
    let (name, store) = stack(global).await?;
    let versions = store.profile_versions().await?;
    if versions.is_empty() {
        return Err(none(&name));
    }
    let documents: Vec<_> = versions.iter().map(|one| json!({"version": one.version, "at": one.at})).collect();
    environment.screen.answer(&documents, |paint| {
        let mut text = String::new();
        for (place, one) in versions.iter().enumerate() {
            let at = one.at.map_or_else(|| "at an unknown time".to_owned(), |at| format!("{} UTC", moment(at)));
            let changed = versions.get(place + 1).map(|before| {
                let diff = TextDiff::from_lines(&before.text, &one.text);
                let lines = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count() as u64;
                format!("  +{} -{}", lines(ChangeTag::Insert), count(lines(ChangeTag::Delete), "line"))
            });
            text.push_str(&format!("{}  {at}{}\n", paint.bold(&format!("version {}", one.version)), changed.unwrap_or_default()));
        }
        text
    })?;
    Ok(Exit::InStep)
}

/// Makes an earlier version the next one.
pub(crate) async fn revert(environment: &Environment, global: &Global, version: u64, yes: bool) -> Result<Exit, CliError> {
    let (name, store) = stack(global).await?;
    let text = earlier(&store, &name, version).await?;
    Profile::parse_bundle(&format!("version {version}"), &text).map_err(|errors| CliError::wrong(errors.to_string()))?;
    put(environment, global, &name, &store, &text, yes).await
}

/// Shows what changes, asks, and stores.
async fn put(environment: &Environment, global: &Global, name: &str, store: &StateStore, text: &str, yes: bool) -> Result<Exit, CliError> {
    let current = store.profile().await?;
    let (before, version) = current.map_or((String::new(), 0), |current| (current.item, current.version));
    let screen = &environment.screen;
    if before == text {
        screen.answer(&json!({"stack": name, "version": version, "changed": false}), |_| {
            format!("{name}: version {version} says the same already")
        })?;
        return Ok(Exit::InStep);
    }
    let (profile, _) = Profile::parse_bundle("the new profile", text).map_err(|errors| CliError::wrong(errors.to_string()))?;
    let earlier = if version > 0 { Profile::parse_bundle("the stored profile", &before).map(|(earlier, _)| earlier).ok() } else { None };
    refuse_dropped_pairs(store, earlier.as_ref(), &profile).await?;
    screen.say(&changes(&before, text, screen.paint))?;
    if !yes {
        if !screen.asks {
            return Err(CliError::held(format!("stack {name}: nothing was stored; say --yes where nobody can be asked")));
        }
        if !screen.ask(&format!("Give this profile to the stack {name}?"))? {
            return Ok(Exit::Held);
        }
    }
    // Only now: it makes the table this installation's. Where a wrong profile did so before, it is given on, if nobody saw it yet.
    let stored = store.installation(&profile.installation).await?;
    if let Some(earlier) = earlier.filter(|earlier| earlier.installation == stored && stored != profile.installation)
        && published_nothing(store, &earlier).await?
    {
        store.rename_installation(&stored, &profile.installation).await?;
    }
    installation(store, &profile, &format!("of the stack {name}")).await?;
    let now = Time::of(environment, global).await?.clock.now();
    let version = store.push_profile(text, version, now).await.map_err(|error| match error {
        StoreError::Conflict { .. } => CliError::wrong(format!(
            "stack {name}: somebody else stored a profile in the meantime; look at it with `profile show`, and push again"
        )),
        other => other.into(),
    })?;
    screen.answer(&json!({"stack": name, "version": version, "changed": true}), |paint| {
        format!(
            "{}; the next tick goes by it. `galbridge --stack {name} plan` shows what it does.",
            paint.green(&format!("{name}: version {version} is stored"))
        )
    })?;
    Ok(Exit::InStep)
}

/// Lines that go and come, with two lines around them.
fn changes(before: &str, after: &str, paint: Paint) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut text = String::new();
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let line = clean(change.value().trim_end_matches(['\n', '\r']));
            text.push_str(&match change.tag() {
                ChangeTag::Delete => paint.red(&format!("- {line}")),
                ChangeTag::Insert => paint.green(&format!("+ {line}")),
                ChangeTag::Equal => paint.dim(&format!("  {line}")),
            });
            text.push('\n');
        }
    }
    text
}

async fn stack(global: &Global) -> Result<(String, StateStore), CliError> {
    let name = global.stack.as_ref().ok_or_else(|| CliError::wrong("name the stack with --stack; a profile here is the file itself"))?;
    Ok((name.clone(), Stack::find(name).await?.store(fresh_id())))
}

async fn earlier(store: &StateStore, name: &str, version: u64) -> Result<String, CliError> {
    let versions = store.profile_versions().await?;
    let found = versions.iter().find(|one| one.version == version).map(|one| one.text.clone());
    let known = || versions.iter().map(|one| one.version.to_string()).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| CliError::wrong(format!("stack {name}: it has no version {version} of the profile; it has: {}", known())))
}

fn none(name: &str) -> CliError {
    CliError::wrong(format!("stack {name}: it has no profile yet: `galbridge --stack {name} profile push` gives it one"))
}
