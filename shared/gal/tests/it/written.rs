//! Tables that stand in files.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Compares a table with its file; writes it, if the one who runs the tests says so.
pub(crate) fn matches(name: &str, table: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/tables").join(name);
    if std::env::var_os("GALBRIDGE_WRITE_TABLES").is_some() {
        std::fs::write(&path, table).expect("the table can be written");
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    let wrong = stands.lines().zip(table.lines()).position(|(stands, is)| stands != is);
    let wrong =
        wrong.or_else(|| (stands.lines().count() != table.lines().count()).then(|| stands.lines().count().min(table.lines().count())));
    if let Some(line) = wrong {
        let of = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
        panic!("{name}, line {}:\n  the table says {}\n  the code says  {}", line + 1, of(&stands), of(table));
    }
}

/// A table of cases under headings: cases with the same outcome stand together.
#[derive(Default)]
pub(crate) struct Table(Vec<(String, BTreeMap<usize, (String, Vec<String>)>)>);

impl Table {
    pub(crate) fn add(&mut self, heading: &str, case: &str, outcome: &[String]) {
        if !self.0.iter().any(|(known, _)| known == heading) {
            self.0.push((heading.to_owned(), BTreeMap::new()));
        }
        let outcome = outcome.iter().map(|line| format!("        {line}\n")).collect::<String>();
        let Some((_, cases)) = self.0.iter_mut().find(|(known, _)| known == heading) else { return };
        let next = cases.len();
        match cases.values_mut().find(|(told, _)| *told == outcome) {
            Some((_, cases)) => cases.push(case.to_owned()),
            None => {
                cases.insert(next, (outcome, vec![case.to_owned()]));
            }
        }
    }

    /// The table; headings under which all is alike stand together.
    pub(crate) fn text(&self) -> String {
        let mut blocks: Vec<(Vec<&str>, String)> = Vec::new();
        for (heading, cases) in &self.0 {
            let cases = cases.values().map(|(outcome, cases)| format!("    {}\n{outcome}", cases.join(" | ")));
            let block: String = cases.collect();
            match blocks.iter_mut().find(|(_, told)| *told == block) {
                Some((headings, _)) => headings.push(heading),
                None => blocks.push((vec![heading], block)),
            }
        }
        blocks.into_iter().map(|(headings, block)| format!("{}\n{block}", headings.join("\n"))).collect()
    }
}
