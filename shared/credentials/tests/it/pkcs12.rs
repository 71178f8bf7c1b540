//! PKCS#12 as Windows and openssl write it.

use credentials::{Credential, CredentialError};
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::provider::Provider;
use openssl::stack::Stack;

use crate::material::{PAIR, certificate, passphrase, rsa};

fn archive(passphrase: &str, algorithms: Option<(Nid, Nid)>) -> Vec<u8> {
    let mut builder = Pkcs12::builder();
    builder.name("contoso").pkey(&PAIR.key).cert(&PAIR.certificate);
    let mut chain = Stack::new().unwrap();
    chain.push(certificate(&rsa(2048), "issuer", 9_000)).unwrap();
    builder.ca(chain);
    if let Some((key, certificate)) = algorithms {
        builder.key_algorithm(key).cert_algorithm(certificate);
    }
    builder.build2(passphrase).unwrap().to_der().unwrap()
}

fn open(der: &[u8], text: Option<&str>) -> Result<Credential, CredentialError> {
    Credential::from_bytes(der, text.map(passphrase).as_ref())
}

fn is_the_pair(credential: &Credential) -> bool {
    credential.certificate_der() == PAIR.certificate.to_der().unwrap()
}

#[test]
fn a_round_trip_with_any_passphrase() {
    for text in ["open sesame", "Grüße, 世界", " leading and trailing "] {
        let der = archive(text, None);
        assert!(is_the_pair(&open(&der, Some(text)).unwrap()), "{text}");
        assert!(matches!(open(&der, Some("wrong")).unwrap_err(), CredentialError::WrongPassphrase));
        assert!(matches!(open(&der, None).unwrap_err(), CredentialError::PassphraseNeeded));
    }
}

#[test]
fn the_empty_passphrase_and_none_are_the_same() {
    let der = archive("", None);
    assert!(is_the_pair(&open(&der, Some("")).unwrap()));
    assert!(is_the_pair(&open(&der, None).unwrap()));
    assert!(matches!(open(&der, Some("wrong")).unwrap_err(), CredentialError::WrongPassphrase));
}

#[test]
fn triple_des_as_windows_exports_it_is_read() {
    let algorithm = Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC;
    let der = archive("open sesame", Some((algorithm, algorithm)));
    assert!(is_the_pair(&open(&der, Some("open sesame")).unwrap()));
}

#[test]
fn rc2_as_old_windows_exports_it_is_read() {
    let der = {
        let _legacy = Provider::try_load(None, "legacy", true).unwrap();
        archive("open sesame", Some((Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC, Nid::PBE_WITHSHA1AND40BITRC2_CBC)))
    };
    assert!(is_the_pair(&open(&der, Some("open sesame")).unwrap()));
    assert!(matches!(open(&der, Some("wrong")).unwrap_err(), CredentialError::WrongPassphrase));
}

#[test]
fn a_passphrase_with_a_nul_is_refused_and_does_not_panic() {
    let refused = open(&archive("x", None), Some("x\0y")).unwrap_err();
    assert!(matches!(refused, CredentialError::ImpossiblePassphrase), "{refused}");
}

#[test]
fn the_cer_instead_of_the_pfx_is_told() {
    let refused = open(&PAIR.certificate.to_der().unwrap(), None).unwrap_err();
    assert!(matches!(refused, CredentialError::NoPrivateKey), "{refused}");
}

#[test]
fn an_archive_without_a_key_or_with_a_stranger_s_certificate_is_refused() {
    let mut builder = Pkcs12::builder();
    builder.cert(&PAIR.certificate);
    let der = builder.build2("x").unwrap().to_der().unwrap();
    let refused = open(&der, Some("x")).unwrap_err();
    assert!(matches!(refused, CredentialError::NoPrivateKey), "{refused}");

    let mut builder = Pkcs12::builder();
    builder.pkey(&PAIR.key);
    let mut chain = Stack::new().unwrap();
    chain.push(certificate(&rsa(2048), "stranger", 100)).unwrap();
    builder.ca(chain);
    let der = builder.build2("x").unwrap().to_der().unwrap();
    let refused = open(&der, Some("x")).unwrap_err();
    assert!(matches!(refused, CredentialError::CertificateDoesNotMatchKey { .. }), "{refused}");
}

#[test]
fn a_damaged_archive_is_refused() {
    let der = archive("x", None);
    for cut in [1, 10, der.len() / 2, der.len() - 1] {
        let refused = open(&der[..cut], Some("x")).unwrap_err();
        assert!(matches!(refused, CredentialError::Damaged { .. }), "cut at {cut}: {refused}");
    }
}
