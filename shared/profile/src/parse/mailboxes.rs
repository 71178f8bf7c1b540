//! `[[mailbox_lists]]`

use std::collections::BTreeMap;

use super::{clash, mail_address, tenant, tenant_list};
use crate::keys;
use crate::model::{MailboxList, Mailboxes, Tenant};
use crate::reader::Table;

/// The longest name of a folder of contacts, in UTF-16 code units.
const LONGEST_FOLDER: usize = 255;

pub(super) fn read(table: &Table<'_, '_>, tenants: &BTreeMap<String, Tenant>) -> Vec<MailboxList> {
    let mut lists: Vec<MailboxList> = Vec::new();
    for entry in table.tables("mailbox_lists", "a mailbox list", keys::MAILBOX_LIST) {
        let owner = entry.required("tenant").and_then(|text| tenant(entry.reader, &text, tenants));
        let folder = entry.required("folder").map(|text| {
            let folder = text.value.trim();
            if folder.is_empty() || folder.encode_utf16().count() > LONGEST_FOLDER || folder.chars().any(char::is_control) {
                entry.reader.impossible(text.at, "folder", format!("must be the name of a folder, of at most {LONGEST_FOLDER} characters"));
            }
            folder.to_owned()
        });
        let sources = sources(&entry, tenants);
        let mailboxes = mailboxes(&entry);
        let photos = entry.flag("photos").unwrap_or(false);
        let (Some(owner), Some(folder), Some(mailboxes)) = (owner, folder, mailboxes) else { continue };
        if lists.iter().any(|list| list.tenant == owner.name && list.folder.to_lowercase() == folder.to_lowercase()) {
            clash(entry.reader, entry.at("folder"), format!("tenant {} has two lists in the folder \"{folder}\"", owner.name));
        }
        lists.push(MailboxList { tenant: owner.name.clone(), folder, sources, mailboxes, photos });
    }
    lists
}

fn sources(entry: &Table<'_, '_>, tenants: &BTreeMap<String, Tenant>) -> Vec<String> {
    if !entry.has("sources") {
        entry.missing("sources");
        return Vec::new();
    }
    if entry.has_empty_list("sources") {
        entry.reader.impossible(entry.at("sources"), "sources", "names no tenant: the folder would be empty");
    }
    tenant_list(entry, "sources", tenants)
}

fn mailboxes(entry: &Table<'_, '_>) -> Option<Mailboxes> {
    if !entry.has("mailboxes") {
        entry.missing("mailboxes");
    }
    let table = entry.table("mailboxes", "mailboxes", keys::MAILBOXES)?;
    let named: Vec<&str> = keys::MAILBOXES.iter().copied().filter(|key| table.has(key)).collect();
    match named.as_slice() {
        ["all"] => {
            let all = table.flag("all")?;
            if !all {
                table.reader.impossible(table.at("all"), "all", "can only be true; name a group or addresses instead");
            }
            Some(Mailboxes::All)
        }
        ["group"] => table.guid("group").map(Mailboxes::Group),
        ["addresses"] => addresses(&table).map(Mailboxes::Addresses),
        _ => {
            table.reader.impossible(table.at.clone(), "mailboxes", "needs exactly one of all, group, addresses");
            None
        }
    }
}

fn addresses(table: &Table<'_, '_>) -> Option<Vec<String>> {
    let texts = table.texts("addresses");
    if texts.is_empty() {
        table.reader.impossible(table.at("addresses"), "addresses", "names nobody");
        return None;
    }
    let mut addresses = Vec::new();
    for text in texts {
        match mail_address(text.value) {
            Some(address) => addresses.push(address),
            None => table.reader.impossible(text.at, "addresses", "must be mail addresses"),
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    Some(addresses)
}
