//! Every crash point: for plans of every kind of operation the process is stopped before and after each of its calls to Microsoft and
//! each of its requests to the state, in turn; the next process goes on until nothing is due. Both directories must then be what they
//! are after a run that was not stopped: nobody twice, nobody lost.
//!
//! `crash-points [--scene NAME]` prints a line for each kind, and counts.

#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use engine::operate::{Leave, rebuild_checksum};
use engine::records::{MergeOptions, RunKind, RunSummary};
use engine::snapshot::SnapshotOptions;
use engine::{Engine, EngineError};
use gal::Side;
use gal::policy::MergeMode;
use jiff::{SignedDuration, Timestamp};
use rig::outside::Fault;
use rig::people::{contact, contact_at, delete, find, guest, update, user};
use rig::{Rig, RigOptions};
use serde_json::{Value, json};
use uuid::Uuid;

/// A history makes and drops millions of small things.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TENANTS: [&str; 2] = ["contoso", "fabrikam"];

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is going on when the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scene {
    /// The first merge: creations, adoptions, peers that are joined.
    Merge,
    /// Colleagues are hired, one with a manager.
    Create,
    /// Values are edited at the source, and by hand in the target.
    Update,
    /// A contact that stood there is adopted.
    Adopt,
    /// A guest is adopted, filled and shown.
    AdoptGuest,
    /// Colleagues leave, one with his scope.
    Stage,
    /// They come back.
    Restore,
    /// Their grace is over.
    Purge,
    /// The source of a found contact leaves: it is given back.
    Release,
    /// An account is made again under its address.
    Relink,
    /// A contact that was made from elsewhere, and waits for its deletion, is taken over.
    TakeOver,
    /// Two people swap their addresses.
    Swap,
    /// The target's administrator deleted a contact.
    Again,
    /// Contacts that both sides keep are made, edited on both sides, deleted.
    Peers,
    /// Contacts that both sides keep are deleted and made again, and their other halves edited meanwhile.
    PeersAgain,
    /// A contact that both sides keep is deleted, and its edited twin handed over.
    HandOver,
    /// The operator makes way.
    MakeWay,
    /// The operator takes a side back.
    Unpublish,
    /// … and leaves what stands there.
    UnpublishRelease,
    /// A lost state is rebuilt and merged.
    Rebuild,
    /// Everything is read anew.
    FullReading,
    /// The profile's mapping and scope change.
    Profile,
    /// A run is taken back: an edit, a creation, an adoption, a staging.
    Undo,
}

#[derive(Parser)]
struct Arguments {
    /// Only this one.
    #[arg(long)]
    scene: Option<Scene>,
}

/// Where the process dies.
#[derive(Clone, Copy, Debug)]
enum Death {
    Never,
    Outside(u64, Fault),
    State(u64, Fault),
}

/// What came of a run.
struct Outcome {
    /// Both directories, without what differs from run to run.
    end: Vec<Value>,
    /// Calls to Microsoft, and requests to the state, of the work.
    calls: (u64, u64),
    died: bool,
}

const DESK: &str = "[[static_contacts]]\ntenants = [\"fabrikam\"]\ncontacts = [{ key = \"desk\", address = \"desk@msp.example\", display_name = \"Desk\" }]\n";
const GUESTS: &str = "[pairs.a_to_b]\nguests = \"adopt-guest\"\n";
const SUFFIX: &str = "[pairs.a_to_b.mapping]\ndisplay_name = \"{{ display_name }} (Contoso)\"\n[pairs.a_to_b.scope]\nexclude = [{ field = \"title\", equals = \"Chief\" }]\n";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (mut tried, mut failed) = (0, 0);
    for scene in Scene::value_variants().iter().filter(|scene| arguments.scene.is_none_or(|only| only == **scene)) {
        let reference = play(*scene, Death::Never, &[]);
        let (outside, state) = reference.calls;
        let faults = [Fault::Before, Fault::After];
        let deaths: Vec<Death> = (1..=outside)
            .flat_map(|nth| faults.map(|fault| Death::Outside(nth, fault)))
            .chain((1..=state).flat_map(|nth| faults.map(|fault| Death::State(nth, fault))))
            .collect();
        let wrong = all(*scene, &deaths, &reference.end);
        println!(
            "{scene:?}: {outside} calls to Microsoft, {state} requests to the state: {} crashes, {} failed",
            deaths.len(),
            wrong.len()
        );
        for line in wrong.iter().take(3) {
            println!("    {line}");
        }
        tried += deaths.len();
        failed += wrong.len();
    }
    println!("{} passed, {failed} failed", tried - failed);
    if failed == 0 && tried > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays a scene with each death, two at a time; says which ended otherwise.
