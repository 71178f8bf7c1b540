//! What the engine says, for people, as JSON and as CSV.

pub(crate) mod csv;
pub(crate) mod plan;
pub(crate) mod run;

use jiff::{SignedDuration, Timestamp};

/// A moment, to the minute, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// How long ago: `just now`, `12 minutes ago`, `3 hours ago`, `5 days ago`.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at);
    match (passed.as_hours(), passed.as_mins()) {
        (48.., _) => format!("{} days ago", passed.as_hours() / 24),
        (2.., _) => format!("{} hours ago", passed.as_hours()),
        (_, 2..) => format!("{} minutes ago", passed.as_mins()),
        _ => "just now".to_owned(),
    }
}

/// How long: `1.2 s`, `4 min`.
pub(crate) fn lasted(duration: SignedDuration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 100.0 { format!("{seconds:.1} s") } else { format!("{:.0} min", seconds / 60.0) }
}

/// A value, for one line of a terminal: quoted, without control characters, not too long.
pub(crate) fn value(value: Option<&str>) -> String {
    // As long as a stamp may be: what differs in one stands at its end.
    const LONGEST: usize = 160;
    let Some(value) = value.filter(|value| !value.is_empty()) else { return "(blank)".to_owned() };
    let clean = clean(value);
    if clean.chars().count() > LONGEST {
        format!("\"{}…\"", clean.chars().take(LONGEST).collect::<String>())
    } else {
        format!("\"{clean}\"")
    }
}

/// A text of others on the terminal: without the characters that steer one.
pub(crate) fn clean(text: &str) -> String {
    // Controls, and what turns the direction of the letters after it.
    let steers = |letter: char| {
        letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
    };
    text.chars().map(|letter| if steers(letter) { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_roughly() {
        let now: Timestamp = "2026-01-15T08:00:00Z".parse().unwrap();
        let before = |seconds| now - SignedDuration::from_secs(seconds);
        assert_eq!(ago(before(30), now), "just now");
        assert_eq!(ago(before(600), now), "10 minutes ago");
        assert_eq!(ago(before(3 * 3600), now), "3 hours ago");
        assert_eq!(ago(before(50 * 3600), now), "2 days ago");
        assert_eq!(moment(now), "2026-01-15 08:00");
    }

    #[test]
    fn what_steers_a_terminal_is_not_printed() {
        assert_eq!(value(Some("a\x1b[31mb")), "\"a [31mb\"");
        assert_eq!(value(None), "(blank)");
        assert_eq!(value(Some(&"x".repeat(200))).chars().count(), 163);
    }
}
