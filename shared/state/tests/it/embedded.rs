//! The contract on the embedded engine.

use std::sync::atomic::{AtomicU32, Ordering};

use state::StateStore;

use crate::contract;

#[tokio::test]
async fn in_memory() {
    contract::run(async || StateStore::memory().unwrap()).await;
}

/// The simulation runs under paused time: nothing may wait for the clock.
#[tokio::test(start_paused = true)]
async fn in_memory_under_paused_time() {
    let before = tokio::time::Instant::now();
    contract::run(async || StateStore::memory().unwrap()).await;
    assert_eq!(before, tokio::time::Instant::now(), "the store waited");
}

#[tokio::test]
async fn in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicU32::new(0);
    contract::run(async || {
        let name = format!("{}.state", count.fetch_add(1, Ordering::Relaxed));
        StateStore::file(&folder.path().join(name)).unwrap()
    })
    .await;
}
