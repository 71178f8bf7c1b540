//! What an operator asks for by hand: approve, pause, resume, make-way, unsuppress.

use std::fmt::Write as _;

use engine::act::{Action, Answer};
use engine::explain::Seen;
use serde_json::json;

use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::screen::count;
use crate::session::{Need, Session};
use crate::show::clean;
use crate::wiring::Environment;

/// Consents to what the guard holds.
pub(crate) async fn approve(environment: &Environment, global: &Global, checksum: &str) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Nobody).await?;
    let approved = match session.act(Action::Approve { checksum: checksum.to_owned() }).await? {
        Answer::Approved(approved) => approved,
        other => return Err(CliError::unexpected(&other)),
    };
    let paused = session.engine.state(&session.pair).await?.writing.paused;
    environment.screen.answer(&json!({"pair": session.pair, "approved": approved, "paused": paused}), |_| {
        let next = if paused.is_some() { "the pair is paused, so `galbridge resume` comes first" } else { "the next run does them" };
        format!("{}: {} may run within the next 24 hours; {next}.", session.pair, count(approved, "operation"))
    })?;
    Ok(Exit::InStep)
}

/// Stops writing, or goes on.
pub(crate) async fn pause(environment: &Environment, global: &Global, reason: Option<&str>) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Nobody).await?;
    session.act(reason.map_or(Action::Resume, |reason| Action::Pause { reason: reason.to_owned() })).await?;
    environment.screen.answer(&json!({"pair": session.pair, "paused": reason}), |_| match reason {
        Some(_) => format!("{}: paused; it only reads, until `galbridge resume`.", session.pair),
        None => format!("{}: goes on with the next run.", session.pair),
    })?;
    Ok(Exit::InStep)
}

/// Removes the contact of an address, for a successor.
pub(crate) async fn make_way(environment: &Environment, global: &Global, address: &str, yes: bool) -> Result<Exit, CliError> {
    if !yes && !environment.screen.asks {
        return Err(CliError::held("make-way removes a contact for good; say --yes where nobody can be asked"));
    }
    let session = Session::open(environment, global, Need::Writing).await?;
    if !yes {
        let found = match session.act(Action::Explain { address: address.to_owned() }).await? {
            Answer::Explained(found) => found,
            other => return Err(CliError::unexpected(&other)),
        };
        let named = |seen: &Seen| format!("{} <{}> from {}", clean(&seen.title), clean(&seen.address), seen.tenant);
        // Who merely waits for the address has a contact at another one, which stays.
        let holds = |seen: &&Seen| seen.address == gal::normalise::address(address);
        let whom: Vec<String> = found.iter().filter_map(|one| one.seen.as_ref()).filter(holds).map(named).collect();
        // Where nothing is known to stand there the engine says so; nobody need be asked.
        let asked = format!("Remove {} now, for good, and never make it again?", whom.join(" and "));
        if !whom.is_empty() && !environment.screen.ask(&asked)? {
            return Ok(Exit::Held);
        }
    }
    let told = match session.act(Action::MakeWay { address: address.to_owned() }).await? {
        Answer::MadeWay(told) => told,
        other => return Err(CliError::unexpected(&other)),
    };
    let setup = session.setup()?;
    environment.screen.answer(&json!({"pair": session.pair, "removed": told}), |paint| {
        let mut text = String::new();
        for one in &told {
            let tenant = one.side.map_or("", |side| setup.tenants.get(side).name.as_str());
            match &one.left {
                None => {
                    let _ = writeln!(text, "{}", paint.bold(&format!("{} is removed from {tenant}", clean(&one.title))));
                }
                Some(why) => {
                    let _ = writeln!(text, "{}", paint.red(&format!("{} is still in {tenant}: {}", clean(&one.title), clean(why))));
                }
            }
            if one.left.is_none() {
                let _ = writeln!(text, "  It is not made again; `galbridge unsuppress {}` takes that back.", clean(address));
            }
            if !one.groups.is_empty() {
                let _ = writeln!(text, "  It was a member of these groups; add the successor: {}", clean(&one.groups.join(", ")));
            }
            if !one.x500.is_empty() {
                let _ = writeln!(text, "  Put these addresses on the successor, so that old replies still arrive:");
                for line in &one.x500 {
                    let _ = writeln!(text, "    {}", clean(line));
                }
            }
        }
        text
    })?;
    Ok(if told.iter().any(|one| one.left.is_some()) { Exit::Failed } else { Exit::InStep })
}

/// Publishes suppressed addresses again. One that is not suppressed ends it, with those before it done.
pub(crate) async fn unsuppress(environment: &Environment, global: &Global, addresses: &[String]) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Nobody).await?;
    let mut forgotten = 0;
    for address in addresses {
        forgotten += match session.act(Action::Unsuppress { address: address.clone() }).await? {
            Answer::Unsuppressed(forgotten) => forgotten,
            other => return Err(CliError::unexpected(&other)),
        };
    }
    environment.screen.answer(&json!({"pair": session.pair, "unsuppressed": forgotten}), |_| {
        let whom = if let [only] = addresses { clean(only) } else { count(addresses.len() as u64, "recipient") };
        format!("{}: not suppressed any longer: {whom}. The next run publishes it again, if it is still in scope.", session.pair)
    })?;
    Ok(Exit::InStep)
}
