//! The same scenario with the sides swapped. Swapping the sides must swap the result.

use std::collections::BTreeMap;

use gal::Side;
use serde_json::Value;

use crate::format::{Edit, Expected, ExpectedCounts, Fault, Initial, Operation, Record, Records, Rules, Scenario, Step};

/// A scenario with its sides swapped.
pub(crate) fn mirrored(scenario: &Scenario) -> Scenario {
    Scenario {
        id: scenario.id.clone(),
        policy: rules(&scenario.policy),
        initial: Initial {
            a: records(&scenario.initial.b),
            b: records(&scenario.initial.a),
            base: scenario.initial.base.as_ref().map(records),
            meta: scenario.initial.meta.clone(),
        },
        steps: scenario.steps.iter().map(step).collect(),
    }
}

fn step(step: &Step) -> Step {
    let expected = &step.expected;
    Step {
        operation: Operation { edits: step.operation.edits.iter().map(edit).collect(), sync: rules(&step.operation.sync) },
        expected: Expected {
            reason: expected.reason.as_deref().map(word),
            a: expected.b.as_ref().map(records),
            b: expected.a.as_ref().map(records),
            base: expected.base.as_ref().map(records),
            conflicts: expected.conflicts.as_ref().map(|conflicts| {
                conflicts
                    .iter()
                    .cloned()
                    .map(|conflict| crate::format::ExpectedConflict { resolution: word(&conflict.resolution), ..conflict })
                    .collect()
            }),
            writes: expected.writes.map(|writes| ExpectedCounts { a: writes.b, b: writes.a }),
            plan: expected
                .plan
                .as_ref()
                .map(|plan| plan.iter().cloned().map(|write| crate::format::ExpectedWrite { side: write.side.other(), ..write }).collect()),
            ..expected.clone()
        },
    }
}

fn rules(rules: &Rules) -> Rules {
    let sides = |sides: &Vec<Side>| sides.iter().map(|side| side.other()).collect();
    Rules {
        on_conflict: rules.on_conflict.as_deref().map(word),
        first_sync: rules.first_sync.as_deref().map(word),
        read_only: rules.read_only.as_ref().map(sides),
        managed_only: rules.managed_only.as_ref().map(value),
        skip_mirrors: rules.skip_mirrors.as_ref().map(value),
        field_authority: rules
            .field_authority
            .as_ref()
            .map(|owners| owners.iter().map(|(field, side)| (field.clone(), side.other())).collect()),
        faults: rules.faults.as_ref().map(|faults| faults.iter().map(|fault| Fault { on: word(&fault.on), ..fault.clone() }).collect()),
        edits_after_snapshot: rules.edits_after_snapshot.as_ref().map(|edits| edits.iter().map(edit).collect()),
        ..rules.clone()
    }
}

fn edit(edit: &Edit) -> Edit {
    Edit { side: edit.side.other(), record: record(&edit.record), ..edit.clone() }
}

fn records(records: &Records) -> Records {
    records.iter().map(|(key, one)| (key.clone(), record(one))).collect()
}

fn record(record: &Record) -> Record {
    let meta: BTreeMap<String, Value> =
        record.meta.iter().map(|(name, said)| (meta_name(name), if name == "_mirror_of" { value(said) } else { said.clone() })).collect();
    Record { fields: record.fields.clone(), meta }
}

fn meta_name(name: &str) -> String {
    match (name.strip_prefix("_a_"), name.strip_prefix("_b_")) {
        (Some(rest), _) => format!("_b_{rest}"),
        (None, Some(rest)) => format!("_a_{rest}"),
        (None, None) => name.to_owned(),
    }
}

fn value(said: &Value) -> Value {
    said.as_str().map_or_else(|| said.clone(), |text| Value::String(word(text)))
}

/// A word that names a side, with the other one.
fn word(text: &str) -> String {
    match text {
        "a" => "b".to_owned(),
        "b" => "a".to_owned(),
        text => match (text.strip_prefix("a."), text.strip_prefix("b."), text.strip_suffix("_a"), text.strip_suffix("_b")) {
            (Some(rest), ..) => format!("b.{rest}"),
            (_, Some(rest), ..) => format!("a.{rest}"),
            (_, _, Some(rest), _) => format!("{rest}_b"),
            (_, _, _, Some(rest)) => format!("{rest}_a"),
            _ => text.replace("a_wins", "?_wins").replace("b_wins", "a_wins").replace("?_wins", "b_wins"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn words_are_swapped() {
        for (text, other) in [
            ("a_wins", "b_wins"),
            ("merge_fields_else_b_wins", "merge_fields_else_a_wins"),
            ("a.list", "b.list"),
            ("empty_b", "empty_a"),
            ("report", "report"),
        ] {
            assert_eq!(word(text), other);
            assert_eq!(word(other), text);
        }
    }
}
