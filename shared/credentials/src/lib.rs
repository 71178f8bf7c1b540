//! Certificates: make, parse, thumbprint, sign; file sources.
//!
//! A tenant trusts galbridge by one certificate. This crate turns its private key and certificate into what the
//! token request needs: a PS256 signature and the SHA-256 thumbprint (`x5t#S256`). It reads what
//! administrators really have, PEM and PKCS#12, and refuses early, with a sentence that says what to do, what the
//! token endpoint would refuse later with a number.
//!
//! Three promises, each with a test:
//!
//! 1. Key material and passphrases live in [`Secret`], which prints `[secret]` and is wiped when dropped. No error,
//!    `Debug` or `Display` of this crate holds a byte of them.
//! 2. A private key is never read from a file that other people can read, and never written to one, not even for a
//!    moment ([`CredentialFile`]).
//! 3. A [`Credential`] that exists can sign: the key is RSA of 2048 bits or more, belongs to the certificate, and has
//!    made one signature that the certificate verifies.
//!
//! Time is a parameter: nothing here reads the clock.

mod credential;
mod error;
mod expiry;
mod file;
mod pem;
mod pkcs12;
mod secret;
#[cfg(feature = "secrets-manager")]
mod secrets_manager;
mod self_signed;
mod signer;

pub use credential::{Credential, MINIMUM_KEY_BITS};
pub use error::CredentialError;
pub use expiry::{Expiry, WARN_DAYS};
pub use file::{CredentialFile, MAXIMUM_FILE_BYTES};
pub use secret::{Passphrase, Secret};
#[cfg(feature = "secrets-manager")]
pub use secrets_manager::SecretsManager;
pub use self_signed::{KEY_BITS, MAXIMUM_VALIDITY_DAYS, VALIDITY_DAYS};
