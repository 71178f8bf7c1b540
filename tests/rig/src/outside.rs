//! Where a process dies: before or after the n-th of its calls to Microsoft.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub use state::testing::Fault;

/// The calls to Microsoft, counted. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Outside(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    plan: Mutex<Plan>,
    dead: Notify,
}

#[derive(Debug, Default)]
struct Plan {
    calls: u64,
    at: Option<(u64, Fault)>,
}

impl Outside {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls were made so far.
    pub fn calls(&self) -> u64 {
        self.plan().calls
    }

    /// The process dies at the `nth` call from now on (1: the next), before it is sent or after it was served.
    pub fn die_at(&self, nth: u64, fault: Fault) {
        let mut plan = self.plan();
        plan.at = Some((plan.calls + nth, fault));
    }

    /// Nothing happens any more. Answers whether the process died.
    pub fn revive(&self) -> bool {
        let mut plan = self.plan();
        plan.at.take().is_some_and(|(at, _)| plan.calls >= at)
    }

    /// Comes when the process dies: whoever races an engine against it drops the engine.
    pub async fn death(&self) {
        self.0.dead.notified().await;
    }

    /// A call is about to be sent; answers its number.
    pub(crate) async fn before(&self) -> u64 {
        let (call, dies) = {
            let mut plan = self.plan();
            plan.calls += 1;
            (plan.calls, plan.at == Some((plan.calls, Fault::Before)))
        };
        self.die_if(dies).await;
        call
    }

    /// A call was served.
    pub(crate) async fn after(&self, call: u64) {
        let dies = self.plan().at == Some((call, Fault::After));
        self.die_if(dies).await;
    }

    async fn die_if(&self, dies: bool) {
        if dies {
            self.0.dead.notify_one();
            std::future::pending::<()>().await;
        }
    }
}
