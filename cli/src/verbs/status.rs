//! `status`: how far a pair has come, and what waits for a person.

use std::fmt::Write as _;

use engine::ports::Store as _;
use engine::records::{Hold, Outcome, PairState, RunSummary, SideReading, Stage};
use engine::setup::PairSetup;
use gal::guard::approval_holds;
use gal::{Link, LinkKey, Side, Sides};
use jiff::Timestamp;
use serde::Serialize;

use super::standing;
use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::screen::{Paint, count, thousands};
use crate::session::{Need, Session};
use crate::show::{ago, clean, moment, run};
use crate::wiring::Environment;

/// Rows of the agenda that are counted at most.
const ROWS: usize = 1_000_000;

/// Operations of a hold that are listed.
const LISTED: usize = 10;

#[derive(Debug, Serialize)]
struct StatusDocument {
    pair: String,
    stage: Stage,
    paused: Option<String>,
    merge_in_progress: bool,
    links: Sides<u64>,
    closed: Sides<bool>,
    sides: Sides<SideDocument>,
    last_snapshot: Option<Timestamp>,
    last_run: Option<Timestamp>,
    holds: Sides<Option<HeldDocument>>,
    quarantined: Vec<QuarantinedDocument>,
    agenda: AgendaDocument,
    runs: Vec<RunSummary>,
}

#[derive(Debug, Serialize)]
struct SideDocument {
    tenant: String,
    in_scope: u64,
    read_to: Option<Timestamp>,
    last_full_reading: Option<Timestamp>,
    full_reading_in_progress: bool,
    incomplete: Option<String>,
    certificate: String,
    certificate_ends: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct QuarantinedDocument {
    link: String,
    address: String,
    side: Side,
    reason: String,
    attempts: u32,
    retry_at: Timestamp,
}

/// A hold, and whom it concerns.
#[derive(Debug, Serialize)]
struct HeldDocument {
    #[serde(flatten)]
    hold: Hold,
    who: Vec<WhoDocument>,
    /// A person approved it; the next run carries it out.
    approved: bool,
}

#[derive(Debug, Serialize)]
struct WhoDocument {
    operation: String,
    address: String,
    link: String,
}

#[derive(Debug, Default, Serialize)]
struct AgendaDocument {
    due: u64,
    later: u64,
}

/// Shows it.
pub(crate) async fn status(environment: &Environment, global: &Global) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Nobody).await?;
    let setup = session.setup()?;
    let state = session.engine.state(&session.pair).await?;
    let quarantined = session.engine.quarantined(&session.pair).await?;
    let document = document(environment, &session, setup, &state, &quarantined).await?;
    let now = session.now();
    environment.screen.answer(&document, |paint| text(&document, setup, paint, now))?;
    let failed = document.runs.first().is_some_and(|last| matches!(last.outcome, Outcome::Failed(_)));
    if failed { Ok(Exit::Failed) } else { standing(&session).await }
}

async fn document(
    environment: &Environment,
    session: &Session,
    setup: &PairSetup,
    state: &PairState,
    quarantined: &[Link],
) -> Result<StatusDocument, CliError> {
    let now = session.now();
    let mut agenda = AgendaDocument::default();
    for row in session.store.due(&session.pair, Timestamp::MAX, ROWS).await? {
        if row.due <= now { agenda.due += 1 } else { agenda.later += 1 }
    }
    let side = |side: Side| {
        let tenant = &setup.tenants.get(side).name;
        let SideReading { watermark, full, last_full, in_scope, incomplete, .. } = state.reading.sides.get(side);
        let credential = session.loaded.profile.tenants.get(tenant).map(|tenant| session.loaded.credential(environment, tenant));
        let (certificate, certificate_ends) = match credential {
            Some(Ok(credential)) => (credential.expiry(now).to_string(), Some(credential.not_after())),
            Some(Err(error)) => (error.message, None),
            None => (String::new(), None),
        };
        SideDocument {
            tenant: tenant.clone(),
            in_scope: *in_scope,
            read_to: *watermark,
            last_full_reading: *last_full,
            full_reading_in_progress: full.is_some(),
            incomplete: incomplete.clone(),
            certificate,
            certificate_ends,
        }
    };
    Ok(StatusDocument {
        pair: session.pair.clone(),
        stage: state.writing.stage,
        paused: state.writing.paused.clone(),
        merge_in_progress: state.writing.merge.is_some(),
        links: state.writing.live,
        closed: state.writing.closed,
        sides: Sides::from_fn(side),
        last_snapshot: state.reading.last_success,
        last_run: state.writing.last_success,
        holds: Sides { a: held(session, state, Side::A).await?, b: held(session, state, Side::B).await? },
        quarantined: quarantined.iter().filter_map(quarantined_document).collect(),
        agenda,
        runs: session.store.runs(&session.pair, 5).await?,
    })
}

