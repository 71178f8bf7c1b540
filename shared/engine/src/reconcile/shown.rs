//! The looks right before and right after a contact is shown again, or changes hands.
//!
//! While it was hidden for its deletion another pair may have taken it over, and its write and ours may have met. What that one wrote
//! must not be taken for an edit of this contact's administrator, and flow to the source.

use gal::operation::{Action, Contact, Operation};
use gal::reading::Reading;
use gal::recipient::Presence;
use gal::stamp::{Mark, Stamp};
use gal::{Field, Link, Phase, Provenance, Role};

use super::apply::{Failed, Shared};
use super::run::Run;
use crate::ports::RecipientQuery;
use crate::records::Due;

impl Run<'_> {
    /// Whether a contact that is shown again, or changes hands, still stands for whom the plan saw: two pairs may want one that was
    /// hidden for its deletion, and the other was faster.
    pub(crate) async fn is_as_planned(&self, operation: &Operation, contact: &Contact) -> Result<bool, Failed> {
        let Some(row) = self.row(operation, RecipientQuery::Guid(contact.guid)).await? else { return Ok(false) };
        let origin = |stamp: &Stamp| (stamp.origin_tenant.clone(), stamp.anchor);
        let mark = self.mark(operation.side, &row);
        let same = mark.stamp().map(origin) == contact.stamp.as_ref().map(origin);
        let taken_over = operation.action == Action::Claim;
        let waits = row.half.hidden && mark.stamp().is_some_and(|stamp| stamp.staged.is_some());
        Ok(same && !matches!(mark, Mark::Foreign(_)) && (waits || !taken_over))
    }

    /// Reads a twin that was just shown. Where it does not say what was written, the next round writes all of it once more.
    pub(crate) async fn look_after_showing(&self, shared: &Shared<'_>, operation: &Operation) -> Result<(), Failed> {
        let Some(link) = shared.link(operation.key).await else { return Ok(()) };
        if operation.action != Action::Restore || link.role != Role::Peer || link.provenance != Provenance::Made {
            return Ok(());
        }
        let Some(contact) = &operation.contact else { return Ok(()) };
        let Some(row) = self.row(operation, RecipientQuery::Guid(contact.guid)).await? else { return Ok(()) };
        let attribute = self.pair.tenants.get(operation.side).stamp_attribute;
        let reading = Reading { graph: None, exchange: Some(row.half) };
        let stands = reading.recipient(contact.anchor, attribute, Presence::Present);
        let published = gal::Sides::from_fn(|side| self.pair.policy.publishing.get(side).mapping.fields());
        // A field that waits for a person is his.
        let shared_field = |field: &Field| {
            *field != Field::Manager && !link.conflicts.contains(field) && published.a.contains(*field) && published.b.contains(*field)
        };
        // (A blank tells nothing: this look does not see every field.)
        let strange = Field::all().filter(shared_field).any(|field| {
            let value = if field == Field::ExternalEmailAddress { stands.primary.as_deref() } else { stands.values.get(field) };
            value.is_some_and(|value| !value.is_empty()) && !link.base_target.holds(field, value)
        });
        if !strange {
            return Ok(());
        }
        let phase = Phase::Staged { since: self.engine.now(), side: operation.side };
        self.store_link(shared, &Link { phase, claimed: true, ..link }).await?;
        self.again(operation.key, self.engine.now(), Due::Touched);
        Ok(())
    }
}
