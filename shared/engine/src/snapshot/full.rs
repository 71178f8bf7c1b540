//! The full reading: finds what delta missed, and drift. It works in resumable pieces, and absence
//! counts only after one complete generation (law 3).

use std::collections::{BTreeMap, BTreeSet};

use gal::reading::Collection;
use gal::recipient::Presence;
use gal::{Anchor, Link, LinkKey, Phase};
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use crate::engine::OVERLAP;
use crate::error::EngineError;
use crate::ports::{ExchangeRow, GraphCursor, NextPage, ReadError, RecipientQuery, StoreError, Versioned};
use crate::records::{FullReading, Replica, Window};

use super::SideReader;
use super::delta::Trail;
use super::record::Seen;

/// Rows below which a window is not halved: a page.
const SMALL_WINDOW: usize = 1_000;

/// Objects that are held in memory before they are stored.
const FLUSH: usize = 2_000;

/// Objects that are looked for before who is gone is recorded.
const LOOKED_FOR: usize = 100;

/// Anchors in one stored chunk.
const CHUNK: usize = 10_000;

impl SideReader<'_> {
    /// Begins a full reading, unless one is going on.
    pub(super) fn begin_full(&mut self) {
        if self.state.full.is_some() {
            return;
        }
        let began = self.engine.now();
        let collections = Collection::ALL.iter().map(|collection| (collection.as_str().to_owned(), GraphCursor::Start)).collect();
        self.state.full =
            Some(FullReading { began, windows: vec![Window { from: None, to: None }], collections, graph_chunks: 0, exchange_chunks: 0 });
        info!(tenant = %self.tenant().name, "a full reading begins");
    }

    /// Goes on with the full reading until it is complete or the deadline comes.
    pub(super) async fn continue_full(&mut self) -> Result<(), EngineError> {
        let Some(mut full) = self.state.full.clone() else { return Ok(()) };
        let read = self.read_pieces(&mut full).await;
        self.state.full = Some(full.clone());
        // What is left takes its time too: where this tick has none, the next one begins with it.
        if read? && !self.late() { self.conclude(&mut full).await } else { Ok(()) }
    }

    /// Reads piece after piece; `full` tells at every moment what is left. Answers whether nothing is.
    async fn read_pieces(&mut self, full: &mut FullReading) -> Result<bool, EngineError> {
        for collection in Collection::ALL {
            while let Some(cursor) = full.collections.get(collection.as_str()).cloned() {
                if self.late() {
                    return Ok(false);
                }
                self.enumerate(collection, cursor, full).await?;
                self.keep(full).await?;
            }
        }
        while let Some(window) = full.windows.last().cloned() {
            if self.late() {
                return Ok(false);
            }
            if self.read_window(&window, full).await? {
                full.windows.pop();
            }
            self.keep(full).await?;
        }
        Ok(true)
    }

    /// A piece is done, and stays so.
    async fn keep(&mut self, full: &FullReading) -> Result<(), EngineError> {
        self.state.full = Some(full.clone());
        self.ledger.keep(self.side, &self.state).await
    }

    /// Enumerates a Graph collection; the cursor moves whenever everything up to it is stored.
    async fn enumerate(&mut self, collection: Collection, mut cursor: GraphCursor, full: &mut FullReading) -> Result<(), EngineError> {
        let name = collection.as_str().to_owned();
        let mut seen: BTreeMap<Anchor, Seen> = BTreeMap::new();
        let mut anchors = BTreeSet::new();
        let mut trail = Trail::default();
        loop {
            let page = match self.page(collection, &cursor).await {
                Ok(page) => page,
                Err(EngineError::Read { error: ReadError::CursorExpired, .. }) if cursor != GraphCursor::Start => {
                    warn!(tenant = %self.tenant().name, collection = %name, "the enumeration expired and begins again");
                    full.collections.insert(name, GraphCursor::Start);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            trail.follow(&page).map_err(|error| self.failed(error))?;
            for change in page.changes {
                if change.removed.is_none() {
                    anchors.insert(change.anchor);
                } else {
                    anchors.remove(&change.anchor);
                }
                seen.entry(change.anchor).or_default().graph.push((collection, change, true));
            }
            self.engine.progress.step(&format!("reading {} from Graph", self.tenant().name), anchors.len() as u64, 0);
            self.ledger.prolong().await?;
            let complete = match page.next {
                NextPage::More(link) => {
                    cursor = GraphCursor::Enumerating(link);
                    None
                }
                NextPage::Complete(link) => Some(GraphCursor::Delta(link)),
            };
            if complete.is_none() && anchors.len() < FLUSH && !self.late() {
                continue;
            }
            self.record(std::mem::take(&mut seen)).await?;
            self.remember(full, false, std::mem::take(&mut anchors)).await?;
            if let Some(delta) = complete {
                full.collections.remove(&name);
                self.state.cursors.insert(name, delta);
                return Ok(());
            }
            full.collections.insert(name.clone(), cursor.clone());
            if self.late() {
                return Ok(());
            }
        }
    }

    /// Reads a window of creation times. One that the deadline cuts is halved, so that the next tick gets further.
    async fn read_window(&mut self, window: &Window, full: &mut FullReading) -> Result<bool, EngineError> {
        let query = RecipientQuery::CreatedIn { from: window.from, to: window.to };
        let cut = |rows: &[ExchangeRow]| self.late() && halves(window, rows).is_some();
        let (rows, complete) = self.rows_until(&query, cut).await?;
        let smaller = halves(window, &rows);
        let anchors: BTreeSet<Anchor> = rows.iter().filter_map(ExchangeRow::identity).collect();
        let (detailed, complete) =
            if complete { self.detailed(&query, rows, || self.late() && smaller.is_some()).await? } else { (Vec::new(), false) };
        if !complete && let Some(smaller) = smaller {
            full.windows.pop();
            full.windows.extend(smaller);
            return Ok(false);
        }
        self.record_rows(detailed).await?;
        self.remember(full, true, anchors).await?;
        Ok(true)
    }

    /// Stores which anchors were seen, Graph's and Exchange's each in a series of their own.
    async fn remember(&self, full: &mut FullReading, exchange: bool, anchors: BTreeSet<Anchor>) -> Result<(), EngineError> {
        let anchors: Vec<Anchor> = anchors.into_iter().collect();
        for chunk in anchors.chunks(CHUNK) {
            let count = if exchange { &mut full.exchange_chunks } else { &mut full.graph_chunks };
            self.engine.store.put_seen(&self.pair.name, self.side, series(full.began, exchange), *count, chunk).await?;
            *count += 1;
        }
        Ok(())
    }

    /// Everything was read: what is absent now is gone, by the rule of law 3.
    async fn conclude(&mut self, full: &mut FullReading) -> Result<(), EngineError> {
        let store = &self.engine.store;
        let pair = &self.pair.name;
        let (graph, exchange) = match self.seen(full).await {
            Ok(seen) => seen,
            // What it has seen was lost in part: whoever is missing would be taken for gone (law 3).
            Err(StoreError::Corrupt { item, detail }) => {
                warn!(tenant = %self.tenant().name, %item, %detail, "what a full reading has seen was lost; another begins");
                self.state.full = None;
                self.begin_full();
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let before = full.began - OVERLAP;
        let mut known = 0_u64;
        let mut missing: Vec<Replica> = Vec::new();
        for shard in 0..16 {
            for replica in store.replica_shard(pair, self.side, shard).await? {
                if replica.presence != Presence::Present {
                    continue;
                }
                known += 1;
                let settled = replica.first_seen < before && replica.written_at.is_none_or(|written| written < before);
                if settled && is_missing(&replica, &graph, &exchange) {
                    missing.push(replica);
                }
            }
        }
        if exchange.is_empty() && known > 0 {
            // An empty reading is a hold, never "delete everyone".
            self.state.incomplete =
                Some(format!("the full reading of {} came back empty, though {known} recipients are known", self.tenant().name));
        } else {
            if !self.look_for(missing, &graph, full).await? {
                return Ok(());
            }
            self.state.incomplete = None;
        }
        self.engine.refresh_domains(self.tenant()).await?;
        self.engine.learn_domains().await;
        self.refresh_groups().await?;
        let stamped = self.take_stock().await?;
        self.look_at_links(stamped, &graph, &exchange).await?;
        store.forget_seen(pair, self.side, series(full.began, false), full.graph_chunks).await?;
        store.forget_seen(pair, self.side, series(full.began, true), full.exchange_chunks).await?;
        self.state.last_full = Some(full.began);
        self.state.watermark.get_or_insert(full.began);
        self.state.full = None;
        info!(tenant = %self.tenant().name, known, "the full reading is complete");
        Ok(())
    }

    /// Whom it has seen in Graph, and in Exchange.
    async fn seen(&self, full: &FullReading) -> Result<(BTreeSet<Anchor>, BTreeSet<Anchor>), StoreError> {
        let of = async |exchange, chunks| self.engine.store.seen(&self.pair.name, self.side, series(full.began, exchange), chunks).await;
        let (graph, exchange) = (of(false, full.graph_chunks).await?, of(true, full.exchange_chunks).await?);
        Ok((graph.into_iter().collect(), exchange.into_iter().collect()))
    }

    /// Counts the recipients in scope anew, for the guard; answers which links the stamps of this side's contacts tell of, each with its
    /// contact.
    async fn take_stock(&mut self) -> Result<BTreeMap<LinkKey, Anchor>, EngineError> {
        let (scope, tenant) = (&self.pair.policy.publishing.get(self.side).scope, self.tenant());
        let publishes = self.pair.policy.direction.publishes_from(self.side);
        let (mut in_scope, mut stamped) = (0, BTreeMap::new());
        for shard in 0..16 {
            for replica in self.engine.store.replica_shard(&self.pair.name, self.side, shard).await? {
                let recipient = replica.recipient(tenant.stamp_attribute);
                if !recipient.is_present() {
                    continue;
                }
                in_scope += u64::from(publishes && scope.source(&recipient, true).is_ok());
                let told = self.engine.told_by_stamp(self.pair, self.side, &recipient);
                stamped.extend(told.map(|link| (link.key, recipient.anchor)));
            }
        }
        self.state.in_scope = in_scope;
        Ok(stamped)
    }

    /// What the links say, against what was read completely. Contacts that bear our stamp and have no link, and links that were begun
    /// and not finished, or whose purge is overdue: they and their sources are looked at, and the plan restores or finishes the link. Whoever
    /// is linked, whose replica was lost, and who is in neither half of the reading is gone: his contact would be shown for ever.
    async fn look_at_links(
        &self,
        mut stamped: BTreeMap<LinkKey, Anchor>,
        graph: &BTreeSet<Anchor>,
        exchange: &BTreeSet<Anchor>,
    ) -> Result<(), EngineError> {
        let grace = self.pair.policy.deletion_grace_days;
        let overdue = |since: Timestamp| gal::decide::purge_at(since, grace) < self.engine.now() - OVERLAP;
        let begun = |link: &Link| match link.phase {
            Phase::Joining | Phase::Creating { .. } => true,
            Phase::Staged { since, .. } => overdue(since),
            Phase::Live | Phase::Kept | Phase::Suppressed { .. } => false,
        };
        let (mut touched, mut unseen) = (Vec::new(), Vec::new());
        for shard in 0..16 {
            for Versioned { item: link, .. } in self.engine.store.link_shard(&self.pair.name, shard).await? {
                let LinkKey { origin, anchor } = link.key;
                stamped.remove(&link.key);
                if link.target_side() == self.side && begun(&link) {
                    touched.push(link.key);
                }
                if origin.source_side() == Some(self.side) && !graph.contains(&anchor) && !exchange.contains(&anchor) {
                    unseen.push(anchor);
                }
            }
        }
        if !stamped.is_empty() {
            warn!(tenant = %self.tenant().name, lost = stamped.len(), "contacts bear our stamp and have no link");
        }
        self.engine.touch(self.pair, self.side, stamped.values().copied()).await?;
        touched.extend(stamped.into_keys());
        let sources = touched.iter().filter(|key| key.origin.source_side().is_some()).map(|key| key.anchor);
        self.engine.touch(self.pair, self.side.other(), sources).await?;
        let statics = touched.iter().filter(|key| key.origin.source_side().is_none()).map(|key| key.anchor);
        self.engine.touch(self.pair, self.side, statics).await?;
        if self.state.incomplete.is_some() || unseen.is_empty() {
            return Ok(());
        }
        let known = self.engine.store.replicas(&self.pair.name, self.side, &unseen).await?;
        let known: BTreeSet<Anchor> = known.into_iter().map(|replica| replica.anchor).collect();
        unseen.retain(|anchor| !known.contains(anchor));
        self.engine.bury(self.pair, self.side, unseen).await
    }

    /// Looks for each that is missing by its Guid, and records who is gone: in pieces, so that a great many are found gone in as many ticks as
    /// it takes. Answers whether all were looked for.
    async fn look_for(&mut self, missing: Vec<Replica>, graph: &BTreeSet<Anchor>, full: &mut FullReading) -> Result<bool, EngineError> {
        for piece in missing.chunks(LOOKED_FOR) {
            if self.late() {
                return Ok(false);
            }
            let (mut gone, mut there): (BTreeMap<Anchor, Seen>, BTreeSet<Anchor>) = Default::default();
            for replica in piece {
                let held = replica.reading.exchange.as_ref();
                if let Some(half) = held
                    && !self.rows(&RecipientQuery::Guid(half.guid)).await?.is_empty()
                {
                    there.insert(replica.anchor);
                    continue;
                }
                let in_graph = graph.contains(&replica.anchor);
                gone.insert(replica.anchor, Seen { exchange_gone: in_graph, absent: !in_graph, ..Seen::default() });
            }
            self.record(gone).await?;
            // Whoever is there after all is not looked for again by the next tick.
            self.remember(full, true, there).await?;
            self.keep(full).await?;
        }
        Ok(true)
    }
}

/// Whether a known object, or its half in Exchange, was not met.
fn is_missing(replica: &Replica, graph: &BTreeSet<Anchor>, exchange: &BTreeSet<Anchor>) -> bool {
    let in_graph_only = graph.contains(&replica.anchor) && replica.reading.exchange.is_none();
    !exchange.contains(&replica.anchor) && !in_graph_only
}

/// The halves of a window by what is known of it, the earlier one last; none where it is small already.
fn halves(window: &Window, rows: &[ExchangeRow]) -> Option<[Window; 2]> {
    let mut created: Vec<Timestamp> = rows.iter().map(|row| row.half.when_created).collect();
    created.sort_unstable();
    let middle = *created.get(created.len() / 2).filter(|_| created.len() >= SMALL_WINDOW)?;
    let later = Window { from: Some(middle), to: window.to };
    (Some(middle) != window.from).then_some([later, Window { from: window.from, to: Some(middle) }])
}

/// The key of a series of chunks.
fn series(began: Timestamp, exchange: bool) -> Timestamp {
    if exchange { began + SignedDuration::from_secs(1) } else { began }
}
