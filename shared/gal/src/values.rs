//! The attribute values of one recipient, packed into one allocation.
//!
//! A directory of a million people has tens of millions of values; a map per person would cost
//! gigabytes. [`Values`] is one boxed byte string: for each field that has a value, in the
//! table's order, its number, the length, and the text.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

use crate::field::Field;

/// The values of a recipient. A field without a value is blank; an empty string is never stored.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Values(Box<[u8]>);

impl Values {
    /// The value of a field, `None` if blank.
    pub fn get(&self, wanted: Field) -> Option<&str> {
        self.iter().find(|(field, _)| *field >= wanted).filter(|(field, _)| *field == wanted).map(|(_, value)| value)
    }

    /// The fields that have a value, in the table's order.
    pub fn iter(&self) -> Iter<'_> {
        iter(&self.0)
    }

    /// The packed form.
    pub(crate) fn packed(&self) -> &[u8] {
        &self.0
    }

    /// From the packed form of other values.
    pub(crate) fn from_packed(packed: &[u8]) -> Self {
        Self(packed.into())
    }

    /// Whether every field is blank.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy in which `field` has this value, or is blank.
    #[must_use]
    pub fn with(&self, field: Field, value: Option<&str>) -> Self {
        let mut map: BTreeMap<Field, &str> = self.iter().collect();
        match value {
            Some(value) => map.insert(field, value),
            None => map.remove(&field),
        };
        map.into_iter().collect()
    }

    /// A copy with each of the changes made in turn.
    #[must_use]
    pub fn with_all<'v>(&'v self, changes: impl IntoIterator<Item = (Field, Option<&'v str>)>) -> Self {
        let mut map: BTreeMap<Field, &str> = self.iter().collect();
        for (field, value) in changes {
            match value {
                Some(value) => map.insert(field, value),
                None => map.remove(&field),
            };
        }
        map.into_iter().collect()
    }

    /// A fingerprint of all values as they stand. Stable across versions of galbridge.
    pub fn fingerprint(&self) -> u64 {
        xxh3_64(&self.0)
    }
}

impl<'v> IntoIterator for &'v Values {
    type Item = (Field, &'v str);
    type IntoIter = Iter<'v>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The fingerprint of one value. Stable across versions of galbridge: it is stored in bases.
pub fn fingerprint(value: &str) -> u64 {
    xxh3_64(value.as_bytes())
}

/// The fields and values of a packed form.
fn iter(packed: &[u8]) -> Iter<'_> {
    Iter { rest: packed }
}

/// The fields and the bytes of their values, in a packed form.
pub(crate) fn raw(packed: &[u8]) -> impl Iterator<Item = (Field, &[u8])> {
    let mut rest = packed;
    std::iter::from_fn(move || split(&mut rest))
}

/// Takes one field off the front of a packed form.
fn split<'v>(rest: &mut &'v [u8]) -> Option<(Field, &'v [u8])> {
    let (&number, after) = rest.split_first()?;
    let (length, after) = read_length(after)?;
    let (text, after) = after.split_at_checked(length)?;
    *rest = after;
    Some((Field::from_number(number)?, text))
}

/// Iterates over the fields that have a value.
#[derive(Debug)]
pub struct Iter<'v> {
    rest: &'v [u8],
}

impl<'v> Iterator for Iter<'v> {
    type Item = (Field, &'v str);

    fn next(&mut self) -> Option<Self::Item> {
        let (field, text) = split(&mut self.rest)?;
        Some((field, std::str::from_utf8(text).ok()?))
    }
}

/// Lengths below 255 take one byte, others five.
fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < u8::MAX {
        return Some((usize::from(first), rest));
    }
    let (length, rest) = rest.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*length)).ok()?, rest))
}

fn write_length(bytes: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < u8::MAX => bytes.push(short),
        Ok(_) | Err(_) => {
            bytes.push(u8::MAX);
            bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        }
    }
}

impl<'v> FromIterator<(Field, &'v str)> for Values {
    /// Later values of a field replace earlier ones; blank ones are left out.
    fn from_iter<T: IntoIterator<Item = (Field, &'v str)>>(values: T) -> Self {
        let map: BTreeMap<Field, &str> = values.into_iter().collect();
        let mut bytes = Vec::new();
        for (field, value) in map {
            if value.is_empty() {
                continue;
            }
            bytes.push(field as u8);
            write_length(&mut bytes, value.len());
            bytes.extend_from_slice(value.as_bytes());
        }
        Self(bytes.into_boxed_slice())
    }
}

impl FromIterator<(Field, String)> for Values {
    fn from_iter<T: IntoIterator<Item = (Field, String)>>(values: T) -> Self {
        let map: BTreeMap<Field, String> = values.into_iter().collect();
        map.iter().map(|(field, value)| (*field, value.as_str())).collect()
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(field, value)| (field.property(), value)))
    }
}

impl<'de> Deserialize<'de> for Values {
    /// Properties this version does not know are dropped: an older state stays readable.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<String, String>::deserialize(deserializer)?;
        Ok(map.iter().filter_map(|(property, value)| Some((Field::from_property(property)?, value.as_str()))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(entries in prop::collection::btree_map(0_u8..40, ".{0,400}", 0..20)) {
            let entries: BTreeMap<Field, String> =
                entries.into_iter().filter_map(|(n, v)| Some((Field::from_number(n)?, v))).collect();
            let values: Values = entries.clone().into_iter().collect();
            for field in Field::all() {
                let expected = entries.get(&field).map(String::as_str).filter(|v| !v.is_empty());
                prop_assert_eq!(values.get(field), expected);
            }
            let json = serde_json::to_string(&values).unwrap();
            prop_assert_eq!(serde_json::from_str::<Values>(&json).unwrap(), values);
        }

        /// Below 255 bytes a length takes one of them: a directory is held in memory.
        #[test]
        fn a_length_takes_as_little_as_it_needs(length in 1_usize..600) {
            let text = "x".repeat(length);
            let values: Values = [(Field::Title, text.as_str())].into_iter().collect();
            prop_assert_eq!(values.packed().len(), length + if length < 255 { 2 } else { 6 });
            prop_assert_eq!(values.get(Field::Title), Some(text.as_str()));
            let told = format!("{values:?}");
            prop_assert!(told.contains(&text));
        }

        #[test]
        fn with_all_makes_each_change_in_turn(value in ".{1,20}") {
            let values: Values = [(Field::Title, "Clerk"), (Field::City, "Bern")].into_iter().collect();
            let changed = values.with_all([(Field::Title, Some("Head")), (Field::Title, Some(&value)), (Field::City, None)]);
            prop_assert_eq!(&changed, &values.with(Field::Title, Some(&value)).with(Field::City, None));
            prop_assert!(!changed.is_empty() && Values::default().is_empty());
            prop_assert_eq!(changed.fingerprint(), values.with(Field::City, None).with(Field::Title, Some(&value)).fingerprint());
            prop_assert!(changed.fingerprint() != values.fingerprint() || changed == values);
        }

        #[test]
        fn with_changes_one_field_only(value in ".{0,20}") {
            let values: Values = [(Field::Title, "Clerk"), (Field::City, "Bern")].into_iter().collect();
            let changed = values.with(Field::Title, Some(&value));
            prop_assert_eq!(changed.get(Field::City), Some("Bern"));
            prop_assert_eq!(changed.get(Field::Title), Some(value.as_str()).filter(|v| !v.is_empty()));
        }
    }
}
