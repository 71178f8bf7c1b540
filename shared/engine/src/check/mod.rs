//! `check`: whether a tenant is ready, each finding with what to do.

mod probe;

use gal::stamp::Mark;
use gal::{Field, Side};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{Clock, DirectoryReader, DomainType, DynamicGroup, ExchangeRow, ReadError, RecipientQuery};
use crate::setup::Connection;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Not looked at.
    Open,
    /// Works, but should be looked at.
    Warn,
    /// Does not work.
    Fail,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad.
    pub level: Level,
    /// What was looked at.
    pub what: String,
    /// What was found, and what to do.
    pub text: String,
}

/// What was found of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantFindings {
    /// The tenant.
    pub tenant: String,
    /// In the order in which it was looked at.
    pub findings: Vec<Finding>,
}

/// A permission that is needed, and the wider ones that include it.
struct Needed {
    role: &'static str,
    wider: &'static [&'static str],
}

const NEEDED: [Needed; 4] = [
    Needed { role: "User.Read.All", wider: &["User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"] },
    Needed {
        role: "GroupMember.Read.All",
        wider: &["Group.Read.All", "Group.ReadWrite.All", "GroupMember.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
    },
    Needed { role: "OrgContact.Read.All", wider: &["Directory.Read.All", "Directory.ReadWrite.All"] },
    Needed { role: "Exchange.ManageAsApp", wider: &[] },
];

/// Rights that the application may have for other jobs of galbridge.
const ALSO_USED: [&str; 1] = ["Application.ReadWrite.OwnedBy"];

/// What was found.
#[derive(Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Adds one.
    pub fn add(&mut self, level: Level, what: &str, text: impl Into<String>) {
        self.0.push(Finding { level, what: what.to_owned(), text: text.into() });
    }
}

/// Looks at a tenant: rights, domains, what would be in the way. `probe`: also makes, fills, reads back, hides and removes a contact.
pub async fn look(connection: &Connection, clock: &dyn Clock, stamp: Field, installation: &str, probe: bool, findings: &mut Findings) {
    let reader = connection.reader.clone();
    match reader.roles().await {
        Ok(roles) => rights(findings, &roles),
        Err(error) => return findings.add(Level::Fail, "token", error.to_string()),
    }
    if !probe {
        findings.add(Level::Open, "right to write", "not looked at: only `check --probe`, or a first write, shows it");
    }
    match domains(&*reader).await {
        Ok((level, text)) => findings.add(level, "accepted domains", text),
        // Without them nothing is ever written; the rest would fail for the same reason.
        Err(error) => return findings.add(Level::Fail, "accepted domains", error.to_string()),
    }
    match recipients(&*reader).await {
        Ok(rows) => directory(findings, stamp, installation, &rows),
        Err(error) => findings.add(Level::Fail, "recipients", error.to_string()),
    }
    match reader.dynamic_groups().await {
        Ok(groups) => dynamic_groups(findings, &groups),
        Err(error) => findings.add(Level::Fail, "dynamic groups", error.to_string()),
    }
    if probe {
        probe::probe(connection, clock, stamp, installation, findings).await;
    }
}

impl Engine {
    /// Looks at both tenants of a pair.
    pub(crate) async fn check(&self, pair: &str, probe: bool) -> Result<Vec<TenantFindings>, EngineError> {
        let mut all = Vec::new();
        for side in Side::BOTH {
            all.push(self.check_side(pair, side, probe).await?);
        }
        Ok(all)
    }

    /// Looks at one tenant of a pair; only its connection is needed.
    pub async fn check_side(&self, pair: &str, side: Side, probe: bool) -> Result<TenantFindings, EngineError> {
        let tenant = self.pair(pair)?.tenants.get(side);
        let mut findings = Findings::default();
        look(self.connection(tenant)?, &*self.clock, tenant.stamp_attribute, &self.installation, probe, &mut findings).await;
        Ok(TenantFindings { tenant: tenant.name.clone(), findings: findings.0 })
    }
}

/// `1 recipient`, `2 recipients`.
fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

fn rights(findings: &mut Findings, roles: &[String]) {
    let has = |role: &str| roles.iter().any(|known| known == role);
    let mut explained: Vec<&str> = ALSO_USED.to_vec();
    for needed in NEEDED {
        explained.push(needed.role);
        if has(needed.role) {
            findings.add(Level::Ok, "right", needed.role);
        } else if let Some(wider) = needed.wider.iter().find(|wider| has(wider)) {
            explained.extend(needed.wider);
            findings.add(
                Level::Warn,
                "right",
                format!("{} by way of {wider}, which allows more than is needed: grant {} instead", needed.role, needed.role),
            );
        } else {
            let text = format!(
                "{} is missing: grant this application permission and give admin consent (it takes up to an hour to arrive)",
                needed.role
            );
            findings.add(Level::Fail, "right", text);
        }
    }
    let surplus: Vec<&str> = roles.iter().map(String::as_str).filter(|role| !explained.contains(role)).collect();
    if !surplus.is_empty() {
        findings.add(Level::Warn, "surplus rights", format!("{}: galbridge does not use them; take them away", surplus.join(", ")));
    }
}

