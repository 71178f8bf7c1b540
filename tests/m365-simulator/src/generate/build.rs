//! The objects of a directory: own people and things, outsiders, groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::names::{self, Culture, FullName, PARTNERS, PLACES};
use super::person::{dress, past};
use crate::config::TenantInfo;
use crate::dice::Dice;
use crate::directory::attribute::{List, Text};
use crate::directory::entry::{Class, Entry, Kind, MadeBy};
use crate::exchange::write::{blank, legacy_dn};
use crate::tenant::TenantState;

/// How many of the outsiders both tenants may know.
const COMMON: u64 = 40;

/// Makes objects of one tenant.
struct Maker<'a> {
    info: &'a TenantInfo,
    state: &'a mut TenantState,
    dice: Dice,
    now: Timestamp,
}

/// Makes the users, shared mailboxes, rooms and so on. Answers the addresses of the people.
pub(crate) fn own_objects(info: &TenantInfo, state: &mut TenantState, seed: u64, count: usize, now: Timestamp) -> Vec<String> {
    let dice = Dice::new(seed, &format!("{}/own", info.name));
    let mut maker = Maker { info, state, dice, now };
    let mut people = Vec::new();
    let mut managers: Vec<Uuid> = Vec::new();
    for _ in 0..count * 73 / 100 {
        let kind = match maker.dice.below(73) {
            0..6 => Kind::Shared,
            6..9 => Kind::Room,
            9 => Kind::Equipment,
            10 => Kind::PlainUser,
            _ => Kind::User,
        };
        let entry = maker.own(kind, &managers);
        if entry.kind == Kind::User && entry.is_live() {
            people.push(entry.primary().to_owned());
            if managers.len() < 500 {
                managers.push(entry.anchor);
            }
        }
        maker.state.directory.put(entry, now, now);
    }
    people
}

/// Makes contacts, guests and mail users. Some are people of the other tenants.
pub(crate) fn outside_objects(info: &TenantInfo, state: &mut TenantState, seed: u64, count: usize, now: Timestamp, others: &[&[String]]) {
    let dice = Dice::new(seed, &format!("{}/outside", info.name));
    let mut maker = Maker { info, state, dice, now };
    for at in 0..count * 20 / 100 {
        let kind = match maker.dice.below(20) {
            0..3 => Kind::Guest,
            3 => Kind::MailUser,
            _ => Kind::Contact,
        };
        maker.outside(kind, at, seed, others);
    }
}

/// Makes groups of every kind, nested ones and those worth scoping by.
pub(crate) fn groups(info: &TenantInfo, state: &mut TenantState, seed: u64, count: usize, now: Timestamp) {
    let dice = Dice::new(seed, &format!("{}/groups", info.name));
    let mut maker = Maker { info, state, dice, now };
    let users: Vec<Uuid> = maker.of_class(Class::User);
    let contacts: Vec<Uuid> = maker.of_class(Class::Contact);
    let mut made: Vec<Uuid> = Vec::new();
    for at in 0..count * 7 / 100 {
        let kind = match maker.dice.below(14) {
            0..5 => Kind::Microsoft365Group,
            5 => Kind::MailSecurityGroup,
            6 => Kind::RoomList,
            7 => Kind::DynamicDistributionGroup,
            8 => Kind::SecurityGroup,
            _ => Kind::DistributionGroup,
        };
        let name = format!("{} {at}", maker.dice.pick(names::DEPARTMENTS));
        let size = maker.dice.between(0, 40);
        let mut members: BTreeSet<Uuid> = BTreeSet::new();
        if kind != Kind::DynamicDistributionGroup && !users.is_empty() {
            members.extend((0..size).map(|_| *maker.dice.pick(&users)));
            if !contacts.is_empty() && maker.dice.chance(0.5) {
                members.insert(*maker.dice.pick(&contacts));
            }
            if !made.is_empty() && kind == Kind::DistributionGroup && maker.dice.chance(0.3) {
                members.insert(*maker.dice.pick(&made));
            }
        }
        made.push(maker.group(kind, &name, members));
    }
    if count >= 20 {
        maker.group(Kind::SecurityGroup, "scope-all-staff", users.iter().copied().collect());
        let few: BTreeSet<Uuid> = users.iter().take(10).copied().collect();
        let inner = maker.group(Kind::DistributionGroup, "scope-inner", few);
        let mut nested: BTreeSet<Uuid> = users.iter().skip(10).take(10).copied().collect();
        nested.insert(inner);
        nested.extend(contacts.first());
        maker.group(Kind::SecurityGroup, "scope-nested", nested);
        let hidden = maker.group(Kind::Microsoft365Group, "scope-hidden", users.iter().take(5).copied().collect());
        if let Some(entry) = maker.state.directory.live(hidden) {
            let mut entry = Entry::clone(entry);
            entry.hidden_membership = true;
            maker.state.directory.put(entry, now, now);
        }
        maker.group(Kind::SecurityGroup, "scope-empty", BTreeSet::new());
    }
}

