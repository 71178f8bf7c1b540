//! OPATH filters: the only place where text of others gets into a filter (MICROSOFT.md 3.3).

use gal::Anchor;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A text literal: in single quotes, single quotes within doubled. OPATH has no other escape in them.
/// Control characters have no place in any property we ask for.
fn literal(text: &str) -> String {
    let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
    format!("'{}'", text.replace('\'', "''"))
}

/// A time literal. Only the US form is documented; it is UTC and has whole seconds (rounded down).
fn time(at: Timestamp) -> String {
    format!("'{}'", at.to_zoned(TimeZone::UTC).strftime("%-m/%-d/%Y %-I:%M:%S %p"))
}

/// Changed after that moment, or within its second.
pub(super) fn changed_since(moment: Timestamp) -> String {
    let second = moment.as_second();
    let before = if moment.subsec_nanosecond() > 0 { moment } else { Timestamp::from_second(second - 1).unwrap_or(moment) };
    format!("WhenChangedUTC -gt {}", time(before))
}

/// Created in this window; the start is in it, the end is not. None for everything.
pub(super) fn created_in(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<String> {
    let from = from.map(|from| format!("WhenCreatedUTC -ge {}", time(from)));
    let to = to.map(|to| format!("WhenCreatedUTC -lt {}", time(to)));
    match (from, to) {
        (Some(from), Some(to)) => Some(format!("({from}) -and ({to})")),
        (from, to) => from.or(to),
    }
}

/// The object with this Entra id.
pub(super) fn anchor_is(anchor: Anchor) -> String {
    format!("ExternalDirectoryObjectId -eq '{anchor}'")
}

/// The object with this Name.
pub(super) fn name_is(name: &str) -> String {
    format!("Name -eq {}", literal(name))
}

/// Whoever holds this SMTP address, as primary or further one. The filter ignores the `smtp:` prefix.
pub(super) fn holds(address: &str) -> String {
    format!("EmailAddresses -eq {}", literal(address))
}

/// The same for cmdlets without `EmailAddresses`.
pub(super) fn shows(address: &str) -> String {
    format!("WindowsEmailAddress -eq {}", literal(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_us_utc() {
        for (moment, shown) in [
            ("2017-08-01T14:00:00Z", "'8/1/2017 2:00:00 PM'"),
            ("2026-12-31T00:05:09.999Z", "'12/31/2026 12:05:09 AM'"),
            ("2026-01-09T12:00:00Z", "'1/9/2026 12:00:00 PM'"),
        ] {
            assert_eq!(time(at(moment)), shown);
        }
    }

    #[test]
    fn nothing_of_the_second_itself_is_missed() {
        assert_eq!(changed_since(at("2017-08-01T14:00:00Z")), "WhenChangedUTC -gt '8/1/2017 1:59:59 PM'");
        assert_eq!(changed_since(at("2017-08-01T14:00:00.5Z")), "WhenChangedUTC -gt '8/1/2017 2:00:00 PM'");
    }

    #[test]
    fn windows() {
        let (from, to) = (at("2024-01-01T00:00:00Z"), at("2024-02-01T00:00:00Z"));
        assert_eq!(
            created_in(Some(from), Some(to)).as_deref(),
            Some("(WhenCreatedUTC -ge '1/1/2024 12:00:00 AM') -and (WhenCreatedUTC -lt '2/1/2024 12:00:00 AM')")
        );
        assert_eq!(created_in(None, Some(to)).as_deref(), Some("WhenCreatedUTC -lt '2/1/2024 12:00:00 AM'"));
        assert_eq!(created_in(None, None), None);
    }

    #[test]
    fn quotes_do_not_end_a_literal() {
        assert_eq!(name_is("O'Hara"), "Name -eq 'O''Hara'");
        assert_eq!(name_is("x' -or Name -like '*"), "Name -eq 'x'' -or Name -like ''*'");
        assert_eq!(holds("o'h@a.example\n"), "EmailAddresses -eq 'o''h@a.example'");
    }

    proptest! {
        #[test]
        fn a_literal_is_one_literal(text in "[a-z'$\"(){}\n -]{0,30}") {
            let made = literal(&text);
            let inner = made.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
            prop_assert!(!inner.replace("''", "").contains('\''));
        }
    }
}
