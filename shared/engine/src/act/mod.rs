//! What can be asked of a pair, and what is answered: the same for the operator's command and, by hand, for the functions.
//!
//! ```json
//! {"do": "plan", "merge": {"mode": "two-way"}}
//! ```
//!
//! Whatever writes more than it was asked for by name takes a person's word first: `merge`, `unpublish` and `rebuild` without
//! `confirm` answer their plan, and nothing is written; its checksum confirms exactly that plan.

mod certificate;
mod cycle;
mod plan;
mod status;

use gal::Side;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use certificate::{PublicPart, Wish};
pub use cycle::{OnlyReads, Ran, Read, Standing};
pub use plan::{GuardDocument, NoteDocument, OperationDocument, PlanDocument, SideDocument, SkippedDocument};
pub use status::{
    AgendaDocument, ConflictDocument, HeldDocument, KeptDocument, QuarantinedDocument, StatusDocument, StatusSide, SuppressedDocument,
    WhoDocument,
};

use crate::check::TenantFindings;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::explain::Explained;
use crate::operate::{Leave, MadeWay, rebuild_checksum};
use crate::records::{MergeOptions, OperationRecord, RunSummary, Stage, WritingState};
use crate::snapshot::SnapshotOptions;
use crate::undo::UndoPlan;

/// The version of all messages between the command, the schedule, the queue and the functions. One of another version is refused, and
/// no write follows from it.
pub const MESSAGES: u32 = 1;

/// What is asked of a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Reads both sides; nothing is written to a tenant.
    Snapshot {
        /// Everything, not only what changed.
        #[serde(default)]
        full: bool,
    },
    /// Shows what would be done: by this merge, or by the schedule about everything.
    Plan {
        /// The merge.
        #[serde(default)]
        merge: Option<MergeOptions>,
        /// From what was read before, without reading first.
        #[serde(default)]
        stored: bool,
    },
    /// Merges.
    Merge {
        /// How.
        merge: MergeOptions,
        /// The checksum of the plan that was shown.
        #[serde(default)]
        confirm: Option<String>,
    },
    /// One cycle: reads, and does what is due.
    Run {
        /// Reads everything, not only what changed.
        #[serde(default)]
        full: bool,
    },
    /// Whether both tenants are ready.
    Check {
        /// Also makes, fills, reads back, hides and removes one contact in each.
        #[serde(default)]
        probe: bool,
    },
    /// How far the pair has come, and what waits for a person.
    Status,
    /// The last runs.
    Runs {
        /// How many.
        #[serde(default = "twenty")]
        limit: u16,
    },
    /// One run with its operations.
    Operations {
        /// How its id begins.
        run: String,
    },
    /// Why an address is, or is not, in the other list.
    Explain {
        /// The address.
        address: String,
    },
    /// Consents to what the guard holds.
    Approve {
        /// The checksum of the hold.
        checksum: String,
    },
    /// Stops writing; reading goes on.
    Pause {
        /// Why, for whoever looks at the status.
        reason: String,
    },
    /// Ends a pause.
    Resume,
    /// Removes the contact of an address for a successor, and never makes it again.
    MakeWay {
        /// The address.
        address: String,
    },
    /// Publishes a suppressed address again.
    Unsuppress {
        /// The address.
        address: String,
    },
    /// Takes everything back that was published into a side.
    Unpublish {
        /// The side.
        side: Side,
        /// What becomes of contacts that galbridge made.
        leave: Leave,
        /// The checksum of the plan that was shown.
        #[serde(default)]
        confirm: Option<String>,
    },
    /// Takes a run back: what it wrote is put back where nobody has touched it since.
    Undo {
        /// How its id begins.
        run: String,
        /// The checksum of the plan that was shown.
        #[serde(default)]
        confirm: Option<String>,
    },
    /// Restores the links of a lost state from the stamps.
    Rebuild {
        /// The checksum of the plan that was shown.
        #[serde(default)]
        confirm: Option<String>,
    },
}

