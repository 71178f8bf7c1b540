//! Storing what was read: the replica with its agenda row, and what else it touches.

use std::collections::{BTreeMap, BTreeSet};

use gal::reading::{Collection, ExchangeHalf, GraphHalf, Reading};
use gal::recipient::Presence;
use gal::{Anchor, Entry, Recipient, Side, Sides};

use crate::engine::OVERLAP;
use crate::error::EngineError;
use crate::ports::{DirectoryChange, ReplicaWrite};
use crate::records::{AgendaRow, Due, Replica, manager_key};

use super::SideReader;

/// What was read of one object in this round, in order, merged.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Graph's entries, each either complete or partial.
    pub(super) graph: Vec<(Collection, DirectoryChange, bool)>,
    /// Exchange's row, with details.
    pub(super) exchange: Option<ExchangeHalf>,
    /// Exchange does not have it (any more), as a full reading found.
    pub(super) exchange_gone: bool,
    /// Absent by the rule of law 3.
    pub(super) absent: bool,
}

/// How many objects are loaded and stored at once.
const BATCH: usize = 500;

impl SideReader<'_> {
    /// Merges what was seen into the replicas, stores what changed, with its agenda rows.
    pub(super) async fn record(&mut self, seen: BTreeMap<Anchor, Seen>) -> Result<(), EngineError> {
        let all: Vec<(Anchor, Seen)> = seen.into_iter().collect();
        for batch in all.chunks(BATCH) {
            // What was read before another reading took over would be older than what that one stored.
            self.ledger.assure().await?;
            let mut left: Vec<(Anchor, Seen)> = batch.to_vec();
            // A replica may change under our hands (reconcile writes what it wrote): read it again and merge again.
            for _ in 0..CONFLICT_RETRIES {
                left = self.record_batch(left).await?;
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                let item = format!("replica {}", left[0].0);
                return Err(crate::ports::StoreError::Conflict { item }.into());
            }
        }
        Ok(())
    }

    async fn record_batch(&mut self, batch: Vec<(Anchor, Seen)>) -> Result<Vec<(Anchor, Seen)>, EngineError> {
        let anchors: Vec<Anchor> = batch.iter().map(|(anchor, _)| *anchor).collect();
        let store = &self.engine.store;
        let known = store.replicas(&self.pair.name, self.side, &anchors).await?;
        let known: BTreeMap<Anchor, Replica> = known.into_iter().map(|replica| (replica.anchor, replica)).collect();
        let stamp = self.tenant().stamp_attribute;
        let now = self.engine.now();
        let mut writes = Vec::new();
        let mut released = BTreeSet::new();
        let mut scope_delta = 0_i64;
        for (anchor, seen) in &batch {
            let before = known.get(anchor);
            let Some(next) = merge(*anchor, before, seen, now) else { continue };
            let was = before.map(|replica| replica.recipient(stamp));
            let is = next.recipient(stamp);
            scope_delta += self.in_scope(&is) - was.as_ref().map_or(0, |was| self.in_scope(was));
            let matters = was.as_ref().is_none_or(|was| differs(was, &is));
            if matters {
                self.changed += 1;
                released.extend(released_keys(was.as_ref(), &is));
            }
            writes.push(ReplicaWrite {
                side: self.side,
                holders: next.holder_keys(stamp),
                holders_before: before.map(|replica| replica.holder_keys(stamp)).unwrap_or_default(),
                agenda: matters.then_some(AgendaRow {
                    due: now,
                    side: self.side,
                    anchor: *anchor,
                    why: Due::Changed,
                    version: next.version,
                }),
                expected: before.map(|replica| replica.version),
                replica: next,
            });
        }
        // Before, so that a crash in between loses nobody who waits for an address; and after, because a reconcile that
        // ran in between has taken the first row for done. On the same side waits an account that was made again, and was read
        // before the end of the old one.
        let mut waiting = Sides::default();
        for side in Side::BOTH {
            *waiting.get_mut(side) = self.engine.holders_of(self.pair, side, &released).await?;
            waiting.get_mut(side).extend(self.pair.statics_with(side, &released));
            self.engine.touch(self.pair, side, waiting.get(side).iter().copied()).await?;
        }
        let failed: BTreeSet<Anchor> = store.put_replicas(&self.pair.name, writes).await?.into_iter().collect();
        for side in Side::BOTH {
            self.engine.touch_again(self.pair, side, waiting.get(side).iter().copied()).await?;
        }
        self.state.in_scope = self.state.in_scope.saturating_add_signed(scope_delta);
        Ok(batch.into_iter().filter(|(anchor, _)| failed.contains(anchor)).collect())
    }

    /// One if the recipient is in scope by itself, for the count that the guard compares.
    fn in_scope(&self, recipient: &Recipient) -> i64 {
        let scope = &self.pair.policy.publishing.get(self.side).scope;
        let publishes = self.pair.policy.direction.publishes_from(self.side);
        i64::from(publishes && recipient.is_present() && scope.source(&Entry::new(recipient.clone()).recipient, true).is_ok())
    }
}

/// How often a replica that changes under our hands is read again.
const CONFLICT_RETRIES: usize = 10;

