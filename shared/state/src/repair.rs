//! Items that cannot be read any more: found, and dropped with a person's consent. One of them would stop every run that needs it;
//! without it, what it said is read from the tenants again, or from the stamps.

use std::collections::BTreeMap;
use std::fmt;

use engine::ports::StoreError;
use engine::records::{AgendaRow, Due, LeaseKind, OperationRecord, PairState, RunSummary, TenantState};
use gal::{Anchor, Side};
use jiff::Timestamp;

use crate::StateStore;
use crate::body;
use crate::item::{self, Item};
use crate::keys::{Key, RUN, STATE};
use crate::store::{ApplicationKey, ID, decode_link, decode_replica, encode_agenda, read_lease};
use crate::table::BatchWrite;

const DOING: &str = "looking for damaged items";

/// An item that cannot be read.
#[derive(Clone, Debug)]
pub struct Damage {
    /// What it is, without anybody's name.
    pub item: String,
    /// What is wrong with it.
    pub detail: String,
    /// What dropping it means.
    pub loss: Loss,
    key: Key,
}

/// What is lost with a damaged item, and where it comes from again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// What was read of a recipient.
    Recipient,
    /// Who belongs to whom.
    Link,
    /// Cursors, stage, holds, approvals of a pair.
    Pair,
    /// A hint: who holds an address, what is due, what a reading has seen, a page of an answer. Nothing is lost.
    Hint,
    /// The members of a group that a scope asks for.
    Group,
    /// What the pairs of a tenant share.
    Tenant,
    /// Which keys were added to an application.
    ApplicationKeys,
    /// What a run did.
    History,
    /// A version of the profile.
    Profile,
    /// The installation's id, which every stamp bears. It is never dropped.
    Installation,
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Recipient => "a recipient is not known until the next full reading (`galbridge snapshot --full`)",
            Self::Link => "a link comes back from its contact's stamp with the next full reading (`galbridge snapshot --full`)",
            Self::Pair => "the pair's stage, holds and approvals are forgotten: `galbridge snapshot --full`, then `galbridge rebuild`",
            Self::Hint => "nothing is lost; a full reading that was going on may begin anew",
            Self::Group => {
                "the members of a group are read again with the next full reading (`galbridge snapshot --full`); until then nobody who depends on it is taken away"
            }
            Self::Tenant => "the accepted domains are read again with the next full reading (`galbridge snapshot --full`)",
            Self::ApplicationKeys => "expired keys of the application are not removed by themselves: look at its certificates in Entra",
            Self::History => "what a run did is not told any more",
            Self::Profile => "a version of the profile is lost; the newest that can be read is the profile: `galbridge profile history`",
            Self::Installation => {
                "the installation's id, which every published contact bears, cannot be read: bring an earlier export back with `galbridge state import --replace`"
            }
        })
    }
}

impl StateStore {
    /// Every item that cannot be read. It reads the whole table.
    ///
    /// # Errors
    /// `NewerSchema` if a newer galbridge wrote one; `Unavailable`.
    pub async fn damages(&self) -> Result<Vec<Damage>, StoreError> {
        let mut damages = Vec::new();
        let mut position = None;
        loop {
            let (items, next) = self.table().scan_page(None, None, position, DOING).await?;
            for found in items {
                // Nobody but galbridge writes into the table: an item without key cannot exist.
                let key = item::key_of(&found)?;
                match self.judge(&key, found).await {
                    Ok(()) => {}
                    Err(StoreError::Corrupt { item, detail }) => damages.push(Damage { item, detail, loss: loss(&key), key }),
                    Err(other) => return Err(other),
                }
            }
            if next.is_none() {
                damages.sort_by(|left, right| (left.loss, &left.key).cmp(&(right.loss, &right.key)));
                return Ok(damages);
            }
            position = next;
        }
    }

