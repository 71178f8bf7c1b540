//! The field table: one row for every attribute of the address list (MICROSOFT.md 3.3).
//!
//! Adding a field is adding a row. Everything else (reading, mapping, merging, writing, the
//! profile's keys, the preview) is one function over this table.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The cmdlet that writes a field of a mail contact (MICROSOFT.md 3.3 and 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cmdlet {
    /// `Set-MailContact`: addresses, hidden flag, custom attributes, MailTip.
    SetMailContact,
    /// `Set-Contact`: names, phones, postal address and the other attributes of a person.
    SetContact,
}

/// How two spellings of a field are recognised as one value (law 7: compare what the service will
/// give back, not what was sent). Implemented in [`crate::normalise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normaliser {
    /// Outer white space does not count; everything else does.
    Text,
    /// An SMTP address: no `SMTP:` prefix, any case.
    Address,
    /// A country: ISO code or friendly name, compared by the friendly name Exchange answers.
    Country,
    /// A MailTip: the `<html><body>` wrapping that Exchange adds does not count.
    MailTip,
    /// The name of another recipient: any case.
    Name,
    /// A set of values, one a line: order and repetition do not count.
    Set,
}

/// One row of the table.
#[derive(Debug)]
pub struct FieldRow {
    /// The field.
    pub field: Field,
    /// Exchange's property name, used on the wire, in the preview and in run records.
    pub property: &'static str,
    /// The key in the profile's `mapping` and in templates.
    pub key: &'static str,
    /// Graph's property of a user that holds it, if one does (MICROSOFT.md 3.2).
    pub graph: Option<&'static str>,
    /// The cmdlet that writes it on a mail contact.
    pub cmdlet: Cmdlet,
    /// The longest value Exchange takes, in UTF-16 code units, as Exchange counts.
    pub limit: usize,
    /// How spellings are compared.
    pub normaliser: Normaliser,
    /// Whether it is published when the profile says nothing.
    pub default_on: bool,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident, $key:literal, $graph:expr, $cmdlet:ident, $limit:literal, $norm:ident, $on:literal;)*) => {
        /// An attribute of a recipient, named as Exchange names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Field { $($(#[$doc])* $name,)* }

        /// The table. Row `n` describes the field with number `n`.
        pub static TABLE: &[FieldRow] = &[$(FieldRow {
            field: Field::$name, property: stringify!($name), key: $key, graph: $graph,
            cmdlet: Cmdlet::$cmdlet, limit: $limit, normaliser: Normaliser::$norm, default_on: $on,
        },)*];
    };
}

