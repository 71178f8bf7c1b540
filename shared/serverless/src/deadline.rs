//! When work stops, so that the next tick finds the lease free and the function is never cut off.

use jiff::{SignedDuration, Timestamp};

/// So long before the next tick.
const BEFORE_TICK: SignedDuration = SignedDuration::from_secs(30);
/// So long before Lambda ends the function.
const BEFORE_END: SignedDuration = SignedDuration::from_secs(60);

/// The deadline of work that began with `tick`: 30 s before the next tick, at the latest 60 s before `end`, when Lambda ends
/// the function. Work by hand (`None`) has no tick to make room for.
pub(crate) fn of(tick: Option<Timestamp>, every: SignedDuration, end: Timestamp) -> Timestamp {
    let end = end - BEFORE_END;
    // A tick of the end of all time is no reason to stop.
    tick.and_then(|tick| tick.checked_add(every - BEFORE_TICK).ok()).map_or(end, |next| end.min(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stops_before_the_tick_and_before_the_end() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (tick, ten) = (at("2026-11-25T10:20:00Z"), SignedDuration::from_mins(10));
        assert_eq!(of(Some(tick), ten, at("2026-11-25T10:35:00Z")), at("2026-11-25T10:29:30Z"));
        assert_eq!(of(Some(tick), ten, at("2026-11-25T10:25:00Z")), at("2026-11-25T10:24:00Z"));
        assert_eq!(of(None, ten, at("2026-11-25T10:35:00Z")), at("2026-11-25T10:34:00Z"));
        assert_eq!(of(Some(Timestamp::MAX), ten, at("2026-11-25T10:35:00Z")), at("2026-11-25T10:34:00Z"));
    }
}
