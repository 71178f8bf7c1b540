//! The indexes of a directory, kept in step with its objects.

use super::attribute::Text;
use super::entry::Entry;
use super::store::{Directory, fold, slot};

impl Directory {
    /// Enters an object.
    pub(super) fn index(&mut self, entry: &Entry, same_members: bool) {
        let anchor = entry.anchor;
        if let Some(class) = entry.kind.class() {
            self.classes[slot(class)].insert(anchor);
        }
        self.by_guid.insert(entry.guid, anchor);
        for proxy in &entry.addresses {
            self.proxies.insert(fold(proxy), anchor);
        }
        if let Some(external) = &entry.external {
            self.proxies.entry(fold(external)).or_insert(anchor);
        }
        self.proxies.insert(fold(&format!("x500:{}", entry.legacy_dn)), anchor);
        if !entry.is_live() {
            self.deleted.insert(anchor);
            return;
        }
        self.by_name.insert((fold(&entry.name), anchor));
        self.names.insert(fold(&entry.name), anchor);
        self.by_changed.insert((entry.changed.as_second(), anchor));
        self.by_created.insert((entry.created.as_second(), anchor));
        for label in labels(entry).into_iter().filter(|label| !label.is_empty()) {
            let known = self.labels.entry(label).or_default();
            if !known.contains(&anchor) {
                known.push(anchor);
            }
        }
        if !same_members {
            for member in entry.members.iter() {
                self.member_of.entry(*member).or_default().insert(anchor);
            }
        }
    }

    /// Takes an object out.
    pub(super) fn unindex(&mut self, entry: &Entry, same_members: bool) {
        let anchor = entry.anchor;
        if let Some(class) = entry.kind.class() {
            self.classes[slot(class)].remove(&anchor);
        }
        self.by_guid.remove(&entry.guid);
        let held = entry.addresses.iter().chain(entry.external.iter()).map(|proxy| fold(proxy));
        for key in held.chain([fold(&format!("x500:{}", entry.legacy_dn))]) {
            if self.proxies.get(&key) == Some(&anchor) {
                self.proxies.remove(&key);
            }
        }
        self.deleted.remove(&anchor);
        self.by_name.remove(&(fold(&entry.name), anchor));
        if self.names.get(&fold(&entry.name)) == Some(&anchor) {
            self.names.remove(&fold(&entry.name));
        }
        self.by_changed.remove(&(entry.changed.as_second(), anchor));
        self.by_created.remove(&(entry.created.as_second(), anchor));
        for label in labels(entry) {
            if let Some(known) = self.labels.get_mut(&label) {
                known.retain(|other| *other != anchor);
                if known.is_empty() {
                    self.labels.remove(&label);
                }
            }
        }
        if !same_members {
            for member in entry.members.iter() {
                if let Some(groups) = self.member_of.get_mut(member) {
                    groups.remove(&anchor);
                }
            }
        }
    }
}

fn labels(entry: &Entry) -> [String; 4] {
    [fold(&entry.alias), fold(entry.text(Text::DisplayName)), fold(entry.upn.as_deref().unwrap_or("")), fold(&entry.legacy_dn)]
}
