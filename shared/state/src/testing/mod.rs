//! Stores that fail on purpose, for crash tests. Only with feature `testing`.
//!
//! Two grains: [`Faulty`] fails whole calls of the port, around any store; [`memory`] and [`file()`]
//! fail single requests to the database, so that a crash *inside* a call (holders stored, replica
//! not yet) is met too. Both follow a [`Faults`] plan, of which the test keeps a clone.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), engine::ports::StoreError> {
//! use engine::ports::Store;
//! use state::testing::{Fault, Faults};
//!
//! let faults = Faults::default();
//! let store = state::testing::memory(&faults)?;
//! faults.crash_at(2, Fault::After);             // the second request commits, then nothing answers any more
//! store.put_profile("client = \"x\"", 0).await?;
//! assert!(store.put_profile("client = \"y\"", 1).await.is_err());
//! faults.revive();                              // the next process
//! assert_eq!(store.profile().await?.map(|profile| profile.version), Some(2));
//! # Ok(()) }
//! ```

mod faulty;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use engine::ports::StoreError;

pub use faulty::Faulty;

use gal::{Anchor, Side};

use crate::StateStore;
use crate::embedded::{self, Gate, Units};
use crate::keys;
use crate::table::BatchWrite;

/// Where a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Before it has done anything.
    Before,
    /// After it was done: the answer is lost.
    After,
}

/// What fails and when. Clones are one plan; by default nothing fails.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    calls: u64,
    next: Option<Planned>,
    lose_every: Option<u64>,
    scarcity: Option<usize>,
    units: Option<Units>,
    down: bool,
    fired: bool,
}

#[derive(Clone, Copy, Debug)]
struct Planned {
    call: u64,
    fault: Fault,
    stays_down: bool,
}

impl Faults {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arm(&self, nth: u64, fault: Fault, stays_down: bool) {
        let mut plan = self.plan();
        plan.next = Some(Planned { call: plan.calls + nth, fault, stays_down });
        plan.fired = false;
        plan.down = false;
    }

    /// The `nth` call from now on (1: the next) fails; those after it do not.
    pub fn fail_at(&self, nth: u64, fault: Fault) {
        self.arm(nth, fault, false);
    }

    /// The `nth` call from now on fails, and every call after it until [`Faults::revive`]: the process died.
    pub fn crash_at(&self, nth: u64, fault: Fault) {
        self.arm(nth, fault, true);
    }

    /// Every `nth` call is done, but its answer is lost.
    pub fn lose_every(&self, nth: u64) {
        self.plan().lose_every = Some(nth);
    }

    /// Requests only: the service is short of throughput. At most `entries` of a batch are done, the others left for
    /// later, and every other transaction is cancelled because of others.
    pub fn be_scarce(&self, entries: usize) {
        self.plan().scarcity = Some(entries);
    }

    /// Requests only: counts the units that the service would bill, from now on.
    pub fn count_units(&self) {
        self.plan().units = Some(Units::default());
    }

    /// Units read (4 KB, strongly consistent) and written (1 KB) since [`Faults::count_units`]. What a condition refuses is not
    /// among them.
    pub fn units(&self) -> (f64, f64) {
        let units = self.plan().units.unwrap_or_default();
        (units.read, units.written)
    }

    /// Nothing fails any more.
    pub fn revive(&self) {
        let mut plan = self.plan();
        plan.next = None;
        plan.lose_every = None;
        plan.scarcity = None;
        plan.down = false;
    }

    /// How many calls were made so far, failed ones included.
    pub fn calls(&self) -> u64 {
        self.plan().calls
    }

    /// Whether the planned call has come and failed: a loop over `nth` ends when it did not.
    pub fn fired(&self) -> bool {
        self.plan().fired
    }

    /// A call begins; answers its number.
    fn begin(&self) -> Result<u64, String> {
        let mut plan = self.plan();
        plan.calls += 1;
        let call = plan.calls;
        if plan.down {
            return Err("injected: the process is dead".to_owned());
        }
        match plan.next.filter(|next| next.call == call && next.fault == Fault::Before) {
            Some(next) => Err(plan.fire(next)),
            None => Ok(call),
        }
    }

    /// A call has done its work.
    fn end(&self, call: u64) -> Result<(), String> {
        let mut plan = self.plan();
        if plan.lose_every.is_some_and(|nth| call.is_multiple_of(nth)) {
            return Err("injected: done, but the answer is lost".to_owned());
        }
        match plan.next.filter(|next| next.call == call && next.fault == Fault::After) {
            Some(next) => Err(plan.fire(next)),
            None => Ok(()),
        }
    }
}

impl Plan {
    fn fire(&mut self, planned: Planned) -> String {
        self.fired = true;
        self.next = None;
        self.down = planned.stays_down;
        match planned.fault {
            Fault::Before => "injected: failed before it did anything".to_owned(),
            Fault::After => "injected: done, but the answer is lost".to_owned(),
        }
    }
}

impl Gate for Faults {
    fn before(&self) -> Result<u64, String> {
        self.begin()
    }

    fn after(&self, request: u64) -> Result<(), String> {
        self.end(request)
    }

    fn scarcity(&self) -> Option<usize> {
        self.plan().scarcity
    }

    fn weighs(&self) -> bool {
        self.plan().units.is_some()
    }

    fn weighed(&self, units: Units) {
        if let Some(sum) = &mut self.plan().units {
            sum.read += units.read;
            sum.written += units.written;
        }
    }
}

/// [`StateStore::service`] with the embedded engine for a service: the SDK repeats requests that fail by plan.
pub fn service_in_memory(faults: &Faults) -> Result<StateStore, StoreError> {
    let config = aws_types::SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("local"))
        .endpoint_url("http://embedded.invalid")
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("fake", "fake", None, None, "fake")))
        .http_client(embedded::http_client(Some(Arc::new(faults.clone())))?)
        .build();
    Ok(StateStore::service(&config, embedded::NAME, "writer"))
}

/// [`StateStore::memory`] whose requests fail by plan.
pub fn memory(faults: &Faults) -> Result<StateStore, StoreError> {
    StateStore::memory_behind(Some(Arc::new(faults.clone())))
}

/// [`StateStore::file`] whose requests fail by plan.
pub fn file(path: &Path, faults: &Faults) -> Result<StateStore, StoreError> {
    StateStore::file_behind(path, Some(Arc::new(faults.clone())))
}

impl StateStore {
    /// Loses the members of a group, as dropping damaged items does.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn forget_group(&self, pair: &str, side: Side, group: Anchor) -> Result<(), StoreError> {
        let writes = std::iter::once((keys::group(pair, side, group), BatchWrite::Delete)).collect();
        self.table().batch_write(writes, "losing the members of a group").await
    }

    /// Loses replicas, as dropping damaged items does.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn forget_replicas(&self, pair: &str, side: Side, anchors: &[Anchor]) -> Result<(), StoreError> {
        let writes = anchors.iter().map(|anchor| (keys::replica(pair, side, *anchor), BatchWrite::Delete)).collect();
        self.table().batch_write(writes, "losing replicas").await
    }
}