    /// Drops these items. A row of the agenda is written anew: its key says what is due.
    ///
    /// # Errors
    /// `LeaseHeld` if a run is going on; `Corrupt` if the installation's id is among them: nothing is dropped then.
    pub async fn drop_damaged(&self, damages: &[Damage], now: Timestamp) -> Result<(), StoreError> {
        if let Some(Damage { item, detail, .. }) = damages.iter().find(|damage| damage.loss == Loss::Installation) {
            return Err(StoreError::Corrupt { item: item.clone(), detail: detail.clone() });
        }
        for (key, state) in self.pair_states().await? {
            crate::transfer::refuse_live_lease(&key, &state, now).or_else(|error| match error {
                // Nobody can hold a lease that cannot be read.
                StoreError::Corrupt { .. } => Ok(()),
                other => Err(other),
            })?;
        }
        let mut writes = BTreeMap::new();
        for Damage { key, .. } in damages {
            let write = match agenda_row(key) {
                Some((pair, row)) => BatchWrite::Put(encode_agenda(pair, &row)?),
                None => BatchWrite::Delete,
            };
            writes.insert(key.clone(), write);
        }
        self.table().batch_write(writes, "dropping damaged items").await
    }

    /// Reads an item as whoever needs it would.
    async fn judge(&self, key: &Key, found: Item) -> Result<(), StoreError> {
        item::check_schema(&found, key)?;
        let sk = key.sk.as_str();
        match kind(key) {
            ("P", pair) if sk == STATE => {
                for kind in [LeaseKind::Reading, LeaseKind::Writing] {
                    read_lease(&found, kind, key)?;
                }
                self.decode_pair(pair, found).await.map(|_: PairState| ())
            }
            ("P", _) if sk.starts_with(RUN) => item::body::<RunSummary>(&found, key).map(drop),
            ("R", _) => item::body::<OperationRecord>(&found, key).map(drop),
            ("S", _) => decode_replica(&found).map(drop),
            ("L", _) => decode_link(&found).map(drop),
            ("D", _) => item::body::<AgendaRow>(&found, key).map(drop),
            ("F", _) => item::unpack(&found, key).map(drop),
            ("G", _) if found.contains_key(item::ANCHORS) => item::unpack(&found, key).map(drop),
            // A group in parts has no anchors of its own; its item is of no use without them.
            ("G", place) => match (place.split_once('#'), sk.parse::<Anchor>()) {
                (Some((pair, "a")), Ok(group)) => self.read_group(pair, Side::A, group).await.map(drop),
                (Some((pair, "b")), Ok(group)) => self.read_group(pair, Side::B, group).await.map(drop),
                _ => Err(item::corrupt(key, "it has no anchors")),
            },
            ("T", _) if sk == STATE => item::body::<TenantState>(&found, key).map(drop),
            ("T", _) => item::body::<Vec<ApplicationKey>>(&found, key).map(drop),
            ("PROFILE", _) => item::version(&found, key).and_then(|_| has_body(&found, key)),
            ("ANSWER", _) => has_body(&found, key),
            ("INSTALLATION", _) => match item::get_text(&found, ID, key)? {
                Some(_) => Ok(()),
                None => Err(item::corrupt(key, "it has no id")),
            },
            // Parts of a pair's state are judged with it; what holds an address is in the key.
            _ => Ok(()),
        }
    }
}

fn has_body(found: &Item, key: &Key) -> Result<(), StoreError> {
    match body::unpack(found, key)? {
        Some(_) => Ok(()),
        None => Err(item::corrupt(key, "it has no body")),
    }
}

/// The first word of a partition key, and the rest.
fn kind(key: &Key) -> (&str, &str) {
    key.pk.split_once('#').unwrap_or((&key.pk, ""))
}

fn loss(key: &Key) -> Loss {
    match kind(key).0 {
        "S" => Loss::Recipient,
        "L" => Loss::Link,
        "P" if key.sk.starts_with(RUN) => Loss::History,
        "P" => Loss::Pair,
        "R" => Loss::History,
        "G" => Loss::Group,
        "T" if key.sk == STATE => Loss::Tenant,
        "T" => Loss::ApplicationKeys,
        "PROFILE" => Loss::Profile,
        "INSTALLATION" => Loss::Installation,
        _ => Loss::Hint,
    }
}

/// The row that an agenda's key tells of.
fn agenda_row(key: &Key) -> Option<(&str, AgendaRow)> {
    let pair = key.pk.strip_prefix("D#")?;
    let mut parts = key.sk.split('#');
    let due: Timestamp = parts.next()?.parse().ok()?;
    let side = match parts.next()? {
        "a" => Side::A,
        "b" => Side::B,
        _ => return None,
    };
    let anchor: Anchor = parts.next()?.parse().ok()?;
    Some((pair, AgendaRow { due, side, anchor, why: Due::Touched, version: 0 }))
}