fn all(scene: Scene, deaths: &[Death], expected: &[Value]) -> Vec<String> {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(death) = deaths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = play(scene, *death, expected);
                    let complaint =
                        if outcome.died { difference(expected, &outcome.end) } else { Some("the process did not die".to_owned()) };
                    if let Some(complaint) = complaint {
                        wrong.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(format!("{death:?}: {complaint}"));
                    }
                }
            });
        }
    });
    wrong.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn difference(expected: &[Value], found: &[Value]) -> Option<String> {
    let name = |one: &Value| format!("{} {}", one["tenant"].as_str().unwrap_or_default(), one["properties"]["Name"]);
    if let Some(complaint) = found.iter().find_map(Value::as_str) {
        return Some(complaint.to_owned());
    }
    let missing = expected.iter().find(|one| !found.contains(one));
    let surplus = found.iter().find(|one| !expected.contains(one));
    match (missing, surplus) {
        (None, None) => (expected.len() != found.len()).then(|| format!("{} objects instead of {}", found.len(), expected.len())),
        (Some(missing), Some(surplus)) if name(missing) == name(surplus) => {
            let properties = |one: &Value| one["properties"].as_object().cloned().unwrap_or_default();
            let (before, now) = (properties(missing), properties(surplus));
            let differing: Vec<String> = before
                .iter()
                .filter(|(property, value)| now.get(*property) != Some(*value))
                .map(|(property, value)| format!("{property} is {}, not {value}", now.get(property).unwrap_or(&Value::Null)))
                .collect();
            let both = |what: &str| format!("{what} {} and {}", surplus[what], missing[what]);
            Some(format!("{}: {}; {}; {}", name(missing), both("hidden"), both("old"), differing.join(", ")))
        }
        (missing, surplus) => Some(format!("missing {:?}, surplus {:?}", missing.map(name), surplus.map(name))),
    }
}

#[expect(clippy::expect_used, reason = "a runtime that cannot be had ends the program")]
fn play(scene: Scene, death: Death, expected: &[Value]) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let mut rig = begin(scene).await;
        prepare(scene, &mut rig).await;
        let before = (rig.outside.calls(), rig.faults.calls());
        let old = TENANTS.iter().flat_map(|tenant| rig.gal_with_hidden(tenant)).map(|entry| entry.anchor).collect();
        match death {
            Death::Never => {}
            Death::Outside(nth, fault) => rig.outside.die_at(nth, fault),
            Death::State(nth, fault) => rig.faults.crash_at(nth, fault),
        }
        let (engine, outside, deadline) = (rig.engine.clone(), rig.outside.clone(), deadline(&rig));
        let outcome = tokio::select! {
            biased;
            () = outside.death() => None,
            done = work(scene, &engine, deadline) => Some(done),
        };
        let calls = (rig.outside.calls() - before.0, rig.faults.calls() - before.1);
        let died = outcome.is_none() || rig.faults.fired();
        rig.outside.revive();
        rig.faults.revive();
        drop(engine);
        rig.restart();
        rig.advance(Duration::from_secs(1_200)).await;
        let mut complaint = Vec::new();
        if died {
            // Whoever asked asks again; a tick comes by itself.
            let again = work(scene, &rig.engine, self::deadline(&rig)).await;
            complaint.extend(again.err().filter(|error| !is_done_already(error)).map(|error| json!(format!("asked again: {error}"))));
        } else if let Some(Err(error)) = outcome {
            complaint.push(json!(format!("without a crash: {error}")));
        }
        rest(&rig).await;
        let mut end = directories(&rig, &old);
        if difference(expected, &end).is_some() {
            // What a crash left undone is found at the latest when everything is read anew.
            rig.advance(DAY).await;
            complaint.extend(rig.snapshot(true).await.err().map(|error| json!(format!("read anew: {error}"))));
            rest(&rig).await;
            end = directories(&rig, &old);
        }
        end.extend(complaint);
        Outcome { end, calls, died }
    })
}

