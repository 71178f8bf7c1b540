//! `status`: how far a pair has come, and what waits for a person.

use std::collections::{BTreeMap, BTreeSet};

use gal::recipient::Presence;
use gal::stamp::Mark;
use gal::{Anchor, Link, LinkKey, Phase, Provenance, Role, Side, Sides};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Standing;
use crate::engine::{Engine, pair_facts};
use crate::error::EngineError;
use crate::reconcile::yields;
use crate::records::{Hold, Outcome, PairState, RunKind, RunSummary, SideReading, Stage};
use crate::setup::PairSetup;

/// Rows of the agenda that are counted at most.
const ROWS: usize = 1_000_000;
/// Runs that are told.
const RUNS: usize = 5;

/// How a pair stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusDocument {
    /// The pair.
    pub pair: String,
    /// How it stands; also whether the last run failed.
    pub standing: Standing,
    /// How far it has come.
    pub stage: Stage,
    /// Why it is paused.
    pub paused: Option<String>,
    /// Whether a confirmed merge is going on.
    pub merge_in_progress: bool,
    /// Live links, per side that is written.
    pub links: Sides<u64>,
    /// Sides that are closed to writes by `unpublish`.
    pub closed: Sides<bool>,
    /// Each side.
    pub sides: Sides<StatusSide>,
    /// The last complete reading.
    pub last_snapshot: Option<Timestamp>,
    /// The last complete run.
    pub last_run: Option<Timestamp>,
    /// What the guard holds.
    pub holds: Sides<Option<HeldDocument>>,
    /// Who is set aside.
    pub quarantined: Vec<QuarantinedDocument>,
    /// Fields that both sides changed differently, and that wait for a person.
    #[serde(default)]
    pub conflicts: Vec<ConflictDocument>,
    /// Who is not published any more, by what a person did.
    #[serde(default)]
    pub suppressed: Vec<SuppressedDocument>,
    /// Contacts that are hidden on a side, and removed when their grace is over.
    #[serde(default)]
    pub staged: Sides<u64>,
    /// Contacts that bear our stamp and have no link, per side: lost rows of the state.
    #[serde(default)]
    pub lost_links: Sides<u64>,
    /// Contacts that stand still on a side because their domain belongs to its tenant now: they must yield.
    #[serde(default)]
    pub must_yield: Sides<u64>,
    /// Contacts whose stamp attribute holds something else now: they are left alone, also when their source leaves.
    #[serde(default)]
    pub overwritten: Vec<KeptDocument>,
    /// Contacts whose source is not published any more, and that their administrator shows all the same.
    #[serde(default)]
    pub kept: Vec<KeptDocument>,
    /// What is on the agenda.
    pub agenda: AgendaDocument,
    /// The last runs.
    pub runs: Vec<RunSummary>,
}

/// One side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSide {
    /// The tenant.
    pub tenant: String,
    /// How many of its recipients are in scope.
    pub in_scope: u64,
    /// Up to when it was read.
    pub read_to: Option<Timestamp>,
    /// The last full reading.
    pub last_full_reading: Option<Timestamp>,
    /// Whether another is going on.
    pub full_reading_in_progress: bool,
    /// Why its reading is incomplete.
    pub incomplete: Option<String>,
    /// What there is to say of the tenant's certificate; whoever has the certificates fills it in.
    #[serde(default)]
    pub certificate: String,
    /// When it ends.
    #[serde(default)]
    pub certificate_ends: Option<Timestamp>,
}

/// Somebody who is set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedDocument {
    /// The link.
    pub link: String,
    /// The address.
    pub address: String,
    /// The side that could not be written.
    pub side: Side,
    /// Why.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again.
    pub retry_at: Timestamp,
}

/// A contact that both sides keep, and in which they contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictDocument {
    /// The link.
    pub link: String,
    /// The address.
    pub address: String,
    /// The fields, by the names that the wire has for them.
    pub fields: Vec<String>,
}

/// A contact that stands on a side, and that galbridge leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDocument {
    /// The link.
    pub link: String,
    /// The address.
    pub address: String,
    /// The side where it stands.
    pub side: Side,
}

/// Somebody who is not published any more, by what a person did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuppressedDocument {
    /// The link.
    pub link: String,
    /// The address.
    pub address: String,
    /// Why.
    pub reason: String,
}

/// A hold, and whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldDocument {
    /// The hold.
    #[serde(flatten)]
    pub hold: Hold,
    /// Whom it concerns.
    pub who: Vec<WhoDocument>,
    /// A person approved it; the next run carries it out.
    pub approved: bool,
}

