//! Whatever stands in a certificate file or a secret: a credential that can sign, or a sentence. Half of the inputs are a real file
//! in which something was replaced.
#![no_main]

use std::sync::LazyLock;

use credentials::{Credential, Passphrase};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

/// A key and its certificate, as galbridge makes them; other ones in each run.
static REAL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let made = Credential::generate("galbridge-fuzz", Timestamp::UNIX_EPOCH, 730).and_then(|credential| credential.to_pem());
    made.expect("a credential can be made").expose().clone().into_bytes()
});

fuzz_target!(|data: &[u8]| {
    let Some((spoilt, data)) = data.split_first() else { return };
    if spoilt % 2 == 0 { read(data) } else { read(&spoil(data)) }
});

/// The real file, with a few bytes at a place replaced: the first two say where, the third how many.
fn spoil(data: &[u8]) -> Vec<u8> {
    let [first, second, count, instead @ ..] = data else { return REAL.clone() };
    let mut file = REAL.clone();
    let at = usize::from(u16::from_le_bytes([*first, *second])) % file.len();
    let end = (at + usize::from(*count)).min(file.len());
    file.splice(at..end, instead.iter().copied());
    file
}

fn read(file: &[u8]) {
    let passphrase = Passphrase::new("passphrase".to_owned());
    for passphrase in [None, Some(&passphrase)] {
        match Credential::from_bytes(file, passphrase) {
            Ok(credential) => assert!(credential.sign_ps256(b"message").is_ok()),
            Err(error) => drop(error.to_string()),
        }
    }
}
