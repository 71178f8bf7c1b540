//! The Exchange overlay: one `Get-Recipient` for what changed, and details only for what is new
//! (DESIGN.md "Reading is hybrid").

use std::collections::{BTreeMap, BTreeSet};

use gal::reading::ExchangeHalf;
use gal::{Anchor, Kind};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::engine::OVERLAP;
use crate::error::EngineError;
use crate::ports::{Detail, DetailRow, ExchangeRow, ReadError, RecipientQuery};

use super::SideReader;
use super::record::Seen;

/// Change times are whole seconds, of clocks that differ; and a detail cmdlet may be answered by a controller that does not know the
/// last edit yet.
const ONE_MOMENT: SignedDuration = gal::decide::SETTLING;

/// How often a reading whose page link expired is begun again.
const PAGE_RETRIES: usize = 3;

impl SideReader<'_> {
    /// Reads what changed in Exchange since the watermark, less the overlap.
    pub(super) async fn overlay(&mut self) -> Result<(), EngineError> {
        let Some(watermark) = self.state.watermark else { return Ok(()) };
        let began = self.engine.now();
        let query = RecipientQuery::ChangedSince(watermark - OVERLAP);
        let rows = self.rows(&query).await?;
        let fresh = self.fresh_rows(rows, watermark).await?;
        if !fresh.is_empty() {
            let (detailed, _) = self.detailed(&query, fresh, || false).await?;
            self.record_rows(detailed).await?;
        }
        self.state.watermark = Some(began);
        Ok(())
    }

    /// All rows of a query.
    pub(super) async fn rows(&self, query: &RecipientQuery) -> Result<Vec<ExchangeRow>, EngineError> {
        self.rows_until(query, |_| false).await.map(|(rows, _)| rows)
    }

    /// The rows of a query, and whether they are all: after each page but the last `cut` may end the reading. A reading whose
    /// page link expired begins again.
    pub(super) async fn rows_until(
        &self,
        query: &RecipientQuery,
        cut: impl Fn(&[ExchangeRow]) -> bool,
    ) -> Result<(Vec<ExchangeRow>, bool), EngineError> {
        let reader = &self.engine.connection(self.tenant())?.reader;
        'again: for _ in 0..PAGE_RETRIES {
            let mut rows = Vec::new();
            let mut next: Option<String> = None;
            loop {
                match reader.recipients(query, next.as_deref()).await {
                    Ok(page) => {
                        rows.extend(page.rows);
                        self.engine.progress.step(&format!("reading {} from Exchange", self.tenant().name), rows.len() as u64, 0);
                        next = page.next;
                    }
                    Err(ReadError::PageExpired) => continue 'again,
                    Err(error) => return Err(self.failed(error)),
                }
                if next.is_none() || cut(&rows) {
                    return Ok((rows, next.is_none()));
                }
                self.ledger.prolong().await?;
            }
        }
        Err(self.failed(ReadError::PageExpired))
    }

    /// Completes rows by a detail cmdlet, asked by the same query, page by page: the answers are never held together. Answers whether it
    /// came to the end: after each page but the last `cut` may end it.
    async fn complete_by(
        &self,
        detail: Detail,
        query: &RecipientQuery,
        rows: &mut Completing,
        cut: impl Fn() -> bool,
    ) -> Result<bool, EngineError> {
        let reader = &self.engine.connection(self.tenant())?.reader;
        'again: for _ in 0..PAGE_RETRIES {
            let mut next: Option<String> = None;
            loop {
                match reader.details(detail, query, next.as_deref()).await {
                    Ok(page) => {
                        page.rows.iter().for_each(|row| rows.take(detail, row));
                        next = page.next;
                    }
                    Err(ReadError::PageExpired) => continue 'again,
                    Err(error) => return Err(self.failed(error)),
                }
                if next.is_none() || cut() {
                    return Ok(next.is_none());
                }
                self.ledger.prolong().await?;
            }
        }
        Err(self.failed(ReadError::PageExpired))
    }

    /// The rows whose change time is not the one that is already known. One that changed shortly before the last reading is asked for
    /// once more: it may have changed again in the same second, or have been told by controllers of which one was behind.
    async fn fresh_rows(&self, rows: Vec<ExchangeRow>, watermark: Timestamp) -> Result<Vec<ExchangeRow>, EngineError> {
        let anchors: Vec<Anchor> = rows.iter().filter_map(ExchangeRow::identity).collect();
        if anchors.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.engine.store.replicas(&self.pair.name, self.side, &anchors).await?;
        // What is known only in part is asked for again.
        let known = known.into_iter().filter_map(|replica| Some((replica.anchor, replica.reading.exchange.filter(|half| half.detailed)?)));
        let known: BTreeMap<Anchor, _> = known.map(|(anchor, half)| (anchor, half.when_changed)).collect();
        let fresh = |row: &ExchangeRow| {
            let changed = row.half.when_changed;
            row.identity().is_some_and(|anchor| known.get(&anchor) != Some(&changed) || changed + ONE_MOMENT >= watermark)
        };
        Ok(rows.into_iter().filter(fresh).collect())
    }

    /// Completes rows by the detail cmdlets that their kinds need. Answers whether it came to the end, or was `cut`.
    pub(super) async fn detailed(
        &self,
        query: &RecipientQuery,
        rows: Vec<ExchangeRow>,
        cut: impl Fn() -> bool,
    ) -> Result<(Vec<ExchangeRow>, bool), EngineError> {
        let needed: BTreeSet<Detail> = rows.iter().flat_map(|row| details_of(&row.half.type_details)).copied().collect();
        let mut completing = Completing::of(rows);
        for detail in needed {
            if !self.complete_by(detail, query, &mut completing, &cut).await? {
                return Ok((Vec::new(), false));
            }
        }
        Ok((completing.end(), true))
    }

    pub(super) async fn record_rows(&mut self, rows: Vec<ExchangeRow>) -> Result<(), EngineError> {
        let mut seen: BTreeMap<Anchor, Seen> = BTreeMap::new();
        for row in rows {
            if let Some(anchor) = row.identity() {
                seen.entry(anchor).or_default().exchange = Some(row.half);
            }
        }
        self.record(seen).await
    }
}

