//! `merge`: the preview, a person's word, and the merge.

use engine::records::MergeOptions;
use gal::Anchor;
use serde_json::json;

use super::{ended, merge_words, read};
use crate::arguments::{Confirmation, Global, MergeArguments, MergeChoice, Mode};
use crate::error::{CliError, Exit};
use crate::session::{Need, Session};
use crate::show::plan::PlanDocument;
use crate::show::{clean, run};
use crate::wiring::Environment;

/// The engine's options for a choice.
pub(crate) fn choice_of(mode: Mode, choice: &MergeChoice) -> MergeOptions {
    MergeOptions {
        mode: mode.into(),
        limit: choice.limit,
        group: choice.group.map(Anchor),
        enforce: choice.enforce,
        take_over: choice.take_over,
        accept_dynamic_groups: false,
    }
}

/// Merges.
pub(crate) async fn merge(environment: &Environment, global: &Global, arguments: &MergeArguments) -> Result<Exit, CliError> {
    let session = Session::open(environment, global, Need::Writing).await?;
    read(environment, &session, false).await?;
    let mut options = choice_of(arguments.mode, &arguments.choice);
    let preview = session.engine.preview(&session.pair, Some(&options)).await?;
    let plan = PlanDocument::of_preview(session.setup()?, merge_words(arguments.mode, &arguments.choice), &preview);
    if !confirmed(environment, &plan, &arguments.confirmation)? {
        return Ok(Exit::Held);
    }
    options.accept_dynamic_groups = arguments.accept_dynamic_groups || accepts(environment, &session, &preview.plan).await?;
    let summary = session.engine.merge(&session.pair, &options, Some(&plan.checksum), session.no_hurry()).await;
    session.bars.clear();
    let summary = summary?;
    let document = json!({"pair": session.pair, "checksum": plan.checksum, "run": summary});
    environment.screen.answer(&document, |paint| match &summary {
        Some(summary) => {
            let goes_on = if summary.left > 0 { "\nWhat is left goes on with `galbridge run`." } else { "" };
            let line = session.setup().map(|setup| run::line(summary, setup, paint)).unwrap_or_default();
            format!("\n{line}{goes_on}")
        }
        None => "\nThe merge had nothing to do.".to_owned(),
    })?;
    if environment.stop.asked() {
        return Err(CliError::failed(format!(
            "pair {}: the merge was stopped; what was done is stored, and the next run goes on",
            session.pair
        )));
    }
    ended(&session, summary.as_ref()).await
}

/// Asks about dynamic groups that would take published contacts in; where nobody can be asked the engine refuses.
async fn accepts(environment: &Environment, session: &Session, plan: &gal::plan::Plan) -> Result<bool, CliError> {
    let groups = session.engine.admitting_groups(&session.pair, plan).await?;
    if groups.is_empty() || !environment.screen.asks {
        return Ok(false);
    }
    let named = clean(&groups.join(", "));
    environment
        .screen
        .ask(&format!("These dynamic groups would take published contacts in, and send them their mail: {named}. Accept that?"))
}

/// Shows a plan, and asks for a person's word where it was not given: by checksum, by `--yes`, or on the terminal.
pub(super) fn confirmed(environment: &Environment, plan: &PlanDocument, confirmation: &Confirmation) -> Result<bool, CliError> {
    let screen = &environment.screen;
    if let Some(given) = &confirmation.confirm {
        if *given != plan.checksum {
            return Err(CliError::wrong(format!(
                "pair {}: the checksum of \"{}\" is {}, not {given}: it has changed since it was shown, or was that of another plan; the same command without --confirm shows it",
                plan.pair, plan.of, plan.checksum
            )));
        }
        return Ok(true);
    }
    screen.say(&plan.text(screen.paint, false))?;
    if confirmation.yes {
        return Ok(true);
    }
    if screen.json {
        screen.answer(plan, |_| String::new())?;
    }
    if screen.asks {
        return screen.ask(&format!("Carry this out for {}?", plan.pair));
    }
    Err(CliError::held(format!(
        "pair {}: nothing was written; confirm this plan with --confirm {}, or whatever it is with --yes",
        plan.pair, plan.checksum
    )))
}
