//! `L#pair#h`: links.

use engine::ports::{StoreError, Versioned};
use gal::{Link, LinkKey};

use super::StateStore;
use crate::item::{self, BY, Item, VERSION};
use crate::keys;
use crate::table::{Condition, Partition, text};

impl StateStore {
    pub(super) async fn read_link(&self, pair: &str, key: LinkKey) -> Result<Option<Versioned<Link>>, StoreError> {
        self.table.get(&keys::link(pair, key), "reading a link").await?.map(|found| decode(&found)).transpose()
    }

    pub(super) async fn read_links(&self, pair: &str, wanted: &[LinkKey]) -> Result<Vec<Versioned<Link>>, StoreError> {
        let keys = wanted.iter().map(|key| keys::link(pair, *key)).collect();
        self.table.batch_get(keys, "reading links").await?.iter().map(decode).collect()
    }

    pub(super) async fn read_link_shard(&self, pair: &str, shard: u8) -> Result<Vec<Versioned<Link>>, StoreError> {
        let partition = Partition::all(keys::link_shard(pair, shard));
        self.table.query(&partition, "reading a shard of links").await?.iter().map(decode).collect()
    }

    pub(super) async fn write_link(&self, pair: &str, link: &Link, expected: Option<u64>) -> Result<u64, StoreError> {
        let key = keys::link(pair, link.key);
        let version = expected.map_or(1, |expected| expected + 1);
        let mut stored = item::with_body(&key, link)?;
        stored.insert(VERSION.to_owned(), item::number(version));
        let mark = self.table.mark();
        if let Some(mark) = &mark {
            stored.insert(BY.to_owned(), text(mark));
        }
        let written = self.table.put(stored, Condition::expected(expected), "saving a link").await?;
        if written.succeeded(mark.as_deref())? {
            return Ok(version);
        }
        Err(StoreError::Conflict { item: format!("link {} of pair {pair}", link.key) })
    }

    /// A link that is gone already counts as removed: a lost answer, or somebody with the same wish.
    pub(super) async fn remove_link(&self, pair: &str, link: LinkKey, expected: u64) -> Result<(), StoreError> {
        let key = keys::link(pair, link);
        let removed = self.table.delete(&key, Condition::absent_or_version(expected), "removing a link").await?;
        if removed.succeeded(None)? {
            return Ok(());
        }
        Err(StoreError::Conflict { item: format!("link {link} of pair {pair}") })
    }
}

pub(crate) fn decode(found: &Item) -> Result<Versioned<Link>, StoreError> {
    let key = item::key_of(found)?;
    let link: Link = item::body(found, &key)?;
    if link.key.to_string() != key.sk {
        return Err(item::corrupt(&key, "its body is another link's"));
    }
    Ok(Versioned { item: link, version: item::version(found, &key)? })
}
