//! `profile samconfig`: the tenants and pairs of the profile as parameters of the client's environment in samconfig.toml.

use std::io::Write as _;
use std::path::Path;

use profile::Profile;
use serde_json::json;
use tempfile::NamedTempFile;
use toml_edit::{Array, DocumentMut, Item, Table, Value, value};

use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::session::Loaded;
use crate::wiring::Environment;

/// Writes both lists, and what an environment needs beside them where it is new. All else in the file stays as it is.
pub(crate) fn write(environment: &Environment, global: &Global, file: &Path, name: Option<&str>) -> Result<Exit, CliError> {
    let profile = Loaded::read(global)?.profile;
    let name = name.unwrap_or(&profile.client);
    if !fits(name) {
        return Err(CliError::wrong(format!(
            "{name} cannot name a stack: letters, digits and dashes, a letter first, 128 at most; choose a name with --environment"
        )));
    }
    let wrong = |detail: String| CliError::wrong(format!("{}: {detail}", file.display()));
    if let Ok(there) = std::fs::metadata(file) {
        if !there.is_file() {
            return Err(wrong("it is no ordinary file".to_owned()));
        }
        if there.permissions().readonly() {
            return Err(wrong("it is read-only".to_owned()));
        }
    } else if file.is_symlink() {
        return Err(wrong("it is a link to nowhere".to_owned()));
    }
    let before = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(wrong(format!("it cannot be read: {error}"))),
    };
    let lists = lists(&profile);
    let Written { text: after, dropped } = with_lists(&before, name, &lists).map_err(wrong)?;
    let changed = after != before;
    if changed {
        replace(file, &after).map_err(|error| wrong(format!("it cannot be written: {error}")))?;
    }
    let document = json!({"file": file, "environment": name, "changed": changed, "parameters": lists, "dropped": dropped});
    environment.screen.answer(&document, |paint| {
        let said = if changed { "now has" } else { "already has" };
        let lists = lists.each_ref().map(|(key, list)| format!("{key}={list}")).join(" ");
        let gone = if dropped.is_empty() {
            String::new()
        } else {
            format!(
                "{}: with the next deployment the keys, schedules and alarms of {} are deleted, and nothing can be\ntaken back there any more. First `unpublish` their sides, and push the profile without them.\n",
                paint.bold("Wait"),
                dropped.join(", "),
            )
        };
        format!("{}: {} {said} {lists}\n{gone}Next: sam build && sam deploy --config-env {name}", file.display(), paint.bold(name))
    })?;
    Ok(Exit::InStep)
}

/// The template's parameters that the profile decides.
pub(crate) fn lists(profile: &Profile) -> [(&'static str, String); 2] {
    let tenants: Vec<&str> = profile.tenants.keys().map(String::as_str).collect();
    let pairs: Vec<String> = profile.pairs.iter().map(profile::Pair::name).collect();
    [("Tenants", tenants.join(",")), ("Pairs", pairs.join(","))]
}

/// Whether `CloudFormation` takes it as a stack's name.
fn fits(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
}

/// All or nothing, also when the disk is full.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    // What a link points to is written, not the link.
    let real = std::fs::canonicalize(file);
    let file = real.as_deref().unwrap_or(file);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = NamedTempFile::new_in(folder)?;
    fresh.write_all(text.as_bytes())?;
    if let Ok(there) = std::fs::metadata(file) {
        fresh.as_file().set_permissions(there.permissions())?;
    }
    fresh.persist(file)?;
    Ok(())
}

/// The file as it should be.
struct Written {
    text: String,
    /// The tenants and pairs that its lists had, and have no more.
    dropped: Vec<String>,
}

