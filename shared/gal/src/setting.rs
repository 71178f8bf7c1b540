//! What can be wrong with a scope or a mapping before it is used.

use std::fmt;

use crate::field::Field;

/// The setting of one direction of a pair that an error is about. Positions count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// A rule of `exclude`.
    Exclude(usize),
    /// The expression `when`.
    When,
    /// `routing_address`.
    RoutingAddress,
    /// A mark of `foreign_marks`.
    ForeignMark(usize),
    /// An address of `include`.
    Include(usize),
    /// The mapping of a field.
    Mapping(Field),
}

impl fmt::Display for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exclude(position) => write!(out, "exclude, rule {}", position + 1),
            Self::When => out.write_str("when"),
            Self::RoutingAddress => out.write_str("routing_address"),
            Self::ForeignMark(position) => write!(out, "foreign_marks, mark {}", position + 1),
            Self::Include(position) => write!(out, "include, address {}", position + 1),
            Self::Mapping(field) => write!(out, "mapping of {}", field.row().key),
        }
    }
}

/// A scope or mapping that cannot be used. Found when a profile is loaded, before anything runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// A pattern that is no regular expression, or one too large.
    #[error("{setting}: not a regular expression: {reason}")]
    Pattern {
        /// Which setting.
        setting: Setting,
        /// The first line of what the regex crate says.
        reason: String,
    },
    /// A template or expression names what no recipient has.
    #[error("{setting}: unknown name {}", quoted(names))]
    UnknownNames {
        /// Which setting.
        setting: Setting,
        /// The names, sorted.
        names: Vec<String>,
    },
    /// A template that names nothing of the recipient: every contact would get the same text,
    /// most often because the braces were forgotten.
    #[error("{setting}: the template names no field, as {{{{ display_name }}}} does")]
    NamesNothing {
        /// Which setting.
        setting: Setting,
    },
    /// A template or expression that minijinja refuses, or that fails whatever the recipient is.
    #[error("{setting}: {reason}")]
    Broken {
        /// Which setting.
        setting: Setting,
        /// What minijinja says.
        reason: String,
    },
    /// An expression that gives something other than true or false.
    #[error("{setting}: gives {gives}, not true or false")]
    NotBoolean {
        /// Which setting.
        setting: Setting,
        /// The kind of the value it gives.
        gives: String,
    },
    /// A setting that makes no sense where it stands.
    #[error("{setting}: {reason}")]
    NotPossible {
        /// Which setting.
        setting: Setting,
        /// Why.
        reason: &'static str,
    },
}

impl SettingError {
    /// Which setting it is about.
    pub fn setting(&self) -> Setting {
        match self {
            Self::Pattern { setting, .. }
            | Self::UnknownNames { setting, .. }
            | Self::NamesNothing { setting }
            | Self::Broken { setting, .. }
            | Self::NotBoolean { setting, .. }
            | Self::NotPossible { setting, .. } => *setting,
        }
    }

    /// A pattern that does not compile.
    pub(crate) fn pattern(setting: Setting, error: &regex::Error) -> Self {
        // The library draws a picture over several lines; the last one says what is wrong.
        let text = error.to_string();
        let reason = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        Self::Pattern { setting, reason: reason.trim().trim_start_matches("error: ").to_owned() }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