impl Action {
    /// The sides whose tenants are called for it: their credentials are needed.
    pub fn tenants(&self) -> &[Side] {
        match self {
            Self::Status
            | Self::Runs { .. }
            | Self::Operations { .. }
            | Self::Explain { .. }
            | Self::Approve { .. }
            | Self::Pause { .. }
            | Self::Resume
            | Self::Unsuppress { .. } => &[],
            // A pilot's group is looked up in the tenants.
            Self::Plan { stored: true, merge } if merge.as_ref().is_none_or(|merge| merge.group.is_none()) => &[],
            Self::Snapshot { .. }
            | Self::Plan { .. }
            | Self::Merge { .. }
            | Self::Run { .. }
            | Self::MakeWay { .. }
            | Self::Check { .. }
            | Self::Undo { .. }
            | Self::Rebuild { .. } => &Side::BOTH,
            Self::Unpublish { side, .. } => std::slice::from_ref(side),
        }
    }
}

fn twenty() -> u16 {
    20
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "of", rename_all = "kebab-case")]
pub enum Answer {
    /// Both sides were read.
    Read(Read),
    /// What would be done; nothing was.
    Plan(PlanDocument),
    /// What a cycle, a merge or another run did.
    Ran(Ran),
    /// What was found of both tenants.
    Checked(Vec<TenantFindings>),
    /// How the pair stands.
    Status(Box<StatusDocument>),
    /// Runs, the newest first.
    Runs(Vec<RunSummary>),
    /// A run and what it did.
    Operations {
        /// The run.
        run: RunSummary,
        /// Its operations.
        operations: Vec<OperationRecord>,
    },
    /// Everybody who holds the address.
    Explained(Vec<Explained>),
    /// How many held operations may run now.
    Approved(u64),
    /// It is paused, for this reason; `None`: it goes on.
    Paused(Option<String>),
    /// What was removed for a successor.
    MadeWay(Vec<MadeWay>),
    /// How many suppressed links were forgotten.
    Unsuppressed(u64),
}

impl Engine {
    /// Does what is asked, as far as it comes before `deadline`.
    ///
    /// # Errors
    /// Everything a use-case can fail with; each message says what to do next.
    pub async fn act(&self, pair: &str, action: Action, deadline: Timestamp) -> Result<Answer, EngineError> {
        Ok(match action {
            Action::Snapshot { full } => Answer::Read(self.read(pair, SnapshotOptions { full, daily: false, only: None }, deadline).await?),
            Action::Plan { merge, stored } => Answer::Plan(self.show_plan(pair, merge.as_ref(), !stored, deadline).await?),
            Action::Merge { merge, confirm: None } => Answer::Plan(self.show_plan(pair, Some(&merge), true, deadline).await?),
            Action::Merge { merge, confirm: Some(checksum) } => {
                let run = self.merge(pair, &merge, Some(&checksum), deadline).await?;
                Answer::Ran(self.ran(pair, None, run).await?)
            }
            Action::Run { full } => Answer::Ran(self.cycle(pair, full, deadline).await?),
            Action::Check { probe } => Answer::Checked(self.check(pair, probe).await?),
            Action::Status => Answer::Status(Box::new(self.status(pair).await?)),
            Action::Runs { limit } => Answer::Runs(self.runs(pair, usize::from(limit)).await?),
            Action::Operations { run } => self.operations_of(pair, &run).await?,
            Action::Explain { address } => Answer::Explained(self.explain(pair, &address).await?),
            Action::Approve { checksum } => Answer::Approved(self.approve(pair, &checksum).await?),
            Action::Pause { reason } => {
                self.pause(pair, Some(&reason)).await?;
                Answer::Paused(Some(reason))
            }
            Action::Resume => {
                self.pause(pair, None).await?;
                Answer::Paused(None)
            }
            Action::MakeWay { address } => Answer::MadeWay(self.make_way(pair, &address, deadline).await?),
            Action::Unsuppress { address } => Answer::Unsuppressed(self.unsuppress(pair, &address).await?),
            Action::Unpublish { side, leave, confirm: None } => Answer::Plan(self.show_unpublish(pair, side, leave, deadline).await?),
            Action::Unpublish { side, leave, confirm: Some(checksum) } => {
                let run = self.unpublish(pair, side, leave, &checksum, deadline).await?;
                Answer::Ran(self.ran(pair, None, run).await?)
            }
            Action::Undo { run, confirm: None } => Answer::Plan(self.show_undo(pair, &run, deadline).await?),
            Action::Undo { run, confirm: Some(checksum) } => {
                let run = self.undo(pair, &run, &checksum, deadline).await?;
                Answer::Ran(self.ran(pair, None, run).await?)
            }
            Action::Rebuild { confirm: None } => Answer::Plan(self.show_rebuild(pair, deadline).await?),
            Action::Rebuild { confirm: Some(checksum) } => {
                let run = self.rebuild(pair, &checksum, deadline).await?;
                Answer::Ran(self.ran(pair, None, run).await?)
            }
        })
    }

