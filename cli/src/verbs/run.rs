//! `run`: a cycle, or one every so often.

use engine::act::{Action, OnlyReads, Ran, Standing};
use gal::{Side, Sides};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::arguments::{Global, RunArguments};
use crate::error::{CliError, Exit};
use crate::screen::{count, print};
use crate::session::{Need, Session, Time};
use crate::show;
use crate::wiring::Environment;

/// A cycle stops so long before the next one begins.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// A cycle, or one every so often until Ctrl-C.
pub(crate) async fn run(environment: &Environment, global: &Global, arguments: &RunArguments) -> Result<Exit, CliError> {
    if global.stack.is_some() && arguments.every.is_some() {
        return Err(CliError::wrong("a stack runs by its own schedule; --every is for a state file"));
    }
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
    let Ran { read, run: summary, only_reads, standing } = one(&session, full, every.map(|every| began + every - MARGIN)).await?;
    let read = read.unwrap_or_default();
    let setup = session.setup()?;
    let document = json!({"pair": session.pair, "began": began, "read": read.changed, "incomplete": read.incomplete, "run": summary, "standing": standing});
    if environment.screen.json && every.is_some() {
        // One document a line, for whoever follows.
        print(&document.to_string())?;
    } else {
        environment.screen.answer(&document, |paint| {
            let Sides { a, b } = read.changed;
            let mut text = format!("{}  {}  read {a} + {b} changes; ", paint.dim(&show::moment(began)), session.pair);
            match &summary {
                Some(summary) => text.push_str(&show::run::line(summary, setup, paint)),
                None if only_reads.is_some() => text.push_str("nothing is written"),
                None => text.push_str("nothing due"),
            }
            for side in Side::BOTH {
                if let Some(why) = read.incomplete.get(side) {
                    text.push_str(&format!("\n  {}", paint.yellow(&format!("{}: incomplete: {why}", setup.tenants.get(side).name))));
                }
            }
            if let Some(waits) = waits(standing) {
                text.push_str(&format!("\n  {}", paint.yellow(waits)));
            }
            text
        })?;
    }
    if let Some(why) = only_reads {
        environment.screen.say(&told(&why))?;
    }
    let wait = every.map_or(SignedDuration::ZERO, |every| (every - session.now().duration_since(began)).max(SignedDuration::from_secs(1)));
    Ok((standing.into(), wait.unsigned_abs()))
}

/// One cycle, as far as it comes before `deadline`.
pub(crate) async fn one(session: &Session, full: bool, deadline: Option<Timestamp>) -> Result<Ran, CliError> {
    let ran = session.ran(Action::Run { full }, deadline).await?;
    if ran.read.as_ref().is_some_and(|read| read.full) {
        // In AWS the service drops what has expired; a file is swept once a day.
        session.store.sweep_expired(session.now()).await?;
    }
    Ok(ran)
}

/// What the exit code says beside what this cycle did: whoever waits may do so since long.
fn waits(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Held => Some("something is held: `galbridge status` says what, and why"),
        Standing::Quarantined => Some("somebody is set aside: `galbridge status` says who and why"),
        Standing::InStep | Standing::Failed => None,
    }
}

/// Why the pair only reads.
fn told(why: &OnlyReads) -> String {
    match why {
        OnlyReads::Paused { reason } => format!("The pair is paused ({}): it only reads. `galbridge resume` goes on.", show::clean(reason)),
        OnlyReads::Unmerged => "Nothing is merged yet, so it only reads. `galbridge plan` and `galbridge merge` come first.".to_owned(),
        OnlyReads::StateLost { stamped } => format!(
            "This state knows of no merge, but {} there bear this installation's stamp: the state was lost. `galbridge rebuild` restores it; until then it only reads.",
            count(*stamped, "contact")
        ),
    }
}
