//! `PROFILE`: the client's profile and its history; `INSTALLATION`: the stack's id.
//!
//! The text stands in `CURRENT` too, so that reading it is one request.

use engine::ports::{StoreError, Versioned};

use super::StateStore;
use crate::body::{self, BODY};
use crate::item::{self, BY, Item, VERSION};
use crate::keys::{self, Key};
use crate::table::{Condition, Group, Written, text};

/// The installation's id.
pub(crate) const ID: &str = "id";

impl StateStore {
    pub(super) async fn read_profile(&self) -> Result<Option<Versioned<String>>, StoreError> {
        let key = keys::profile_current();
        let Some(found) = self.table.get(&key, "reading the profile").await? else { return Ok(None) };
        item::check_schema(&found, &key)?;
        let text = body::unpack(&found, &key)?.ok_or_else(|| item::corrupt(&key, "it has no body"))?;
        Ok(Some(Versioned { version: item::version(&found, &key)?, item: text.into_owned() }))
    }

    pub(super) async fn write_profile(&self, profile: &str, expected: u64) -> Result<u64, StoreError> {
        let version = expected + 1;
        let mark = self.table.mark();
        let make = |key: &Key| -> Item {
            let mut stored = item::new(key);
            stored.insert(BODY.to_owned(), body::pack(profile.to_owned()));
            stored.insert(VERSION.to_owned(), item::number(version));
            stored.extend(mark.as_ref().map(|mark| (BY.to_owned(), text(mark))));
            stored
        };
        let current = (make(&keys::profile_current()), Condition::expected((expected > 0).then_some(expected)));
        let history = (make(&keys::profile_version(version)), Some(Condition::absent()));
        let written = self.table.put_group(Group { first: current, others: vec![history] }, "saving the profile").await?;
        if written.succeeded(mark.as_deref())? {
            return Ok(version);
        }
        Err(StoreError::Conflict { item: "the profile".to_owned() })
    }

    pub(super) async fn read_or_make_installation(&self, make: &str) -> Result<String, StoreError> {
        let key = keys::installation();
        let doing = "reading the installation's id";
        if let Some(found) = self.table.get(&key, doing).await? {
            return self.installation_id(&found, &key);
        }
        let mut stored = item::new(&key);
        stored.insert(ID.to_owned(), text(make));
        match self.table.put(stored, Condition::absent(), "making the installation's id").await? {
            Written::Done => Ok(make.to_owned()),
            Written::Refused(Some(found)) => self.installation_id(&found, &key),
            Written::Refused(None) => {
                let found = self.table.get(&key, doing).await?.unwrap_or_default();
                self.installation_id(&found, &key)
            }
        }
    }

    fn installation_id(&self, found: &Item, key: &Key) -> Result<String, StoreError> {
        item::check_schema(found, key)?;
        if found.contains_key(crate::transfer::IMPORTING) {
            return Err(crate::transfer::unfinished(&self.table));
        }
        item::get_text(found, ID, key)?.map(str::to_owned).ok_or_else(|| item::corrupt(key, "it has no id"))
    }
}
