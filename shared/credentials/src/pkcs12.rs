//! PKCS#12, the `.pfx` of Windows: modern (AES), old (3DES) and oldest (RC2) encryption.

use openssl::error::ErrorStack;
use openssl::pkcs12::{ParsedPkcs12_2, Pkcs12};
use openssl::pkey::{PKey, Private};
use openssl::provider::Provider;
use openssl::x509::X509;

use crate::error::reasons;
use crate::{CredentialError, Passphrase};

/// Reads the private key and all certificates of an archive.
pub(crate) fn read(der: &[u8], passphrase: Option<&Passphrase>) -> Result<(PKey<Private>, Vec<X509>), CredentialError> {
    let archive = match Pkcs12::from_der(der) {
        Ok(archive) => archive,
        // A bare certificate is DER too, and the usual mistake: the .cer instead of the .pfx.
        Err(_) if X509::from_der(der).is_ok() => return Err(CredentialError::NoPrivateKey),
        Err(errors) => return Err(CredentialError::damaged("PKCS#12 file", &errors)),
    };
    let opened = open(&archive, passphrase)?;
    let key = opened.pkey.ok_or(CredentialError::NoPrivateKey)?;
    let certificates = opened.cert.into_iter().chain(opened.ca.into_iter().flatten()).collect();
    Ok((key, certificates))
}

fn open(archive: &Pkcs12, passphrase: Option<&Passphrase>) -> Result<ParsedPkcs12_2, CredentialError> {
    let text = passphrase.map_or("", |passphrase| passphrase.expose().as_str());
    if text.contains('\0') {
        return Err(CredentialError::ImpossiblePassphrase);
    }
    let errors = match archive.parse2(text) {
        Ok(opened) => return Ok(opened),
        Err(errors) => errors,
    };
    if !is_unsupported(&errors) {
        return Err(refused(&errors, text.is_empty()));
    }
    // RC2 and its like live in OpenSSL's legacy provider. It is loaded for this one archive and dropped again.
    let unsupported = |_| CredentialError::UnsupportedEncryption { reason: reasons(&errors) };
    let _legacy = Provider::try_load(None, "legacy", true).map_err(unsupported)?;
    archive.parse2(text).map_err(|errors| refused(&errors, text.is_empty()))
}

fn is_unsupported(errors: &ErrorStack) -> bool {
    let reason = reasons(errors);
    reason.contains("unsupported") || reason.contains("unknown")
}

fn refused(errors: &ErrorStack, no_passphrase: bool) -> CredentialError {
    let reason = reasons(errors);
    if reason.contains("mac verify failure") || reason.contains("bad decrypt") {
        if no_passphrase { CredentialError::PassphraseNeeded } else { CredentialError::WrongPassphrase }
    } else if is_unsupported(errors) {
        CredentialError::UnsupportedEncryption { reason }
    } else {
        CredentialError::Damaged { what: "PKCS#12 file", reason }
    }
}
