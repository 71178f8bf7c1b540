//! Following Graph: pages of changes, from the stored cursor to the next deltaLink (MICROSOFT.md 3.1).

use std::collections::BTreeMap;

use gal::Anchor;
use gal::reading::Collection;
use tracing::warn;

use crate::error::EngineError;
use crate::ports::{ChangePage, GraphCursor, NextPage, ReadError};

use super::SideReader;
use super::record::Seen;

/// Objects held in memory before they are stored.
const FLUSH: usize = 2_000;

impl SideReader<'_> {
    /// Reads what changed in Graph. Answers whether the membership of any group changed.
    pub(super) async fn follow_graph(&mut self) -> Result<bool, EngineError> {
        let mut groups_changed = false;
        for collection in Collection::ALL {
            let cursor = self.state.cursors.get(collection.as_str()).cloned().unwrap_or_default();
            // A collection that a full reading enumerates right now has no cursor to follow.
            if cursor == GraphCursor::Start {
                continue;
            }
            match self.follow(collection, cursor, &mut groups_changed).await {
                Ok(cursor) => {
                    self.state.cursors.insert(collection.as_str().to_owned(), cursor);
                }
                Err(EngineError::Read { error: ReadError::CursorExpired, .. }) => {
                    warn!(tenant = %self.tenant().name, collection = collection.as_str(), "the cursor expired; a full reading begins");
                    self.state.cursors.remove(collection.as_str());
                    self.begin_full();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(groups_changed)
    }

    async fn follow(
        &mut self,
        collection: Collection,
        mut cursor: GraphCursor,
        groups_changed: &mut bool,
    ) -> Result<GraphCursor, EngineError> {
        let mut seen: BTreeMap<Anchor, Seen> = BTreeMap::new();
        loop {
            let page = self.page(collection, &cursor).await?;
            for change in page.changes {
                *groups_changed |= collection == Collection::Groups && (change.members_changed || change.removed.is_some());
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