/// What was asked for was done before the process died.
fn is_done_already(error: &EngineError) -> bool {
    matches!(error, EngineError::Refused(text) if text.contains("no published contact has the address"))
}

async fn begin(scene: Scene) -> Rig {
    let rest = match scene {
        Scene::TakeOver => DESK,
        Scene::AdoptGuest => GUESTS,
        _ => "",
    };
    let rig = Rig::new(RigOptions { profile: profile(rest), ..RigOptions::default() }).await;
    rig.recorded.record(false);
    let names = ["Ann", "Ben", "Cas", "Dan"];
    rig.apply("contoso", names.map(|name| user("contoso", name)).into_iter().collect());
    rig.apply("contoso", json!([contact("Partner", "Seller"), contact("Shared", "Buyer")]));
    let found = contact_at("Dan (ours)", "dan@contoso.example", "");
    rig.apply("fabrikam", json!([user("fabrikam", "Bob"), found, contact("Shared", "")]));
    if scene != Scene::Merge {
        merged(&rig).await;
    }
    rig
}

fn profile(rest: &str) -> String {
    format!("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\nguard = {{ max_deletions = 50 }}\n{rest}")
}

#[expect(clippy::expect_used, reason = "what cannot be set up is a defect of the scene")]
async fn merged(rig: &Rig) {
    rig.merge(MergeMode::TwoWay).await.expect("a merge");
    rest(rig).await;
}

/// Until nothing is due any more.
async fn rest(rig: &Rig) {
    let mut calm = 0;
    for _ in 0..30 {
        rig.advance(Duration::from_secs(600)).await;
        match rig.cycle().await {
            Ok(None) => calm += 1,
            Ok(Some(_)) | Err(_) => calm = 0,
        }
        if calm == 2 {
            return;
        }
    }
}

fn anchor(rig: &Rig, tenant: &str, name: &str) -> Uuid {
    find(&rig.gal_with_hidden(tenant), name).map(|entry| entry.anchor).unwrap_or_default()
}

