//! `fleet status`: how all clients' stacks stand, for whoever serves many, or a monitoring that asks by exit code.

use std::path::Path;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use engine::act::{Action, Answer, Standing, StatusDocument};
use engine::ports::Store as _;
use engine::records::Stage;
use gal::Side;
use jiff::Timestamp;
use profile::Profile;
use serde::Serialize;

use crate::error::{CliError, Exit};
use crate::screen::{Paint, columns, thousands};
use crate::show::{ago, clean};
use crate::stack::Stack;
use crate::wiring::{Environment, fresh_id};

/// How long a pair may have had no successful reading.
const LATE: i64 = 30;

/// One line: a pair of a stack, or a stack that cannot be asked.
#[derive(Debug, Serialize)]
struct Line {
    /// The AWS profile, where several are looked through.
    account: Option<String>,
    stack: String,
    pair: Option<String>,
    exit: u8,
    last_success: Option<Timestamp>,
    /// Minutes since then.
    lag_minutes: Option<i64>,
    held: u64,
    quarantined: u64,
    /// Days until the first certificate of the pair ends.
    certificate_days: Option<i64>,
    problem: Option<String>,
}

/// All stacks of the account and region, or of several.
pub(crate) async fn status(environment: &Environment, accounts: Option<&Path>) -> Result<Exit, CliError> {
    let mut lines = Vec::new();
    for (account, config) in settings(accounts).await? {
        match Stack::all(&config).await {
            Ok(stacks) => {
                for stack in stacks {
                    of_stack(environment, account.as_deref(), &stack, &mut lines).await;
                }
            }
            Err(error) => lines.push(broken(account.as_deref(), "-", None, &error)),
        }
    }
    let now = environment.clock.now();
    environment.screen.answer(&lines, |paint| text(&lines, paint, now))?;
    // A monitoring that looks into the wrong account sees nothing, and must not call it well.
    Ok(lines.iter().map(|line| line.exit).max_by_key(|exit| severity(*exit)).map_or(Exit::WrongInput, exit_of))
}

/// The present credentials, or one AWS profile a line.
async fn settings(accounts: Option<&Path>) -> Result<Vec<(Option<String>, SdkConfig)>, CliError> {
    let Some(path) = accounts else { return Ok(vec![(None, Stack::settings().await)]) };
    let text = std::fs::read_to_string(path).map_err(|error| CliError::wrong(format!("{}: it cannot be read: {error}", path.display())))?;
    let mut all = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (name, region) = (words.next().unwrap_or_default().to_owned(), words.next().map(str::to_owned));
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).profile_name(&name);
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        all.push((Some(name), loader.load().await));
    }
    Ok(all)
}

async fn of_stack(environment: &Environment, account: Option<&str>, stack: &Stack, lines: &mut Vec<Line>) {
    let pairs = match pairs(stack).await {
        Ok(pairs) => pairs,
        Err(error) => return lines.push(broken(account, &stack.name, None, &error)),
    };
    for pair in pairs {
        let line = match stack.act(&pair, &Action::Status).await {
            Ok(Answer::Status(status)) => line(account, &stack.name, &status, environment.clock.now()),
            Ok(other) => broken(account, &stack.name, Some(pair), &CliError::unexpected(&other)),
            Err(error) => broken(account, &stack.name, Some(pair), &error),
        };
        lines.push(line);
    }
}

async fn pairs(stack: &Stack) -> Result<Vec<String>, CliError> {
    let stored = stack.store(fresh_id()).profile().await?;
    let stored = stored.ok_or_else(|| CliError::wrong("it has no profile yet"))?;
    let (profile, _) = Profile::parse_bundle("the stored profile", &stored.item).map_err(|errors| CliError::wrong(errors.to_string()))?;
    Ok(profile.pairs.iter().map(profile::Pair::name).collect())
}

