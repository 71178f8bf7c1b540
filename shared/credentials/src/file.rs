//! Credentials in files: who can read them is checked, and a new one is never readable by others.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::{Credential, CredentialError, Passphrase, Secret};

/// The largest file that is read, in bytes. A key with a long chain of certificates has a tenth of it.
pub const MAXIMUM_FILE_BYTES: u64 = 128 * 1024;

/// A credential in a file: PEM or PKCS#12, told apart by content. The certificate may be in a second PEM file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialFile {
    path: PathBuf,
    certificate: Option<PathBuf>,
}

impl CredentialFile {
    /// The file with the private key, and with the certificate unless it has a file of its own.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), certificate: None }
    }

    /// Names a second PEM file with the certificate. It is public: its mode does not matter.
    #[must_use]
    pub fn with_certificate(mut self, path: impl Into<PathBuf>) -> Self {
        self.certificate = Some(path.into());
        self
    }

    /// The file with the private key.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the credential. Refused: a file that group or others can read or write (on Unix), a missing one, a
    /// directory, an empty or huge one. Errors of the content name the file.
    pub fn load(&self, passphrase: Option<&Passphrase>) -> Result<Credential, CredentialError> {
        let key = read(&self.path, Access::OwnerOnly)?;
        let credential = match &self.certificate {
            None => Credential::from_bytes(key.expose(), passphrase),
            Some(path) => {
                let certificate = read(path, Access::Any)?;
                Credential::from_pem_pair(key.expose(), certificate.expose(), passphrase)
            }
        };
        credential.map_err(|error| error.in_file(&self.path))
    }

    /// Writes the credential as PEM into a new file that only its owner can read, from its first moment on, and
    /// waits until it is on the disk. A file that is there already is left as it is.
    pub fn store_new(&self, credential: &Credential) -> Result<(), CredentialError> {
        let pem = credential.to_pem()?;
        let failed = |doing| {
            move |source: io::Error| match source.kind() {
                ErrorKind::AlreadyExists => CredentialError::FileExists { path: self.path.clone() },
                _ => CredentialError::File { path: self.path.clone(), doing, source },
            }
        };
        let mut file = create_private(&self.path).map_err(failed("created"))?;
        let written = file.write_all(pem.expose().as_bytes()).and_then(|()| file.sync_all());
        if let Err(source) = written {
            // Half a key serves nobody, and would stand in the way of the next attempt.
            let _ = fs::remove_file(&self.path);
            return Err(failed("written")(source));
        }
        sync_folder(&self.path).map_err(failed("made durable"))
    }
}

/// Who may be able to read a file that is read here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    OwnerOnly,
    Any,
}

fn read(path: &Path, access: Access) -> Result<Secret<Vec<u8>>, CredentialError> {
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::NotFound => CredentialError::FileMissing { path: path.to_owned() },
        _ => CredentialError::File { path: path.to_owned(), doing: "read", source },
    };
    // Looked at before it is opened: opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(CredentialError::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(failed)?;
    // Looked at again once open: this is the file that is read, whatever the path means by now.
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(CredentialError::NotAFile { path: path.to_owned() });
    }
    if access == Access::OwnerOnly {
        refuse_if_shared(path, &found)?;
    }
    // Room for all of it from the start: a vector that grows leaves copies behind.
    let capacity = usize::try_from(found.len().min(MAXIMUM_FILE_BYTES)).unwrap_or_default() + 1;
    let mut content = Secret::new(Vec::with_capacity(capacity));
    file.take(MAXIMUM_FILE_BYTES + 1).read_to_end(content.expose_mut()).map_err(failed)?;
    let bytes = found.len().max(content.expose().len() as u64);
    if (1..=MAXIMUM_FILE_BYTES).contains(&bytes) { Ok(content) } else { Err(CredentialError::FileSize { path: path.to_owned(), bytes }) }
}

#[cfg(unix)]
fn refuse_if_shared(path: &Path, found: &fs::Metadata) -> Result<(), CredentialError> {
    use std::os::unix::fs::PermissionsExt as _;
    const PERMISSIONS: u32 = 0o7777;
    const GROUP_AND_OTHERS: u32 = 0o077;
    let mode = found.permissions().mode() & PERMISSIONS;
    if mode & GROUP_AND_OTHERS == 0 { Ok(()) } else { Err(CredentialError::FileReadableByOthers { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_if_shared(_: &Path, _: &fs::Metadata) -> Result<(), CredentialError> {
    // Access lists are the operating system's business there; a profile folder is private by default.
    Ok(())
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A new file is only there after a crash once its folder is on the disk too.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
