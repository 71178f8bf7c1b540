//! An operator's day by actions: as JSON, the way the functions are asked, and each answer read back from JSON.

use engine::EngineError;
use engine::act::{Action, Answer, OnlyReads, Ran, Standing};
use rig::people::{delete, names, user};
use rig::{Rig, RigOptions};
use serde_json::{Value, json};

const PROFILE: &str = "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n[pairs.guard]\nmax_deletions = 3\n";

async fn ask(rig: &Rig, action: Value) -> Result<Answer, EngineError> {
    let action: Action = serde_json::from_value(action).unwrap();
    let answer = rig.engine.act(&rig.pair(), action, rig.deadline()).await?;
    let text = serde_json::to_string(&answer).unwrap();
    let read: Answer = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(read, answer);
    Ok(answer)
}

async fn ran(rig: &Rig, action: Value) -> Ran {
    match ask(rig, action.clone()).await.unwrap() {
        Answer::Ran(ran) => ran,
        other => panic!("{action}: {other:?}"),
    }
}

async fn checksum(rig: &Rig, action: Value) -> String {
    match ask(rig, action.clone()).await.unwrap() {
        Answer::Plan(plan) => plan.checksum,
        other => panic!("{action}: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_operators_day() {
    let rig = Rig::new(RigOptions { profile: PROFILE.to_owned(), ..RigOptions::default() }).await;
    let people = (0..20).map(|number| user("contoso", &format!("Person{number:02}"))).collect();
    let anchors: Vec<_> = rig.apply("contoso", Value::Array(people)).into_iter().flatten().collect();

    // Before the first merge it reads, plans and says so.
    assert!(matches!(ask(&rig, json!({"do": "snapshot", "full": true})).await.unwrap(), Answer::Read(read) if read.due));
    assert_eq!(ran(&rig, json!({"do": "run"})).await.only_reads, Some(OnlyReads::Unmerged));
    let Answer::Plan(plan) = ask(&rig, json!({"do": "plan", "stored": true})).await.unwrap() else { panic!("no plan") };
    assert_eq!(plan.sides.b.operations.get("create"), Some(&20));

    let Answer::Checked(tenants) = ask(&rig, json!({"do": "check", "probe": true})).await.unwrap() else { panic!("not checked") };
    assert_eq!(tenants.iter().map(|one| one.tenant.as_str()).collect::<Vec<_>>(), ["contoso", "fabrikam"]);
    for finding in tenants.iter().flat_map(|one| &one.findings) {
        assert!(finding.level != engine::check::Level::Fail, "{finding:?}");
    }
    assert!(rig.gal_with_hidden("fabrikam").is_empty(), "the probe leaves nothing behind");

    // A merge without a word is its plan; a wrong word is refused; nothing is written by either.
    let merge = |confirm: Option<&str>| json!({"do": "merge", "merge": {"mode": "two-way"}, "confirm": confirm});
    let word = checksum(&rig, merge(None)).await;
    assert!(matches!(ask(&rig, merge(Some("0123456789ab"))).await, Err(EngineError::PlanChanged { .. })));
    assert!(rig.gal("fabrikam").is_empty());
    let done = ran(&rig, merge(Some(&word))).await;
    assert_eq!((done.run.unwrap().counters.b.created, done.standing), (20, Standing::InStep));
    assert_eq!(names(&rig.gal("fabrikam")).len(), 20);

    // Why somebody is there; a successor; a change of mind.
    let address = "person00@contoso.example";
    assert!(matches!(ask(&rig, json!({"do": "explain", "address": address})).await.unwrap(), Answer::Explained(found) if found.len() == 2));
    let Answer::MadeWay(told) = ask(&rig, json!({"do": "make-way", "address": address})).await.unwrap() else { panic!("no way") };
    assert_eq!((told.len(), &told[0].left), (1, &None));
    assert_eq!(ask(&rig, json!({"do": "unsuppress", "address": address})).await.unwrap(), Answer::Unsuppressed(1));
    assert_eq!(ask(&rig, json!({"do": "pause", "reason": "holidays"})).await.unwrap(), Answer::Paused(Some("holidays".to_owned())));
    rig.advance(std::time::Duration::from_secs(600)).await;
    let paused = ran(&rig, json!({"do": "run"})).await;
    assert_eq!((paused.run, paused.only_reads), (None, Some(OnlyReads::Paused { reason: "holidays".to_owned() })));
    assert_eq!(ask(&rig, json!({"do": "resume"})).await.unwrap(), Answer::Paused(None));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")).len(), 20);

    // Too many leave; a person consents.
    rig.apply("contoso", delete(&anchors[10..]));
    rig.advance(std::time::Duration::from_secs(600)).await;
    assert_eq!(ran(&rig, json!({"do": "run"})).await.standing, Standing::Held);
    let Answer::Status(status) = ask(&rig, json!({"do": "status"})).await.unwrap() else { panic!("no status") };
    let hold = status.holds.b.as_ref().unwrap();
    assert_eq!((status.standing, hold.who.len(), hold.approved), (Standing::Held, 10, false));
    assert!(hold.who.iter().all(|who| who.address.ends_with("@contoso.example")), "{:?}", hold.who);
    let Answer::Plan(plan) = ask(&rig, json!({"do": "plan", "stored": true})).await.unwrap() else { panic!("no plan") };
    assert_eq!(plan.sides.b.guard.approve, hold.hold.checksum, "the plan names what to approve");
    let leaver = json!({"do": "explain", "address": "person15@contoso.example"});
    let Answer::Explained(found) = ask(&rig, leaver).await.unwrap() else { panic!("not explained") };
    let source = found.iter().find(|one| one.side == gal::Side::A).unwrap();
    let seen = source.seen.as_ref().unwrap();
    assert_eq!((seen.tenant.as_str(), seen.title.as_str(), seen.hidden, source.held.len()), ("fabrikam", "Person15", false, 1));
    let approve = json!({"do": "approve", "checksum": hold.hold.checksum});
    assert_eq!(ask(&rig, approve).await.unwrap(), Answer::Approved(10));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")).len(), 10);

    // What was done, and taking it all back.
    let Answer::Runs(runs) = ask(&rig, json!({"do": "runs"})).await.unwrap() else { panic!("no runs") };
    let Answer::Operations { operations, .. } = ask(&rig, json!({"do": "operations", "run": runs[0].id})).await.unwrap() else {
        panic!("no operations")
    };
    assert!(!operations.is_empty() && operations.iter().all(|one| one.address.ends_with("@contoso.example")), "{operations:?}");
    assert!(ask(&rig, json!({"do": "operations", "run": "nothing begins so"})).await.unwrap_err().to_string().contains("no run has"));
    let unpublish = |confirm: Option<String>| json!({"do": "unpublish", "side": "b", "leave": "purge", "confirm": confirm});
    let word = checksum(&rig, unpublish(None)).await;
    ran(&rig, unpublish(Some(word))).await;
    assert!(rig.gal_with_hidden("fabrikam").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_state_is_told_and_rebuilt() {
    let (mut rig, _, _) = Rig::merged("", vec![user("contoso", "Ann"), user("contoso", "Bea")], vec![]).await;
    rig.lose_state().await;
    let lost = ran(&rig, json!({"do": "run"})).await;
    assert_eq!((lost.only_reads, lost.standing), (Some(OnlyReads::StateLost { stamped: 2 }), Standing::Held));
    let word = checksum(&rig, json!({"do": "rebuild"})).await;
    let rebuilt = ran(&rig, json!({"do": "rebuild", "confirm": word})).await;
    assert_eq!((rebuilt.only_reads, rebuilt.standing), (None, Standing::InStep));
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Bea"]);
}

/// Once the stamps of another pair of the mesh made a new pair's state a lost one, and `rebuild` found nothing to restore.
#[tokio::test(start_paused = true)]
async fn a_new_pair_beside_one_that_is_merged_has_lost_nothing() {
    let rig = Rig::mesh(&[("contoso", "fabrikam"), ("contoso", "initech")], "").await;
    rig.apply("fabrikam", json!([user("fabrikam", "Ann")]));
    rig.merge(gal::policy::MergeMode::TwoWay).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("contoso")), ["Ann"]);
    let Answer::Ran(ran) = rig.engine.act("contoso-initech", Action::Run { full: false }, rig.deadline()).await.unwrap() else {
        panic!("no run")
    };
    assert_eq!((ran.only_reads, ran.standing), (Some(OnlyReads::Unmerged), Standing::InStep));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_success_after_a_failed_reading_is_in_step() {
    let (rig, _, _) = Rig::merged("", vec![user("contoso", "Ann")], vec![]).await;
    rig.simulator.set_faults_json(json!({"calls": [{"endpoint": "users-delta", "do": "status", "status": 403}]})).expect("a fault plan");
    rig.advance(std::time::Duration::from_secs(600)).await;
    rig.cycle().await.expect_err("a reading that is refused");
    let standing = async || match ask(&rig, json!({"do": "status"})).await.unwrap() {
        Answer::Status(status) => status.standing,
        other => panic!("{other:?}"),
    };
    assert_eq!(standing().await, Standing::Failed);
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    rig.advance(std::time::Duration::from_secs(600)).await;
    assert!(rig.cycle().await.unwrap().is_none(), "nothing is due, so no run is recorded");
    assert_eq!(standing().await, Standing::InStep);
}
