//! Keys of the table (the layout is in the crate's documentation).

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use engine::records::LeaseKind;
use gal::{Anchor, LinkKey, Side};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;

/// The partition key's attribute.
pub(crate) const PK: &str = "pk";
/// The sort key's attribute.
pub(crate) const SK: &str = "sk";
/// The sort key of a pair's, a tenant's and the installation's state.
pub(crate) const STATE: &str = "STATE";
/// What the sort keys of runs begin with.
pub(crate) const RUN: &str = "RUN#";

/// Sort keys may have 1,024 bytes; a holder's key longer than this is replaced by its hash.
const LONGEST_HOLDER: usize = 900;

/// Where an item is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    pub(crate) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// The key as the SDK wants it.
    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([(PK.to_owned(), AttributeValue::S(self.pk.clone())), (SK.to_owned(), AttributeValue::S(self.sk.clone()))])
    }
}

impl fmt::Display for Key {
    /// How errors name an item. Sort keys of the holder index hold addresses and names, so they are left out (law 11).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pk.starts_with("A#") {
            return write!(formatter, "item {}", self.pk);
        }
        write!(formatter, "item {}/{}", self.pk, self.sk)
    }
}

/// A moment in fixed width: sorts as text. Moments before the year 0 sort as its beginning.
pub(crate) fn moment(at: Timestamp) -> String {
    const YEAR_0: i64 = -62_167_219_200;
    let at = if at.as_second() < YEAR_0 { Timestamp::constant(YEAR_0, 0) } else { at };
    at.strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_string()
}

/// The last digit of `S`, `L` and `A` keys for a shard from 0 to 15.
fn digit(shard: u8) -> char {
    char::from_digit(u32::from(shard % 16), 16).unwrap_or('0')
}

fn shard_of(bytes: &[u8]) -> char {
    digit(u8::try_from(xxh3_64(bytes) >> 60).unwrap_or(0))
}

pub(crate) fn pair(pair: &str) -> Key {
    Key::new(pair_partition(pair), STATE)
}

pub(crate) fn pair_partition(pair: &str) -> String {
    format!("P#{pair}")
}

/// The word of a half of a pair's state, in attribute names and keys.
pub(crate) fn half(kind: LeaseKind) -> &'static str {
    match kind {
        LeaseKind::Reading => "reading",
        LeaseKind::Writing => "writing",
    }
}

pub(crate) fn part(pair: &str, half: &str, hash: &str, number: usize) -> Key {
    Key::new(pair_partition(pair), format!("PART#{half}#{hash}#{number:04}"))
}

pub(crate) fn run(pair: &str, began: Timestamp, id: &str) -> Key {
    Key::new(pair_partition(pair), format!("{RUN}{}#{id}", moment(began)))
}

pub(crate) fn operations(run: &str) -> String {
    format!("R#{run}")
}

pub(crate) fn operation(run: &str, number: u64) -> Key {
    Key::new(operations(run), format!("{number:010}"))
}

pub(crate) fn replica(pair: &str, side: Side, anchor: Anchor) -> Key {
    Key::new(format!("S#{pair}#{side}#{}", shard_of(anchor.0.as_bytes())), anchor.to_string())
}

pub(crate) fn replica_shard(pair: &str, side: Side, shard: u8) -> String {
    format!("S#{pair}#{side}#{}", digit(shard))
}

pub(crate) fn link(pair: &str, key: LinkKey) -> Key {
    Key::new(format!("L#{pair}#{}", shard_of(key.anchor.0.as_bytes())), key.to_string())
}

pub(crate) fn link_shard(pair: &str, shard: u8) -> String {
    format!("L#{pair}#{}", digit(shard))
}

/// A row of the holder index.
pub(crate) fn holder(pair: &str, side: Side, key: &str, anchor: Anchor) -> Key {
    let (pk, prefix) = holders(pair, side, key);
    Key::new(pk, format!("{prefix}{anchor}"))
}

/// The partition of a holder key and what its rows' sort keys begin with.
pub(crate) fn holders(pair: &str, side: Side, key: &str) -> (String, String) {
    let pk = format!("A#{pair}#{side}#{}", shard_of(key.as_bytes()));
    if key.len() > LONGEST_HOLDER {
        return (pk, format!("sha256:{}#", hex::encode(Sha256::digest(key))));
    }
    (pk, format!("{key}#"))
}

pub(crate) fn agenda(pair: &str) -> String {
    format!("D#{pair}")
}

pub(crate) fn agenda_row(pair: &str, due: Timestamp, side: Side, anchor: Anchor) -> Key {
    Key::new(agenda(pair), format!("{}#{side}#{anchor}", moment(due)))
}