/// What the administrators do before the process begins.
async fn prepare(scene: Scene, rig: &mut Rig) {
    let at = |rig: &Rig, name: &str| anchor(rig, "contoso", name);
    let address = |name: &str| json!({"PrimarySmtpAddress": format!("{name}@contoso.example")});
    match scene {
        Scene::Merge | Scene::MakeWay | Scene::Unpublish | Scene::UnpublishRelease | Scene::FullReading => {}
        Scene::Create => {
            let mut report = user("contoso", "Eva");
            report["set"]["Manager"] = json!("Ann");
            rig.apply("contoso", json!([report, user("contoso", "Fay")]));
        }
        Scene::Update => {
            rig.apply("contoso", update(at(rig, "Ann"), json!({"DisplayName": "Ann Meier", "Title": "Head", "Phone": null})));
            rig.apply("contoso", update(at(rig, "Dan"), json!({"City": "Bern"})));
            let drifted = anchor(rig, "fabrikam", "Ben");
            rig.apply("fabrikam", update(drifted, json!({"Title": "by hand", "CustomAttribute3": "ours"})));
        }
        Scene::Adopt => {
            rig.apply("fabrikam", json!([contact_at("Gil (ours)", "gil@contoso.example", "")]));
            rig.apply("contoso", json!([user("contoso", "Gil")]));
        }
        Scene::AdoptGuest => {
            rig.apply("fabrikam", json!([guest("Gil (guest)", "gil@contoso.example")]));
            rig.apply("contoso", json!([user("contoso", "Gil")]));
        }
        Scene::Stage => leave(rig),
        Scene::Restore | Scene::Purge => {
            leave(rig);
            rest(rig).await;
            if scene == Scene::Restore {
                let gone = anchor(rig, "contoso", "Ben");
                rig.apply("contoso", update(gone, json!({"HiddenFromAddressListsEnabled": false, "Title": "back"})));
            } else {
                rig.advance(DAY * 32).await;
            }
        }
        Scene::Release => {
            rig.apply("contoso", update(at(rig, "Dan"), json!({"HiddenFromAddressListsEnabled": true})));
        }
        Scene::Relink => {
            let old = at(rig, "Ann");
            rig.apply("contoso", json!([{"op": "delete", "anchor": old, "permanent": true}]));
            rig.apply("contoso", json!([user("contoso", "Ann")]));
        }
        Scene::TakeOver => {
            rig.reprofile(&profile(""));
            rest(rig).await;
            rig.apply("contoso", json!([contact_at("Desk of contoso", "desk@msp.example", "Agent")]));
        }
        Scene::Swap => {
            let (ann, ben) = (at(rig, "Ann"), at(rig, "Ben"));
            for (who, to) in [(ann, "aside"), (ben, "ann"), (ann, "ben")] {
                let mut set = address(to);
                set["EmailAddresses"] = json!([format!("SMTP:{to}@contoso.example")]);
                set.as_object_mut().map(|set| set.remove("PrimarySmtpAddress"));
                rig.apply("contoso", update(who, set));
            }
        }
        Scene::Again => {
            let contact = anchor(rig, "fabrikam", "Ann");
            rig.apply("fabrikam", delete(&[contact]));
        }
        Scene::Peers => {
            rig.apply("contoso", json!([contact("Newcomer", "Agent")]));
            rig.apply("contoso", update(at(rig, "Shared"), json!({"Title": "Chief buyer"})));
            rig.apply("fabrikam", update(anchor(rig, "fabrikam", "Shared"), json!({"City": "Basel"})));
            rig.apply("contoso", delete(&[at(rig, "Partner")]));
        }
        Scene::PeersAgain => {
            // One that galbridge shared, and one that both sides had before.
            for (name, title) in [("Partner", "Seller"), ("Shared", "")] {
                rig.apply("contoso", json!([{"op": "delete", "anchor": at(rig, name), "permanent": true}]));
                rig.apply("contoso", json!([contact(name, title)]));
                rig.apply("fabrikam", update(anchor(rig, "fabrikam", name), json!({"Title": "Chief", "City": "Basel"})));
            }
        }
        Scene::HandOver => {
            rig.apply("fabrikam", update(anchor(rig, "fabrikam", "Partner"), json!({"Title": "Chief", "City": "Basel"})));
            rig.apply("contoso", json!([{"op": "delete", "anchor": at(rig, "Partner"), "permanent": true}]));
        }
        Scene::Rebuild => {
            rig.apply("contoso", delete(&[at(rig, "Cas")]));
            rig.lose_state().await;
        }
        Scene::Undo => {
            rig.apply("fabrikam", json!([contact_at("Gil (ours)", "gil@contoso.example", "")]));
            rig.apply("contoso", json!([user("contoso", "Eva"), user("contoso", "Gil")]));
            rig.apply("contoso", update(at(rig, "Ann"), json!({"Title": "WRONG"})));
            rig.apply("contoso", delete(&[at(rig, "Cas")]));
            rest(rig).await;
        }
        Scene::Profile => {
            rig.apply("contoso", update(at(rig, "Ben"), json!({"Title": "Chief"})));
            rest(rig).await;
            rig.reprofile(&profile(SUFFIX));
        }
    }
    rig.advance(Duration::from_secs(600)).await;
}

