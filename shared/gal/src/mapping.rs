//! What is published of a source: per field on, off, or a template.
//!
//! Templates are minijinja with a bounded budget. They may name every field of the table by its
//! key, `name`, `kind`, `hidden`, `enabled` and `directory_synced`; a blank field is `""`. Beside
//! minijinja's own filters there is `e164('CH')` for phone numbers.

mod affix;
mod template;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::field::{Field, FieldSet};
use crate::normalise;
use crate::reason::Note;
use crate::recipient::{Kind, Recipient};
use crate::setting::{Setting, SettingError};
use crate::values::Values;
use affix::Affix;
use template::Templates;

/// What the profile says of one field.
///
/// `Serialize` is for fingerprints: equal settings serialize equally.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldMapping {
    /// Published as it is.
    On,
    /// Not published.
    Off,
    /// Published as this minijinja template renders it.
    Template(String),
}

/// What is published, compiled.
#[derive(Clone, Debug)]
pub struct Mapping {
    fields: FieldSet,
    /// Published fields that are no plain copies; they are left out of the fast path.
    templated: FieldSet,
    display_name: Option<Affix>,
    templates: Templates,
}

/// What a source looks like in the target's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    /// The values the contact should have, within Exchange's limits.
    pub values: Values,
    /// Fields that cannot be said for this recipient and are left alone (a template failed, a country Exchange does not take).
    pub left_alone: FieldSet,
    /// What a person should know, sorted.
    pub notes: Vec<Note>,
}

/// What a source is called: its display name, else its Name, else its address.
fn shown_name<'v>(recipient: &'v Recipient, address: &'v str) -> &'v str {
    Some(recipient.title()).filter(|title| !title.trim().is_empty()).unwrap_or(address)
}

impl Mapping {
    /// Compiles the settings; fields that are not named keep their default. The first error, in the order of the fields.
    pub fn compile(settings: &BTreeMap<Field, FieldMapping>) -> Result<Self, SettingError> {
        Self::compile_all(settings).map_err(|mut errors| errors.swap_remove(0))
    }

    /// Everything that is wrong with the settings, for a profile that is refused only once.
    pub fn problems(settings: &BTreeMap<Field, FieldMapping>) -> Vec<SettingError> {
        Self::compile_all(settings).err().unwrap_or_default()
    }

    /// The fields that are published.
    pub fn fields(&self) -> FieldSet {
        self.fields
    }

    /// The projection of a source: templates applied, values cut to Exchange's limits.
    ///
    /// `address` is the routing address; `manager` the Name of the manager's published contact in the target.
    /// A source without display name is shown by its Name, as Exchange does.
    pub fn project(&self, recipient: &Recipient, address: &str, manager: Option<&str>) -> Projection {
        let mut draft = Draft::default();
        for (field, value) in &recipient.values {
            let is_plain = self.fields.contains(field) && !self.templated.contains(field);
            if is_plain && !matches!(field, Field::ExternalEmailAddress | Field::Manager | Field::DisplayName) {
                draft.say(field, normalise::shown(field, value));
            }
        }
        self.say_display_name(recipient, address, &mut draft);
        for (field, text) in self.templates.render(recipient, address) {
            match text {
                // Nobody is shown without a name: rooms and groups have no first and last one.
                Ok(text) if field == Field::DisplayName && text.trim().is_empty() => {
                    draft.say(field, normalise::shown(field, shown_name(recipient, address)));
                }
                Ok(text) => draft.say(field, Cow::Owned(normalise::shown(field, &text).into_owned())),
                Err(error) => draft.leave_alone(field, Note::TemplateFailed { field, error }),
            }
        }
        draft.values.push((Field::ExternalEmailAddress, normalise::shown(Field::ExternalEmailAddress, address)));
        self.say_manager(recipient, manager, &mut draft);
        if recipient.kind == Kind::Room {
            draft.notes.push(Note::RoomBooking);
        }
        draft.finish()
    }

    /// The values of a peer, copied without templates: the published fields, within Exchange's limits.
    pub fn copy(&self, recipient: &Recipient, manager: Option<&str>) -> Projection {
        let mut draft = Draft::default();
        for (field, value) in &recipient.values {
            if self.fields.contains(field) && !matches!(field, Field::ExternalEmailAddress | Field::Manager) {
                draft.say(field, normalise::shown(field, value));
            }
        }
        let address = recipient.values.get(Field::ExternalEmailAddress).or(recipient.primary.as_deref()).unwrap_or_default();
        draft.values.push((Field::ExternalEmailAddress, normalise::shown(Field::ExternalEmailAddress, address)));
        self.say_manager(recipient, manager, &mut draft);
        draft.finish()
    }

