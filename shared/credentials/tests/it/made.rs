//! What `generate` makes, and what a credential says and signs.

use credentials::{Credential, CredentialError, Expiry, KEY_BITS};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use openssl::x509::X509;

use crate::material::{DAY, PAIR, day};

#[test]
fn a_new_credential_is_what_the_tenant_wants() {
    let made = Credential::generate("galbridge contoso", day(0), 365).unwrap();
    assert_eq!(made.subject(), "CN=galbridge contoso");
    assert_eq!((made.not_before(), made.not_after()), (day(0), day(365)));
    assert_eq!(made.key_bits(), KEY_BITS);

    let certificate = X509::from_der(made.certificate_der()).unwrap();
    assert_eq!(certificate.signature_algorithm().object().nid(), Nid::SHA256WITHRSAENCRYPTION);
    let public = certificate.public_key().unwrap();
    assert!(certificate.verify(&public).unwrap(), "signed by itself");
    assert_eq!(public.bits(), 3072);
    let text = String::from_utf8(certificate.to_text().unwrap()).unwrap();
    assert!(text.contains("CA:FALSE") && text.contains("Digital Signature"), "{text}");
    assert!(text.contains("Version: 3"), "{text}");

    // What is stored is what is read.
    let again = Credential::from_pem(made.to_pem().unwrap().expose().as_bytes(), None).unwrap();
    assert_eq!(again.certificate_der(), made.certificate_der());
    assert_eq!(again.to_pem().unwrap().expose(), made.to_pem().unwrap().expose());
    let shown = made.public_certificate_pem().unwrap();
    assert!(shown.starts_with("-----BEGIN CERTIFICATE-----") && !shown.contains("PRIVATE KEY"));
}

#[test]
fn serials_and_keys_are_new_each_time() {
    let first = Credential::generate("a", day(0), 1).unwrap();
    let second = Credential::generate("a", day(0), 1).unwrap();
    let serial = |made: &Credential| {
        let certificate = X509::from_der(made.certificate_der()).unwrap();
        certificate.serial_number().to_bn().unwrap().to_vec()
    };
    assert_ne!(serial(&first), serial(&second));
    assert_ne!(first.thumbprint_sha256_base64url(), second.thumbprint_sha256_base64url());
}

#[test]
fn impossible_wishes_are_refused_before_a_key_is_made() {
    for name in ["", "two\nlines", "\u{1b}[31m", &"n".repeat(65)] {
        let refused = Credential::generate(name, day(0), 365).unwrap_err();
        assert!(matches!(refused, CredentialError::ImpossibleName), "{name:?}: {refused}");
    }
    for (start, days) in [(day(0), 0), (day(0), 1096), ("-000100-01-01T00:00:00Z".parse().unwrap(), 1)] {
        let refused = Credential::generate("a", start, days).unwrap_err();
        assert!(matches!(refused, CredentialError::ImpossibleValidity { .. }), "{days}: {refused}");
    }
}

#[test]
fn names_of_64_characters_of_any_script_and_dates_past_2050_work() {
    let name = "契".repeat(64);
    let made = Credential::generate(&name, "2060-01-01T00:00:00Z".parse().unwrap(), 365).unwrap();
    assert_eq!(made.subject(), format!("CN={name}"));
    assert_eq!(made.not_after().to_string(), "2060-12-31T00:00:00Z");
}

#[test]
fn thumbprints_are_in_the_form_that_each_reader_expects() {
    let credential = PAIR.credential();
    let sha1 = openssl::sha::sha1(credential.certificate_der());
    let expected = sha1.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat();
    assert_eq!(credential.thumbprint_sha1_hex(), expected);
    assert_eq!(expected.len(), 40);

    let sha256 = openssl::sha::sha256(credential.certificate_der());
    let standard = openssl::base64::encode_block(&sha256);
    let url = standard.replace('+', "-").replace('/', "_").replace('=', "");
    assert_eq!(credential.thumbprint_sha256_base64url(), url);
    assert_eq!(url.len(), 43);
}

#[test]
fn openssl_verifies_the_signature_as_ps256_and_as_nothing_else() {
    let message = b"eyJhbGciOiJQUzI1NiJ9.eyJhdWQiOiJodHRwczovL2xvZ2luIn0";
    let signature = PAIR.credential().sign_ps256(message).unwrap();
    let verify = |padding, salt, message: &[u8]| {
        let mut verifier = Verifier::new(MessageDigest::sha256(), &PAIR.key).unwrap();
        verifier.set_rsa_padding(padding).unwrap();
        if padding == Padding::PKCS1_PSS {
            verifier.set_rsa_mgf1_md(MessageDigest::sha256()).unwrap();
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt)).unwrap();
        }
        verifier.verify_oneshot(&signature, message).unwrap_or(false)
    };
    assert_eq!(signature.len(), 256);
    assert!(verify(Padding::PKCS1_PSS, 32, message));
    assert!(!verify(Padding::PKCS1_PSS, 20, message), "the salt has 32 bytes");
    assert!(!verify(Padding::PKCS1, 0, message), "not RS256");
    assert!(!verify(Padding::PKCS1_PSS, 32, b"another message"));
}

#[test]
fn expiry_is_told_from_the_certificate() {
    let credential = PAIR.credential();
    assert_eq!(credential.expiry(day(-1)), Expiry::NotYetValid);
    assert_eq!(credential.expiry(day(0)), Expiry::Fine { days: 100 });
    assert_eq!(credential.expiry(day(70)), Expiry::Soon { days: 30 });
    assert_eq!(credential.expiry(day(105)), Expiry::Expired { days_ago: 5 });
    assert_eq!(credential.not_after().as_second() - credential.not_before().as_second(), 100 * DAY);
}
