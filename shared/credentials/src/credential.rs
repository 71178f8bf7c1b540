//! A private key with its certificate, proven to belong together.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer, Verifier};
use openssl::x509::{X509, X509NameRef};

use crate::{CredentialError, Expiry, Passphrase, Secret, pem, pkcs12, self_signed};

/// The smallest RSA key that Microsoft Entra takes, in bits.
pub const MINIMUM_KEY_BITS: u32 = 2048;

/// A private key and the certificate that a tenant trusts, checked when made: RSA, large enough, a pair, able to sign.
///
/// Cloning is cheap and copies no key: OpenSSL counts references, and wipes the key with the last one.
#[derive(Clone)]
pub struct Credential {
    key: PKey<Private>,
    certificate: X509,
    der: Vec<u8>,
    sha1: Vec<u8>,
    sha1_hex: String,
    sha256: String,
    subject: String,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Credential {
    /// Makes a new RSA key of [`KEY_BITS`](crate::KEY_BITS) and a certificate that it signs itself with SHA-256,
    /// for `validity_days` from `not_before` on. `common_name` is what the portals show, 1 to 64 characters.
    pub fn generate(common_name: &str, not_before: Timestamp, validity_days: u32) -> Result<Self, CredentialError> {
        let (key, certificate) = self_signed::make(common_name, not_before, validity_days)?;
        Self::assemble(key, vec![certificate])
    }

    /// Reads PEM or PKCS#12, whichever it is. `passphrase` is for encrypted keys and ignored where none is needed.
    pub fn from_bytes(bytes: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, CredentialError> {
        const DER_SEQUENCE: u8 = 0x30;
        if bytes.first() == Some(&DER_SEQUENCE) { Self::from_pkcs12(bytes, passphrase) } else { Self::from_pem(bytes, passphrase) }
    }

    /// Reads PEM: one private key (PKCS#8 or PKCS#1, plain or encrypted) and one certificate or more, in any order,
    /// with any text around them. Of several certificates it takes the one of the key; of several of the key,
    /// the one that is valid longest.
    pub fn from_pem(pem: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, CredentialError> {
        Self::from_pem_pair(pem, &[], passphrase)
    }

    /// Reads PEM from two files, as [`Credential::from_pem`] reads one.
    pub fn from_pem_pair(key: &[u8], certificate: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, CredentialError> {
        let (key, certificates) = pem::read(&[key, certificate], passphrase)?;
        Self::assemble(key, certificates)
    }

    /// Reads PKCS#12 (`.pfx`, `.p12`), the old RC2 and 3DES encryption included. No passphrase and the empty one
    /// are the same.
    pub fn from_pkcs12(der: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, CredentialError> {
        let (key, certificates) = pkcs12::read(der, passphrase)?;
        Self::assemble(key, certificates)
    }

    /// The one way to a `Credential`: every check is here.
    fn assemble(key: PKey<Private>, certificates: Vec<X509>) -> Result<Self, CredentialError> {
        if key.id() != Id::RSA {
            return Err(CredentialError::NotRsa { algorithm: algorithm_name(key.id()) });
        }
        if key.bits() < MINIMUM_KEY_BITS {
            return Err(CredentialError::KeyTooSmall { bits: key.bits() });
        }
        let certificate = choose(&key, certificates)?;
        let unreadable = |errors: ErrorStack| CredentialError::damaged("certificate", &errors);
        let der = certificate.to_der().map_err(unreadable)?;
        let sha1 = certificate.digest(MessageDigest::sha1()).map_err(unreadable)?;
        let sha256 = certificate.digest(MessageDigest::sha256()).map_err(unreadable)?;
        let credential = Self {
            der,
            sha1: sha1.to_vec(),
            sha1_hex: upper_hex(&sha1),
            sha256: URL_SAFE_NO_PAD.encode(sha256),
            subject: name_text(certificate.subject_name()),
            not_before: timestamp(certificate.not_before())?,
            not_after: timestamp(certificate.not_after())?,
            key,
            certificate,
        };
        credential.prove()?;
        Ok(credential)
    }

    /// Signs once and verifies with the certificate, so that a damaged key is found here and not by the tenant.
    fn prove(&self) -> Result<(), CredentialError> {
        const PROBE: &[u8] = b"galbridge";
        let damaged = |_| CredentialError::KeyDamaged;
        let signature = self.sign_ps256(PROBE).map_err(damaged)?;
        let public = self.certificate.public_key().map_err(|errors| CredentialError::damaged("certificate", &errors))?;
        let verified = verify_ps256(&public, PROBE, &signature).map_err(|_| CredentialError::KeyDamaged)?;
        if verified { Ok(()) } else { Err(CredentialError::KeyDamaged) }
    }

    /// Key (PKCS#8, not encrypted) and certificate as PEM, for the place where the credential is kept.
    pub fn to_pem(&self) -> Result<Secret<String>, CredentialError> {
        const DOING: &str = "write the credential as PEM";
        let key = self.key.private_key_to_pem_pkcs8();
        let key = Secret::new(key.map_err(|errors| CredentialError::openssl(DOING, &errors))?);
        let text = std::str::from_utf8(key.expose())
            .map_err(|_| CredentialError::OpenSsl { doing: DOING, reason: String::from("it is not text") })?;
        let certificate = self.public_certificate_pem()?;
        // Room for all of it from the start: a String that grows leaves copies behind.
        let mut pem = Secret::new(String::with_capacity(text.len() + certificate.len()));
        pem.expose_mut().push_str(text);
        pem.expose_mut().push_str(&certificate);
        Ok(pem)
    }

    /// The certificate alone as PEM: what an administrator uploads to the tenant.
    pub fn public_certificate_pem(&self) -> Result<String, CredentialError> {
        let pem = self.certificate.to_pem();
        let pem = pem.map_err(|errors| CredentialError::openssl("write the certificate as PEM", &errors))?;
        Ok(String::from_utf8_lossy(&pem).into_owned())
    }

    /// The certificate alone as DER: what `addKey` takes, in base64.
    pub fn certificate_der(&self) -> &[u8] {
        &self.der
    }

    /// The SHA-1 thumbprint in upper-case hexadecimal, as the portals and error 700027 print it.
    pub fn thumbprint_sha1_hex(&self) -> &str {
        &self.sha1_hex
    }

    /// The SHA-1 thumbprint as it is, 20 bytes.
    pub fn thumbprint_sha1_raw(&self) -> &[u8] {
        &self.sha1
    }

    /// The SHA-256 thumbprint in base64url without padding, for the assertion's `x5t#S256`.
    pub fn thumbprint_sha256_base64url(&self) -> &str {
        &self.sha256
    }

    /// Signs with RSASSA-PSS, SHA-256, MGF1 with SHA-256 and a salt of 32 bytes: JWT's `PS256` (RFC 7518, 3.5).
    /// Two signatures of one message differ, because the salt is random.
    pub fn sign_ps256(&self, message: &[u8]) -> Result<Vec<u8>, CredentialError> {
        let sign = || {
            let mut signer = Signer::new(MessageDigest::sha256(), &self.key)?;
            signer.set_rsa_padding(Padding::PKCS1_PSS)?;
            signer.set_rsa_mgf1_md(MessageDigest::sha256())?;
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            signer.sign_oneshot_to_vec(message)
        };
        sign().map_err(|errors| CredentialError::openssl("sign", &errors))
    }

    /// Signs with RSASSA-PKCS1-v1_5 and SHA-256: JWT's `RS256` (RFC 7518, 3.3), for proofs of possession alone.
    pub fn sign_rs256(&self, message: &[u8]) -> Result<Vec<u8>, CredentialError> {
        let sign = || Signer::new(MessageDigest::sha256(), &self.key)?.sign_oneshot_to_vec(message);
        sign().map_err(|errors| CredentialError::openssl("sign", &errors))
    }

    /// The certificate's first valid moment.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The certificate's last valid moment.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whom the certificate names, such as `CN=galbridge contoso`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The size of the RSA key in bits.
    pub fn key_bits(&self) -> u32 {
        self.key.bits()
    }

    /// Where `now` lies in the certificate's life.
    pub fn expiry(&self, now: Timestamp) -> Expiry {
        Expiry::at(now, self.not_before, self.not_after)
    }
}

/// Everything a person may see of it; never the key.
impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credential")
            .field("subject", &self.subject)
            .field("thumbprint_sha1", &self.sha1_hex)
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .field("key", &format_args!("[secret]"))
            .finish_non_exhaustive()
    }
}

/// The certificate of the key; of several, the one that is valid longest (a renewal that kept its key).
fn choose(key: &PKeyRef<Private>, certificates: Vec<X509>) -> Result<X509, CredentialError> {
    let count = certificates.len();
    if count == 0 {
        return Err(CredentialError::NoCertificate);
    }
    let mut chosen: Option<X509> = None;
    for certificate in certificates {
        let of_key = certificate.public_key().is_ok_and(|public| public.public_eq(key));
        let later = chosen.as_ref().is_none_or(|best| certificate.not_after() > best.not_after());
        if of_key && later {
            chosen = Some(certificate);
        }
    }
    // A certificate of another key leaves complaints in OpenSSL's queue, which a later call would read as its own.
    drop(ErrorStack::get());
    chosen.ok_or(CredentialError::CertificateDoesNotMatchKey { certificates: count })
}

fn verify_ps256<T: HasPublic>(public: &PKeyRef<T>, message: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
    let mut verifier = Verifier::new(MessageDigest::sha256(), public)?;
    verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
    verifier.set_rsa_mgf1_md(MessageDigest::sha256())?;
    verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
    verifier.verify_oneshot(signature, message)
}

fn timestamp(time: &Asn1TimeRef) -> Result<Timestamp, CredentialError> {
    const SECONDS_PER_DAY: i64 = 86_400;
    let unreadable = |errors: ErrorStack| CredentialError::damaged("certificate's validity", &errors);
    let epoch = Asn1Time::from_unix(0).map_err(unreadable)?;
    let since = epoch.diff(time).map_err(unreadable)?;
    let seconds = i64::from(since.days) * SECONDS_PER_DAY + i64::from(since.secs);
    Timestamp::from_second(seconds)
        .map_err(|_| CredentialError::Damaged { what: "certificate's validity", reason: String::from("a year out of range") })
}

/// `CN=galbridge contoso, O=Contoso`, in the certificate's order.
fn name_text(name: &X509NameRef) -> String {
    let part = |entry: &openssl::x509::X509NameEntryRef| {
        let field = entry.object().nid().short_name().unwrap_or("?");
        // Control characters would reach a terminal: a certificate may come from anywhere.
        let value = entry.data().to_string().unwrap_or_default().replace(char::is_control, "?");
        format!("{field}={value}")
    };
    name.entries().map(part).collect::<Vec<_>>().join(", ")
}

fn algorithm_name(id: Id) -> String {
    match id {
        Id::EC => String::from("an elliptic-curve key"),
        Id::ED25519 | Id::ED448 => String::from("an EdDSA key"),
        Id::RSA_PSS => String::from("an RSA key restricted to PSS"),
        Id::DSA => String::from("a DSA key"),
        other => format!("of another kind (OpenSSL's number {})", other.as_raw()),
    }
}

fn upper_hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}