/// A sort key above every row due by `until` and below every later one.
pub(crate) fn agenda_end(until: Timestamp) -> String {
    // `$` follows `#`.
    format!("{}$", moment(until))
}

pub(crate) fn seen(pair: &str, side: Side, began: Timestamp, chunk: u32) -> Key {
    Key::new(format!("F#{pair}#{side}"), format!("{}#{chunk:06}", moment(began)))
}

pub(crate) fn group(pair: &str, side: Side, group: Anchor) -> Key {
    Key::new(format!("G#{pair}#{side}"), group.to_string())
}

pub(crate) fn group_part(pair: &str, side: Side, group: Anchor, hash: &str, number: usize) -> Key {
    Key::new(format!("G#{pair}#{side}"), format!("{group}#{hash}#{number:04}"))
}

pub(crate) fn tenant(tenant: &str) -> Key {
    Key::new(format!("T#{tenant}"), STATE)
}

pub(crate) fn application_keys(tenant: &str) -> Key {
    Key::new(format!("T#{tenant}"), "KEYS")
}

pub(crate) fn answer_page(id: &str, number: u64) -> Key {
    Key::new(format!("ANSWER#{id}"), format!("{number:06}"))
}

pub(crate) fn profile_current() -> Key {
    Key::new("PROFILE", "CURRENT")
}

pub(crate) fn profile_version(version: u64) -> Key {
    Key::new("PROFILE", format!("V#{version:010}"))
}

pub(crate) fn installation() -> Key {
    Key::new("INSTALLATION", STATE)
}

/// The first 16 hexadecimal digits of a content's hash: the name of its parts.
pub(crate) fn content_hash(content: &[u8]) -> String {
    hex::encode(&Sha256::digest(content)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn moments_sort_as_text() {
        let moments = [
            Timestamp::MIN,
            at("0001-01-01T00:00:00Z"),
            Timestamp::UNIX_EPOCH,
            at("2026-01-02T03:04:05Z"),
            at("2026-01-02T03:04:05.000000001Z"),
            at("2026-01-02T03:04:05.5Z"),
            at("2026-01-02T03:04:05.500000001Z"),
            at("2026-01-02T03:04:06Z"),
            Timestamp::MAX,
        ];
        let texts: Vec<String> = moments.iter().map(|at| moment(*at)).collect();
        assert!(texts.is_sorted_by(|a, b| a < b), "{texts:?}");
        assert!(texts.iter().all(|text| text.len() == texts[0].len()));
        assert_eq!(texts[3], "2026-01-02T03:04:05.000000000Z");
    }

    #[test]
    fn the_end_of_the_agenda_lies_between_due_and_later() {
        let anchor = "33333333-3333-3333-3333-333333333333".parse().unwrap();
        let end = agenda_end(at("2026-01-02T03:04:05Z"));
        assert!(agenda_row("p", at("2026-01-02T03:04:05Z"), Side::B, anchor).sk < end);
        assert!(agenda_row("p", at("2026-01-02T03:04:05.000000001Z"), Side::A, anchor).sk > end);
    }

    #[test]
    fn keys_are_the_documented_ones() {
        let anchor: Anchor = "33333333-3333-3333-3333-333333333333".parse().unwrap();
        let key = LinkKey { origin: gal::Origin::StaticB, anchor };
        let shard = shard_of(anchor.0.as_bytes());
        assert_eq!(pair("p"), Key::new("P#p", "STATE"));
        assert_eq!(replica("p", Side::A, anchor), Key::new(format!("S#p#a#{shard}"), anchor.to_string()));
        assert_eq!(link("p", key), Key::new(format!("L#p#{shard}"), format!("static-b#{anchor}")));
        assert_eq!(tenant("t"), Key::new("T#t", "STATE"));
        assert_eq!(application_keys("t"), Key::new("T#t", "KEYS"));
        assert_eq!(profile_version(3).sk, "V#0000000003");
    }

    #[test]
    fn shards_never_move() {
        // Changing the hash would lose every stored replica.
        let anchor: Anchor = "33333333-3333-3333-3333-333333333333".parse().unwrap();
        assert_eq!(shard_of(anchor.0.as_bytes()), '0');
        assert_eq!(shard_of(b"ann@contoso.example"), 'c');
    }

    #[test]
    fn long_holder_keys_are_hashed_and_errors_do_not_show_them() {
        let anchor: Anchor = "33333333-3333-3333-3333-333333333333".parse().unwrap();
        let long = holder("p", Side::A, &"x".repeat(2_000), anchor);
        assert!(long.sk.len() < 200);
        assert!(!holder("p", Side::A, "ann@contoso.example", anchor).to_string().contains("ann"));
    }
}
