//! Making a contact: three cmdlets, none idempotent, so a step machine whose steps are stored
//! (MICROSOFT.md 5). After a crash, a time-out or a 5xx the contact is looked up by its Name and
//! recovered, not made twice.

use gal::field::Cmdlet;
use gal::link::Step;
use gal::operation::{Action, Extras, FieldChange, Operation};
use gal::stamp::Mark;
use gal::{Anchor, Field, Link, Phase, Side};
use jiff::SignedDuration;
use std::sync::atomic::Ordering;
use uuid::Uuid;

use crate::error::EngineError;
use crate::ports::{CreatedContact, ExchangeRow, NewContact, ReadError, RecipientQuery, TenantError, WriteError};

use super::apply::{Failed, Shared};
use super::contact::{new_half, taken};
use super::run::{Ended, Run};

/// Fields that `New-MailContact` itself takes.
const TAKEN_BY_NEW: [Field; 5] = [Field::DisplayName, Field::FirstName, Field::LastName, Field::Initials, Field::ExternalEmailAddress];

/// So long after a creation was begun its contact may still appear: a cmdlet has 15 minutes, and its answer may be lost long before
/// (MICROSOFT.md 4.1); and a controller that lags shows it later.
const MADE_LATE: SignedDuration = SignedDuration::from_mins(30);

