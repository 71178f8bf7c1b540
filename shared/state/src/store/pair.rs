//! `P#pair` / `STATE`: two halves, each with its own lease, in one item.
//!
//! The halves are separate attributes, so that the holder of one lease never overwrites what the
//! holder of the other wrote.

use aws_sdk_dynamodb::types::ReturnValue;
use engine::ports::StoreError;
use engine::records::{Lease, LeaseKind, PairState};
use jiff::Timestamp;
use serde::Serialize;

use super::StateStore;
use super::halves::{self, Stored};
use crate::item::{self, BY, Item, SCHEMA, V};
use crate::keys::{self, Key, half, moment};
use crate::table::{Condition, Update, Updated, text};

/// Attribute names of a half.
struct Names {
    body: &'static str,
    owner: String,
    until: String,
    by: String,
    parts: String,
}

impl Names {
    fn of(kind: LeaseKind) -> Self {
        let body = half(kind);
        Self {
            body,
            owner: format!("{body}_owner"),
            until: format!("{body}_until"),
            by: format!("{body}_{BY}"),
            parts: halves::parts_name(body),
        }
    }
}

impl StateStore {
    pub(super) async fn read_pair(&self, pair: &str) -> Result<PairState, StoreError> {
        let key = keys::pair(pair);
        match self.table.get(&key, "reading the state of a pair").await? {
            Some(found) => self.decode_pair(pair, found).await,
            None => Ok(PairState::default()),
        }
    }

    pub(super) async fn take_lease(&self, pair: &str, kind: LeaseKind, lease: &Lease, now: Timestamp) -> Result<PairState, StoreError> {
        let key = keys::pair(pair);
        let doing = "taking the lease of a pair";
        match self.table.update(&key, lease_update(kind, lease, now), doing).await? {
            Updated::Done(found) => {
                let blank = [LeaseKind::Reading, LeaseKind::Writing].into_iter().all(|kind| halves::is_blank(&found, half(kind)));
                if blank && let Err(error) = self.refuse_half_an_import().await {
                    self.give_back(&key, kind, lease).await?;
                    return Err(error);
                }
                self.decode_pair(pair, found).await
            }
            Updated::Refused(found) => Err(self.held(pair, kind, found).await),
        }
    }

    /// Gives a lease back without saving anything.
    async fn give_back(&self, key: &Key, kind: LeaseKind, lease: &Lease) -> Result<(), StoreError> {
        let names = Names::of(kind);
        let condition =
            Condition::new("#owner = :owner").name("#owner", &names.owner).name("#until", &names.until).value(":owner", text(&lease.owner));
        let update = Update { expression: "REMOVE #owner, #until".to_owned(), condition, answers: ReturnValue::None };
        self.table.update(key, update, "giving a lease back").await.map(drop)
    }

    /// Why a lease could not be taken.
    async fn held(&self, pair: &str, kind: LeaseKind, found: Option<Item>) -> StoreError {
        let key = keys::pair(pair);
        let found = match found {
            Some(found) => found,
            None => match self.table.get(&key, "reading who has the lease").await {
                Ok(found) => found.unwrap_or_default(),
                Err(error) => return error,
            },
        };
        read_lease(&found, kind, &key).map_or_else(
            |error| error,
            |lease| match lease {
                Some(lease) => StoreError::LeaseHeld { pair: pair.to_owned(), owner: lease.owner, until: lease.until },
                // It was given back in between.
                None => StoreError::Conflict { item: key.to_string() },
            },
        )
    }

    /// Stores a half: one request, unless it has outgrown the item.
    pub(super) async fn save_half<T: Serialize + Sync>(
        &self,
        pair: &str,
        kind: LeaseKind,
        owner: &str,
        state: &T,
        until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let key = keys::pair(pair);
        let doing = "saving the state of a pair";
        let stored = Stored::of(item::json(state, &key)?);
        self.write_parts(pair, half(kind), &stored).await?;
        let mark = self.table.mark();
        let update = save_update(kind, owner, &stored, until, mark.as_deref());
        match self.table.update(&key, update, doing).await? {
            Updated::Done(before) => self.remove_parts(pair, half(kind), &before, &stored).await,
            Updated::Refused(found) => {
                // The SDK's own retry, after the lease was given back by an attempt whose answer was lost.
                let by = found.as_ref().and_then(|found| found.get(&Names::of(kind).by));
                if mark.is_some_and(|mark| by == Some(&text(mark))) {
                    return Ok(());
                }
                Err(StoreError::LeaseLost { pair: pair.to_owned() })
            }
        }
    }

