//! Conflicts: the policies of the format decide by whole records unless they say otherwise;
//! galbridge merges field by field, and has no policy that makes copies.

use std::collections::BTreeSet;

use gal::{Field, Side};

use super::View;
use crate::format::{Rules, truthy};
use crate::model::{Change, Difference, Standing};

/// What decides a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decider {
    /// A side wins; `whole`: with its whole record.
    Winner {
        /// The winner.
        side: Side,
        /// By whole records.
        whole: bool,
    },
    /// The later edit wins, with its whole record.
    Newest,
    /// Nobody; it is shown.
    Report,
    /// Fields are merged; where that is not possible a copy is made.
    Fork,
    /// Copies, or something else that makes no single person of two.
    Copies(String),
    /// A word that is no policy.
    Unknown(String),
}

/// The decider of a sync; `first`: for records without base on a pair that begins.
pub(crate) fn decider(rules: &Rules, first: bool) -> Decider {
    let word = if first { rules.first_sync.as_deref().or(rules.on_conflict.as_deref()) } else { rules.on_conflict.as_deref() };
    match word {
        Some("a_wins") => Decider::Winner { side: Side::A, whole: true },
        Some("b_wins") => Decider::Winner { side: Side::B, whole: true },
        Some("merge_fields_else_a_wins") => Decider::Winner { side: Side::A, whole: false },
        Some("merge_fields_else_b_wins") => Decider::Winner { side: Side::B, whole: false },
        Some("newest_wins") => Decider::Newest,
        Some("report") => Decider::Report,
        Some("merge_fields_else_fork") => Decider::Fork,
        Some(word @ ("keep_both" | "oldest_wins" | "custom_merge")) => Decider::Copies(word.to_owned()),
        None => Decider::Copies("keep_both".to_owned()),
        Some(word) => Decider::Unknown(word.to_owned()),
    }
}

/// The profile's word for the conflicts of a sync: `hold` where no conflict depends on it.
pub(crate) fn conflict_word(rules: &Rules, standing: &Standing, first: bool) -> String {
    if let Some(owner) = owner_of_conflicts(rules, standing) {
        return owner.to_string();
    }
    match decider(rules, first) {
        Decider::Winner { side, .. } => side.to_string(),
        Decider::Newest => "newest".to_owned(),
        Decider::Report | Decider::Fork | Decider::Copies(_) => "hold".to_owned(),
        // As it stands, for the profile to refuse.
        Decider::Unknown(word) => word,
    }
}

/// Why the conflicts of a step rule it out.
pub(super) fn against(view: &View<'_>) -> Option<String> {
    if view.rules.read_only.as_ref().is_some_and(|sides| !sides.is_empty()) {
        return None;
    }
    let first = view.standing.base.is_none() || Rules::on(view.rules.resync);
    let decider = decider(view.rules, first);
    if Rules::on(view.rules.dry_run) && view.step.expected.plan.is_none() {
        return None;
    }
    view.standing.changes().into_iter().filter(|(address, _)| !view.excluded(address)).find_map(|(address, change)| {
        let reason = authority(view, change).or_else(|| one(view, &decider, change))?;
        Some(format!("`{address}`: {reason}"))
    })
}

fn one(view: &View<'_>, decider: &Decider, change: Change<'_>) -> Option<String> {
    let mut difference = change.difference().filter(|difference| !difference.is_empty())?;
    let unmanaged = view.rules.managed_only.as_ref().is_some_and(truthy)
        && Side::BOTH
            .into_iter()
            .any(|side| change.side(side).is_some_and(|person| person.record.meta.get("_managed").is_some_and(|managed| !truthy(managed))));
    if let Some(owners) = view.rules.field_authority.as_ref().filter(|owners| !owners.is_empty()) {
        // Field by field by its own words; the owner decides where both changed it.
        difference.both.retain(|field| !owners.contains_key(&view.lexicon.word(*field)));
        return (!difference.both.is_empty()).then(|| undecided(view, decider, &difference)).flatten();
    }
    match decider {
        _ if unmanaged => whole_report(view, change, &difference),
        Decider::Unknown(_) => None,
        Decider::Winner { side, whole } => winner(view, change, &difference, *side, *whole),
        Decider::Newest => match newest(change) {
            Some(side) => winner(view, change, &difference, side, true),
            None => Some("no clock, or the same on both sides, means two copies of one person; a directory must not have them, and `newest` holds there".to_owned()),
        },
        Decider::Report => whole_report(view, change, &difference),
        Decider::Fork | Decider::Copies(_) => undecided(view, decider, &difference),
    }
}

