//! Compiled rules: exclude rules and the marks of other tools.

use regex::{Regex, RegexBuilder};

use super::settings::{ExcludeRule, ForeignMark, MarkPlace, Test};
use crate::expression::Name;
use crate::field::Field;
use crate::normalise;
use crate::recipient::{Recipient, domain_of};
use crate::setting::{Setting, SettingError};
use crate::stamp::Mark;

/// The most memory a compiled pattern may take, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// A rule of `exclude`, compiled.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    field: Name,
    test: Compiled,
    /// For people: the rule as in the profile.
    pub(super) text: String,
}

#[derive(Clone, Debug)]
enum Compiled {
    /// In compared form and lower case, sorted.
    OneOf(Vec<String>),
    Pattern(Regex),
    /// Lower case, sorted.
    Domains(Vec<String>),
}

impl Rule {
    pub(super) fn compile(setting: Setting, rule: &ExcludeRule) -> Result<Self, SettingError> {
        let field = rule.field;
        let is_address = field == Name::Field(Field::ExternalEmailAddress);
        let (test, question) = match &rule.test {
            Test::Equals(value) => (one_of(field, [value]), format!("equals \"{value}\"")),
            Test::In(values) => (one_of(field, values), format!("in {values:?}")),
            Test::Matches(source) => (Compiled::Pattern(pattern(setting, source)?), format!("matches \"{source}\"")),
            Test::Domain(domains) if is_address => {
                let lower = domains.iter().map(|domain| domain.trim().trim_start_matches('@').to_lowercase());
                (Compiled::Domains(sorted(lower)), format!("domain {domains:?}"))
            }
            Test::Domain(_) => return Err(SettingError::NotPossible { setting, reason: "`domain` goes with the field `address` only" }),
        };
        Ok(Self { field, test, text: format!("{} {question}", field.key()) })
    }

    /// Whether the rule matches. `address`: the routing address, else the primary one.
    pub(super) fn matches(&self, recipient: &Recipient, address: &str) -> bool {
        match self.field {
            Name::Field(Field::ExternalEmailAddress) => self.matches_address(recipient, address),
            Name::Field(Field::Manager) => self.matches_text(recipient.manager_name.as_deref().unwrap_or_default()),
            Name::Field(field) => {
                let value = recipient.values.get(field).unwrap_or_default();
                if field.is_set() && !value.is_empty() {
                    value.lines().any(|line| self.matches_text(line))
                } else {
                    self.matches_text(value)
                }
            }
            Name::Name => self.matches_text(&recipient.name),
            Name::Kind => self.matches_text(recipient.kind.as_str()),
            Name::Hidden => self.matches_flag(recipient.hidden),
            Name::Enabled => self.matches_flag(recipient.enabled.unwrap_or(true)),
            Name::DirectorySynced => self.matches_flag(recipient.directory_synced),
        }
    }

    fn matches_address(&self, recipient: &Recipient, address: &str) -> bool {
        match &self.test {
            Compiled::OneOf(wanted) => {
                let held = recipient.addresses.iter().map(String::as_str).chain([address]);
                held.into_iter().any(|held| contains(wanted, held))
            }
            Compiled::Pattern(pattern) => pattern.is_match(address),
            Compiled::Domains(domains) => domain_of(address).is_some_and(|domain| contains(domains, domain)),
        }
    }

    fn matches_text(&self, value: &str) -> bool {
        match &self.test {
            Compiled::OneOf(wanted) => contains(wanted, &comparable(self.field, value)),
            Compiled::Pattern(pattern) => pattern.is_match(value),
            Compiled::Domains(_) => false,
        }
    }

    fn matches_flag(&self, flag: bool) -> bool {
        self.matches_text(if flag { "true" } else { "false" })
    }
}

/// A mark of another tool, compiled.
#[derive(Clone, Debug)]
pub(super) struct CompiledMark {
    place: MarkPlace,
    pattern: Regex,
    /// For people: the mark as in the profile.
    pub(super) text: String,
}

impl CompiledMark {
    pub(super) fn compile(setting: Setting, mark: &ForeignMark) -> Result<Self, SettingError> {
        let text = format!("{} matches \"{}\"", mark.place.key(), mark.matches);
        Ok(Self { place: mark.place, pattern: pattern(setting, &mark.matches)?, text })
    }

    /// Whether the mark stands on a recipient. What stands in the tenant's stamp attribute and is
    /// no stamp is tried for every custom attribute: it is no value, and which attribute it is
    /// the core does not know.
    pub(super) fn stands_on(&self, recipient: &Recipient) -> bool {
        match self.place {
            MarkPlace::Name => self.pattern.is_match(&recipient.name),
            MarkPlace::Field(field) => {
                let is_custom = (Field::CustomAttribute1..=Field::CustomAttribute15).contains(&field);
                let value = recipient.values.get(field).or(match &recipient.mark {
                    Mark::Foreign(text) if is_custom => Some(text),
                    Mark::Foreign(_) | Mark::None | Mark::Stamp(_) => None,
                });
                value.is_some_and(|value| self.pattern.is_match(value))
            }
        }
    }
}

fn pattern(setting: Setting, source: &str) -> Result<Regex, SettingError> {
    let compiled = RegexBuilder::new(source).case_insensitive(true).size_limit(PATTERN_SIZE).build();
    compiled.map_err(|error| SettingError::pattern(setting, &error))
}

fn one_of<'v>(field: Name, values: impl IntoIterator<Item = &'v String>) -> Compiled {
    Compiled::OneOf(sorted(values.into_iter().map(|value| comparable(field, value))))
}

/// A value as `equals` and `in` compare it: `CH` is `Switzerland`, upper and lower case are alike.
fn comparable(name: Name, value: &str) -> String {
    match name {
        Name::Field(field) => normalise::compared(field, value).to_lowercase(),
        Name::Name | Name::Kind | Name::Hidden | Name::Enabled | Name::DirectorySynced => value.trim().to_lowercase(),
    }
}

fn sorted(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut values: Vec<String> = values.collect();
    values.sort_unstable();
    values
}

fn contains(sorted: &[String], value: &str) -> bool {
    sorted.binary_search_by(|candidate| candidate.as_str().cmp(value)).is_ok()
}
