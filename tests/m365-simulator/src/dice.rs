//! Seeded chance: everything that looks random in the simulator comes from here.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use uuid::Uuid;

/// A stream of chance, one for each purpose, so that a draw for one does not shift another.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of this seed and purpose.
    pub(crate) fn new(seed: u64, purpose: &str) -> Dice {
        let mut mixed = seed ^ 0x9E37_79B9_7F4A_7C15;
        for byte in purpose.bytes() {
            mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(7);
        }
        Dice(ChaCha8Rng::seed_from_u64(mixed))
    }

    /// A number below `bound`; zero for an empty range.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.next_u64() % bound }
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// An index into a list of this length.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// True with this probability. Draws nothing when the answer is certain.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        if probability <= 0.0 {
            return false;
        }
        if probability >= 1.0 {
            return true;
        }
        #[expect(clippy::cast_precision_loss, reason = "32 bits fit a double")]
        let drawn = (self.0.next_u64() >> 32) as f64 / 4_294_967_296.0;
        drawn < probability
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }

    /// A version 4 identifier.
    pub(crate) fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from(b"0123456789abcdef"[self.index(16)])).collect()
    }
}