    pub(crate) async fn decode_pair(&self, pair: &str, found: Item) -> Result<PairState, StoreError> {
        let mut found = found;
        let key = keys::pair(pair);
        item::check_schema(&found, &key)?;
        Ok(PairState {
            reading: self.read_half(&key, pair, half(LeaseKind::Reading), &mut found).await?,
            writing: self.read_half(&key, pair, half(LeaseKind::Writing), &mut found).await?,
        })
    }
}

/// The lease of a half, if somebody has it.
pub(crate) fn read_lease(found: &Item, kind: LeaseKind, key: &Key) -> Result<Option<Lease>, StoreError> {
    if found.is_empty() {
        return Ok(None);
    }
    item::check_schema(found, key)?;
    let names = Names::of(kind);
    let (Some(owner), Some(until)) = (item::get_text(found, &names.owner, key)?, item::get_text(found, &names.until, key)?) else {
        return Ok(None);
    };
    let until = until.parse().map_err(|_| item::corrupt(key, format!("{} is not a moment: {until}", names.until)))?;
    Ok(Some(Lease { owner: owner.to_owned(), until }))
}

/// Removes the leases from a STATE item, for an import.
pub(crate) fn without_leases(mut found: Item) -> Item {
    for kind in [LeaseKind::Reading, LeaseKind::Writing] {
        let names = Names::of(kind);
        for name in [names.owner, names.until, names.by] {
            found.remove(&name);
        }
    }
    found
}

fn lease_update(kind: LeaseKind, lease: &Lease, now: Timestamp) -> Update {
    let names = Names::of(kind);
    let free = "attribute_not_exists(#owner) OR #owner = :owner OR #until <= :now";
    Update {
        expression: "SET #v = :schema, #owner = :owner, #until = :until".to_owned(),
        condition: Condition::new(format!("(attribute_not_exists(#v) OR #v <= :schema) AND ({free})"))
            .name("#v", V)
            .name("#owner", &names.owner)
            .name("#until", &names.until)
            .value(":schema", item::number(SCHEMA))
            .value(":owner", text(&lease.owner))
            .value(":until", text(moment(lease.until)))
            .value(":now", text(moment(now))),
        answers: ReturnValue::AllNew,
    }
}

fn save_update(kind: LeaseKind, owner: &str, stored: &Stored, until: Option<Timestamp>, mark: Option<&str>) -> Update {
    let names = Names::of(kind);
    let mut condition = Condition::new("#owner = :owner")
        .name("#owner", &names.owner)
        .name("#until", &names.until)
        .name("#body", names.body)
        .name("#parts", &names.parts)
        .value(":owner", text(owner));
    let (mut set, mut remove) = match stored {
        Stored::Whole(body) => {
            condition = condition.value(":body", text(body));
            (vec!["#body = :body"], vec!["#parts"])
        }
        Stored::InParts { .. } => {
            condition = condition.value(":parts", text(stored.reference()));
            (vec!["#parts = :parts"], vec!["#body"])
        }
    };
    match until {
        Some(until) => {
            condition = condition.value(":until", text(moment(until)));
            set.push("#until = :until");
        }
        None => remove.extend(["#owner", "#until"]),
    }
    if let Some(mark) = mark {
        condition = condition.name("#by", &names.by).value(":by", text(mark));
        set.push("#by = :by");
    }
    let expression = format!("SET {} REMOVE {}", set.join(", "), remove.join(", "));
    Update { expression, condition, answers: ReturnValue::UpdatedOld }
}
