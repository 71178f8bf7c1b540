//! Whatever stands in a certificate file or a secret: a credential that can sign, or a sentence.
#![no_main]

use credentials::{Credential, Passphrase};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let passphrase = Passphrase::new("passphrase".to_owned());
    for passphrase in [None, Some(&passphrase)] {
        match Credential::from_bytes(data, passphrase) {
            Ok(credential) => assert!(credential.sign_ps256(b"message").is_ok()),
            Err(error) => drop(error.to_string()),
        }
    }
});
