//! The table that is printed.

use std::fmt;

/// A target, or none.
#[derive(Clone, Copy)]
enum Target {
    AtMost(f64),
    AtLeast(f64),
    None,
}

/// One figure.
pub(crate) struct Row {
    what: String,
    target: Target,
    measured: f64,
    unit: &'static str,
}

impl Row {
    /// A figure that should not be larger.
    pub(crate) fn at_most(what: String, most: f64, measured: f64, unit: &'static str) -> Self {
        Self { what, target: Target::AtMost(most), measured, unit }
    }

    /// A figure that should not be smaller.
    pub(crate) fn at_least(what: String, least: f64, measured: f64, unit: &'static str) -> Self {
        Self { what, target: Target::AtLeast(least), measured, unit }
    }

    /// A figure without a target.
    pub(crate) fn plain(what: String, measured: f64, unit: &'static str) -> Self {
        Self { what, target: Target::None, measured, unit }
    }

    fn cells(&self) -> [String; 4] {
        let (target, verdict) = match self.target {
            // A figure that could not be taken is not ok.
            Target::AtMost(most) => (format!("≤ {}", said(most, self.unit)), if self.measured <= most { "ok" } else { "missed" }),
            Target::AtLeast(least) => (format!("≥ {}", said(least, self.unit)), if self.measured >= least { "ok" } else { "missed" }),
            Target::None => (String::new(), ""),
        };
        [self.what.clone(), target, said(self.measured, self.unit), verdict.to_owned()]
    }
}

fn said(figure: f64, unit: &str) -> String {
    let figure = if figure.fract() == 0.0 || figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") };
    format!("{figure} {unit}").trim_end().to_owned()
}

/// A number with its thousands set apart.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut parts: Vec<&str> = if first > 0 { vec![&digits[..first]] } else { Vec::new() };
    parts.extend((first..digits.len()).step_by(3).map(|start| &digits[start..start + 3]));
    parts.join(",")
}

/// All figures, and what is to be said about them. Prints as Markdown.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Table {
    /// Adds a figure.
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds a remark.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["figure", "target", "measured", ""].map(str::to_owned)];
        rows.extend(self.rows.iter().map(Row::cells));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2, 3].map(width);
        for (number, row) in rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(widths) {
                write!(formatter, "| {cell:width$} ")?;
            }
            writeln!(formatter, "|")?;
            if number == 0 {
                let rules = widths.map(|width| "-".repeat(width + 2));
                writeln!(formatter, "|{}|", rules.join("|"))?;
            }
        }
        for note in &self.notes {
            writeln!(formatter, "\n{note}")?;
        }
        Ok(())
    }
}
