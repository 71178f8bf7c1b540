//! "The guard" of SEMANTICS.md: each limit just reached, and just passed.

use std::collections::BTreeSet;

use gal::guard::{History, Judgement, Question, approval_holds, judge};
use gal::operation::{Action, Operation};
use gal::policy::GuardLimits;
use gal::recipient::Presence;
use gal::{Phase, Provenance, Recipient, Side};
use jiff::SignedDuration;

use crate::pair::{Asked, ago, anchor, ann, copy_of, link, now, world};
use crate::written::matches;

/// An operation of a kind for the n-th recipient.
fn operation(action: Action, number: u32) -> Operation {
    let person = Recipient { anchor: anchor(Side::A, number), ..ann() };
    let contact = copy_of(&person, Side::B, number);
    let link = link(&person, Side::A, &contact, Provenance::Made, Phase::Live);
    let gone = Recipient { presence: Presence::Gone(ago(0)), ..person };
    let mut plan = Asked::default().plan(&world(vec![gone], vec![contact], vec![link]));
    Operation { action, ..plan.operations.remove(0) }
}

fn due(creations: u32, deletions: u32, updates: u32) -> Vec<Operation> {
    let of = |action, count, from| (0..count).map(move |number| operation(action, from + number));
    let deletions = (0..deletions).map(|number| operation(if number % 2 == 0 { Action::Stage } else { Action::Release }, 2_000 + number));
    of(Action::Create, creations, 1_000).chain(deletions).chain(of(Action::Update, updates, 3_000)).collect()
}

const LIMITS: GuardLimits =
    GuardLimits { max_deletions: 3, max_deletion_share: 0.10, max_creations: 4, max_source_shrink: 0.20, max_update_share: 0.50 };

fn history() -> History {
    History { live_before: 100, live: 100, in_scope_before: 100, in_scope: 100, ..History::default() }
}

fn ask(history: History, due: &[Operation], incomplete: Option<&str>, merge: bool, approved: &BTreeSet<String>) -> Judgement {
    // A confirmed merge is consent to its operations.
    let merges = |operation: &&Operation| merge && operation.action.guarded() != Some(gal::operation::Guarded::Deletion);
    let confirmed: BTreeSet<String> = due.iter().filter(merges).map(Operation::id).collect();
    let approved = approved | &confirmed;
    judge(&Question { limits: LIMITS, history, approved: &approved, incomplete, settings: 1 }, due)
}

fn said(judgement: &Judgement, due: &[Operation]) -> String {
    if judgement.tripped.is_empty() {
        assert!(judgement.held.is_empty() && judgement.checksum.is_none());
        return "everything runs".to_owned();
    }
    let why: Vec<String> = judgement.tripped.iter().map(ToString::to_string).collect();
    let runs = |word: &str| due.iter().filter(|one| one.action.as_str() == word && judgement.allows(one)).count();
    let runs: Vec<String> = ["create", "stage", "release", "update"]
        .iter()
        .map(|word| format!("{} {word}", runs(word)))
        .filter(|text| !text.starts_with("0 "))
        .collect();
    let runs = if runs.is_empty() { "nothing".to_owned() } else { runs.join(", ") };
    let approval = if judgement.checksum.is_some() { "can be approved" } else { "cannot be approved" };
    format!("{} ⇒ {} held, {runs} runs; {approval}", why.join(" · "), judgement.held.len())
}

#[test]
fn each_limit_reached_and_passed() {
    let none = BTreeSet::new();
    let mut told = String::new();
    let mut case = |name: &str, history: History, due: Vec<Operation>, incomplete: Option<&str>, merge: bool| {
        told.push_str(&format!("{name}\n    {}\n", said(&ask(history, &due, incomplete, merge, &none), &due)));
    };
    case("nothing is due", history(), vec![], None, false);
    for deletions in [3, 4] {
        case(&format!("{deletions} deletions"), history(), due(0, deletions, 0), None, false);
    }
    for ran in [2, 3] {
        case(&format!("1 deletion after {ran}"), History { deletions: ran, ..history() }, due(0, 1, 0), None, false);
    }
    case("no deletion after 9", History { deletions: 9, ..history() }, due(1, 0, 1), None, false);
    for live_before in [9, 10, 19, 20, 29, 30] {
        case(&format!("2 deletions of {live_before} contacts"), History { live_before, ..history() }, due(0, 2, 0), None, false);
    }
    for creations in [4, 5] {
        case(&format!("{creations} creations"), history(), due(creations, 0, 0), None, false);
    }
    for ran in [3, 4] {
        case(&format!("1 creation after {ran}"), History { creations: ran, ..history() }, due(1, 0, 0), None, false);
    }
    case("no creation after 9", History { creations: 9, ..history() }, due(0, 1, 1), None, false);
    for (before, in_scope) in [(100, 80), (100, 79), (10, 8), (10, 7), (9, 0), (100, 200)] {
        let history = || History { in_scope_before: before, in_scope, ..history() };
        case(&format!("{before} in scope become {in_scope}, 1 creation"), history(), due(1, 0, 0), None, false);
        case(&format!("{before} in scope become {in_scope}, 1 deletion"), history(), due(0, 1, 0), None, false);
        case(&format!("{before} in scope become {in_scope}, 1 update"), history(), due(0, 0, 1), None, false);
    }
    for (live, updates) in [(10, 5), (10, 6), (9, 9)] {
        case(&format!("{updates} updates of {live} contacts"), History { live, ..history() }, due(1, 1, updates), None, false);
    }
    case("incomplete, no deletion", history(), due(1, 0, 1), Some("page 2 is missing"), false);
    case("incomplete, 1 deletion", history(), due(1, 1, 1), Some("page 2 is missing"), false);
    case("a merge, over every limit", History { live: 10, in_scope: 0, ..history() }, due(9, 0, 9), None, true);
    case("a merge, incomplete, 1 deletion", history(), due(9, 1, 9), Some("page 2 is missing"), true);
    matches("guard.txt", &told);
}

