//! Include groups: transitive members, read anew when any group changed (MICROSOFT.md 9).

use std::collections::BTreeSet;

use gal::Anchor;
use tracing::warn;

use crate::error::EngineError;
use crate::ports::ReadError;

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
            if now.is_empty() && before.is_none() && self.publishes_somebody().await? {
                problem = Some(format!(
                    "the include group {group} of {} is empty, and who was in it before is not known: put somebody into it, or take it out of \
                     the profile",
                    self.tenant().name
                ));
                continue;
            }
            self.members_changed(group, before, &now).await?;
        }
        self.state.groups_again = self.state.groups_changed && !self.state.groups_again;
        self.state.groups_changed = self.state.groups_again;
        if let Some(problem) = &problem {
            warn!(tenant = %self.tenant().name, problem = %problem, "an include group cannot be trusted; deletions are held");
        }
        let ours = |text: &String| text.contains("include group");
        if problem.is_some() || self.state.incomplete.as_ref().is_some_and(ours) {
            self.state.incomplete = problem;
        }
        Ok(())
    }

    /// Whether anybody of this side has a contact.
    async fn publishes_somebody(&self) -> Result<bool, EngineError> {
        for shard in 0..16 {
            let links = self.engine.store.link_shard(&self.pair.name, shard).await?;
            if links.iter().any(|link| link.item.key.origin.source_side() == Some(self.side) && link.item.is_live()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whoever joined or left is looked at. Before the members are stored, so that a crash in between forgets nobody; and after, because a
    /// run in between has looked at the former ones.
    async fn members_changed(&self, group: Anchor, before: Option<Vec<Anchor>>, now: &[Anchor]) -> Result<(), EngineError> {
        let known = before.is_some();
        let (was, is): (BTreeSet<Anchor>, BTreeSet<Anchor>) = (before.into_iter().flatten().collect(), now.iter().copied().collect());
        if known && was == is {
            return Ok(());
        }
        self.ledger.assure().await?;
        let touched: Vec<Anchor> = was.symmetric_difference(&is).copied().collect();
        self.engine.touch(self.pair, self.side, touched.iter().copied()).await?;
        self.engine.store.put_group_members(&self.pair.name, self.side, group, now).await?;
        self.engine.touch_again(self.pair, self.side, touched).await?;
        Ok(())
    }
}