/// Rows that are being completed.
struct Completing {
    rows: Vec<ExchangeRow>,
    places: BTreeMap<Uuid, usize>,
    /// Which cmdlets have answered for which row.
    answered: BTreeSet<(usize, Detail)>,
}

impl Completing {
    fn of(rows: Vec<ExchangeRow>) -> Self {
        let places = rows.iter().enumerate().map(|(place, row)| (row.half.guid, place)).collect();
        Self { rows, places, answered: BTreeSet::new() }
    }

    /// The rows, each with whether it is complete. A controller that lags, or an object that moved between two pages, leaves an answer
    /// out: what it says is not known then, and is not blank.
    fn end(mut self) -> Vec<ExchangeRow> {
        for (place, row) in self.rows.iter_mut().enumerate() {
            row.half.detailed = needed_of(&row.half.type_details).iter().all(|detail| self.answered.contains(&(place, *detail)));
        }
        self.rows
    }

    /// Adds what a cmdlet says of one of them; of others it says nothing that was asked.
    fn take(&mut self, detail: Detail, answer: &DetailRow) {
        let Some(place) = self.places.get(&answer.guid).copied() else { return };
        if let Some(row) = self.rows.get_mut(place)
            && details_of(&row.half.type_details).contains(&detail)
        {
            self.answered.insert((place, detail));
            complete(&mut row.half, answer);
        }
    }
}

/// Which of them must have answered. `Get-Mailbox` knows nothing of mailboxes that are elsewhere (`Remote…`), and of some that Exchange
/// keeps for itself.
fn needed_of(type_details: &str) -> &'static [Detail] {
    let all = details_of(type_details);
    match type_details {
        "UserMailbox" | "SharedMailbox" | "RoomMailbox" | "EquipmentMailbox" => all,
        _ if all.contains(&Detail::Mailbox) => &[Detail::User],
        _ => all,
    }
}

/// The detail cmdlets of a kind of recipient (MICROSOFT.md 3.3).
fn details_of(type_details: &str) -> &'static [Detail] {
    match Kind::from_type_details(type_details) {
        Kind::User | Kind::Shared | Kind::Room | Kind::Equipment => &[Detail::User, Detail::Mailbox],
        Kind::MailUser | Kind::Guest => &[Detail::User],
        Kind::Contact => &[Detail::Contact, Detail::MailContact],
        Kind::DistributionGroup if type_details == "DynamicDistributionGroup" => &[Detail::DynamicGroup],
        Kind::DistributionGroup => &[Detail::DistributionGroup],
        Kind::Microsoft365Group => &[Detail::UnifiedGroup],
        Kind::Other => &[],
    }
}

/// Adds what a detail cmdlet says to a row.
fn complete(half: &mut ExchangeHalf, detail: &DetailRow) {
    half.values = half.values.with_all(detail.values.iter().map(|(field, value)| (*field, value.as_deref())));
    if let Some(dn) = &detail.legacy_exchange_dn {
        half.legacy_exchange_dn = Some(dn.clone());
    }
    if let Some(only) = detail.authenticated_senders_only {
        half.authenticated_senders_only = only;
    }
    if let Some(manager) = &detail.manager_name {
        half.manager_name = Some(manager.clone());
    }
}
