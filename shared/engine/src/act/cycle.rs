//! A cycle by hand: reads, does what is due, and says how the pair stands.

use gal::{Side, Sides};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, pair_facts};
use crate::error::EngineError;
use crate::reconcile::{waits, yields};
use crate::records::{Outcome, RunSummary, Stage};
use crate::snapshot::{SnapshotOptions, SnapshotReport};

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// How many recipients are new or changed, per side.
    pub changed: Sides<u64>,
    /// Why the reading of a side is incomplete.
    pub incomplete: Sides<Option<String>>,
    /// Whether anything is due.
    pub due: bool,
    /// Whether everything was read, not only what changed.
    pub full: bool,
}

/// What a run did, and how the pair stands afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// What was read before, if anything was.
    pub read: Option<Read>,
    /// The run; `None`: nothing was to be done.
    pub run: Option<RunSummary>,
    /// Why the pair only reads, if so.
    pub only_reads: Option<OnlyReads>,
    /// How the pair stands.
    pub standing: Standing,
}

/// Why a pair only reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum OnlyReads {
    /// An operator paused it.
    Paused {
        /// Why.
        reason: String,
    },
    /// Nothing is merged yet.
    Unmerged,
    /// Contacts bear our stamp, and the state knows of no merge.
    StateLost {
        /// How many contacts.
        stamped: u64,
    },
}

/// How a pair stands; what an exit code or a monitor says of it. Ordered: the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Everything due was done, or goes on by itself.
    InStep,
    /// Some recipients are set aside with a reason.
    Quarantined,
    /// Something waits for a person.
    Held,
    /// The last run failed.
    Failed,
}

impl Engine {
    /// Reads until everything is read, or until the time is up.
    pub(super) async fn read(&self, pair: &str, mut options: SnapshotOptions, deadline: Timestamp) -> Result<Read, EngineError> {
        let full = options.full;
        let mut changed = Sides::<u64>::default();
        loop {
            let SnapshotReport { changed: more, unfinished, due, incomplete, .. } = self.snapshot(pair, options, deadline).await?;
            for side in Side::BOTH {
                *changed.get_mut(side) += more.get(side);
            }
            if self.progress.stop_asked() || (unfinished && self.now() >= deadline) {
                return Err(EngineError::ReadingStopped { pair: pair.to_owned() });
            }
            if !unfinished {
                return Ok(Read { changed, incomplete, due, full });
            }
            options.full = false;
        }
    }

    /// One cycle: reads, and if anything is due plans and applies it.
    pub(super) async fn cycle(&self, pair: &str, full: bool, deadline: Timestamp) -> Result<Ran, EngineError> {
        let read = self.read(pair, SnapshotOptions { full, daily: true, only: None }, deadline).await?;
        let run = if read.due { self.reconcile(pair, deadline).await? } else { None };
        self.ran(pair, Some(read), run).await
    }

    /// A run, with how the pair stands after it.
    pub(super) async fn ran(&self, pair: &str, read: Option<Read>, run: Option<RunSummary>) -> Result<Ran, EngineError> {
        let only_reads = self.only_reads(pair).await?;
        let mut standing = match run.as_ref().map(|run| &run.outcome) {
            Some(Outcome::Failed(_)) => Standing::Failed,
            Some(Outcome::Held(_)) => Standing::Held,
            Some(Outcome::Completed | Outcome::Partial(_)) | None => self.standing(pair).await?,
        };
        // What a command left undone waits for the person who gave it.
        if run.as_ref().is_some_and(|run| run.kind.is_command() && matches!(run.outcome, Outcome::Partial(_))) {
            standing = standing.max(Standing::Held);
        }
        if matches!(only_reads, Some(OnlyReads::StateLost { .. })) {
            standing = standing.max(Standing::Held);
        }
        Ok(Ran { read, run, only_reads, standing })
    }

    /// How the pair stands, without its last run.
    pub(super) async fn standing(&self, pair: &str) -> Result<Standing, EngineError> {
        let state = self.state(pair).await?;
        let incomplete = Side::BOTH.into_iter().any(|side| state.reading.sides.get(side).incomplete.is_some());
        if state.writing.holds.a.is_some() || state.writing.holds.b.is_some() || incomplete {
            return Ok(Standing::Held);
        }
        let facts = pair_facts(self.pair(pair)?, &self.facts().await?);
        let aside = self.links_where(pair, |link| waits(link) || yields(&facts, link)).await?;
        Ok(match aside.iter().any(|link| link.quarantine.is_none() || yields(&facts, link)) {
            // Nothing ends that but a person.
            true => Standing::Held,
            false if aside.is_empty() => Standing::InStep,
            false => Standing::Quarantined,
        })
    }

    async fn only_reads(&self, pair: &str) -> Result<Option<OnlyReads>, EngineError> {
        let writing = self.state(pair).await?.writing;
        if let Some(reason) = writing.paused {
            return Ok(Some(OnlyReads::Paused { reason }));
        }
        if writing.stage != Stage::Unmerged || writing.merge.is_some() {
            return Ok(None);
        }
        // Of this pair's own: another pair of the same installation may have been here for long.
        let lost = self.lost(self.pair(pair)?).await?;
        Ok(Some(match lost.a + lost.b {
            0 => OnlyReads::Unmerged,
            stamped => OnlyReads::StateLost { stamped },
        }))
    }
}
