//! OPATH filters: reading them. MICROSOFT.md section 3.3.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::property::{Property, Special};
use crate::directory::attribute::Text;

/// What a filter asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Compare(Property, Operator, Literal),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
}

/// How a property is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Like,
    NotLike,
}

/// What it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    Flag(bool),
    Null,
    Date(Timestamp),
}

/// Properties that are shown but that no filter may name.
const NOT_FILTERABLE: &[&str] = &[
    "Identity",
    "MailTip",
    "MailTipTranslations",
    "RequireSenderAuthenticationEnabled",
    "AccountDisabled",
    "ObjectState",
    "IsValid",
    "MaxSendSize",
    "MaxReceiveSize",
    "OrganizationId",
    "OrganizationalUnit",
    "GroupMemberCount",
    "AccountEnabled",
    "UserType",
    "DirectReports",
    "AddressListMembership",
    "IsShared",
    "IsResource",
    "SeniorityIndex",
    "GeoCoordinates",
    "ExchangeObjectId",
];

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Quoted(String),
    Bare(String),
    Dash(String),
}

/// Reads a filter; the error is the text Exchange answers.
pub(crate) fn parse(filter: &str) -> Result<Expression, String> {
    let trimmed = filter.trim();
    let inner = trimmed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(trimmed);
    let tokens = tokens(inner).map_err(|reason| broken(filter, &reason))?;
    let mut reader = Reader { tokens: &tokens, at: 0, filter };
    let expression = reader.either()?;
    if reader.at < tokens.len() {
        return Err(broken(filter, "a part of it is left over"));
    }
    Ok(expression)
}

fn broken(filter: &str, reason: &str) -> String {
    format!(
        "Invalid filter syntax. For a description of the filter parameter syntax see the command help. \"{filter}\" at position 1: {reason}."
    )
}

