//! Fills in what people and things have in an address list.

use jiff::Timestamp;
use jiff::ToSpan;

use super::names::{Culture, DEPARTMENTS, FullName, TITLES};
use crate::clock::whole_second;
use crate::dice::Dice;
use crate::directory::attribute::Text;
use crate::directory::country::friendly;
use crate::directory::entry::Entry;

/// A telephone number in one of the many ways people write them.
pub(crate) fn telephone(dial: &str, dice: &mut Dice) -> String {
    let number = dice.between(100, 999);
    let rest = dice.between(10, 99);
    match dice.below(6) {
        0 => format!("{dial} {number} {rest} {rest}"),
        1 => format!("{}{number}{rest}{rest}", dial.replace(' ', "")),
        2 => format!("{dial}-{number}-{rest}{rest}"),
        3 => format!("{dial} ({number}) {rest}{rest}"),
        4 => format!("0{number} {rest} {rest}"),
        _ => format!("{dial} {number}{rest} x{rest}"),
    }
}

/// Gives an object a person's attributes, here and there one missing.
pub(crate) fn dress(entry: &mut Entry, name: &FullName, culture: &Culture, company: &str, dice: &mut Dice) {
    let mut set = |text: Text, value: &str| {
        entry.set_text(text, value);
    };
    set(Text::FirstName, name.given);
    set(Text::LastName, name.family);
    set(Text::DisplayName, &decorated(&name.display, dice));
    if dice.chance(0.9) {
        set(Text::Title, dice.pick::<&str>(TITLES));
    }
    if dice.chance(0.9) {
        set(Text::Department, dice.pick::<&str>(DEPARTMENTS));
    }
    if dice.chance(0.85) {
        set(Text::Company, company);
    }
    if dice.chance(0.8) {
        set(Text::Phone, &telephone(culture.dial, dice));
    }
    if dice.chance(0.5) {
        set(Text::MobilePhone, &telephone(culture.dial, dice));
    }
    if dice.chance(0.05) {
        set(Text::Fax, &telephone(culture.dial, dice));
    }
    if dice.chance(0.05) {
        set(Text::HomePhone, &telephone(culture.dial, dice));
    }
    if dice.chance(0.7) {
        set(Text::Office, &format!("{}{}", char::from(b'A' + u8::try_from(dice.below(6)).unwrap_or(0)), dice.between(1, 480)));
    }
    if dice.chance(0.6) {
        let (city, state, postal_code) = culture.city;
        set(Text::City, city);
        set(Text::StateOrProvince, state);
        set(Text::PostalCode, postal_code);
        set(Text::StreetAddress, &format!("Hauptstrasse {}\r\nGebäude {}", dice.between(1, 200), dice.between(1, 9)));
        set(Text::CountryOrRegion, friendly(culture.country).unwrap_or(""));
    }
    if dice.chance(0.03) {
        set(Text::Initials, "Dr");
    }
    if dice.chance(0.03) {
        set(Text::Notes, "Met at the fair.\r\nCall back; “soon”.");
    }
    if dice.chance(0.1) {
        set(Text::CustomAttribute1, &format!("CC-{}", dice.between(1000, 9999)));
    }
    if dice.chance(0.01) {
        // Somebody else's use of the attribute a sync tool may want.
        set(Text::CustomAttribute15, &format!("payroll:{}", dice.between(1, 99_999)));
    }
}

/// A display name is what people make of it.
fn decorated(display: &str, dice: &mut Dice) -> String {
    match dice.below(400) {
        0..3 => format!("{display} 🚀"),
        3 => format!("{display} 👩‍👧‍👦"),
        4..7 => format!("{display} (extern)"),
        // Decomposed: a letter and a combining mark.
        7..9 => format!("{display} Zoe\u{308}"),
        9 => format!("{display} {}", "of the Extremely Long Department Name ".repeat(5)).chars().take(240).collect(),
        _ => display.to_owned(),
    }
}

/// A time in the past, whole seconds.
pub(crate) fn past(now: Timestamp, days: u64, dice: &mut Dice) -> Timestamp {
    let seconds = i64::try_from(dice.between(7_200, days * 86_400)).unwrap_or(7_200);
    whole_second(now.checked_sub(seconds.seconds()).unwrap_or(now))
}
