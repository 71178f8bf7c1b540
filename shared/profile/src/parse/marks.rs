//! `foreign_marks`, of the profile and of a pair. A pair has both, the profile's first.

use std::ops::Range;

use gal::Field;
use gal::scope::{ForeignMark, MarkPlace, Name};

use crate::error::ProfileError;
use crate::keys;
use crate::reader::{Table, closest};

/// A mark, and where it stands.
pub(super) type Placed = (ForeignMark, Range<usize>);

pub(super) fn read(table: &Table<'_, '_>) -> Vec<Placed> {
    let marks = table.tables("foreign_marks", "a foreign mark", keys::FOREIGN_MARK);
    let read = marks.iter().filter_map(|mark| {
        let attribute = mark.required("attribute");
        let matches = mark.required("matches");
        let attribute = attribute?;
        let place = match Name::from_key(attribute.value) {
            Some(Name::Name) => Some(MarkPlace::Name),
            Some(Name::Field(field)) => Some(MarkPlace::Field(field)),
            // Exchange's own spelling is what other tools' manuals say.
            None => Field::from_property(attribute.value).map(MarkPlace::Field),
            Some(Name::Kind | Name::Hidden | Name::Enabled | Name::DirectorySynced) => None,
        };
        if place.is_none() {
            let suggestion = closest(attribute.value, Name::keys());
            let words = vec!["name", "custom_attribute_1", "any other field"];
            mark.reader.error(
                attribute.at,
                ProfileError::UnknownWord { key: "attribute".to_owned(), word: attribute.value.to_owned(), words, suggestion },
            );
        }
        let matches = matches?;
        if matches.value.is_empty() {
            mark.reader.impossible(matches.at, "matches", "is empty: it would match everybody");
            return None;
        }
        Some((ForeignMark { place: place?, matches: matches.value.to_owned() }, matches.at))
    });
    read.collect()
}
