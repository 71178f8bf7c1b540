//! The replica: the last seen state of one recipient of one side.

use gal::reading::Reading;
use gal::recipient::Presence;
use gal::{Anchor, Field, LinkKey, Recipient};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A recipient as it was last seen, with its bookkeeping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// The recipient's immutable id.
    pub anchor: Anchor,
    /// What the services said of it.
    pub reading: Reading,
    /// Whether it still exists.
    #[serde(default)]
    pub presence: Presence,
    /// The link whose contact it is, if any. A source finds its link by its own key.
    #[serde(default)]
    pub linked_to: Option<LinkKey>,
    /// Counts the changes; conditional writes and the agenda compare it.
    pub version: u64,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When galbridge last wrote the object. Readings that may not show the write yet are not believed.
    #[serde(default)]
    pub written_at: Option<Timestamp>,
}

impl Replica {
    /// A recipient of whom nothing is known but that it existed, and is gone.
    pub fn gone(anchor: Anchor, now: Timestamp) -> Self {
        Self {
            anchor,
            reading: Reading::default(),
            presence: Presence::Gone(now),
            linked_to: None,
            version: 1,
            first_seen: now,
            written_at: None,
        }
    }

    /// The recipient, composed from both halves.
    pub fn recipient(&self, stamp_attribute: Field) -> Recipient {
        self.reading.recipient(self.anchor, stamp_attribute, self.presence)
    }

    /// The keys under which the holder index finds it: addresses, Name, stamp origin and manager.
    pub fn holder_keys(&self, stamp_attribute: Field) -> Vec<String> {
        let recipient = self.recipient(stamp_attribute);
        let mut keys = recipient.addresses.clone();
        if !recipient.name.is_empty() {
            keys.push(format!("name:{}", recipient.name.to_lowercase()));
        }
        if let Some(stamp) = recipient.mark.stamp() {
            keys.push(gal::Stamp::holder_key(&stamp.origin_tenant, stamp.anchor));
        }
        if let Some(manager) = &recipient.manager_name {
            keys.push(manager_key(manager));
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// The key by which the holder index finds the reports of whoever has this Name.
pub(crate) fn manager_key(name: &str) -> String {
    format!("manager:{}", name.to_lowercase())
}
