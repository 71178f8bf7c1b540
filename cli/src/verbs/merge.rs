//! `merge`: the preview, a person's word, and the merge.

use engine::act::{Action, PlanDocument};
use engine::records::MergeOptions;
use gal::Anchor;
use serde_json::json;

use crate::arguments::{Confirmation, Global, MergeArguments, MergeChoice, Mode};
use crate::error::{CliError, Exit};
use crate::screen::complain;
use crate::session::{Need, Session};
use crate::show::{clean, plan as shown, run};
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
    let mut merge = choice_of(arguments.mode, &arguments.choice);
    merge.accept_dynamic_groups = arguments.accept_dynamic_groups;
    let plan = session.plan(Action::Merge { merge: merge.clone(), confirm: None }).await?;
    if !confirmed(environment, &plan, &arguments.confirmation)? {
        return Ok(Exit::Held);
    }
    merge.accept_dynamic_groups |= accepts(environment, &plan)?;
    let ran = session.ran(Action::Merge { merge, confirm: Some(plan.checksum.clone()) }, None).await?;
    let document = json!({"pair": session.pair, "checksum": plan.checksum, "run": ran.run});
    environment.screen.answer(&document, |paint| match &ran.run {
        Some(summary) => {
            let goes_on = if summary.left > 0 { "\nWhat is left goes on with `galbridge run`." } else { "" };
            let line = session.setup().map(|setup| run::line(summary, setup, paint)).unwrap_or_default();
            let afterwards = plan.afterwards.as_deref().unwrap_or_default();
            format!("\n{line}{goes_on}\n{afterwards}").trim_end().to_owned()
        }
        None => "\nThe merge had nothing to do.".to_owned(),
    })?;
    if environment.stop.asked() {
        return Err(CliError::failed(format!(
            "pair {}: the merge was stopped; what was done is stored, and the next run goes on",
            session.pair
        )));
    }
    Ok(ran.standing.into())
}

/// Asks about dynamic groups that would take published contacts in; where nobody can be asked the engine refuses.
fn accepts(environment: &Environment, plan: &PlanDocument) -> Result<bool, CliError> {
    if plan.admitting.is_empty() || !environment.screen.asks {
        return Ok(false);
    }
    let named = clean(&plan.admitting.join(", "));
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
    screen.say(&shown::text(plan, screen.paint, confirmation.all))?;
    if confirmation.yes {
        return Ok(true);
    }
    if screen.asks {
        return screen.ask(&format!("Carry this out for {}?", plan.pair));
    }
    let next = format!(
        "pair {}: nothing was written; confirm this plan with --confirm {}, or whatever it is with --yes",
        plan.pair, plan.checksum
    );
    if screen.json {
        // The plan is the one document; it has the checksum.
        screen.answer(plan, |_| String::new())?;
        complain(&next);
        return Ok(false);
    }
    Err(CliError::held(next))
}
