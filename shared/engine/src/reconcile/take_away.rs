//! What takes a contact away: staging, purging, releasing, handing over, making way. Each reads the
//! object's identity and stamp again right before (law 2).

use gal::field::Field;
use gal::link::{Provenance, Role};
use gal::operation::{Action, Operation};
use gal::stamp::Mark;
use gal::{Kind, Link, Phase};
use jiff::{SignedDuration, Timestamp};

use crate::ports::{ExchangeRow, RecipientQuery};
use crate::records::Due;

use super::apply::{Failed, Shared};
use super::run::{Ended, Run};

/// What the last look before taking something away says.
enum Look {
    /// It is what it should be.
    Right,
    /// It is not there any more.
    Gone,
    /// It is something else, or was changed: hands off.
    Wrong(String),
    /// It was hidden later than the state knows (an older state was restored): its grace is not over.
    HiddenLater(Timestamp),
}

/// Clocks that differ by more are wrong: by such a one nothing is removed.
const WORST_SKEW: SignedDuration = SignedDuration::from_mins(10);

impl Run<'_> {
    pub(crate) async fn take_away(&self, shared: &Shared<'_>, operation: &Operation) -> Result<Ended, Failed> {
        let Some(contact) = operation.contact.clone() else {
            return Ok(self.quarantine(shared, operation, "the contact has no Exchange Guid".to_owned()).await?);
        };
        // A link that only the stamp tells of, or one that ends before its contact is removed.
        if let Some(start) = &operation.start {
            if shared.link(operation.key).await.is_some_and(|stored| stored.is_live() != start.is_live()) {
                self.reports_concerned(shared, start).await?;
            }
            self.store_link(shared, start).await?;
        }
        let link = shared.link(operation.key).await;
        let row = self.row(operation, RecipientQuery::Guid(contact.guid)).await?;
        let guest = operation.action == Action::Release && self.is_guest(shared, operation.side, contact.anchor).await;
        match self.look(operation, link.as_ref(), row.as_ref(), guest) {
            Look::Right => {}
            // Purged already: by an answer that was lost, or by the administrator.
            Look::Gone if operation.action == Action::Purge || operation.action == Action::Remove => {}
            Look::Gone => return Ok(Ended::Deferred("the contact is not there any more; the next reading tells".to_owned())),
            Look::Wrong(reason) => return Ok(self.quarantine(shared, operation, reason).await?),
            Look::HiddenLater(since) => return Ok(self.wait_longer(shared, operation, since).await?),
        }
        let writer = self.writer(operation.side)?;
        let skew = writer.clock_skew();
        // The grace period is counted from the day on which a contact was hidden, too.
        if matches!(operation.action, Action::Stage | Action::Purge) && skew.abs() > WORST_SKEW {
            let minutes = skew.as_mins().abs();
            let why = format!(
                "this machine's clock differs from Microsoft's by {minutes} minutes: nothing is hidden or removed until it is right"
            );
            self.note(why.clone());
            return Ok(Ended::Deferred(why));
        }
        match operation.action {
            Action::Purge | Action::Remove => {
                writer.remove(contact.guid).await?;
                self.removed(operation.side, contact.anchor).await?;
            }
            Action::Stage | Action::Release | Action::HandOver => {
                let change = self.contact_change(shared, operation.side, &operation.changes, &operation.extras).await;
                match (change.is_empty(), guest) {
                    (true, _) => {}
                    (false, true) => writer.change_guest(contact.guid, &change).await?,
                    (false, false) => writer.change(contact.guid, &change).await?,
                }
                self.wrote(operation.side, contact.anchor, &operation.changes, &operation.extras, None).await?;
            }
            Action::Create
            | Action::Resume
            | Action::Abandon
            | Action::Update
            | Action::Restore
            | Action::Relink
            | Action::Claim
            | Action::TakeOver
            | Action::Adopt
            | Action::AdoptGuest => {}
        }
        self.remember(shared, operation, false).await?;
        if operation.action != Action::Stage {
            // What it held is free now, and what it stood for may be published anew.
            match &link {
                Some(link) => self.look_again(shared, link).await?,
                None => self.again(operation.key, self.engine.now(), Due::Touched),
            }
            self.later(crate::records::AgendaRow {
                due: self.engine.now(),
                side: operation.side,
                anchor: contact.anchor,
                why: Due::Touched,
                version: 0,
            });
        }
        Ok(Ended::Done)
    }

    /// The contact's own stamp tells a later date than the state: it is believed.
    async fn wait_longer(&self, shared: &Shared<'_>, operation: &Operation, since: Timestamp) -> Result<Ended, crate::error::EngineError> {
        if let Some(link) = shared.link(operation.key).await {
            self.store_link(shared, &Link { phase: Phase::Staged { since, side: operation.side }, ..link }).await?;
        }
        let due = gal::decide::purge_at(since, self.pair.policy.deletion_grace_days);
        self.again(operation.key, due, Due::Purge);
        Ok(Ended::Deferred(format!("it was hidden on {since}, later than this state knew; it is removed after its grace")))
    }

    /// The last look: identity, kind and stamp, straight from Exchange. `guest`: an adopted guest is given back.
    fn look(&self, operation: &Operation, link: Option<&Link>, row: Option<&ExchangeRow>, guest: bool) -> Look {
        let Some(row) = row else { return Look::Gone };
        let contact_anchor = operation.contact.as_ref().map(|contact| contact.anchor);
        if row.anchor.is_some() && row.anchor != contact_anchor {
            return Look::Wrong("another object has its Guid now; nothing was touched".to_owned());
        }
        let kind = if guest { Kind::Guest } else { Kind::Contact };
        if Kind::from_type_details(&row.half.type_details) != kind {
            return Look::Wrong(format!("it is a {} now, no mail contact; nothing was touched", row.half.type_details));
        }
        let Some(link) = link else { return Look::Wrong("its link is not known; nothing was touched".to_owned()) };
        match self.mark(operation.side, row) {
            Mark::Foreign(_) => Look::Wrong("its stamp attribute holds something else; nothing was touched".to_owned()),
            Mark::Stamp(stamp) if stamp.installation != self.engine.installation || stamp.anchor != link.key.anchor => {
                Look::Wrong("it bears another stamp now; nothing was touched".to_owned())
            }
            Mark::None if !Self::needs_no_stamp(operation, link, row) => Look::Wrong("it lost its stamp; nothing was touched".to_owned()),
            Mark::Stamp(_) | Mark::None if operation.action == Action::Purge && !row.half.hidden => {
                Look::Wrong("it is shown again; it is not purged".to_owned())
            }
            Mark::Stamp(stamp) if operation.action == Action::Purge => match stamp.staged {
                Some(since) if gal::decide::purge_at(since, self.pair.policy.deletion_grace_days) > self.engine.now() => {
                    Look::HiddenLater(since)
                }
                Some(_) | None => Look::Right,
            },
            Mark::Stamp(_) | Mark::None => Look::Right,
        }
    }

    /// Unstamped and ours all the same: a half of two found peers, a peer's other half, or a creation that was cut off.
    fn needs_no_stamp(operation: &Operation, link: &Link, row: &ExchangeRow) -> bool {
        let other_half = operation.side != link.target_side();
        let found_peers = link.role == Role::Peer && link.provenance == Provenance::Found;
        let name = row.half.name.to_lowercase();
        let named = name == link.name.to_lowercase() && name.starts_with(gal::stamp::NAME_PREFIX) && link.provenance == Provenance::Made;
        let released = matches!(operation.action, Action::Release | Action::HandOver);
        let address = row.half.values.get(Field::DisplayName).is_some() || row.half.external_email_address.is_some();
        address && (found_peers || (other_half && link.role == Role::Peer) || named || released)
    }
}
