//! Certificates registered on an application, and the signatures made with them. MICROSOFT.md section 1.1.

use jiff::Timestamp;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use openssl::x509::X509;
use uuid::Uuid;

/// A certificate the token endpoint knows.
pub(crate) struct Certificate {
    /// The id of the key on the application.
    pub(crate) key_id: Uuid,
    pub(crate) sha1: Vec<u8>,
    pub(crate) sha256: Vec<u8>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// From when the token endpoint has heard of it.
    pub(crate) known_from: Timestamp,
    key: PKey<Public>,
}

/// The two algorithms Entra takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Ps256,
    Rs256,
}

impl Certificate {
    /// Reads a PEM certificate; a private key beside it is not looked at.
    pub(crate) fn from_pem(pem: &[u8], key_id: Uuid, known_from: Timestamp) -> Result<Certificate, ErrorStack> {
        Certificate::of(&X509::from_pem(pem)?, key_id, known_from)
    }

    /// Reads a DER certificate, as `addKey` gets it.
    pub(crate) fn from_der(der: &[u8], key_id: Uuid, known_from: Timestamp) -> Result<Certificate, ErrorStack> {
        Certificate::of(&X509::from_der(der)?, key_id, known_from)
    }

    fn of(certificate: &X509, key_id: Uuid, known_from: Timestamp) -> Result<Certificate, ErrorStack> {
        Ok(Certificate {
            key_id,
            sha1: certificate.digest(MessageDigest::sha1())?.to_vec(),
            sha256: certificate.digest(MessageDigest::sha256())?.to_vec(),
            not_before: instant(certificate.not_before())?,
            not_after: instant(certificate.not_after())?,
            known_from,
            key: certificate.public_key()?,
        })
    }

    /// Whether the signature over these bytes was made with this certificate's key.
    pub(crate) fn has_signed(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        self.verify(algorithm, signed, signature).unwrap_or(false)
    }

    fn verify(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
        let mut verifier = Verifier::new(MessageDigest::sha256(), &self.key)?;
        if algorithm == Algorithm::Ps256 {
            verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
            verifier.set_rsa_mgf1_md(MessageDigest::sha256())?;
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        verifier.verify_oneshot(signature, signed)
    }
}

fn instant(time: &Asn1TimeRef) -> Result<Timestamp, ErrorStack> {
    let epoch = Asn1Time::from_unix(0)?;
    let since = epoch.diff(time)?;
    let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
    Ok(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

/// Upper-case hexadecimal, as error texts show thumbprints.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from(DIGITS[usize::from(half)]));
    bytes.iter().flat_map(digits).collect()
}
