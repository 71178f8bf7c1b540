//! The guard: what a scenario's limits are in a profile, and where the guard of DESIGN law 4 holds less than all.

use std::collections::BTreeMap;

use gal::Side;

use super::View;
use crate::format::{Rules, truthy};
use crate::model::{Standing, Work};

/// Contacts from which shares count (law 4).
const SHARES_FROM: u64 = 10;

/// As good as no limit: more than a tenant holds.
const NO_LIMIT: u64 = 1_000_000;

/// The guard of a profile, as TOML.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of a scenario's records, ratios between 0 and 1"
)]
pub(crate) fn limits(rules: &Rules, standing: &Standing) -> String {
    let known = standing.known();
    let (mut deletions, mut deletion_share, mut shrink, mut updates) = (NO_LIMIT, 1.0, 1.0, 1.0);
    let counts = known >= rules.guard_min_existing.unwrap_or(0);
    if let Some(ratio) = rules.max_delete_ratio.filter(|_| counts && known > 0) {
        // Below ten contacts a share says nothing (law 4); there the number says the same.
        if known >= SHARES_FROM {
            deletion_share = ratio.clamp(0.0, 1.0);
        } else {
            deletions = (ratio * known as f64 + 1e-9).floor() as u64;
        }
    }
    if let Some(ratio) = rules.max_update_ratio.filter(|_| counts) {
        updates = ratio.clamp(0.0, 1.0);
    }
    if rules.guard_empty.as_deref().is_some_and(|word| word != "none") && known > 0 {
        // "Everybody went": the source shrank to nothing, or, where shares do not count yet, all are to be deleted.
        shrink = 0.99;
        deletions = deletions.min(known - 1);
    }
    if Rules::on(rules.guard_all_changed) && known > 0 {
        updates = f64::min(updates, (known as f64 - 0.5) / known as f64);
    }
    format!(
        "{{ max_deletions = {deletions}, max_deletion_share = {deletion_share:.4}, max_creations = {NO_LIMIT}, max_source_shrink = {shrink:.4}, max_update_share = {updates:.4} }}"
    )
}

/// Where the guard would not stop what the scenario wants stopped.
pub(super) fn against(view: &View<'_>) -> Option<String> {
    let expected = &view.step.expected;
    if !expected.is("aborted") {
        return None;
    }
    let rules = view.rules;
    let guarded = rules.max_delete_ratio.is_some()
        || rules.max_update_ratio.is_some()
        || rules.guard_empty.is_some()
        || Rules::on(rules.guard_all_changed);
    if !guarded || rules.faults().iter().any(|fault| fault.place().is_some_and(|(_, verb)| verb == "list")) {
        return None;
    }
    let updates = matches!(expected.why(), "too_many_updates" | "all_changed" | "everything_changed")
        || Rules::on(rules.guard_all_changed) && expected.why().is_empty();
    let mut work: BTreeMap<(Side, Work), u64> = BTreeMap::new();
    for (address, change) in view.standing.changes() {
        for side in Side::BOTH.into_iter().filter(|_| !view.excluded(address)) {
            if let Some(one) = change.work_on(side) {
                *work.entry((side, one)).or_default() += 1;
            }
        }
    }
    let kind = if updates { Work::Update } else { Work::Delete };
    let Some(side) = Side::BOTH
        .into_iter()
        .max_by_key(|side| work.get(&(*side, kind)).copied().unwrap_or(0))
        .filter(|side| work.contains_key(&(*side, kind)))
    else {
        return Some(nothing_due(updates, rules));
    };
    if updates && view.standing.known() < SHARES_FROM {
        return Some(format!(
            "DESIGN law 4: the share of updates counts from {SHARES_FROM} contacts on, and {} are known",
            view.standing.known()
        ));
    }
    if updates && work.keys().any(|(_, one)| *one == Work::Delete) {
        return Some("DESIGN law 4 counts updates and deletions each by their own limit, not together".to_owned());
    }
    let held = |target: Side, one: Work| target == side && (one != Work::Update || updates);
    let rest: Vec<String> = work
        .iter()
        .filter(|((target, one), _)| !held(*target, *one))
        .map(|((target, one), count)| format!("{count} {} on {target}", one.as_str()))
        .collect();
    (!rest.is_empty())
        .then(|| format!("DESIGN law 4: the guard holds what it guards on side {side} only, and the rest goes on ({})", rest.join(", ")))
}

fn nothing_due(updates: bool, rules: &Rules) -> String {
    if updates && rules.change_detection.as_deref() == Some("modified") {
        return "only clocks changed; galbridge compares contents (law 7), so there is nothing to hold".to_owned();
    }
    let what = if updates { "updated" } else { "deleted" };
    let empty = rules.guard_empty.as_deref().is_some_and(|word| truthy(&word.into()));
    format!(
        "nothing would be {what}, so law 4 has nothing to hold{}",
        if empty { "; that a side is empty is no danger by itself" } else { "" }
    )
}
