//! Time, as a capability: the core gets it as a parameter, the engine from here.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// A clock. Real in production; stepped in tests.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}
