//! Writing: one creation, changes and removals (MICROSOFT.md 4.3 and 5).

use std::time::Duration;

use engine::ports::{ContactChange, CreatedContact, NewContact, WriteError};
use uuid::Uuid;

use super::class::Class;
use super::command::Command;
use super::envelope::{Invocation, Reply};
use super::error::ExchangeError;
use super::parameters::{self, Target};
use super::{Exchange, ExchangeFailure};
use crate::resource::CallError;

/// Waits, in seconds, while a contact created here a moment ago is not found: 30 s in eight tries.
const NOT_YET: &[u64] = &[1, 1, 2, 3, 5, 8, 10];

/// One look more, for any other contact: domain controllers differ by a moment.
const LOOK_AGAIN: &[u64] = &[2];

impl Exchange {
    /// `New-MailContact`, carried out at most once.
    pub(crate) async fn create(&self, contact: &NewContact) -> Result<CreatedContact, WriteError> {
        self.recent.attempted(&contact.name, self.service.wire.clock.now());
        let invocation = parameters::creation(contact);
        let reply = self.invoke(&invocation, None).await.map_err(|failure| self.write_error(&failure, invocation.command))?;
        let row = reply.rows.first();
        let Some(guid) = row.and_then(|row| row.guid("Guid")) else {
            return Err(WriteError::Unknown { message: format!("{} answered without a Guid", invocation.command.as_str()) });
        };
        self.recent.created(&contact.name, guid, self.service.wire.clock.now());
        Ok(CreatedContact { guid, anchor: row.and_then(super::row::Row::anchor) })
    }

    /// `Set-MailContact` and/or `Set-Contact`.
    pub(crate) async fn change(&self, contact: Uuid, change: &ContactChange) -> Result<(), WriteError> {
        self.set(contact, change, Target::Contact).await
    }

    /// `Set-MailUser` and/or `Set-User`.
    pub(crate) async fn change_guest(&self, guest: Uuid, change: &ContactChange) -> Result<(), WriteError> {
        self.set(guest, change, Target::Guest).await
    }

    /// `Remove-MailContact`. What is not there is removed, but a contact created a moment ago may only not be there yet.
    pub(crate) async fn remove(&self, contact: Uuid) -> Result<(), WriteError> {
        match self.until_found(&parameters::removal(contact), contact).await {
            Ok(_) | Err(ExchangeFailure::Service(_, Class::NotFound)) => Ok(()),
            Err(failure) => Err(self.write_error(&failure, Command::RemoveMailContact)),
        }
    }

    async fn set(&self, id: Uuid, change: &ContactChange, target: Target) -> Result<(), WriteError> {
        let invocations = parameters::change(id, change, target).map_err(|message| WriteError::Refused { message })?;
        for invocation in invocations {
            self.until_found(&invocation, id).await.map_err(|failure| self.write_error(&failure, invocation.command))?;
        }
        Ok(())
    }

    /// Sends a cmdlet until its object is found, if there is reason to believe that it exists.
    async fn until_found(&self, invocation: &Invocation, id: Uuid) -> Result<Reply, ExchangeFailure> {
        let now = self.service.wire.clock.now();
        let manager = invocation.parameters.get("Manager").and_then(serde_json::Value::as_str);
        let young = self.recent.has(id, now) || manager.is_some_and(|name| self.recent.has_name(name, now));
        for seconds in if young { NOT_YET } else { LOOK_AGAIN } {
            match self.invoke(invocation, None).await {
                Err(ExchangeFailure::Service(_, Class::NotFound | Class::ManagerNotFound)) => {
                    self.service.wire.clock.sleep(Duration::from_secs(*seconds)).await;
                }
                outcome => return outcome,
            }
        }
        self.invoke(invocation, None).await
    }

    /// The table of MICROSOFT.md 4.3, for one write.
    fn write_error(&self, failure: &ExchangeFailure, command: Command) -> WriteError {
        if let ExchangeFailure::Service(error, class) = failure
            && let Some(own) = own_error(error, *class)
        {
            return own;
        }
        if outcome_unknown(failure) {
            return WriteError::Unknown { message: format!("{}: {}", command.as_str(), shown(failure)) };
        }
        match self.tenant_error(failure, command) {
            Some(error) => error.into(),
            None => WriteError::Refused { message: format!("{}: {}", command.as_str(), shown(failure)) },
        }
    }
}

/// What concerns this one object; none if it concerns the tenant.
fn own_error(error: &ExchangeError, class: Class) -> Option<WriteError> {
    match class {
        Class::NotFound => Some(WriteError::NotFound),
        Class::ManagerNotFound => {
            Some(WriteError::Refused { message: format!("the manager does not exist here (yet): {}", error.shown()) })
        }
        Class::AddressInUse | Class::Refused if error.is_about_x500() => Some(WriteError::X500Refused { message: error.shown() }),
        Class::AddressInUse => Some(WriteError::AddressInUse { message: error.shown() }),
        Class::NameInUse => Some(WriteError::NameInUse),
        Class::DirectorySynced => Some(WriteError::DirectorySynced),
        Class::CreationQuota => Some(WriteError::CreationQuota),
        Class::Ambiguous | Class::Refused => Some(WriteError::Refused { message: error.shown() }),
        Class::DualWrite
        | Class::RoleMissing
        | Class::ParameterUnknown
        | Class::Dehydrated
        | Class::Throttled
        | Class::Transient
        | Class::Unauthorized
        | Class::Strange => None,
    }
}

/// Whether the write may have happened.
fn outcome_unknown(failure: &ExchangeFailure) -> bool {
    match failure {
        ExchangeFailure::Call(CallError::Tenant(_)) => false,
        ExchangeFailure::Call(CallError::Wire(error)) => error.outcome_unknown(),
        ExchangeFailure::Malformed(_) => true,
        ExchangeFailure::Service(_, class) => match class {
            Class::Transient | Class::DualWrite => true,
            Class::NotFound
            | Class::ManagerNotFound
            | Class::AddressInUse
            | Class::NameInUse
            | Class::Ambiguous
            | Class::DirectorySynced
            | Class::Refused
            | Class::CreationQuota
            | Class::RoleMissing
            | Class::ParameterUnknown
            | Class::Dehydrated
            | Class::Throttled
            | Class::Unauthorized
            | Class::Strange => false,
        },
    }
}

fn shown(failure: &ExchangeFailure) -> String {
    match failure {
        ExchangeFailure::Call(CallError::Tenant(error)) => error.to_string(),
        ExchangeFailure::Call(CallError::Wire(error)) => error.to_string(),
        ExchangeFailure::Malformed(what) => what.clone(),
        ExchangeFailure::Service(error, _) => error.shown(),
    }
}
