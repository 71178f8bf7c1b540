//! `PROFILE`: the client's profile and its history; `INSTALLATION`: the stack's id.
//!
//! The text stands in `CURRENT` too, so that reading it is one request; where that item is gone or damaged, the newest version of the
//! history is the profile.

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
        let version = match self.write_profile(text, expected, Some(at)).await {
            Err(StoreError::Conflict { .. }) if self.is_lost(expected).await? => {
                self.put_version(text, expected, Some(at), Condition::absent()).await?
            }
            other => other?,
        };
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

    /// Gives the table to another installation, for as long as nothing bears its name in a tenant: the caller sees to that.
    ///
    /// # Errors
    /// `Conflict` if it is not `from`'s any more, or an import is going on; `Unavailable`.
    pub async fn rename_installation(&self, from: &str, to: &str) -> Result<(), StoreError> {
        let key = keys::installation();
        let mut stored = item::new(&key);
        stored.insert(ID.to_owned(), text(to));
        let still = Condition::new("#id = :from AND attribute_not_exists(#importing)")
            .name("#id", ID)
            .name("#importing", crate::transfer::IMPORTING)
            .value(":from", text(from));
        match self.table.put(stored, still, "giving the table to another installation").await? {
            Written::Done => Ok(()),
            Written::Refused(_) => Err(StoreError::Conflict { item: "the installation".to_owned() }),
        }
    }

    pub(super) async fn read_profile(&self) -> Result<Option<Versioned<String>>, StoreError> {
        match self.read_current().await {
            Ok(None) => Ok(self.newest().await?),
            Err(damaged @ StoreError::Corrupt { .. }) => match self.newest().await {
                Ok(Some(newest)) => Ok(Some(newest)),
                Ok(None) | Err(_) => Err(damaged),
            },
            read => read,
        }
    }

    /// The newest version of the history.
    async fn newest(&self) -> Result<Option<Versioned<String>>, StoreError> {
        let newest = self.profile_versions().await?.into_iter().next();
        Ok(newest.map(|newest| Versioned { version: newest.version, item: newest.text }))
    }

    /// Whether `CURRENT` is gone, and nobody pushed a version after `expected`.
    async fn is_lost(&self, expected: u64) -> Result<bool, StoreError> {
        let current = self.table.get(&keys::profile_current(), "looking for the profile").await?;
        Ok(current.is_none() && self.newest().await?.is_some_and(|newest| newest.version == expected))
    }

    async fn read_current(&self) -> Result<Option<Versioned<String>>, StoreError> {
        let key = keys::profile_current();
        let Some(found) = self.table.get(&key, "reading the profile").await? else { return Ok(None) };
        item::check_schema(&found, &key)?;
        let text = body::unpack(&found, &key)?.ok_or_else(|| item::corrupt(&key, "it has no body"))?;
        Ok(Some(Versioned { version: item::version(&found, &key)?, item: text.into_owned() }))
    }

    pub(super) async fn write_profile(&self, profile: &str, expected: u64, at: Option<Timestamp>) -> Result<u64, StoreError> {
        self.put_version(profile, expected, at, Condition::expected((expected > 0).then_some(expected))).await
    }

    /// Stores the version after `expected`, if `CURRENT` is as `condition` says.
    async fn put_version(&self, profile: &str, expected: u64, at: Option<Timestamp>, condition: Condition) -> Result<u64, StoreError> {
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
        let current = (make(&keys::profile_current()), condition);
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
