//! What the demo has to work with, and how it tells what happens.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::records::{Outcome, RunSummary};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::oracle::{Check, Known, Side, look};
use super::simulator::Tenant;
use super::view::{Object, View};
use crate::error::CliError;
use crate::screen::{Screen, count, thousands};
use crate::session::Session;
use crate::show;
use crate::simulated::{SimulatorApi, SimulatorClock};
use crate::verbs;
use crate::wiring::Environment;

/// What the people of the first tenant are called in the second.
pub(crate) const SUFFIX: &str = " (Contoso)";

/// How many cycles a change may take until nothing is due.
const CYCLES: usize = 6;

/// Something that happened, and what galbridge did about it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Scene {
    /// What it is about.
    pub(crate) title: String,
    /// What people did.
    pub(crate) happened: Vec<String>,
    /// What galbridge did.
    pub(crate) runs: Vec<RunSummary>,
    /// What was looked at afterwards.
    pub(crate) checks: Vec<Check>,
}

/// The demo as it goes on.
pub(crate) struct Tale<'t> {
    /// The machine.
    pub(crate) environment: &'t Environment,
    /// The simulator's own calls.
    pub(crate) api: SimulatorApi,
    /// Its clock.
    pub(crate) clock: Arc<SimulatorClock>,
    /// The engine and its state.
    pub(crate) session: Session,
    /// The two tenants.
    pub(crate) tenants: [Tenant; 2],
    /// Both directories before anything was written, with what their administrators did since.
    pub(crate) own: [View; 2],
    /// What the oracle must know.
    pub(crate) known: Known,
    /// What was told so far.
    pub(crate) scenes: Vec<Scene>,
}

