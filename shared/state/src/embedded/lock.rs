//! One process a file. `SQLite` would let several in; leases would keep them apart, but a person who
//! starts two should be told.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use engine::ports::StoreError;

use crate::table::unavailable;

/// An operating-system lock on `<file>.lock`, which ends with the process, however it ends. The lock
/// file stays; it holds the number of the process that last had the lock.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of a state file, or says who has it.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let place = format!("the state file {}", path.display());
        let lock_path = lock_path(path);
        let failed = |error: std::io::Error| {
            let detail = format!("{error}; whoever runs galbridge must be able to write there, or names another file with --state");
            unavailable(&place, &format!("locking it by {}", lock_path.display()), detail)
        };
        let mut file = open(&lock_path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { place, process: owner(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Only told to people: not worth failing for.
        let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// ` (process 4711)`, where the lock file tells.
fn owner(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) => format!(" (process {text})"),
        Ok(_) | Err(_) => String::new(),
    }
}