/// What a person approved runs; whoever left with it is no shrink; the rest is judged alone.
#[test]
fn an_approval_lets_the_listed_run() {
    let none = BTreeSet::new();
    let all = due(0, 5, 0);
    let held = ask(history(), &all, None, false, &none);
    assert_eq!(held.held.len(), 5);
    let approved: BTreeSet<String> = all.iter().map(Operation::id).collect();
    let after = ask(History { in_scope: 79, ..history() }, &all, None, false, &approved);
    assert_eq!(after, Judgement::default(), "five of twenty-one that left are approved");
    let mut more = all.clone();
    more.extend(due(0, 9, 0).into_iter().skip(5));
    let rest = ask(History { in_scope: 79, ..history() }, &more, None, false, &approved);
    assert_eq!(rest.held.len(), 4, "only the others: {rest:?}");
    assert!(more[..5].iter().all(|one| rest.allows(one)) && more[5..].iter().all(|one| !rest.allows(one)));
    // Creations that were approved explain no shrink.
    let creations: BTreeSet<String> = due(9, 0, 0).iter().map(Operation::id).collect();
    let shrunk = ask(History { in_scope: 79, ..history() }, &due(0, 1, 0), None, false, &creations);
    assert_eq!(shrunk.held.len(), 1);
    // The checksum names what is held, in whatever order it came.
    let backwards: Vec<Operation> = all.iter().rev().cloned().collect();
    assert_eq!(ask(history(), &backwards, None, false, &none).checksum, held.checksum);
    assert_ne!(ask(history(), &more, None, false, &none).checksum, held.checksum);
}

#[test]
fn an_approval_is_good_for_a_day() {
    let day = SignedDuration::from_hours(24);
    assert!(approval_holds(now(), now()) && approval_holds(now(), now() + day));
    assert!(!approval_holds(now(), now() + day + SignedDuration::from_nanos(1)));
}

/// What ran in the last 24 hours, with consent or under an older profile, is no reason to hold what is of another kind.
#[test]
fn what_ran_holds_its_own_kind_only() {
    let much = History { creations: 90, deletions: 90, in_scope: 10, ..history() };
    for action in [Action::Update, Action::Restore] {
        assert_eq!(ask(much.clone(), &[operation(action, 1)], None, false, &BTreeSet::new()), Judgement::default(), "{action}");
    }
    let of = |action| {
        let judged = ask(History { in_scope: 100, ..much.clone() }, &[operation(action, 1)], None, false, &BTreeSet::new());
        judged.tripped.iter().map(ToString::to_string).collect::<Vec<_>>().join(" · ")
    };
    for action in [Action::Create, Action::Claim, Action::AdoptGuest] {
        assert_eq!(of(action), "91 creations in 24 hours; max_creations is 4", "{action}");
    }
    assert_eq!(
        of(Action::Stage),
        "91 deletions in 24 hours; max_deletions is 3 · 91 deletions of 100 contacts in 24 hours; max_deletion_share is 0.1"
    );
}

/// An approval names operations by their ids; which of them take somebody away is told by the id alone.
#[test]
fn an_id_tells_whether_it_takes_somebody_away() {
    for action in [Action::Stage, Action::Release] {
        assert!(Operation::id_deletes(&operation(action, 1).id()), "{action}");
    }
    for action in [Action::Create, Action::Update, Action::Restore, Action::Purge, Action::HandOver] {
        assert!(!Operation::id_deletes(&operation(action, 1).id()), "{action}");
    }
}

/// Purges follow a staging that was counted; what a person asked for is not counted.
#[test]
fn what_is_not_counted() {
    let actions = [
        Action::Remove,
        Action::Restore,
        Action::Relink,
        Action::TakeOver,
        Action::Adopt,
        Action::Resume,
        Action::Abandon,
        Action::HandOver,
    ];
    for action in actions {
        let due: Vec<Operation> = (0..90).map(|number| operation(action, number)).collect();
        assert_eq!(
            ask(History { in_scope: 0, live: 90, ..history() }, &due, Some("incomplete"), false, &BTreeSet::new()),
            Judgement::default(),
            "{action}"
        );
    }
    // Whoever was staged may be back, in the part of his side that was not read.
    let purges: Vec<Operation> = (0..90).map(|number| operation(Action::Purge, number)).collect();
    let asked = |incomplete| ask(History { in_scope: 0, live: 90, ..history() }, &purges, incomplete, false, &BTreeSet::new());
    assert_eq!(asked(None), Judgement::default());
    let waits = asked(Some("incomplete"));
    assert_eq!((waits.held.len(), waits.checksum), (90, None));
    // Newcomers do not wait with them.
    let both = [operation(Action::Purge, 1), operation(Action::Create, 2)];
    let waits = ask(history(), &both, Some("incomplete"), false, &BTreeSet::new());
    assert_eq!(waits.held, BTreeSet::from([both[0].id()]));
}
