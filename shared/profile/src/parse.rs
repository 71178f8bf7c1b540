//! From text to a checked profile.

mod mailboxes;
mod mapping;
mod marks;
mod pairs;
mod scope;
mod statics;
mod tenants;

#[cfg(test)]
pub(crate) use mapping::keys as mapping_keys;
#[cfg(test)]
pub(crate) use statics::contact_keys;

pub use tenants::is_this_machine;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use toml::de::DeTable;

use crate::error::{Place, Problem, ProfileError, ProfileErrors, Warning};
use crate::keys;
use crate::model::{Profile, Tenant};
use crate::reader::{Reader, Table, Text, closest};
use crate::secret;

/// The largest profile, and the largest file it includes, in bytes.
pub const MAX_SIZE: usize = 1 << 20;

/// Reads an included file, named as in the profile: relative to it.
pub type Loader<'l> = dyn Fn(&str) -> io::Result<String> + 'l;

impl Profile {
    /// Reads and checks a profile. Everything that is wrong is told at once, each with its place.
    ///
    /// `file_name` is what the places are called; nothing is opened by it. `load` reads the files
    /// that the profile includes (`static_contacts`), and is where their paths are judged.
    pub fn parse(file_name: &str, text: &str, load: &Loader<'_>) -> Result<(Self, Vec<Warning>), ProfileErrors> {
        let mut notes = Notes::default();
        let reader = Reader::new(file_name, text);
        let profile =
            with_table(&reader, |table| profile(&Table::open(&reader, table, 0..0, "the profile", keys::PROFILE), load, &mut notes));
        notes.take(reader);
        notes.sort(file_name);
        match profile.flatten() {
            Some(profile) if notes.problems.is_empty() => Ok((profile, notes.warnings)),
            Some(_) | None => Err(ProfileErrors { problems: notes.problems }),
        }
    }

    /// Reads and checks a profile as it is stored: bytes that should be UTF-8, with or without a byte order mark.
    pub fn parse_bytes(file_name: &str, bytes: &[u8], load: &Loader<'_>) -> Result<(Self, Vec<Warning>), ProfileErrors> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(file_name, text, load),
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
                let place = Reader::new(file_name, valid).source.place(valid.len());
                Err(ProfileErrors { problems: vec![Problem { place, error: ProfileError::NotUtf8, excerpt: None }] })
            }
        }
    }
}