/// The file's text with the lists in the environment's parameters. The error says what in it cannot be understood.
fn with_lists(text: &str, name: &str, lists: &[(&'static str, String); 2]) -> Result<Written, String> {
    let mut file: DocumentMut = text.parse().map_err(|error| format!("it is no TOML: {error}"))?;
    file.entry("version").or_insert(value(0.1));
    // `sam build` and `sam deploy` understand the template's loops only so.
    defaults(&mut file, name, "global", &[("language_extensions", value(true))])?;
    let capabilities = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND";
    let wanted = [
        ("stack_name", value(name)),
        ("capabilities", value(capabilities)),
        ("confirm_changeset", value(true)),
        ("resolve_s3", value(true)),
        ("tags", value(format!("galbridge={name}"))),
    ];
    let parameters = defaults(&mut file, name, "deploy", &wanted)?;
    let overrides = parameters.entry("parameter_overrides").or_insert(value(""));
    let place = format!("{name}.deploy.parameters.parameter_overrides");
    let Item::Value(overrides) = overrides else { return Err(format!("{place} is neither a text nor a list")) };
    let mut dropped = Vec::new();
    match overrides {
        Value::String(text) => {
            let text = text.value();
            if text.contains("ParameterKey=") {
                return Err(format!("{place} names its parameters by ParameterKey=; write them as Name=value, and call this again"));
            }
            if text.matches('"').count() % 2 == 1 || text.contains('\'') || text.contains('\\') {
                return Err(format!("{place} has quotes that are not understood here; write \"…\" around values with blanks, or a list"));
            }
            if words(text).iter().any(|word| !word.contains('=')) {
                return Err(format!("{place} has a word that is not Name=value; mend it, and call this again"));
            }
            dropped.extend(words(text).into_iter().flat_map(|word| gone(word, lists)));
            let rest = words(text).into_iter().filter(|word| !ours(word, lists)).map(str::to_owned);
            let all: Vec<String> = lists.iter().map(|(key, list)| format!("{key}={list}")).chain(rest).collect();
            *overrides = Value::from(all.join(" "));
        }
        Value::Array(array) => {
            let several = |one: &Value| one.as_str().is_none_or(|text| text.contains("ParameterKey=") || words(text).len() > 1);
            if let Some(odd) = array.iter().find(|one| several(one)) {
                return Err(format!("{place} has an entry that is not one Name=value: {}", odd.to_string().trim()));
            }
            dropped.extend(array.iter().filter_map(Value::as_str).flat_map(|word| gone(word, lists)));
            let rest: Vec<Value> = array.iter().filter(|one| !one.as_str().is_some_and(|word| ours(word, lists))).cloned().collect();
            let all: Array = lists.iter().map(|(key, list)| Value::from(format!("{key}={list}"))).chain(rest).collect();
            *overrides = Value::Array(all);
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::InlineTable(_) => {
            return Err(format!("{place} is neither a text nor a list"));
        }
    }
    Ok(Written { text: file.to_string(), dropped })
}

/// The parameters of a command in an environment; what is missing of `wanted` is added.
fn defaults<'f>(file: &'f mut DocumentMut, name: &str, command: &str, wanted: &[(&str, Item)]) -> Result<&'f mut Table, String> {
    let mut table = file.as_table_mut();
    let mut place = String::new();
    for key in [name, command, "parameters"] {
        place = format!("{place}.{key}");
        let fresh = || {
            let mut table = Table::new();
            // Only the last of them has a heading of its own.
            table.set_implicit(true);
            Item::Table(table)
        };
        table = table
            .entry(key)
            .or_insert_with(fresh)
            .as_table_mut()
            .ok_or_else(|| format!("{} is no table", place.trim_start_matches('.')))?;
    }
    table.set_implicit(false);
    for (key, item) in wanted {
        table.entry(key).or_insert_with(|| item.clone());
    }
    Ok(table)
}

/// The words of a parameter list, divided by blanks outside of quotes.
fn words(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let divided = text.split(|letter: char| {
        quoted ^= letter == '"';
        letter.is_whitespace() && !quoted
    });
    divided.filter(|word| !word.is_empty()).collect()
}

/// Whether a word sets one of the lists.
fn ours(word: &str, lists: &[(&'static str, String); 2]) -> bool {
    lists.iter().any(|(key, _)| word.split_once('=').is_some_and(|(name, _)| name.trim_matches('"') == *key))
}

/// What a word's list had that the profile's does not have; nothing, if it is another parameter.
fn gone(word: &str, lists: &[(&'static str, String); 2]) -> Vec<String> {
    let Some((name, had)) = word.split_once('=').filter(|_| ours(word, lists)) else { return Vec::new() };
    let kept = |one: &str| lists.iter().any(|(key, list)| name.trim_matches('"') == *key && list.split(',').any(|kept| kept == one));
    had.trim_matches('"').split(',').filter(|one| !one.is_empty() && !kept(one)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "version = 0.1\n\n# ours\n[acme.deploy.parameters]\nstack_name = \"acme-eu\"  # not the client's name\n";

    fn parsed(text: &str) -> DocumentMut {
        text.parse().unwrap()
    }

    fn some() -> [(&'static str, String); 2] {
        [("Tenants", "a,b".to_owned()), ("Pairs", "a-b".to_owned())]
    }

    #[test]
    fn what_stands_in_the_file_stays() {
        let text =
            format!("{FILE}parameter_overrides = 'Pairs=x-y AlarmEmail=o@msp.example LogFilter=\"info, x=debug\" Tenants=\"x,y\"'\n");
        let after = with_lists(&text, "acme", &some()).unwrap().text;
        assert!(after.contains("# ours") && after.contains("stack_name = \"acme-eu\"  # not the client's name"), "{after}");
        let parameters = &parsed(&after)["acme"]["deploy"]["parameters"];
        let overrides = parameters["parameter_overrides"].as_str().unwrap();
        assert_eq!(overrides, "Tenants=a,b Pairs=a-b AlarmEmail=o@msp.example LogFilter=\"info, x=debug\"");
        assert_eq!(with_lists(&after, "acme", &some()).unwrap().text, after);
    }

    /// Once a tenant's only key was deleted by the deployment, and its contacts elsewhere could not be taken back.
    #[test]
    fn who_is_dropped_is_told() {
        for overrides in ["'Pairs=a-b,b-c AlarmEmail=o@msp.example Tenants=\"a,b,c\"'", "[\"Tenants=a,b,c\", \"Pairs=a-b,b-c\"]"] {
            let text = format!("{FILE}parameter_overrides = {overrides}\n");
            let Written { text, mut dropped } = with_lists(&text, "acme", &some()).unwrap();
            dropped.sort_unstable();
            assert_eq!(dropped, ["b-c", "c"]);
            assert!(with_lists(&text, "acme", &some()).unwrap().dropped.is_empty());
        }
        assert!(["", FILE].iter().all(|text| with_lists(text, "acme", &some()).unwrap().dropped.is_empty()));
    }

    #[test]
    fn a_list_stays_a_list() {
        let text = format!("{FILE}parameter_overrides = [\"Tenants=x\", \"AlarmEmail=o@msp.example\"]\n");
        let after = parsed(&with_lists(&text, "acme", &some()).unwrap().text);
        let list = after["acme"]["deploy"]["parameters"]["parameter_overrides"].as_array().unwrap();
        let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        assert_eq!(list, ["Tenants=a,b", "Pairs=a-b", "AlarmEmail=o@msp.example"]);
    }

    #[test]
    fn a_new_file_has_all_that_sam_needs() {
        let after = with_lists("", "acme", &some()).unwrap().text;
        let file = parsed(&after);
        let deploy = &file["acme"]["deploy"]["parameters"];
        assert_eq!(deploy["stack_name"].as_str(), Some("acme"));
        assert_eq!(deploy["capabilities"].as_str(), Some("CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"));
        assert_eq!(file["acme"]["global"]["parameters"]["language_extensions"].as_bool(), Some(true), "{after}");
        assert_eq!(file["version"].as_float(), Some(0.1));
    }

    #[test]
    fn a_client_that_cannot_name_a_stack_is_refused() {
        assert!(fits("acme-2"));
        assert!(!["", "2acme", "M\u{fc}ller AG", "a b", "a_b", &"a".repeat(129)].into_iter().any(fits));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let refused = |rest: &str| with_lists(&format!("{FILE}{rest}"), "acme", &some()).err().unwrap();
        assert!(refused("parameter_overrides = 'ParameterKey=Tenants,ParameterValue=x'").contains("ParameterKey"));
        assert!(refused("parameter_overrides = 'Tenants=\"x y AlarmEmail=a@b.example'").contains("quotes"));
        assert!(refused("parameter_overrides = 'Tenants = x'").contains("Name=value"));
        assert!(refused("parameter_overrides = ['Tenants=x Memory=1024']").contains("one Name=value"));
        assert!(refused("parameter_overrides = 7").contains("acme.deploy.parameters.parameter_overrides"));
        assert!(refused("[").contains("no TOML"));
        assert!(with_lists("acme = 1", "acme", &some()).err().unwrap().contains("acme is no table"));
    }
}