impl Tale<'_> {
    /// Where it is told.
    pub(crate) fn screen(&self) -> &Screen {
        &self.environment.screen
    }

    /// Begins a scene.
    pub(crate) fn scene(&mut self, title: &str) -> Result<(), CliError> {
        let time = self.session.now().strftime("%a %H:%M").to_string();
        self.screen().say(&format!("\n{} {}", self.screen().paint.dim(&time), self.screen().paint.bold(title)))?;
        self.scenes.push(Scene { title: title.to_owned(), ..Scene::default() });
        Ok(())
    }

    /// Tells what people did.
    pub(crate) fn happened(&mut self, what: impl Into<String>) -> Result<(), CliError> {
        let what = what.into();
        self.screen().say(&format!("      {what}"))?;
        if let Some(scene) = self.scenes.last_mut() {
            scene.happened.push(what);
        }
        Ok(())
    }

    /// Tells what was looked at.
    pub(crate) fn checked(&mut self, check: Check) -> Result<(), CliError> {
        let paint = self.screen().paint;
        let line = if check.wrong.is_empty() {
            format!("{} {} {}", paint.green("  ✓  "), check.what, paint.dim(&format!("({})", thousands(check.looked_at))))
        } else {
            let wrong = format!("{}: {} of {}", check.what, thousands(check.wrong.len() as u64), thousands(check.looked_at));
            let shown: Vec<String> = check.wrong.iter().take(5).map(|one| format!("\n        {}", show::clean(one))).collect();
            let shown = shown.concat();
            format!("{} {}{shown}", paint.red("  ✗  "), paint.red(&wrong))
        };
        self.screen().say(&line)?;
        if let Some(scene) = self.scenes.last_mut() {
            scene.checks.push(check);
        }
        Ok(())
    }

    /// A check of one thing.
    pub(crate) fn one(&mut self, what: &str, right: bool, wrong: impl FnOnce() -> String) -> Result<(), CliError> {
        let mut check = Check::of(what);
        check.look(right, wrong);
        self.checked(check)
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, duration: SignedDuration) -> Result<(), CliError> {
        self.clock.advance(duration).await
    }

    /// Ten minutes and a cycle, until nothing is due. Answers what was done.
    pub(crate) async fn cycles(&mut self) -> Result<(), CliError> {
        let mut before = None;
        for _ in 0..CYCLES {
            self.pass(SignedDuration::from_mins(10)).await?;
            let Some(summary) = verbs::cycle(&self.session, false, None).await?.run else { return Ok(()) };
            let waits = matches!(summary.outcome, Outcome::Held(_)) && before.as_ref() == Some(&summary.counters);
            if waits {
                // The same again: it waits for a person.
                return Ok(());
            }
            before = Some(summary.counters);
            self.told(summary)?;
        }
        Ok(())
    }

    /// Tells a run.
    pub(crate) fn told(&mut self, summary: RunSummary) -> Result<(), CliError> {
        let paint = self.screen().paint;
        let time = summary.ended.strftime("%a %H:%M").to_string();
        let line = show::run::line(&summary, self.session.setup()?, paint).replace('\n', "\n          ");
        self.screen().say(&format!("  {} {} {line}", paint.green("→"), paint.dim(&time)))?;
        if let Some(scene) = self.scenes.last_mut() {
            scene.runs.push(summary);
        }
        Ok(())
    }

    /// What an administrator of a tenant does; answers the ids. The oracle's own picture follows.
    pub(crate) async fn administrator(&mut self, tenant: usize, operations: Vec<Value>) -> Result<Vec<Uuid>, CliError> {
        let name = self.tenants.get(tenant).map(|tenant| tenant.name.clone()).unwrap_or_default();
        let named: BTreeSet<Uuid> = operations.iter().filter_map(|one| one["anchor"].as_str()?.parse().ok()).collect();
        let answer = self.api.post(&format!("tenants/{name}/apply"), &json!(operations)).await?;
        let ids: Vec<Uuid> = answer.as_array().into_iter().flatten().filter_map(|id| id.as_str()?.parse().ok()).collect();
        self.known.touched.extend(named.into_iter().chain(ids.iter().copied()));
        Ok(ids)
    }

    /// A tenant's directory as it is now.
    pub(crate) async fn view(&self, tenant: usize) -> Result<View, CliError> {
        let name = self.tenants.get(tenant).map(|tenant| tenant.name.as_str()).unwrap_or_default();
        View::read(&self.api, name).await
    }

    /// Compares both lists with what they must be.
    pub(crate) async fn oracle(&mut self) -> Result<(), CliError> {
        let (a, b) = (self.view(0).await?, self.view(1).await?);
        let [one, other] = &self.tenants;
        let [own_a, own_b] = &self.own;
        let side = |tenant: &'_ Tenant| (tenant.name.clone(), tenant.domain.clone());
        let ((name_a, domain_a), (name_b, domain_b)) = (side(one), side(other));
        let checks = look(
            &Side { name: &name_a, domain: &domain_a, now: &a, own: own_a, suffix: SUFFIX },
            &Side { name: &name_b, domain: &domain_b, now: &b, own: own_b, suffix: "" },
            &self.known,
        );
        let seen = format!("{name_a} sees {}, {name_b} {}", count(a.visible(), "recipient"), thousands(b.visible()));
        self.screen().say(&format!("  Looked at the two address lists as their users see them ({seen}):"))?;
        checks.into_iter().try_for_each(|check| self.checked(check))
    }

    /// People of a tenant who are published in the other, with their contacts there.
    pub(crate) fn people<'v>(&self, source: &'v View, target: &'v View, kind: &str) -> Vec<(&'v Object, &'v Object)> {
        let free = |object: &&Object| {
            object.kind == kind
                && !object.made()
                && !object.hidden
                && !object.flag("IsDirSynced")
                && !self.known.touched.contains(&object.anchor)
        };
        let published = |object: &'v Object| Some((object, target.made_for(&object.address()?).filter(|contact| !contact.hidden)?));
        source.objects.values().filter(free).filter_map(published).collect()
    }

    /// Whether everything that was looked at was right.
    pub(crate) fn right(&self) -> bool {
        self.scenes.iter().flat_map(|scene| &scene.checks).all(|check| check.wrong.is_empty())
    }
}
