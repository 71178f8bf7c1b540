//! `check`: whether everything is ready, tenant by tenant, each finding with what to do.

use std::fmt::Write as _;

use engine::ports::{DirectoryReader, DomainType, ExchangeRow, ReadError, RecipientQuery};
use gal::stamp::Mark;
use profile::Tenant;
use serde::Serialize;

use super::probe;
use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::screen::{Paint, count, thousands};
use crate::session::{Client, Loaded, Time, connect};
use crate::show::clean;
use crate::wiring::Environment;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
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
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// How bad.
    pub(super) level: Level,
    /// What was looked at.
    pub(super) what: &'static str,
    /// What was found, and what to do.
    pub(super) text: String,
}

#[derive(Debug, Serialize)]
struct TenantDocument {
    tenant: String,
    findings: Vec<Finding>,
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
const ALSO_USED: [&str; 3] = ["Contacts.ReadWrite", "Application.ReadWrite.OwnedBy", "ProfilePhoto.Read.All"];

/// Looks at all tenants, or at one.
pub(crate) async fn check(environment: &Environment, global: &Global, probe: bool, only: Option<&str>) -> Result<Exit, CliError> {
    let loaded = Loaded::read(global)?;
    if let Some(name) = only.filter(|name| !loaded.profile.tenants.contains_key(*name)) {
        let known: Vec<&str> = loaded.profile.tenants.keys().map(String::as_str).collect();
        return Err(CliError::wrong(format!("the profile has no tenant {name}; it has: {}", known.join(", "))));
    }
    let time = Time::of(environment, global).await?;
    let mut documents = Vec::new();
    for tenant in loaded.profile.tenants.values().filter(|tenant| only.is_none_or(|name| tenant.name == name)) {
        let mut findings = Findings::default();
        look(environment, &loaded, tenant, &time, &mut findings, probe).await;
        documents.push(TenantDocument { tenant: tenant.name.clone(), findings: findings.0 });
    }
    environment.screen.answer(&documents, |paint| text(&documents, &loaded, paint))?;
    let failed = documents.iter().any(|document| document.findings.iter().any(|finding| finding.level == Level::Fail));
    Ok(if failed { Exit::Failed } else { Exit::InStep })
}

/// What was found.
#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, level: Level, what: &'static str, text: impl Into<String>) {
        self.0.push(Finding { level, what, text: text.into() });
    }
}

async fn look(environment: &Environment, loaded: &Loaded, tenant: &Tenant, time: &Time, findings: &mut Findings, probe: bool) {
    let client = match connect(environment, loaded, tenant, time) {
        Ok(client) => client,
        Err(error) => return findings.add(Level::Fail, "certificate", error.message),
    };
    let expiry = client.credential.expiry(time.clock.now());
    let level = match expiry {
        credentials::Expiry::Fine { .. } => Level::Ok,
        credentials::Expiry::Soon { .. } => Level::Warn,
        credentials::Expiry::Expired { .. } | credentials::Expiry::NotYetValid => Level::Fail,
    };
    findings.add(level, "certificate", expiry.to_string());
    let reader = client.connection.reader.clone();
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
        Ok(rows) => directory(findings, tenant, loaded, &rows),
        Err(error) => findings.add(Level::Fail, "recipients", error.to_string()),
    }
    match reader.dynamic_groups().await {
        Ok(groups) => dynamic_groups(findings, &groups),
        Err(error) => findings.add(Level::Fail, "dynamic groups", error.to_string()),
    }
    if probe {
        let Client { connection, .. } = client;
        probe::probe(&connection, &*time.clock, tenant, &loaded.profile.installation, findings).await;
    }
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

fn directory(findings: &mut Findings, tenant: &Tenant, loaded: &Loaded, rows: &[ExchangeRow]) {
    findings.add(Level::Ok, "recipients", format!("{} in Exchange", thousands(rows.len() as u64)));
    let (mut foreign, mut others) = (0_u64, 0_u64);
    for row in rows {
        match row.half.values.get(tenant.stamp_attribute).map(Mark::parse) {
            Some(Mark::Foreign(_)) => foreign += 1,
            Some(Mark::Stamp(stamp)) if stamp.installation != loaded.profile.installation => others += 1,
            Some(Mark::None | Mark::Stamp(_)) | None => {}
        }
    }
    let attribute = tenant.stamp_attribute;
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

fn dynamic_groups(findings: &mut Findings, groups: &[engine::ports::DynamicGroup]) {
    let admitting: Vec<String> = groups.iter().filter(|group| group.admits_contacts()).map(|group| group.name.clone()).collect();
    if admitting.is_empty() {
        findings.add(Level::Ok, "dynamic groups", "none admits mail contacts");
        return;
    }
    let named = clean(&admitting.iter().take(5).cloned().collect::<Vec<_>>().join(", "));
    let more = if admitting.len() > 5 { format!(" and {} more", admitting.len() - 5) } else { String::new() };
    let text = format!(
        "{} may admit mail contacts, so published ones would get their mail: {named}{more}. Exclude Name -like 'galbridge-*' there, or accept it, before the first merge",
        count(admitting.len() as u64, "dynamic distribution group")
    );
    findings.add(Level::Warn, "dynamic groups", text);
}

fn text(documents: &[TenantDocument], loaded: &Loaded, paint: Paint) -> String {
    let mut text = String::new();
    for document in documents {
        let cloud = loaded.profile.tenants.get(&document.tenant).map(|tenant| tenant.cloud.as_str()).unwrap_or_default();
        let _ = writeln!(text, "{}", paint.bold(&format!("{} ({cloud})", document.tenant)));
        for finding in &document.findings {
            let level = match finding.level {
                Level::Ok => paint.green("ok  "),
                Level::Open => paint.dim("?   "),
                Level::Warn => paint.yellow("warn"),
                Level::Fail => paint.red("FAIL"),
            };
            let _ = writeln!(text, "  {level}  {}: {}", finding.what, clean(&finding.text));
        }
    }
    let counted =
        |level: Level| documents.iter().flat_map(|document| &document.findings).filter(|finding| finding.level == level).count() as u64;
    let (warnings, failures) = (counted(Level::Warn), counted(Level::Fail));
    let _ = writeln!(text, "\n{}, {}", count(failures, "failure"), count(warnings, "warning"));
    text
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
            let group = engine::ports::DynamicGroup { name: "Everybody".to_owned(), filter: filter.to_owned() };
            assert_eq!(group.admits_contacts(), admits, "{filter}");
        }
    }
}
