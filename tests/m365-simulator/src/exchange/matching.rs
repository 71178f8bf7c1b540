//! OPATH filters: which objects they let through, and which index finds those without a scan.

use std::ops::RangeInclusive;

use uuid::Uuid;

use super::filter::{Expression, Literal, Operator, is_country};
use super::property::{Lens, Property, Special, Value};
use crate::directory::country;
use crate::directory::entry::{Entry, bare, is_smtp};
use crate::directory::store::fold;

impl Expression {
    /// Whether the object passes.
    pub(crate) fn admits(&self, lens: Lens<'_>, entry: &Entry) -> bool {
        match self {
            Expression::And(left, right) => left.admits(lens, entry) && right.admits(lens, entry),
            Expression::Or(left, right) => left.admits(lens, entry) || right.admits(lens, entry),
            Expression::Not(inner) => !inner.admits(lens, entry),
            Expression::Compare(property, operator, literal) => compare(lens, entry, *property, *operator, literal),
        }
    }

    /// The objects that can pass at all, where an index knows them.
    pub(crate) fn candidates(&self, lens: Lens<'_>) -> Option<Vec<Uuid>> {
        match self {
            Expression::And(left, right) => {
                if let Some(equal) = left.by_equality(lens).or_else(|| right.by_equality(lens)) {
                    return Some(equal);
                }
                for changed in [true, false] {
                    let (low, high) = self.bounds(changed).into_inner();
                    if low > i64::MIN || high < i64::MAX {
                        return Some(in_range(lens, changed, low..=high));
                    }
                }
                left.candidates(lens).or_else(|| right.candidates(lens))
            }
            Expression::Or(left, right) => {
                let mut both = left.candidates(lens)?;
                both.extend(right.candidates(lens)?);
                Some(both)
            }
            Expression::Not(_) => None,
            Expression::Compare(..) => {
                if let Some(equal) = self.by_equality(lens) {
                    return Some(equal);
                }
                [true, false].into_iter().find_map(|changed| {
                    let (low, high) = self.bounds(changed).into_inner();
                    (low > i64::MIN || high < i64::MAX).then(|| in_range(lens, changed, low..=high))
                })
            }
        }
    }

    fn by_equality(&self, lens: Lens<'_>) -> Option<Vec<Uuid>> {
        match self {
            Expression::And(left, right) => left.by_equality(lens).or_else(|| right.by_equality(lens)),
            Expression::Compare(Property::Special(special), Operator::Equal, Literal::Text(text)) => {
                let directory = lens.directory;
                let found = match special {
                    Special::EmailAddresses | Special::PrimarySmtpAddress | Special::ExternalEmailAddress => {
                        let proxy = if text.contains(':') { text.clone() } else { format!("smtp:{text}") };
                        directory.holder(&proxy)
                    }
                    Special::Guid => text.parse().ok().and_then(|guid| directory.by_guid(guid)),
                    Special::ExternalDirectoryObjectId => text.parse().ok(),
                    Special::Name | Special::Id => directory.by_name(text),
                    Special::LegacyExchangeDN => directory.holder(&format!("x500:{text}")),
                    Special::Alias | Special::UserPrincipalName => {
                        return Some(directory.labelled(text).to_vec());
                    }
                    _ => return None,
                };
                Some(found.into_iter().collect())
            }
            _ => None,
        }
    }

    /// The seconds that `WhenChanged` (or else `WhenCreated`) must lie in.
    fn bounds(&self, changed: bool) -> RangeInclusive<i64> {
        let open = i64::MIN..=i64::MAX;
        match self {
            Expression::And(left, right) => {
                let (left, right) = (left.bounds(changed), right.bounds(changed));
                *left.start().max(right.start())..=*left.end().min(right.end())
            }
            Expression::Compare(Property::Special(special), operator, Literal::Date(at)) => {
                let about_change = matches!(special, Special::WhenChanged | Special::WhenChangedUTC);
                let about_creation = matches!(special, Special::WhenCreated | Special::WhenCreatedUTC);
                if !(about_change && changed || about_creation && !changed) {
                    return open;
                }
                let second = at.as_second();
                match operator {
                    Operator::Greater => second + 1..=i64::MAX,
                    Operator::GreaterOrEqual => second..=i64::MAX,
                    Operator::Less => i64::MIN..=second - 1,
                    Operator::LessOrEqual => i64::MIN..=second,
                    Operator::Equal => second..=second,
                    Operator::NotEqual | Operator::Like | Operator::NotLike => open,
                }
            }
            _ => open,
        }
    }
}