/// The hold of a side, with whom it concerns.
async fn held(session: &Session, state: &PairState, side: Side) -> Result<Option<HeldDocument>, CliError> {
    let Some(hold) = state.writing.holds.get(side).clone() else { return Ok(None) };
    let now = session.now();
    let approvals = state.writing.approvals.get(side).iter();
    let approved = approvals.filter(|approval| approval_holds(approval.at, now)).any(|one| Some(&one.checksum) == hold.checksum.as_ref());
    let mut who = Vec::new();
    for id in &hold.operations {
        let (operation, link) = id.split_once(' ').unwrap_or((id, ""));
        let address = match link.parse::<LinkKey>() {
            Ok(key) => match session.store.link(&session.pair, key).await? {
                Some(found) => Some(found.item.address),
                None => source_address(session, key).await?,
            },
            Err(()) => None,
        };
        who.push(WhoDocument { operation: operation.to_owned(), link: link.to_owned(), address: address.unwrap_or_default() });
    }
    Ok(Some(HeldDocument { hold, who, approved }))
}

/// The address of somebody who has no link yet.
async fn source_address(session: &Session, key: LinkKey) -> Result<Option<String>, CliError> {
    let Some(side) = key.origin.source_side() else { return Ok(None) };
    let stamp = session.setup()?.tenants.get(side).stamp_attribute;
    let replica = session.store.replica(&session.pair, side, key.anchor).await?;
    Ok(replica.and_then(|replica| replica.recipient(stamp).primary))
}

fn quarantined_document(link: &Link) -> Option<QuarantinedDocument> {
    let quarantine = link.quarantine.as_ref()?;
    Some(QuarantinedDocument {
        link: link.key.to_string(),
        address: link.address.clone(),
        side: link.target_side(),
        reason: quarantine.reason.clone(),
        attempts: quarantine.attempts,
        retry_at: quarantine.retry_at,
    })
}

fn text(document: &StatusDocument, setup: &PairSetup, paint: Paint, now: Timestamp) -> String {
    let mut text = String::new();
    let when = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| format!("{} ({} UTC)", ago(at, now), moment(at)));
    let stage = match (document.stage, document.merge_in_progress) {
        (_, true) => "a merge is in progress",
        (Stage::Unmerged, false) => "not merged yet: only reading",
        (Stage::LinkedOnly, false) => "a pilot: only linked recipients are served, until a full merge",
        (Stage::Merged, false) => "merged, and kept in step",
    };
    let _ = writeln!(text, "{}  {stage}", paint.bold(&document.pair));
    if let Some(reason) = &document.paused {
        let _ = writeln!(text, "  {}", paint.yellow(&format!("paused: {}; `galbridge resume` goes on", clean(reason))));
    }
    let _ = writeln!(text, "  last read      {}", when(document.last_snapshot));
    let _ = writeln!(text, "  last run       {}", when(document.last_run));
    let _ = writeln!(text, "  agenda         {} due, {} later", thousands(document.agenda.due), thousands(document.agenda.later));
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
        }
    }
    text
}

fn write_side(text: &mut String, document: &StatusDocument, side: Side, paint: Paint, now: Timestamp) {
    let one = document.sides.get(side);
    let _ = writeln!(text, "\n{}", paint.bold(&format!("{} ({side})", one.tenant)));
    let _ = writeln!(text, "  in scope       {}", thousands(one.in_scope));
    let _ = writeln!(text, "  published here {}", thousands(*document.links.get(side)));
    let age = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| ago(at, now));
    let going = if one.full_reading_in_progress { ", another is in progress" } else { "" };
    let _ = writeln!(text, "  read up to     {}; last full reading {}{going}", age(one.read_to), age(one.last_full_reading));
    let _ = writeln!(text, "  certificate    {}", one.certificate);
    if *document.closed.get(side) {
        let _ = writeln!(text, "  {}", paint.yellow("closed to writes by `unpublish`, until the next merge"));
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
        Some(checksum) => writeln!(text, "  `galbridge plan` tells more of them. If this is meant: galbridge approve {checksum}"),
        None => writeln!(text, "  It cannot be approved: the reading must be complete first."),
    };
}
