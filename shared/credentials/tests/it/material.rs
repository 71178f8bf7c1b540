//! Keys and certificates for the tests, made with openssl directly so that the crate does not judge itself.

use std::sync::LazyLock;

use credentials::{Credential, Passphrase, Secret};
use jiff::Timestamp;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};

pub(crate) const DAY: i64 = 86_400;
/// 2026-01-01T00:00:00Z
pub(crate) const START: i64 = 1_767_225_600;

/// A key and a certificate for it that is valid for 100 days from `START` on.
pub(crate) struct Pair {
    pub(crate) key: PKey<Private>,
    pub(crate) certificate: X509,
}

/// The pair that most tests use; 2048 bits, because it is made in every test process.
pub(crate) static PAIR: LazyLock<Pair> = LazyLock::new(|| Pair::new(rsa(2048), "contoso", 100));

impl Pair {
    pub(crate) fn new(key: PKey<Private>, common_name: &str, days: i64) -> Self {
        let certificate = certificate(&key, common_name, days);
        Self { key, certificate }
    }

    pub(crate) fn key_pem(&self) -> String {
        String::from_utf8(self.key.private_key_to_pem_pkcs8().unwrap()).unwrap()
    }

    pub(crate) fn certificate_pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().unwrap()).unwrap()
    }

    pub(crate) fn pem(&self) -> String {
        self.key_pem() + &self.certificate_pem()
    }

    pub(crate) fn credential(&self) -> Credential {
        Credential::from_pem(self.pem().as_bytes(), None).unwrap()
    }
}

pub(crate) fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

/// A certificate for `key`, signed by itself.
pub(crate) fn certificate(key: &PKey<Private>, common_name: &str, days: i64) -> X509 {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, common_name).unwrap();
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, "Contoso").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(START).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(START + days * DAY).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build()
}

pub(crate) fn day(days: i64) -> Timestamp {
    Timestamp::from_second(START + days * DAY).unwrap()
}

pub(crate) fn passphrase(text: &str) -> Passphrase {
    Secret::new(text.to_owned())
}
