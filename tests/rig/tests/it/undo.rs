//! Taking a run back: what it wrote is put back where nobody has touched it since, and stays so.

use std::time::Duration;

use engine::EngineError;
use engine::act::{Action, Answer, PlanDocument};
use engine::records::RunSummary;
use gal::policy::MergeMode;
use rig::people::{contact, contact_at, delete, find, names, property, update, user};
use rig::{Rig, RigOptions};
use serde_json::json;
use uuid::Uuid;

async fn crowd() -> (Rig, Vec<Uuid>) {
    let people = ["Ann", "Ben", "Cas"].map(|name| user("contoso", name)).to_vec();
    let (rig, a, _) = Rig::merged("", people, vec![]).await;
    (rig, a)
}

/// The runs that came of what was done; the last of them that wrote.
async fn run_of(rig: &Rig) -> RunSummary {
    let done = rig.settle(6).await.unwrap();
    done.into_iter().find(|run| run.counters.b != engine::records::SideCounters::default()).expect("a run wrote")
}

async fn shown(rig: &Rig, run: &str) -> PlanDocument {
    match rig.engine.act(&rig.pair(), Action::Undo { run: run.to_owned(), confirm: None }, rig.deadline()).await.unwrap() {
        Answer::Plan(plan) => plan,
        other => panic!("{other:?}"),
    }
}

async fn undo(rig: &Rig, run: &str) -> PlanDocument {
    let plan = shown(rig, run).await;
    let confirmed = Action::Undo { run: run.to_owned(), confirm: Some(plan.checksum.clone()) };
    rig.engine.act(&rig.pair(), confirmed, rig.deadline()).await.unwrap();
    plan
}

fn title(rig: &Rig, name: &str) -> String {
    property(find(&rig.gal_with_hidden("fabrikam"), name).unwrap(), "Title")
}

#[tokio::test(start_paused = true)]
async fn edited_values_are_put_back_and_stay_until_the_source_is_edited_anew() {
    let (rig, a) = crowd().await;
    for anchor in &a {
        rig.apply("contoso", update(*anchor, json!({"Title": "WRONG"})));
    }
    let run = run_of(&rig).await;
    assert_eq!(title(&rig, "Ann"), "WRONG");
    // Somebody has put Ben right by hand since, at his source.
    rig.apply("contoso", update(a[1], json!({"Title": "Head"})));
    rig.settle(4).await.unwrap();
    let plan = undo(&rig, &run.id).await;
    assert_eq!((plan.operations.len(), plan.skipped.len()), (2, 1), "{plan:#?}");
    assert!(plan.skipped[0].code == "edited-since" && plan.skipped[0].reason.contains("Head"), "{:?}", plan.skipped);
    assert_eq!(["Ann", "Ben", "Cas"].map(|name| title(&rig, name)), ["Engineer", "Head", "Engineer"]);
    assert_eq!(rig.settle(3).await.unwrap().len(), 0, "nothing is written again");
    rig.advance(std::time::Duration::from_secs(25 * 3600)).await;
    rig.snapshot(true).await.unwrap();
    rig.settle(3).await.unwrap();
    assert_eq!(title(&rig, "Ann"), "Engineer", "not by a full reading either");
    rig.apply("contoso", update(a[0], json!({"Title": "Director"})));
    rig.settle(4).await.unwrap();
    assert_eq!(title(&rig, "Ann"), "Director", "the source's next word counts");
}

#[tokio::test(start_paused = true)]
async fn who_was_made_is_removed_and_not_made_again() {
    let (rig, _) = crowd().await;
    rig.apply("contoso", json!([user("contoso", "Dan"), user("contoso", "Eva")]));
    let run = run_of(&rig).await;
    assert_eq!(names(&rig.gal("fabrikam")).len(), 5);
    undo(&rig, &run.id[..run.id.len() - 2]).await;
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal_with_hidden("fabrikam")), ["Ann", "Ben", "Cas"]);
    rig.engine.unsuppress(&rig.pair(), "dan@contoso.example").await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben", "Cas", "Dan"]);
}

