//! Compares what a step expects with what stands there. Only what is given is asserted.

use std::collections::{BTreeMap, BTreeSet};

use gal::{Field, Side};

use crate::format::{ExpectedConflict, Records, Rules, Step};
use crate::level::{Broken, Level, Report, Request, Shown, Stop};
use crate::lexicon::{Address, Lexicon};
use crate::model::{Work, people};

/// Everything that is not as expected.
pub(crate) fn step(
    level: &mut dyn Level,
    lexicon: &Lexicon,
    rules: &Rules,
    step: &Step,
    request: &Request,
    report: &Report,
) -> Result<Vec<String>, Broken> {
    let expected = &step.expected;
    let mut wrong = outcome(step, report);
    let mut empty = BTreeSet::new();
    for side in Side::BOTH {
        let shown = level.observe(side)?;
        if shown.is_empty() {
            empty.insert(side);
        }
        if let Some(records) = expected.side(side) {
            wrong.extend(people_differ(&format!("side {side}"), records, &shown, lexicon));
        }
    }
    if let Some(because) = reason(step, rules, report, &empty) {
        wrong.push(because);
    }
    // A run that died has stored what it had done, operation by operation (law 5): its base is not the one before it.
    if let Some(base) = expected.base.as_ref().filter(|_| request.crash_after.is_none()) {
        let unresolved: BTreeSet<Address> = expected
            .conflicts
            .iter()
            .flatten()
            .filter(|conflict| conflict.resolution == "unresolved")
            .map(|conflict| lexicon.address(&conflict.key))
            .collect();
        wrong.extend(base_differs(level, base, lexicon, rules, &unresolved)?);
    }
    if let Some(conflicts) = &expected.conflicts {
        wrong.extend(conflicts_differ(conflicts, report, lexicon));
    }
    if let Some(writes) = expected.writes {
        for (side, expected) in [(Side::A, writes.a), (Side::B, writes.b)] {
            let written = *report.writes.get(side);
            if written != expected {
                wrong.push(format!("{written} objects written on {side}, expected {expected}"));
            }
        }
    }
    if let Some(plan) = &expected.plan {
        let expected: BTreeSet<(Side, String, Address)> =
            plan.iter().map(|write| (write.side, write.op.clone(), lexicon.address(&write.key))).collect();
        let planned: BTreeSet<(Side, String, Address)> =
            report.plan.iter().map(|(side, work, address)| (*side, word(*work), address.clone())).collect();
        let say = |set: Vec<&(Side, String, Address)>| {
            set.iter().map(|(side, op, address)| format!("{op} {address} on {side}")).collect::<Vec<_>>().join(", ")
        };
        let (missing, extra) = (say(expected.difference(&planned).collect()), say(planned.difference(&expected).collect()));
        if !missing.is_empty() || !extra.is_empty() {
            wrong.push(format!("the plan lacks [{missing}] and has [{extra}]"));
        }
    }
    Ok(wrong)
}

fn word(work: Work) -> String {
    work.as_str().to_owned()
}

/// The outcome in the format's words.
fn said(report: &Report) -> &'static str {
    let has = |wanted: fn(&Stop) -> bool| report.stops.iter().any(wanted);
    if has(|stop| matches!(stop, Stop::Crashed | Stop::Refused(_) | Stop::Failed(_))) {
        "failed"
    } else if !report.stops.is_empty() {
        "aborted"
    } else if report.set_aside.is_empty() {
        "ok"
    } else {
        "partial"
    }
}

fn outcome(step: &Step, report: &Report) -> Vec<String> {
    let Some(expected) = step.expected.outcome.as_deref() else { return Vec::new() };
    let unread = report.stops.iter().any(|stop| matches!(stop, Stop::Unreadable(_)));
    // The format does not tell a run that failed while reading from one that was stopped there.
    if said(report) == expected || (unread && matches!(expected, "aborted" | "failed")) {
        return Vec::new();
    }
    let mut because: Vec<String> = report.stops.iter().map(|stop| format!("{stop:?}")).collect();
    because.extend(report.set_aside.iter().cloned());
    vec![format!("outcome {}, expected {expected} [{}]", said(report), because.join("; "))]
}

