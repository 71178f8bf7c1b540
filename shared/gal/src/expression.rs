//! The small language of templates and expressions: minijinja with a bounded budget, the names of
//! one recipient, and nothing else. No loader, no files, no functions.

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

use crate::field::Field;
use crate::phone;
use crate::recipient::Recipient;

/// How much one rendering may do. A template of a profile takes some dozens; a loop that grows
/// without end is stopped here (minijinja: about one unit for each instruction or 64 bytes).
const FUEL: u64 = 10_000;

/// How long a template or an expression may be, in bytes. Parsing one takes stack for each operator of a chain such as
/// `not not not …`, which minijinja bounds for parentheses only.
const LONGEST: usize = 2_000;

/// Refuses a source that is too long to be parsed safely.
pub(crate) fn within_length(source: &str) -> Result<(), String> {
    if source.len() <= LONGEST { Ok(()) } else { Err(format!("it is {} bytes long; at most {LONGEST} are taken", source.len())) }
}

/// The detail of the error for a country that the filter `e164` does not know.
const UNKNOWN_COUNTRY: &str = "e164 takes a country as ISO code, as in e164('CH')";

/// Something of a recipient that templates, expressions and exclude rules may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A field of the table, by its key. `address` is where mail goes: the routing address.
    Field(Field),
    /// `name`: Exchange's Name.
    Name,
    /// `kind`: as in the profile's `kinds`.
    Kind,
    /// `hidden`: from address lists in its own tenant.
    Hidden,
    /// `enabled`: whether the account may sign in; true where there is no account.
    Enabled,
    /// `directory_synced`: mastered on-premises.
    DirectorySynced,
}

/// The names that are no fields.
const OTHERS: [(&str, Name); 5] = [
    ("name", Name::Name),
    ("kind", Name::Kind),
    ("hidden", Name::Hidden),
    ("enabled", Name::Enabled),
    ("directory_synced", Name::DirectorySynced),
];

impl Name {
    /// The name with this key.
    pub fn from_key(key: &str) -> Option<Self> {
        let other = OTHERS.iter().find(|(candidate, _)| *candidate == key).map(|(_, name)| *name);
        other.or_else(|| Field::from_key(key).map(Self::Field))
    }

    /// Every key, for suggestions and the schema.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        OTHERS.iter().map(|(key, _)| *key).chain(Field::all().map(|field| field.row().key))
    }

    /// The key, as in the profile.
    pub fn key(self) -> &'static str {
        match self {
            Self::Field(field) => field.row().key,
            Self::Name => "name",
            Self::Kind => "kind",
            Self::Hidden => "hidden",
            Self::Enabled => "enabled",
            Self::DirectorySynced => "directory_synced",
        }
    }

    /// What it is for a recipient: text, `""` where blank, or true or false. `address`: the routing address.
    fn value(self, recipient: &Recipient, address: &str) -> Value {
        match self {
            Self::Field(Field::ExternalEmailAddress) => address.into(),
            Self::Field(Field::Manager) => recipient.manager_name.as_deref().unwrap_or_default().into(),
            Self::Field(Field::DisplayName) => recipient.title().into(),
            Self::Field(field) => recipient.values.get(field).unwrap_or_default().into(),
            Self::Name => recipient.name.as_str().into(),
            Self::Kind => recipient.kind.as_str().into(),
            Self::Hidden => recipient.hidden.into(),
            Self::Enabled => recipient.enabled.unwrap_or(true).into(),
            Self::DirectorySynced => recipient.directory_synced.into(),
        }
    }

    /// Whether it is true or false rather than text.
    fn is_flag(self) -> bool {
        match self {
            Self::Hidden | Self::Enabled | Self::DirectorySynced => true,
            Self::Field(_) | Self::Name | Self::Kind => false,
        }
    }
}

/// The names that a source uses, for a context with exactly these. The unknown ones are the error.
pub(crate) fn names(undeclared: impl IntoIterator<Item = String>) -> Result<Vec<Name>, Vec<String>> {
    // minijinja answers a hash set; sorted, it is the same at every run.
    let mut undeclared: Vec<String> = undeclared.into_iter().collect();
    undeclared.sort_unstable();
    let (known, unknown): (Vec<_>, Vec<_>) = undeclared.into_iter().map(|key| Name::from_key(&key).ok_or(key)).partition(Result::is_ok);
    if unknown.is_empty() { Ok(known.into_iter().flatten().collect()) } else { Err(unknown.into_iter().filter_map(Result::err).collect()) }
}

