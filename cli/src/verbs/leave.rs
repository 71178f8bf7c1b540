//! `unpublish` and `rebuild`: planned, shown and confirmed like a merge.

use engine::operate::{Leave, rebuild_checksum};
use engine::snapshot::SnapshotOptions;
use gal::Sides;
use gal::guard::Judgement;
use serde_json::json;

use super::merge::confirmed;
use super::{ended, read, read_sides};
use crate::arguments::{Confirmation, Global, UnpublishArguments};
use crate::error::{CliError, Exit};
use crate::session::{Need, Session};
use crate::show::plan::PlanDocument;
use crate::show::run;
use crate::wiring::Environment;

/// Takes back everything that was published into a side.
pub(crate) async fn unpublish(environment: &Environment, global: &Global, arguments: &UnpublishArguments) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Only(arguments.side)).await?;
    // The stamps alone are enough: what the state does not know, or lost, is read now. It needs this tenant's credential only.
    read_sides(environment, &session, SnapshotOptions { full: false, only: Some(arguments.side) }).await?;
    let leave = if arguments.purge { Leave::Purge } else { Leave::Release };
    let plan = session.engine.unpublish_preview(&session.pair, arguments.side, leave).await?;
    let checksum = plan.checksum();
    let what = match leave {
        Leave::Purge => "unpublish: made contacts are removed, found ones given back",
        Leave::Release => "unpublish: all contacts stay, as the administrator's",
    };
    let document = PlanDocument::of_plan(session.setup()?, what.to_owned(), checksum.clone(), &plan, &no_judgement());
    if !confirmed(environment, &document, &arguments.confirmation)? {
        return Ok(Exit::Held);
    }
    let summary = session.engine.unpublish(&session.pair, arguments.side, leave, &checksum, session.no_hurry()).await;
    finish(environment, &session, &checksum, summary).await
}

/// Restores the links of a lost state.
pub(crate) async fn rebuild(environment: &Environment, global: &Global, confirmation: &Confirmation) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Writing).await?;
    read(environment, &session, true).await?;
    let plan = session.engine.rebuild_preview(&session.pair).await?;
    let checksum = rebuild_checksum(&plan);
    let what = "rebuild: links are restored, nothing is written to a tenant".to_owned();
    let document = PlanDocument::of_plan(session.setup()?, what, checksum.clone(), &plan, &no_judgement());
    if !confirmed(environment, &document, confirmation)? {
        return Ok(Exit::Held);
    }
    let summary = session.engine.rebuild(&session.pair, &checksum, session.no_hurry()).await;
    finish(environment, &session, &checksum, summary).await
}

/// A person's confirmation is the approval.
fn no_judgement() -> Sides<Judgement> {
    Sides::default()
}

async fn finish(
    environment: &Environment,
    session: &Session,
    checksum: &str,
    summary: Result<Option<engine::records::RunSummary>, engine::EngineError>,
) -> Result<Exit, CliError> {
    session.bars.clear();
    let summary = summary?;
    let setup = session.setup()?;
    environment.screen.answer(&json!({"pair": session.pair, "checksum": checksum, "run": summary}), |paint| match &summary {
        Some(summary) => run::line(summary, setup, paint),
        None => "Nothing was to be done.".to_owned(),
    })?;
    ended(session, summary.as_ref()).await
}
