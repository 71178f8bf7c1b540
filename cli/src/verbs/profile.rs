//! `profile check` and `profile schema`.

use serde_json::json;

use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::screen::{count, print};
use crate::session::Loaded;
use crate::wiring::Environment;

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