    /// What a merge, or the schedule, would do.
    async fn show_plan(
        &self,
        pair: &str,
        merge: Option<&MergeOptions>,
        read: bool,
        deadline: Timestamp,
    ) -> Result<PlanDocument, EngineError> {
        if read {
            self.read(pair, SnapshotOptions::default(), deadline).await?;
        }
        let preview = self.preview(pair, merge).await?;
        let writing = self.state(pair).await?.writing;
        let of = match (merge, &writing.merge) {
            (Some(options), _) => options.to_string(),
            (None, Some(under_way)) => format!("what is left of the merge that is under way ({})", under_way.options),
            (None, None) if writing.stage == Stage::Unmerged => "nothing is merged yet; this is what a two-way merge would do".to_owned(),
            (None, None) => "what the next runs do".to_owned(),
        };
        let pair_setup = self.pair(pair)?;
        let lost = self.lost(pair_setup).await?;
        let of = match (lost.a + lost.b, &writing.paused) {
            (0, None) => of,
            (0, Some(reason)) => format!("{of}, after `galbridge resume`: the pair is paused ({reason})"),
            (lost, _) => format!(
                "{of}. But {lost} contacts bear this installation's stamp, and this state knows nothing of them: it was lost, in whole or in \
                 part. First: `galbridge rebuild`"
            ),
        };
        let mut document = PlanDocument::of_preview(pair_setup, of, &preview);
        if let Some(options) = merge {
            for side in Side::BOTH {
                document.sides.get_mut(side).opens = *writing.closed.get(side);
            }
            document.afterwards = afterwards(options, &writing);
        } else {
            for side in Side::BOTH {
                document.sides.get_mut(side).closed = *writing.closed.get(side);
                // The hold that waits for a person already, if it is of the same operations.
                let judgement = preview.judgements.get(side);
                let hold = writing
                    .holds
                    .get(side)
                    .as_ref()
                    .filter(|hold| hold.operations.iter().eq(&judgement.held) && hold.settings == Some(pair_setup.settings_into(side)));
                document.sides.get_mut(side).guard.approve = hold.and_then(|hold| hold.checksum.clone());
            }
        }
        if merge.is_some_and(|merge| !merge.accept_dynamic_groups) && read {
            document.admitting = self.admitting_groups(pair, &preview.plan).await?;
        }
        Ok(document)
    }

    /// What `unpublish` would do. The stamps alone are enough: what the state does not know, or lost, is read now, and that
    /// needs this tenant's credential only.
    async fn show_unpublish(&self, pair: &str, side: Side, leave: Leave, deadline: Timestamp) -> Result<PlanDocument, EngineError> {
        self.read(pair, SnapshotOptions { full: false, daily: false, only: Some(side) }, deadline).await?;
        let plan = self.unpublish_preview(pair, side, leave).await?;
        let of = match leave {
            Leave::Purge => "unpublish: made contacts are removed, found ones given back",
            Leave::Release => "unpublish: made contacts stay, as the administrator's, found ones are given back",
        };
        // A person's confirmation is the approval: there is no judgement.
        let mut document = PlanDocument::of_plan(self.pair(pair)?, of.to_owned(), plan.checksum(), &plan, &gal::Sides::default());
        let closed = self.state(pair).await?.writing.closed;
        document.sides.get_mut(side).closed = *closed.get(side);
        Ok(document)
    }

