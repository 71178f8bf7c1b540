//! Include groups: transitive members, read anew when any group changed (MICROSOFT.md 9).

use std::collections::BTreeSet;

use gal::Anchor;
use tracing::warn;

use crate::error::EngineError;
use crate::ports::ReadError;
use crate::records::{AgendaRow, Due};

use super::SideReader;

impl SideReader<'_> {
    /// Reads the members of the include groups; whoever joined or left is put on the agenda.
    /// A group that is gone or suddenly empty changes nothing and makes the reading incomplete (law 3).
    pub(super) async fn refresh_groups(&mut self) -> Result<(), EngineError> {
        let groups: Vec<Anchor> = self.pair.policy.publishing.get(self.side).scope.include_groups().to_vec();
        let mut problem = None;
        for group in groups {
            let reader = &self.engine.connection(self.tenant())?.reader;
            let before = self.engine.store.group_members(&self.pair.name, self.side, group).await?;
            let now = match reader.transitive_members(group).await {
                Ok(members) => members,
                Err(ReadError::GroupGone(_)) => {
                    problem = Some(format!("the include group {group} of {} does not exist or cannot be read", self.tenant().name));
                    continue;
                }
                Err(error) => return Err(self.failed(error)),
            };
            if now.is_empty() && before.as_ref().is_some_and(|before| !before.is_empty()) {
                problem = Some(format!("the include group {group} of {} is suddenly empty", self.tenant().name));
                continue;
            }
            self.members_changed(group, before.unwrap_or_default(), &now).await?;
        }
        if let Some(problem) = &problem {
            warn!(tenant = %self.tenant().name, problem = %problem, "an include group cannot be trusted; deletions are held");
        }
        let ours = |text: &String| text.contains("include group");
        if problem.is_some() || self.state.incomplete.as_ref().is_some_and(ours) {
            self.state.incomplete = problem;
        }
        Ok(())
    }

    async fn members_changed(&self, group: Anchor, before: Vec<Anchor>, now: &[Anchor]) -> Result<(), EngineError> {
        let (was, is): (BTreeSet<Anchor>, BTreeSet<Anchor>) = (before.into_iter().collect(), now.iter().copied().collect());
        if was == is {
            return Ok(());
        }
        let due = self.engine.now();
        let touched: Vec<AgendaRow> = was
            .symmetric_difference(&is)
            .map(|anchor| AgendaRow { due, side: self.side, anchor: *anchor, why: Due::Touched, version: 0 })
            .collect();
        self.engine.store.put_agenda(&self.pair.name, &touched).await?;
        self.engine.store.put_group_members(&self.pair.name, self.side, group, now).await?;
        Ok(())
    }
}
