//! `T#tenant` / `KEYS`: which keys galbridge added to the tenant's application, so that it can remove them again.

use engine::ports::StoreError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StateStore;
use crate::item;
use crate::keys;

/// A key that `addKey` made. An application may not list its own keys, so the id must be remembered (MICROSOFT.md 12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationKey {
    /// The id that `removeKey` wants.
    pub key_id: Uuid,
    /// The certificate's SHA-1 thumbprint, as portals show it.
    pub thumbprint: String,
    /// The end of its life.
    pub not_after: Timestamp,
}

impl StateStore {
    /// The keys that were added to a tenant's application and not removed yet, the oldest first.
    ///
    /// # Errors
    /// `Unavailable`, `NewerSchema`, `Corrupt`.
    pub async fn application_keys(&self, tenant: &str) -> Result<Vec<ApplicationKey>, StoreError> {
        let key = keys::application_keys(tenant);
        match self.table().get(&key, "reading the keys of an application").await? {
            Some(found) => item::body(&found, &key),
            None => Ok(Vec::new()),
        }
    }

    /// Stores them. Secrets Manager runs one rotation of a secret at a time, so nobody else writes.
    ///
    /// # Errors
    /// `Unavailable`, `NewerSchema`.
    pub async fn put_application_keys(&self, tenant: &str, all: &[ApplicationKey]) -> Result<(), StoreError> {
        let key = keys::application_keys(tenant);
        self.put_unless_newer(item::with_body(&key, &all)?, "saving the keys of an application").await
    }
}
