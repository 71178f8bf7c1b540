//! Ctrl-C: once to stop at a safe point, twice to stop at once. Both lose nothing; the next run goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::error::Exit;
use crate::screen::complain;

/// Whether the person asked to stop. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    told: Arc<Notify>,
}

impl Stop {
    /// Listens for Ctrl-C and for the system's request to end, in the background.
    pub(crate) fn listen() -> Self {
        let stop = Self::default();
        let listener = stop.clone();
        tokio::spawn(async move {
            signal().await;
            complain("stopping at the next safe point; Ctrl-C again stops at once");
            listener.asked.store(true, Ordering::SeqCst);
            listener.told.notify_waiters();
            signal().await;
            std::process::exit(Exit::Failed as i32);
        });
        stop
    }

    /// Whether it was asked for.
    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Waits until it is asked for.
    pub(crate) async fn wait(&self) {
        let told = self.told.notified();
        if !self.asked() {
            told.await;
        }
    }
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
