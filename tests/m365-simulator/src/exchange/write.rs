//! The cmdlets that write: New-MailContact, the Set cmdlets, Remove-MailContact. MICROSOFT.md section 5.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::assign::Assign;
use super::columns;
use super::error::ExchangeError;
use super::identity::resolve;
use super::invoke::{Invocation, envelope};
use super::property::Lens;
use super::row::write_row;
use crate::clock::{earlier, whole_second};
use crate::directory::address::default_alias;
use crate::directory::attribute::Text;
use crate::directory::entry::{Entry, Kind, MadeBy};
use crate::faults::SetAnswer;
use crate::reply::Reply;
use crate::tenant::TenantState;

/// Runs a cmdlet that writes.
pub(crate) fn run(call: &Invocation<'_>, state: &mut TenantState) -> Result<Reply, ExchangeError> {
    match call.bound.cmdlet {
        "New-MailContact" => create(call, state),
        "Remove-MailContact" => remove(call, state),
        _ => change(call, state),
    }
}

fn assign<'a>(call: &'a Invocation<'_>, state: &'a TenantState) -> Assign<'a> {
    let lens = Lens { directory: &state.directory, organisation: &call.tenant.info.initial_domain };
    Assign { lens, accepted: &state.accepted_domains, as_of: call.as_of() }
}

/// An object with nothing but its ids.
pub(crate) fn blank(state: &mut TenantState, kind: Kind, made_by: MadeBy, now: Timestamp) -> Entry {
    let now = whole_second(now);
    Entry {
        anchor: state.ids.uuid(),
        guid: state.ids.uuid(),
        kind,
        made_by,
        name: String::new(),
        alias: String::new(),
        upn: None,
        is_guest: kind == Kind::Guest,
        invited: kind == Kind::Guest,
        account_enabled: true,
        addresses: Vec::new(),
        external: None,
        windows_address: String::new(),
        hidden: false,
        dir_synced: false,
        require_authentication: false,
        moderation_enabled: false,
        prefer_message_format: false,
        hidden_membership: false,
        manager: None,
        legacy_dn: String::new(),
        texts: Vec::new(),
        lists: Vec::new(),
        members: Arc::new(BTreeSet::new()),
        soft_deleted: None,
        created: now,
        changed: now,
        has_id: true,
        graph_from: now,
        ever_set: 0,
    }
}

/// The legacy name a new object gets: the old one never comes back.
pub(crate) fn legacy_dn(state: &mut TenantState, name: &str) -> String {
    let short: String = name.chars().filter(char::is_ascii).take(20).collect();
    format!("/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn={}-{short}", state.ids.hex(32))
}

fn create(call: &Invocation<'_>, state: &mut TenantState) -> Result<Reply, ExchangeError> {
    let now = call.asked.arrived;
    let name = call.bound.text("Name").unwrap_or_default();
    let quota = call.inner.config.creation_quota;
    let mut entry = blank(state, Kind::Contact, MadeBy::App, now);
    entry.alias = default_alias(&name);
    entry.set_text(Text::MessageFormat, "Mime");
    entry.set_text(Text::MessageBodyFormat, "TextAndHtml");
    entry.set_text(Text::MacAttachmentFormat, "BinHex");
    entry.set_text(Text::UseMapiRichTextFormat, "UseDefaultSettings");
    entry.set_text(Text::SendModerationNotifications, "Always");
    {
        let assign = assign(call, state);
        for (parameter, value) in call.bound.given() {
            if parameter == "Alias" && value.is_null() {
                continue;
            }
            assign.set(&mut entry, parameter, value)?;
        }
        if entry.external.is_none() {
            assign.set(&mut entry, "ExternalEmailAddress", &Value::String(String::new()))?;
        }
        if entry.text(Text::DisplayName).is_empty() {
            entry.set_text(Text::DisplayName, &name);
        }
        assign.check_unique(&entry, state.stats.writes.is_multiple_of(2))?;
    }
    if let Some(quota) = quota {
        let horizon = earlier(now, Duration::from_hours(1));
        while state.creations.front().is_some_and(|at| *at <= horizon) {
            state.creations.pop_front();
        }
        if state.creations.len() >= usize::try_from(quota).unwrap_or(usize::MAX) {
            return Err(ExchangeError::new(
                "creation-quota",
                400,
                "Microsoft.Exchange.Management.Tasks.RecipientUsageExceededRecentQuotaException",
                "You've reached the maximum number of mail users and contacts you can create at this time. Please \
                 wait and try again later.",
            ));
        }
    }
    if call.bound.flag("WhatIf") {
        return Ok(done(call, state, &[]));
    }
    entry.legacy_dn = legacy_dn(state, &name);
    entry.has_id = !state.dual_write_waits;
    let visible = if entry.has_id { state.graph_shows_at(&call.faults(), now, true) } else { Timestamp::MAX };
    entry.graph_from = visible;
    let stored = state.directory.put(entry, now, visible);
    state.creations.push_back(now);
    let lens = Lens { directory: &state.directory, organisation: &call.tenant.info.initial_domain };
    let all = columns::of("Get-MailContact");
    let shown: Vec<columns::Column> = match &call.select {
        None => all.to_vec(),
        Some(wanted) => all.iter().filter(|(name, _)| wanted.iter().any(|one| one.eq_ignore_ascii_case(name))).copied().collect(),
    };
    let mut row = String::new();
    write_row(&mut row, lens, &stored, &shown);
    let mut reply = envelope(call, &[], None, &row);
    reply.committed = true;
    Ok(reply)
}

