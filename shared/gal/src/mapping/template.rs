//! Templates of fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Environment;

use crate::expression::{self, Name};
use crate::field::Field;
use crate::recipient::Recipient;
use crate::setting::{Setting, SettingError};

/// The compiled templates of a mapping.
#[derive(Clone, Debug, Default)]
pub(super) struct Templates {
    fields: BTreeMap<Field, Vec<Name>>,
    environment: Option<Arc<Environment<'static>>>,
}

impl Templates {
    /// Compiles the templates; all errors, in the order of the fields.
    pub(super) fn compile(sources: &BTreeMap<Field, &str>) -> Result<Self, Vec<SettingError>> {
        if sources.is_empty() {
            return Ok(Self::default());
        }
        let mut environment = expression::environment();
        let mut fields = BTreeMap::new();
        let mut errors = Vec::new();
        for (field, source) in sources {
            match add(&mut environment, *field, source) {
                Ok(names) => {
                    fields.insert(*field, names);
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self { fields, environment: Some(Arc::new(environment)) }) } else { Err(errors) }
    }

    /// What the template of each field says of a recipient, or what went wrong.
    pub(super) fn render<'t>(
        &'t self,
        recipient: &'t Recipient,
        address: &'t str,
    ) -> impl Iterator<Item = (Field, Result<String, String>)> + 't {
        let environment = self.environment.iter();
        let fields = environment.flat_map(|environment| self.fields.iter().map(move |(field, names)| (environment, *field, names)));
        fields.map(move |(environment, field, names)| {
            let template = environment.get_template(field.property());
            let text = template.and_then(|template| template.render(expression::context(names, recipient, address)));
            (field, text.map_err(|error| expression::words(&error)))
        })
    }
}

/// Adds one template, after trying it.
fn add(environment: &mut Environment<'static>, field: Field, source: &str) -> Result<Vec<Name>, SettingError> {
    let setting = Setting::Mapping(field);
    let broken = |error: &minijinja::Error| SettingError::Broken { setting, reason: expression::words(error) };
    expression::within_length(source).map_err(|reason| SettingError::Broken { setting, reason })?;
    environment.add_template_owned(field.property(), source.to_owned()).map_err(|error| broken(&error))?;
    let template = environment.get_template(field.property()).map_err(|error| broken(&error))?;
    let names = expression::names(template.undeclared_variables(false)).map_err(|names| SettingError::UnknownNames { setting, names })?;
    if names.is_empty() {
        return Err(SettingError::NamesNothing { setting });
    }
    for context in expression::trials(&names) {
        if let Err(error) = template.render(context)
            && expression::is_of_the_source(&error)
        {
            return Err(broken(&error));
        }
    }
    Ok(names)
}