impl Maker<'_> {
    fn of_class(&self, class: Class) -> Vec<Uuid> {
        let live = |anchor: &&Uuid| self.state.directory.live(**anchor).is_some();
        self.state.directory.class(class).iter().filter(live).copied().collect()
    }

    /// An object with its ids and its age.
    fn begin(&mut self, kind: Kind) -> Entry {
        let mut entry = blank(self.state, kind, MadeBy::Admin, self.now);
        entry.created = past(self.now, 3_000, &mut self.dice);
        entry.changed = past(self.now, 400, &mut self.dice).max(entry.created);
        entry.graph_from = entry.created;
        entry
    }

    /// A Name nobody has yet.
    fn free_name(&mut self, wanted: &str) -> String {
        let wanted: String = wanted.chars().take(50).collect();
        if self.state.directory.by_name(&wanted).is_none() {
            return wanted;
        }
        format!("{wanted} {}", self.dice.hex(8))
    }

    /// An address nobody has yet, in a domain.
    fn free_address(&mut self, local: &str, domain: &str) -> String {
        let mut address = format!("{local}@{domain}");
        let mut number = 1;
        while self.state.directory.holder(&format!("smtp:{address}")).is_some() {
            number += 1;
            if number > 3 {
                number = self.dice.between(100, 99_999_999);
            }
            address = format!("{local}{number}@{domain}");
        }
        address
    }

    fn own(&mut self, kind: Kind, managers: &[Uuid]) -> Entry {
        let mut entry = self.begin(kind);
        let culture = names::culture(&mut self.dice);
        let person = culture.person(&mut self.dice);
        let is_person = matches!(kind, Kind::User | Kind::PlainUser);
        let local = if is_person { person.local_part.clone() } else { format!("{}-{}", kind.gal_name(), self.dice.between(1, 99_999)) };
        let domain = match self.dice.below(100) {
            // Never moved off the first domain.
            0..2 => self.info.initial_domain.clone(),
            2..8 => format!("{}-labs.example", self.info.name),
            _ => self.info.domain.clone(),
        };
        let address = self.free_address(&local, &domain);
        self.describe(&mut entry, &person, culture, is_person);
        let display = entry.text(Text::DisplayName).to_owned();
        entry.name = self.free_name(&display);
        address.split('@').next().unwrap_or("user").clone_into(&mut entry.alias);
        entry.upn = Some(address.clone());
        if kind != Kind::PlainUser {
            entry.set_primary(&address, false);
            entry.windows_address.clone_from(&address);
            if domain != self.info.initial_domain {
                let initial = self.free_address(&entry.alias.clone(), &self.info.initial_domain.clone());
                entry.addresses.push(format!("smtp:{initial}"));
            }
            if self.dice.chance(0.05) {
                let old = self.dice.hex(32);
                entry.addresses.push(format!("X500:/o=OldOrg/ou=First Administrative Group/cn=Recipients/cn={old}"));
            }
        }
        entry.legacy_dn = legacy_dn(self.state, &entry.name);
        entry.account_enabled = is_person && !self.dice.chance(0.03);
        entry.hidden = self.dice.chance(0.04);
        entry.dir_synced = is_person && self.dice.chance(0.15);
        if is_person && !managers.is_empty() && self.dice.chance(0.6) {
            entry.manager = Some(*self.dice.pick(managers));
        }
        if kind == Kind::User && self.dice.chance(0.01) {
            entry.soft_deleted = Some(past(self.now, 29, &mut self.dice));
        }
        if kind == Kind::User && self.dice.chance(0.01) {
            entry.kind = Kind::MailUser;
            self.b2b_member(&mut entry);
        }
        entry
    }

    /// Somebody of another tenant who counts as a member here: `#EXT#`, but no guest.
    fn b2b_member(&mut self, entry: &mut Entry) {
        let (_, domain) = *self.dice.pick(PARTNERS);
        let address = self.free_address(&entry.alias.clone(), domain);
        entry.addresses.clear();
        entry.set_primary(&address, false);
        entry.windows_address.clone_from(&address);
        entry.external = Some(format!("SMTP:{address}"));
        entry.upn = Some(format!("{}#EXT#@{}", address.replace('@', "_"), self.info.initial_domain));
        entry.invited = true;
        entry.soft_deleted = None;
        entry.dir_synced = false;
    }

    fn describe(&mut self, entry: &mut Entry, person: &FullName, culture: &Culture, is_person: bool) {
        if is_person {
            let company = self.info.name.to_uppercase();
            dress(entry, person, culture, &company, &mut self.dice);
            return;
        }
        let place = *self.dice.pick(PLACES);
        let number = self.dice.between(1, 99_999);
        let display = match entry.kind {
            Kind::Room => format!("Room {place} {number}"),
            Kind::Equipment => format!("Beamer {place} {number}"),
            _ => format!("{} {number}", self.dice.pick(names::DEPARTMENTS)),
        };
        entry.set_text(Text::DisplayName, &display);
        if entry.kind == Kind::Room {
            entry.set_text(Text::Office, place);
        }
    }

    fn outside(&mut self, kind: Kind, at: usize, seed: u64, others: &[&[String]]) {
        let mut entry = self.begin(kind);
        // Every tenth is a person of another tenant; a quarter of the contacts is known to all tenants.
        let stand_in = others.iter().copied().filter(|list| !list.is_empty()).nth(at % others.len().max(1));
        let common = kind == Kind::Contact && at.is_multiple_of(4) && (at as u64) / 4 < COMMON;
        let mut shared = Dice::new(seed, &format!("common/{}", at / 4));
        let dice = if common { &mut shared } else { &mut self.dice };
        let culture = names::culture(dice);
        let person = culture.person(dice);
        let (company, domain) = *dice.pick(PARTNERS);
        let wanted = format!("{}@{domain}", person.local_part);
        dress(&mut entry, &person, culture, company, dice);
        let address = match stand_in {
            Some(people) if !common && at % 10 == 3 => {
                let drawn = people[self.dice.index(people.len())].clone();
                if self.state.directory.holder(&format!("smtp:{drawn}")).is_some() {
                    return;
                }
                drawn
            }
            _ if self.state.directory.holder(&format!("smtp:{wanted}")).is_none() => wanted,
            _ => self.free_address(&person.local_part, domain),
        };
        let display = entry.text(Text::DisplayName).to_owned();
        entry.name = self.free_name(&display);
        entry.alias = format!("{}-{}", person.local_part, self.dice.hex(4));
        entry.set_primary(&address, false);
        entry.windows_address.clone_from(&address);
        entry.external = Some(format!("SMTP:{address}"));
        entry.legacy_dn = legacy_dn(self.state, &entry.name);
        entry.hidden = kind == Kind::Guest && self.dice.chance(0.9) || self.dice.chance(0.03);
        match kind {
            Kind::Guest => {
                entry.upn = Some(format!("{}#EXT#@{}", address.replace('@', "_"), self.info.initial_domain));
            }
            Kind::MailUser => entry.upn = Some(format!("{}@{}", entry.alias, self.info.domain)),
            _ => self.contact_details(&mut entry, common),
        }
        self.state.directory.put(entry, self.now, self.now);
    }

    fn contact_details(&mut self, entry: &mut Entry, common: bool) {
        entry.dir_synced = self.dice.chance(0.08);
        entry.set_text(Text::MessageFormat, "Mime");
        entry.set_text(Text::MessageBodyFormat, "TextAndHtml");
        if common {
            // Both tenants know the person, but not all the same of him.
            match self.dice.below(4) {
                0 => entry.set_text(Text::Title, "Partner manager"),
                1 => entry.set_text(Text::Phone, "+41 44 000 00 00"),
                2 => entry.set_text(Text::MobilePhone, ""),
                _ => entry.set_text(Text::Department, "(unknown)"),
            };
        }
        if self.dice.chance(0.05) {
            entry.set_text(Text::MailTip, "<html><body>Outside of our organisation.</body></html>");
        }
        if self.dice.chance(0.03) {
            entry.set_list(List::ExtensionCustomAttribute1, vec!["vip".to_owned(), "board".to_owned()]);
        }
    }

    fn group(&mut self, kind: Kind, name: &str, members: BTreeSet<Uuid>) -> Uuid {
        let mut entry = self.begin(kind);
        entry.name = self.free_name(name);
        entry.set_text(Text::DisplayName, &entry.name.clone());
        let local: String = name.chars().filter(|one| one.is_ascii_alphanumeric() || *one == '-').collect();
        let local = if local.is_empty() { format!("group{}", self.dice.between(1, 99_999)) } else { local.to_lowercase() };
        entry.alias.clone_from(&local);
        entry.legacy_dn = legacy_dn(self.state, &entry.name);
        entry.members = Arc::new(members);
        if kind != Kind::SecurityGroup {
            let address = self.free_address(&local, &self.info.domain.clone());
            entry.set_primary(&address, false);
            entry.windows_address = address;
            entry.require_authentication = self.dice.chance(0.7);
            entry.hidden = self.dice.chance(0.05);
        }
        if kind == Kind::DynamicDistributionGroup {
            entry.set_text(Text::Description, "(RecipientType -eq 'UserMailbox') -or (RecipientType -eq 'MailContact')");
        }
        self.state.directory.put(entry, self.now, self.now).anchor
    }
}
