//! Tables that stand in files.

use std::fmt::Write as _;
use std::path::PathBuf;

/// Compares a table with its file; writes it, if the one who runs the tests says so.
pub(crate) fn matches(name: &str, table: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/tables").join(name);
    if std::env::var_os("GALBRIDGE_WRITE_TABLES").is_some() {
        std::fs::write(&path, table).expect("the table can be written");
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    let (stands, table): (Vec<&str>, Vec<&str>) = (stands.lines().collect(), table.lines().collect());
    if stands == table {
        return;
    }
    let line = stands.iter().zip(&table).position(|(stands, is)| stands != is).unwrap_or(stands.len().min(table.len()));
    let of = |lines: &[&str]| (*lines.get(line).unwrap_or(&"(nothing)")).to_owned();
    panic!("{name}, line {}:\n  the table says {}\n  the code says  {}", line + 1, of(&stands), of(&table));
}

/// A table of cases under headings: cases with the same outcome stand together.
#[derive(Default)]
pub(crate) struct Table(Vec<(String, Vec<Row>)>);

/// An outcome, and the cases that have it.
struct Row {
    outcome: Vec<String>,
    cases: Vec<String>,
}

impl Table {
    pub(crate) fn add(&mut self, heading: &str, case: &str, outcome: &[String]) {
        if !self.0.iter().any(|(known, _)| known == heading) {
            self.0.push((heading.to_owned(), Vec::new()));
        }
        let Some((_, rows)) = self.0.iter_mut().find(|(known, _)| known == heading) else { return };
        match rows.iter_mut().find(|row| row.outcome == outcome) {
            Some(row) => row.cases.push(case.to_owned()),
            None => rows.push(Row { outcome: outcome.to_vec(), cases: vec![case.to_owned()] }),
        }
    }

    /// The table; headings under which all is alike stand together.
    pub(crate) fn text(&self) -> String {
        let mut blocks: Vec<(Vec<&str>, String)> = Vec::new();
        for (heading, rows) in &self.0 {
            let mut block = String::new();
            for Row { outcome, cases } in rows {
                let _ = writeln!(block, "    {}", cases.join(" | "));
                for line in outcome {
                    let _ = writeln!(block, "        {line}");
                }
            }
            match blocks.iter_mut().find(|(_, told)| *told == block) {
                Some((headings, _)) => headings.push(heading),
                None => blocks.push((vec![heading], block)),
            }
        }
        let mut text = String::new();
        for (headings, block) in blocks {
            let _ = write!(text, "{}\n{block}", headings.join("\n"));
        }
        text
    }
}
