//! Bases: what both sides of a link said when they were last in step.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::field::Field;
use crate::values::{Values, fingerprint};

/// What was last written or read on one side of a link: a fingerprint for each field that had a
/// value. A base is made from results, never from intentions, so that a side written to is never
/// remembered as it was before (STYLE.md, the two defects).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Base(Box<[u8]>);

/// One entry: the field's number and eight bytes of fingerprint.
const ENTRY: usize = 9;

impl Base {
    /// The base that holds exactly these values, in their compared form.
    pub fn of(values: &Values) -> Self {
        Self::from_entries(values.iter().map(|(field, value)| (field, fingerprint(&crate::normalise::compared(field, value)))).collect())
    }

    fn from_entries(entries: BTreeMap<Field, u64>) -> Self {
        let mut bytes = Vec::with_capacity(entries.len() * ENTRY);
        for (field, print) in entries {
            bytes.push(field as u8);
            bytes.extend_from_slice(&print.to_le_bytes());
        }
        Self(bytes.into_boxed_slice())
    }

    fn entries(&self) -> impl Iterator<Item = (Field, u64)> {
        entries(&self.0)
    }

    /// The packed form.
    pub(crate) fn packed(&self) -> &[u8] {
        &self.0
    }

    /// From the packed form of another base.
    pub(crate) fn from_packed(packed: &[u8]) -> Self {
        Self(packed.into())
    }

    /// The fingerprint of a field, `None` if it was blank.
    pub fn get(&self, field: Field) -> Option<u64> {
        self.entries().find(|(candidate, _)| *candidate >= field).filter(|(candidate, _)| *candidate == field).map(|(_, print)| print)
    }

    /// How a value of a field is remembered; `None` if it is blank. Spellings that the service treats alike are alike.
    pub fn print(field: Field, value: Option<&str>) -> Option<u64> {
        value.filter(|value| !value.is_empty()).map(|value| fingerprint(&crate::normalise::compared(field, value)))
    }

    /// Whether a value is the one that was remembered.
    pub fn holds(&self, field: Field, value: Option<&str>) -> bool {
        self.get(field) == Self::print(field, value)
    }

    /// A copy that remembers these values of these fields.
    #[must_use]
    pub fn with<'v>(&self, changes: impl IntoIterator<Item = (Field, Option<&'v str>)>) -> Self {
        let prints: Vec<_> = changes.into_iter().map(|(field, value)| (field, Self::print(field, value))).collect();
        self.with_prints(&prints)
    }

    /// A copy that remembers these prints of these fields.
    #[must_use]
    pub fn with_prints(&self, changes: &[(Field, Option<u64>)]) -> Self {
        let mut entries: BTreeMap<Field, u64> = self.entries().collect();
        for (field, print) in changes {
            match print {
                Some(print) => entries.insert(*field, *print),
                None => entries.remove(field),
            };
        }
        Self::from_entries(entries)
    }
}

/// The entries of a packed base.
pub(crate) fn entries(packed: &[u8]) -> impl Iterator<Item = (Field, u64)> {
    packed.chunks_exact(ENTRY).filter_map(|entry| {
        let (&number, print) = entry.split_first()?;
        Some((Field::from_number(number)?, u64::from_le_bytes(print.try_into().ok()?)))
    })
}

impl fmt::Debug for Base {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.entries()).finish()
    }
}

impl Serialize for Base {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries().map(|(field, print)| (field.property(), format!("{print:016x}"))))
    }
}

impl<'de> Deserialize<'de> for Base {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<String, String>::deserialize(deserializer)?;
        let entries = map
            .iter()
            .filter_map(|(property, print)| Some((Field::from_property(property)?, u64::from_str_radix(print, 16).ok()?)))
            .collect();
        Ok(Self::from_entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_remembers_spelling_independent_values() {
        let base = Base::of(&[(Field::ExternalEmailAddress, "Ann@A.example"), (Field::Title, "Clerk")].into_iter().collect());
        assert!(base.holds(Field::ExternalEmailAddress, Some("SMTP:ann@a.EXAMPLE")));
        assert!(base.holds(Field::Title, Some("Clerk")));
        assert!(!base.holds(Field::Title, None));
        assert!(base.holds(Field::City, None));
        let next = base.with([(Field::Title, None), (Field::City, Some("Bern"))]);
        assert!(next.holds(Field::Title, None) && next.holds(Field::City, Some("Bern")));
    }
}
