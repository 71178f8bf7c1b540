//! `status`: how far a pair has come, and what waits for a person.

use std::fmt::Write as _;

use engine::act::{Action, Answer, HeldDocument, KeptDocument, Standing, StatusDocument, StatusSide};
use engine::records::{Outcome, Stage};
use engine::setup::PairSetup;
use gal::Side;
use jiff::Timestamp;

use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::screen::{Paint, count, thousands};
use crate::session::{Need, Session, state_file};
use crate::show::{ago, clean, moment, run};
use crate::stack::Stack;
use crate::wiring::Environment;

/// Operations of a hold that are listed.
const LISTED: usize = 10;

/// Shows it.
pub(crate) async fn status(environment: &Environment, global: &Global) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Nobody).await?;
    let mut document = match session.act(Action::Status).await? {
        Answer::Status(document) => document,
        other => return Err(CliError::unexpected(&other)),
    };
    let now = session.now();
    for side in Side::BOTH.into_iter().filter(|_| session.stack.is_none()) {
        certificate(environment, &session, document.sides.get_mut(side), now);
    }
    let setup = session.setup()?;
    let state = session.stack.as_ref().map_or_else(|| state_file(global).display().to_string(), Stack::state);
    environment.screen.answer(&document, |paint| text(&document, setup, &state, paint, now))?;
    Ok(document.standing.into())
}

/// Says how long a tenant's certificate is valid.
fn certificate(environment: &Environment, session: &Session, side: &mut StatusSide, now: Timestamp) {
    let Some(tenant) = session.loaded.profile.tenants.get(&side.tenant) else { return };
    match session.loaded.credential(environment, tenant) {
        Ok(credential) => (side.certificate, side.certificate_ends) = (credential.expiry(now).to_string(), Some(credential.not_after())),
        Err(error) => side.certificate = error.message,
    }
}

fn text(document: &StatusDocument, setup: &PairSetup, state: &str, paint: Paint, now: Timestamp) -> String {
    let mut text = String::new();
    let when = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| format!("{} ({} UTC)", ago(at, now), moment(at)));
    let stage = match (document.stage, document.merge_in_progress) {
        (_, true) => "a merge is in progress",
        (Stage::Unmerged, false) => "not merged yet: only reading",
        (Stage::LinkedOnly, false) => "only linked recipients are served (a pilot, or a rebuilt state), until a full merge",
        (Stage::Merged, false) if document.paused.is_some() => "merged; paused",
        (Stage::Merged, false) if document.closed.a && document.closed.b => "unpublished; writes nothing until the next merge",
        (Stage::Merged, false) => "merged, and kept in step",
    };
    let held: Vec<&HeldDocument> = Side::BOTH.into_iter().filter_map(|side| document.holds.get(side).as_ref()).collect();
    let waits = match held.as_slice() {
        [] => "",
        held if held.iter().all(|one| one.approved) => "; what the guard held is approved, and the next run does it",
        _ => "; the guard holds something for a person, see below",
    };
    let failed = if document.standing == Standing::Failed { "; the last run failed, see below" } else { "" };
    let _ = writeln!(text, "{}  {stage}{}{}", paint.bold(&document.pair), paint.yellow(waits), paint.red(failed));
    if let Some(reason) = &document.paused {
        let _ = writeln!(text, "  {}", paint.yellow(&format!("paused: {}; `galbridge resume` goes on", clean(reason))));
    }
    if document.last_snapshot.is_none() {
        // A state that was named wrongly is a new one.
        let new = format!("{state} knows nothing of this pair yet; `galbridge snapshot` reads both sides");
        let _ = writeln!(text, "  {}", paint.yellow(&new));
    }
    let _ = writeln!(text, "  last read      {}", when(document.last_snapshot));
    let _ = writeln!(text, "  last run       {}", when(document.last_run));
    let _ = writeln!(text, "  to look at     {} now, {} later", count(document.agenda.due, "recipient"), thousands(document.agenda.later));
    for side in Side::BOTH {
        write_side(&mut text, document, side, paint, now);
    }
    for side in Side::BOTH {
        if let Some(hold) = document.holds.get(side) {
            write_hold(&mut text, hold, side, &setup.tenants.get(side).name, paint, now);
        }
    }
    if !document.quarantined.is_empty() {
        let _ = writeln!(text, "\n{}", paint.red(&format!("Quarantined: {}", count(document.quarantined.len() as u64, "recipient"))));
        for one in &document.quarantined {
            let tenant = &setup.tenants.get(one.side).name;
            let tries = count(u64::from(one.attempts), "time");
            let _ = writeln!(
                text,
                "  <{}> into {tenant}: {} (tried {tries}, again {} UTC)",
                clean(&one.address),
                clean(&one.reason),
                moment(one.retry_at)
            );
        }
    }
    if !document.conflicts.is_empty() {
        let heading = format!("In conflict: {}", count(document.conflicts.len() as u64, "contact"));
        let _ = writeln!(text, "\n{}", paint.yellow(&heading));
        for one in document.conflicts.iter().take(LISTED) {
            let what = match one.fields.as_slice() {
                [only] if only == "ExternalEmailAddress" => {
                    "moves to an address that somebody else there holds; `explain` says who".to_owned()
                }
                fields => format!("{} edited differently on both sides", fields.join(", ")),
            };
            let _ = writeln!(text, "  <{}>  {what}", clean(&one.address));
        }
        if document.conflicts.len() > LISTED {
            let _ = writeln!(text, "  and {} more (--json lists them)", document.conflicts.len() - LISTED);
        }
        let _ = writeln!(text, "  For fields: make both sides say the same, or set `conflicts` in the pair's profile.");
    }
    if !document.suppressed.is_empty() {
        let heading =
            format!("Suppressed: {}, not published until `galbridge unsuppress`", count(document.suppressed.len() as u64, "recipient"));
        let _ = writeln!(text, "\n{}", paint.bold(&heading));
        for one in document.suppressed.iter().take(LISTED) {
            let _ = writeln!(text, "  <{}>  {}", clean(&one.address), clean(&one.reason));
        }
        if document.suppressed.len() > LISTED {
            let _ = writeln!(text, "  and {} more (--json lists them)", document.suppressed.len() - LISTED);
        }
    }
    let kept = "not published any more, shown by the administrator there";
    write_left(&mut text, "Kept", &document.kept, kept, setup, paint);
    let overwritten =
        "the stamp was overwritten: left alone, also when the source leaves; clear the attribute, and it is kept in step again";
    write_left(&mut text, "Overwritten", &document.overwritten, overwritten, setup, paint);
    if !document.runs.is_empty() {
        let _ = writeln!(text, "\n{}", paint.bold("Last runs"));
        for one in &document.runs {
            let _ = writeln!(
                text,
                "  {}  {} {}  {}",
                moment(one.began),
                run::kind(one.kind),
                run::outcome(&one.outcome, paint),
                run::done(one, setup)
            );
            if let Outcome::Failed(why) = &one.outcome {
                let _ = writeln!(text, "    {}", clean(why));
            }
        }
    }
    text
}

