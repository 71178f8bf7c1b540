//! What is remembered against what stands there.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Memo, Model, NOTE, Phase, Way};
use crate::script::{FIELDS, TENANTS};
use crate::view::{Object, View};

impl Model {
    /// Nobody of ours stands there for no one, and nothing of theirs is touched.
    pub(super) fn nobody_else(&self, views: &[View], taken: &BTreeSet<Uuid>) -> Vec<String> {
        let mut wrong = Vec::new();
        for (there, view) in views.iter().enumerate() {
            for object in view.0.values().filter(|object| object.made && !taken.contains(&object.anchor)) {
                wrong.push(format!("{}: a contact for nobody: {:?} <{:?}>", TENANTS[there], object.text("DisplayName"), object.address()));
            }
        }
        for ((there, anchor), own) in &self.own {
            let name = TENANTS[*there];
            let Some(now) = views[*there].0.get(anchor) else {
                wrong.push(format!("{name}: {:?} ({}) was removed", own.text("DisplayName"), own.kind));
                continue;
            };
            if taken.contains(anchor) {
                continue;
            }
            if let Some(property) = changed(own, now) {
                let values = (own.properties.get(property), now.properties.get(property));
                wrong.push(format!("{name}: {property} of {:?} ({}) was changed: {values:?}", own.text("DisplayName"), own.kind));
            }
        }
        wrong
    }

    /// At any moment: nothing that an administrator made is missing.
    pub(crate) fn always(&self, views: &[View]) -> Vec<String> {
        let gone = self.own.iter().filter(|((there, anchor), _)| !views[*there].0.contains_key(anchor));
        gone.map(|((there, _), own)| format!("{}: {:?} ({}) was removed", TENANTS[*there], own.text("DisplayName"), own.kind)).collect()
    }
}

/// A published contact against what is remembered of it.
pub(super) fn compare(way: Way, person: Option<&Object>, memo: &Memo, view: &View) -> Vec<String> {
    let whom = format!(
        "{} of {} in {}",
        person.and_then(|person| person.text("DisplayName")).unwrap_or("somebody"),
        TENANTS[way.from],
        TENANTS[way.to]
    );
    let contact = view.0.get(&memo.contact);
    let mut wrong = Vec::new();
    if let Some(note) = contact.filter(|_| memo.phase != Phase::Suppressed).map(|contact| contact.text(NOTE))
        && note != memo.note.as_deref()
    {
        wrong.push(format!("{whom}: {NOTE} is {note:?}, not {:?}", memo.note));
    }
    match (memo.phase, contact) {
        (Phase::Suppressed, Some(contact)) if contact.made => wrong.push(format!("{whom}: is there, though suppressed")),
        (Phase::Suppressed, _) | (Phase::Kept, Some(_)) => {}
        (_, None) => wrong.push(format!("{whom}: the contact is gone (or another one), {:?}", memo.phase)),
        (Phase::Staged, Some(contact)) => {
            if !contact.hidden {
                wrong.push(format!("{whom}: is shown, though nobody is to be"));
            }
        }
        (Phase::Live, Some(contact)) => {
            if contact.hidden != memo.hidden {
                wrong.push(format!("{whom}: hidden is {}, not {}", contact.hidden, memo.hidden));
            }
            let stands = contact.fields();
            for field in FIELDS.iter().filter(|field| stands.get(*field) != memo.shown.get(*field)) {
                wrong.push(format!("{whom}: {field} is {:?}, not {:?}", stands.get(field), memo.shown.get(field)));
            }
            let address = person.and_then(Object::address);
            let others = address.iter().flat_map(|address| view.holders(address)).filter(|one| one.anchor != contact.anchor).count();
            if memo.made && contact.address() != address && others == 0 {
                wrong.push(format!("{whom}: the address is {:?}, not {address:?}", contact.address()));
            }
        }
    }
    wrong
}

/// Properties that follow from other objects, or from the clock.
const DERIVED: [&str; 7] = ["DirectReports", "Manager", "ManagedBy", "GroupMemberCount", "WhenChanged", "WhenChangedUTC", "EmailAddresses"];

/// The first property that differs.
fn changed<'o>(before: &'o Object, now: &'o Object) -> Option<&'o str> {
    let differs = |name: &&String| before.properties.get(*name) != now.properties.get(*name);
    before.properties.keys().filter(|name| !DERIVED.contains(&name.as_str())).find(differs).map(String::as_str)
}
