//! Ids and chance, injected: a simulation with the same seed sends the same bytes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use uuid::Uuid;

/// Where request ids, assertion ids and jitter come from.
pub trait Ids: Send + Sync {
    /// A fresh id.
    fn uuid(&self) -> Uuid;

    /// A number from 0 (included) to 1 (excluded), for jitter.
    fn fraction(&self) -> f64;
}

/// Ids from a seed. In production the seed comes from the operating system, in the wiring.
#[derive(Debug)]
pub struct SeededIds(Mutex<ChaCha12Rng>);

impl SeededIds {
    /// From 32 bytes of real chance.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Mutex::new(ChaCha12Rng::from_seed(seed)))
    }

    /// From a small number, for simulations.
    pub fn from_number(seed: u64) -> Self {
        Self(Mutex::new(ChaCha12Rng::seed_from_u64(seed)))
    }
}

impl Ids for SeededIds {
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    fn fraction(&self) -> f64 {
        let drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u32();
        f64::from(drawn) / (f64::from(u32::MAX) + 1.0)
    }
}

/// `duration` made up to a quarter shorter or longer.
pub(crate) fn jittered(ids: &dyn Ids, duration: Duration) -> Duration {
    duration.mul_f64(0.75 + ids.fraction() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let (one, other) = (SeededIds::from_number(7), SeededIds::from_number(7));
        for _ in 0..100 {
            assert_eq!(one.uuid(), other.uuid());
            let fraction = one.fraction();
            assert!((0.0..1.0).contains(&fraction));
            assert!((fraction - other.fraction()).abs() < f64::EPSILON);
        }
        assert_ne!(one.uuid(), one.uuid());
        assert_eq!(one.uuid().get_version_num(), 4);
    }

    #[test]
    fn jitter_stays_near() {
        let ids = SeededIds::from_number(1);
        for _ in 0..1000 {
            let wait = jittered(&ids, Duration::from_secs(4));
            assert!((3.0..5.0).contains(&wait.as_secs_f64()));
        }
    }
}
