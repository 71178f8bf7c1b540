//! What an administrator does to a tenant: the operations of `POST /_sim/tenants/{name}/apply`. All of them, or none.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::address::DomainType;
use super::entry::Kind;
use super::session::Session;
use crate::faults::Faults;
use crate::tenant::{ExchangeRole, Tenant};

/// One operation. `set` uses Exchange's property names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Operation {
    /// Makes an object.
    Create {
        /// What it is.
        kind: Kind,
        /// Its properties.
        #[serde(default)]
        set: Map<String, Value>,
        /// Of a group: its members.
        #[serde(default)]
        members: Vec<Uuid>,
    },
    /// Changes an object.
    Update {
        /// Which one.
        anchor: Uuid,
        /// The properties to change; null clears.
        #[serde(default)]
        set: Map<String, Value>,
        /// Makes it another kind: a user a shared mailbox, say.
        #[serde(default)]
        kind: Option<Kind>,
    },
    /// Deletes an object: users and Microsoft 365 groups can be restored, the rest is gone.
    Delete {
        /// Which one.
        anchor: Uuid,
        /// Past the recycle bin.
        #[serde(default)]
        permanent: bool,
    },
    /// Brings a deleted user or group back.
    Restore {
        /// Which one.
        anchor: Uuid,
    },
    /// Adds a member to a group.
    AddMember {
        /// The group.
        anchor: Uuid,
        /// The member.
        member: Uuid,
    },
    /// Takes a member out of a group.
    RemoveMember {
        /// The group.
        anchor: Uuid,
        /// The member.
        member: Uuid,
    },
    /// Adds or changes an accepted domain, or removes it.
    AcceptedDomain {
        /// The domain, spelt as addresses are to be.
        domain: String,
        /// Its type.
        #[serde(default, rename = "DomainType")]
        domain_type: Option<DomainType>,
        /// Removes it.
        #[serde(default)]
        remove: bool,
    },
    /// Consents to an application role.
    Grant {
        /// `User.Read.All`, `Exchange.ManageAsApp`, …
        role: String,
    },
    /// Withdraws the consent; tokens that are out keep it.
    Revoke {
        /// The role.
        role: String,
    },
    /// Assigns an Exchange role.
    ExchangeRole {
        /// `none`, `read`, `write` or `{"cmdlets": [...]}`.
        role: ExchangeRole,
    },
    /// Changes the application's certificates.
    Certificates {
        /// Forgets all that are registered.
        #[serde(default)]
        clear: bool,
        /// PEM certificates to register.
        #[serde(default)]
        add: Vec<String>,
    },
    /// Makes every delta token void: the next use of one is answered 410.
    Resync {},
    /// The dual write to Entra stands still: new contacts have no Entra id, and Graph does not know them, until it goes on.
    DualWrite {
        /// Whether it stands still.
        waits: bool,
    },
}

/// Applies operations to a tenant; the answer has an anchor for each operation about an object.
pub(crate) fn apply(
    tenant: &Tenant,
    faults: &Mutex<Faults>,
    now: Timestamp,
    certificate_delay: std::time::Duration,
    operations: &[Operation],
) -> Result<Vec<Option<Uuid>>, String> {
    // Always the state first, then the faults: every other place does so too.
    let state = &mut *tenant.lock();
    let faults = &*faults.lock().unwrap_or_else(PoisonError::into_inner);
    let (domains, roles, exchange_role, generation) =
        (state.accepted_domains.clone(), state.roles.clone(), state.exchange_role.clone(), state.generation);
    let kept = state.certificates.len();
    state.directory.begin();
    let mut anchors = Vec::new();
    let mut cleared = Vec::new();
    for (at, operation) in operations.iter().enumerate() {
        if let Operation::Certificates { clear: true, .. } = operation {
            cleared.append(&mut state.certificates);
        }
        let mut session = Session { tenant, state, faults, now, certificate_delay };
        match session.run(operation) {
            Ok(anchor) => anchors.push(anchor),
            Err(reason) => {
                state.directory.roll_back();
                state.accepted_domains = domains;
                state.roles = roles;
                state.exchange_role = exchange_role;
                state.generation = generation;
                if !cleared.is_empty() {
                    state.certificates = cleared;
                }
                state.certificates.truncate(kept);
                let shown = serde_json::to_string(operation).unwrap_or_default();
                return Err(format!("operation {at} ({shown}): {reason}"));
            }
        }
    }
    state.directory.commit();
    Ok(anchors)
}
