//! Reads tables of a TOML file and remembers everything that is wrong with them, with its place.
//!
//! A getter answers `None` for a key that is absent and for one that is wrong; what is wrong has
//! then been reported. So a whole profile is read in one go, and refused once with all reasons.

use std::cell::{Cell, RefCell};
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use uuid::Uuid;

use crate::error::{Problem, ProfileError, Warning};
use crate::source::Source;

/// What is known to be wrong with one file.
pub(crate) struct Reader<'s> {
    pub(crate) source: Source<'s>,
    /// Lines that are never shown, and texts that are never repeated.
    masked: RefCell<Vec<Range<usize>>>,
    found: RefCell<Vec<(Range<usize>, ProfileError)>>,
    warnings: RefCell<Vec<(Range<usize>, String)>>,
    /// How many errors were reported before a table was read: its follow-ups need not be.
    errors: Cell<usize>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(name: &'s str, text: &'s str) -> Self {
        Self {
            source: Source { name, text },
            masked: RefCell::default(),
            found: RefCell::default(),
            warnings: RefCell::default(),
            errors: Cell::new(0),
        }
    }

    pub(crate) fn error(&self, at: Range<usize>, error: ProfileError) {
        self.found.borrow_mut().push((at, error));
        self.errors.set(self.errors.get() + 1);
    }

    pub(crate) fn impossible(&self, at: Range<usize>, key: &str, reason: impl Into<String>) {
        self.error(at, ProfileError::Impossible { key: key.to_owned(), reason: reason.into() });
    }

    pub(crate) fn warn(&self, at: Range<usize>, message: String) {
        self.warnings.borrow_mut().push((at, message));
    }

    /// Never shows these bytes, nor the lines they stand on.
    pub(crate) fn mask(&self, range: Range<usize>) {
        self.masked.borrow_mut().push(range);
    }

    /// How many errors there are by now.
    pub(crate) fn errors(&self) -> usize {
        self.errors.get()
    }

    /// The problems, sorted by place, and the warnings.
    pub(crate) fn finish(self) -> (Vec<Problem>, Vec<Warning>) {
        let masked = self.masked.into_inner();
        let source = &self.source;
        let hidden: Vec<Range<usize>> = masked.iter().map(|range| source.lines(range)).collect();
        let is_hidden = |at: &Range<usize>| hidden.iter().any(|lines| at.start <= lines.end && lines.start <= at.end);
        let mut found = self.found.into_inner();
        found.sort_by_key(|(at, _)| (at.start, at.end));
        found.dedup();
        let mut problems = Vec::new();
        for (at, error) in found {
            // What else is wrong on the line of a secret might repeat it; it is told once the secret is gone.
            let is_secret = matches!(error, ProfileError::Secret { .. });
            if is_hidden(&at) && !is_secret && !matches!(error, ProfileError::Syntax(_) | ProfileError::Missing { .. }) {
                continue;
            }
            let excerpt = if is_hidden(&at) { None } else { source.excerpt(&at) };
            problems.push(Problem { place: source.place(at.start), error, excerpt });
        }
        let mut warnings = self.warnings.into_inner();
        warnings.sort_by_key(|(at, _)| at.start);
        let warnings = warnings.into_iter().map(|(at, message)| Warning { place: source.place(at.start), message });
        (problems, warnings.collect())
    }
}

/// A text of the file, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Text<'t> {
    pub(crate) value: &'t str,
    pub(crate) at: Range<usize>,
}

/// A table of the file, whose keys have been checked.
pub(crate) struct Table<'r, 't> {
    pub(crate) reader: &'r Reader<'r>,
    entries: &'t DeTable<'t>,
    /// Where it stands: what is missing is reported there.
    pub(crate) at: Range<usize>,
    /// What people call it, with an article.
    pub(crate) what: &'static str,
}

impl<'r, 't> Table<'r, 't> {
    /// Opens a table; keys it does not have are reported.
    pub(crate) fn open(
        reader: &'r Reader<'r>,
        table: &'t DeTable<'t>,
        at: Range<usize>,
        what: &'static str,
        keys: &[&'static str],
    ) -> Self {
        for key in table.keys() {
            if !keys.contains(&key.get_ref().as_ref()) {
                let suggestion = closest(key.get_ref(), keys.iter().copied());
                reader.error(key.span(), ProfileError::UnknownKey { key: key.get_ref().to_string(), table: what, suggestion });
            }
        }
        Self { reader, entries: table, at, what }
    }

    /// Every key with its value, in the order of the file.
    pub(crate) fn entries(&self) -> Vec<(Text<'t>, &'t Spanned<DeValue<'t>>)> {
        let mut entries: Vec<_> = self.entries.iter().map(|(key, value)| (Text { value: key.get_ref(), at: key.span() }, value)).collect();
        entries.sort_by_key(|(key, _)| key.at.start);
        entries
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.entries.get(key)
    }

    /// The place of a key's value, else of the table.
    pub(crate) fn at(&self, key: &str) -> Range<usize> {
        self.get(key).map_or_else(|| self.at.clone(), Spanned::span)
    }

    pub(crate) fn missing(&self, key: &'static str) {
        self.reader.error(self.at.clone(), ProfileError::Missing { key, table: self.what });
    }

    pub(crate) fn text(&self, key: &str) -> Option<Text<'t>> {
        self.reader.text(key, self.get(key)?)
    }