impl Run<'_> {
    /// Makes a contact, or goes on where it was left.
    pub(crate) async fn create(&self, shared: &Shared<'_>, operation: &Operation) -> Result<Ended, Failed> {
        let mut link = match (&operation.start, operation.action) {
            (Some(start), _) => (**start).clone(),
            (None, _) => match shared.link(operation.key).await {
                Some(link) => link,
                None => return Ok(Ended::Done),
            },
        };
        let mut step = match link.phase {
            Phase::Creating { step } => step,
            Phase::Joining | Phase::Live | Phase::Staged { .. } | Phase::Kept | Phase::Suppressed { .. } => return Ok(Ended::Done),
        };
        if step == Step::Intended {
            if shared.paused.get(operation.side).load(Ordering::Relaxed) {
                return Ok(Ended::Waits);
            }
            // The intention is stored before the first call.
            link.written_at = Some(self.engine.now());
            self.store_link(shared, &link).await?;
            let created = self.make_or_find(operation, &link).await?;
            link.target_guid = Some(created.guid);
            link.target = created.anchor;
            step = Step::Created;
            link.phase = Phase::Creating { step };
            self.store_link(shared, &link).await?;
        }
        let Some(guid) = link.target_guid else {
            return Ok(self.quarantine(shared, operation, "the contact has no Exchange Guid".to_owned()).await?);
        };
        let resumed = operation.action == Action::Resume;
        let writer = self.writer(operation.side)?;
        let mut x500_refused = link.x500_refused;
        let shows = resumed && self.is_hidden_by_us(operation, guid).await?;
        if step == Step::Created || shows {
            let (first, _) = split(&operation.changes, resumed);
            let mut change = self.contact_change(shared, operation.side, &first, &operation.extras).await;
            change.hidden = shows.then_some(false);
            match writer.change(guid, &change).await {
                Ok(()) => {}
                Err(WriteError::X500Refused { .. }) if !change.x500_add.is_empty() => {
                    change.x500_add.clear();
                    x500_refused = true;
                    self.note(format!("{}: the tenant refused the X500 addresses; they are given up for it", operation.key));
                    writer.change(guid, &change).await?;
                }
                Err(error) => return Err(error.into()),
            }
            link.phase = Phase::Creating { step: Step::Stamped };
            link.x500_refused = x500_refused;
            self.store_link(shared, &link).await?;
        }
        let operation = &*self.with_manager(shared, operation).await;
        let (_, second) = split(&operation.changes, resumed);
        if !second.is_empty() {
            writer.change(guid, &self.contact_change(shared, operation.side, &second, &Extras::default()).await).await?;
        }
        self.filled(shared, operation, link, x500_refused).await
    }

    /// The contact is complete: its replica and its link say so.
    async fn filled(&self, shared: &Shared<'_>, operation: &Operation, mut link: Link, x500_refused: bool) -> Result<Ended, Failed> {
        let Some(guid) = link.target_guid else { return Ok(Ended::Done) };
        let anchor = match link.target {
            Some(anchor) => anchor,
            // The dual write to Entra had not ended when it was made: its id is known by now, or next time.
            None => match self.row(operation, RecipientQuery::Guid(guid)).await?.and_then(|row| row.anchor) {
                Some(anchor) => anchor,
                None => return Ok(self.unknown(shared, operation, NO_ID.to_owned()).await?),
            },
        };
        if link.target != Some(anchor) {
            link.target = Some(anchor);
            self.store_link(shared, &link).await?;
        }
        let half = new_half(guid, &link.name, &operation.address, self.engine);
        let extras = taken(&operation.extras, x500_refused);
        self.wrote(operation.side, anchor, &operation.changes, &extras, Some((&half, link.key))).await?;
        self.remember(shared, operation, x500_refused).await?;
        Ok(Ended::Done)
    }

    /// `New-MailContact` once; when its outcome is not known, or the link says it may have happened before, the Name is looked up.
    async fn make_or_find(&self, operation: &Operation, link: &Link) -> Result<CreatedContact, Failed> {
        let value = |field: Field| operation.changes.iter().find(|change| change.field == field).and_then(|change| change.after.clone());
        if operation.action == Action::Resume
            && let Some(found) = self.find_by_name(operation, link).await?
        {
            return Ok(found);
        }
        let contact = NewContact {
            name: link.name.clone(),
            alias: link.name.clone(),
            address: value(Field::ExternalEmailAddress).unwrap_or_else(|| operation.address.clone()),
            display_name: value(Field::DisplayName).unwrap_or_else(|| operation.address.clone()),
            first_name: value(Field::FirstName),
            last_name: value(Field::LastName),
            initials: value(Field::Initials),
        };
        match self.writer(operation.side)?.create(&contact).await {
            Ok(created) => Ok(created),
            // Our own earlier attempt, or an answer that was lost: it stays made, and is found.
            Err(error @ (WriteError::NameInUse | WriteError::Unknown { .. } | WriteError::AddressInUse { .. })) => {
                match self.find_by_name(operation, link).await? {
                    Some(found) => Ok(found),
                    None => Err(Failed::Write(error)),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The contact that bears the link's Name, unless it stands for somebody else by now (it was taken over with its Name).
    async fn find_by_name(&self, operation: &Operation, link: &Link) -> Result<Option<CreatedContact>, Failed> {
        let row = self.row(operation, RecipientQuery::Name(link.name.clone())).await?;
        let contact = row.filter(|row| row.half.type_details == "MailContact" && self.is_own(operation.side, link, row));
        Ok(contact.map(|row| CreatedContact { guid: row.half.guid, anchor: row.anchor }))
    }

    /// The contact that `New-MailContact` answered with, if it still is ours.
    async fn find_by_guid(&self, operation: &Operation, link: &Link) -> Result<Option<CreatedContact>, Failed> {
        let Some(guid) = link.target_guid else { return Ok(None) };
        let row = self.row(operation, RecipientQuery::Guid(guid)).await?;
        let contact = row.filter(|row| row.half.type_details == "MailContact" && self.is_own(operation.side, link, row));
        Ok(contact.map(|row| CreatedContact { guid, anchor: row.anchor }))
    }

    /// Whether nobody was to see a contact, because it was wanted no more, and could not be taken away yet (`abandon`).
    async fn is_hidden_by_us(&self, operation: &Operation, guid: Uuid) -> Result<bool, Failed> {
        let row = self.row(operation, RecipientQuery::Guid(guid)).await?;
        Ok(row.is_some_and(|row| row.half.hidden && self.mark(operation.side, &row).stamp().is_some_and(|stamp| stamp.staged.is_some())))
    }

    /// Whether a contact stands for nobody else by now.
    fn is_own(&self, side: Side, link: &Link, row: &ExchangeRow) -> bool {
        match self.mark(side, row) {
            Mark::None => true,
            Mark::Stamp(stamp) => stamp.installation == self.engine.installation && stamp.anchor == link.key.anchor,
            Mark::Foreign(_) => false,
        }
    }

    /// What stands in the stamp attribute of a row.
    pub(crate) fn mark(&self, side: Side, row: &ExchangeRow) -> Mark {
        row.half.values.get(self.pair.tenants.get(side).stamp_attribute).map_or(Mark::None, Mark::parse)
    }

    /// The first row of a query on the side that an operation writes. A look that fails is a failure of this operation, not
    /// of the run (law 8).
    pub(crate) async fn row(&self, operation: &Operation, query: RecipientQuery) -> Result<Option<ExchangeRow>, Failed> {
        let reader = &self.engine.connection(self.pair.tenants.get(operation.side))?.reader;
        let page = reader.recipients(&query, None).await.map_err(|error| match error {
            ReadError::Tenant(error) => WriteError::Tenant(error),
            ReadError::CursorExpired | ReadError::PageExpired | ReadError::GroupGone(_) => {
                WriteError::Tenant(TenantError::Transient { message: error.to_string(), retry_after: None })
            }
        })?;
        Ok(page.rows.into_iter().next())
    }

    /// Ends a creation that nobody wants any more: if the contact exists after all, its link says so
    /// and the next plan stages it; else there is nothing to remember.
    pub(crate) async fn abandon(&self, shared: &Shared<'_>, operation: &Operation) -> Result<Ended, Failed> {
        let Some(mut link) = shared.link(operation.key).await else { return Ok(Ended::Done) };
        let found = match self.find_by_name(operation, &link).await? {
            Some(found) => Some(found),
            // Its administrator may have renamed it.
            None => self.find_by_guid(operation, &link).await?,
        };
        match found {
            Some(CreatedContact { guid, anchor: Some(anchor) }) => {
                link.target_guid = Some(guid);
                link.target = Some(anchor);
                link.phase = Phase::Creating { step: Step::Created };
                self.store_link(shared, &link).await?;
                self.abandoned_replica(operation, anchor, &link).await?;
                self.again(operation.key, self.engine.now(), crate::records::Due::Touched);
            }
            // Nobody sees it until it can be taken away like any other.
            Some(CreatedContact { guid, anchor: None }) => {
                let hidden = self.contact_change(shared, operation.side, &[], &operation.extras).await;
                self.writer(operation.side)?.change(guid, &hidden).await?;
                return Ok(self.unknown(shared, operation, NO_ID.to_owned()).await?);
            }
            // It was made: a controller that lags does not know it yet. Who has looked for it often enough finds that it was removed.
            None if matches!(link.phase, Phase::Creating { step: Step::Created | Step::Stamped }) && !is_given_up(&link) => {
                let why = format!("the contact that was made for it is found neither under its Name {} nor by its Guid", link.name);
                return Ok(self.quarantine(shared, operation, why).await?);
            }
            // Exchange may make it yet, long after its answer was lost: it is looked for once more before it is forgotten.
            None => match link.written_at.map(|begun| begun + MADE_LATE).filter(|settled| self.engine.now() < *settled) {
                Some(settled) => self.again(operation.key, settled, crate::records::Due::Touched),
                None => self.forget_link(shared, operation.key).await?,
            },
        }
        Ok(Ended::Done)
    }

    async fn abandoned_replica(&self, operation: &Operation, anchor: Anchor, link: &Link) -> Result<(), EngineError> {
        let Some(guid) = link.target_guid else { return Ok(()) };
        let half = new_half(guid, &link.name, &link.address, self.engine);
        self.wrote(operation.side, anchor, &[], &Extras::default(), Some((&half, link.key))).await
    }
}

/// Why a contact cannot be linked yet.
const NO_ID: &str = "the new contact has no Entra id yet";

/// Whether a contact that was made was looked for, in vain, for some hours.
fn is_given_up(link: &Link) -> bool {
    link.quarantine.as_ref().is_some_and(|quarantine| quarantine.attempts >= 3)
}

/// The fields of the second and of the third cmdlet. After an interruption nobody knows what the first one took.
fn split(changes: &[FieldChange], resumed: bool) -> (Vec<FieldChange>, Vec<FieldChange>) {
    let left = changes.iter().filter(|change| resumed || !TAKEN_BY_NEW.contains(&change.field)).cloned();
    left.partition(|change| change.field.row().cmdlet == Cmdlet::SetMailContact)
}
