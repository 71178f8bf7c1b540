//! Credentials in files: modes, sizes, and never overwriting.

use std::fs;
use std::path::PathBuf;

use credentials::{Credential, CredentialError, CredentialFile, MAXIMUM_FILE_BYTES};
use tempfile::TempDir;

use crate::material::PAIR;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> CredentialFile {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        set_mode(&path, mode);
        CredentialFile::new(path)
    }
}

#[cfg(unix)]
fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_: &std::path::Path, _: u32) {}

fn refused(file: &CredentialFile) -> String {
    file.load(None).unwrap_err().to_string()
}

#[test]
fn stored_and_loaded_it_is_the_same() {
    let place = Place::new();
    let file = CredentialFile::new(place.path("contoso.pem"));
    let credential = PAIR.credential();
    file.store_new(&credential).unwrap();
    let loaded = file.load(None).unwrap();
    assert_eq!(loaded.to_pem().unwrap().expose(), credential.to_pem().unwrap().expose());
}

#[test]
#[cfg(unix)]
fn a_stored_file_belongs_to_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let file = CredentialFile::new(place.path("contoso.pem"));
    file.store_new(&PAIR.credential()).unwrap();
    let mode = fs::metadata(file.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_is_there_is_never_overwritten() {
    let place = Place::new();
    let file = place.write("contoso.pem", "precious", 0o600);
    let error = file.store_new(&PAIR.credential()).unwrap_err();
    assert!(matches!(error, CredentialError::FileExists { .. }), "{error}");
    assert_eq!(fs::read_to_string(file.path()).unwrap(), "precious");
}

#[test]
fn a_folder_that_is_missing_is_told() {
    let place = Place::new();
    let file = CredentialFile::new(place.path("no/such/folder/contoso.pem"));
    let error = file.store_new(&PAIR.credential()).unwrap_err();
    assert!(error.to_string().contains("check its folder"), "{error}");
}

#[test]
#[cfg(unix)]
fn a_key_that_others_can_read_is_refused_with_the_command_to_run() {
    let place = Place::new();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o644, 0o777, 0o610] {
        let file = place.write("my key.pem", PAIR.pem(), mode);
        let error = file.load(None).unwrap_err();
        assert!(matches!(error, CredentialError::FileReadableByOthers { .. }), "{mode:o}: {error}");
        let command = format!("chmod 600 '{}'", file.path().display());
        assert!(error.to_string().contains(&command), "{error}");
    }
    for mode in [0o600, 0o400, 0o700] {
        assert!(place.write("my key.pem", PAIR.pem(), mode).load(None).is_ok(), "{mode:o}");
        set_mode(&place.path("my key.pem"), 0o600);
    }
}

#[test]
fn the_certificate_may_have_a_public_file_of_its_own() {
    let place = Place::new();
    place.write("contoso.crt", PAIR.certificate_pem(), 0o644);
    let file = place.write("contoso.key", PAIR.key_pem(), 0o600);
    assert!(refused(&file).contains("no certificate"));
    assert!(file.clone().with_certificate(place.path("contoso.crt")).load(None).is_ok());
    let lost = file.with_certificate(place.path("other.crt"));
    assert!(refused(&lost).contains("other.crt"));
}

#[test]
fn what_is_not_a_credential_file_is_told_apart() {
    let place = Place::new();
    assert!(refused(&CredentialFile::new(place.path("missing.pem"))).contains("there is no file"));
    assert!(refused(&CredentialFile::new(place.folder.path())).contains("not a regular file"));
    assert!(refused(&place.write("empty.pem", "", 0o600)).contains("has 0 bytes"));
    let limit = usize::try_from(MAXIMUM_FILE_BYTES).unwrap();
    let huge = place.write("huge.pem", "x".repeat(limit + 1), 0o600);
    assert!(matches!(huge.load(None).unwrap_err(), CredentialError::FileSize { .. }));
    let full = place.write("full.pem", PAIR.pem() + &"\n".repeat(limit - PAIR.pem().len()), 0o600);
    assert!(full.load(None).is_ok(), "a file of exactly the limit is read");
    let message = refused(&place.write("notes.txt", "hello", 0o600));
    assert!(message.contains("notes.txt") && message.contains("neither PEM nor PKCS#12"), "{message}");
}

#[test]
#[cfg(unix)]
fn a_pipe_is_refused_and_not_waited_for() {
    let place = Place::new();
    let pipe = place.path("pipe.pem");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if made.is_ok_and(|status| status.success()) {
        assert!(refused(&CredentialFile::new(pipe)).contains("not a regular file"));
    }
}

#[test]
fn an_archive_is_told_by_its_content_not_by_its_name() {
    let place = Place::new();
    let mut builder = openssl::pkcs12::Pkcs12::builder();
    builder.pkey(&PAIR.key).cert(&PAIR.certificate);
    let der = builder.build2("open sesame").unwrap().to_der().unwrap();
    let file = place.write("contoso.pem", der, 0o600);
    let loaded: Credential = file.load(Some(&crate::material::passphrase("open sesame"))).unwrap();
    assert_eq!(loaded.subject(), "CN=contoso, O=Contoso");
}