/// One held operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoDocument {
    /// What would be done.
    pub operation: String,
    /// To whom.
    pub address: String,
    /// The link.
    pub link: String,
}

/// The agenda in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgendaDocument {
    /// Recipients to look at now.
    pub due: u64,
    /// Since when the first of them waits.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Others, to look at later.
    pub later: u64,
}

/// Whether a cycle went well after a run that failed: where nothing is due it stands among no runs.
fn recovered(failed: &RunSummary, state: &PairState) -> bool {
    let success = match failed.kind {
        RunKind::Snapshot => state.reading.last_success,
        RunKind::Reconcile | RunKind::Merge | RunKind::Unpublish | RunKind::Rebuild | RunKind::MakeWay | RunKind::Undo => {
            state.writing.last_success
        }
    };
    success.is_some_and(|at| at > failed.ended)
}

fn kept_document(link: &Link) -> Option<KeptDocument> {
    (link.phase == Phase::Kept).then(|| left_document(link))
}

fn left_document(link: &Link) -> KeptDocument {
    KeptDocument { link: link.key.to_string(), address: link.address.clone(), side: link.target_side() }
}

impl Engine {
    /// How a pair stands. It looks at every link: for people.
    pub(super) async fn status(&self, pair: &str) -> Result<StatusDocument, EngineError> {
        let setup = self.pair(pair)?;
        let state = self.state(pair).await?;
        let facts = pair_facts(setup, &self.facts().await?);
        let links = self.links_where(pair, |_| true).await?;
        let overwritten = self.overwritten(setup, &links).await?;
        let runs = self.store.runs(&setup.name, RUNS).await?;
        let failed = runs.first().is_some_and(|last| matches!(last.outcome, Outcome::Failed(_)) && !recovered(last, &state));
        let standing = if failed { Standing::Failed } else { self.standing(pair).await? };
        let holds = Sides { a: self.held(setup, &state, Side::A).await?, b: self.held(setup, &state, Side::B).await? };
        let agenda = self.agenda(pair).await?;
        let lost_links = self.lost(setup).await?;
        let standing = if lost_links == Sides::default() { standing } else { standing.max(Standing::Held) };
        let standing = if overwritten.is_empty() { standing } else { standing.max(Standing::Quarantined) };
        Ok(StatusDocument {
            pair: setup.name.clone(),
            standing,
            stage: state.writing.stage,
            paused: state.writing.paused.clone(),
            merge_in_progress: state.writing.merge.is_some(),
            links: state.writing.live,
            closed: state.writing.closed,
            sides: Sides::from_fn(|side| status_side(setup, &state, side)),
            last_snapshot: state.reading.last_success,
            last_run: state.writing.last_success,
            holds,
            quarantined: links.iter().filter_map(quarantined_document).collect(),
            suppressed: links.iter().filter_map(suppressed_document).collect(),
            conflicts: links.iter().filter(|link| link.is_live()).filter_map(conflict_document).collect(),
            staged: Sides::from_fn(|side| staged(&links, side)),
            lost_links,
            must_yield: Sides::from_fn(|side| {
                links.iter().filter(|link| link.target_side() == side && yields(&facts, link)).count() as u64
            }),
            overwritten,
            kept: links.iter().filter_map(kept_document).collect(),
            agenda,
            runs,
        })
    }

    /// How many contacts of each side bear a stamp of ours that no link is stored for.
    pub(super) async fn lost(&self, setup: &PairSetup) -> Result<Sides<u64>, EngineError> {
        let lost = |side| self.lost_links(setup, side);
        Ok(Sides { a: lost(Side::A).await?.len() as u64, b: lost(Side::B).await?.len() as u64 })
    }

    /// Contacts that stand for somebody, or are hidden to be removed, and whose stamp somebody overwrote.
    async fn overwritten(&self, setup: &PairSetup, links: &[Link]) -> Result<Vec<KeptDocument>, EngineError> {
        let mut found = Vec::new();
        for side in Side::BOTH {
            // Two contacts that both sides kept bear no stamp.
            let stamped = |link: &&Link| link.role == Role::Projection || link.provenance == Provenance::Made;
            let ours = links.iter().filter(|link| link.target_side() == side).filter(stamped);
            let ours = ours.filter(|link| link.is_live() || matches!(link.phase, Phase::Staged { .. }));
            let targets: BTreeMap<Anchor, &Link> = ours.filter_map(|link| Some((link.target?, link))).collect();
            let stamp = setup.tenants.get(side).stamp_attribute;
            for shard in 0..16 {
                for replica in self.store.replica_shard(&setup.name, side, shard).await? {
                    let Some(link) = targets.get(&replica.anchor).filter(|_| replica.presence == Presence::Present) else { continue };
                    let recipient = replica.recipient(stamp);
                    let foreign = match &recipient.mark {
                        Mark::None => false,
                        Mark::Foreign(_) => true,
                        // Another pair's, which the next run knows, or one that somebody copied.
                        Mark::Stamp(stamp) if stamp.anchor != link.key.anchor => !self.is_anothers(setup, link, &recipient),
                        Mark::Stamp(stamp) => stamp.installation != self.installation,
                    };
                    found.extend(foreign.then(|| left_document(link)));
                }
            }
        }
        Ok(found)
    }

