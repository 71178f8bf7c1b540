//! The preview, and the merge that a person confirms by it.

use std::collections::BTreeSet;

use gal::guard::Judgement;
use gal::operation::{Action, Operation};
use gal::plan::{Focus, Plan, foresee};
use gal::{Anchor, Side, Sides};
use jiff::{SignedDuration, Timestamp};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::load::{Loaded, PILOT};
use crate::ports::ReadError;
use crate::reconcile::{ROWS, confirmed_of, confirmed_whom, halves};
use crate::records::{AgendaRow, Due, LeaseKind, Merge, MergeOptions, PairState, RunSummary, Stage};
use crate::setup::PairSetup;

/// What would be done, with the guard's word on it.
#[derive(Debug)]
pub struct Preview {
    /// The plan.
    pub plan: Plan,
    /// The checksum to confirm it by.
    pub checksum: String,
    /// What the guard would say, per target side.
    pub judgements: Sides<Judgement>,
    /// How many recipients of each side are known.
    pub known: Sides<u64>,
    /// How many links there are.
    pub links: u64,
}

impl Engine {
    /// What a merge would do (`Some`), or what the schedule would do about everything (`None`): while it carries on a merge, that merge.
    /// Nothing is written anywhere.
    pub async fn preview(&self, pair: &str, merge: Option<&MergeOptions>) -> Result<Preview, EngineError> {
        let pair = self.pair(pair)?;
        let state = self.store.pair(&pair.name).await?;
        let (_, _, preview) = self.previewed(pair, state, merge).await?;
        Ok(preview)
    }

    async fn previewed(
        &self,
        pair: &PairSetup,
        mut state: PairState,
        merge: Option<&MergeOptions>,
    ) -> Result<(PairState, Loaded, Preview), EngineError> {
        // A merge that is shown would be confirmed as a whole; one that is under way was, with whom its rows name.
        let under_way = state.writing.merge.clone().filter(|_| merge.is_none());
        let whom = match &under_way {
            Some(merge) => Some(confirmed_whom(merge, pair, &self.store.due(&pair.name, self.now(), ROWS).await?)),
            None => None,
        };
        if let Some(options) = merge {
            let merge = Merge { options: options.clone(), confirmed: self.now(), checksum: String::new(), settings: pair.settings };
            state.writing.merge = Some(merge);
            state.writing.closed = Sides::default();
        } else if state.writing.stage == Stage::Unmerged && state.writing.merge.is_none() {
            // Before the first merge, a plan shows what a full merge would do.
            let options = MergeOptions::of(gal::policy::MergeMode::TwoWay);
            let merge = Merge { options, confirmed: self.now(), checksum: String::new(), settings: pair.settings };
            state.writing.merge = Some(merge);
        }
        let mut loaded = self.load_everything(pair, under_way.as_ref().is_some_and(|merge| merge.options.is_pilot())).await?;
        loaded.distrust(&mut state.reading);
        if let Some(options) = merge {
            self.admit_pilot(pair, &state, &mut loaded, options).await?;
        }
        let plan = self.plan_world(pair, &state.writing, &loaded, &Focus::Everything, foresee).await?;
        let judgements = Sides::from_fn(|side: Side| {
            let incomplete = state.reading.sides.get(side.other()).incomplete.as_deref();
            let due: Vec<&Operation> = plan.of_side(side).collect();
            let confirmed = match &whom {
                Some(whom) => confirmed_of(&due, whom),
                None if state.writing.merge.is_some() => due.iter().map(|operation| operation.id()).collect(),
                None => BTreeSet::new(),
            };
            crate::reconcile::judge(pair, &state, side, &due, &confirmed, incomplete, self.now())
        });
        let known = Sides::from_fn(|side| loaded.world.entries(side).filter(|entry| entry.recipient.is_present()).count() as u64);
        let preview = Preview { checksum: plan.checksum_under(pair.settings), plan, judgements, known, links: loaded.links.len() as u64 };
        Ok((state, loaded, preview))
    }

