//! An administrator's session: one operation after the other.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::address::{AcceptedDomain, DomainType, default_alias, is_valid_alias};
use super::admin::Operation;
use super::attribute::{List, Text};
use super::entry::{Class, Entry, Kind, MadeBy, bare};
use crate::clock::whole_second;
use crate::entra::certificate::Certificate;
use crate::exchange::assign::Assign;
use crate::exchange::property::Lens;
use crate::exchange::write::{blank, legacy_dn};
use crate::faults::Faults;
use crate::tenant::{Tenant, TenantState};

/// The service side of an administrator's session.
pub(crate) struct Session<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) state: &'a mut TenantState,
    pub(crate) faults: &'a Faults,
    pub(crate) now: Timestamp,
    pub(crate) certificate_delay: std::time::Duration,
}

impl Session<'_> {
    /// Does one operation; the anchor of the object it was about.
    pub(crate) fn run(&mut self, operation: &Operation) -> Result<Option<Uuid>, String> {
        match operation {
            Operation::Create { kind, set, members } => self.create(*kind, set, members).map(Some),
            Operation::Update { anchor, set, kind } => self.update(*anchor, set, *kind).map(Some),
            Operation::Delete { anchor, permanent } => self.delete(*anchor, *permanent).map(Some),
            Operation::Restore { anchor } => self.restore(*anchor).map(Some),
            Operation::AddMember { anchor, member } => self.set_member(*anchor, *member, true).map(Some),
            Operation::RemoveMember { anchor, member } => self.set_member(*anchor, *member, false).map(Some),
            Operation::AcceptedDomain { domain, domain_type, remove } => {
                self.state.accepted_domains.retain(|known| !known.domain_name.eq_ignore_ascii_case(domain));
                if !remove {
                    self.state.accepted_domains.push(AcceptedDomain {
                        domain_name: domain.clone(),
                        domain_type: domain_type.unwrap_or(DomainType::Authoritative),
                        default: false,
                    });
                }
                Ok(None)
            }
            Operation::Grant { role } => {
                self.state.roles.insert(role.clone());
                Ok(None)
            }
            Operation::Revoke { role } => {
                self.state.roles.remove(role);
                Ok(None)
            }
            Operation::ExchangeRole { role } => {
                self.state.exchange_role = role.clone();
                Ok(None)
            }
            Operation::Certificates { add, .. } => {
                for pem in add {
                    let known_from = crate::clock::later(self.now, self.certificate_delay);
                    let certificate = Certificate::from_pem(pem.as_bytes(), self.state.ids.uuid(), known_from)
                        .map_err(|error| format!("no PEM certificate: {error}"))?;
                    self.state.certificates.push(certificate);
                }
                Ok(None)
            }
            Operation::Resync {} => {
                self.state.generation += 1;
                Ok(None)
            }
            Operation::DualWrite { waits } => {
                self.state.dual_write_waits = *waits;
                let waiting: Vec<Entry> = self.state.directory.in_name_order().filter_map(|anchor| self.live(anchor).ok()).collect();
                for mut entry in waiting.into_iter().filter(|entry| !waits && !entry.has_id) {
                    (entry.has_id, entry.graph_from) = (true, self.now);
                    self.store(entry, true);
                }
                Ok(None)
            }
        }
    }

    fn live(&self, anchor: Uuid) -> Result<Entry, String> {
        let found = self.state.directory.live(anchor).map(|entry| Entry::clone(entry));
        found.ok_or_else(|| format!("there is no object {anchor}"))
    }

    fn store(&mut self, mut entry: Entry, bump: bool) -> Uuid {
        if bump {
            entry.changed = whole_second(self.now);
        }
        let visible = self.state.graph_shows_at(self.faults, self.now, false);
        self.state.directory.put(entry, self.now, visible).anchor
    }

    fn create(&mut self, kind: Kind, set: &Map<String, Value>, members: &[Uuid]) -> Result<Uuid, String> {
        let mut entry = blank(self.state, kind, MadeBy::Admin, self.now);
        let text = |name: &str| {
            let found = set.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.and_then(|(_, value)| value.as_str()).unwrap_or("").to_owned()
        };
        let external = text("ExternalEmailAddress");
        let display = [text("DisplayName"), text("Name"), bare(&external).to_owned()].into_iter().find(|one| !one.is_empty());
        let display = display.ok_or("a DisplayName or a Name is needed")?;
        entry.name = text("Name");
        if entry.name.is_empty() {
            entry.name = display.chars().take(40).collect();
            if self.state.directory.by_name(&entry.name).is_some() {
                entry.name = format!("{} {}", entry.name, self.state.ids.hex(8));
            }
        }
        entry.set_text(Text::DisplayName, &display);
        entry.alias = alias(&entry.name, &text("Alias"), bare(&text("PrimarySmtpAddress")), &entry.anchor);
        self.usual(&mut entry, !external.is_empty())?;
        self.assign(&mut entry, set)?;
        if entry.legacy_dn.is_empty() {
            entry.legacy_dn = legacy_dn(self.state, &entry.name);
        }
        for member in members {
            self.live(*member)?;
        }
        if !members.is_empty() && !kind.is_group() {
            return Err("only groups have members".to_owned());
        }
        entry.members = Arc::new(members.iter().copied().collect::<BTreeSet<Uuid>>());
        self.unique(&entry)?;
        let visible = self.state.graph_shows_at(self.faults, self.now, false);
        entry.graph_from = visible;
        Ok(self.state.directory.put(entry, self.now, visible).anchor)
    }

    /// What an object of this kind has when nobody says otherwise.
    fn usual(&self, entry: &mut Entry, has_external: bool) -> Result<(), String> {
        let domain = self.state.accepted_domains.iter().find(|domain| domain.default);
        let domain = domain.map_or(self.tenant.info.domain.as_str(), |domain| domain.domain_name.as_str());
        let address = format!("{}@{domain}", entry.alias);
        if entry.kind.is_external() && !has_external {
            return Err("an ExternalEmailAddress is needed".to_owned());
        }
        match entry.kind {
            Kind::User | Kind::Shared | Kind::Room | Kind::Equipment => {
                entry.set_primary(&address, false);
                entry.addresses.push(format!("smtp:{}@{}", entry.alias, self.tenant.info.initial_domain));
                entry.windows_address.clone_from(&address);
                entry.upn = Some(address);
                entry.account_enabled = entry.kind == Kind::User;
            }
            Kind::MailUser | Kind::PlainUser => entry.upn = Some(address),
            Kind::Guest => entry.hidden = true,
            Kind::DistributionGroup
            | Kind::MailSecurityGroup
            | Kind::RoomList
            | Kind::Microsoft365Group
            | Kind::DynamicDistributionGroup => {
                entry.set_primary(&address, false);
                entry.windows_address = address;
                entry.require_authentication = true;
            }
            Kind::Contact | Kind::SecurityGroup => {}
        }
        Ok(())
    }

    fn assign(&self, entry: &mut Entry, set: &Map<String, Value>) -> Result<(), String> {
        let lens = Lens { directory: &self.state.directory, organisation: &self.tenant.info.initial_domain };
        let assign = Assign { lens, accepted: &self.state.accepted_domains, as_of: self.now };
        for (name, value) in set {
            let flag = || value.as_bool().ok_or_else(|| format!("{name} is true or false"));
            match name.as_str() {
                "AccountEnabled" => entry.account_enabled = flag()?,
                "AccountDisabled" => entry.account_enabled = !flag()?,
                "IsDirSynced" => entry.dir_synced = flag()?,
                "HiddenGroupMembershipEnabled" => entry.hidden_membership = flag()?,
                "HiddenFromAddressListsEnabled" => entry.hidden = flag()?,
                "RequireSenderAuthenticationEnabled" => entry.require_authentication = flag()?,
                "UserType" => entry.is_guest = value.as_str() == Some("Guest"),
                "CreationType" => entry.invited = value.as_str() == Some("Invitation"),
                "UserPrincipalName" => entry.upn = value.as_str().map(ToOwned::to_owned),
                "LegacyExchangeDN" => {
                    value.as_str().unwrap_or_default().clone_into(&mut entry.legacy_dn);
                }
                "WindowsEmailAddress"
                | "Name"
                | "Alias"
                | "Manager"
                | "EmailAddresses"
                | "ExternalEmailAddress"
                | "PrimarySmtpAddress"
                | "ModerationEnabled"
                | "UsePreferMessageFormat" => {
                    assign.set(entry, name, value).map_err(|error| error.text)?;
                }
                known
                    if Text::parse(known).is_some_and(|text| text.name() == known)
                        || List::parse(known).is_some_and(|list| list.name() == known) =>
                {
                    assign.set(entry, name, value).map_err(|error| error.text)?;
                }
                other => return Err(format!("there is no property {other} to set")),
            }
        }
        if entry.kind == Kind::Guest && entry.upn.is_none() {
            let external = entry.primary().replace('@', "_");
            entry.upn = Some(format!("{external}#EXT#@{}", self.tenant.info.initial_domain));
        }
        Ok(())
    }

    fn unique(&self, entry: &Entry) -> Result<(), String> {
        let lens = Lens { directory: &self.state.directory, organisation: &self.tenant.info.initial_domain };
        let assign = Assign { lens, accepted: &self.state.accepted_domains, as_of: self.now };
        assign.check_unique(entry, true).map_err(|error| error.text)
    }

    fn update(&mut self, anchor: Uuid, set: &Map<String, Value>, kind: Option<Kind>) -> Result<Uuid, String> {
        let before = self.live(anchor)?;
        let mut entry = before.clone();
        if let Some(kind) = kind {
            if kind.class() != entry.kind.class() {
                return Err("an object stays a user, a contact or a group".to_owned());
            }
            entry.kind = kind;
        }
        self.assign(&mut entry, set)?;
        self.unique(&entry)?;
        if entry == before { Ok(anchor) } else { Ok(self.store(entry, true)) }
    }

    fn delete(&mut self, anchor: Uuid, permanent: bool) -> Result<Uuid, String> {
        let found = self.state.directory.get(anchor).map(|entry| Entry::clone(entry));
        let mut entry = found.ok_or_else(|| format!("there is no object {anchor}"))?;
        let restorable = entry.kind.class() == Some(Class::User) || entry.kind == Kind::Microsoft365Group;
        let visible = self.state.graph_shows_at(self.faults, self.now, false);
        if restorable && !permanent {
            if !entry.is_live() {
                return Err("it is deleted already".to_owned());
            }
            self.state.directory.leave_groups(anchor, self.now, visible);
            entry.soft_deleted = Some(whole_second(self.now));
            self.state.directory.put(entry, self.now, visible);
        } else {
            self.state.directory.remove(anchor, self.now, visible);
        }
        Ok(anchor)
    }

    fn restore(&mut self, anchor: Uuid) -> Result<Uuid, String> {
        let found = self.state.directory.get(anchor).filter(|entry| !entry.is_live());
        let mut entry = Entry::clone(found.ok_or_else(|| format!("there is no deleted object {anchor}"))?);
        entry.soft_deleted = None;
        self.unique(&entry)?;
        Ok(self.store(entry, true))
    }

    fn set_member(&mut self, group: Uuid, member: Uuid, there: bool) -> Result<Uuid, String> {
        let mut entry = self.live(group)?;
        if !entry.kind.is_group() {
            return Err(format!("{group} is no group"));
        }
        let members = Arc::make_mut(&mut entry.members);
        if there {
            self.live(member)?;
            members.insert(member);
        } else if !members.remove(&member) {
            return Err(format!("{member} is no member"));
        }
        // Membership does not count as a change of the group: MICROSOFT.md section 3.3.
        Ok(self.store(entry, false))
    }
}

/// An alias for a new object: the one given, or one made from its address or its name.
fn alias(name: &str, given: &str, primary: &str, anchor: &Uuid) -> String {
    let local = primary.split('@').next().unwrap_or_default();
    let made = [given, local].into_iter().find(|one| !one.is_empty()).map_or_else(|| default_alias(name), ToOwned::to_owned);
    let plain: String = made.chars().filter(|one| one.is_ascii_alphanumeric() || "._-".contains(*one)).collect();
    let plain = if given.is_empty() { plain.to_lowercase() } else { given.to_owned() };
    if is_valid_alias(&plain) && plain.len() > 1 { plain } else { format!("u{}", &anchor.simple().to_string()[..10]) }
}