/// The replica after what was seen; `None` if nothing changed.
fn merge(anchor: Anchor, before: Option<&Replica>, seen: &Seen, now: jiff::Timestamp) -> Option<Replica> {
    let mut reading = before.map(|replica| replica.reading.clone()).unwrap_or_default();
    let mut presence = before.map(|replica| replica.presence).unwrap_or_default();
    for (collection, change, complete) in &seen.graph {
        apply_graph(&mut reading, &mut presence, *collection, change, *complete, now);
    }
    if let Some(row) = &seen.exchange
        && believable(before, row, now)
    {
        reading.exchange = Some(row.clone().without_graphs());
    }
    if seen.exchange_gone {
        reading.exchange = None;
    }
    if seen.absent && presence == Presence::Present {
        presence = Presence::Gone(now);
    }
    // A removal of something never seen, or a group without mail, is nothing to remember.
    let worth = reading.exchange.is_some() || reading.graph.as_ref().is_some_and(|half| half.collection == Collection::Users);
    match before {
        Some(before) if before.reading == reading && before.presence == presence => None,
        None if !worth || presence != Presence::Present => None,
        Some(before) => Some(Replica { reading, presence, version: before.version + 1, ..before.clone() }),
        None => Some(Replica { anchor, reading, presence, linked_to: None, version: 1, first_seen: now, written_at: None }),
    }
}

/// A row may still show the state before our own last write, or between two of our cmdlets. It is
/// not believed until things have settled; the overlap brings it again.
fn believable(before: Option<&Replica>, row: &ExchangeHalf, now: jiff::Timestamp) -> bool {
    let Some(before) = before else { return true };
    let settling = before.written_at.is_some_and(|written| now < written + gal::decide::SETTLING);
    let held = before.reading.exchange.as_ref();
    // Each controller has its own change time: after the overlap an older one is another controller's, not an older state.
    let stale = held.is_some_and(|held| row.when_changed < held.when_changed && now < held.when_changed + OVERLAP);
    // Of whom a part is missing now more was known before. The overlap asks again; after it, what changed counts, and who he is is not
    // completely known.
    let asked_again = now < row.when_changed + OVERLAP;
    let less = held.is_some_and(|held| held.detailed && !row.detailed && (asked_again || row.when_changed <= held.when_changed));
    !settling && !stale && !less
}

fn apply_graph(
    reading: &mut Reading,
    presence: &mut Presence,
    collection: Collection,
    change: &DirectoryChange,
    complete: bool,
    now: jiff::Timestamp,
) {
    if change.removed.is_some() {
        if *presence == Presence::Present {
            *presence = Presence::Gone(now);
        }
        return;
    }
    // A change tells only what changed. Where what was known before was lost, who he is is known after the next full reading.
    if !complete && collection == Collection::Users && reading.graph.is_none() && change.user_principal_name.is_none() {
        return;
    }
    *presence = Presence::Present;
    let mut half =
        reading.graph.take().filter(|half| !complete && half.collection == collection).unwrap_or_else(|| GraphHalf::new(collection));
    half.values = half.values.with_all(change.values.iter().map(|(field, value)| (*field, value.as_deref())));
    let mentioned = |held: &mut Option<String>, said: &Option<Option<String>>| {
        if let Some(said) = said {
            held.clone_from(said);
        }
    };
    mentioned(&mut half.user_principal_name, &change.user_principal_name);
    mentioned(&mut half.user_type, &change.user_type);
    mentioned(&mut half.creation_type, &change.creation_type);
    mentioned(&mut half.mail, &change.mail);
    half.account_enabled = change.account_enabled.unwrap_or(half.account_enabled);
    half.on_premises_sync = change.on_premises_sync.unwrap_or(half.on_premises_sync);
    reading.graph = Some(half);
}

/// Whether anything changed that a plan could see. A new change time alone is nothing.
fn differs(was: &Recipient, is: &Recipient) -> bool {
    let mut same = was.clone();
    same.when_changed = is.when_changed;
    same != *is
}

/// Addresses that somebody held and holds no more, or of a contact that was hidden for its deletion (another pair's may be taken over) or
/// lost its stamp: whoever waits for one, on either side, is looked at again. And the reports of somebody who is gone, by the key that
/// they are found by.
pub(crate) fn released_keys(was: Option<&Recipient>, is: &Recipient) -> Vec<String> {
    let Some(was) = was else { return Vec::new() };
    let staged = |one: &Recipient| one.mark.stamp().is_some_and(|stamp| stamp.staged.is_some()) && one.hidden;
    let bare = was.mark.stamp().is_some() && is.mark.stamp().is_none();
    let ends = !is.is_present() || bare || staged(is) && !staged(was);
    let addresses = was.addresses.iter().filter(|address| ends || !is.holds(address)).cloned();
    let left = was.is_present() && !is.is_present() && !was.name.is_empty();
    addresses.chain(left.then(|| manager_key(&was.name))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails where its set-up fails")]

    use jiff::{SignedDuration, Timestamp};
    use serde_json::json;

    use super::*;

    fn row(changed: Timestamp) -> ExchangeHalf {
        let half = json!({"guid": uuid::Uuid::nil(), "name": "Ann", "type_details": "UserMailbox", "values": {}, "email_addresses": [],
            "hidden": false, "detailed": true, "when_changed": changed, "when_created": changed});
        serde_json::from_value(half).unwrap()
    }

    /// Once a row of a controller whose change time is older was never believed, by no full reading either: somebody who was hidden there
    /// stayed shown.
    #[test]
    fn an_older_change_time_is_believed_when_the_overlap_is_over() {
        let changed = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(100);
        let reading = Reading { graph: None, exchange: Some(row(changed)) };
        let anchor = Anchor(uuid::Uuid::nil());
        let replica =
            Replica { anchor, reading, presence: Presence::Present, linked_to: None, version: 1, first_seen: changed, written_at: None };
        let older = row(changed - SignedDuration::from_secs(10));
        let after = |minutes| believable(Some(&replica), &older, changed + SignedDuration::from_mins(minutes));
        assert_eq!([after(1), after(59), after(61)], [false, false, true]);
        assert!(believable(Some(&replica), &row(changed), changed), "what is as old is the same, or tells more");
    }
}
