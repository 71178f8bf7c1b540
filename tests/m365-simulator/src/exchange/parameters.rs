//! Binds the JSON parameters of a cmdlet as PowerShell would: names, types, what must be there. MICROSOFT.md 4.1.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::cmdlet_table::CMDLETS;
use super::error::ExchangeError;
use crate::directory::address::is_valid_smtp;

/// Parameters every cmdlet takes and none of ours heeds.
const COMMON: &[&str] = &[
    "Debug",
    "ErrorAction",
    "ErrorVariable",
    "InformationAction",
    "InformationVariable",
    "OutVariable",
    "OutBuffer",
    "PipelineVariable",
    "Verbose",
    "WarningAction",
    "WarningVariable",
];

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Identity,
    Flag,
    Number,
    Unlimited,
    List,
    Proxies,
    Proxy,
    Smtp,
    Country,
    Guid,
}

struct Parameter {
    name: &'static str,
    takes: Type,
    needed: bool,
}

static TABLE: LazyLock<HashMap<&'static str, Vec<Parameter>>> = LazyLock::new(|| {
    let read = |word: &'static str| {
        let (name, takes) = word.split_once(':').unwrap_or((word, "text"));
        let needed = takes.ends_with('!');
        let takes = match takes.trim_end_matches('!') {
            "identity" => Type::Identity,
            "flag" => Type::Flag,
            "number" => Type::Number,
            "unlimited" => Type::Unlimited,
            "list" => Type::List,
            "proxies" => Type::Proxies,
            "proxy" => Type::Proxy,
            "smtp" => Type::Smtp,
            "country" => Type::Country,
            "guid" => Type::Guid,
            _ => Type::Text,
        };
        Parameter { name, takes, needed }
    };
    CMDLETS.iter().map(|(cmdlet, words)| (*cmdlet, words.split_whitespace().map(read).collect())).collect()
});

/// A cmdlet with its parameters, bound.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) cmdlet: &'static str,
    values: BTreeMap<&'static str, Value>,
}

/// The cmdlet's own spelling; none if the simulator does not serve it.
pub(crate) fn known_cmdlet(name: &str) -> Option<&'static str> {
    CMDLETS.iter().map(|(cmdlet, _)| *cmdlet).find(|cmdlet| cmdlet.eq_ignore_ascii_case(name))
}

/// Binds parameters to a cmdlet.
pub(crate) fn bind(cmdlet: &'static str, raw: &Map<String, Value>) -> Result<Bound, ExchangeError> {
    let table = TABLE.get(cmdlet).map_or(&[][..], Vec::as_slice);
    let mut values = BTreeMap::new();
    for (name, value) in raw {
        if name.contains('@') || COMMON.iter().any(|common| common.eq_ignore_ascii_case(name)) {
            continue;
        }
        let parameter =
            table.iter().find(|known| known.name.eq_ignore_ascii_case(name)).ok_or_else(|| ExchangeError::unknown_parameter(name))?;
        check(parameter, value, cmdlet)?;
        if values.insert(parameter.name, value.clone()).is_some() {
            return Err(ExchangeError::binding(format!(
                "Cannot bind parameter because parameter '{}' is specified more than once.",
                parameter.name
            )));
        }
    }
    let missing: Vec<&str> =
        table.iter().filter(|known| known.needed && !values.contains_key(known.name)).map(|known| known.name).collect();
    if !missing.is_empty() {
        let mut error = ExchangeError::binding(format!(
            "Parameter set cannot be resolved using the specified named parameters. Invalid cmdlet parameters \
             specified. {}",
            missing.join(", ")
        ));
        "Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException".clone_into(&mut error.kind);
        return Err(error);
    }
    Ok(Bound { cmdlet, values })
}

fn check(parameter: &Parameter, value: &Value, cmdlet: &str) -> Result<(), ExchangeError> {
    let wrong = || {
        Err(ExchangeError::binding(format!(
            "Cannot process argument transformation on parameter '{}'. Cannot convert value \"{value}\" to the type of \
             the parameter.",
            parameter.name
        )))
    };
    let scalar = |value: &Value| value.is_string() || value.is_number();
    let fits = match parameter.takes {
        Type::Flag => value.is_boolean(),
        Type::Number => value.is_null() || value.is_i64() || value.is_u64() || is_digits(value),
        Type::Unlimited => {
            value.as_u64().is_some_and(|number| number > 0)
                || is_digits(value)
                || value.as_str().is_some_and(|word| word.eq_ignore_ascii_case("unlimited"))
        }
        Type::Text | Type::Country => value.is_null() || scalar(value),
        Type::Identity => match value {
            Value::String(text) if text.is_empty() => {
                return Err(ExchangeError::binding(format!(
                    "Cannot bind argument to parameter '{}' because it is an empty string.",
                    parameter.name
                )));
            }
            Value::Null => parameter.name != "Identity" || cmdlet.starts_with("Get-"),
            other => other.is_string(),
        },
        Type::Guid => value.is_null() || value.as_str().is_some_and(|text| text.parse::<uuid::Uuid>().is_ok()),
        Type::Proxy => value.is_null() || value.is_string(),
        Type::Smtp => value.is_null() || value.as_str().is_some_and(is_valid_smtp),
        Type::List | Type::Proxies => match value {
            Value::Null => true,
            Value::Array(items) => items.iter().all(scalar),
            Value::Object(table) => is_hash_table(table),
            other => scalar(other),
        },
    };
    if fits { Ok(()) } else { wrong() }
}

fn is_digits(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_hash_table(table: &Map<String, Value>) -> bool {
    table.get("@odata.type").and_then(Value::as_str) == Some("#Exchange.GenericHashTable")
        && table.iter().filter(|(key, _)| !key.contains('@')).all(|(key, value)| {
            let known = key.eq_ignore_ascii_case("add") || key.eq_ignore_ascii_case("remove");
            let scalar = |value: &Value| value.is_string() || value.is_number();
            known && value.as_array().map_or_else(|| scalar(value), |items| items.iter().all(scalar))
        })
}

/// How a list is to change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ListChange {
    Replace(Vec<String>),
    Edit { add: Vec<String>, remove: Vec<String> },
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(scalar_text).collect(),
        Value::Null => Vec::new(),
        other => vec![scalar_text(other)],
    }
}

/// The text of a string or a number; empty for null.
pub(crate) fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Reads the value of a list parameter. An empty hash table empties the list, as an empty array does.
pub(crate) fn list_change(value: &Value) -> ListChange {
    let Value::Object(table) = value else {
        return ListChange::Replace(texts(value));
    };
    let of = |wanted: &str| {
        let found = table.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| texts(value)).unwrap_or_default()
    };
    let (add, remove) = (of("add"), of("remove"));
    if add.is_empty() && remove.is_empty() { ListChange::Replace(Vec::new()) } else { ListChange::Edit { add, remove } }
}

impl Bound {
    /// A parameter's text, if it was given and is not null.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).filter(|value| !value.is_null()).map(scalar_text)
    }

    /// Whether a switch is on.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.values.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Everything that was given.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.values.iter().map(|(name, value)| (*name, value))
    }

    /// A list parameter's values, commas between values counting too.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        let values = self.values.get(name).map(texts).unwrap_or_default();
        values.iter().flat_map(|value| value.split(',')).map(|word| word.trim().to_owned()).collect()
    }
}
