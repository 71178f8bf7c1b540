//! How long a certificate still serves, as the schedule and the operator want to hear it.

use std::fmt;

use engine::check::{Finding, Level};
use jiff::Timestamp;

/// From this many days before the end on, a certificate is worth a warning.
pub const WARN_DAYS: i64 = 30;

const SECONDS_PER_DAY: i64 = 86_400;

/// Where a moment lies in the life of a certificate. Days are whole days, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// More than [`WARN_DAYS`] days are left.
    Fine {
        /// Whole days left.
        days: i64,
    },
    /// It still works, for [`WARN_DAYS`] days or less: renew it now.
    Soon {
        /// Whole days left; 0 means within the next 24 hours.
        days: i64,
    },
    /// It is over; the token endpoint answers 700027.
    Expired {
        /// Whole days since.
        days_ago: i64,
    },
    /// Its first moment is still to come: a certificate made ahead, or a wrong clock.
    NotYetValid,
}

impl Expiry {
    /// Judges `now` against the certificate's validity, of which both ends count as valid (RFC 5280, 4.1.2.5).
    pub(crate) fn at(now: Timestamp, not_before: Timestamp, not_after: Timestamp) -> Self {
        let left = not_after.as_second() - now.as_second();
        let days = left.abs() / SECONDS_PER_DAY;
        if now.as_second() < not_before.as_second() {
            Self::NotYetValid
        } else if left < 0 {
            Self::Expired { days_ago: days }
        } else if left <= WARN_DAYS * SECONDS_PER_DAY {
            Self::Soon { days }
        } else {
            Self::Fine { days }
        }
    }

    /// What `check` says of it.
    pub fn finding(self) -> Finding {
        let level = match self {
            Self::Fine { .. } => Level::Ok,
            Self::Soon { .. } => Level::Warn,
            Self::Expired { .. } | Self::NotYetValid => Level::Fail,
        };
        Finding { level, what: "certificate".to_owned(), text: self.to_string() }
    }

    /// Whether the token endpoint would accept the certificate now.
    pub fn is_usable(self) -> bool {
        match self {
            Self::Fine { .. } | Self::Soon { .. } => true,
            Self::Expired { .. } | Self::NotYetValid => false,
        }
    }
}

/// A sentence for people, with what to do next where something is to be done.
impl fmt::Display for Expiry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Fine { days } => write!(formatter, "valid for another {}", Days(days)),
            Self::Soon { days: 0 } => formatter.write_str("expires within 24 hours: renew it now, before the tenant refuses it"),
            Self::Soon { days } => {
                write!(formatter, "expires in {}: renew it before the tenant refuses it", Days(days))
            }
            Self::Expired { days_ago: 0 } => {
                formatter.write_str("expired less than a day ago: make a new one and upload its certificate to the tenant")
            }
            Self::Expired { days_ago } => {
                write!(formatter, "expired {} ago: make a new one and upload its certificate to the tenant", Days(days_ago))
            }
            Self::NotYetValid => formatter.write_str("not valid yet: wait for its first day, or set this machine's clock right"),
        }
    }
}

struct Days(i64);

impl fmt::Display for Days {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(formatter, "{} day{plural}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = SECONDS_PER_DAY;

    fn at(now: i64) -> Expiry {
        let moment = |second| Timestamp::from_second(second).unwrap();
        Expiry::at(moment(now), moment(1_000 * DAY), moment(1_365 * DAY))
    }

    #[test]
    fn the_edges_fall_on_the_right_side() {
        for (now, expected) in [
            (1_000 * DAY - 1, Expiry::NotYetValid),
            (1_000 * DAY, Expiry::Fine { days: 365 }),
            (1_335 * DAY - 1, Expiry::Fine { days: 30 }),
            (1_335 * DAY, Expiry::Soon { days: 30 }),
            (1_364 * DAY + 1, Expiry::Soon { days: 0 }),
            (1_365 * DAY, Expiry::Soon { days: 0 }),
            (1_365 * DAY + 1, Expiry::Expired { days_ago: 0 }),
            (1_368 * DAY, Expiry::Expired { days_ago: 3 }),
        ] {
            assert_eq!(at(now), expected, "at second {now}");
        }
    }

    #[test]
    fn what_is_to_be_done_is_said() {
        assert_eq!(at(1_000 * DAY).to_string(), "valid for another 365 days");
        assert!(at(1_364 * DAY).to_string().starts_with("expires in 1 day: renew"));
        assert!(at(1_365 * DAY).to_string().contains("within 24 hours"));
        assert!(at(1_368 * DAY).to_string().contains("expired 3 days ago: make a new one"));
        assert!(at(0).to_string().contains("clock"));
    }

    #[test]
    fn only_a_living_certificate_is_usable() {
        assert!(at(1_000 * DAY).is_usable());
        assert!(at(1_365 * DAY).is_usable());
        assert!(!at(1_366 * DAY).is_usable());
        assert!(!at(0).is_usable());
    }
}
