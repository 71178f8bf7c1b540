//! Applying operations to the directories in memory, and remembering them: what the engine does, without its wire.

use std::collections::BTreeSet;

use gal::link::Quarantine;
use gal::operation::{Action, Operation, QuietChange};
use gal::{Anchor, Field, Link};
use jiff::SignedDuration;

use super::{CoreLevel, Doing};

/// How long a refused recipient is set aside.
const RETRY: SignedDuration = SignedDuration::from_hours(1);

/// The fields of an operation that a policy decided against the values that stood there.
pub(super) fn decided_fields(operation: &Operation) -> BTreeSet<Field> {
    let by_policy = operation.reason.to_string().contains("the policy decides");
    let fields = operation.changes.iter().filter(|change| match operation.action {
        // At a join everything that replaces a value was decided by the policy.
        Action::Adopt => change.before.as_deref().is_some_and(|before| !before.is_empty()),
        _ => by_policy,
    });
    fields.map(|change| change.field).collect()
}

impl CoreLevel {
    /// Remembers without writing; answers whether anything moved.
    pub(super) fn remember_quiet(&mut self, change: &QuietChange) -> bool {
        let key = change.link.key;
        let before = self.links.get(&key).cloned();
        let after = change.patch.apply(&change.link).map(|link| Link { linked_at: link.linked_at.or(Some(self.now)), ..link });
        match after.clone() {
            Some(link) => {
                self.links.insert(link.key, link);
            }
            None => {
                self.links.remove(&key);
            }
        }
        before != after
    }

    /// Applies one operation; what is refused is set aside.
    pub(super) fn apply(&mut self, doing: &mut Doing, operation: &Operation) {
        if let Some(start) = &operation.start {
            self.links.insert(start.key, (**start).clone());
        }
        match self.write(operation) {
            Ok(written) => {
                if let Some(anchor) = written {
                    doing.written.insert((operation.side, anchor));
                }
                // The process dies with the last write done and not remembered.
                let dies = doing.crash_after.is_some_and(|limit| doing.written.len() as u64 == limit);
                if !dies {
                    self.remember(operation, written);
                }
            }
            Err(reason) => self.quarantine(operation, &reason),
        }
    }

    /// Writes the directory; answers the object.
    fn write(&mut self, operation: &Operation) -> Result<Option<Anchor>, String> {
        let now = self.now;
        let link = self.links.get(&operation.key).cloned();
        let directory = self.sides.get_mut(operation.side);
        let contact = operation.contact.as_ref().map(|contact| contact.anchor);
        match operation.action {
            Action::Create | Action::Resume => {
                let link = link.ok_or("the link is not known")?;
                let made = match directory.named(&link.name) {
                    Some(found) => found,
                    None => directory.create(&link.name, &operation.address, now)?,
                };
                directory.write(made, &operation.changes, &operation.extras, now)?;
                Ok(Some(made))
            }
            Action::Abandon => Ok(None),
            Action::Purge | Action::Remove => {
                let contact = contact.ok_or("the operation names no contact")?;
                directory.remove(contact, now);
                Ok(Some(contact))
            }
            Action::Update
            | Action::Restore
            | Action::Relink
            | Action::Claim
            | Action::TakeOver
            | Action::Adopt
            | Action::AdoptGuest
            | Action::HandOver
            | Action::Release
            | Action::Stage => {
                let contact = contact.ok_or("the operation names no contact")?;
                directory.write(contact, &operation.changes, &operation.extras, now)?;
                Ok(Some(contact))
            }
        }
    }

    /// The link as it is after an operation.
    fn remember(&mut self, operation: &Operation, written: Option<Anchor>) {
        let Some(mut link) = self.links.remove(&operation.key) else { return };
        if matches!(operation.action, Action::Create | Action::Resume) {
            link.target = written;
            link.target_guid = written.and_then(|anchor| self.sides.get(operation.side).entry(anchor)?.recipient.guid);
        }
        if let Some(mut next) = operation.patch.apply(&link) {
            next.quarantine = None;
            next.written_at = Some(self.now);
            if next.is_live() && !link.is_live() {
                next.linked_at = Some(self.now);
            }
            self.links.insert(next.key, next);
        }
    }

    /// Sets a recipient aside, to be tried again later.
    pub(super) fn quarantine(&mut self, operation: &Operation, reason: &str) {
        if let Some(start) = &operation.start {
            self.links.entry(start.key).or_insert_with(|| (**start).clone());
        }
        let retry_at = self.now + RETRY;
        if let Some(link) = self.links.get_mut(&operation.key) {
            let attempts = link.quarantine.as_ref().map_or(0, |quarantine| quarantine.attempts) + 1;
            link.quarantine = Some(Quarantine { reason: reason.to_owned(), attempts, retry_at });
        }
    }
}
