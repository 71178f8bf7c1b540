//! `G#pair#side`: the members of include groups. Up to [`CHUNK`] in the group's item; more in parts
//! named by the hash of the list, stored before the item points to them and removed after it points elsewhere.

use aws_sdk_dynamodb::types::ReturnValue;
use engine::ports::StoreError;
use gal::{Anchor, Side};

use super::StateStore;
use crate::item::{self, ANCHORS, Item};
use crate::keys::{self, Key};
use crate::table::{BatchWrite, Condition, Update, Updated};

/// How many anchors an item holds: 160 KB.
const CHUNK: usize = 10_000;
/// The hash that names the parts.
const PARTS: &str = "parts";
/// How many parts.
const COUNT: &str = "count";
/// How often the group is read again when it changes while its parts are being read.
const MOST_LOOKS: u32 = 5;

impl StateStore {
    pub(crate) async fn read_group(&self, pair: &str, side: Side, group: Anchor) -> Result<Option<Vec<Anchor>>, StoreError> {
        let key = keys::group(pair, side, group);
        for _ in 0..MOST_LOOKS {
            let Some(found) = self.table.get(&key, "reading the members of a group").await? else { return Ok(None) };
            item::check_schema(&found, &key)?;
            let parts = part_keys(pair, side, group, &found, &key)?;
            if parts.is_empty() {
                return item::unpack(&found, &key).map(Some);
            }
            if let Some(members) = self.read_group_parts(parts).await? {
                return Ok(Some(members));
            }
        }
        Err(item::corrupt(&key, "parts of its members are missing"))
    }

    /// The members in these parts; `None` if one is missing.
    async fn read_group_parts(&self, wanted: Vec<Key>) -> Result<Option<Vec<Anchor>>, StoreError> {
        let mut found = Vec::with_capacity(wanted.len());
        for part in self.table.batch_get(wanted.clone(), "reading the members of a group").await? {
            let key = item::key_of(&part)?;
            let members = item::unpack(&part, &key)?;
            found.push((key, members));
        }
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let complete = found.len() == wanted.len();
        Ok(complete.then(|| found.into_iter().flat_map(|(_, members)| members).collect()))
    }

    pub(super) async fn write_group(&self, pair: &str, side: Side, group: Anchor, members: &[Anchor]) -> Result<(), StoreError> {
        let doing = "saving the members of a group";
        let key = keys::group(pair, side, group);
        let mut head = item::new(&key);
        let mut parts = Vec::new();
        if members.len() <= CHUNK {
            head.insert(ANCHORS.to_owned(), item::pack(members));
        } else {
            let hash = keys::content_hash(&members.iter().flat_map(|member| *member.0.as_bytes()).collect::<Vec<u8>>());
            for (number, chunk) in members.chunks(CHUNK).enumerate() {
                let key = keys::group_part(pair, side, group, &hash, number);
                let mut part = item::new(&key);
                part.insert(ANCHORS.to_owned(), item::pack(chunk));
                parts.push((key, BatchWrite::Put(part)));
            }
            head.insert(PARTS.to_owned(), item::text(hash));
            head.insert(COUNT.to_owned(), item::number(parts.len() as u64));
        }
        self.table.batch_write(parts.into_iter().collect(), doing).await?;
        let now = part_keys(pair, side, group, &head, &key)?;
        let before = match self.table.update(&key, head_update(&head), doing).await? {
            Updated::Done(before) => part_keys(pair, side, group, &before, &key)?,
            Updated::Refused(found) => {
                item::check_schema(&found.unwrap_or_default(), &key)?;
                return Err(StoreError::Conflict { item: key.to_string() });
            }
        };
        let removals = before.into_iter().filter(|key| !now.contains(key)).map(|key| (key, BatchWrite::Delete));
        self.table.batch_write(removals.collect(), doing).await
    }
}

/// Replaces what a group's item holds, and answers what it held before: its parts must be tidied up.
fn head_update(head: &Item) -> Update {
    let mut condition = Condition::not_newer();
    let (mut set, mut remove) = (vec!["#v = :schema".to_owned()], Vec::new());
    for name in [ANCHORS, PARTS, COUNT] {
        condition = condition.name(&format!("#{name}"), name);
        match head.get(name) {
            Some(value) => {
                condition = condition.value(&format!(":{name}"), value.clone());
                set.push(format!("#{name} = :{name}"));
            }
            None => remove.push(format!("#{name}")),
        }
    }
    let remove = if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
    Update { expression: format!("SET {}{remove}", set.join(", ")), condition, answers: ReturnValue::UpdatedOld }
}

/// The parts that a group's item points to.
fn part_keys(pair: &str, side: Side, group: Anchor, head: &Item, key: &Key) -> Result<Vec<Key>, StoreError> {
    let (Some(hash), Some(count)) = (item::get_text(head, PARTS, key)?, item::get_number(head, COUNT, key)?) else {
        return Ok(Vec::new());
    };
    let count = usize::try_from(count).map_err(|_| item::corrupt(key, "it has too many parts"))?;
    Ok((0..count).map(|number| keys::group_part(pair, side, group, hash, number)).collect())
}