fields! {
    // field, profile key, Graph property, cmdlet, limit, normaliser, default on
    /// The name shown in the address list.
    DisplayName, "display_name", Some("displayName"), SetContact, 256, Text, true;
    /// Given name.
    FirstName, "first_name", Some("givenName"), SetContact, 64, Text, true;
    /// Family name.
    LastName, "last_name", Some("surname"), SetContact, 64, Text, true;
    /// Initials.
    Initials, "initials", None, SetContact, 6, Text, true;
    /// Job title.
    Title, "title", Some("jobTitle"), SetContact, 128, Text, true;
    /// Company.
    Company, "company", Some("companyName"), SetContact, 64, Text, true;
    /// Department.
    Department, "department", Some("department"), SetContact, 64, Text, true;
    /// Office.
    Office, "office", Some("officeLocation"), SetContact, 128, Text, true;
    /// Business phone.
    Phone, "phone", Some("businessPhones"), SetContact, 64, Text, true;
    /// Mobile phone.
    MobilePhone, "mobile_phone", Some("mobilePhone"), SetContact, 64, Text, true;
    /// Fax.
    Fax, "fax", Some("faxNumber"), SetContact, 64, Text, true;
    /// Home phone; personal, so off by default.
    HomePhone, "home_phone", None, SetContact, 64, Text, false;
    /// Pager.
    Pager, "pager", None, SetContact, 64, Text, false;
    /// Further business phones, one a line.
    OtherTelephone, "other_telephone", None, SetContact, 64, Set, false;
    /// Further faxes, one a line.
    OtherFax, "other_fax", None, SetContact, 64, Set, false;
    /// Further home phones, one a line.
    OtherHomePhone, "other_home_phone", None, SetContact, 64, Set, false;
    /// Street; off by default.
    StreetAddress, "street_address", Some("streetAddress"), SetContact, 1024, Text, false;
    /// City.
    City, "city", Some("city"), SetContact, 128, Text, true;
    /// State or province.
    StateOrProvince, "state", Some("state"), SetContact, 128, Text, true;
    /// Postal code.
    PostalCode, "postal_code", Some("postalCode"), SetContact, 40, Text, true;
    /// Country.
    CountryOrRegion, "country", Some("country"), SetContact, 128, Country, true;
    /// Notes; off by default.
    Notes, "notes", None, SetContact, 1024, Text, false;
    /// The manager, as the Name of the manager's published contact in the target.
    Manager, "manager", None, SetContact, 256, Name, true;
    /// How the display name is pronounced and sorted.
    PhoneticDisplayName, "phonetic_display_name", None, SetContact, 256, Text, true;
    /// The assistant's name; off by default.
    AssistantName, "assistant_name", None, SetContact, 256, Text, false;
    /// The assistant's phone; off by default.
    TelephoneAssistant, "assistant_phone", None, SetContact, 64, Text, false;
    /// Web page.
    WebPage, "web_page", None, SetContact, 2048, Text, true;
    /// The address mail is sent to. Always published; the profile's `routing_address` chooses it.
    ExternalEmailAddress, "address", None, SetMailContact, 320, Address, true;
    /// The hint shown above a message to this recipient.
    MailTip, "mail_tip", None, SetMailContact, 175, MailTip, false;
    /// Custom attribute 1; off by default, as are its siblings.
    CustomAttribute1, "custom_attribute_1", Some("extensionAttribute1"), SetMailContact, 1024, Text, false;
    /// Custom attribute 2.
    CustomAttribute2, "custom_attribute_2", Some("extensionAttribute2"), SetMailContact, 1024, Text, false;
    /// Custom attribute 3.
    CustomAttribute3, "custom_attribute_3", Some("extensionAttribute3"), SetMailContact, 1024, Text, false;
    /// Custom attribute 4.
    CustomAttribute4, "custom_attribute_4", Some("extensionAttribute4"), SetMailContact, 1024, Text, false;
    /// Custom attribute 5.
    CustomAttribute5, "custom_attribute_5", Some("extensionAttribute5"), SetMailContact, 1024, Text, false;
    /// Custom attribute 6.
    CustomAttribute6, "custom_attribute_6", Some("extensionAttribute6"), SetMailContact, 1024, Text, false;
    /// Custom attribute 7.
    CustomAttribute7, "custom_attribute_7", Some("extensionAttribute7"), SetMailContact, 1024, Text, false;
    /// Custom attribute 8.
    CustomAttribute8, "custom_attribute_8", Some("extensionAttribute8"), SetMailContact, 1024, Text, false;
    /// Custom attribute 9.
    CustomAttribute9, "custom_attribute_9", Some("extensionAttribute9"), SetMailContact, 1024, Text, false;
    /// Custom attribute 10.
    CustomAttribute10, "custom_attribute_10", Some("extensionAttribute10"), SetMailContact, 1024, Text, false;
    /// Custom attribute 11.
    CustomAttribute11, "custom_attribute_11", Some("extensionAttribute11"), SetMailContact, 1024, Text, false;
    /// Custom attribute 12.
    CustomAttribute12, "custom_attribute_12", Some("extensionAttribute12"), SetMailContact, 1024, Text, false;
    /// Custom attribute 13.
    CustomAttribute13, "custom_attribute_13", Some("extensionAttribute13"), SetMailContact, 1024, Text, false;
    /// Custom attribute 14.
    CustomAttribute14, "custom_attribute_14", Some("extensionAttribute14"), SetMailContact, 1024, Text, false;
    /// Custom attribute 15; the usual place of the stamp.
    CustomAttribute15, "custom_attribute_15", Some("extensionAttribute15"), SetMailContact, 1024, Text, false;
    /// Multi-valued custom attribute 1, one value a line.
    ExtensionCustomAttribute1, "extension_custom_attribute_1", None, SetMailContact, 2048, Set, false;
    /// Multi-valued custom attribute 2.
    ExtensionCustomAttribute2, "extension_custom_attribute_2", None, SetMailContact, 2048, Set, false;
    /// Multi-valued custom attribute 3.
    ExtensionCustomAttribute3, "extension_custom_attribute_3", None, SetMailContact, 2048, Set, false;
    /// Multi-valued custom attribute 4.
    ExtensionCustomAttribute4, "extension_custom_attribute_4", None, SetMailContact, 2048, Set, false;
    /// Multi-valued custom attribute 5.
    ExtensionCustomAttribute5, "extension_custom_attribute_5", None, SetMailContact, 2048, Set, false;
}

