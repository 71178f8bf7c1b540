//! Open searches: the pages after the first. MICROSOFT.md section 4.2.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use uuid::Uuid;

use super::columns::Column;
use crate::clock::later;
use crate::entra::access_token::TokenKey;

/// How long a nextLink is good for.
const VALID: Duration = Duration::from_mins(5);

/// A search whose pages are being fetched.
pub(crate) struct Search {
    pub(crate) anchors: Vec<Uuid>,
    pub(crate) columns: Vec<Column>,
    pub(crate) page: usize,
    /// The body of the first request; every page must come with the same.
    pub(crate) body: serde_json::Value,
    pub(crate) as_of_lag: Duration,
    /// Warning of the last page.
    pub(crate) truncated: bool,
    until: Timestamp,
}

impl Search {
    pub(crate) fn new(anchors: Vec<Uuid>, columns: Vec<Column>, page: usize, body: serde_json::Value) -> Search {
        let until = Timestamp::UNIX_EPOCH;
        Search { anchors, columns, page, body, as_of_lag: Duration::ZERO, truncated: false, until }
    }
}

/// The open searches of a tenant.
#[derive(Default)]
pub(crate) struct Searches {
    open: BTreeMap<u64, Search>,
    next: u64,
}

impl Searches {
    /// Keeps a search open.
    pub(crate) fn keep(&mut self, mut search: Search, now: Timestamp) -> u64 {
        self.open.retain(|_, other| other.until > now);
        self.next += 1;
        search.until = later(now, VALID);
        self.open.insert(self.next, search);
        self.next
    }

    /// The search a token belongs to, and the row to go on at; none if the token is not valid any more.
    pub(crate) fn find(&mut self, key: &TokenKey, token: &str, now: Timestamp) -> Option<(u64, usize)> {
        let payload = URL_SAFE_NO_PAD.decode(key.open(token)?).ok()?;
        let text = String::from_utf8(payload).ok()?;
        let mut numbers = text.split('.').map(str::parse::<u64>);
        let (id, offset, until) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
        let valid = u64::try_from(now.as_millisecond()).unwrap_or(0) < until;
        (valid && self.open.contains_key(&id)).then_some((id, usize::try_from(offset).unwrap_or(0)))
    }

    /// A search by its number.
    pub(crate) fn get(&self, id: u64) -> Option<&Search> {
        self.open.get(&id)
    }

    /// A token for the page that begins at `offset`, valid from now.
    pub(crate) fn token(&mut self, key: &TokenKey, id: u64, offset: usize, now: Timestamp) -> String {
        let until = later(now, VALID);
        if let Some(search) = self.open.get_mut(&id) {
            search.until = search.until.max(until);
        }
        key.seal(&URL_SAFE_NO_PAD.encode(format!("{id}.{offset}.{}", until.as_millisecond())))
    }
}
