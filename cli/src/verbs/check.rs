//! `check`: whether everything is ready, tenant by tenant, each finding with what to do.

use std::fmt::Write as _;

use engine::act::{Action, Answer};
use engine::check::{self, Findings, Level, TenantFindings};
use profile::Tenant;

use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::screen::{Paint, count};
use crate::session::{Loaded, Time, connect};
use crate::show::clean;
use crate::stack::Stack;
use crate::wiring::{Environment, fresh_id};

/// Looks at all tenants, or at one.
pub(crate) async fn check(environment: &Environment, global: &Global, probe: bool, only: Option<&str>) -> Result<Exit, CliError> {
    let stack = match &global.stack {
        Some(name) => Some(Stack::find(name).await?),
        None => None,
    };
    let loaded = match &stack {
        Some(stack) => Loaded::stored(&stack.store(fresh_id()), &stack.name).await?,
        None => Loaded::read(global)?,
    };
    if let Some(name) = only.filter(|name| !loaded.profile.tenants.contains_key(*name)) {
        let known: Vec<&str> = loaded.profile.tenants.keys().map(String::as_str).collect();
        return Err(CliError::wrong(format!("the profile has no tenant {name}; it has: {}", known.join(", "))));
    }
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let mut documents: Vec<TenantFindings> = Vec::new();
    if let Some(stack) = &stack {
        documents = by_functions(stack, &loaded, probe, &wanted).await?;
    } else {
        let time = Time::of(environment, global).await?;
        for tenant in loaded.profile.tenants.values().filter(|tenant| wanted(&tenant.name)) {
            let mut findings = Findings::default();
            look(environment, &loaded, tenant, &time, &mut findings, probe).await;
            documents.push(TenantFindings { tenant: tenant.name.clone(), findings: findings.0 });
        }
    }
    documents.retain(|document| wanted(&document.tenant));
    environment.screen.answer(&documents, |paint| text(&documents, &loaded, paint))?;
    let failed = documents.iter().any(|document| document.findings.iter().any(|finding| finding.level == Level::Fail));
    Ok(if failed { Exit::Failed } else { Exit::InStep })
}

/// A stack's functions look, for they have the certificates: both tenants of each pair, until all were looked at.
async fn by_functions(
    stack: &Stack,
    loaded: &Loaded,
    probe: bool,
    wanted: &impl Fn(&str) -> bool,
) -> Result<Vec<TenantFindings>, CliError> {
    let mut documents: Vec<TenantFindings> = Vec::new();
    let known = |documents: &[TenantFindings], name: &str| documents.iter().any(|document| document.tenant == name);
    for pair in &loaded.profile.pairs {
        if gal::Side::BOTH.iter().map(|side| pair.tenant(*side)).all(|name| known(&documents, name) || !wanted(name)) {
            continue;
        }
        let found = match stack.act(&pair.name(), &Action::Check { probe }).await? {
            Answer::Checked(found) => found,
            other => return Err(CliError::unexpected(&other)),
        };
        let new: Vec<TenantFindings> = found.into_iter().filter(|one| !known(&documents, &one.tenant)).collect();
        documents.extend(new);
    }
    Ok(documents)
}

async fn look(environment: &Environment, loaded: &Loaded, tenant: &Tenant, time: &Time, findings: &mut Findings, probe: bool) {
    let client = match connect(environment, loaded, tenant, time) {
        Ok(client) => client,
        Err(error) => return findings.add(Level::Fail, "certificate", error.message),
    };
    findings.0.push(client.credential.expiry(time.clock.now()).finding());
    check::look(&client.connection, &*time.clock, tenant.stamp_attribute, &loaded.profile.installation, probe, findings).await;
}

fn text(documents: &[TenantFindings], loaded: &Loaded, paint: Paint) -> String {
    let mut text = String::new();
    for document in documents {
        let cloud = loaded.profile.tenants.get(&document.tenant).map(|tenant| tenant.cloud.as_str()).unwrap_or_default();
        let _ = writeln!(text, "{}", paint.bold(&format!("{} ({cloud})", document.tenant)));
        for finding in &document.findings {
            let level = match finding.level {
                Level::Ok => paint.green("ok  "),
                Level::Open => paint.dim("?   "),
                Level::Warn => paint.yellow("warn"),
                Level::Fail => paint.red("FAIL"),
            };
            let _ = writeln!(text, "  {level}  {}: {}", finding.what, clean(&finding.text));
        }
    }
    let counted =
        |level: Level| documents.iter().flat_map(|document| &document.findings).filter(|finding| finding.level == level).count() as u64;
    let (warnings, failures) = (counted(Level::Warn), counted(Level::Fail));
    let _ = writeln!(text, "\n{}, {}", count(failures, "failure"), count(warnings, "warning"));
    text
}
