//! Files that the command writes.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use crate::error::CliError;

/// A new file that only its owner can read. What is there already is not overwritten: it may be a state, or a key.
pub(crate) fn new_private(path: &Path) -> Result<File, CliError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => taken(path),
        _ => CliError::file(path, "created", &error),
    })
}

/// What is said of a file that is there already.
pub(crate) fn taken(path: &Path) -> CliError {
    CliError::wrong(format!("{}: it is there already, and is not overwritten: name another file", path.display()))
}