#[tokio::test(start_paused = true)]
async fn who_was_hidden_is_shown_again_and_kept() {
    let (rig, a) = crowd().await;
    rig.apply("contoso", delete(&a[..2]));
    let run = run_of(&rig).await;
    assert_eq!(names(&rig.gal("fabrikam")), ["Cas"]);
    // A pair is paused so that what went wrong can be taken back.
    rig.engine.pause(&rig.pair(), Some("undo")).await.unwrap();
    undo(&rig, &run.id).await;
    rig.engine.pause(&rig.pair(), None).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben", "Cas"]);
    rig.advance(std::time::Duration::from_secs(40 * 24 * 3600)).await;
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben", "Cas"], "no purge comes");
    // The source is back: it is maintained again.
    rig.apply("contoso", json!([{"op": "restore", "anchor": a[0]}]));
    rig.apply("contoso", update(a[0], json!({"Title": "Head"})));
    rig.settle(4).await.unwrap();
    assert_eq!(title(&rig, "Ann"), "Head");
}

#[tokio::test(start_paused = true)]
async fn an_adoption_is_given_back() {
    let (rig, _) = crowd().await;
    rig.apply("fabrikam", json!([contact_at("Dan (ours)", "dan@contoso.example", "")]));
    rig.apply("contoso", json!([user("contoso", "Dan")]));
    let run = run_of(&rig).await;
    assert_eq!(title(&rig, "Dan (ours)"), "Engineer", "its blank was filled");
    undo(&rig, &run.id).await;
    rig.settle(4).await.unwrap();
    let gal = rig.gal("fabrikam");
    let dan = find(&gal, "Dan (ours)").unwrap();
    assert_eq!((property(dan, "Title"), property(dan, "CustomAttribute15")), (String::new(), String::new()));
}

#[tokio::test(start_paused = true)]
async fn another_plan_and_another_run_are_refused() {
    let (rig, a) = crowd().await;
    rig.apply("contoso", update(a[0], json!({"Title": "WRONG"})));
    let run = run_of(&rig).await;
    let pair = rig.pair();
    let refused = rig.engine.undo(&pair, &run.id, "0123456789ab", rig.deadline()).await.unwrap_err();
    assert!(matches!(refused, EngineError::PlanChanged { .. }), "{refused}");
    assert_eq!(title(&rig, "Ann"), "WRONG");
    let unknown = rig.engine.undo_preview(&pair, "no-such-run").await.unwrap_err();
    assert!(unknown.to_string().contains("galbridge runs"), "{unknown}");
    // Once taken back there is nothing more to take back.
    undo(&rig, &run.id).await;
    let again = shown(&rig, &run.id).await;
    assert_eq!((again.operations.len(), again.skipped[0].code.as_str()), (0, "written-just-now"));
    rig.advance(std::time::Duration::from_mins(6)).await;
    let again = shown(&rig, &run.id).await;
    assert_eq!((again.operations.len(), again.skipped[0].code.as_str()), (0, "as-before"));
    // The undo is a run of its own, and can be taken back like any other.
    let last = rig.engine.store.runs(&pair, 1).await.unwrap().remove(0);
    assert_eq!(last.kind, engine::records::RunKind::Undo);
    undo(&rig, &last.id).await;
    assert_eq!(title(&rig, "Ann"), "WRONG");
}

/// Once an undo whose answer was lost was taken for drift, or for the edit of the other administrator, whom it then overwrote.
#[tokio::test(start_paused = true)]
async fn an_undo_whose_answer_was_lost_stays_undone() {
    let people = vec![user("contoso", "Ann"), contact("Pat", "Engineer")];
    let (rig, a, _) = Rig::merged("", people, vec![contact("Pat", "Engineer")]).await;
    for anchor in &a {
        rig.apply("contoso", update(*anchor, json!({"Title": "WRONG"})));
    }
    let run = run_of(&rig).await;
    rig.advance(Duration::from_secs(600)).await;
    let lost = json!({"calls": [{"tenant": "fabrikam", "cmdlet": "Set-Contact", "do": "commit-then-drop"}]});
    rig.simulator.set_faults_json(lost).unwrap();
    undo(&rig, &run.id).await;
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    assert_eq!((title(&rig, "Ann"), title(&rig, "Pat")), ("Engineer".to_owned(), "Engineer".to_owned()), "it was done, and nobody knows");
    rig.settle(6).await.unwrap();
    rig.advance(Duration::from_secs(25 * 3600)).await;
    rig.snapshot(true).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!((title(&rig, "Ann"), title(&rig, "Pat")), ("Engineer".to_owned(), "Engineer".to_owned()));
    let source = property(find(&rig.gal("contoso"), "Pat").unwrap(), "Title");
    assert_eq!(source, "WRONG", "what he says is his");
}

