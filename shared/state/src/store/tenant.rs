//! `T#tenant` / `STATE`: what all pairs of a tenant share.

use engine::ports::StoreError;
use engine::records::TenantState;

use super::StateStore;
use crate::item;
use crate::keys;

impl StateStore {
    pub(super) async fn read_tenant(&self, tenant: &str) -> Result<TenantState, StoreError> {
        let key = keys::tenant(tenant);
        match self.table.get(&key, "reading the state of a tenant").await? {
            Some(found) => item::body(&found, &key),
            None => Ok(TenantState::default()),
        }
    }

    pub(super) async fn write_tenant(&self, tenant: &str, state: &TenantState) -> Result<(), StoreError> {
        let key = keys::tenant(tenant);
        self.put_unless_newer(item::with_body(&key, state)?, "saving the state of a tenant").await
    }
}
