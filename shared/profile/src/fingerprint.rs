//! A fingerprint of everything that decides what one side publishes.

use gal::Side;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::{Pair, Publishing};

/// What is fingerprinted, in this order. A key added later must be left out while it has its
/// default, or every installation plans everything anew after an update.
#[derive(Serialize)]
struct Deciding<'p> {
    publishes: bool,
    scope: &'p gal::scope::ScopeSettings,
    mapping: Vec<(&'static str, &'p gal::mapping::FieldMapping)>,
    carry_x500: bool,
    guests: gal::policy::GuestPolicy,
    internal_relay: gal::policy::RelayPolicy,
}

impl Pair {
    /// The fingerprint of everything that decides who of a side is published and what of them: 32 hex digits.
    ///
    /// Stable across processes and versions. Guard, conflicts and deletions are not in it: they
    /// decide what is done, not what is wanted.
    pub fn fingerprint(&self, side: Side) -> String {
        let Publishing { scope, mapping, carry_x500, guests, internal_relay } = self.publishing.get(side);
        let deciding = Deciding {
            publishes: self.direction.publishes_from(side),
            scope,
            mapping: mapping.iter().map(|(field, say)| (field.row().key, say)).collect(),
            carry_x500: *carry_x500,
            guests: *guests,
            internal_relay: *internal_relay,
        };
        // Plain data always serializes; were it not so, the empty text would still be stable.
        let text = serde_json::to_string(&deciding).unwrap_or_default();
        hex::encode(Sha256::digest(text).iter().take(16).copied().collect::<Vec<u8>>())
    }
}
