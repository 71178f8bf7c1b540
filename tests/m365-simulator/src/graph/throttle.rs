//! Resource units of the directory. MICROSOFT.md section 7.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::later;

/// Window of the token bucket.
const WINDOW: Duration = Duration::from_secs(10);

/// What an application has spent in a tenant in the present window.
#[derive(Debug, Default)]
pub(crate) struct ResourceUnits {
    ends: Option<Timestamp>,
    spent: u64,
}

/// How a request stands with its budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Standing {
    /// Served; how much of the budget is used.
    Within(f64),
    /// Refused; seconds until the window ends.
    Over(u64),
}

/// Units in ten seconds for a tenant of this many users.
pub(crate) fn budget(users: usize) -> u64 {
    match users {
        0..50 => 3_500,
        50..=500 => 5_000,
        _ => 8_000,
    }
}

/// What a request costs.
pub(crate) fn cost(base: u64, select: bool, top: Option<usize>) -> u64 {
    let small = top.is_some_and(|top| top < 20);
    base.saturating_sub(u64::from(select)).saturating_sub(u64::from(small)).max(1)
}

impl ResourceUnits {
    /// Spends units, if the budget has them.
    pub(crate) fn spend(&mut self, units: u64, budget: u64, now: Timestamp) -> Standing {
        if self.ends.is_none_or(|ends| ends <= now) {
            self.ends = Some(later(now, WINDOW));
            self.spent = 0;
        }
        if self.spent + units > budget {
            let wait = self.ends.map_or(1, |ends| crate::clock::millis_between(now, ends).div_ceil(1000));
            return Standing::Over(wait.max(1));
        }
        self.spent += units;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand units")]
        let share = self.spent as f64 / budget as f64;
        Standing::Within(share)
    }
}
