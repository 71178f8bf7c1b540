//! A plan as people read it: grouped, counted, with every field before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use engine::act::{OperationDocument, PlanDocument, SkippedDocument};
use gal::{Field, Side};

use super::{clean, value};
use crate::screen::{Paint, columns, count, thousands};

/// How many of each kind are shown without `--all`.
const SHOWN: usize = 5;

/// Reasons that mean: something on the other side is in the way.
const COLLISIONS: [&str; 10] = [
    "address-held",
    "holder-directory-synced",
    "holder-foreign",
    "copied-stamp",
    "ambiguous",
    "claimed-by-another",
    "other-installation",
    "stamp-replaced",
    "must-yield",
    "quarantined",
];

/// Whether scopes decide who is in it: not in `unpublish`, `rebuild` and `undo`.
fn lists(plan: &PlanDocument) -> bool {
    !["unpublish", "rebuild", "undo"].iter().any(|verb| plan.of.starts_with(verb))
}

/// Whether it takes a run back.
fn is_undo(plan: &PlanDocument) -> bool {
    plan.of.starts_with("undo")
}

/// Whether it takes a side back.
pub(crate) fn is_unpublish(plan: &PlanDocument) -> bool {
    plan.of.starts_with("unpublish")
}

/// A plan for people. `all`: every operation and everybody who is skipped.
pub(crate) fn text(plan: &PlanDocument, paint: Paint, all: bool) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}  {}",
        paint.bold(&format!("Plan for {}: {}", plan.pair, plan.of)),
        paint.dim(&format!("checksum {}", plan.checksum))
    );
    text.push_str(&columns(Side::BOTH.map(|side| overview(plan, side)).to_vec()));
    text.push('\n');
    for side in Side::BOTH {
        write_side(plan, &mut text, side, paint, all);
    }
    write_remembered(plan, &mut text);
    write_skipped(plan, &mut text, paint, all);
    write_notes(plan, &mut text, paint, all);
    write_guard(plan, &mut text, paint);
    if !plan.admitting.is_empty() {
        let groups = clean(&plan.admitting.join(", "));
        let _ = writeln!(text, "\n{}", paint.yellow("Dynamic groups would take published contacts in, and send them their mail:"));
        let _ = writeln!(text, "  {groups}");
        let _ = writeln!(text, "  The merge asks about it; where nobody can be asked it wants --accept-dynamic-groups.");
    }
    let sides = Side::BOTH.map(|side| plan.sides.get(side));
    let opens: Vec<&str> = sides.iter().filter(|one| one.opens).map(|one| one.tenant.as_str()).collect();
    if !opens.is_empty() {
        let told = format!("This merge opens again what `unpublish` closed to writes: {}", opens.join(", "));
        let _ = writeln!(text, "\n{}", paint.yellow(&told));
    }
    if let Some(afterwards) = &plan.afterwards {
        let _ = writeln!(text, "\n{afterwards}");
    }
    let closed: Vec<&str> = sides.iter().filter(|one| one.closed).map(|one| one.tenant.as_str()).collect();
    if !closed.is_empty() {
        let told = format!("Unpublished, and closed to writes until the next merge: {}", closed.join(", "));
        let _ = writeln!(text, "\n{}", paint.yellow(&told));
    }
    if plan.is_quiet() && closed.len() < 2 {
        let word = match plan.remembered.is_empty() {
            _ if is_undo(plan) => "Nothing is to be put back.",
            true if is_unpublish(plan) => "Nothing is left there to take back.",
            true if !lists(plan) => "No link is to be restored.",
            true => "Nothing to write: both sides are in step.",
            false => "Nothing is written to a tenant.",
        };
        let _ = writeln!(text, "\n{}", paint.green(word));
    }
    text
}

fn overview(plan: &PlanDocument, side: Side) -> Vec<String> {
    let document = plan.sides.get(side);
    let known = if document.known > 0 { format!("{} known", thousands(document.known)) } else { String::new() };
    // What takes away or restores asks for nobody's scope.
    let scope = if lists(plan) { format!("{} in scope", thousands(document.in_scope)) } else { String::new() };
    vec![format!("  {side}"), document.tenant.clone(), known, scope]
}

