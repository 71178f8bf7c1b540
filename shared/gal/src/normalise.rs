//! Two spellings, one value: what the service gives back is compared, not what was sent (law 7).
//!
//! Every function here is idempotent: what has been normalised once is not changed again.

mod country;

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use crate::field::{Field, Normaliser};

/// The form in which a value is compared. Two values are one if their compared forms are equal.
///
/// Fingerprints in bases are taken of this form: to change it for a field makes every stored base
/// of that field look edited once.
pub fn compared(field: Field, value: &str) -> Cow<'_, str> {
    match field.row().normaliser {
        Normaliser::Text => text(value),
        Normaliser::Address => bare_address(value),
        Normaliser::Country => lower(country::friendly(value.trim()).unwrap_or(value.trim())),
        Normaliser::MailTip => text(unwrapped(value)),
        Normaliser::Name => lower(value.trim()),
        Normaliser::Set => {
            let mut lines = lines(value);
            lines.sort_unstable();
            lines.dedup();
            Cow::Owned(lines.join("\n"))
        }
    }
}

/// The form in which a value is shown and published: without outer white space, a country by the
/// friendly name, a `MailTip` without its wrapping, a set without blank and repeated lines but in
/// its own order.
pub fn shown(field: Field, value: &str) -> Cow<'_, str> {
    match field.row().normaliser {
        Normaliser::Text | Normaliser::Name => Cow::Borrowed(value.trim()),
        Normaliser::Address => bare_address(value),
        Normaliser::Country => Cow::Borrowed(country::friendly(value.trim()).unwrap_or(value.trim())),
        Normaliser::MailTip => Cow::Borrowed(unwrapped(value)),
        Normaliser::Set => {
            let mut kept: Vec<&str> = Vec::new();
            for line in lines(value) {
                if !kept.contains(&line) {
                    kept.push(line);
                }
            }
            Cow::Owned(kept.join("\n"))
        }
    }
}

/// An address: lower case, without `SMTP:` prefix and outer white space.
pub fn address(text: &str) -> String {
    bare_address(text).into_owned()
}

/// Whether Exchange would take this text as a country; it refuses what it does not know.
pub fn is_country(text: &str) -> bool {
    country::friendly(text.trim()).is_some()
}

/// The start of `value` that has at most `limit` UTF-16 code units, as Exchange counts.
///
/// It ends between two graphemes, so that no letter loses its accent; a single grapheme that is
/// longer than the limit is cut between two characters. A surrogate pair is never split.
pub fn cut(value: &str, limit: usize) -> &str {
    // A character never has more UTF-16 units than UTF-8 bytes.
    if value.len() <= limit {
        return value;
    }
    let mut units = 0;
    let mut end = 0;
    for grapheme in value.graphemes(true) {
        units += grapheme.encode_utf16().count();
        if units > limit {
            return if end == 0 { cut_characters(value, limit) } else { value.get(..end).unwrap_or_default() };
        }
        end += grapheme.len();
    }
    value
}

fn cut_characters(value: &str, limit: usize) -> &str {
    let mut units = 0;
    let end = value.char_indices().find_map(|(start, letter)| {
        units += letter.len_utf16();
        (units > limit).then_some(start)
    });
    end.and_then(|end| value.get(..end)).unwrap_or(value)
}

/// Trimmed, line endings as `\n`.
fn text(value: &str) -> Cow<'_, str> {
    let value = value.trim();
    if value.contains('\r') { Cow::Owned(value.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(value) }
}

fn lower(value: &str) -> Cow<'_, str> {
    let is_lower = value.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_lower { Cow::Borrowed(value) } else { Cow::Owned(value.to_lowercase()) }
}

fn bare_address(value: &str) -> Cow<'_, str> {
    let mut value = value.trim();
    while let Some(rest) = without_prefix(value, "smtp:") {
        value = rest.trim_start();
    }
    lower(value)
}

/// The lines of a set: trimmed, blank ones left out.
fn lines(value: &str) -> Vec<&str> {
    value.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// A `MailTip` without `<html>\r\n<body>\r\n…</body></html>`, whatever white space stands between.
fn unwrapped(value: &str) -> &str {
    let mut value = value.trim();
    while let Some(inner) = within(value, "<html>", "</html>").and_then(|html| within(html, "<body>", "</body>")) {
        value = inner;
    }
    value
}

fn within<'v>(value: &'v str, open: &str, close: &str) -> Option<&'v str> {
    let rest = without_prefix(value, open)?;
    let end = rest.len().checked_sub(close.len())?;
    rest.get(end..)?.eq_ignore_ascii_case(close).then(|| rest.get(..end).map(str::trim))?
}