    /// What `rebuild` would restore, after a full reading.
    async fn show_rebuild(&self, pair: &str, deadline: Timestamp) -> Result<PlanDocument, EngineError> {
        self.read(pair, SnapshotOptions { full: true, daily: false, only: None }, deadline).await?;
        let plan = self.rebuild_preview(pair).await?;
        let of = "rebuild: links are restored, nothing is written to a tenant; of a state that was lost, what only it knew cannot be restored: suppressed addresses (make-way, undo), values that `undo` put back (the next run writes what their source says), and whether this was a pilot or a side was unpublished; so newcomers wait for a confirmed merge"
            .to_owned();
        Ok(PlanDocument::of_plan(self.pair(pair)?, of, rebuild_checksum(&plan), &plan, &gal::Sides::default()))
    }

    /// What `undo` would put back, by what both sides say now.
    async fn show_undo(&self, pair: &str, run: &str, deadline: Timestamp) -> Result<PlanDocument, EngineError> {
        self.read(pair, SnapshotOptions::default(), deadline).await?;
        let UndoPlan { run, plan, left } = self.undo_preview(pair, run).await?;
        let suppresses = plan.operations.iter().any(|operation| matches!(operation.patch.phase, Some(gal::Phase::Suppressed { .. })));
        let mut of = format!("undo of the run {}: what it wrote is put back where nobody has touched it since", run.id);
        if suppresses {
            of.push_str(
                "; whom it made is removed, whom it adopted is given back, and neither is published again until `galbridge unsuppress`",
            );
        }
        let setup = self.pair(pair)?;
        let mut document = PlanDocument::of_plan(setup, of, plan.checksum(), &plan, &gal::Sides::default());
        document.skipped = left
            .into_iter()
            .map(|one| SkippedDocument {
                side: one.side,
                tenant: setup.tenants.get(one.side).name.clone(),
                anchor: one.link.anchor.to_string(),
                title: one.title,
                address: Some(one.address),
                code: one.why.code().to_owned(),
                reason: one.why.to_string(),
            })
            .collect();
        Ok(document)
    }

    async fn runs(&self, pair: &str, limit: usize) -> Result<Vec<RunSummary>, EngineError> {
        Ok(self.store.runs(&self.pair(pair)?.name, limit).await?)
    }

    async fn operations_of(&self, pair: &str, id: &str) -> Result<Answer, EngineError> {
        let run = self.run_by_id(pair, id).await?;
        let operations = self.store.operations(&run.id).await?;
        Ok(Answer::Operations { run, operations })
    }
}

/// Whom the schedule serves after a merge that leaves somebody out.
fn afterwards(merge: &MergeOptions, writing: &WritingState) -> Option<String> {
    let pilot = if merge.is_pilot() { "This is a pilot" } else { "This links only" };
    merge.is_partial().then(|| match writing.stage.begins(merge, writing.closed).after(merge) {
        Stage::Unmerged | Stage::LinkedOnly => {
            format!("{pilot}: whom it takes in is kept in step, everybody else waits for a full merge (without --limit or --group, and not link-only).")
        }
        Stage::Merged => format!("{pilot}, but the pair is merged already: the schedule goes on serving everybody."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_written_as_people_would() {
        let written = r#"{"do":"merge","merge":{"mode":"two-way","limit":10}}"#;
        let Action::Merge { merge, confirm: None } = serde_json::from_str(written).unwrap() else { panic!("another action") };
        assert_eq!((merge.limit, merge.enforce), (Some(10), false));
        assert_eq!(serde_json::from_str::<Action>(r#"{"do":"status"}"#).unwrap(), Action::Status);
        for wrong in [
            r#"{"do":"delete-everything"}"#,
            r#"{"do":"merge","merge":{"mode":"sideways"}}"#,
            r#"{"do":"merge","merge":{"mode":"two-way"},"confrim":"0123456789ab"}"#,
        ] {
            assert!(serde_json::from_str::<Action>(wrong).is_err(), "{wrong}");
        }
    }
}
