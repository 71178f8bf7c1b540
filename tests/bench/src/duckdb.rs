//! DuckDB's full join and comparison of the same people, to see what is possible.
//!
//! It knows no bases, no spellings and no links: two tables, one key, twelve columns compared as they stand.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use gal::Values;
use serde::{Deserialize, Serialize};

use crate::Problem;
use crate::people::{FIELDS, columns, id, people};

/// Loads the tables in one process and asks in another, so that memory is that of the question and its tables.
const PROGRAM: &str = include_str!("join.py");

/// What DuckDB took.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Joined {
    pub(crate) seconds: f64,
    pub(crate) peak_megabytes: f64,
    pub(crate) version: String,
}

/// The Python with DuckDB in `.tools`, installed if it can be.
fn python() -> Result<std::path::PathBuf, Problem> {
    let place = Path::new(".tools/duckdb");
    let python = place.join("bin/python");
    let works = |python: &Path| Command::new(python).args(["-c", "import duckdb"]).output().is_ok_and(|output| output.status.success());
    if works(&python) {
        return Ok(python);
    }
    std::fs::create_dir_all(".tools")?;
    let made = Command::new("python3").args(["-m", "venv"]).arg(place).output()?;
    let installed = Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "duckdb"]).output();
    if made.status.success() && installed.is_ok_and(|output| output.status.success()) && works(&python) {
        return Ok(python);
    }
    Err("DuckDB cannot be installed here".into())
}

/// Joins and compares so many people.
pub(crate) fn measure(count: usize) -> Result<Joined, Problem> {
    let python = python()?;
    let folder = tempfile::tempdir()?;
    let mut a = std::io::BufWriter::new(std::fs::File::create(folder.path().join("a.csv"))?);
    let mut b = std::io::BufWriter::new(std::fs::File::create(folder.path().join("b.csv"))?);
    for file in [&mut a, &mut b] {
        writeln!(file, "id,{}", columns().join(","))?;
    }
    for person in people(count) {
        line(&mut a, id(person.source), &person.is)?;
        line(&mut b, id(person.source), &person.was)?;
    }
    (a.flush()?, b.flush()?);
    let program = folder.path().join("join.py");
    std::fs::write(&program, PROGRAM)?;
    let mut answer = Vec::new();
    for step in ["load", "join"] {
        let output = Command::new(&python).arg(&program).arg(step).arg(folder.path()).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        answer = output.stdout;
    }
    Ok(serde_json::from_slice(&answer)?)
}

fn line(file: &mut impl std::io::Write, id: uuid::Uuid, values: &Values) -> Result<(), Problem> {
    write!(file, "{id}")?;
    for field in FIELDS {
        write!(file, ",{}", values.get(field).unwrap_or_default())?;
    }
    writeln!(file)?;
    Ok(())
}
