//! What Graph tells apart when it decides whether an object changed: one bit for each property it can select.

use super::attribute::Text;
use super::entry::Entry;

macro_rules! facets {
    ($($name:ident = $bit:literal),* $(,)?) => {
        $(pub(crate) const $name: u64 = 1 << $bit;)*
    };
}

facets! {
    DISPLAY_NAME = 0, GIVEN_NAME = 1, SURNAME = 2, JOB_TITLE = 3, COMPANY = 4, DEPARTMENT = 5, OFFICE = 6,
    PHONE = 7, MOBILE = 8, FAX = 9, STREET = 10, CITY = 11, STATE = 12, POSTAL_CODE = 13, COUNTRY = 14,
    MAIL = 15, NICKNAME = 16, PROXIES = 17, PRINCIPAL_NAME = 18, USER_TYPE = 19, ENABLED = 20, SHOWN = 21,
    SYNCED = 22, EXTENSION = 23, MANAGER = 24, MEMBERS = 25, CREATION_TYPE = 26, DESCRIPTION = 27, GROUP_KIND = 28,
}

/// The facets that are one text attribute each.
const TEXTS: [(u64, Text); 15] = [
    (DISPLAY_NAME, Text::DisplayName),
    (GIVEN_NAME, Text::FirstName),
    (SURNAME, Text::LastName),
    (JOB_TITLE, Text::Title),
    (COMPANY, Text::Company),
    (DEPARTMENT, Text::Department),
    (OFFICE, Text::Office),
    (PHONE, Text::Phone),
    (MOBILE, Text::MobilePhone),
    (FAX, Text::Fax),
    (STREET, Text::StreetAddress),
    (CITY, Text::City),
    (STATE, Text::StateOrProvince),
    (POSTAL_CODE, Text::PostalCode),
    (COUNTRY, Text::CountryOrRegion),
];

/// The facets in which two states of an object differ.
pub(crate) fn changed(before: &Entry, after: &Entry) -> u64 {
    let mut bits = 0;
    let mut note = |differs: bool, bit: u64| {
        if differs {
            bits |= bit;
        }
    };
    for (bit, text) in TEXTS {
        note(before.text(text) != after.text(text), bit);
    }
    note(before.primary() != after.primary(), MAIL);
    note(before.alias != after.alias, NICKNAME);
    note(before.addresses != after.addresses, PROXIES);
    note(before.upn != after.upn, PRINCIPAL_NAME);
    note(before.is_guest != after.is_guest, USER_TYPE);
    note(before.account_enabled != after.account_enabled, ENABLED);
    note(before.hidden != after.hidden, SHOWN);
    note(before.dir_synced != after.dir_synced, SYNCED);
    note(Text::CUSTOM.iter().any(|custom| before.text(*custom) != after.text(*custom)), EXTENSION);
    note(before.manager != after.manager, MANAGER);
    note(before.members != after.members, MEMBERS);
    note(before.invited != after.invited, CREATION_TYPE);
    note(before.text(Text::Description) != after.text(Text::Description), DESCRIPTION);
    note(before.kind != after.kind, GROUP_KIND);
    bits
}

/// The facets that have a value.
pub(crate) fn set(entry: &Entry) -> u64 {
    let mut bits = USER_TYPE | ENABLED | GROUP_KIND;
    let mut note = |has: bool, bit: u64| {
        if has {
            bits |= bit;
        }
    };
    for (bit, text) in TEXTS {
        note(!entry.text(text).is_empty(), bit);
    }
    note(!entry.primary().is_empty(), MAIL);
    note(!entry.alias.is_empty(), NICKNAME);
    note(!entry.addresses.is_empty(), PROXIES);
    note(entry.upn.is_some(), PRINCIPAL_NAME);
    note(entry.hidden || entry.is_guest, SHOWN);
    note(entry.dir_synced, SYNCED);
    note(Text::CUSTOM.iter().any(|custom| !entry.text(*custom).is_empty()), EXTENSION);
    note(entry.manager.is_some(), MANAGER);
    note(!entry.members.is_empty(), MEMBERS);
    note(entry.invited, CREATION_TYPE);
    note(!entry.text(Text::Description).is_empty(), DESCRIPTION);
    bits
}
