//! `ANSWER#id` / number: answers that were too large for one message, page by page, for a day.

use engine::ports::StoreError;
use jiff::{SignedDuration, Timestamp};

use super::StateStore;
use crate::body::{self, BODY};
use crate::item::{self, EXPIRES};
use crate::keys;

const KEPT: SignedDuration = SignedDuration::from_hours(24);

impl StateStore {
    /// Stores a page of an answer. `number` counts from 0; a page is packed, and must then be smaller than 400 KB.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn put_answer_page(&self, id: &str, number: u64, page: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut stored = item::new(&keys::answer_page(id, number));
        stored.insert(BODY.to_owned(), body::pack(page.to_owned()));
        stored.insert(EXPIRES.to_owned(), item::epoch(now + KEPT));
        self.put_unless_newer(stored, "storing a page of an answer").await
    }

    /// A page of an answer; none if it is not there, or not any more.
    ///
    /// # Errors
    /// `Unavailable`, `NewerSchema`, `Corrupt`.
    pub async fn answer_page(&self, id: &str, number: u64) -> Result<Option<String>, StoreError> {
        let key = keys::answer_page(id, number);
        let Some(found) = self.table().get(&key, "reading a page of an answer").await? else { return Ok(None) };
        item::check_schema(&found, &key)?;
        Ok(body::unpack(&found, &key)?.map(std::borrow::Cow::into_owned))
    }
}