fn write_side(plan: &PlanDocument, text: &mut String, side: Side, paint: Paint, all: bool) {
    let document = plan.sides.get(side);
    if document.operations.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", paint.bold(&format!("Into {} ({side})", document.tenant)));
    let mut kinds: Vec<&str> = Vec::new();
    for operation in plan.operations.iter().filter(|operation| operation.side == side) {
        if !kinds.contains(&operation.operation.as_str()) {
            kinds.push(&operation.operation);
        }
    }
    for kind in kinds {
        let group: Vec<&OperationDocument> =
            plan.operations.iter().filter(|operation| operation.side == side && operation.operation == kind).collect();
        let held = group.iter().filter(|operation| operation.held).count() as u64;
        let waits = if held > 0 { paint.yellow(&format!(", {} held by the guard", thousands(held))) } else { String::new() };
        let _ = writeln!(text, "  {} {kind}: {}{waits}", sign(kind, paint), thousands(group.len() as u64));
        let shown = if all { group.len() } else { SHOWN };
        for operation in group.iter().take(shown) {
            write_operation(operation, text, paint, all);
        }
        if group.len() > shown {
            let _ = writeln!(
                text,
                "      {}",
                paint.dim(&format!("and {} more (--all, or --json, lists them)", thousands((group.len() - shown) as u64)))
            );
        }
    }
}

fn write_remembered(plan: &PlanDocument, text: &mut String) {
    if !plan.remembered.is_empty() {
        let kinds: Vec<String> = plan.remembered.iter().map(|(kind, number)| format!("{kind} {}", thousands(*number))).collect();
        let _ = writeln!(text, "\nOnly remembered, without a write: {}", kinds.join(", "));
    }
}

fn write_skipped(plan: &PlanDocument, text: &mut String, paint: Paint, all: bool) {
    let rest = if is_undo(plan) { "Left alone" } else { "Skipped" };
    // What is in the way, or left alone, differs each time, and is told one by one; why people are skipped is the same for all.
    for (heading, collisions) in [("In the way", true), (rest, false)] {
        let mut groups: BTreeMap<(Side, &str), Vec<&SkippedDocument>> = BTreeMap::new();
        for skipped in plan.skipped.iter().filter(|skipped| COLLISIONS.contains(&skipped.code.as_str()) == collisions) {
            groups.entry((skipped.side, skipped.code.as_str())).or_default().push(skipped);
        }
        if groups.is_empty() {
            continue;
        }
        let total = groups.values().map(Vec::len).sum::<usize>() as u64;
        let _ = writeln!(text, "\n{}", paint.bold(&format!("{heading}: {}", count(total, "recipient"))));
        for ((_, code), group) in groups {
            let Some(first) = group.first() else { continue };
            let each = collisions || is_undo(plan);
            let reason = if each { String::new() } else { format!(": {}", clean(&first.reason)) };
            let _ = writeln!(text, "  {:>6}  {} {code}{reason}", thousands(group.len() as u64), first.tenant);
            let shown = if all {
                group.len()
            } else if each {
                SHOWN
            } else {
                0
            };
            for skipped in group.iter().take(shown) {
                let address = skipped.address.as_deref().map_or_else(String::new, |address| format!(" <{}>", clean(address)));
                let _ = writeln!(text, "            {}{address} {}", clean(&skipped.title), paint.dim(&clean(&skipped.reason)));
            }
            if each && group.len() > shown {
                let _ = writeln!(text, "            {}", paint.dim(&format!("and {} more", group.len() - shown)));
            }
        }
    }
}

fn write_notes(plan: &PlanDocument, text: &mut String, paint: Paint, all: bool) {
    if plan.notes.is_empty() {
        return;
    }
    let mut groups: BTreeMap<(Side, &str), NoteGroup<'_>> = BTreeMap::new();
    for note in &plan.notes {
        let (field, rest) = split(&note.note);
        let group = groups.entry((note.side, rest)).or_insert_with(|| NoteGroup { tenant: &note.tenant, ..NoteGroup::default() });
        group.fields.extend(field);
        if !group.titles.contains(&note.title.as_str()) {
            group.titles.push(&note.title);
        }
    }
    let _ = writeln!(text, "\n{}", paint.bold("Worth knowing"));
    for ((_, rest), group) in groups {
        let shown = if all { group.titles.len() } else { 3 };
        let names: Vec<String> = group.titles.iter().take(shown).map(|title| clean(title)).collect();
        let more = if group.titles.len() > shown { format!(" and {} more", group.titles.len() - shown) } else { String::new() };
        let note = joined(&group.fields.into_iter().collect::<Vec<_>>(), rest);
        let _ = writeln!(text, "  {:>6}  {} {}: {}{more}", group.titles.len(), group.tenant, clean(&note), names.join(", "));
    }
}