    fn compile_all(settings: &BTreeMap<Field, FieldMapping>) -> Result<Self, Vec<SettingError>> {
        let mut fields = FieldSet::defaults();
        let mut templated = FieldSet::default();
        let mut display_name = None;
        let mut sources = BTreeMap::new();
        let mut errors = Vec::new();
        for (&field, mapping) in settings {
            let not_possible = |reason| SettingError::NotPossible { setting: Setting::Mapping(field), reason };
            match (mapping, field) {
                (FieldMapping::Off, Field::ExternalEmailAddress) => {
                    errors.push(not_possible("the address is always published"));
                }
                (FieldMapping::Template(_), Field::ExternalEmailAddress) => {
                    errors.push(not_possible("the address takes no template; `routing_address` of the scope chooses it"));
                }
                (FieldMapping::Template(_), Field::Manager) => {
                    errors.push(not_possible("the manager is on or off; it is the manager's own published contact"));
                }
                (FieldMapping::On, field) => fields.insert(field),
                (FieldMapping::Off, field) => fields.remove(field),
                (FieldMapping::Template(source), field) => {
                    fields.insert(field);
                    templated.insert(field);
                    match Affix::recognise(source, field.row().limit).filter(|_| field == Field::DisplayName) {
                        Some(Ok(affix)) => display_name = Some(affix),
                        Some(Err(affix::NoRoom)) => errors.push(not_possible("the words around the name leave no room for it")),
                        None => {
                            sources.insert(field, source.as_str());
                        }
                    }
                }
            }
        }
        let templates = Templates::compile(&sources).unwrap_or_else(|more| {
            errors.extend(more);
            Templates::default()
        });
        errors.sort_by_key(SettingError::setting);
        if errors.is_empty() { Ok(Self { fields, templated, display_name, templates }) } else { Err(errors) }
    }

    fn say_display_name<'v>(&self, recipient: &'v Recipient, address: &'v str, draft: &mut Draft<'v>) {
        let field = Field::DisplayName;
        let title = shown_name(recipient, address);
        match &self.display_name {
            Some(affix) => {
                let (name, was_cut) = affix.apply(title);
                if was_cut {
                    draft.notes.push(Note::Cut { field, limit: field.row().limit });
                }
                draft.values.push((field, Cow::Owned(name)));
            }
            None if self.templated.contains(field) || !self.fields.contains(field) => {}
            None => draft.say(field, normalise::shown(field, title)),
        }
    }

    fn say_manager(&self, recipient: &Recipient, manager: Option<&str>, draft: &mut Draft<'_>) {
        if !self.fields.contains(Field::Manager) {
            return;
        }
        match manager.map(str::trim).filter(|manager| !manager.is_empty()) {
            Some(manager) => draft.values.push((Field::Manager, Cow::Owned(manager.to_owned()))),
            None if recipient.manager_name.is_some() => draft.notes.push(Note::ManagerNotPublished),
            None => {}
        }
    }
}

/// A projection in the making.
#[derive(Default)]
struct Draft<'v> {
    values: Vec<(Field, Cow<'v, str>)>,
    left_alone: FieldSet,
    notes: Vec<Note>,
}

impl<'v> Draft<'v> {
    /// Says a value that is in its shown form, within the field's limit.
    fn say(&mut self, field: Field, value: Cow<'v, str>) {
        if field == Field::CountryOrRegion && !value.is_empty() && !normalise::is_country(&value) {
            return self.leave_alone(field, Note::CountryUnknown);
        }
        let limit = field.row().limit;
        // A character never has more UTF-16 units than UTF-8 bytes.
        if value.len() <= limit {
            return self.values.push((field, value));
        }
        let kept = if field.is_set() { cut_lines(field, &value, limit) } else { cut(&value, limit).to_owned() };
        if *kept != *value {
            self.notes.push(Note::Cut { field, limit });
        }
        self.values.push((field, Cow::Owned(kept)));
    }

    fn leave_alone(&mut self, field: Field, note: Note) {
        self.left_alone.insert(field);
        self.notes.push(note);
    }

    fn finish(mut self) -> Projection {
        self.notes.sort_unstable();
        let values = self.values.iter().map(|(field, value)| (*field, value.as_ref())).collect();
        Projection { values, left_alone: self.left_alone, notes: self.notes }
    }
}

/// White space at the place of the cut is no value.
fn cut(value: &str, limit: usize) -> &str {
    normalise::cut(value, limit).trim_end()
}

/// The limit of a set counts for each of its lines. Lines that became alike are one.
fn cut_lines(field: Field, value: &str, limit: usize) -> String {
    let lines: Vec<&str> = value.lines().map(|line| cut(line, limit)).collect();
    normalise::shown(field, &lines.join("\n")).into_owned()
}
