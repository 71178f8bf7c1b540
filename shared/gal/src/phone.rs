//! Phone numbers in E.164, for the template filter `e164('CH')`.

use unicode_normalization::UnicodeNormalization;

/// The longest text that is looked at as a phone number, in bytes. Longer ones are no number.
const LONGEST: usize = 128;

/// A country as the phone library knows it, from its ISO code in any case; `None` if there is none.
pub(crate) fn country(code: &str) -> Option<phonenumber::country::Id> {
    code.trim().to_ascii_uppercase().parse().ok()
}

/// The number in E.164 (`+41446681800`), an extension behind it (` ext. 12`); `country` completes
/// numbers without a country code.
///
/// What is no valid number of its country (an internal short number, two numbers in one field, a
/// remark) passes through trimmed: a wrong number is worse than an unusual spelling.
pub(crate) fn e164(text: &str, country: phonenumber::country::Id) -> String {
    let text = text.trim();
    number(text, country).unwrap_or_else(|| text.to_owned())
}

fn number(text: &str, country: phonenumber::country::Id) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let plain = plain(text)?;
    let number = phonenumber::parse(Some(country), &plain).ok()?;
    if !number.is_valid() {
        return None;
    }
    // Put together here: the library's formatter fails for some country codes, and drops extensions.
    let bare = format!("+{}{}", number.country().code(), number.national());
    Some(match number.extension() {
        Some(extension) => format!("{bare} ext. {extension}"),
        None => bare,
    })
}

/// Full-width digits, no-break spaces and dashes as ASCII, invisible marks left out; `None` if
/// something else remains, which the library need not see.
fn plain(text: &str) -> Option<String> {
    let letters =
        text.nfkc().filter(|letter| !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'));
    letters
        .map(|letter| match letter {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
            ' '..='~' => Some(letter),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn swiss(text: &str) -> String {
        e164(text, country("ch").unwrap())
    }

    #[test]
    fn numbers_become_e164_and_the_rest_passes_through() {
        for (text, expected) in [
            ("044 668 18 00", "+41446681800"),
            (" +41 (0)44 668 18 00 ", "+41446681800"),
            ("0041 44 668 18 00", "+41446681800"),
            ("+41\u{a0}44\u{2011}668\u{2013}18 00", "+41446681800"),
            ("\u{202a}+41446681800\u{202c}", "+41446681800"),
            ("０４４ ６６８ １８ ００", "+41446681800"),
            ("+1 (425) 882-8080", "+14258828080"),
            ("+41 44 668 18 00 ext. 12", "+41446681800 ext. 12"),
            ("+41446681800 ext. 12", "+41446681800 ext. 12"),
            ("+41446681800", "+41446681800"),
            // No valid numbers: left as they are.
            ("1234", "1234"),
            ("+1 555 0100", "+1 555 0100"),
            ("044 668 18 00 / 079 123 45 67", "044 668 18 00 / 079 123 45 67"),
            ("on request", "on request"),
            ("  ", ""),
            ("电话", "电话"),
        ] {
            assert_eq!(swiss(text), expected, "{text}");
        }
    }

    #[test]
    fn countries_are_iso_codes() {
        assert!(country("CH").is_some() && country(" us ").is_some());
        assert!(country("").is_none() && country("Switzerland").is_none() && country("XX").is_none());
    }

    proptest! {
        #[test]
        fn nothing_panics_and_twice_is_once(text in any::<String>()) {
            let once = swiss(&text);
            prop_assert_eq!(swiss(&once), once);
        }

        #[test]
        fn what_looks_like_a_number_neither(text in "[+]?[0-9 ()/.ext;=-]{0,40}", home in prop::sample::select(vec!["CH", "US", "IT", "AR", "MX"])) {
            let home = country(home).unwrap();
            let once = e164(&text, home);
            prop_assert_eq!(e164(&once, home), once);
        }
    }
}
