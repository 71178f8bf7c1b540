//! `unpublish`, `rebuild` and `undo`: planned, shown and confirmed like a merge.

use engine::act::{Action, PlanDocument, Ran};
use engine::operate::Leave;
use gal::Side;
use serde_json::json;

use super::merge::confirmed;
use crate::arguments::{Confirmation, Global, UnpublishArguments};
use crate::error::{CliError, Exit};
use crate::session::{Loaded, Need, Session};
use crate::show::{clean, plan as shown, run};
use crate::wiring::Environment;

/// Takes back everything that was published into a side. It needs that tenant's credential only.
pub(crate) async fn unpublish(environment: &Environment, global: &Global, arguments: &UnpublishArguments) -> Result<Exit, CliError> {
    let side = side(global, &arguments.side).await?;
    let session = Session::open(environment, global, Need::Only(side)).await?;
    let leave = if arguments.purge { Leave::Purge } else { Leave::Release };
    let action = |confirm| Action::Unpublish { side, leave, confirm };
    in_two_steps(environment, &session, action, &arguments.confirmation).await
}

/// The side that is meant: a, b, or the name of its tenant.
async fn side(global: &Global, text: &str) -> Result<Side, CliError> {
    if let Ok(side) = text.parse() {
        return Ok(side);
    }
    let loaded = Loaded::of(global).await?;
    let name = loaded.pair(global)?;
    let tenant = |side: Side| loaded.profile.pair(&name).map(|pair| pair.tenant(side)).unwrap_or_default();
    let found = Side::BOTH.into_iter().find(|side| tenant(*side).eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        let (a, b) = (tenant(Side::A), tenant(Side::B));
        CliError::wrong(format!("--side {}: the pair {name} has the sides a ({a}) and b ({b})", clean(text)))
    })
}

/// Restores the links of a lost state.
pub(crate) async fn rebuild(environment: &Environment, global: &Global, confirmation: &Confirmation) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Writing).await?;
    in_two_steps(environment, &session, |confirm| Action::Rebuild { confirm }, confirmation).await
}

/// Takes a run back.
pub(crate) async fn undo(environment: &Environment, global: &Global, run: &str, confirmation: &Confirmation) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Writing).await?;
    in_two_steps(environment, &session, |confirm| Action::Undo { run: run.to_owned(), confirm }, confirmation).await
}

/// Whether there is nothing to confirm: nothing to put back or to restore, or a side that was taken back and is closed already.
fn is_done(plan: &PlanDocument) -> bool {
    let closed = plan.sides.a.closed || plan.sides.b.closed;
    plan.is_quiet() && plan.remembered.is_empty() && (closed || !shown::is_unpublish(plan))
}

/// The plan, a person's word, and what was confirmed.
async fn in_two_steps(
    environment: &Environment,
    session: &Session,
    action: impl Fn(Option<String>) -> Action,
    confirmation: &Confirmation,
) -> Result<Exit, CliError> {
    let plan: PlanDocument = session.plan(action(None)).await?;
    if is_done(&plan) {
        environment.screen.answer(&plan, |paint| shown::text(&plan, paint, confirmation.all))?;
        // What was written a moment ago can be taken back in a moment.
        let soon = plan.skipped.iter().any(|skipped| skipped.code == "written-just-now");
        return Ok(if soon { Exit::Held } else { Exit::InStep });
    }
    if !confirmed(environment, &plan, confirmation)? {
        return Ok(Exit::Held);
    }
    let Ran { run: summary, standing, .. } = session.ran(action(Some(plan.checksum.clone())), None).await?;
    let setup = session.setup()?;
    environment.screen.answer(&json!({"pair": session.pair, "checksum": plan.checksum, "run": summary}), |paint| match &summary {
        Some(summary) => run::line(summary, setup, paint),
        None => "Nothing was to be done.".to_owned(),
    })?;
    Ok(standing.into())
}
