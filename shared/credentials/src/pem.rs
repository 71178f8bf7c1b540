//! PEM: finding the blocks, saying what is wrong with them, reading keys and certificates.
//!
//! The blocks are found here and not by OpenSSL, which skips what it does not know without a word, and asks for a
//! passphrase on the terminal when it meets an encrypted key.

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::error::reasons;
use crate::{CredentialError, Passphrase};

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";
/// OpenSSL's buffer for a PEM passphrase.
const MAXIMUM_PASSPHRASE_BYTES: usize = 1024;

/// One block, from its BEGIN line to its END line.
struct Block<'a> {
    label: &'a str,
    text: &'a [u8],
}

impl Block<'_> {
    fn is_encrypted(&self) -> bool {
        self.label == "ENCRYPTED PRIVATE KEY" || find(self.text, b"Proc-Type: 4,ENCRYPTED").is_some()
    }
}

/// Reads the one private key and all certificates of the texts given, which count as one.
pub(crate) fn read(texts: &[&[u8]], passphrase: Option<&Passphrase>) -> Result<(PKey<Private>, Vec<X509>), CredentialError> {
    let mut found = Vec::new();
    for text in texts {
        found.extend(blocks(text)?);
    }
    if found.is_empty() {
        return Err(CredentialError::UnknownFormat);
    }
    let mut keys = Vec::new();
    let mut certificates = Vec::new();
    for block in &found {
        match block.label {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                certificates.push(certificate(block)?);
            }
            label if label.ends_with("PRIVATE KEY") => keys.push(block),
            // Requests, public keys, curve parameters, chains of other formats: not needed.
            _ => {}
        }
    }
    match keys.as_slice() {
        [] => Err(CredentialError::NoPrivateKey),
        [block] => Ok((private_key(block, passphrase)?, certificates)),
        several => Err(CredentialError::SeveralPrivateKeys { count: several.len() }),
    }
}

fn certificate(block: &Block<'_>) -> Result<X509, CredentialError> {
    X509::from_pem(block.text).map_err(|errors| CredentialError::damaged("certificate", &errors))
}

fn private_key(block: &Block<'_>, passphrase: Option<&Passphrase>) -> Result<PKey<Private>, CredentialError> {
    match block.label {
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => {}
        other => {
            return Err(CredentialError::NotRsa { algorithm: format!("in the form {other:?}") });
        }
    }
    let bytes = match passphrase {
        _ if !block.is_encrypted() => &[],
        None => return Err(CredentialError::PassphraseNeeded),
        Some(passphrase) if passphrase.expose().len() > MAXIMUM_PASSPHRASE_BYTES => {
            return Err(CredentialError::ImpossiblePassphrase);
        }
        Some(passphrase) => passphrase.expose().as_bytes(),
    };
    // Always with a passphrase, even an empty one: without, OpenSSL may ask on the terminal.
    PKey::private_key_from_pem_passphrase(block.text, bytes).map_err(|errors| {
        let reason = reasons(&errors);
        if !block.is_encrypted() {
            CredentialError::Damaged { what: "private key", reason }
        } else if reason.contains("unsupported") || reason.contains("unknown") {
            CredentialError::UnsupportedEncryption { reason }
        } else {
            CredentialError::WrongPassphrase
        }
    })
}

/// All blocks of a text, in their order. What stands between them is ignored.
fn blocks(text: &[u8]) -> Result<Vec<Block<'_>>, CredentialError> {
    if text.starts_with(&[0xFF, 0xFE]) || text.starts_with(&[0xFE, 0xFF]) {
        return Err(CredentialError::Utf16);
    }
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(start) = find(rest, BEGIN) {
        let block = &rest[start..];
        let label = label(block)
            .ok_or(CredentialError::Damaged { what: "BEGIN line of a PEM block", reason: String::from("no dashes after its label") })?;
        let end_line = format!("-----END {label}-----");
        // An END line that comes after the next BEGIN line is another block's.
        let limit = find(&block[BEGIN.len()..], BEGIN).map_or(block.len(), |next| BEGIN.len() + next);
        let end = find(&block[..limit], end_line.as_bytes()).ok_or_else(|| CredentialError::TruncatedPem { label: label.to_owned() })?
            + end_line.len();
        blocks.push(Block { label, text: &block[..end] });
        rest = &block[end..];
    }
    Ok(blocks)
}

/// The label of a block: short capitals, so that nothing of a damaged file gets into a message.
fn label(block: &[u8]) -> Option<&str> {
    const MAXIMUM_LABEL_BYTES: usize = 40;
    let after = block.get(BEGIN.len()..)?;
    let label = after.get(..find(after, DASHES)?)?;
    let plain = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ';
    let fits = label.len() <= MAXIMUM_LABEL_BYTES && label.iter().all(plain);
    if fits { std::str::from_utf8(label).ok() } else { None }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Result<Vec<String>, String> {
        let found = blocks(text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(found.iter().map(|block| block.label.to_owned()).collect())
    }

    #[test]
    fn blocks_are_found_among_other_text() {
        let text = "Bag Attributes\r\n-----BEGIN PRIVATE KEY-----\r\nAA==\r\n-----END PRIVATE KEY-----\r\n\
                    subject=CN = x\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
        assert_eq!(labels(text).unwrap(), ["PRIVATE KEY", "CERTIFICATE"]);
        assert_eq!(labels("no blocks at all").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_block_without_its_end_is_named() {
        let cut = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
        assert!(labels(cut).unwrap_err().contains("\"PRIVATE KEY\" has no END line"));
        let swallowed = "-----BEGIN CERTIFICATE-----\nAA\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
        assert!(labels(swallowed).unwrap_err().contains("\"CERTIFICATE\" has no END line"));
    }

    #[test]
    fn a_damaged_begin_line_shows_nothing_of_the_file() {
        let message = labels("-----BEGIN PRIVATE KEYMIIEvQIBADANBgkqhkiG9w0-----\n").unwrap_err();
        assert!(!message.contains("MIIE"), "{message}");
    }
}
