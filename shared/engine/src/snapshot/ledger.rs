//! What a reading has come to, stored while it goes on: a reading that is killed, or takes longer than its tick, loses no piece that is
//! done, and its lease holds as long as it works.

use gal::Side;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::records::{ReadingState, SideReading};
use crate::setup::PairSetup;

/// How often it is stored.
const EVERY: SignedDuration = SignedDuration::from_mins(1);

/// How long a reading may take for one page, or whatever else it does in one go.
const ONE_STEP: SignedDuration = SignedDuration::from_mins(3);

/// What it takes to store a batch, at most.
const MARGIN: SignedDuration = SignedDuration::from_secs(20);

/// The state of both sides of a pair that is being read.
pub(super) struct Ledger<'e> {
    engine: &'e Engine,
    pair: &'e PairSetup,
    /// Until when the lease was taken.
    leased: Timestamp,
    stored: Mutex<Stored>,
}

/// What is stored.
struct Stored {
    reading: ReadingState,
    at: Timestamp,
    /// Until when the lease lasts.
    until: Timestamp,
}

impl<'e> Ledger<'e> {
    /// As it was when the lease was taken.
    pub(super) fn new(engine: &'e Engine, pair: &'e PairSetup, leased: Timestamp, reading: ReadingState) -> Self {
        Self { engine, pair, leased, stored: Mutex::new(Stored { reading, at: engine.now(), until: leased }) }
    }

    /// How far a side has come: everything before is stored.
    pub(super) async fn keep(&self, side: Side, state: &SideReading) -> Result<(), EngineError> {
        self.stored.lock().await.reading.sides.get_mut(side).clone_from(state);
        self.prolong().await
    }

    /// Still at work.
    pub(super) async fn prolong(&self) -> Result<(), EngineError> {
        let mut stored = self.stored.lock().await;
        if self.engine.now() < stored.at + EVERY { Ok(()) } else { self.store(&mut stored).await }
    }

    /// Right before something is stored: the lease must last until it is.
    pub(super) async fn assure(&self) -> Result<(), EngineError> {
        let mut stored = self.stored.lock().await;
        if self.engine.now() + MARGIN < stored.until { Ok(()) } else { self.store(&mut stored).await }
    }

    async fn store(&self, stored: &mut Stored) -> Result<(), EngineError> {
        let now = self.engine.now();
        let until = self.leased.max(now + ONE_STEP);
        self.engine.store.save_reading(&self.pair.name, &self.engine.owner, &stored.reading, Some(until)).await?;
        (stored.at, stored.until) = (now, until);
        Ok(())
    }
}