impl Field {
    /// All fields, in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.field)
    }

    /// The row of the table that describes this field.
    pub fn row(self) -> &'static FieldRow {
        &TABLE[self as usize]
    }

    /// Exchange's property name, such as `Title`.
    pub fn property(self) -> &'static str {
        self.row().property
    }

    /// The field with this number, as stored in [`crate::Values`].
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        TABLE.get(usize::from(number)).map(|row| row.field)
    }

    /// The field that Exchange calls `property`, in any case.
    pub fn from_property(property: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.property.eq_ignore_ascii_case(property)).map(|row| row.field)
    }

    /// The field that the profile and the templates call `key`.
    pub fn from_key(key: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.key == key).map(|row| row.field)
    }

    /// Whether the field holds a set of values, one a line.
    pub fn is_set(self) -> bool {
        self.row().normaliser == Normaliser::Set
    }

    /// The custom attribute with this number, 1 to 15.
    pub fn custom_attribute(number: u8) -> Option<Self> {
        (1..=15).contains(&number).then(|| Self::from_number(Self::CustomAttribute1 as u8 + number - 1)).flatten()
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.property())
    }
}

/// A set of fields, as one word. Iterates in the table's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(u64);

impl FieldSet {
    /// The fields that are published when the profile says nothing.
    pub fn defaults() -> Self {
        TABLE.iter().filter(|row| row.default_on).map(|row| row.field).collect()
    }

    /// Whether the set has this field.
    pub fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u8) != 0
    }

    /// Adds a field.
    pub fn insert(&mut self, field: Field) {
        self.0 |= 1 << field as u8;
    }

    /// Removes a field.
    pub fn remove(&mut self, field: Field) {
        self.0 &= !(1 << field as u8);
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The fields, in the table's order.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::all().filter(move |field| self.contains(*field))
    }
}

impl FromIterator<Field> for FieldSet {
    fn from_iter<T: IntoIterator<Item = Field>>(fields: T) -> Self {
        let mut set = Self::default();
        for field in fields {
            set.insert(field);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_the_number_of_its_field() {
        for (number, row) in TABLE.iter().enumerate() {
            assert_eq!(row.field as usize, number);
        }
        assert!(TABLE.len() <= 64, "a FieldSet is one word");
    }

    #[test]
    fn keys_and_properties_are_unique() {
        for row in TABLE {
            assert_eq!(Field::from_key(row.key), Some(row.field));
            assert_eq!(Field::from_property(row.property), Some(row.field));
        }
    }

    #[test]
    fn sets() {
        assert!(Field::all().any(Field::is_set) && !Field::Title.is_set());
        let mut set = FieldSet::default();
        assert!(set.is_empty());
        set.insert(Field::Title);
        assert!(!set.is_empty() && set.contains(Field::Title));
    }

    #[test]
    fn custom_attributes_are_numbered_one_to_fifteen() {
        assert_eq!(Field::custom_attribute(15), Some(Field::CustomAttribute15));
        assert_eq!(Field::custom_attribute(0), None);
        assert_eq!(Field::custom_attribute(16), None);
    }
}
