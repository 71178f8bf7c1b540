//! `demo`: two simulated tenants, a first merge, a working day, and an oracle that looks at the result.

mod day;
mod oracle;
mod simulator;
mod tale;
mod view;

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::act::Action;
use engine::records::MergeOptions;
use gal::policy::MergeMode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use state::{Existing, StateStore};

use crate::arguments::{DemoArguments, Global};
use crate::error::{CliError, Exit};
use crate::screen::{count, thousands};
use crate::session::{Loaded, Need, Pieces, Session, Time, connections};
use crate::show;
use crate::simulated::{SimulatorApi, SimulatorClock};
use crate::verbs;
use crate::wiring::{Environment, Stopwatch};
use oracle::Known;
use simulator::{Settings, Simulator, Tenant};
use tale::Tale;

/// The short names of the two tenants.
const NAMES: [&str; 2] = ["contoso", "fabrikam"];

/// Plays it, and ends the simulator whatever happens.
pub(crate) async fn demo(environment: &Environment, global: &Global, arguments: &DemoArguments) -> Result<Exit, CliError> {
    let watch = Stopwatch::start();
    let folder = tempfile::Builder::new().prefix("galbridge-demo-").tempdir();
    let folder = folder.map_err(|error| CliError::failed(format!("no folder can be made for the demo: {error}")))?;
    let settings = Settings {
        beside: environment.executable.as_deref(),
        tenants: [(NAMES[0], arguments.recipients), (NAMES[1], arguments.recipients * 6 / 10)],
        seed: arguments.seed,
        trace: arguments.trace.as_deref(),
        keep: arguments.keep,
    };
    let simulator = Simulator::start(&settings).await?;
    let played = tokio::select! {
        played = play(environment, arguments, &simulator, folder.path(), &watch) => played,
        () = environment.stop.wait() => Err(CliError::failed("the demo was stopped")),
    };
    if played.is_err() || !arguments.keep {
        simulator.end().await;
        return played;
    }
    keep(environment, global, &simulator, folder.keep())?;
    played
}

async fn play(
    environment: &Environment,
    arguments: &DemoArguments,
    simulator: &Simulator,
    folder: &Path,
    watch: &Stopwatch,
) -> Result<Exit, CliError> {
    let api = SimulatorApi::new(&simulator.address)?;
    let clock = Arc::new(SimulatorClock::follow(api.clone()).await?);
    let [a, b] = simulator.tenants.as_slice() else {
        return Err(CliError::failed("the simulator made other tenants than it was asked for"));
    };
    let tenants = [a.clone(), b.clone()];
    let time = Time::following(clock.clone());
    certificates(&api, &tenants, folder, time.clock.now(), arguments.trace.as_deref()).await?;
    let profile = folder.join("galbridge.toml");
    std::fs::write(&profile, profile_text(&tenants, &simulator.address)).map_err(|error| CliError::file(&profile, "written", &error))?;
    let of = Global { profile, state: None, stack: None, pair: None, json: false, verbose: 0, log: None, simulator: None };
    let loaded = Loaded::read(&of)?;
    let pair = loaded.pair(&of)?;
    let connections = connections(environment, &loaded, &pair, &time, Need::Writing)?;
    // In memory: a file is on the disk after every write, and that would be most of the demo's time.
    let pieces = Pieces { loaded, pair, time, connections, store: StateStore::memory()?, state: "the demo's state".to_owned() };
    let session = Session::of(environment, pieces, Need::Writing).await?;
    let own = [view::View::read(&api, &tenants[0].name).await?, view::View::read(&api, &tenants[1].name).await?];
    let mut tale = Tale { environment, api, clock, session, tenants, own, known: Known::default(), scenes: Vec::new() };
    merge(&mut tale).await?;
    day::play(&mut tale).await?;
    tale.scene("At the end")?;
    tale.oracle().await?;
    if arguments.keep {
        to_file(&tale.session, &folder.join("galbridge.state")).await?;
    }
    end(&tale, arguments, watch).await
}

/// Moves the state from memory to a file, as `state export` and `state import` do.
async fn to_file(session: &Session, file: &Path) -> Result<(), CliError> {
    let mut written = Vec::new();
    session.store.export(&mut written, session.now()).await?;
    StateStore::file(file)?.import(&mut Cursor::new(written), Existing::Refuse, session.now()).await?;
    Ok(())
}

/// Makes a certificate for each tenant, and registers it there, as an administrator would upload it.
async fn certificates(api: &SimulatorApi, tenants: &[Tenant], folder: &Path, now: Timestamp, trace: Option<&Path>) -> Result<(), CliError> {
    let mut public = String::new();
    for tenant in tenants {
        let file = folder.join(format!("{}.pem", tenant.name));
        let credential = verbs::make_certificate(
            &format!("galbridge demo {}", tenant.name),
            now - SignedDuration::from_hours(24),
            credentials::VALIDITY_DAYS,
            &file,
        )?;
        let pem = credential.public_certificate_pem()?;
        api.post_text(&format!("tenants/{}/certificates", tenant.name), pem.clone()).await?;
        public.push_str(&pem);
    }
    if let Some(trace) = trace {
        let mut path = trace.as_os_str().to_owned();
        path.push(".pem");
        let path = PathBuf::from(path);
        std::fs::write(&path, public).map_err(|error| CliError::file(&path, "written", &error))?;
    }
    Ok(())
}

