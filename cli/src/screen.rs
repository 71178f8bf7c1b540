//! Standard output and standard error: text for people with colours where they can be shown, or one JSON document.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::error::{CliError, Exit};

/// Colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint {
    /// Whether colours are shown.
    pub(crate) colours: bool,
}

impl Paint {
    /// Plain text.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colours: false };

    fn with(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A heading.
    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// Of less interest.
    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// Good.
    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// To be looked at.
    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Wrong.
    pub(crate) fn red(self, text: &str) -> String {
        self.with("31", text)
    }
}

/// Where a command writes.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// One JSON document instead of text.
    pub(crate) json: bool,
    /// Colours of standard output.
    pub(crate) paint: Paint,
    /// Whether standard error is a terminal: progress bars.
    pub(crate) bars: bool,
    /// Whether a person can be asked: standard input and standard error are terminals.
    pub(crate) asks: bool,
    /// The stack that is asked: the commands that a text recommends are told for it.
    pub(crate) stack: Option<String>,
}

impl Screen {
    /// Prints text, or the document that says the same.
    pub(crate) fn answer(&self, document: &impl Serialize, text: impl FnOnce(Paint) -> String) -> Result<(), CliError> {
        if self.json {
            let text = serde_json::to_string_pretty(document)
                .map_err(|error| CliError::failed(format!("the answer cannot be written as JSON: {error}")))?;
            print(&text)
        } else {
            print(&self.for_stack(&text(self.paint)))
        }
    }

    /// A text with its commands as they are typed for this stack: whoever wrote them does not know how he is asked.
    fn for_stack(&self, text: &str) -> String {
        let Some(stack) = &self.stack else { return text.to_owned() };
        let here = format!("`galbridge --stack {stack} ");
        // Some name it already.
        let text = text.replace("--stack NAME", &format!("--stack {stack}")).replace(&here, "`galbridge ");
        text.replace("`galbridge ", &here)
    }

    /// Prints text for people; nothing with `--json`.
    pub(crate) fn say(&self, text: &str) -> Result<(), CliError> {
        if self.json { Ok(()) } else { print(&self.for_stack(text)) }
    }

    /// Asks on the terminal; only `yes` or `y` is consent.
    #[expect(clippy::unused_self, reason = "asking belongs to the screen")]
    pub(crate) fn ask(&self, question: &str) -> Result<bool, CliError> {
        let failed = |error: io::Error| CliError::failed(format!("the terminal cannot be read: {error}"));
        let mut terminal = io::stderr().lock();
        write!(terminal, "{question} [yes/no] ").and_then(|()| terminal.flush()).map_err(failed)?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map_err(failed)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "yes" | "y"))
    }

    /// Tells an error: a sentence on standard error, and with `--json` a document on standard output.
    pub(crate) fn error(&self, error: &CliError) {
        let message = self.for_stack(&error.message);
        if self.json {
            document(&message, error.exit);
        }
        complain(&format!("galbridge: {message}"));
    }
}

/// An error as JSON on standard output.
pub(crate) fn document(message: &str, exit: Exit) {
    let document = serde_json::json!({"error": message, "exit": exit as u8});
    let _ = print(&document.to_string());
}

/// Writes a whole text to standard output. A reader that has gone away (`| head`) is no error.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::failed(format!("standard output cannot be written: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a sentence to standard error. There is nobody to tell if that fails.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// `1 contact`, `2 contacts`.
pub(crate) fn count(number: u64, one: &str) -> String {
    let number_text = thousands(number);
    match number {
        1 => format!("1 {one}"),
        _ => match one.strip_suffix('y') {
            Some(stem) => format!("{number_text} {stem}ies"),
            None => format!("{number_text} {one}s"),
        },
    }
}

/// `12,345`
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Columns without borders, the first left, aligned by display width.
pub(crate) fn columns(rows: Vec<Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_for_the_stack_that_is_asked() {
        let screen = Screen { json: false, paint: Paint::PLAIN, bars: false, asks: false, stack: Some("acme".to_owned()) };
        let told = screen.for_stack("`galbridge plan`, `galbridge --stack NAME profile push`, `galbridge --stack acme check`");
        assert_eq!(told, "`galbridge --stack acme plan`, `galbridge --stack acme profile push`, `galbridge --stack acme check`");
        let alone = Screen { stack: None, ..screen };
        assert_eq!(alone.for_stack("`galbridge plan`"), "`galbridge plan`");
    }
}
