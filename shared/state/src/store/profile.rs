//! `PROFILE`: the client's profile and its history; `INSTALLATION`: the stack's id.
//!
//! The text stands in `CURRENT` too, so that reading it is one request.

use std::collections::BTreeMap;

use engine::ports::{StoreError, Versioned};
use jiff::Timestamp;

use super::StateStore;
use crate::body::{self, BODY};
use crate::item::{self, BY, Item, VERSION};
use crate::keys::{self, Key};
use crate::table::{BatchWrite, Condition, Group, Partition, Range, Written, text};

/// The installation's id.
pub(crate) const ID: &str = "id";

/// When a version was stored.
const AT: &str = "at";
/// Versions of the profile that are kept.
const KEPT: u64 = 20;

/// A version of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileVersion {
    /// Its number, from 1.
    pub version: u64,
    /// The text.
    pub text: String,
    /// When it was stored, if that is known.
    pub at: Option<Timestamp>,
}

impl StateStore {
    /// Stores a profile as the next version if the current one is still `expected` (0: none), and forgets the one of twenty
    /// versions ago. Answers the new version.
    ///
    /// # Errors
    /// `Conflict` if somebody else stored one in the meantime; `Unavailable`, `NewerSchema`.
    pub async fn push_profile(&self, text: &str, expected: u64, at: Timestamp) -> Result<u64, StoreError> {
        let version = self.write_profile(text, expected, Some(at)).await?;
        if version > KEPT {
            let old = BTreeMap::from([(keys::profile_version(version - KEPT), BatchWrite::Delete)]);
            self.table.batch_write(old, "forgetting an old profile").await?;
        }
        Ok(version)
    }

    /// The versions that are kept, the newest first.
    ///
    /// # Errors
    /// `Unavailable`, `NewerSchema`, `Corrupt`.
    pub async fn profile_versions(&self) -> Result<Vec<ProfileVersion>, StoreError> {
        let partition = Partition {
            pk: keys::profile_current().pk,
            range: Range::Begins("V#".to_owned()),
            descending: true,
            limit: usize::try_from(KEPT).ok(),
        };
        let mut versions = Vec::new();
        for found in self.table.query(&partition, "reading the versions of the profile").await? {
            let key = item::key_of(&found)?;
            let text = body::unpack(&found, &key)?.ok_or_else(|| item::corrupt(&key, "it has no body"))?.into_owned();
            let at = item::get_text(&found, AT, &key)?.and_then(|at| at.parse().ok());
            versions.push(ProfileVersion { version: item::version(&found, &key)?, text, at });
        }
        Ok(versions)
    }

    pub(super) async fn read_profile(&self) -> Result<Option<Versioned<String>>, StoreError> {
        let key = keys::profile_current();
        let Some(found) = self.table.get(&key, "reading the profile").await? else { return Ok(None) };
        item::check_schema(&found, &key)?;
        let text = body::unpack(&found, &key)?.ok_or_else(|| item::corrupt(&key, "it has no body"))?;
        Ok(Some(Versioned { version: item::version(&found, &key)?, item: text.into_owned() }))
    }

    pub(super) async fn write_profile(&self, profile: &str, expected: u64, at: Option<Timestamp>) -> Result<u64, StoreError> {
        let version = expected + 1;
        let mark = self.table.mark();
        let make = |key: &Key| -> Item {
            let mut stored = item::new(key);
            stored.insert(BODY.to_owned(), body::pack(profile.to_owned()));
            stored.insert(VERSION.to_owned(), item::number(version));
            stored.extend(at.map(|at| (AT.to_owned(), text(at.to_string()))));
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