/// What was found in all files.
#[derive(Default)]
struct Notes {
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl Notes {
    fn take(&mut self, reader: Reader<'_>) {
        let (problems, warnings) = reader.finish();
        self.problems.extend(problems);
        self.warnings.extend(warnings);
    }

    /// The profile's own problems first, then those of the included files. A file that is included
    /// twice is wrong once.
    fn sort(&mut self, file_name: &str) {
        let order = |place: &Place| (place.file != file_name, place.clone());
        self.problems.sort_by_key(|problem| order(&problem.place));
        self.problems.dedup();
        self.warnings.sort_by_key(|warning| order(&warning.place));
        self.warnings.dedup();
    }
}

/// Parses the text as TOML, looks for secrets, and reads the table; not if it is no TOML at all.
fn with_table<T>(reader: &Reader<'_>, read: impl FnOnce(&DeTable<'_>) -> T) -> Option<T> {
    let text = reader.source.text;
    if text.len() > MAX_SIZE {
        reader.error(0..0, ProfileError::TooLarge { size: text.len(), limit: MAX_SIZE });
        return None;
    }
    let mut secrets = secret::by_shape(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    secret::by_key(table.get_ref(), &mut secrets);
    for secret in secrets {
        reader.mask(secret.range.clone());
        reader.error(secret.range, secret.error);
    }
    if errors.is_empty() {
        return Some(read(table.get_ref()));
    }
    for line in secret::suspicious_lines(text) {
        reader.mask(line);
    }
    for error in errors {
        let at = error.span().unwrap_or(text.len()..text.len());
        reader.error(at, ProfileError::Syntax(error.message().to_owned()));
    }
    None
}

/// Reads the whole profile. `None` if something without which there is no profile is missing; that is then reported.
fn profile(table: &Table<'_, '_>, load: &Loader<'_>, notes: &mut Notes) -> Option<Profile> {
    let reader = table.reader;
    let client = table.required("client").and_then(|text| identifier(reader, "client", &text, 40));
    let installation = table.text("installation").and_then(|text| identifier(reader, "installation", &text, 64));
    let tenants = tenants::read(table);
    let marks = marks::read(table);
    let pairs = pairs::read(table, &tenants, &marks);
    let static_contacts = statics::read(table, &tenants, load, notes);
    let mailbox_lists = mailboxes::read(table, &tenants);
    if reader.errors() > 0 {
        return None;
    }
    let client = client?;
    let profile =
        Profile { installation: installation.unwrap_or_else(|| client.clone()), client, tenants, pairs, static_contacts, mailbox_lists };
    warn(table, &profile);
    Some(profile)
}

/// Where a tenant's table begins.
fn place_of(table: &Table<'_, '_>, tenant: &str) -> Range<usize> {
    let tenants = table.get("tenants").and_then(|value| value.get_ref().as_table());
    let found = tenants.and_then(|tenants| tenants.iter().find(|(name, _)| name.get_ref().as_ref() == tenant));
    found.map_or_else(|| table.at("tenants"), |(name, _)| name.span())
}

/// What can be used, and is perhaps not meant.
fn warn(table: &Table<'_, '_>, profile: &Profile) {
    let at = table.at("pairs");
    for (a, b) in profile.missing_pairs() {
        table.reader.warn(at.clone(), format!("the mesh has no pair {a}-{b}: nothing is relayed, so these tenants do not see each other"));
    }
    for name in profile.tenants.keys() {
        let listed = profile.mailbox_lists.iter().any(|list| list.tenant == *name || list.sources.contains(name));
        if profile.pairs_of(name).next().is_none() && !listed {
            table.reader.warn(place_of(table, name), format!("tenant {name} is in no pair and no mailbox list"));
        }
    }
    for tenant in profile.tenants.values().filter(|tenant| tenant.id == tenant.app_id) {
        table.reader.warn(
            place_of(table, &tenant.name),
            format!("tenant {}: id and app_id are the same; one is the tenant's, the other the application's", tenant.name),
        );
    }
    if !profile.mailbox_lists.is_empty() {
        table
            .reader
            .warn(table.at("mailbox_lists"), "this version does not serve mailbox lists yet; only [[pairs]] are published".to_owned());
    }
    if profile.pairs.is_empty() && profile.mailbox_lists.is_empty() {
        table.reader.warn(0..0, "no pair and no mailbox list: nothing is published; add [[pairs]] with a and b".to_owned());
    }
    for contact in &profile.static_contacts {
        for tenant in contact.tenants.iter().filter(|tenant| profile.pairs_of(tenant).next().is_none()) {
            let key = &contact.key;
            table.reader.warn(
                table.at("static_contacts"),
                format!("tenant {tenant} is in no pair, so nothing writes the static contact {key} there"),
            );
        }
    }
}

/// A name of small letters, digits and dashes, as it goes into ids and stamps.
fn identifier(reader: &Reader<'_>, key: &str, text: &Text<'_>, longest: usize) -> Option<String> {
    let value = text.value;
    let is_plain = value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let has_edges = value.starts_with('-') || value.ends_with('-');
    if value.is_empty() || !is_plain || has_edges || value.len() > longest {
        let reason = format!("must be of small letters, digits and inner dashes, at most {longest}");
        reader.impossible(text.at.clone(), key, reason);
        return None;
    }
    Some(value.to_owned())
}

/// A tenant of the profile, by name; another name is reported.
fn tenant<'p>(reader: &Reader<'_>, text: &Text<'_>, tenants: &'p BTreeMap<String, Tenant>) -> Option<&'p Tenant> {
    let tenant = tenants.get(text.value);
    if tenant.is_none() {
        let suggestion = closest(text.value, tenants.keys().map(String::as_str)).map(str::to_owned);
        reader.error(text.at.clone(), ProfileError::UnknownTenant { name: text.value.to_owned(), suggestion });
    }
    tenant
}

/// A list of tenants of the profile, sorted; unknown and repeated ones are reported.
fn tenant_list(table: &Table<'_, '_>, key: &str, tenants: &BTreeMap<String, Tenant>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for text in table.texts(key) {
        let Some(tenant) = tenant(table.reader, &text, tenants) else { continue };
        if names.contains(&tenant.name) {
            table.reader.error(text.at, ProfileError::Clash(format!("tenant {} is named twice", tenant.name)));
        } else {
            names.push(tenant.name.clone());
        }
    }
    names.sort_unstable();
    names
}

/// A mail address in the form the core holds it; `None` if it is none.
fn mail_address(text: &str) -> Option<String> {
    let address = gal::normalise::address(text);
    let (local, domain) = address.rsplit_once('@')?;
    let is_clean =
        |part: &str| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_graphic() && !"<>()[]\\,;:\"@".contains(letter));
    (is_clean(local) && is_clean(domain) && domain.contains('.') && address.len() <= 320).then_some(address)
}

/// Two entries that exclude each other.
fn clash(reader: &Reader<'_>, at: Range<usize>, message: String) {
    reader.error(at, ProfileError::Clash(message));
}