async fn domains(reader: &dyn DirectoryReader) -> Result<(Level, String), ReadError> {
    let domains = reader.accepted_domains().await?;
    let named = |wanted: DomainType| {
        let names: Vec<&str> = domains.iter().filter(|domain| domain.domain_type == wanted).map(|domain| domain.domain.as_str()).collect();
        names.join(", ")
    };
    let (own, relay) = (named(DomainType::Authoritative), named(DomainType::Relay));
    Ok(match (own.is_empty(), relay.is_empty()) {
        (true, _) => (Level::Warn, "none is authoritative: is this the right tenant?".to_owned()),
        (false, true) => (Level::Ok, own),
        (false, false) => (Level::Ok, format!("{own}; relayed: {relay} (addresses there are skipped unless internal_relay = \"publish\")")),
    })
}

async fn recipients(reader: &dyn DirectoryReader) -> Result<Vec<ExchangeRow>, ReadError> {
    let query = RecipientQuery::CreatedIn { from: None, to: None };
    // A page link lives for minutes; once more from the beginning is enough for a look.
    for last in [false, true] {
        let (mut rows, mut next): (Vec<ExchangeRow>, Option<String>) = (Vec::new(), None);
        loop {
            match reader.recipients(&query, next.as_deref()).await {
                Ok(page) => {
                    rows.extend(page.rows);
                    next = page.next;
                }
                Err(ReadError::PageExpired) if !last => break,
                Err(error) => return Err(error),
            }
            if next.is_none() {
                return Ok(rows);
            }
        }
    }
    Err(ReadError::PageExpired)
}

fn directory(findings: &mut Findings, attribute: Field, installation: &str, rows: &[ExchangeRow]) {
    findings.add(Level::Ok, "recipients", format!("{} in Exchange", rows.len()));
    let (mut foreign, mut others) = (0_u64, 0_u64);
    for row in rows {
        match row.half.values.get(attribute).map(Mark::parse) {
            Some(Mark::Foreign(_)) => foreign += 1,
            Some(Mark::Stamp(stamp)) if stamp.installation != installation => others += 1,
            Some(Mark::None | Mark::Stamp(_)) | None => {}
        }
    }
    if foreign > 0 {
        let text = format!(
            "{attribute} of {} holds something else, which is never overwritten: choose a free stamp_attribute in the profile",
            count(foreign, "recipient")
        );
        findings.add(Level::Warn, "stamp attribute", text);
    } else {
        findings.add(Level::Ok, "stamp attribute", format!("{attribute} holds nothing of others"));
    }
    if others > 0 {
        let text = format!(
            "{} bear stamps of another installation: they are left alone, unless a merge says --take-over",
            count(others, "contact")
        );
        findings.add(Level::Warn, "other installations", text);
    }
    let synced = rows.iter().filter(|row| row.half.directory_synced).count() as u64;
    if synced > 0 {
        findings.add(
            Level::Ok,
            "on-premises",
            format!("{} are mastered on-premises: they are published, and never written here", count(synced, "recipient")),
        );
    }
    let remote = rows
        .iter()
        .filter(|row| row.half.type_details == "RemoteUserMailbox" || (row.half.type_details == "MailUser" && row.half.directory_synced))
        .count() as u64;
    if remote > 0 {
        let text = format!(
            "{} have their mailbox on-premises, and never see contacts that exist in the cloud only: tell them, or move them",
            count(remote, "person")
        );
        findings.add(Level::Warn, "on-premises mailboxes", text.replace("persons", "people"));
    }
}

fn dynamic_groups(findings: &mut Findings, groups: &[DynamicGroup]) {
    let admitting: Vec<String> = groups.iter().filter(|group| group.admits_contacts()).map(|group| group.name.clone()).collect();
    if admitting.is_empty() {
        findings.add(Level::Ok, "dynamic groups", "none admits mail contacts");
        return;
    }
    let named = admitting.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let more = if admitting.len() > 5 { format!(" and {} more", admitting.len() - 5) } else { String::new() };
    let text = format!(
        "{} may admit mail contacts, so published ones would get their mail: {named}{more}. Exclude Name -like 'galbridge-*' there, or accept it, before the first merge",
        count(admitting.len() as u64, "dynamic distribution group")
    );
    findings.add(Level::Warn, "dynamic groups", text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_missing_wider_or_surplus() {
        let mut findings = Findings::default();
        rights(&mut findings, &["Directory.Read.All", "Mail.Send", "Exchange.ManageAsApp"].map(str::to_owned));
        let levels: Vec<Level> = findings.0.iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Warn, Level::Warn, Level::Warn, Level::Ok, Level::Warn]);
        assert!(findings.0[4].text.starts_with("Mail.Send:"), "{:?}", findings.0);
        let mut findings = Findings::default();
        rights(&mut findings, &["User.Read.All".to_owned()]);
        assert_eq!(findings.0.iter().filter(|finding| finding.level == Level::Fail).count(), 3);
    }

    #[test]
    fn filters_that_may_admit_contacts_are_told() {
        for (filter, admits) in [
            ("RecipientType -eq 'UserMailbox'", false),
            ("(RecipientType -eq 'UserMailbox') -or (RecipientType -eq 'MailContact')", true),
            ("Department -eq 'Sales'", true),
            ("(Department -eq 'Sales') -and -not(Name -like 'galbridge-*')", false),
        ] {
            let group = DynamicGroup { name: "Everybody".to_owned(), filter: filter.to_owned() };
            assert_eq!(group.admits_contacts(), admits, "{filter}");
        }
    }
}