fn line(account: Option<&str>, stack: &str, status: &StatusDocument, now: Timestamp) -> Line {
    let lag = status.last_snapshot.map(|at| now.duration_since(at).as_mins());
    let held = Side::BOTH.iter().filter_map(|side| status.holds.get(*side).as_ref()).map(|held| held.hold.operations.len() as u64).sum();
    let ends = Side::BOTH.iter().filter_map(|side| status.sides.get(*side).certificate_ends).min();
    // A pair that is served has its rows done with the next run; what waits for a quota or a person is told otherwise.
    let long_ago = |at: Timestamp| now.duration_since(at).as_mins() > LATE;
    let waits = status.agenda.since.is_some_and(long_ago)
        && status.standing == Standing::InStep
        && status.stage != Stage::Unmerged
        && status.paused.is_none();
    let unserved = waits && status.last_run.is_none_or(long_ago);
    let late = lag.is_none_or(|lag| lag > LATE) || unserved;
    let problem = match (&status.paused, late) {
        (Some(reason), _) => Some(format!("paused: {reason}")),
        (None, true) if unserved => Some("something is due, and no run came to its end for over half an hour".to_owned()),
        (None, true) if lag.is_none() => Some("no successful reading yet".to_owned()),
        (None, true) => Some("no successful reading for over half an hour".to_owned()),
        (None, false) => None,
    };
    let exit = match status.standing {
        Standing::InStep if late => Exit::Failed,
        standing => standing.into(),
    };
    Line {
        account: account.map(str::to_owned),
        stack: stack.to_owned(),
        pair: Some(status.pair.clone()),
        exit: exit as u8,
        last_success: status.last_snapshot,
        lag_minutes: lag,
        held,
        quarantined: status.quarantined.len() as u64,
        certificate_days: ends.map(|ends| ends.duration_since(now).as_hours() / 24),
        problem,
    }
}

fn broken(account: Option<&str>, stack: &str, pair: Option<String>, error: &CliError) -> Line {
    Line {
        account: account.map(str::to_owned),
        stack: stack.to_owned(),
        pair,
        exit: Exit::Failed as u8,
        last_success: None,
        lag_minutes: None,
        held: 0,
        quarantined: 0,
        certificate_days: None,
        problem: Some(error.message.clone()),
    }
}

/// Which of two exit codes is worse: failed, wrong input, held, quarantined, in step.
fn severity(exit: u8) -> u8 {
    if exit == Exit::InStep as u8 { 0 } else { u8::MAX - exit }
}

fn exit_of(code: u8) -> Exit {
    [Exit::InStep, Exit::Failed, Exit::WrongInput, Exit::Held, Exit::Quarantined]
        .into_iter()
        .find(|exit| *exit as u8 == code)
        .unwrap_or(Exit::Failed)
}

fn text(lines: &[Line], paint: Paint, now: Timestamp) -> String {
    if lines.is_empty() {
        return "No stack of galbridge in this account and region; is it the right one (AWS_PROFILE, AWS_REGION)?".to_owned();
    }
    let heading = ["stack", "pair", "last success", "held", "quarantined", "certificate", ""].map(|word| paint.dim(word)).to_vec();
    let rows = lines.iter().map(|line| {
        let stack = line.account.as_ref().map_or_else(|| line.stack.clone(), |account| format!("{account}/{}", line.stack));
        let problem = line.problem.as_deref().map(clean).unwrap_or_default();
        vec![
            if line.exit == 0 { paint.green(&stack) } else { paint.red(&stack) },
            line.pair.clone().unwrap_or_default(),
            line.last_success.map_or_else(|| "never".to_owned(), |at| ago(at, now)),
            thousands(line.held),
            thousands(line.quarantined),
            line.certificate_days.map_or_else(|| "none".to_owned(), |days| format!("{days} days")),
            problem,
        ]
    });
    columns(std::iter::once(heading).chain(rows).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_all_is_the_exit_code() {
        let worst = |codes: &[u8]| codes.iter().copied().max_by_key(|code| severity(*code)).map(exit_of);
        assert_eq!(worst(&[0, 4, 3, 0]), Some(Exit::Held));
        assert_eq!(worst(&[3, 1, 2]), Some(Exit::Failed));
        assert_eq!(worst(&[0, 0]), Some(Exit::InStep));
    }
}
