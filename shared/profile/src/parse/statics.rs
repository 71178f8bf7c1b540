//! `[[static_contacts]]`, inline or in an included file.

use std::collections::BTreeMap;

use gal::normalise;
use gal::{Field, Values};

use super::{Loader, MAX_SIZE, Notes, clash, mail_address, tenant_list, with_table};
use crate::error::{Place, ProfileError};
use crate::keys;
use crate::model::{StaticContact, Tenant};
use crate::reader::{Reader, Table};

/// What has been read so far: who holds a key or an address in a tenant, and where.
#[derive(Default)]
struct Seen {
    keys: BTreeMap<(String, String), Place>,
    addresses: BTreeMap<(String, String), Place>,
}

pub(super) fn read(table: &Table<'_, '_>, tenants: &BTreeMap<String, Tenant>, load: &Loader<'_>, notes: &mut Notes) -> Vec<StaticContact> {
    let mut contacts = Vec::new();
    let mut seen = Seen::default();
    for entry in table.tables("static_contacts", "a list of static contacts", keys::STATIC_CONTACTS) {
        let names = if entry.has("tenants") { tenant_list(&entry, "tenants", tenants) } else { tenants.keys().cloned().collect() };
        if entry.has_empty_list("tenants") {
            entry.reader.impossible(entry.at("tenants"), "tenants", "names no tenant; leave it out for all of them");
        }
        let receivers: Vec<&Tenant> = names.iter().filter_map(|name| tenants.get(name)).collect();
        match (entry.has("include"), entry.has("contacts")) {
            (true, false) => included(&entry, &receivers, load, notes, &mut seen, &mut contacts),
            (false, true) => list(&entry, &receivers, &mut seen, &mut contacts),
            (true, true) | (false, false) => {
                entry.reader.impossible(entry.at.clone(), "static_contacts", "needs either `include` or `contacts`");
            }
        }
    }
    contacts
}

fn included(
    entry: &Table<'_, '_>,
    tenants: &[&Tenant],
    load: &Loader<'_>,
    notes: &mut Notes,
    seen: &mut Seen,
    contacts: &mut Vec<StaticContact>,
) {
    let Some(file) = entry.text("include") else { return };
    let text = match load(file.value) {
        Ok(text) if text.len() <= MAX_SIZE => text,
        Ok(text) => {
            let reason = format!("{} bytes are more than the {MAX_SIZE} it may have", text.len());
            return entry.reader.error(file.at, ProfileError::Include { file: file.value.to_owned(), reason });
        }
        Err(error) => {
            return entry.reader.error(file.at, ProfileError::Include { file: file.value.to_owned(), reason: error.to_string() });
        }
    };
    let reader = Reader::new(file.value, text.strip_prefix('\u{feff}').unwrap_or(&text));
    with_table(&reader, |table| {
        let table = Table::open(&reader, table, 0..0, "a file of contacts", keys::CONTACTS_FILE);
        if !table.has("contacts") {
            table.missing("contacts");
        }
        list(&table, tenants, seen, contacts);
    });
    notes.take(reader);
}

/// The contacts of a list; those that are wrong are reported.
fn list(table: &Table<'_, '_>, tenants: &[&Tenant], seen: &mut Seen, contacts: &mut Vec<StaticContact>) {
    for contact in table.tables("contacts", "a static contact", &contact_keys()) {
        let before = contact.reader.errors();
        let key = contact.required("key").map(|text| {
            if text.value.is_empty() || text.value.len() > 64 || !text.value.bytes().all(|byte| byte.is_ascii_graphic()) {
                contact.reader.impossible(text.at, "key", "must be 1 to 64 plain characters without spaces");
            }
            text.value.to_owned()
        });
        let address = contact.required("address").map(|text| {
            mail_address(text.value).unwrap_or_else(|| {
                contact.reader.impossible(text.at, "address", "must be a mail address");
                String::new()
            })
        });
        contact.required("display_name");
        let values = values(&contact, tenants);
        let (Some(key), Some(address)) = (key, address) else { continue };
        unique(&contact, tenants, &key, &address, seen);
        if contact.reader.errors() == before {
            let tenants = tenants.iter().map(|tenant| tenant.name.clone()).collect();
            contacts.push(StaticContact { key, address, values, tenants });
        }
    }
}

/// The keys of a static contact.
pub(crate) fn contact_keys() -> Vec<&'static str> {
    let fields = Field::all().filter(|field| *field != Field::Manager).map(|field| field.row().key);
    ["key"].into_iter().chain(fields).collect()
}

/// The attributes, within Exchange's limits: a profile is corrected, not cut.
fn values(contact: &Table<'_, '_>, tenants: &[&Tenant]) -> Values {
    let mut values: Vec<(Field, String)> = Vec::new();
    for (key, _) in contact.entries() {
        let Some(field) = Field::from_key(key.value).filter(|field| !matches!(field, Field::ExternalEmailAddress | Field::Manager)) else {
            continue;
        };
        let Some(text) = contact.text(key.value) else { continue };
        let value = normalise::shown(field, text.value).into_owned();
        let limit = field.row().limit;
        let parts = || if field.is_set() { value.lines().collect() } else { vec![value.as_str()] };
        if let Some(tenant) = tenants.iter().find(|tenant| tenant.stamp_attribute == field) {
            contact.reader.impossible(key.at, key.value, format!("holds the stamps of tenant {}", tenant.name));
        } else if parts().iter().any(|part| part.encode_utf16().count() > limit) {
            contact.reader.impossible(text.at, key.value, format!("has more than the {limit} characters that Exchange takes"));
        } else if field == Field::CountryOrRegion && !value.is_empty() && !normalise::is_country(&value) {
            contact.reader.impossible(text.at, key.value, "is no country that Exchange takes: an ISO code or an English name");
        } else if field == Field::DisplayName && value.is_empty() {
            contact.reader.impossible(text.at, key.value, "is blank");
        }
        values.push((field, value));
    }
    values.into_iter().collect()
}

/// Two contacts of one tenant need two keys and two addresses.
fn unique(contact: &Table<'_, '_>, tenants: &[&Tenant], key: &str, address: &str, seen: &mut Seen) {
    for (what, value, held) in [("key", key, &mut seen.keys), ("address", address, &mut seen.addresses)] {
        let at = contact.at(what);
        let place = contact.reader.source.place(at.start);
        for tenant in tenants {
            if let Some(first) = held.insert((tenant.name.clone(), value.to_owned()), place.clone()) {
                let name = &tenant.name;
                clash(
                    contact.reader,
                    at.clone(),
                    format!("tenant {name} has two static contacts with the {what} \"{value}\"; the first is at {first}"),
                );
                break;
            }
        }
    }
}