fn write_guard(plan: &PlanDocument, text: &mut String, paint: Paint) {
    for side in Side::BOTH {
        let document = plan.sides.get(side);
        if document.guard.holds {
            let sentence =
                format!("The guard would hold {} into {} ({side}):", count(document.guard.waiting, "operation"), document.tenant);
            let _ = writeln!(text, "\n{}", paint.yellow(&sentence));
            for reason in &document.guard.reasons {
                let _ = writeln!(text, "  {reason}");
            }
            let _ = match &document.guard.approve {
                Some(checksum) => writeln!(text, "  If this is meant: `galbridge approve {checksum}`"),
                None => writeln!(text, "  Once a run holds them, `galbridge status` shows the checksum to approve."),
            };
        }
    }
}

fn write_operation(operation: &OperationDocument, text: &mut String, paint: Paint, all: bool) {
    let _ = writeln!(text, "      {} <{}>  {}", clean(&operation.title), clean(&operation.address), paint.dim(&clean(&operation.reason)));
    if let Some(contact) = operation.contact.as_deref().filter(|_| operation.operation.starts_with("adopt")) {
        let _ = writeln!(text, "          the contact {} there is taken over and kept in step", value(Some(contact)));
    }
    // What is made is told by its name; its values are only shown when everything is.
    if operation.operation != "create" || all {
        for change in &operation.changes {
            let _ =
                writeln!(text, "          {}: {} → {}", change.property, value(change.before.as_deref()), value(change.after.as_deref()));
        }
    }
    for kept in &operation.kept {
        let told = format!("{}: {} stays; the source says {}", kept.property, value(kept.before.as_deref()), value(kept.after.as_deref()));
        let _ = writeln!(text, "          {}", paint.yellow(&told));
    }
    let mut notes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for note in &operation.notes {
        let (field, rest) = split(note);
        notes.entry(rest).or_default().extend(field);
    }
    for (rest, fields) in notes {
        let _ = writeln!(text, "          {}", paint.yellow(&clean(&joined(&fields, rest))));
    }
}

/// Notes that differ by their field or person alone.
#[derive(Default)]
struct NoteGroup<'n> {
    tenant: &'n str,
    fields: BTreeSet<&'n str>,
    titles: Vec<&'n str>,
}

/// The field that a note begins with, if it does, and the rest.
fn split(note: &str) -> (Option<&str>, &str) {
    match note.split_once(' ') {
        Some((field, rest)) if Field::from_property(field).is_some() => (Some(field), rest),
        Some(_) | None => (None, note),
    }
}

/// `Title, Phone: differs since the join`
fn joined(fields: &[&str], rest: &str) -> String {
    match fields {
        [] => rest.to_owned(),
        [one] => format!("{one} {rest}"),
        several => format!("{}: {rest}", several.join(", ")),
    }
}

