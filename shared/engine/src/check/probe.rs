//! `check --probe`: one contact made, filled, read back, hidden and removed in a real tenant.

use std::time::Duration;

use gal::normalise::compared;
use gal::stamp::{Mark, NAME_PREFIX};
use gal::{Anchor, Field, Provenance, Role, Stamp};
use uuid::Uuid;

use super::{Findings, Level};
use crate::ports::{Clock, ContactChange, Detail, NewContact, RecipientQuery, TenantError, WriteError};
use crate::setup::Connection;

/// What the canary is filled with: one value of each kind that services like to give back otherwise.
const SENT: [(Field, &str); 12] = [
    (Field::FirstName, "Kanarienvogel"),
    (Field::LastName, "Ünïcødé 鳥"),
    (Field::Title, "Canary of galbridge"),
    (Field::Company, "galbridge & Söhne"),
    (Field::Department, "Test"),
    (Field::Office, "Bldg. 1"),
    (Field::Phone, "+41 44 668 18 00"),
    (Field::MobilePhone, "+41 79 000 00 00"),
    (Field::City, "Zürich"),
    (Field::StateOrProvince, "ZH"),
    (Field::PostalCode, "8001"),
    (Field::CountryOrRegion, "Switzerland"),
];

/// How often a reading is repeated until a write shows.
const READINGS: u32 = 6;

/// Makes, fills, reads back, hides and removes one contact, and tells each difference from what was sent.
pub(super) async fn probe(connection: &Connection, clock: &dyn Clock, attribute: Field, installation: &str, findings: &mut Findings) {
    // The moment is chance enough: a probe is made by hand.
    let id = format!("{:012x}", clock.now().as_microsecond());
    let contact = NewContact {
        name: format!("{NAME_PREFIX}probe-{id}"),
        alias: format!("{NAME_PREFIX}probe-{id}"),
        // A domain that never receives mail.
        address: format!("galbridge-probe-{id}@example.com"),
        display_name: "galbridge probe: may be deleted".to_owned(),
        first_name: None,
        last_name: None,
        initials: None,
    };
    let guid = match make(connection, clock, &contact).await {
        Ok(guid) => guid,
        Err(error) => {
            let text = format!("it could not be made: {error}. Should a contact named {} exist, delete it", contact.name);
            return findings.add(Level::Fail, "probe", text);
        }
    };
    findings.add(Level::Ok, "probe", format!("made {}", contact.name));
    let probe = Probe { connection, clock, attribute, guid };
    if let Err(text) = probe.fill(installation, findings).await {
        findings.add(Level::Fail, "probe", text);
    }
    if let Err(text) = probe.hide(findings).await {
        findings.add(Level::Fail, "probe", text);
    }
    // Whatever went wrong before: what was made is removed.
    match connection.writer.remove(guid).await {
        Ok(()) => findings.add(Level::Ok, "probe", "removed"),
        Err(error) => {
            findings.add(Level::Fail, "probe", format!("it could not be removed: {error}; delete the contact {} by hand", contact.name));
        }
    }
}

/// Makes it. Where the answer is lost it is looked for by its Name first, as any creation is; a service that is
/// busy is asked once more.
async fn make(connection: &Connection, clock: &dyn Clock, contact: &NewContact) -> Result<Uuid, WriteError> {
    let mut outcome = connection.writer.create(contact).await;
    for _ in 0..READINGS {
        match outcome {
            Ok(created) => return Ok(created.guid),
            Err(WriteError::Unknown { .. } | WriteError::Tenant(TenantError::Transient { .. })) => {}
            Err(error) => return Err(error),
        }
        clock.sleep(Duration::from_secs(20)).await;
        let found = connection.reader.recipients(&RecipientQuery::Name(contact.name.clone()), None).await;
        if let Some(row) = found.ok().and_then(|page| page.rows.into_iter().next()) {
            return Ok(row.half.guid);
        }
        outcome = connection.writer.create(contact).await;
    }
    outcome.map(|created| created.guid)
}

struct Probe<'p> {
    connection: &'p Connection,
    clock: &'p dyn Clock,
    attribute: Field,
    guid: Uuid,
}