    pub(crate) fn required(&self, key: &'static str) -> Option<Text<'t>> {
        if !self.has(key) {
            self.missing(key);
        }
        self.text(key)
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.reader.wrong_type(key, "true or false", value);
        }
        flag
    }

    /// A whole number in a range.
    pub(crate) fn count(&self, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.get(key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            self.reader.wrong_type(key, "a whole number", value);
            return None;
        };
        let count = u64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|count| range.contains(count));
        if count.is_none() {
            self.reader.impossible(value.span(), key, format!("must be from {} to {}", range.start(), range.end()));
        }
        count
    }

    /// A share: a number from 0 to 1.
    pub(crate) fn share(&self, key: &str) -> Option<f64> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Integer(number) => number.as_str().parse::<f64>().ok().filter(|_| number.radix() == 10),
            DeValue::String(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                self.reader.wrong_type(key, "a share from 0 to 1", value);
                return None;
            }
        };
        let share = number.filter(|share| (0.0..=1.0).contains(share));
        if share.is_none() {
            self.reader.impossible(value.span(), key, "must be a share from 0 to 1, such as 0.10");
        }
        share
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&self, key: &str, words: &[(&'static str, T)]) -> Option<T> {
        self.reader.word(key, &self.text(key)?, words)
    }

    /// A GUID.
    pub(crate) fn guid(&self, key: &str) -> Option<Uuid> {
        self.reader.guid(key, &self.text(key)?)
    }

    pub(crate) fn required_guid(&self, key: &'static str) -> Option<Uuid> {
        self.reader.guid(key, &self.required(key)?)
    }

    /// A list of texts; empty where there is none.
    pub(crate) fn texts(&self, key: &str) -> Vec<Text<'t>> {
        self.get(key).map(|value| self.reader.texts(key, value)).unwrap_or_default()
    }

    /// Whether a key has a list without entries.
    pub(crate) fn has_empty_list(&self, key: &str) -> bool {
        self.get(key).and_then(|value| value.get_ref().as_array()).is_some_and(|list| list.is_empty())
    }

    /// A list of tables.
    pub(crate) fn tables(&self, key: &str, what: &'static str, keys: &[&'static str]) -> Vec<Table<'r, 't>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(values) = value.get_ref().as_array() else {
            self.reader.wrong_type(key, "a list of tables", value);
            return Vec::new();
        };
        values.iter().filter_map(|value| self.reader.table(key, value, what, keys)).collect()
    }

    /// A table in this table.
    pub(crate) fn table(&self, key: &str, what: &'static str, keys: &[&'static str]) -> Option<Table<'r, 't>> {
        self.reader.table(key, self.get(key)?, what, keys)
    }
}

impl Reader<'_> {
    pub(crate) fn wrong_type(&self, key: &str, expected: &'static str, value: &Spanned<DeValue<'_>>) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(value.span(), ProfileError::WrongType { key: key.to_owned(), expected, found });
    }

    pub(crate) fn text<'t>(&self, key: &str, value: &'t Spanned<DeValue<'t>>) -> Option<Text<'t>> {
        let text = value.get_ref().as_str().map(|text| Text { value: text, at: value.span() });
        if text.is_none() {
            self.wrong_type(key, "a text", value);
        }
        text
    }

    pub(crate) fn texts<'t>(&self, key: &str, value: &'t Spanned<DeValue<'t>>) -> Vec<Text<'t>> {
        let Some(values) = value.get_ref().as_array() else {
            self.wrong_type(key, "a list of texts", value);
            return Vec::new();
        };
        values.iter().filter_map(|value| self.text(key, value)).collect()
    }

    pub(crate) fn word<T: Copy>(&self, key: &str, text: &Text<'_>, words: &[(&'static str, T)]) -> Option<T> {
        let meant = words.iter().find(|(word, _)| *word == text.value).map(|(_, meaning)| *meaning);
        if meant.is_none() {
            let words: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
            let suggestion = closest(text.value, words.iter().copied());
            self.error(text.at.clone(), ProfileError::UnknownWord { key: key.to_owned(), word: text.value.to_owned(), words, suggestion });
        }
        meant
    }

    pub(crate) fn guid(&self, key: &str, text: &Text<'_>) -> Option<Uuid> {
        // Other spellings that the crate takes (braces, urn:) are not what Microsoft shows.
        let guid = Some(text.value).filter(|text| text.len() == 36).and_then(|text| Uuid::parse_str(text).ok());
        match guid {
            Some(guid) if !guid.is_nil() => return guid.into(),
            Some(_) => self.impossible(text.at.clone(), key, "is the GUID of nothing: put the real one here"),
            None => self.impossible(text.at.clone(), key, "must be a GUID, as 00000000-0000-0000-0000-000000000000"),
        }
        None
    }

    fn table<'r, 't>(
        &'r self,
        key: &str,
        value: &'t Spanned<DeValue<'t>>,
        what: &'static str,
        keys: &[&'static str],
    ) -> Option<Table<'r, 't>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Table::open(self, table, value.span(), what, keys)),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => {
                self.wrong_type(key, "a table", value);
                None
            }
        }
    }
}

/// The word that is most like another one, if it is like it at all.
pub(crate) fn closest<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    // Long texts are no typing errors, and comparing them costs.
    if text.len() > 64 {
        return None;
    }
    let text = text.to_lowercase().replace('-', "_");
    let likeness = words.map(|word| (strsim::damerau_levenshtein(&text, &word.replace('-', "_")), word));
    likeness
        .filter(|(distance, word)| *distance <= word.len().max(3) / 3 && *distance < word.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}
