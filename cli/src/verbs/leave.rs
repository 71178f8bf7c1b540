//! `unpublish` and `rebuild`: planned, shown and confirmed like a merge.

use engine::act::{Action, PlanDocument, Ran};
use engine::operate::Leave;
use serde_json::json;

use super::merge::confirmed;
use crate::arguments::{Confirmation, Global, UnpublishArguments};
use crate::error::{CliError, Exit};
use crate::session::{Need, Session};
use crate::show::run;
use crate::wiring::Environment;

/// Takes back everything that was published into a side. It needs that tenant's credential only.
pub(crate) async fn unpublish(environment: &Environment, global: &Global, arguments: &UnpublishArguments) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Only(arguments.side)).await?;
    let leave = if arguments.purge { Leave::Purge } else { Leave::Release };
    let action = |confirm| Action::Unpublish { side: arguments.side, leave, confirm };
    in_two_steps(environment, &session, action, &arguments.confirmation).await
}

/// Restores the links of a lost state.
pub(crate) async fn rebuild(environment: &Environment, global: &Global, confirmation: &Confirmation) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Writing).await?;
    in_two_steps(environment, &session, |confirm| Action::Rebuild { confirm }, confirmation).await
}

/// The plan, a person's word, and what was confirmed.
async fn in_two_steps(
    environment: &Environment,
    session: &Session,
    action: impl Fn(Option<String>) -> Action,
    confirmation: &Confirmation,
) -> Result<Exit, CliError> {
    let plan: PlanDocument = session.plan(action(None)).await?;
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
