//! `[pairs.a_to_b.mapping]`

use std::collections::BTreeMap;
use std::ops::Range;

use gal::Field;
use gal::mapping::{FieldMapping, Mapping};
use gal::setting::Setting;
use toml::de::DeValue;

use crate::error::ProfileError;
use crate::model::Tenant;
use crate::reader::{Reader, Table};

/// The keys of a mapping: those of the fields.
pub(crate) fn keys() -> Vec<&'static str> {
    Field::all().map(|field| field.row().key).collect()
}

/// Reads a mapping; without a table it is the default. The stamp attributes of both tenants are never mapped.
pub(super) fn read(reader: &Reader<'_>, table: Option<&Table<'_, '_>>, tenants: [Option<&Tenant>; 2]) -> BTreeMap<Field, FieldMapping> {
    let mut settings = BTreeMap::new();
    let mut places: BTreeMap<Field, Range<usize>> = BTreeMap::new();
    for (key, value) in table.map(Table::entries).unwrap_or_default() {
        let Some(field) = Field::from_key(key.value) else { continue };
        let mapping = match value.get_ref() {
            DeValue::Boolean(true) => FieldMapping::On,
            DeValue::Boolean(false) => FieldMapping::Off,
            DeValue::String(template) => FieldMapping::Template(template.to_string()),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                reader.wrong_type(key.value, "true, false or a template", value);
                continue;
            }
        };
        let stamped = tenants.into_iter().flatten().find(|tenant| tenant.stamp_attribute == field);
        if let Some(tenant) = stamped.filter(|_| mapping != FieldMapping::Off) {
            reader.impossible(key.at, key.value, format!("holds the stamps of tenant {} and is never mapped", tenant.name));
            continue;
        }
        places.insert(field, value.span());
        settings.insert(field, mapping);
    }
    for problem in Mapping::problems(&settings) {
        let at = match problem.setting() {
            Setting::Mapping(field) => places.get(&field).cloned(),
            Setting::Exclude(_) | Setting::When | Setting::RoutingAddress | Setting::ForeignMark(_) | Setting::Include(_) => None,
        };
        reader.error(at.unwrap_or_default(), ProfileError::Setting(problem));
    }
    settings
}