/// Objects mastered on premises are not changed here.
fn not_synced(call: &Invocation<'_>, entry: &Entry) -> Result<(), ExchangeError> {
    if !entry.dir_synced {
        return Ok(());
    }
    let properties: Vec<&str> =
        call.bound.given().map(|(name, _)| name).filter(|name| !matches!(*name, "Identity" | "Confirm" | "WhatIf")).collect();
    let name = &entry.name;
    Err(ExchangeError::new(
        "dir-synced",
        400,
        "System.InvalidOperationException",
        format!(
            "The operation on mailbox \"{name}\" failed because it's out of the current user's write scope. The action \
             '{}', '{}', can't be performed on the object '{name}' because the object is being synchronized from your \
             on-premises organization. This action should be performed on the object in your on-premises organization.",
            call.bound.cmdlet,
            properties.join(",")
        ),
    ))
}

/// The object as this domain controller knows it, and as it is.
fn found(call: &Invocation<'_>, state: &TenantState) -> Result<Arc<Entry>, ExchangeError> {
    let identity = call.bound.text("Identity").unwrap_or_default();
    let lens = Lens { directory: &state.directory, organisation: &call.tenant.info.initial_domain };
    let seen = resolve(lens, call.bound.cmdlet, &identity, call.as_of())?;
    let present = state.directory.live(seen.anchor).cloned();
    present.ok_or_else(|| ExchangeError::not_found(&identity))
}

fn change(call: &Invocation<'_>, state: &mut TenantState) -> Result<Reply, ExchangeError> {
    let now = call.asked.arrived;
    let before = found(call, state)?;
    not_synced(call, &before)?;
    let mut entry = Entry::clone(&before);
    {
        let assign = assign(call, state);
        // The external address last: it decides over the primary one.
        for last in [false, true] {
            for (parameter, value) in call.bound.given() {
                if (parameter == "ExternalEmailAddress") == last {
                    assign.set(&mut entry, parameter, value)?;
                }
            }
        }
        assign.check_unique(&entry, state.stats.writes.is_multiple_of(2))?;
    }
    if entry == *before {
        let warning = format!("The command completed successfully but no settings of '{}' have been modified.", before.name);
        return Ok(done(call, state, &[warning]));
    }
    if call.bound.flag("WhatIf") {
        return Ok(done(call, state, &[]));
    }
    entry.changed = whole_second(now);
    let visible = state.graph_shows_at(&call.faults(), now, true);
    state.directory.put(entry, now, visible);
    let mut reply = done(call, state, &[]);
    reply.committed = true;
    Ok(reply)
}

fn remove(call: &Invocation<'_>, state: &mut TenantState) -> Result<Reply, ExchangeError> {
    let now = call.asked.arrived;
    let entry = found(call, state)?;
    not_synced(call, &entry)?;
    if call.bound.flag("WhatIf") {
        return Ok(done(call, state, &[]));
    }
    let visible = state.graph_shows_at(&call.faults(), now, true);
    state.directory.remove(entry.anchor, now, visible);
    let mut reply = done(call, state, &[]);
    reply.committed = true;
    Ok(reply)
}

/// Success without a row: 200 with an empty list, or 204. MICROSOFT.md section 11, point 2.
fn done(call: &Invocation<'_>, state: &mut TenantState, warnings: &[String]) -> Reply {
    let answer = call.faults().set_answer();
    state.answered_sets += 1;
    let no_content = match answer {
        SetAnswer::Ok => false,
        SetAnswer::NoContent => true,
        SetAnswer::Mixed => state.answered_sets.is_multiple_of(2),
    };
    if no_content && warnings.is_empty() { Reply::empty(204) } else { envelope(call, warnings, None, "") }
}