/// Once whoever an undo had shown, and whose answer was lost, was hidden again by the next run.
#[tokio::test(start_paused = true)]
async fn who_is_shown_again_by_an_undo_whose_answer_was_lost_stays_shown() {
    let (rig, a) = crowd().await;
    rig.apply("contoso", delete(&a[..2]));
    let run = run_of(&rig).await;
    rig.advance(Duration::from_secs(600)).await;
    rig.simulator
        .set_faults_json(json!({"calls": [{"tenant": "fabrikam", "cmdlet": "Set-MailContact", "do": "commit-then-drop"}]}))
        .unwrap();
    undo(&rig, &run.id).await;
    rig.simulator.set_faults_json(json!({"calls": []})).unwrap();
    for _ in 0..3 {
        rig.advance(Duration::from_secs(600)).await;
        rig.settle(4).await.unwrap();
    }
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben", "Cas"]);
    rig.advance(Duration::from_secs(40 * 24 * 3600)).await;
    rig.settle(4).await.unwrap();
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben", "Cas"], "no purge comes");
}

/// Every id begins with nothing.
#[tokio::test(start_paused = true)]
async fn no_run_at_all_is_no_run() {
    let (rig, _) = crowd().await;
    let refused = rig.engine.run_by_id(&rig.pair(), "").await.unwrap_err();
    assert!(refused.to_string().contains("no run was named"), "{refused}");
}

/// Once the half at the origin was looked for in the other directory, and nothing was put back in either.
#[tokio::test(start_paused = true)]
async fn a_join_of_two_contacts_is_taken_back_on_both_sides() {
    let mut theirs = contact("Pat", "");
    theirs["set"]["City"] = json!("Bern");
    let mut ours = contact("Pat", "Agent");
    ours["set"]["City"] = json!(null);
    let rig = Rig::new(RigOptions::default()).await;
    rig.apply("contoso", json!([ours]));
    rig.apply("fabrikam", json!([theirs]));
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(3).await.unwrap();
    let says = |tenant: &str| {
        let gal = rig.gal(tenant);
        let pat = find(&gal, "Pat").unwrap();
        (property(pat, "Title"), property(pat, "City"))
    };
    let filled = ("Agent".to_owned(), "Bern".to_owned());
    assert_eq!((says("contoso"), says("fabrikam")), (filled.clone(), filled));
    rig.advance(Duration::from_secs(600)).await;
    let runs = rig.engine.store.runs(&rig.pair(), 20).await.unwrap();
    let run = runs.iter().find(|run| run.counters.a.adopted + run.counters.b.adopted > 0).expect("a join").id.clone();
    let plan = rig.engine.undo_preview(&rig.pair(), &run).await.unwrap();
    rig.engine.undo(&rig.pair(), &run, &plan.plan.checksum(), rig.deadline()).await.unwrap();
    rig.settle(4).await.unwrap();
    assert_eq!(says("contoso"), ("Agent".to_owned(), String::new()));
    assert_eq!(says("fabrikam"), (String::new(), "Bern".to_owned()));
}

/// Once those whose manager could not be published stayed, because "it stands as it did before the run".
#[tokio::test(start_paused = true)]
async fn who_was_made_without_his_manager_is_removed_too() {
    let (rig, _) = crowd().await;
    let made: Vec<Uuid> = rig.apply("contoso", json!([user("contoso", "Boss"), user("contoso", "Dan")])).into_iter().flatten().collect();
    rig.apply("contoso", update(made[1], json!({"Manager": made[0]})));
    let refused = json!({"tenant": "fabrikam", "cmdlet": "New-MailContact", "identity": "boss@", "do": "form-a", "status": 400,
        "type": "Microsoft.Exchange.Configuration.Tasks.RecipientTaskException", "message": "Not like this."});
    rig.simulator.set_faults_json(json!({"calls": [refused]})).unwrap();
    let run = run_of(&rig).await;
    assert_eq!(names(&rig.gal("fabrikam")), ["Ann", "Ben", "Cas", "Dan"]);
    undo(&rig, &run.id).await;
    assert_eq!(names(&rig.gal_with_hidden("fabrikam")), ["Ann", "Ben", "Cas"]);
}
