//! The state in this process: in memory, or in a file.

use std::path::Path;
use std::sync::Arc;

use engine::ports::StoreError;

use super::StateStore;
use crate::embedded::{self, Gate};

impl StateStore {
    /// State in memory, gone with the last clone. For tests and the simulation.
    pub fn memory() -> Result<Self, StoreError> {
        Self::memory_behind(None)
    }

    pub(crate) fn memory_behind(gate: Option<Arc<dyn Gate>>) -> Result<Self, StoreError> {
        Ok(Self { table: embedded::memory(gate)?, embedded: true })
    }

    /// State in a file, made for its owner's eyes only (mode 0600) if there is none. One process at a time:
    /// the lock on `<path>.lock` ends with the last clone, or with the process.
    ///
    /// Every write is durable when it is answered (`SQLite`, write-ahead log, one sync a commit).
    ///
    /// # Errors
    /// `Unavailable` if another process uses the file (named), or it cannot be opened or written; `Malformed` if it
    /// is damaged or no state file.
    pub fn file(path: &Path) -> Result<Self, StoreError> {
        Self::file_behind(path, None)
    }

    pub(crate) fn file_behind(path: &Path, gate: Option<Arc<dyn Gate>>) -> Result<Self, StoreError> {
        Ok(Self { table: embedded::file(path, gate)?, embedded: true })
    }
}
