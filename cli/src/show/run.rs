//! Runs: a line each, or one with every value before and after.

use std::fmt::Write as _;

use engine::records::{OperationRecord, OperationResult, Outcome, RunKind, RunSummary, SideCounters};
use engine::setup::PairSetup;
use gal::Side;

use super::{clean, lasted, moment, value};
use crate::screen::{Paint, thousands};

/// The word for a kind of run.
pub(crate) fn kind(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Snapshot => "snapshot",
        RunKind::Reconcile => "run",
        RunKind::Merge => "merge",
        RunKind::Unpublish => "unpublish",
        RunKind::Rebuild => "rebuild",
        RunKind::MakeWay => "make-way",
        RunKind::Undo => "undo",
    }
}

/// The outcome in one word, painted.
pub(crate) fn outcome(outcome: &Outcome, paint: Paint) -> String {
    match outcome {
        Outcome::Completed => paint.green("completed"),
        Outcome::Partial(_) => paint.yellow("partial"),
        Outcome::Held(_) => paint.yellow("held"),
        Outcome::Failed(_) => paint.red("failed"),
    }
}

/// Why it ended so.
pub(crate) fn reason(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Completed => None,
        Outcome::Partial(reason) | Outcome::Held(reason) | Outcome::Failed(reason) => Some(reason),
    }
}

/// `320 created, 5 adopted`; empty if nothing was done.
pub(crate) fn counters(counters: &SideCounters) -> String {
    let SideCounters { created, adopted, recovered, updated, staged, restored, purged, released, conflicts, quarantined, held, deferred } =
        *counters;
    let words = [
        (created, "created"),
        (adopted, "adopted"),
        (recovered, "linked"),
        (updated, "updated"),
        (staged, "hidden for deletion"),
        (restored, "shown again"),
        (purged, "removed"),
        (released, "given back"),
        (conflicts, "in conflict"),
        (quarantined, "quarantined"),
        (held, "held"),
        (deferred, "not done yet"),
    ];
    let told: Vec<String> =
        words.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{} {word}", thousands(*number))).collect();
    told.join(", ")
}

/// What a run did, side by side: `into fabrikam: 3 created · into contoso: 1 updated`.
pub(crate) fn done(run: &RunSummary, setup: &PairSetup) -> String {
    let sides = Side::BOTH.map(|side| (setup.tenants.get(side).name.as_str(), counters(run.counters.get(side))));
    let told: Vec<String> =
        sides.iter().filter(|(_, told)| !told.is_empty()).map(|(tenant, told)| format!("into {tenant}: {told}")).collect();
    if told.is_empty() { "nothing to write".to_owned() } else { told.join(" · ") }
}

/// A run in one line, and its reason in a second.
pub(crate) fn line(run: &RunSummary, setup: &PairSetup, paint: Paint) -> String {
    let mut text = format!("{} {}  {}", kind(run.kind), outcome(&run.outcome, paint), done(run, setup));
    if let Some(reason) = reason(&run.outcome) {
        let _ = write!(text, "\n  {}", clean(reason));
    }
    for note in &run.notes {
        let _ = write!(text, "\n  {}", paint.dim(&clean(note)));
    }
    text
}

/// A run with its operations.
pub(crate) fn details(run: &RunSummary, operations: &[OperationRecord], setup: &PairSetup, paint: Paint) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", paint.bold(&run.id));
    let _ = writeln!(text, "{} UTC, {}", moment(run.began), lasted(run.ended.duration_since(run.began)));
    let _ = writeln!(text, "{}", line(run, setup, paint));
    for record in operations {
        let tenant = &setup.tenants.get(record.side).name;
        let result = match &record.result {
            OperationResult::Done => String::new(),
            OperationResult::Deferred(reason) => paint.yellow(&format!("  later: {}", clean(reason))),
            OperationResult::Quarantined(reason) => paint.red(&format!("  quarantined: {}", clean(reason))),
        };
        let _ = writeln!(
            text,
            "{:>6}  {} into {tenant}  <{}>  {}  {}{result}",
            record.number,
            record.operation,
            clean(&record.address),
            clean(&record.reason),
            paint.dim(&record.link.to_string())
        );
        for change in &record.changes {
            let _ =
                writeln!(text, "          {}: {} → {}", change.property, value(change.before.as_deref()), value(change.after.as_deref()));
        }
    }
    text
}
