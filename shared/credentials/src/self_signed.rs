//! A new RSA key and the certificate that it signs itself.

use jiff::Timestamp;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};

use crate::CredentialError;

/// The size of new RSA keys, in bits: good beyond 2030 (NIST SP 800-57, 128 bits of strength).
pub const KEY_BITS: u32 = 3072;

/// The longest validity of a new certificate, in days: three years. Rotation renews it long before.
pub const MAXIMUM_VALIDITY_DAYS: u32 = 1095;

/// How long a certificate is valid where nobody says otherwise, in days: more than two rotations (`RotateAfterDays`).
pub const VALIDITY_DAYS: u32 = 730;

const MAXIMUM_NAME_CHARACTERS: usize = 64;
const SECONDS_PER_DAY: i64 = 86_400;
/// X.509 dates end with the year 9999; this leaves room for any validity.
const LATEST_START: i64 = 221_845_392_000;

/// Makes the pair. The arguments are checked before the key is made, which takes a good part of a second.
pub(crate) fn make(common_name: &str, not_before: Timestamp, validity_days: u32) -> Result<(PKey<Private>, X509), CredentialError> {
    let characters = common_name.chars().count();
    if characters == 0 || characters > MAXIMUM_NAME_CHARACTERS || common_name.chars().any(char::is_control) {
        return Err(CredentialError::ImpossibleName);
    }
    let start = not_before.as_second();
    if !(1..=MAXIMUM_VALIDITY_DAYS).contains(&validity_days) || !(0..=LATEST_START).contains(&start) {
        return Err(CredentialError::ImpossibleValidity { days: validity_days });
    }
    let end = start + i64::from(validity_days) * SECONDS_PER_DAY;
    let pair = || {
        let key = PKey::from_rsa(Rsa::generate(KEY_BITS)?)?;
        let certificate = certificate(&key, common_name, start, end)?;
        Ok((key, certificate))
    };
    pair().map_err(|errors: ErrorStack| CredentialError::openssl("make a key and its certificate", &errors))
}

fn certificate(key: &PKeyRef<Private>, common_name: &str, start: i64, end: i64) -> Result<X509, ErrorStack> {
    let name = name(common_name)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?; // X.509 version 3
    let serial = serial()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_not_before(Asn1Time::from_unix(start)?.as_ref())?;
    builder.set_not_after(Asn1Time::from_unix(end)?.as_ref())?;
    builder.set_pubkey(key)?;
    extend(&mut builder)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

/// An end-entity certificate that signs and authenticates a client, and nothing else.
fn extend(builder: &mut X509Builder) -> Result<(), ErrorStack> {
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(identifier)
}

fn name(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

/// A random serial of 127 bits, so positive (RFC 5280, 4.1.2.2).
fn serial() -> Result<openssl::asn1::Asn1Integer, ErrorStack> {
    const SERIAL_BITS: i32 = 127;
    let mut number = BigNum::new()?;
    number.rand(SERIAL_BITS, MsbOption::ONE, false)?;
    number.to_asn1_integer()
}
