//! A directory in memory: mail contacts with anchors, unique addresses and names, and what was deleted.

use std::collections::{BTreeMap, BTreeSet};

use gal::operation::{Extras, FieldChange};
use gal::recipient::Presence;
use gal::stamp::Mark;
use gal::{Anchor, Entry, Field, Kind, Recipient, Side};
use jiff::Timestamp;
use uuid::Uuid;

use crate::level::{Act, Broken, Shown, Touch};
use crate::lexicon::{Address, TOUCHED};

/// The contacts of a side.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    side: Side,
    entries: BTreeMap<Anchor, Entry>,
    number: u128,
    /// What is made from now on does not show yet when the side is listed.
    pub(super) lags: bool,
    unlisted: BTreeSet<Anchor>,
}

impl Directory {
    /// An empty directory.
    pub(super) fn of(side: Side) -> Self {
        Self { side, entries: BTreeMap::new(), number: 0, lags: false, unlisted: BTreeSet::new() }
    }

    /// What a listing shows, what is gone included (as a replica remembers it).
    pub(super) fn listed(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|entry| !self.unlisted.contains(&entry.recipient.anchor))
    }

    /// An object, present or gone.
    pub(super) fn entry(&self, anchor: Anchor) -> Option<&Entry> {
        self.entries.get(&anchor)
    }

    /// The address of an object that is present.
    pub(super) fn address(&self, anchor: Anchor) -> Option<Address> {
        self.entry(anchor).filter(|entry| entry.recipient.is_present())?.recipient.primary.clone()
    }

    fn present(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|entry| entry.recipient.is_present())
    }

    /// The present object with this Name.
    pub(super) fn named(&self, name: &str) -> Option<Anchor> {
        self.present().find(|entry| entry.recipient.name.eq_ignore_ascii_case(name)).map(|entry| entry.recipient.anchor)
    }

    fn at(&self, address: &str) -> Option<Anchor> {
        self.present().find(|entry| entry.recipient.holds(address)).map(|entry| entry.recipient.anchor)
    }

    /// Makes a contact; why not.
    pub(super) fn create(&mut self, name: &str, address: &str, now: Timestamp) -> Result<Anchor, String> {
        if self.at(address).is_some() {
            return Err(format!("the address {address} is already held"));
        }
        if self.named(name).is_some() {
            return Err(format!("the Name {name} is already used"));
        }
        self.number += 1;
        // Another order of anchors on each side, so that nothing depends on it.
        let number = if self.side == Side::A { self.number } else { u128::from(u64::MAX) - self.number };
        let anchor = Anchor(Uuid::from_u128(number << 64 | u128::from(self.side == Side::B)));
        let legacy = format!("/o=scenarios/ou=side-{}/cn=Recipients/cn={:x}", self.side, number);
        let recipient = Recipient {
            anchor,
            guid: Some(Uuid::from_u128(number)),
            kind: Kind::Contact,
            name: name.to_owned(),
            values: gal::Values::default().with(Field::ExternalEmailAddress, Some(address)),
            addresses: vec![address.to_owned()],
            primary: Some(address.to_owned()),
            x500: vec![legacy.clone()],
            legacy_exchange_dn: Some(legacy),
            hidden: false,
            enabled: None,
            directory_synced: false,
            external_identity: false,
            authenticated_senders_only: false,
            mark: Mark::None,
            manager_name: None,
            when_changed: Some(now),
            exchange: true,
            complete: true,
            presence: Presence::Present,
        };
        self.entries.insert(anchor, Entry::new(recipient));
        if self.lags {
            self.unlisted.insert(anchor);
        }
        Ok(anchor)
    }

    /// Changes a contact, as galbridge does.
    pub(super) fn write(&mut self, anchor: Anchor, changes: &[FieldChange], extras: &Extras, now: Timestamp) -> Result<(), String> {
        let entry =
            self.entries.get_mut(&anchor).filter(|entry| entry.recipient.is_present()).ok_or("the contact does not exist (any more)")?;
        entry.written_at = Some(now);
        let recipient = &mut entry.recipient;
        recipient.when_changed = Some(now);
        for change in changes {
            set(recipient, change.field, change.after.as_deref());
        }
        if let Some(hidden) = extras.hidden {
            recipient.hidden = hidden;
        }
        if let Some(stamp) = &extras.stamp {
            recipient.mark = stamp.clone().map_or(Mark::None, Mark::Stamp);
        }
        if let Some(name) = &extras.rename {
            recipient.name.clone_from(name);
        }
        recipient.x500.extend(extras.x500_add.iter().cloned());
        recipient.x500.retain(|held| !extras.x500_remove.contains(held));
        Ok(())
    }

    /// Removes a contact.
    pub(super) fn remove(&mut self, anchor: Anchor, now: Timestamp) {
        if let Some(entry) = self.entries.get_mut(&anchor) {
            entry.recipient.presence = Presence::Gone(now);
        }
    }

    /// What an administrator does.
    pub(super) fn edit(&mut self, touch: &Touch, now: Timestamp) -> Result<(), Broken> {
        if let Act::Make { name, attributes, hidden } = &touch.act {
            let name = if self.named(name).is_some() { format!("{name} {}", self.number) } else { name.clone() };
            let anchor = self.create(&name, &touch.address, now).map_err(Broken)?;
            if let Some(entry) = self.entries.get_mut(&anchor) {
                for (field, value) in attributes {
                    set(&mut entry.recipient, *field, Some(value));
                }
                entry.recipient.hidden = *hidden;
            }
            return Ok(());
        }
        let anchor = self.at(&touch.address).ok_or_else(|| Broken(format!("side {} has no {} to edit", self.side, touch.address)))?;
        if touch.act == Act::Delete {
            self.remove(anchor, now);
            return Ok(());
        }
        let Some(entry) = self.entries.get_mut(&anchor) else { return Ok(()) };
        entry.recipient.when_changed = Some(now);
        match &touch.act {
            Act::Change(changes) => changes.iter().for_each(|(field, value)| set(&mut entry.recipient, *field, value.as_deref())),
            Act::Hide(hidden) => entry.recipient.hidden = *hidden,
            Act::Move(address) => set(&mut entry.recipient, Field::ExternalEmailAddress, Some(address)),
            Act::Make { .. } | Act::Delete => {}
        }
        Ok(())
    }

    /// Everything that is listed, by address.
    pub(super) fn shown(&self, attributes: &BTreeSet<Field>) -> BTreeMap<Address, Shown> {
        let mut shown = BTreeMap::new();
        for entry in self.listed().filter(|entry| entry.recipient.is_present()) {
            let recipient = &entry.recipient;
            let values = recipient.values.iter().filter(|(field, _)| attributes.contains(field));
            let one = Shown { attributes: values.map(|(field, value)| (field, value.to_owned())).collect(), hidden: recipient.hidden };
            let address = recipient.primary.clone().unwrap_or_default();
            let free = !shown.contains_key(&address);
            shown.insert(if free { address } else { format!("{address}#2") }, one);
        }
        shown
    }

    /// How many objects are not as they were.
    pub(super) fn written_since(&self, before: &Self) -> u64 {
        let anchors: BTreeSet<&Anchor> = self.entries.keys().chain(before.entries.keys()).collect();
        let present = |directory: &Self, anchor: &Anchor| {
            directory.entries.get(anchor).filter(|entry| entry.recipient.is_present()).map(|entry| entry.recipient.clone())
        };
        anchors.into_iter().filter(|anchor| present(self, anchor) != present(before, anchor)).count() as u64
    }
}

fn set(recipient: &mut Recipient, field: Field, value: Option<&str>) {
    if field == TOUCHED {
        return;
    }
    recipient.values = recipient.values.with(field, value);
    if let (Field::ExternalEmailAddress, Some(address)) = (field, value) {
        recipient.addresses = vec![address.to_owned()];
        recipient.primary = Some(address.to_owned());
    }
}
