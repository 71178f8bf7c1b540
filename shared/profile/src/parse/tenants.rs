//! `[tenants.NAME]`

use std::collections::BTreeMap;

use gal::Field;
use toml::de::DeValue;
use url::{Host, Url};
use uuid::Uuid;

use super::clash;
use crate::keys;
use crate::model::{Cloud, Hosts, Tenant};
use crate::reader::{Table, Text};

/// The longest short name of a tenant.
const LONGEST_NAME: usize = 24;

pub(super) fn read(table: &Table<'_, '_>) -> BTreeMap<String, Tenant> {
    let mut tenants = BTreeMap::new();
    let Some(value) = table.get("tenants") else {
        table.missing("tenants");
        return tenants;
    };
    let DeValue::Table(inner) = value.get_ref() else {
        table.reader.wrong_type("tenants", "tables of tenants, as [tenants.contoso]", value);
        return tenants;
    };
    if inner.is_empty() {
        table.reader.impossible(value.span(), "tenants", "names no tenant");
    }
    let mut ids: BTreeMap<Uuid, &str> = BTreeMap::new();
    for (name, value) in entries(inner) {
        let is_plain = name.value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if name.value.is_empty() || !is_plain || name.value.len() > LONGEST_NAME {
            let reason = format!("must be named with small letters and digits only, at most {LONGEST_NAME}");
            table.reader.impossible(name.at.clone(), &format!("tenants.{}", name.value), reason);
        }
        let DeValue::Table(settings) = value.get_ref() else {
            table.reader.wrong_type(name.value, "a table", value);
            continue;
        };
        let settings = Table::open(table.reader, settings, value.span(), "a tenant", keys::TENANT);
        // A tenant that is not complete still has its name: pairs that name it are right to do so.
        let tenant = tenant(name.value, &settings);
        if let Some(other) = Some(tenant.id).filter(|id| !id.is_nil()).and_then(|id| ids.insert(id, name.value)) {
            clash(table.reader, settings.at("id"), format!("tenants {other} and {} have the same id", name.value));
        }
        tenants.insert(name.value.to_owned(), tenant);
    }
    tenants
}

/// The tenants in the order of the file. Their names are of one's own choice, so no key is unknown.
fn entries<'t>(table: &'t toml::de::DeTable<'t>) -> Vec<(Text<'t>, &'t toml::Spanned<DeValue<'t>>)> {
    let mut entries: Vec<_> = table.iter().map(|(key, value)| (Text { value: key.get_ref(), at: key.span() }, value)).collect();
    entries.sort_by_key(|(key, _)| key.at.start);
    entries
}

fn tenant(name: &str, table: &Table<'_, '_>) -> Tenant {
    Tenant {
        name: name.to_owned(),
        id: table.required_guid("id").unwrap_or_default(),
        app_id: table.required_guid("app_id").unwrap_or_default(),
        app_object_id: table.guid("app_object_id"),
        cloud: table.word("cloud", &Cloud::NAMED).unwrap_or_default(),
        hosts: table.table("hosts", "hosts", keys::HOSTS).and_then(|hosts| self::hosts(&hosts)),
        stamp_attribute: stamp_attribute(table).unwrap_or(Field::CustomAttribute15),
        certificate: certificate(table),
    }
}

fn stamp_attribute(table: &Table<'_, '_>) -> Option<Field> {
    let text = table.text("stamp_attribute")?;
    let field = Field::from_property(text.value).or_else(|| Field::from_key(text.value));
    let field = field.filter(|field| (Field::CustomAttribute1..=Field::CustomAttribute15).contains(field));
    if field.is_none() {
        table.reader.impossible(text.at, "stamp_attribute", "must be one of CustomAttribute1 to CustomAttribute15");
    }
    field
}

fn certificate(table: &Table<'_, '_>) -> Option<String> {
    let text = table.text("certificate")?;
    if text.value.trim().is_empty() || text.value.chars().any(char::is_control) {
        table.reader.impossible(text.at, "certificate", "must be the path of a file, relative to the profile");
        return None;
    }
    Some(text.value.to_owned())
}

fn hosts(table: &Table<'_, '_>) -> Option<Hosts> {
    let origin = |key: &'static str| table.required(key).and_then(|text| self::origin(table, key, &text));
    let (login, graph, exchange) = (origin("login"), origin("graph"), origin("exchange"));
    Some(Hosts { login: login?, graph: graph?, exchange: exchange? })
}

/// `https://host`, with a port perhaps; `http` only where it does not leave this machine.
fn origin(table: &Table<'_, '_>, key: &str, text: &Text<'_>) -> Option<String> {
    let refuse = |reason: &str| {
        table.reader.impossible(text.at.clone(), key, reason);
        None
    };
    let Ok(url) = Url::parse(text.value) else {
        return refuse("must be a URL, as https://host");
    };
    match url.scheme() {
        "https" if url.has_host() => {}
        "http" if is_this_machine(&url) => {}
        "http" => return refuse("must begin with https://; http is for this machine only"),
        _ => return refuse("must be a URL, as https://host"),
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return refuse("must be a host only, without user, path or query");
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether a URL's host is this machine, by its name or address.
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