    /// Restricts the loaded world to a pilot.
    async fn admit_pilot(
        &self,
        pair: &PairSetup,
        state: &PairState,
        loaded: &mut Loaded,
        options: &MergeOptions,
    ) -> Result<(), EngineError> {
        if let Some(group) = options.group {
            let members = self.members_anywhere(pair, group).await?;
            for side in Side::BOTH {
                loaded.world.set_pilot(side, &members);
            }
        }
        if let Some(limit) = options.limit {
            let plan = self.plan_world(pair, &state.writing, loaded, &Focus::Everything, gal::plan::plan).await?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let mut chosen: Sides<BTreeSet<Anchor>> = Sides::default();
            for operation in in_turn(&plan).take(limit) {
                for (side, anchor) in halves(operation) {
                    chosen.get_mut(side).insert(anchor);
                }
            }
            for side in Side::BOTH {
                loaded.world.set_pilot(side, chosen.get(side));
            }
        }
        Ok(())
    }

    /// The members of a group of either tenant.
    async fn members_anywhere(&self, pair: &PairSetup, group: Anchor) -> Result<BTreeSet<Anchor>, EngineError> {
        for side in Side::BOTH {
            let tenant = pair.tenants.get(side);
            match self.connection(tenant)?.reader.transitive_members(group).await {
                Ok(members) => return Ok(members.into_iter().collect()),
                Err(ReadError::GroupGone(_)) => {}
                Err(error) => return Err(EngineError::read(&tenant.name, error)),
            }
        }
        Err(EngineError::Refused(format!("the group {group} exists in neither tenant of pair {}", pair.name)))
    }

    /// Confirms a merge and begins it; what does not fit before `deadline` the schedule carries on.
    /// `checksum`: of the preview that was shown; another plan by now is refused.
    pub async fn merge(
        &self,
        pair: &str,
        options: &MergeOptions,
        checksum: Option<&str>,
        deadline: Timestamp,
    ) -> Result<Option<RunSummary>, EngineError> {
        let setup = self.pair(pair)?;
        let state = self.store.acquire(&setup.name, LeaseKind::Writing, &self.lease(), self.now()).await?;
        let confirmed = self.confirm(setup, &state, options, checksum).await;
        match confirmed {
            Ok(writing) => self.store.save_writing(&setup.name, &self.owner, &writing, None).await?,
            Err(error) => {
                self.store.save_writing(&setup.name, &self.owner, &state.writing, None).await?;
                return Err(error);
            }
        }
        self.reconcile(pair, deadline).await
    }

    /// Dynamic groups of the sides that this plan makes contacts in, which would take published contacts in as members and
    /// send them the group's mail, as `tenant: group`. Asked before the first merge only: later nobody is surprised.
    pub async fn admitting_groups(&self, pair: &str, plan: &Plan) -> Result<Vec<String>, EngineError> {
        let setup = self.pair(pair)?;
        let state = self.store.pair(&setup.name).await?;
        let mut admitting = Vec::new();
        for side in Side::BOTH {
            let makes = plan.of_side(side).any(|operation| matches!(operation.action, Action::Create | Action::Claim));
            if state.writing.stage != Stage::Unmerged || !makes {
                continue;
            }
            let tenant = setup.tenants.get(side);
            let groups = self.connection(tenant)?.reader.dynamic_groups().await;
            let groups = groups.map_err(|error| EngineError::read(&tenant.name, error))?;
            admitting.extend(groups.iter().filter(|group| group.admits_contacts()).map(|group| format!("{}: {}", tenant.name, group.name)));
        }
        Ok(admitting)
    }

    async fn refuse_dynamic_groups(&self, pair: &PairSetup, state: &PairState, plan: &Plan) -> Result<(), EngineError> {
        if state.writing.stage != Stage::Unmerged {
            return Ok(());
        }
        let groups = self.admitting_groups(&pair.name, plan).await?;
        if groups.is_empty() { Ok(()) } else { Err(EngineError::DynamicGroups { pair: pair.name.clone(), groups: groups.join(", ") }) }
    }