fn tokens(filter: &str) -> Result<Vec<Token>, String> {
    let characters: Vec<char> = filter.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        at += 1;
        match character {
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            '\'' => {
                let mut text = String::new();
                loop {
                    match characters.get(at) {
                        None => return Err("a quotation does not end".to_owned()),
                        Some('\'') if characters.get(at + 1) == Some(&'\'') => {
                            text.push('\'');
                            at += 2;
                        }
                        Some('\'') => {
                            at += 1;
                            break;
                        }
                        Some(other) => {
                            text.push(*other);
                            at += 1;
                        }
                    }
                }
                tokens.push(Token::Quoted(text));
            }
            space if space.is_whitespace() => {}
            first => {
                let mut word = String::from(first);
                while let Some(&next) = characters.get(at) {
                    if next.is_whitespace() || "()'".contains(next) {
                        break;
                    }
                    word.push(next);
                    at += 1;
                }
                match word.strip_prefix('-') {
                    Some(operator) if operator.chars().all(char::is_alphabetic) => {
                        tokens.push(Token::Dash(operator.to_lowercase()));
                    }
                    _ => tokens.push(Token::Bare(word)),
                }
            }
        }
    }
    Ok(tokens)
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    filter: &'a str,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.at);
        self.at += 1;
        token
    }

    fn takes(&mut self, operator: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Dash(word)) if word == operator);
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> Result<Expression, String> {
        let mut left = self.both()?;
        while self.takes("or") {
            left = Expression::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expression, String> {
        let mut left = self.one()?;
        while self.takes("and") {
            left = Expression::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Expression, String> {
        if self.takes("not") {
            return Ok(Expression::Not(Box::new(self.one()?)));
        }
        match self.next() {
            Some(Token::Open) => {
                let inner = self.either()?;
                match self.next() {
                    Some(Token::Close) => Ok(inner),
                    _ => Err(broken(self.filter, "a bracket does not close")),
                }
            }
            Some(Token::Bare(name)) => self.comparison(name),
            _ => Err(broken(self.filter, "a property is expected")),
        }
    }

    fn comparison(&mut self, name: &str) -> Result<Expression, String> {
        let hidden = NOT_FILTERABLE.iter().any(|known| known.eq_ignore_ascii_case(name));
        let property = Property::parse(name).filter(|_| !hidden).ok_or_else(|| {
            format!(
                "\"{name}\" is not a recognized filterable property. For a complete list of filterable properties \
                 see the command help. \"{}\" at position 1.",
                self.filter
            )
        })?;
        let operator = match self.next() {
            Some(Token::Dash(word)) => match word.as_str() {
                "eq" => Operator::Equal,
                "ne" => Operator::NotEqual,
                "gt" => Operator::Greater,
                "ge" => Operator::GreaterOrEqual,
                "lt" => Operator::Less,
                "le" => Operator::LessOrEqual,
                "like" => Operator::Like,
                "notlike" => Operator::NotLike,
                other => return Err(broken(self.filter, &format!("\"-{other}\" is no operator"))),
            },
            _ => return Err(broken(self.filter, "an operator is expected")),
        };
        let literal = self.literal(name, property, operator)?;
        Ok(Expression::Compare(property, operator, literal))
    }

    fn literal(&mut self, name: &str, property: Property, operator: Operator) -> Result<Literal, String> {
        let text = match self.next() {
            Some(Token::Quoted(text)) => text.clone(),
            Some(Token::Bare(word)) => match word.to_lowercase().as_str() {
                "$true" => return Ok(Literal::Flag(true)),
                "$false" => return Ok(Literal::Flag(false)),
                "$null" => return Ok(Literal::Null),
                number if number.chars().all(|digit| digit.is_ascii_digit()) => word.clone(),
                _ => {
                    return Err(broken(self.filter, "text values are enclosed in single quotation marks"));
                }
            },
            _ => return Err(broken(self.filter, "a value is expected")),
        };
        if is_date(property) {
            return us_date(&text)
                .map(Literal::Date)
                .ok_or_else(|| format!("Cannot convert value \"{text}\" to type \"System.DateTime\" for the property \"{name}\"."));
        }
        if is_flag(property) {
            return match text.to_lowercase().trim_start_matches('$') {
                "true" => Ok(Literal::Flag(true)),
                "false" => Ok(Literal::Flag(false)),
                _ => Err(format!("Cannot convert value \"{text}\" to type \"System.Boolean\".")),
            };
        }
        let starts_open = text.len() > 1 && text.starts_with('*');
        if matches!(operator, Operator::Like | Operator::NotLike) && starts_open {
            return Err(format!("The value \"{text}\" of \"{name}\" isn't supported: a wildcard (*) can only be used as a suffix."));
        }
        Ok(Literal::Text(text))
    }
}

fn is_date(property: Property) -> bool {
    matches!(
        property,
        Property::Special(
            Special::WhenChanged | Special::WhenChangedUTC | Special::WhenCreated | Special::WhenCreatedUTC | Special::WhenSoftDeleted
        )
    )
}

fn is_flag(property: Property) -> bool {
    matches!(
        property,
        Property::Special(
            Special::HiddenFromAddressListsEnabled
                | Special::IsDirSynced
                | Special::RequireAllSendersAreAuthenticated
                | Special::ModerationEnabled
                | Special::HiddenGroupMembershipEnabled
                | Special::EmailAddressPolicyEnabled
        )
    )
}

/// Dates in the one documented form: `8/1/2017 2:00:00 PM`, in UTC.
pub(crate) fn us_date(text: &str) -> Option<Timestamp> {
    let formats = ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M"];
    let with_time = formats.iter().find_map(|format| DateTime::strptime(format, text.trim()).ok());
    let civil = with_time.or_else(|| {
        jiff::civil::Date::strptime("%m/%d/%Y", text.trim()).ok().map(|date| date.to_datetime(jiff::civil::Time::midnight()))
    })?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Whether a text attribute's filter value may be a country code.
pub(crate) fn is_country(property: Property) -> bool {
    property == Property::Text(Text::CountryOrRegion)
}