/// Contacts that are left as they are.
fn write_left(text: &mut String, what: &str, contacts: &[KeptDocument], why: &str, setup: &PairSetup, paint: Paint) {
    if contacts.is_empty() {
        return;
    }
    let heading = format!("{what}: {}, {why}", count(contacts.len() as u64, "contact"));
    let _ = writeln!(text, "\n{}", paint.yellow(&heading));
    for one in contacts.iter().take(LISTED) {
        let _ = writeln!(text, "  <{}> in {}", clean(&one.address), setup.tenants.get(one.side).name);
    }
    if contacts.len() > LISTED {
        let _ = writeln!(text, "  and {} more (--json lists them)", contacts.len() - LISTED);
    }
}

fn write_side(text: &mut String, document: &StatusDocument, side: Side, paint: Paint, now: Timestamp) {
    let one = document.sides.get(side);
    let _ = writeln!(text, "\n{}", paint.bold(&format!("{} ({side})", one.tenant)));
    let _ = writeln!(text, "  in scope       {} by the rules of its scope", thousands(one.in_scope));
    let _ = writeln!(text, "  linked here    {}", count(*document.links.get(side), "contact"));
    let staged = *document.staged.get(side);
    if staged > 0 {
        let _ = writeln!(text, "  leaving        {} hidden, to be removed after their grace", count(staged, "contact"));
    }
    let age = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| ago(at, now));
    let going = if one.full_reading_in_progress { ", another is in progress" } else { "" };
    let _ = writeln!(text, "  read up to     {}; last full reading {}{going}", age(one.read_to), age(one.last_full_reading));
    let _ = writeln!(text, "  certificate    {}", one.certificate);
    if *document.closed.get(side) {
        let _ = writeln!(text, "  {}", paint.yellow("closed to writes by `unpublish`, until the next merge"));
    }
    let yielding = *document.must_yield.get(side);
    if yielding > 0 {
        let told = format!(
            "{} here stand still: their domain became an accepted domain of {}. `galbridge plan` names them; make-way frees an address, and \
             without the domain they go on",
            count(yielding, "contact"),
            one.tenant
        );
        let _ = writeln!(text, "  {}", paint.red(&told));
    }
    let lost = *document.lost_links.get(side);
    if lost > 0 {
        let told =
            format!("{} here bear our stamp and have no link in the state: `galbridge rebuild` restores them", count(lost, "contact"));
        let _ = writeln!(text, "  {}", paint.red(&told));
    }
    if let Some(why) = &one.incomplete {
        let _ = writeln!(text, "  {}", paint.yellow(&format!("incomplete: {}", clean(why))));
    }
}

fn write_hold(text: &mut String, hold: &HeldDocument, side: Side, tenant: &str, paint: Paint, now: Timestamp) {
    let HeldDocument { hold, who, approved } = hold;
    let _ = writeln!(text, "\n{}", paint.yellow(&format!("Held: writes into {tenant} ({side}), since {}", ago(hold.since, now))));
    for reason in &hold.reasons {
        let _ = writeln!(text, "  {reason}");
    }
    let waiting = format!("{} creations, {} deletions, {} updates wait", hold.creations, hold.deletions, hold.updates);
    let _ = writeln!(text, "  {waiting}:");
    for one in who.iter().take(LISTED) {
        let _ = writeln!(text, "    {} <{}>  {}", one.operation, clean(&one.address), paint.dim(&one.link));
    }
    if hold.operations.len() > LISTED {
        let _ = writeln!(text, "    and {} more (--json lists them)", hold.operations.len() - LISTED);
    }
    let _ = match &hold.checksum {
        Some(_) if *approved => writeln!(text, "  {}", paint.green("Approved; the next run does them.")),
        Some(checksum) => writeln!(text, "  `galbridge plan` tells more of them. If this is meant: `galbridge approve {checksum}`"),
        None => writeln!(text, "  It cannot be approved: the reading must be complete first."),
    };
}
