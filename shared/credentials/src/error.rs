//! Everything that can go wrong with a credential, each with what to do next.
//!
//! No message holds key material, a passphrase or the content of a file. Of OpenSSL's errors only the fixed reason
//! strings are kept, never the data it attaches.

use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use thiserror::Error;

use crate::{KEY_BITS, MAXIMUM_FILE_BYTES, MAXIMUM_VALIDITY_DAYS, MINIMUM_KEY_BITS};

/// Why a credential could not be made, read or stored. Each message says what happened and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// Neither PEM nor PKCS#12.
    #[error("this is neither PEM nor PKCS#12 (.pfx, .p12): give the file with the private key and the certificate")]
    UnknownFormat,

    /// PEM that a Windows tool saved in a two-byte encoding.
    #[error("the text is UTF-16, as PowerShell's `>` writes it: save it again as ASCII, or use the .pfx file")]
    Utf16,

    /// A secret of a secret store cannot serve.
    #[error("secret {secret}: {detail}")]
    Secret {
        /// Its name.
        secret: String,
        /// What is wrong and what to do; nothing of its content.
        detail: String,
    },

    /// A PEM block begins and does not end.
    #[error("the PEM block {label:?} has no END line, the file is cut short: copy it again, with its last line")]
    TruncatedPem {
        /// The block's label, such as `CERTIFICATE`.
        label: String,
    },

    /// A PEM block or DER structure that OpenSSL cannot read.
    #[error("the {what} cannot be read ({reason}): it is damaged, copy or export it again")]
    Damaged {
        /// What was being read.
        what: &'static str,
        /// OpenSSL's fixed reason strings.
        reason: String,
    },

    /// There is a certificate and no key.
    #[error(
        "there is no private key in it, only the public part: use the file made together with the certificate request, or export the certificate again with its private key"
    )]
    NoPrivateKey,

    /// There is a key and no certificate.
    #[error("there is a private key and no certificate: put the certificate into the same file, or name its file too")]
    NoCertificate,

    /// Several keys, and no way to know which one is meant.
    #[error("there are {count} private keys in it: keep the one that belongs to the tenant's certificate")]
    SeveralPrivateKeys {
        /// How many were found.
        count: usize,
    },

    /// A key format that no token request can use.
    #[error(
        "the key is {algorithm}, and Microsoft Entra takes RSA keys only for certificates of applications: make a new RSA key of {KEY_BITS} bits"
    )]
    NotRsa {
        /// The algorithm or container found.
        algorithm: String,
    },

    /// An RSA key below [`MINIMUM_KEY_BITS`].
    #[error("the RSA key has {bits} bits, at least {MINIMUM_KEY_BITS} are needed: make a new one of {KEY_BITS} bits")]
    KeyTooSmall {
        /// The size found.
        bits: u32,
    },

    /// None of the certificates belongs to the key.
    #[error("the private key belongs to none of the {certificates} certificate(s) given: use the pair that was made together")]
    CertificateDoesNotMatchKey {
        /// How many certificates were looked at.
        certificates: usize,
    },

    /// The key signs, but not what the certificate verifies: a damaged key.
    #[error("the private key makes signatures that its certificate does not verify, the key is damaged: copy or export it again")]
    KeyDamaged,

    /// Encrypted, and no passphrase was given.
    #[error(
        "the private key is protected by a passphrase, and none was given: put it into the environment as GALBRIDGE_KEY_PASSPHRASE, or export the key without one into a file that only you can read"
    )]
    PassphraseNeeded,

    /// The passphrase given does not open it.
    #[error("the passphrase does not open it: check the passphrase, and that it is the one of this file")]
    WrongPassphrase,

    /// A passphrase that no file can have.
    #[error("the passphrase holds a NUL character or has over 1024 bytes, no file can have it: give it again")]
    ImpossiblePassphrase,

    /// Encryption that this build of OpenSSL does not know.
    #[error(
        "it is encrypted in an old way that this program cannot read ({reason}): convert it with `(umask 077; openssl pkcs12 -legacy -in OLD.pfx -nodes -out NEW.pem)` and use NEW.pem, or export it again with AES-256"
    )]
    UnsupportedEncryption {
        /// OpenSSL's fixed reason strings.
        reason: String,
    },

    /// A common name that a certificate cannot carry.
    #[error("a certificate's name must have 1 to 64 characters and no control characters: choose another, such as \"galbridge contoso\"")]
    ImpossibleName,

    /// A validity out of range.
    #[error(
        "a certificate cannot be valid for {days} days from then: choose 1 to {MAXIMUM_VALIDITY_DAYS} days, and a start between the years 1970 and 9000"
    )]
    ImpossibleValidity {
        /// The days asked for.
        days: u32,
    },

    /// OpenSSL failed where nothing of the input is to blame.
    #[error("OpenSSL could not {doing} ({reason}): this is not your input; report it with this line")]
    OpenSsl {
        /// What was being done.
        doing: &'static str,
        /// OpenSSL's fixed reason strings.
        reason: String,
    },

    /// There is nothing at the path.
    #[error("there is no file {}: check the path, or make the credential first", path.display())]
    FileMissing {
        /// The path asked for.
        path: PathBuf,
    },

    /// A directory, a device or a pipe.
    #[error("{} is not a regular file: name the file that holds the key", path.display())]
    NotAFile {
        /// The path asked for.
        path: PathBuf,
    },

    /// Other people can read the key.
    #[error("{} can be read by others (mode {mode:04o}), so its key may be known: run `chmod 600 {}`, and replace the credential if others use this machine", path.display(), quoted(path))]
    FileReadableByOthers {
        /// The path asked for.
        path: PathBuf,
        /// The permission bits found.
        mode: u32,
    },

    /// An empty file, or one of many kilobytes.
    #[error("{} has {bytes} bytes, a credential has 1 to {MAXIMUM_FILE_BYTES}: check that it is the right file", path.display())]
    FileSize {
        /// The path asked for.
        path: PathBuf,
        /// The size found.
        bytes: u64,
    },

    /// A credential is never overwritten.
    #[error("{} is there already and is not overwritten: choose another path, or move the old file away once the tenant no longer needs it", path.display())]
    FileExists {
        /// The path asked for.
        path: PathBuf,
    },

    /// The operating system refused.
    #[error("{} could not be {doing} ({source}): check its folder, its owner and the free space", path.display())]
    File {
        /// The path asked for.
        path: PathBuf,
        /// What was being done, as a participle.
        doing: &'static str,
        /// The operating system's answer.
        source: std::io::Error,
    },

    /// What is wrong with the content of a file.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<CredentialError>,
    },
}

impl CredentialError {
    pub(crate) fn openssl(doing: &'static str, errors: &ErrorStack) -> Self {
        Self::OpenSsl { doing, reason: reasons(errors) }
    }

    pub(crate) fn damaged(what: &'static str, errors: &ErrorStack) -> Self {
        Self::Damaged { what, reason: reasons(errors) }
    }

    pub(crate) fn in_file(self, path: &Path) -> Self {
        Self::InFile { path: path.to_owned(), source: Box::new(self) }
    }
}

/// The fixed reason strings of OpenSSL's error queue. The data it may attach stays out.
pub(crate) fn reasons(errors: &ErrorStack) -> String {
    let mut reasons: Vec<&str> = errors.errors().iter().filter_map(openssl::error::Error::reason).collect();
    reasons.dedup();
    if reasons.is_empty() { String::from("no reason given") } else { reasons.join(", ") }
}

/// A path as a POSIX shell wants it, so that the command shown can be pasted.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_shown_can_be_pasted() {
        assert_eq!(quoted(Path::new("/etc/galbridge/contoso.pem")), "/etc/galbridge/contoso.pem");
        assert_eq!(quoted(Path::new("my keys/o'neill.pem")), r"'my keys/o'\''neill.pem'");
    }
}
