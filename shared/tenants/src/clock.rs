//! The machine's clock.

use std::time::Duration;

use async_trait::async_trait;
use engine::ports::Clock;
use jiff::Timestamp;

/// The machine's clock: for programs, never for tests.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
