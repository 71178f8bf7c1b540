//! A read-only side is the source of a one-way pair. There contacts are projections: the owner wins.

use std::collections::BTreeSet;

use gal::Side;

use super::View;
use crate::format::Rules;
use crate::lexicon::Address;

/// The side that is written, of a one-way pair.
pub(crate) fn writable(rules: &Rules) -> Option<Side> {
    match rules.read_only.as_deref() {
        Some([side]) => Some(side.other()),
        Some(_) | None => None,
    }
}

/// Where a one-way pair does something else.
///
/// `made_again`: whom an earlier step's administrator deleted from the target.
pub(super) fn against(view: &View<'_>, made_again: &mut BTreeSet<Address>) -> Option<String> {
    let target = writable(view.rules)?;
    let policy = view.rules.read_only_policy.as_deref().unwrap_or("revert");
    for (address, change) in view.standing.changes() {
        if view.excluded(address) {
            continue;
        }
        let both = change.side(target).is_some() && change.side(target.other()).is_some();
        if change.new_on(target) && !both && policy == "revert" {
            return Some(format!(
                "`{address}` is {target}'s own, and `revert` takes it away; DESIGN law 2: only contacts that galbridge made are ever removed"
            ));
        }
        if change.new_on(target) && both && change.difference().is_some_and(|difference| !difference.is_empty()) {
            return Some(format!(
                "`{address}` stands on both sides and differs; DESIGN: a found contact keeps its values until its source changes (or --enforce)"
            ));
        }
        if change.deleted_on(target) && change.side(target.other()).is_some() && policy != "revert" {
            return Some(format!(
                "`{policy}` leaves the deletion of `{address}` on {target}; DESIGN: a projection that is deleted there is made again once"
            ));
        }
        if change.deleted_on(target) && change.side(target.other()).is_some() && !made_again.insert(address.clone()) {
            let comes_back =
                view.step.expected.side(target).is_some_and(|records| records.keys().any(|key| view.lexicon.address(key) == *address));
            if comes_back {
                return Some(format!(
                    "DESIGN: a projection is made again once; the second deletion of `{address}` on {target} suppresses it"
                ));
            }
        }
        if change.edited_on(target) && policy != "revert" {
            return Some(format!("`{policy}` leaves the edit of `{address}` on {target}; DESIGN: drift of a projection is put right"));
        }
        if policy == "error" && change.new_on(target) && !both {
            return Some(format!("`error` refuses `{address}`, {target}'s own; a one-way pair leaves it alone"));
        }
    }
    None
}
