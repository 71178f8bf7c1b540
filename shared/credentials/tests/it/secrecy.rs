//! No `Debug`, `Display` or error of this crate holds key material or a passphrase (law 11).

use std::error::Error as _;
use std::fmt::{Debug, Display};
use std::sync::LazyLock;

use credentials::{Credential, CredentialError, CredentialFile};
use openssl::symm::Cipher;
use proptest::prelude::*;

use crate::material::{PAIR, passphrase};

/// Everything that can be printed of a value, and of the errors beneath it.
fn printed(result: &Result<Credential, CredentialError>) -> String {
    match result {
        Ok(credential) => format!("{credential:?} {credential:#?}"),
        Err(error) => {
            let mut text = all_of(error);
            let mut cause = error.source();
            while let Some(deeper) = cause {
                text += &all_of(deeper);
                cause = deeper.source();
            }
            text
        }
    }
}

fn all_of(value: &(impl Debug + Display + ?Sized)) -> String {
    format!("{value} {value:?} {value:#?}")
}

/// Every 12 bytes of the key: in base64 as PEM has it, in hexadecimal, and as `Debug` prints bytes.
static NEEDLES: LazyLock<Vec<String>> = LazyLock::new(|| {
    const WINDOW: usize = 12;
    let rsa = PAIR.key.rsa().unwrap();
    let pem = PAIR.key_pem();
    let compact: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let base64 = compact.as_bytes().windows(16);
    let mut needles: Vec<String> = base64.map(|window| String::from_utf8_lossy(window).into_owned()).collect();
    for number in [Some(rsa.d()), rsa.p(), rsa.q(), rsa.dmp1(), rsa.dmq1(), rsa.iqmp()] {
        for window in number.unwrap().to_vec().windows(WINDOW) {
            needles.push(window.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat());
            needles.push(window.iter().map(u8::to_string).collect::<Vec<_>>().join(", "));
        }
    }
    needles
});

/// What a text gives away of the key, if anything.
fn leaks(text: &str) -> Option<&'static String> {
    let lower = text.to_lowercase();
    NEEDLES.iter().find(|needle| text.contains(*needle) || lower.contains(*needle))
}

fn encrypted_pem() -> String {
    let key = PAIR.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"open sesame").unwrap();
    String::from_utf8(key).unwrap() + &PAIR.certificate_pem()
}

#[test]
fn the_search_finds_what_it_looks_for() {
    assert!(leaks(&PAIR.key_pem().replace('\n', "")).is_some());
    let d = PAIR.key.rsa().unwrap().d().to_vec();
    assert!(leaks(&format!("{d:?}")).is_some());
    assert!(leaks(&PAIR.key.rsa().unwrap().d().to_hex_str().unwrap()).is_some());
    assert_eq!(leaks("the private key cannot be read: it is damaged"), None);
}

#[test]
fn a_credential_prints_what_a_person_needs_and_no_more() {
    let credential = PAIR.credential();
    let text = format!("{credential:?}");
    assert!(text.contains("CN=contoso") && text.contains(credential.thumbprint_sha1_hex()), "{text}");
    assert!(text.contains("[secret]"), "{text}");
    assert_eq!(leaks(&text), None);
    assert_eq!(all_of(&credential.to_pem().unwrap()), "[secret] [secret] [secret]");
}

#[test]
fn a_file_s_error_prints_no_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contoso.pem");
    let cut = PAIR.pem().len() / 3;
    std::fs::write(&path, &PAIR.pem()[..cut]).unwrap();
    let file = CredentialFile::new(&path);
    assert_eq!(leaks(&printed(&file.load(None))), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A PEM file damaged anywhere, in any way: whatever comes out of it prints nothing of the key.
    #[test]
    fn damaged_pem_prints_nothing(
        position in any::<proptest::sample::Index>(),
        damage in prop_oneof![Just(None), any::<u8>().prop_map(Some)],
        encrypted in any::<bool>(),
    ) {
        let mut pem = if encrypted { encrypted_pem() } else { PAIR.pem() }.into_bytes();
        let at = position.index(pem.len());
        match damage {
            Some(byte) => pem[at] = byte,
            None => pem.truncate(at),
        }
        let text = printed(&Credential::from_bytes(&pem, Some(&passphrase("open sesame"))));
        prop_assert_eq!(leaks(&text), None);
        prop_assert!(!text.contains("open sesame"));
    }

    /// A wrong passphrase is never repeated.
    #[test]
    fn a_passphrase_is_never_printed(wrong in "[a-zA-Z0-9 ]{12,40}") {
        let text = printed(&Credential::from_bytes(encrypted_pem().as_bytes(), Some(&passphrase(&wrong))));
        prop_assert!(!text.contains(&wrong));
        prop_assert_eq!(all_of(&passphrase(&wrong)), "[secret] [secret] [secret]");
    }
}