/// Whether the stop is for the reason that is expected.
fn reason(step: &Step, rules: &Rules, report: &Report, empty: &BTreeSet<Side>) -> Option<String> {
    let why = step.expected.reason.as_deref()?;
    let has = |wanted: &dyn Fn(&Stop) -> bool| report.stops.iter().any(wanted);
    let gone = |side: Side| {
        rules.guard_empty.is_some()
            && empty.contains(&side)
            && has(&|stop| matches!(stop, Stop::Deletions(target) | Stop::Shrank(target) if *target == side.other()))
    };
    let fits = match why {
        "too_many_deletes" => rules.max_delete_ratio.is_some() && has(&|stop| matches!(stop, Stop::Deletions(_) | Stop::Shrank(_))),
        "too_many_updates" | "all_changed" | "everything_changed" => has(&|stop| matches!(stop, Stop::Updates(_))),
        "empty_a" => gone(Side::A),
        "empty_b" => gone(Side::B),
        "empty" => gone(Side::A) || gone(Side::B),
        "locked" => has(&|stop| *stop == Stop::Locked),
        "crashed" => has(&|stop| *stop == Stop::Crashed),
        "bad_policy" => has(&|stop| matches!(stop, Stop::Refused(_))),
        // Whatever a format calls a reading that failed.
        _ => has(&|stop| matches!(stop, Stop::Unreadable(_))),
    };
    (!fits).then(|| format!("stopped by {:?}, expected the reason `{why}`", report.stops))
}

fn people_differ(what: &str, records: &Records, shown: &BTreeMap<Address, Shown>, lexicon: &Lexicon) -> Vec<String> {
    let expected = people(records, lexicon);
    let mut wrong = Vec::new();
    for (address, person) in &expected {
        match shown.get(address) {
            None => wrong.push(format!("{what}: {address} is missing")),
            Some(found) if found.attributes != person.attributes => {
                wrong.push(format!("{what}: {address} is {}, expected {}", say(&found.attributes), say(&person.attributes)));
            }
            Some(_) => {}
        }
    }
    wrong.extend(
        shown
            .iter()
            .filter(|(address, _)| !expected.contains_key(*address))
            .map(|(address, found)| format!("{what}: {address} {} is too much", say(&found.attributes))),
    );
    wrong
}

fn say(attributes: &BTreeMap<Field, String>) -> String {
    let parts: Vec<String> = attributes.iter().map(|(field, value)| format!("{field}={value:?}")).collect();
    format!("{{{}}}", parts.join(", "))
}

/// The links are galbridge's base: one for each record, with what each half was last known to say.
fn base_differs(
    level: &mut dyn Level,
    records: &Records,
    lexicon: &Lexicon,
    rules: &Rules,
    unresolved: &BTreeSet<Address>,
) -> Result<Vec<String>, Broken> {
    let links = level.links()?;
    let out_of_scope: BTreeSet<Address> = rules.exclude_keys.iter().flatten().map(|key| lexicon.address(key)).collect();
    let expected = people(records, lexicon);
    let mut wrong = Vec::new();
    for (address, person) in
        expected.iter().filter(|(address, person)| !out_of_scope.contains(*address) && !person.record.flag("_mirror_of"))
    {
        let Some(known) = links.get(address) else {
            wrong.push(format!("base: {address} is not linked"));
            continue;
        };
        if unresolved.contains(address) && rules.on_conflict.as_deref() != Some("report") {
            continue;
        }
        for field in lexicon.attributes() {
            let value = person.attributes.get(&field).map(String::as_str);
            if !known.source.holds(field, value) || !known.target.holds(field, value) {
                wrong.push(format!("base: {field} of {address} is not {value:?} on both sides"));
            }
        }
    }
    let extra = links.keys().filter(|address| !expected.contains_key(*address) && !unresolved.contains(*address));
    wrong.extend(extra.map(|address| format!("base: {address} is linked, and should not be known")));
    Ok(wrong)
}

fn conflicts_differ(expected: &[ExpectedConflict], report: &Report, lexicon: &Lexicon) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut unresolved = report.unresolved.clone();
    let mut resolved = report.resolved.clone();
    for conflict in expected {
        let address = lexicon.address(&conflict.key);
        let winner = match conflict.resolution.as_str() {
            "a_wins" => Some(Side::A),
            "b_wins" => Some(Side::B),
            _ => None,
        };
        match (winner, resolved.remove(&address)) {
            (None, None) => {
                if !unresolved.remove(&address) {
                    wrong.push(format!("the conflict of {address} is not shown"));
                }
            }
            (Some(winner), Some((side, fields))) => {
                if side != winner {
                    wrong.push(format!("side {side} won the conflict of {address}, expected {winner}"));
                }
                let missing: Vec<&String> = conflict
                    .fields
                    .iter()
                    .flatten()
                    .filter(|name| lexicon.field(name).is_none_or(|field| !fields.contains(&field)))
                    .collect();
                if !missing.is_empty() {
                    wrong.push(format!("the conflict of {address} is not about {missing:?}"));
                }
            }
            (winner, found) => {
                wrong.push(format!("the conflict of {address}: winner {:?}, expected {winner:?}", found.map(|(side, _)| side)));
            }
        }
    }
    wrong.extend(unresolved.iter().map(|address| format!("a conflict of {address} is shown that is not expected")));
    wrong.extend(resolved.keys().map(|address| format!("a conflict of {address} was decided that is not expected")));
    wrong
}
