//! A process that dies: after so many written objects the next write never begins, and everything
//! that was under way is dropped. What the service had taken stays done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use engine::Engine;
use engine::ports::{ContactChange, ContactWriter, CreatedContact, NewContact, WriteError};
use tokio::sync::Notify;
use uuid::Uuid;

/// When the process dies.
#[derive(Debug)]
pub(super) struct Switch {
    limit: usize,
    state: Mutex<State>,
    died: Notify,
}

/// Objects that were written, by Name or Guid.
#[derive(Debug, Default)]
struct State {
    written: BTreeSet<String>,
    names: BTreeMap<Uuid, String>,
}

impl Switch {
    /// Waits for the death.
    pub(super) async fn died(&self) {
        self.died.notified().await;
    }

    /// A write of an object begins, or never does.
    async fn begin(&self, object: String) {
        let dies = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let dies = !state.written.contains(&object) && state.written.len() >= self.limit;
            if !dies {
                state.written.insert(object);
            }
            dies
        };
        if dies {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// What an object was made under, if it was made in this process.
    fn name_of(&self, guid: Uuid) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.names.get(&guid).cloned().unwrap_or_else(|| guid.to_string())
    }
}

/// Puts a switch before every writer of an engine.
pub(super) fn install(engine: &mut Engine, limit: u64) -> Arc<Switch> {
    let switch = Arc::new(Switch { limit: usize::try_from(limit).unwrap_or(usize::MAX), state: Mutex::default(), died: Notify::new() });
    for connection in engine.connections.values_mut() {
        connection.writer = Arc::new(Mortal { inner: connection.writer.clone(), switch: switch.clone() });
    }
    switch
}

/// A writer that may die.
struct Mortal {
    inner: Arc<dyn ContactWriter>,
    switch: Arc<Switch>,
}

#[async_trait]
impl ContactWriter for Mortal {
    async fn create(&self, contact: &NewContact) -> Result<CreatedContact, WriteError> {
        self.switch.begin(contact.name.clone()).await;
        let created = self.inner.create(contact).await?;
        let mut state = self.switch.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.names.insert(created.guid, contact.name.clone());
        drop(state);
        Ok(created)
    }

    async fn change(&self, contact: Uuid, change: &ContactChange) -> Result<(), WriteError> {
        self.switch.begin(self.switch.name_of(contact)).await;
        self.inner.change(contact, change).await
    }

    async fn remove(&self, contact: Uuid) -> Result<(), WriteError> {
        self.switch.begin(self.switch.name_of(contact)).await;
        self.inner.remove(contact).await
    }

    async fn change_guest(&self, guest: Uuid, change: &ContactChange) -> Result<(), WriteError> {
        self.switch.begin(guest.to_string()).await;
        self.inner.change_guest(guest, change).await
    }

    fn concurrency(&self) -> usize {
        self.inner.concurrency()
    }
}
