//! What is wrong with a profile, and where.

use std::fmt;

use gal::setting::SettingError;

/// One thing that is wrong with a profile. Each says what to do, and none repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The file is larger than a profile can be.
    #[error("the file has {size} bytes; a profile has at most {limit}")]
    TooLarge {
        /// Its size, in bytes.
        size: usize,
        /// The largest size, in bytes.
        limit: usize,
    },
    /// The file is not UTF-8, from this place on.
    #[error("not UTF-8 from here on: save the file as UTF-8")]
    NotUtf8,
    /// The text is no TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// A key that a profile does not have.
    #[error("unknown key `{key}` in {table}{}", did_you_mean(suggestion.as_deref()))]
    UnknownKey {
        /// The key.
        key: String,
        /// The table it stands in.
        table: &'static str,
        /// The known key that is closest.
        suggestion: Option<&'static str>,
    },
    /// A key that must be there is not.
    #[error("{table} needs `{key}`")]
    Missing {
        /// The key.
        key: &'static str,
        /// The table.
        table: &'static str,
    },
    /// A value of another type.
    #[error("`{key}` must be {expected}, not {found}")]
    WrongType {
        /// The key.
        key: String,
        /// What it must be.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A value that is not one of a few words.
    #[error("`{key}` has no \"{word}\"; it is one of {}{}", words.join(", "), did_you_mean(suggestion.as_deref()))]
    UnknownWord {
        /// The key.
        key: String,
        /// What stands there.
        word: String,
        /// What may stand there.
        words: Vec<&'static str>,
        /// The word that is closest.
        suggestion: Option<&'static str>,
    },
    /// A value that is impossible for its key.
    #[error("`{key}` {reason}")]
    Impossible {
        /// The key.
        key: String,
        /// Why, as the end of a sentence that begins with the key.
        reason: String,
    },
    /// A tenant that the profile does not have.
    #[error("there is no tenant \"{name}\"{}", did_you_mean(suggestion.as_deref()))]
    UnknownTenant {
        /// The name.
        name: String,
        /// The tenant whose name is closest.
        suggestion: Option<String>,
    },
    /// Two entries that exclude each other.
    #[error("{0}")]
    Clash(String),
    /// Something that must never stand in a profile.
    #[error("{what} must not stand in a profile: it is stored, shown and compared. {instead}")]
    Secret {
        /// What it looks like.
        what: &'static str,
        /// Where it belongs.
        instead: &'static str,
    },
    /// An included file that cannot be read.
    #[error("cannot read \"{file}\": {reason}")]
    Include {
        /// The file.
        file: String,
        /// What the reader says.
        reason: String,
    },
    /// A scope or mapping that cannot be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|suggestion| format!("; did you mean `{suggestion}`?")).unwrap_or_default()
}

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was named to the parser.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// An error at its place, with the line it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What.
    pub error: ProfileError,
    /// The line, and how many characters of it are meant; none where the line is a secret.
    pub excerpt: Option<(String, usize)>,
}

impl fmt::Display for Problem {
    /// `profile.toml:12:5: message`, then the line with a mark under the place.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, visible(&self.error.to_string()))?;
        let Some((line, width)) = &self.excerpt else { return Ok(()) };
        let line = visible(line);
        let number = self.place.line.to_string();
        let gutter = " ".repeat(number.len());
        // A tab before the mark is a tab under it too, however wide it is shown.
        let indent: String = line.chars().take(self.place.column - 1).map(|letter| if letter == '\t' { '\t' } else { ' ' }).collect();
        write!(out, "\n{gutter} |\n{number} | {line}\n{gutter} | {indent}{}", "^".repeat(*width))
    }
}

/// A text whose control characters no terminal obeys: each is one mark. Tabs and ends of lines stay.
fn visible(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() && !matches!(letter, '\t' | '\n') { '\u{fffd}' } else { letter }).collect()
}

/// Everything that is wrong with a profile, in the order of the places. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ProfileErrors {
    /// The problems.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ProfileErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            if position > 0 {
                out.write_str("\n")?;
            }
            problem.fmt(out)?;
        }
        Ok(())
    }
}

/// Something a person should know of a profile that can be used all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub place: Place,
    /// What.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: warning: {}", self.place, self.message)
    }
}
