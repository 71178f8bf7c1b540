//! Following Graph: pages of changes, from the stored cursor to the next deltaLink (MICROSOFT.md 3.1).

use std::collections::BTreeMap;

use gal::Anchor;
use gal::reading::Collection;
use tracing::warn;

use crate::error::EngineError;
use crate::ports::{ChangePage, GraphCursor, NextPage, ReadError, TenantError};

use super::SideReader;
use super::record::Seen;

/// Objects held in memory before they are stored.
const FLUSH: usize = 2_000;

impl SideReader<'_> {
    /// Reads what changed in Graph. Whether the membership of any group changed is remembered until the include groups are read.
    pub(super) async fn follow_graph(&mut self) -> Result<(), EngineError> {
        for collection in Collection::ALL {
            let cursor = self.state.cursors.get(collection.as_str()).cloned().unwrap_or_default();
            // A collection that a full reading enumerates right now has no cursor to follow.
            if cursor == GraphCursor::Start {
                continue;
            }
            match self.follow(collection, cursor).await {
                Ok(cursor) => {
                    self.state.cursors.insert(collection.as_str().to_owned(), cursor);
                    self.ledger.keep(self.side, &self.state).await?;
                }
                Err(EngineError::Read { error: ReadError::CursorExpired, .. }) => {
                    warn!(tenant = %self.tenant().name, collection = collection.as_str(), "the cursor expired; a full reading begins");
                    self.state.cursors.remove(collection.as_str());
                    // One that is going on has done with this collection already, and nobody tells of who left since.
                    self.state.full = None;
                    self.begin_full();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn follow(&mut self, collection: Collection, mut cursor: GraphCursor) -> Result<GraphCursor, EngineError> {
        let mut seen: BTreeMap<Anchor, Seen> = BTreeMap::new();
        let mut trail = Trail::default();
        loop {
            let page = self.page(collection, &cursor).await?;
            trail.follow(&page).map_err(|error| self.failed(error))?;
            for change in page.changes {
                if collection == Collection::Groups && (change.members_changed || change.removed.is_some()) {
                    (self.state.groups_changed, self.state.groups_again) = (true, false);
                }
                seen.entry(change.anchor).or_default().graph.push((collection, change, false));
            }
            let complete = match page.next {
                NextPage::More(link) => {
                    cursor = GraphCursor::Following(link);
                    false
                }
                NextPage::Complete(link) => {
                    cursor = GraphCursor::Delta(link);
                    true
                }
            };
            if complete || seen.len() >= FLUSH || self.late() {
                self.record(std::mem::take(&mut seen)).await?;
            }
            if complete || self.late() {
                return Ok(cursor);
            }
        }
    }

    pub(super) async fn page(&self, collection: Collection, cursor: &GraphCursor) -> Result<ChangePage, EngineError> {
        let reader = &self.engine.connection(self.tenant())?.reader;
        reader.changes(collection, cursor).await.map_err(|error| self.failed(error))
    }
}

/// Pages without anybody, one after the other, after which an enumeration is taken for endless. Graph does send some.
const EMPTY_PAGES: u32 = 1_000;

/// The way through the pages of an enumeration, which a service that is out of order might never end.
#[derive(Default)]
pub(super) struct Trail {
    /// The link of the page before.
    link: Option<String>,
    /// Pages without anybody up to here.
    empty: u32,
}

impl Trail {
    /// One page further.
    pub(super) fn follow(&mut self, page: &ChangePage) -> Result<(), ReadError> {
        let NextPage::More(link) = &page.next else { return Ok(()) };
        self.empty = if page.changes.is_empty() { self.empty + 1 } else { 0 };
        if self.link.as_deref() == Some(link) || self.empty > EMPTY_PAGES {
            let message = "Graph gives pages without end; the reading is stopped, and the next one begins where it was".to_owned();
            return Err(ReadError::Tenant(TenantError::Protocol { message }));
        }
        self.link = Some(link.clone());
        Ok(())
    }
}
