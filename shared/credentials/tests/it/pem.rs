//! PEM as administrators have it, and as they break it.

use credentials::{Credential, CredentialError, Expiry};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::RsaPrivateKeyBuilder;
use openssl::symm::Cipher;
use proptest::prelude::*;

use crate::material::{PAIR, Pair, certificate, day, passphrase, rsa};

fn read(pem: &str) -> Result<Credential, CredentialError> {
    Credential::from_bytes(pem.as_bytes(), None)
}

fn is_the_pair(credential: &Credential) -> bool {
    credential.certificate_der() == PAIR.certificate.to_der().unwrap()
}

#[test]
fn every_order_form_and_line_ending_is_read() {
    let pkcs1 = String::from_utf8(PAIR.key.rsa().unwrap().private_key_to_pem().unwrap()).unwrap();
    assert!(pkcs1.starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    let (key, public) = (PAIR.key_pem(), PAIR.certificate_pem());
    for pem in [
        format!("{key}{public}"),
        format!("{public}{key}"),
        format!("{pkcs1}{public}"),
        format!("{key}{public}").replace('\n', "\r\n"),
        format!("\u{feff}{key}{public}"),
        format!("Bag Attributes\n    localKeyID: 01\n{key}Bag Attributes\nsubject=CN = x\n{public}\n\n"),
        format!("{key}{public}").trim_end().to_owned(),
    ] {
        assert!(is_the_pair(&read(&pem).unwrap()), "{}", pem.lines().next().unwrap_or_default());
    }
}

#[test]
fn two_files_serve_as_one() {
    let (key, public) = (PAIR.key_pem(), PAIR.certificate_pem());
    let pair = Credential::from_pem_pair(key.as_bytes(), public.as_bytes(), None).unwrap();
    assert!(is_the_pair(&pair));
}

#[test]
fn of_several_certificates_the_one_of_the_key_is_taken_and_the_longest_of_those() {
    let other = certificate(&rsa(2048), "issuer", 9_000);
    let renewed = certificate(&PAIR.key, "contoso", 200);
    let text = |x: &openssl::x509::X509| String::from_utf8(x.to_pem().unwrap()).unwrap();
    let taken = read(&(text(&other) + &PAIR.pem())).unwrap();
    assert!(is_the_pair(&taken));
    for pem in [PAIR.pem() + &text(&renewed), text(&renewed) + &PAIR.pem()] {
        assert_eq!(read(&pem).unwrap().not_after(), day(200));
    }
}

#[test]
fn an_encrypted_key_needs_its_passphrase() {
    let cipher = Cipher::aes_256_cbc();
    let pkcs8 = PAIR.key.private_key_to_pem_pkcs8_passphrase(cipher, b"open sesame").unwrap();
    let pkcs1 = PAIR.key.rsa().unwrap().private_key_to_pem_passphrase(cipher, b"open sesame").unwrap();
    for key in [pkcs8, pkcs1] {
        let pem = String::from_utf8(key).unwrap() + &PAIR.certificate_pem();
        let open = |text: &str| Credential::from_pem(pem.as_bytes(), Some(&passphrase(text)));
        assert!(is_the_pair(&open("open sesame").unwrap()));
        assert!(matches!(open("open barley").unwrap_err(), CredentialError::WrongPassphrase));
        assert!(matches!(open("").unwrap_err(), CredentialError::WrongPassphrase));
        assert!(matches!(open(&"x".repeat(5_000)).unwrap_err(), CredentialError::ImpossiblePassphrase));
        assert!(matches!(read(&pem).unwrap_err(), CredentialError::PassphraseNeeded));
    }
    // One that is not needed does no harm.
    assert!(Credential::from_pem(PAIR.pem().as_bytes(), Some(&passphrase("unused"))).is_ok());
}

#[test]
fn what_is_missing_is_named() {
    assert!(matches!(read(&PAIR.certificate_pem()).unwrap_err(), CredentialError::NoPrivateKey));
    assert!(matches!(read(&PAIR.key_pem()).unwrap_err(), CredentialError::NoCertificate));
    assert!(matches!(read(&(PAIR.key_pem() + &PAIR.pem())).unwrap_err(), CredentialError::SeveralPrivateKeys { count: 2 }));
    for nothing in ["", "hello", "{\"key\": 1}", "\u{0}\u{1}\u{2}"] {
        assert!(matches!(read(nothing).unwrap_err(), CredentialError::UnknownFormat), "{nothing:?}");
    }
}

#[test]
fn a_certificate_of_another_key_is_refused() {
    let stranger = certificate(&rsa(2048), "fabrikam", 100);
    let pem = PAIR.key_pem() + std::str::from_utf8(&stranger.to_pem().unwrap()).unwrap();
    let refused = read(&pem).unwrap_err();
    assert!(matches!(refused, CredentialError::CertificateDoesNotMatchKey { certificates: 1 }), "{refused}");
}

#[test]
fn keys_that_the_tenant_would_refuse_are_refused_here_with_the_reason() {
    let small = Pair::new(rsa(1024), "small", 100);
    let refused = read(&small.pem()).unwrap_err();
    assert!(matches!(refused, CredentialError::KeyTooSmall { bits: 1024 }), "{refused}");

    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let curve_key = EcKey::generate(&curve).unwrap();
    let sec1 = String::from_utf8(curve_key.private_key_to_pem().unwrap()).unwrap();
    let curve_pair = Pair::new(PKey::from_ec_key(curve_key).unwrap(), "curve", 100);
    let refused = read(&curve_pair.pem()).unwrap_err();
    assert!(refused.to_string().contains("elliptic-curve"), "{refused}");
    assert!(refused.to_string().contains("make a new RSA key"), "{refused}");
    let refused = read(&(sec1 + &curve_pair.certificate_pem())).unwrap_err();
    assert!(matches!(refused, CredentialError::NotRsa { .. }), "{refused}");
    assert!(refused.to_string().contains("EC PRIVATE KEY"), "{refused}");
}

#[test]
fn a_key_whose_private_half_is_damaged_is_refused() {
    let good = PAIR.key.rsa().unwrap();
    let mut wrong = good.d().to_owned().unwrap();
    wrong.add_word(2).unwrap();
    let own = |number: &openssl::bn::BigNumRef| number.to_owned().unwrap();
    // Both ways to sign are spoilt: OpenSSL falls back to `d` when the factors give nonsense.
    let mut spoilt = good.dmp1().unwrap().to_owned().unwrap();
    spoilt.add_word(2).unwrap();
    let broken = RsaPrivateKeyBuilder::new(own(good.n()), own(good.e()), wrong)
        .and_then(|key| key.set_factors(own(good.p().unwrap()), own(good.q().unwrap())))
        .and_then(|key| {
            let (dmq1, iqmp) = (own(good.dmq1().unwrap()), own(good.iqmp().unwrap()));
            key.set_crt_params(spoilt, dmq1, iqmp)
        })
        .unwrap()
        .build();
    let pair = Pair { key: PKey::from_rsa(broken).unwrap(), certificate: PAIR.certificate.clone() };
    let refused = read(&pair.pem()).unwrap_err();
    assert!(matches!(refused, CredentialError::KeyDamaged), "{refused}");
}

#[test]
fn text_saved_by_powershell_is_recognised() {
    let mut utf16 = vec![0xFF, 0xFE];
    utf16.extend(PAIR.pem().encode_utf16().flat_map(u16::to_le_bytes));
    assert!(matches!(Credential::from_bytes(&utf16, None).unwrap_err(), CredentialError::Utf16));
}

#[test]
fn an_expired_certificate_is_read_and_told() {
    let old = Pair::new(PAIR.key.clone(), "old", 1).credential();
    assert_eq!(old.expiry(day(11)), Expiry::Expired { days_ago: 10 });
    assert!(!old.expiry(day(11)).is_usable());
}

#[test]
fn a_control_character_in_a_subject_does_not_reach_the_terminal() {
    let odd = Pair::new(PAIR.key.clone(), "con\u{1b}[2Jtoso", 1).credential();
    assert_eq!(odd.subject(), "CN=con?[2Jtoso, O=Contoso");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A file cut short anywhere is refused, and where it is cut inside a block the block is named.
    #[test]
    fn a_truncated_file_never_passes(share in 0.0_f64..1.0) {
        let pem = PAIR.pem();
        let end = pem.trim_end().len();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a small length")]
        let cut = (share * end as f64) as usize;
        let refused = read(&pem[..cut]).unwrap_err();
        let inside = pem[..cut].matches("-----BEGIN ").count() > pem[..cut].matches("-----END ").count();
        if inside && !matches!(refused, CredentialError::TruncatedPem { .. } | CredentialError::Damaged { .. }) {
            return Err(TestCaseError::fail(format!("cut at {cut}: {refused}")));
        }
    }
}