/// One is deleted, one hidden.
fn leave(rig: &Rig) {
    rig.apply("contoso", delete(&[anchor(rig, "contoso", "Ann")]));
    rig.apply("contoso", update(anchor(rig, "contoso", "Ben"), json!({"HiddenFromAddressListsEnabled": true})));
}

/// What the process does.
async fn work(scene: Scene, engine: &Engine, deadline: Timestamp) -> Result<(), EngineError> {
    let pair = engine.setup.pairs[0].name.clone();
    let read = async |full| engine.snapshot(&pair, SnapshotOptions { full, daily: false, only: None }, deadline).await;
    match scene {
        Scene::Merge => {
            read(false).await?;
            engine.merge(&pair, &MergeOptions::of(MergeMode::TwoWay), None, deadline).await?;
        }
        Scene::MakeWay => drop(engine.make_way(&pair, "ann@contoso.example", deadline).await?),
        Scene::Unpublish | Scene::UnpublishRelease => {
            let leave = if scene == Scene::Unpublish { Leave::Purge } else { Leave::Release };
            let plan = engine.unpublish_preview(&pair, Side::B, leave).await?;
            engine.unpublish(&pair, Side::B, leave, &plan.checksum(), deadline).await?;
        }
        Scene::Rebuild => {
            read(true).await?;
            let plan = engine.rebuild_preview(&pair).await?;
            engine.rebuild(&pair, &rebuild_checksum(&plan), deadline).await?;
            engine.merge(&pair, &MergeOptions::of(MergeMode::TwoWay), None, deadline).await?;
        }
        Scene::FullReading => drop(read(true).await?),
        Scene::Undo => {
            let runs = engine.store.runs(&pair, 20).await?;
            let wrote = |run: &&RunSummary| run.kind == RunKind::Reconcile && run.counters.b.created > 0;
            let run = runs.iter().find(wrote).map(|run| run.id.clone()).unwrap_or_default();
            let plan = engine.undo_preview(&pair, &run).await?.plan;
            engine.undo(&pair, &run, &plan.checksum(), deadline).await?;
        }
        Scene::Create
        | Scene::Update
        | Scene::Adopt
        | Scene::AdoptGuest
        | Scene::Stage
        | Scene::Restore
        | Scene::Purge
        | Scene::Release
        | Scene::Relink
        | Scene::TakeOver
        | Scene::Swap
        | Scene::Again
        | Scene::Peers
        | Scene::PeersAgain
        | Scene::HandOver
        | Scene::Profile => {
            read(false).await?;
            engine.reconcile(&pair, deadline).await?;
        }
    }
    Ok(())
}

fn deadline(rig: &Rig) -> Timestamp {
    rig.now() + SignedDuration::from_hours(1)
}

/// Both directories, without what differs from run to run: ids, times, and since when somebody is staged. Whoever stood there before the
/// work (`old`) is the same object still, not one that was made again in his place (law 6).
fn directories(rig: &Rig, old: &BTreeSet<Uuid>) -> Vec<Value> {
    let mut all = Vec::new();
    for tenant in TENANTS {
        for entry in rig.gal_with_hidden(tenant) {
            let volatile = |name: &str| {
                ["When", "Guid", "Id", "DistinguishedName", "LegacyExchangeDN", "SamAccountName"].iter().any(|part| name.contains(part))
            };
            let mut kept: BTreeMap<String, Value> = entry.properties.into_iter().filter(|(name, _)| !volatile(name)).collect();
            if let Some(stamp) = kept.get("CustomAttribute15").and_then(Value::as_str) {
                let parts: Vec<&str> =
                    stamp.split('|').map(|part| if part.chars().all(|one| one.is_ascii_digit()) { "staged" } else { part }).collect();
                let stamp = json!(parts.join("|"));
                kept.insert("CustomAttribute15".to_owned(), stamp);
            }
            let is_old = old.contains(&entry.anchor);
            all.push(json!({"tenant": tenant, "kind": entry.kind, "hidden": entry.hidden, "old": is_old, "properties": kept}));
        }
    }
    all
}