impl Probe<'_> {
    async fn fill(&self, installation: &str, findings: &mut Findings) -> Result<(), String> {
        let stamp = Stamp {
            installation: installation.to_owned(),
            origin_tenant: "static".to_owned(),
            anchor: Anchor(self.guid),
            provenance: Provenance::Made,
            role: Role::Projection,
            staged: None,
        };
        let change = ContactChange {
            values: SENT.iter().map(|(field, value)| (*field, Some((*value).to_owned()))).collect(),
            stamp: Some((self.attribute, Some(stamp.to_string()))),
            ..ContactChange::default()
        };
        self.connection.writer.change(self.guid, &change).await.map_err(|error| format!("it could not be filled: {error}"))?;
        let mut differing = Vec::new();
        for reading in 0..READINGS {
            if reading > 0 {
                self.clock.sleep(Duration::from_secs(5)).await;
            }
            let (seen, stamped) = self.read().await?;
            differing = SENT.into_iter().filter_map(|(field, sent)| difference(field, sent, seen(field).as_deref())).collect();
            if stamped != Mark::Stamp(stamp.clone()) {
                differing.push((Level::Fail, format!("the stamp in {} was not given back as it was sent", self.attribute)));
            }
            if differing.iter().all(|(level, _)| *level == Level::Ok) {
                break;
            }
        }
        findings.add(Level::Ok, "probe", format!("filled and read back {} fields and the stamp", SENT.len()));
        for (level, text) in differing {
            findings.add(level, "probe", text);
        }
        Ok(())
    }

    /// What the row and the detail readings say of it.
    async fn read(&self) -> Result<(impl Fn(Field) -> Option<String> + use<>, Mark), String> {
        let query = RecipientQuery::Guid(self.guid);
        let reader = &self.connection.reader;
        let page = reader.recipients(&query, None).await.map_err(|error| format!("it could not be read back: {error}"))?;
        let row = page.rows.into_iter().next().ok_or("it was made, but Get-Recipient does not show it")?;
        let details =
            reader.details(Detail::Contact, &query, None).await.map_err(|error| format!("Get-Contact could not be read: {error}"))?;
        let details: Vec<(Field, Option<String>)> = details.rows.into_iter().flat_map(|row| row.values).collect();
        let mark = Mark::parse(row.half.values.get(self.attribute).unwrap_or_default());
        let values = row.half.values;
        let seen = move |field: Field| {
            let detail = details.iter().find(|(known, _)| *known == field).and_then(|(_, value)| value.clone());
            detail.or_else(|| values.get(field).map(str::to_owned))
        };
        Ok((seen, mark))
    }

    async fn hide(&self, findings: &mut Findings) -> Result<(), String> {
        let change = ContactChange { hidden: Some(true), ..ContactChange::default() };
        self.connection.writer.change(self.guid, &change).await.map_err(|error| format!("it could not be hidden: {error}"))?;
        for reading in 0..READINGS {
            if reading > 0 {
                self.clock.sleep(Duration::from_secs(5)).await;
            }
            let page = self.connection.reader.recipients(&RecipientQuery::Guid(self.guid), None).await;
            let page = page.map_err(|error| format!("it could not be read back: {error}"))?;
            if page.rows.first().is_some_and(|row| row.half.hidden) {
                findings.add(Level::Ok, "probe", "hidden, and shown as hidden");
                return Ok(());
            }
        }
        Err("it was hidden, but is still shown as visible".to_owned())
    }
}

/// A value that came back otherwise: harmless where both spellings are treated as one value.
fn difference(field: Field, sent: &str, seen: Option<&str>) -> Option<(Level, String)> {
    let seen_text = seen.unwrap_or_default();
    if seen_text == sent {
        return None;
    }
    if compared(field, seen_text) == compared(field, sent) {
        return Some((Level::Ok, format!("{field}: sent \"{sent}\", given back as \"{seen_text}\", which counts as the same")));
    }
    Some((
        Level::Fail,
        format!("{field}: sent \"{sent}\", given back as \"{seen_text}\": report this, it would be written again in every cycle"),
    ))
}
