//! Bodies: records as JSON, compressed with what all of them have in common.
//!
//! A body's names of properties are longer than its values, and the service charges each write by the
//! kilobyte: a replica has 1.4 KB as JSON, 0.4 KB so. What compresses it is Zstandard (RFC 8878) with a dictionary of
//! raw content, [`DICTIONARY`]: typical records without values. Short bodies stay text, they would gain nothing; both
//! kinds are read. A frame ends with the checksum of its content, so that a flipped bit is noticed and not believed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::sync::LazyLock;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use engine::ports::StoreError;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use crate::item::{Item, corrupt};
use crate::keys::Key;

/// The attribute.
pub(crate) const BODY: &str = "body";

/// What frames of schema 2 refer to. It never changes: every stored body would be lost. Other records, another
/// dictionary, another schema.
const DICTIONARY: &[u8] = include_bytes!("dictionary-1.txt");
/// Zstandard's level. Higher ones gain 5 % and take twice as long.
const LEVEL: i32 = 1;
/// The shortest JSON that is compressed, in bytes.
const SHORTEST: usize = 200;
/// The longest JSON that is packed or unpacked, in bytes: a forged frame does not fill the memory. (As text it is too
/// large for an item, and refused when it is written.)
const LONGEST: usize = 4_000_000;

static TO_PACK: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static TO_UNPACK: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

// Their working memory is made once for each thread, not for each body.
thread_local! {
    static PACKER: RefCell<io::Result<Compressor<'static>>> = RefCell::new(compressor());
    static UNPACKER: RefCell<io::Result<Decompressor<'static>>> = RefCell::new(Decompressor::with_prepared_dictionary(&TO_UNPACK));
}

fn compressor() -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::with_prepared_dictionary(&TO_PACK)?;
    compressor.include_checksum(true)?;
    Ok(compressor)
}

/// A body as it is stored. What cannot be compressed is stored as it is.
pub(crate) fn pack(json: String) -> AttributeValue {
    if !(SHORTEST..=LONGEST).contains(&json.len()) {
        return AttributeValue::S(json);
    }
    let packed = PACKER.with_borrow_mut(|packer| packer.as_mut().ok().and_then(|packer| packer.compress(json.as_bytes()).ok()));
    match packed {
        Some(packed) if packed.len() < json.len() => AttributeValue::B(Blob::new(packed)),
        Some(_) | None => AttributeValue::S(json),
    }
}

/// The JSON of a body, if the item has one.
///
/// # Errors
/// `Corrupt` if it is neither text nor one of our frames, or if its checksum does not fit.
pub(crate) fn unpack<'i>(item: &'i Item, key: &Key) -> Result<Option<Cow<'i, str>>, StoreError> {
    match item.get(BODY) {
        None => Ok(None),
        Some(AttributeValue::S(text)) => Ok(Some(Cow::Borrowed(text))),
        Some(AttributeValue::B(packed)) => {
            let damaged = |error: &dyn std::fmt::Display| corrupt(key, format!("its body cannot be unpacked: {error}"));
            let json = UNPACKER.with_borrow_mut(|unpacker| match unpacker {
                Ok(unpacker) => unpacker.decompress(packed.as_ref(), room_for(packed.as_ref())).map_err(|error| damaged(&error)),
                Err(error) => Err(damaged(error)),
            })?;
            String::from_utf8(json).map(|json| Some(Cow::Owned(json))).map_err(|_| damaged(&"it is not text"))
        }
        Some(_) => Err(corrupt(key, "its body is neither text nor binary")),
    }
}

/// How many bytes a frame unpacks to, as it says of itself: all that are set aside for it. What says nothing, or too much, gets what
/// the longest may have, and is refused there.
fn room_for(packed: &[u8]) -> usize {
    let says = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    says.and_then(|says| usize::try_from(says).ok()).map_or(LONGEST, |says| says.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::keys;

    fn key() -> Key {
        keys::pair("p")
    }

    fn read(value: AttributeValue) -> Result<String, StoreError> {
        let item = Item::from([(BODY.to_owned(), value)]);
        Ok(unpack(&item, &key())?.unwrap().into_owned())
    }

    /// A replica as a reading makes it.
    const REPLICA: &str = include_str!("replica.json");

    #[test]
    fn a_replica_takes_a_third_of_its_json_and_reads_back() {
        let packed = pack(REPLICA.to_owned());
        let AttributeValue::B(bytes) = &packed else { panic!("not compressed") };
        assert!(bytes.as_ref().len() * 3 < REPLICA.len(), "{} of {}", bytes.as_ref().len(), REPLICA.len());
        assert_eq!(read(packed).unwrap(), REPLICA);
    }

    #[test]
    fn short_and_endless_bodies_and_those_of_schema_1_are_text() {
        assert_eq!(pack("{}".to_owned()), AttributeValue::S("{}".to_owned()));
        let long = " ".repeat(LONGEST + 1);
        assert_eq!(pack(long.clone()), AttributeValue::S(long));
        assert_eq!(read(AttributeValue::S(REPLICA.to_owned())).unwrap(), REPLICA);
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let AttributeValue::B(bytes) = pack(REPLICA.to_owned()) else { panic!("not compressed") };
        for bit in 0..bytes.as_ref().len() * 8 {
            let mut flipped = bytes.as_ref().to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match read(AttributeValue::B(Blob::new(flipped))) {
                // A bit of the header that no reader needs.
                Ok(json) => assert_eq!(json, REPLICA, "bit {bit}"),
                Err(error) => assert!(matches!(error, StoreError::Corrupt { .. }), "{error}"),
            }
        }
    }

    #[test]
    fn a_frame_that_would_fill_the_memory_is_refused() {
        let bomb = zstd::bulk::compress(&vec![b' '; LONGEST + 1], 1).unwrap();
        assert!(bomb.len() < 10_000);
        assert!(matches!(read(AttributeValue::B(Blob::new(bomb))), Err(StoreError::Corrupt { .. })));
    }

    #[test]
    fn the_dictionary_never_changes() {
        let digest = hex::encode(Sha256::digest(DICTIONARY));
        assert_eq!(digest, "27429240adf64ebf05a031c673490b0f1598842d75ff413a74e5a3185558fb17");
    }
}