fn in_range(lens: Lens<'_>, changed: bool, seconds: RangeInclusive<i64>) -> Vec<Uuid> {
    if changed { lens.directory.changed_within(seconds).collect() } else { lens.directory.created_within(seconds).collect() }
}

fn compare(lens: Lens<'_>, entry: &Entry, property: Property, operator: Operator, literal: &Literal) -> bool {
    let property = match property {
        // Documented: this filter searches all addresses.
        Property::Special(Special::PrimarySmtpAddress) => Property::Special(Special::EmailAddresses),
        other => other,
    };
    let negated = matches!(operator, Operator::NotEqual | Operator::NotLike);
    let positive = match operator {
        Operator::NotEqual => Operator::Equal,
        Operator::NotLike => Operator::Like,
        other => other,
    };
    let value = lens.value(entry, property);
    let found = match literal {
        Literal::Null => is_unset(&value),
        Literal::Flag(flag) => value == Value::Flag(*flag),
        Literal::Date(at) => match value {
            Value::Date(other) | Value::DateUtc(other) => ordered(other.as_second().cmp(&at.as_second()), positive),
            _ => false,
        },
        Literal::Text(text) => by_text(lens, entry, property, &value, positive, text),
    };
    found != negated
}

fn is_unset(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        Value::List(values) => values.is_empty(),
        Value::Flag(_) | Value::Number(_) | Value::Guid(_) | Value::Date(_) | Value::DateUtc(_) => false,
    }
}

fn ordered(order: std::cmp::Ordering, operator: Operator) -> bool {
    match operator {
        Operator::Equal | Operator::Like => order.is_eq(),
        Operator::NotEqual | Operator::NotLike => order.is_ne(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
    }
}

fn by_text(lens: Lens<'_>, entry: &Entry, property: Property, value: &Value<'_>, operator: Operator, text: &str) -> bool {
    match property {
        Property::Special(Special::EmailAddresses) => entry.addresses.iter().any(|address| is_address(address, operator, text)),
        Property::Special(Special::ExternalEmailAddress) => {
            entry.external.as_deref().is_some_and(|address| is_address(address, operator, text))
        }
        Property::Special(Special::Manager) => {
            let manager = entry.manager.and_then(|manager| lens.directory.live(manager));
            manager
                .is_some_and(|manager| is_text(&manager.name, operator, text) || is_text(&lens.distinguished_name(manager), operator, text))
        }
        _ if is_country(property) => {
            let wanted = country::friendly(text).unwrap_or(text);
            matches!(value, Value::Text(known) if is_text(known, operator, wanted))
        }
        _ => match value {
            Value::Text(known) => is_text(known, operator, text),
            Value::List(values) => values.iter().any(|known| is_text(known, operator, text)),
            Value::Guid(guid) => text.parse::<Uuid>().is_ok_and(|wanted| wanted == *guid),
            Value::Number(number) => is_text(&number.to_string(), operator, text),
            Value::Null | Value::Flag(_) | Value::Date(_) | Value::DateUtc(_) => false,
        },
    }
}

/// `-eq` takes an address with or without its type; `-like` needs the type.
fn is_address(address: &str, operator: Operator, text: &str) -> bool {
    match operator {
        Operator::Equal if !text.contains(':') => is_smtp(address) && bare(address).eq_ignore_ascii_case(text),
        _ => is_text(address, operator, text),
    }
}

fn is_text(known: &str, operator: Operator, text: &str) -> bool {
    let (known, text) = (fold(known), fold(text));
    match operator {
        Operator::Like => match text.strip_suffix('*') {
            Some(start) => known.starts_with(start) && !known.is_empty(),
            None => known == text,
        },
        _ => ordered(known.cmp(&text), operator),
    }
}