fn sign(operation: &str, paint: Paint) -> String {
    match operation {
        "create" | "resume" => paint.green("+"),
        "stage" | "purge" | "release" | "hand-over" | "remove" | "abandon" => paint.red("-"),
        _ => paint.yellow("~"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use engine::act::{GuardDocument, NoteDocument, SideDocument};
    use engine::records::Change;
    use gal::Sides;

    use super::*;

    /// A small plan.
    pub(crate) fn sample() -> PlanDocument {
        let side = |tenant: &str| SideDocument { tenant: tenant.to_owned(), known: 1_234, in_scope: 900, ..SideDocument::default() };
        let mut sides = Sides { a: side("contoso"), b: side("fabrikam") };
        sides.b.operations = BTreeMap::from([("update".to_owned(), 1), ("create".to_owned(), 6), ("stage".to_owned(), 1)]);
        sides.b.guard = GuardDocument {
            holds: true,
            reasons: vec!["61 deletions in 24 hours; max_deletions is 50".to_owned()],
            waiting: 1,
            approve: None,
        };
        let operation = |operation: &str, title: &str, reason: &str| OperationDocument {
            operation: operation.to_owned(),
            side: Side::B,
            tenant: "fabrikam".to_owned(),
            link: "a#33333333-3333-3333-3333-333333333333".to_owned(),
            title: title.to_owned(),
            address: "ann@contoso.example".to_owned(),
            reason: reason.to_owned(),
            held: operation == "stage",
            changes: vec![Change { property: "Phone".to_owned(), before: Some("+41".to_owned()), after: Some("+42".to_owned()) }],
            contact: (operation == "adopt").then(|| "Boss (old)".to_owned()),
            kept: if operation == "adopt" {
                vec![Change { property: "Title".to_owned(), before: Some("Head".to_owned()), after: None }]
            } else {
                Vec::new()
            },
            notes: Vec::new(),
        };
        let mut operations = vec![operation("update", "=Ann", "edited at its source")];
        operations.extend((1..=6).map(|number| operation("create", &format!("Person {number}"), "in scope and not yet on the other side")));
        operations.push(operation("adopt", "Boss", "a contact there already holds ann@contoso.example"));
        operations.push(operation("stage", "Leaver", "the source was deleted"));
        let skipped = |code: &'static str, title: &str, reason: &str| SkippedDocument {
            address: None,
            side: Side::A,
            tenant: "contoso".to_owned(),
            anchor: "44444444-4444-4444-4444-444444444444".to_owned(),
            title: title.to_owned(),
            code: code.to_owned(),
            reason: reason.to_owned(),
        };
        PlanDocument {
            pair: "contoso-fabrikam".to_owned(),
            of: "schedule".to_owned(),
            checksum: "0123456789ab".to_owned(),
            links: 800,
            afterwards: None,
            sides,
            operations,
            remembered: BTreeMap::from([("record".to_owned(), 3)]),
            skipped: vec![
                skipped("hidden", "Secret", "hidden from address lists in its own tenant"),
                skipped("address-held", "Zoë", "the address is held by the guest \"Zoë\" of the target"),
            ],
            notes: vec![NoteDocument {
                side: Side::A,
                tenant: "contoso".to_owned(),
                title: "Ann".to_owned(),
                note: "Title was cut to 64 characters".to_owned(),
            }],
            admitting: Vec::new(),
        }
    }

    #[test]
    fn a_plan_reads_well() {
        let expected = "\
Plan for contoso-fabrikam: schedule  checksum 0123456789ab
  a  contoso   1,234 known  900 in scope
  b  fabrikam  1,234 known  900 in scope

Into fabrikam (b)
  ~ update: 1
      =Ann <ann@contoso.example>  edited at its source
          Phone: \"+41\" → \"+42\"
  + create: 6
      Person 1 <ann@contoso.example>  in scope and not yet on the other side
      Person 2 <ann@contoso.example>  in scope and not yet on the other side
      Person 3 <ann@contoso.example>  in scope and not yet on the other side
      Person 4 <ann@contoso.example>  in scope and not yet on the other side
      Person 5 <ann@contoso.example>  in scope and not yet on the other side
      and 1 more (--all, or --json, lists them)
  ~ adopt: 1
      Boss <ann@contoso.example>  a contact there already holds ann@contoso.example
          the contact \"Boss (old)\" there is taken over and kept in step
          Phone: \"+41\" → \"+42\"
          Title: \"Head\" stays; the source says (blank)
  - stage: 1, 1 held by the guard
      Leaver <ann@contoso.example>  the source was deleted
          Phone: \"+41\" → \"+42\"

Only remembered, without a write: record 3

In the way: 1 recipient
       1  contoso address-held
            Zoë the address is held by the guest \"Zoë\" of the target

Skipped: 1 recipient
       1  contoso hidden: hidden from address lists in its own tenant

Worth knowing
       1  contoso Title was cut to 64 characters: Ann

The guard would hold 1 operation into fabrikam (b):
  61 deletions in 24 hours; max_deletions is 50
  Once a run holds them, `galbridge status` shows the checksum to approve.
";
        let text = super::text(&sample(), Paint::PLAIN, false);
        assert_eq!(text, expected, "{text}");
    }

    #[test]
    fn everything_is_shown_on_request() {
        let text = super::text(&sample(), Paint::PLAIN, true);
        assert!(text.contains("Person 6") && !text.contains("--all"), "{text}");
    }
}