fn profile_text(tenants: &[Tenant], address: &str) -> String {
    let mut text = "client = \"demo\"\n".to_owned();
    for Tenant { name, id, app_id, .. } in tenants {
        text.push_str(&format!(
            "\n[tenants.{name}]\nid = \"{id}\"\napp_id = \"{app_id}\"\ncertificate = \"{name}.pem\"\nhosts = {{ login = \"{address}\", graph = \"{address}\", exchange = \"{address}\" }}\n"
        ));
    }
    text.push_str(&format!(
        "\n[[pairs]]\na = \"{}\"\nb = \"{}\"\n\n[pairs.a_to_b.mapping]\ndisplay_name = \"{{{{ display_name }}}}{}\"\n",
        NAMES[0],
        NAMES[1],
        tale::SUFFIX
    ));
    text
}

async fn merge(tale: &mut Tale<'_>) -> Result<(), CliError> {
    tale.scene("The first merge")?;
    let [a, b] = tale.own.each_ref().map(|view| view.objects.len() as u64);
    tale.happened(format!("{} has {}, {} has {}", NAMES[0], count(a, "recipient"), NAMES[1], thousands(b)))?;
    let mut merge = MergeOptions::of(MergeMode::TwoWay);
    let plan = tale.session.plan(Action::Merge { merge: merge.clone(), confirm: None }).await?;
    tale.screen().say(&format!("\n{}", show::plan::text(&plan, tale.screen().paint, false)))?;
    let groups = show::clean(&plan.admitting.join(", "));
    if !groups.is_empty() {
        tale.happened(format!("dynamic groups that will send their mail to published contacts too: {groups}"))?;
    }
    merge.accept_dynamic_groups = true;
    let accepted = if groups.is_empty() { "" } else { " --accept-dynamic-groups" };
    tale.happened(format!("galbridge merge --mode two-way{accepted} --confirm {}", plan.checksum))?;
    let ran = tale.session.ran(Action::Merge { merge, confirm: Some(plan.checksum) }, None).await?;
    if let Some(summary) = ran.run {
        tale.told(summary)?;
    }
    tale.cycles().await?;
    tale.oracle().await
}

async fn end(tale: &Tale<'_>, arguments: &DemoArguments, watch: &Stopwatch) -> Result<Exit, CliError> {
    let stats = tale.api.get("stats").await?;
    let seconds = watch.passed().as_secs_f64();
    let right = tale.right();
    let looked_at: u64 = tale.scenes.iter().flat_map(|scene| &scene.checks).map(|check| check.looked_at).sum();
    let document = json!({"seed": arguments.seed, "recipients": arguments.recipients, "right": right, "looked_at": looked_at, "seconds": seconds, "scenes": tale.scenes, "simulator": stats});
    let (requests, faults) = (sum(&stats, "requests"), sum(&stats, "faults"));
    tale.screen().answer(&document, |paint| {
        let verdict = if right {
            paint.green("Both address lists are what they should be.")
        } else {
            paint.red("Something is not as it should be; see the crosses above.")
        };
        let wire = format!("{} requests, {} of them spoilt on purpose", thousands(requests), thousands(faults));
        format!("\n{} {} comparisons; {wire}; {seconds:.0} s.", paint.bold(&verdict), thousands(looked_at))
    })?;
    Ok(if right { Exit::InStep } else { Exit::Failed })
}

/// The sum of all numbers below a key, in all tenants.
fn sum(stats: &Value, key: &str) -> u64 {
    fn all(value: &Value) -> u64 {
        match value {
            Value::Number(number) => number.as_u64().unwrap_or(0),
            Value::Array(values) => values.iter().map(all).sum(),
            Value::Object(values) => values.values().map(all).sum(),
            Value::Null | Value::Bool(_) | Value::String(_) => 0,
        }
    }
    stats["tenants"].as_object().into_iter().flat_map(|tenants| tenants.values()).map(|tenant| all(&tenant[key])).sum()
}

/// What to try by hand, as it can be pasted.
#[expect(clippy::needless_pass_by_value, reason = "the folder is kept from here on")]
fn keep(environment: &Environment, global: &Global, simulator: &Simulator, folder: PathBuf) -> Result<(), CliError> {
    let profile = folder.join("galbridge.toml");
    let program = environment.executable.as_ref().map_or_else(|| "galbridge".to_owned(), |path| verbs::quoted(&path.display().to_string()));
    let command = format!("{program} --profile {} --simulator {}", verbs::quoted(&profile.display().to_string()), simulator.address);
    let address = &simulator.address;
    let process = simulator.process().map_or_else(String::new, |id| format!("kill {id}   # ends the simulator\n  "));
    if global.json {
        crate::screen::complain(&format!("the simulator goes on at {address}; {command} status"));
        return Ok(());
    }
    environment.screen.say(&format!(
        "\nThe simulator goes on at {address}. To try by hand:\n\n  {command} status\n  {command} check --probe\n  {command} plan\n  {command} runs\n  {command} explain zoe.quellwasser@contoso.example\n  curl -s {address}/_sim/tenants/fabrikam/gal | head -c 600\n  curl -s -X POST {address}/_sim/tenants/contoso/apply -d '[{{\"op\": \"create\", \"kind\": \"user\", \"set\": {{\"DisplayName\": \"Ada New\", \"PrimarySmtpAddress\": \"ada.new@contoso.example\"}}}}]'\n  curl -s -X POST {address}/_sim/clock -d '{{\"advance_seconds\": 600}}'\n  {command} run\n  {process}rm -r {}",
        verbs::quoted(&folder.display().to_string())
    ))
}