fn without_prefix<'v>(value: &'v str, prefix: &str) -> Option<&'v str> {
    value.get(..prefix.len())?.eq_ignore_ascii_case(prefix).then(|| value.get(prefix.len()..))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_value_in_many_spellings() {
        for (field, one, other) in [
            (Field::Title, "Clerk", "  Clerk\t"),
            (Field::Notes, "a\r\nb\rc", "a\nb\nc\n"),
            (Field::ExternalEmailAddress, "SMTP:Ann@A.Example", "ann@a.example"),
            (Field::ExternalEmailAddress, " smtp: smtp:ann@a.example", "ann@a.example"),
            (Field::CountryOrRegion, "CH", " switzerland "),
            (Field::CountryOrRegion, "Elbonia", "ELBONIA"),
            (Field::MailTip, "<html>\r\n<body>\r\nBack on Monday.\r\n</body>\r\n</html>\r\n", "Back on Monday."),
            (Field::MailTip, "<HTML><Body>Away</bODY></html>", "Away"),
            (Field::Manager, "Galbridge-AB", "galbridge-ab"),
            (Field::OtherTelephone, "2\r\n1\n\n 2 ", "1\n2"),
        ] {
            assert_eq!(compared(field, one), compared(field, other), "{field}");
        }
    }

    #[test]
    fn two_values_are_not_confused() {
        for (field, one, other) in [
            (Field::Title, "Clerk", "clerk"),
            (Field::Title, "Clerk", "Clerk."),
            (Field::CountryOrRegion, "Austria", "Australia"),
            (Field::CountryOrRegion, "CD", "CG"),
            (Field::OtherTelephone, "12", "1\n2"),
            (Field::MailTip, "<html>Away</html>", "Away"),
        ] {
            assert_ne!(compared(field, one), compared(field, other), "{field}");
        }
    }

    #[test]
    fn what_is_shown() {
        for (field, value, expected) in [
            (Field::Title, " Clerk ", "Clerk"),
            (Field::Title, "  ", ""),
            (Field::CountryOrRegion, "de", "Germany"),
            (Field::CountryOrRegion, " Elbonia", "Elbonia"),
            (Field::MailTip, "<html>\r\n<body>\r\nAway\r\n</body></html>", "Away"),
            (Field::ExternalEmailAddress, "SMTP:Ann@A.example", "ann@a.example"),
            (Field::OtherTelephone, "2\n1\n2", "2\n1"),
        ] {
            assert_eq!(shown(field, value), expected, "{field}");
        }
    }

    #[test]
    fn a_cut_never_splits_what_belongs_together() {
        for (value, limit, expected) in [
            ("Zürich", 6, "Zürich"),
            ("Zürich", 2, "Zü"),
            ("Zu\u{308}rich", 2, "Z"),
            ("a😀b", 2, "a"),
            ("a😀b", 3, "a😀"),
            ("👩\u{200d}👩\u{200d}👧x", 7, "👩\u{200d}👩\u{200d}"),
            ("x👩\u{200d}👩\u{200d}👧", 7, "x"),
            ("😀", 1, ""),
            ("e\u{301}\u{302}", 2, "e\u{301}"),
            ("", 0, ""),
            ("a", 0, ""),
        ] {
            assert_eq!(cut(value, limit), expected, "{value} to {limit}");
        }
    }

    fn any_field() -> impl Strategy<Value = Field> {
        prop::sample::select(Field::all().collect::<Vec<_>>())
    }

    /// Arbitrary Unicode, and what the normalisers look for.
    fn any_value() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<String>(),
            prop::sample::select(vec![
                "<html>", "</html>", "<body>", "</body>", "\r\n", "\n", " ", "SMTP:", "smtp:", "CH", "Türkiye", "a@B.c", "İ", "ΑΣ",
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn normalising_is_idempotent(field in any_field(), value in any_value()) {
            let once = compared(field, &value).into_owned();
            prop_assert_eq!(compared(field, &once), once.as_str());
            let seen = shown(field, &value).into_owned();
            prop_assert_eq!(shown(field, &seen), seen.as_str());
            prop_assert_eq!(compared(field, &seen), once.as_str(), "what is published is the same value");
            prop_assert_eq!(address(&address(&value)), address(&value));
        }

        #[test]
        fn a_cut_keeps_its_limit_and_takes_what_fits(value in any_value(), limit in 0_usize..40) {
            let kept = cut(&value, limit);
            prop_assert!(value.starts_with(kept));
            prop_assert!(kept.encode_utf16().count() <= limit);
            prop_assert_eq!(kept == value, value.encode_utf16().count() <= limit);
            prop_assert_eq!(cut(kept, limit), kept);
        }
    }
}
