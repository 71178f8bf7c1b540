//! Static contacts as the core sees them.

use gal::recipient::Presence;
use gal::stamp::Mark;
use gal::{Anchor, Field, Kind, Recipient};
use sha2::{Digest, Sha256};
use uuid::Builder;

use crate::model::StaticContact;

impl StaticContact {
    /// Its anchor: computed from the key, so the same in every installation and at every reading.
    pub fn anchor(&self) -> Anchor {
        let digest = Sha256::digest(format!("galbridge static contact/{}", self.key));
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest.iter()).for_each(|(byte, from)| *byte = *from);
        // Version 8: an id of one's own making (RFC 9562).
        Anchor(Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The contact as a source: a mail contact that is complete, shown and nobody's copy.
    pub fn recipient(&self) -> Recipient {
        Recipient {
            anchor: self.anchor(),
            guid: None,
            kind: Kind::Contact,
            name: self.key.clone(),
            values: self.values.with(Field::ExternalEmailAddress, Some(&self.address)),
            addresses: vec![self.address.clone()],
            primary: Some(self.address.clone()),
            x500: Vec::new(),
            legacy_exchange_dn: None,
            hidden: false,
            enabled: None,
            directory_synced: false,
            external_identity: false,
            authenticated_senders_only: false,
            mark: Mark::None,
            manager_name: None,
            when_changed: None,
            exchange: true,
            complete: true,
            presence: Presence::Present,
        }
    }
}