    /// A merge over a state that was lost would leave those who left meanwhile in the list for ever: their links come first.
    async fn refuse_a_lost_state(&self, pair: &PairSetup, state: &PairState) -> Result<(), EngineError> {
        if state.writing.stage != Stage::Unmerged {
            return Ok(());
        }
        let lost = self.lost_links(pair, Side::A).await?.len() + self.lost_links(pair, Side::B).await?.len();
        if lost == 0 {
            return Ok(());
        }
        Err(EngineError::Refused(format!(
            "pair {}: {lost} contacts bear this installation's stamp, and this state knows nothing of them: it was lost. Restore their links \
             first: `galbridge rebuild`; nothing was begun",
            pair.name
        )))
    }

    async fn confirm(
        &self,
        pair: &PairSetup,
        state: &PairState,
        options: &MergeOptions,
        checksum: Option<&str>,
    ) -> Result<crate::records::WritingState, EngineError> {
        Self::same_tenants(pair, &state.reading)?;
        if state.reading.sides.a.watermark.is_none() || state.reading.sides.b.watermark.is_none() {
            return Err(EngineError::Refused(format!(
                "pair {}: both sides must be read completely before a merge; run a snapshot first",
                pair.name
            )));
        }
        if let Some(reason) = &state.writing.paused {
            return Err(EngineError::Paused { pair: pair.name.clone(), reason: reason.clone() });
        }
        self.refuse_a_lost_state(pair, state).await?;
        let (mut next, loaded, preview) = self.previewed(pair, state.clone(), Some(options)).await?;
        if !options.accept_dynamic_groups {
            self.refuse_dynamic_groups(pair, state, &preview.plan).await?;
        }
        if let Some(shown) = checksum.filter(|shown| *shown != preview.checksum) {
            return Err(EngineError::PlanChanged { shown: shown.to_owned(), now: preview.checksum });
        }
        next.writing.stage = state.writing.stage.begins(options, state.writing.closed);
        let Some(merge) = &mut next.writing.merge else { return Ok(next.writing) };
        merge.checksum.clone_from(&preview.checksum);
        if options.is_pilot() {
            for side in Side::BOTH {
                self.store.put_group_members(&pair.name, side, PILOT, &loaded.world.pilot(side)).await?;
            }
        }
        self.store.put_agenda(&pair.name, &merge_rows(&preview.plan, self.now())).await?;
        let live = Sides::from_fn(|side| loaded.world.links().filter(|link| crate::reconcile::counts(link, side)).count() as u64);
        next.writing.live = live;
        Ok(next.writing)
    }
}

/// What begins with a merge, one of each side in turn: so that a pilot shows something in both lists.
fn in_turn(plan: &Plan) -> impl Iterator<Item = &Operation> {
    let begins = |side| {
        let of_side = plan.of_side(side);
        of_side.filter(|operation| matches!(operation.action, Action::Create | Action::Claim | Action::Adopt | Action::AdoptGuest))
    };
    let (mut a, mut b) = (begins(Side::A), begins(Side::B));
    let mut turn = Side::B;
    std::iter::from_fn(move || {
        turn = turn.other();
        match turn {
            Side::A => a.next().or_else(|| b.next()),
            Side::B => b.next().or_else(|| a.next()),
        }
    })
}

/// So long ago nothing else became due.
const BEFORE_ALL: SignedDuration = SignedDuration::from_hours(24 * 400);

/// One row for everybody a merge does something for. They are due before all others: a run meets them first, however many wait.
fn merge_rows(plan: &Plan, now: Timestamp) -> Vec<AgendaRow> {
    let due = now - BEFORE_ALL;
    let mut whom: BTreeSet<(Side, Anchor)> = BTreeSet::new();
    for operation in &plan.operations {
        whom.insert((operation.key.origin.source_side().unwrap_or(operation.key.origin.target_side()), operation.key.anchor));
    }
    for change in &plan.quiet {
        let key = change.link.key;
        whom.insert((key.origin.source_side().unwrap_or(key.origin.target_side()), key.anchor));
    }
    whom.into_iter().map(|(side, anchor)| AgendaRow { due, side, anchor, why: Due::Merge, version: 0 }).collect()
}
