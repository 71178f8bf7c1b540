//! The Lambda functions: what they weigh, and how fast they start.

use std::collections::BTreeMap;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::Problem;

const PROGRAM: &str = include_str!("functions.py");

/// Where `sam build` puts them.
const BUILT: &str = ".aws-sam/build";

/// A function.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Function {
    /// What is uploaded.
    pub(crate) zip_megabytes: f64,
    /// From the start of the process to its first poll of the Runtime API; the median of several.
    pub(crate) start_ms: f64,
    /// The most memory it held until then.
    pub(crate) peak_megabytes: f64,
}

/// Measures those that `make e2e` (or `sam build`) left here.
pub(crate) fn measure() -> Result<BTreeMap<String, Function>, Problem> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("functions.py");
    std::fs::write(&program, PROGRAM)?;
    let output = Command::new("python3").arg(&program).arg(BUILT).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
