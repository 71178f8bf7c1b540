//! `runs` and `explain`: what was done, and why somebody is or is not in the list.

use std::fmt::Write as _;

use engine::act::{Action, Answer};
use engine::explain::Explained;
use gal::recipient::Presence;
use gal::{Phase, Provenance, Role};
use jiff::Timestamp;
use serde_json::json;

use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::screen::Paint;
use crate::session::{Need, Session};
use crate::show::{ago, clean, moment, run, value};
use crate::wiring::Environment;

/// The last runs, or one with its operations.
pub(crate) async fn runs(environment: &Environment, global: &Global, id: Option<&str>, limit: u16) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Nobody).await?;
    let setup = session.setup()?;
    let Some(id) = id else {
        let runs = match session.act(Action::Runs { limit }).await? {
            Answer::Runs(runs) => runs,
            other => return Err(CliError::unexpected(&other)),
        };
        environment.screen.answer(&runs, |paint| {
            if runs.is_empty() {
                return format!("{}: there was no run yet", session.pair);
            }
            let lines = runs.iter().map(|one| format!("{}  {}", paint.dim(&one.id), run::line(one, setup, paint)));
            lines.collect::<Vec<_>>().join("\n")
        })?;
        return Ok(Exit::InStep);
    };
    let (one, operations) = match session.act(Action::Operations { run: id.to_owned() }).await? {
        Answer::Operations { run, operations } => (run, operations),
        other => return Err(CliError::unexpected(&other)),
    };
    environment.screen.answer(&json!({"run": one, "operations": operations}), |paint| run::details(&one, &operations, setup, paint))?;
    Ok(Exit::InStep)
}

/// Why an address is, or is not, in the other list.
pub(crate) async fn explain(environment: &Environment, global: &Global, address: &str) -> Result<Exit, CliError> {
    if address.rsplit_once('@').is_none_or(|(local, domain)| local.is_empty() || domain.is_empty()) {
        return Err(CliError::wrong(format!("\"{}\" is no mail address", clean(address))));
    }
    let session = Session::open(environment, global, Need::Nobody).await?;
    let found = match session.act(Action::Explain { address: address.to_owned() }).await? {
        Answer::Explained(found) => found,
        other => return Err(CliError::unexpected(&other)),
    };
    let now = session.now();
    environment.screen.answer(&found, |paint| {
        if found.is_empty() {
            return format!(
                "Nobody in either tenant of {} is known to hold {}. `galbridge snapshot` reads both again.",
                session.pair,
                clean(address)
            );
        }
        found.iter().map(|one| explained(one, paint, now)).collect::<Vec<_>>().join("\n")
    })?;
    Ok(if found.is_empty() { Exit::WrongInput } else { Exit::InStep })
}

fn explained(one: &Explained, paint: Paint, now: Timestamp) -> String {
    let mut text = String::new();
    let what = if matches!(one.presence, Presence::Gone(_)) { "gone".to_owned() } else { format!("a {}", one.kind) };
    let from = if one.of_profile { "of the profile, for" } else { "in" };
    let heading = format!("{} {from} {} ({}): {what}", clean(&one.title), one.tenant, one.side);
    let _ = writeln!(text, "{}  {}", paint.bold(&heading), paint.dim(&one.anchor.to_string()));
    if let Presence::Gone(since) = one.presence {
        let _ = writeln!(text, "  gone since {} UTC", moment(since));
    }
    if one.hidden {
        let _ = writeln!(text, "  hidden from address lists");
    }
    if let Some(link) = &one.link {
        let phase = match &link.phase {
            Phase::Joining => "being adopted".to_owned(),
            Phase::Creating { .. } => "being made".to_owned(),
            Phase::Live => "kept in step".to_owned(),
            Phase::Staged { since, .. } => match one.purge_at {
                Some(at) => format!("hidden since {} UTC, to be removed after {} UTC", moment(*since), moment(at)),
                None => format!("hidden since {} UTC, to be removed", moment(*since)),
            },
            Phase::Kept => "kept by the target's administrator".to_owned(),
            Phase::Suppressed { .. } => "suppressed".to_owned(),
        };
        let what = match (link.role, link.provenance) {
            (Role::Projection, Provenance::Made) => "a contact that galbridge made",
            (Role::Projection, Provenance::Found) => "a contact that stood there before, adopted",
            (Role::Peer, Provenance::Made) => "a shared contact, made on the other side by galbridge",
            (Role::Peer, Provenance::Found) => "a contact that both sides keep",
        };
        let _ = writeln!(text, "  linked: {what}, {phase}  {}", paint.dim(&link.key.to_string()));
        if let Some(quarantine) = &link.quarantine {
            let _ = writeln!(text, "  {}", paint.red(&format!("quarantined: {}", clean(&quarantine.reason))));
        }
    }
    let _ = match &one.skipped {
        Some(reason) => writeln!(text, "  {}", paint.yellow(&format!("not published: {}", clean(reason)))),
        None if matches!(one.presence, Presence::Gone(_)) && one.link.as_ref().is_none_or(gal::Link::is_live) => Ok(()),
        None => match one.link.as_ref().map(|link| &link.phase) {
            Some(Phase::Live | Phase::Creating { .. } | Phase::Joining) => {
                let is_contact = one.link.as_ref().and_then(|link| link.target) == Some(one.anchor);
                writeln!(text, "  {}", paint.green(if is_contact { "stands for somebody of the other tenant" } else { "published" }))
            }
            Some(Phase::Staged { .. } | Phase::Kept | Phase::Suppressed { .. }) => {
                writeln!(text, "  {}", paint.yellow("not published any more"))
            }
            None => writeln!(text, "  {}", paint.green("would be published")),
        },
    };
    if let Some(seen) = &one.seen {
        let visible = if seen.hidden { "hidden" } else { "visible" };
        let written = seen.written_at.map_or_else(String::new, |at| format!(", last written {}", ago(at, now)));
        let _ = writeln!(text, "  {visible} in {} as {} <{}>{written}", seen.tenant, clean(&seen.title), clean(&seen.address));
    }
    for operation in &one.next {
        let held = one.held.contains(&operation.id());
        let waits = if held { paint.yellow("; the guard holds it for a person, see `galbridge status`") } else { String::new() };
        let reason = clean(&operation.reason.to_string());
        let _ = writeln!(text, "  next: {} into side {}: {reason}{waits}", operation.action, operation.side);
        for change in &operation.changes {
            let _ = writeln!(text, "      {}: {} → {}", change.field, value(change.before.as_deref()), value(change.after.as_deref()));
        }
    }
    for note in &one.notes {
        let _ = writeln!(text, "  note: {}", clean(note));
    }
    text
}
