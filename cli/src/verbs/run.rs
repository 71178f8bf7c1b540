//! `run`: a cycle, or one every so often.

use engine::Engine;
use engine::records::RunSummary;
use engine::snapshot::SnapshotReport;
use gal::Side;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{ended, read};
use crate::arguments::{Global, RunArguments};
use crate::error::{CliError, Exit};
use crate::screen::{count, print};
use crate::session::{Need, Session, Time};
use crate::show;
use crate::wiring::Environment;

/// How old the last full reading may be.
const FULL_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// A cycle stops so long before the next one begins.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// A cycle, or one every so often until Ctrl-C.
pub(crate) async fn run(environment: &Environment, global: &Global, arguments: &RunArguments) -> Result<Exit, CliError> {
    let Some(every) = arguments.every else {
        // `--once` says what is the default.
        let _ = arguments.once;
        return cycle(environment, global, arguments.full, None).await.map(|(exit, _)| exit);
    };
    let mut full = arguments.full;
    let mut first = true;
    loop {
        // The state file is closed between cycles, so that `status` and `approve` work meanwhile.
        let wait = match cycle(environment, global, full, Some(every)).await {
            Ok((exit, _)) if environment.stop.asked() => return Ok(exit),
            Ok((_, wait)) => wait,
            Err(error) if first && error.exit == Exit::WrongInput => return Err(error),
            Err(error) if environment.stop.asked() => return Err(error),
            Err(error) => {
                environment.screen.error(&error);
                every.unsigned_abs()
            }
        };
        (first, full) = (false, false);
        tokio::select! {
            waited = pass(environment, global, wait) => waited?,
            () = environment.stop.wait() => return Ok(Exit::InStep),
        }
    }
}

/// Waits for the next cycle. A simulator's time is moved on instead, slowly enough to be looked at.
async fn pass(environment: &Environment, global: &Global, wait: std::time::Duration) -> Result<(), CliError> {
    if global.simulator.is_none() {
        tokio::time::sleep(wait).await;
        return Ok(());
    }
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    Time::of(environment, global).await?.clock.sleep(wait).await;
    Ok(())
}

async fn cycle(
    environment: &Environment,
    global: &Global,
    full: bool,
    every: Option<SignedDuration>,
) -> Result<(Exit, std::time::Duration), CliError> {
    let session = Session::open(environment, global, Need::Writing).await?;
    let began = session.now();
    let (report, summary) = one(environment, &session, full, every.map(|every| began + every - MARGIN)).await?;
    let setup = session.setup()?;
    let document = json!({
        "pair": session.pair,
        "began": began,
        "read": {"a": report.changed.a, "b": report.changed.b},
        "incomplete": {"a": report.incomplete.a, "b": report.incomplete.b},
        "run": summary,
    });
    if environment.screen.json && every.is_some() {
        // One document a line, for whoever follows.
        print(&document.to_string())?;
    } else {
        environment.screen.answer(&document, |paint| {
            let mut text = format!(
                "{}  {}  read {} + {} changes; ",
                paint.dim(&show::moment(began)),
                session.pair,
                report.changed.a,
                report.changed.b
            );
            match &summary {
                Some(summary) => text.push_str(&show::run::line(summary, setup, paint)),
                None => text.push_str("nothing due"),
            }
            for side in Side::BOTH {
                if let Some(why) = report.incomplete.get(side) {
                    text.push_str(&format!("\n  {}", paint.yellow(&format!("{}: incomplete: {why}", setup.tenants.get(side).name))));
                }
            }
            text
        })?;
    }
    let mut exit = ended(&session, summary.as_ref()).await?;
    if exit == Exit::InStep && Side::BOTH.into_iter().any(|side| report.incomplete.get(side).is_some()) {
        exit = Exit::Held;
    }
    if let Some((stopped, waits)) = paused(&session).await? {
        environment.screen.say(&stopped)?;
        exit = waits.unwrap_or(exit);
    }
    let wait = every.map_or(SignedDuration::ZERO, |every| (every - session.now().duration_since(began)).max(SignedDuration::from_secs(1)));
    Ok((exit, wait.unsigned_abs()))
}

/// One cycle: reads, and if anything is due plans and applies it.
pub(crate) async fn one(
    environment: &Environment,
    session: &Session,
    full: bool,
    deadline: Option<Timestamp>,
) -> Result<(SnapshotReport, Option<RunSummary>), CliError> {
    let full = full || full_reading_due(&session.engine, &session.pair).await?;
    let report = read(environment, session, full).await?;
    if full {
        session.store.sweep_expired(session.now()).await?;
    }
    if !report.due {
        return Ok((report, None));
    }
    let deadline = deadline.unwrap_or_else(|| session.no_hurry());
    let summary = session.engine.reconcile(&session.pair, deadline).await;
    session.bars.clear();
    Ok((report, summary?))
}

/// Whether the last full reading of a side is over a day old. A side that was never read begins with one anyway.
async fn full_reading_due(engine: &Engine, pair: &str) -> Result<bool, CliError> {
    let state = engine.state(pair).await?;
    let now = engine.clock.now();
    let due = |last: Option<Timestamp>| last.is_some_and(|last| now.duration_since(last) > FULL_EVERY);
    Ok(due(state.reading.sides.a.last_full) || due(state.reading.sides.b.last_full))
}

/// Why the pair only reads, if so, and the exit code where that needs a person.
async fn paused(session: &Session) -> Result<Option<(String, Option<Exit>)>, CliError> {
    let writing = session.engine.state(&session.pair).await?.writing;
    if let Some(reason) = writing.paused {
        return Ok(Some((format!("The pair is paused ({reason}): it only reads. `galbridge resume` goes on."), None)));
    }
    if writing.stage != engine::records::Stage::Unmerged || writing.merge.is_some() {
        return Ok(None);
    }
    let stamped = session.engine.stamped(&session.pair).await?;
    if stamped == 0 {
        let text = "Nothing is merged yet, so it only reads. `galbridge plan` and `galbridge merge` come first.".to_owned();
        return Ok(Some((text, None)));
    }
    let contacts = count(stamped, "contact");
    let text = format!(
        "This state knows of no merge, but {contacts} there bear this installation's stamp: the state was lost. `galbridge rebuild` restores it; until then it only reads."
    );
    Ok(Some((text, Some(Exit::Held))))
}