/// Policies without a winner.
fn undecided(view: &View<'_>, decider: &Decider, difference: &Difference) -> Option<String> {
    match decider {
        Decider::Fork if difference.both.is_empty() => None,
        Decider::Fork => Some(format!(
            "both sides say another {}, and `merge_fields_else_fork` makes a second person of it (or lets one side win silently); DESIGN holds it, or the pair's policy decides",
            view.words(&difference.both)
        )),
        Decider::Copies(word) if difference.both.is_empty() => Some(format!("`{word}` {}", by_records(view, difference))),
        Decider::Copies(word) => {
            Some(format!("`{word}` makes copies of, or a new content for, one person; DESIGN's policies are hold, newest, a and b"))
        }
        Decider::Winner { .. } | Decider::Newest | Decider::Report | Decider::Unknown(_) => None,
    }
}

fn winner(view: &View<'_>, change: Change<'_>, difference: &Difference, side: Side, whole: bool) -> Option<String> {
    if view.rules.loser.as_deref() == Some("keep") {
        return Some("the loser is kept as a copy; a directory must not have one person twice".to_owned());
    }
    if !whole {
        return None;
    }
    let lost = difference.only(side.other());
    if !lost.is_empty() && change.base.is_none() {
        return Some(format!("decides by whole records, so {} of {} would be lost; a merge fills blanks", view.words(lost), side.other()));
    }
    (!lost.is_empty() || difference.both.is_empty()).then(|| by_records(view, difference))
}

fn whole_report(view: &View<'_>, change: Change<'_>, difference: &Difference) -> Option<String> {
    if difference.only_a.is_empty() && difference.only_b.is_empty() {
        return None;
    }
    Some(if change.base.is_none() {
        format!(
            "holds whole records; a merge fills the blanks ({}) and holds the rest",
            view.words(difference.only_a.union(&difference.only_b))
        )
    } else {
        by_records(view, difference)
    })
}

fn by_records(view: &View<'_>, difference: &Difference) -> String {
    let changed = |side: Side| {
        let fields: BTreeSet<Field> = difference.only(side).union(&difference.both).copied().collect();
        if fields.is_empty() { format!("nothing more on {side}") } else { format!("{} on {side}", view.words(&fields)) }
    };
    format!("decides by whole records: {}, {}; galbridge merges different fields, which is no conflict", changed(Side::A), changed(Side::B))
}

/// The side with the later clock.
fn newest(change: Change<'_>) -> Option<Side> {
    let clock = |side| change.side(side).and_then(|person| person.record.modified());
    match (clock(Side::A)?, clock(Side::B)?) {
        (a, b) if a > b => Some(Side::A),
        (a, b) if a < b => Some(Side::B),
        _ => None,
    }
}

/// An edit of a field on the side that does not own it: peers are edited on both sides.
fn authority(view: &View<'_>, change: Change<'_>) -> Option<String> {
    let owners = view.rules.field_authority.as_ref()?;
    let base = change.base?;
    for (name, owner) in owners {
        let field = view.lexicon.field(name)?;
        let edited = |side: Side| change.side(side).is_some_and(|person| person.attributes.get(&field) != base.attributes.get(&field));
        if edited(owner.other()) && !edited(*owner) {
            return Some(format!(
                "`{name}` is edited on {} only, which does not own it; peers are edited on both sides, galbridge has no owner of a field",
                owner.other()
            ));
        }
    }
    let conflicts: BTreeSet<Side> =
        change.difference()?.both.iter().filter_map(|field| owners.get(&view.lexicon.word(*field)).copied()).collect();
    (conflicts.len() > 1).then(|| "both sides own fields in conflict; a pair has one policy for all fields".to_owned())
}

/// The one side that owns every field in conflict.
fn owner_of_conflicts(rules: &Rules, standing: &Standing) -> Option<Side> {
    let owners = rules.field_authority.as_ref()?;
    let conflict = standing.changes().into_values().any(|change| change.difference().is_some_and(|difference| !difference.both.is_empty()));
    let sides: BTreeSet<Side> = standing
        .changes()
        .into_values()
        .filter_map(|change| {
            let record = |side: Side| change.side(side).map(|person| &person.record.fields);
            let (a, b, base) = (record(Side::A)?, record(Side::B)?, change.base.map(|person| &person.record.fields)?);
            let disputed =
                |name: &&String| a.get(*name) != b.get(*name) && a.get(*name) != base.get(*name) && b.get(*name) != base.get(*name);
            Some(owners.iter().filter(move |(name, _)| disputed(name)).map(|(_, side)| *side).collect::<Vec<Side>>())
        })
        .flatten()
        .collect();
    if conflict && sides.len() == 1 { sides.into_iter().next() } else { None }
}