/// The context of a recipient.
pub(crate) fn context(names: &[Name], recipient: &Recipient, address: &str) -> Value {
    Value::from_pairs(names.iter().map(|name| (name.key(), name.value(recipient, address))))
}

/// Contexts to try a source with before it is used: everything filled, and everything blank.
/// What fails with one of them for a reason of the source itself is refused with the profile.
pub(crate) fn trials(names: &[Name]) -> [Value; 2] {
    ["sample", ""].map(|text| {
        let flag = !text.is_empty();
        Value::from_pairs(names.iter().map(|name| (name.key(), if name.is_flag() { Value::from(flag) } else { Value::from(text) })))
    })
}

/// Whether an error comes from what is written, not from the recipient it was tried with.
pub(crate) fn is_of_the_source(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::SyntaxError
            | ErrorKind::BadEscape
            | ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownMethod
            | ErrorKind::MissingArgument
            | ErrorKind::TooManyArguments
            | ErrorKind::UndefinedError
            | ErrorKind::OutOfFuel
    ) || error.detail() == Some(UNKNOWN_COUNTRY)
}

/// What went wrong, in one line.
pub(crate) fn words(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// An environment with minijinja's own filters and tests, `e164`, and no functions.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_debug(false);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for function in ["range", "dict", "debug", "namespace"] {
        environment.remove_global(function);
    }
    environment.add_filter("e164", |text: &str, country: &str| match phone::country(country) {
        Some(country) => Ok(phone::e164(text, country)),
        None => Err(Error::new(ErrorKind::InvalidOperation, UNKNOWN_COUNTRY)),
    });
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_names_itself() {
        for key in Name::keys() {
            assert_eq!(Name::from_key(key).unwrap().key(), key);
        }
        assert_eq!(Name::from_key("range"), None);
        assert!(Name::keys().any(|key| key == "kind") && Name::keys().any(|key| key == "title"));
    }

    /// A source is tried with everything filled and with everything blank, flags too.
    #[test]
    fn trials_are_full_and_blank() {
        let said = trials(&[Name::Hidden, Name::Name])
            .map(|trial| [Name::Hidden, Name::Name].map(|name| trial.get_attr(name.key()).unwrap().is_true()));
        assert_eq!(said, [[true, true], [false, false]]);
    }

    /// In the small stack of a test's thread.
    #[test]
    fn the_longest_chains_of_operators_are_parsed() {
        let environment = environment();
        for chain in ["not ", "-", "1 and ", "1 + ", "1 if 1 else ", "not\n"] {
            let source = format!("{}1", chain.repeat((LONGEST - 1) / chain.len()));
            assert_eq!(within_length(&source), Ok(()));
            let _ = environment.compile_expression(&source).and_then(|expression| expression.eval(()));
        }
        let filters = format!("'a'{}", "|e".repeat((LONGEST - 3) / 2));
        let _ = environment.compile_expression(&filters).and_then(|expression| expression.eval(()));
        assert!(within_length(&"x".repeat(LONGEST + 1)).is_err());
    }

    #[test]
    fn no_work_without_bounds() {
        let environment = environment();
        assert_eq!(environment.globals().count(), 0);
        let endless = "{% set text = 'xxxxxxxxxxxxxxxx' %}{% for a in 'aaaaaaaaaaaaaaaa' %}{% for b in 'aaaaaaaaaaaaaaaa' %}\
                       {% for c in 'aaaaaaaaaaaaaaaa' %}{{ text * 1000 }}{% endfor %}{% endfor %}{% endfor %}";
        assert_eq!(environment.render_str(endless, ()).unwrap_err().kind(), ErrorKind::OutOfFuel);
        assert!(environment.render_str(&"(".repeat(100_000), ()).is_ok());
        assert!(environment.render_str(&format!("{{{{ {} }}}}", "(".repeat(100_000)), ()).is_err());
    }
}