    async fn agenda(&self, pair: &str) -> Result<AgendaDocument, EngineError> {
        let now = self.now();
        let (mut due, mut later) = (BTreeSet::new(), BTreeSet::new());
        let rows = self.store.due(pair, Timestamp::MAX, ROWS).await?;
        let since = rows.iter().map(|row| row.due).min().filter(|since| *since <= now);
        for row in rows {
            if row.due <= now {
                due.insert((row.side, row.anchor))
            } else {
                later.insert((row.side, row.anchor))
            };
        }
        Ok(AgendaDocument { due: due.len() as u64, since, later: later.difference(&due).count() as u64 })
    }

    /// The hold of a side, with whom it concerns.
    async fn held(&self, pair: &PairSetup, state: &PairState, side: Side) -> Result<Option<HeldDocument>, EngineError> {
        let Some(hold) = state.writing.holds.get(side).clone() else { return Ok(None) };
        let now = self.now();
        let mut approvals = state.writing.approvals.get(side).iter().filter(|approval| approval.is_valid(pair.settings_into(side), now));
        let approved = approvals.any(|approval| Some(&approval.checksum) == hold.checksum.as_ref());
        let mut who = Vec::new();
        for id in &hold.operations {
            let (operation, link) = id.split_once(' ').unwrap_or((id, ""));
            let address = match link.parse::<LinkKey>() {
                Ok(key) => match self.store.link(&pair.name, key).await? {
                    Some(found) => Some(found.item.address),
                    None => self.source_address(pair, key).await?,
                },
                Err(()) => None,
            };
            who.push(WhoDocument { operation: operation.to_owned(), link: link.to_owned(), address: address.unwrap_or_default() });
        }
        Ok(Some(HeldDocument { hold, who, approved }))
    }

    /// The address of somebody who has no link yet.
    async fn source_address(&self, pair: &PairSetup, key: LinkKey) -> Result<Option<String>, EngineError> {
        let Some(side) = key.origin.source_side() else { return Ok(None) };
        let stamp = pair.tenants.get(side).stamp_attribute;
        let replica = self.store.replica(&pair.name, side, key.anchor).await?;
        Ok(replica.and_then(|replica| replica.recipient(stamp).primary))
    }
}

fn status_side(pair: &PairSetup, state: &PairState, side: Side) -> StatusSide {
    let SideReading { watermark, full, last_full, in_scope, incomplete, .. } = state.reading.sides.get(side);
    StatusSide {
        tenant: pair.tenants.get(side).name.clone(),
        in_scope: *in_scope,
        read_to: *watermark,
        last_full_reading: *last_full,
        full_reading_in_progress: full.is_some(),
        incomplete: incomplete.clone(),
        certificate: String::new(),
        certificate_ends: None,
    }
}

fn quarantined_document(link: &Link) -> Option<QuarantinedDocument> {
    let quarantine = link.quarantine.as_ref()?;
    Some(QuarantinedDocument {
        link: link.key.to_string(),
        address: link.address.clone(),
        side: link.target_side(),
        reason: quarantine.reason.clone(),
        attempts: quarantine.attempts,
        retry_at: quarantine.retry_at,
    })
}

/// How many are hidden on a side, to be removed when their grace is over.
fn staged(links: &[Link], on: Side) -> u64 {
    links.iter().filter(|link| matches!(link.phase, Phase::Staged { side, .. } if side == on)).count() as u64
}

fn conflict_document(link: &Link) -> Option<ConflictDocument> {
    let fields: Vec<String> = link.conflicts.iter().map(|field| field.property().to_owned()).collect();
    let address = link.address.clone();
    (!fields.is_empty()).then(|| ConflictDocument { link: link.key.to_string(), address, fields })
}

fn suppressed_document(link: &Link) -> Option<SuppressedDocument> {
    let Phase::Suppressed { reason } = &link.phase else { return None };
    Some(SuppressedDocument { link: link.key.to_string(), address: link.address.clone(), reason: reason.to_string() })
}
