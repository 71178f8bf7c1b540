//! What a pair is made of, as the engine needs it: from the profile, once, at the start.

use std::sync::Arc;

use gal::policy::{PairPolicy, TenantFacts};
use gal::{Entry, Field, Origin, Recipient, Side, Sides};

use crate::ports::{ContactWriter, DirectoryReader};

/// One tenant of the profile.
#[derive(Clone, Debug)]
pub struct TenantSetup {
    /// The short name.
    pub name: String,
    /// The tenant id, a GUID in text.
    pub id: String,
    /// Where stamps stand.
    pub stamp_attribute: Field,
}

/// One pair of the profile.
#[derive(Clone, Debug)]
pub struct PairSetup {
    /// Its name, such as `contoso-fabrikam`.
    pub name: String,
    /// What the profile decides.
    pub policy: PairPolicy,
    /// The two tenants.
    pub tenants: Sides<TenantSetup>,
    /// Static contacts that this pair publishes, with the side they are published on.
    pub statics: Vec<(Side, Recipient)>,
    /// A fingerprint of everything that decides who is published and what, per publishing side.
    pub settings: Sides<u64>,
}

impl PairSetup {
    /// The fingerprint of what decides who is published into a side, and what of them.
    pub fn settings_into(&self, side: Side) -> u64 {
        *self.settings.get(side.other())
    }

    /// The static contacts as the world takes them.
    pub fn static_entries(&self) -> impl Iterator<Item = (Origin, Entry)> {
        self.statics.iter().map(|(side, recipient)| {
            let origin = match side {
                Side::A => Origin::StaticA,
                Side::B => Origin::StaticB,
            };
            (origin, Entry::new(recipient.clone()))
        })
    }
}

/// The client: all its tenants and pairs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The client's name.
    pub client: String,
    /// All tenants, in the order of their names.
    pub tenants: Vec<TenantSetup>,
    /// All pairs, in the profile's order.
    pub pairs: Vec<PairSetup>,
}

impl Setup {
    /// A tenant's facts without domains: what is known before anything was read.
    pub fn bare_facts(tenant: &TenantSetup) -> TenantFacts {
        TenantFacts { tenant_id: tenant.id.clone(), name: tenant.name.clone(), ..TenantFacts::default() }
    }
}

/// The connection to one tenant.
#[derive(Clone)]
pub struct Connection {
    /// Reads.
    pub reader: Arc<dyn DirectoryReader>,
    /// Writes.
    pub writer: Arc<dyn ContactWriter>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Connection")
    }
}

impl Setup {
    /// Everything the engine needs of a checked profile.
    pub fn of(profile: &profile::Profile) -> Self {
        let tenant = |name: &str| {
            profile.tenants.get(name).map(|tenant| TenantSetup {
                name: name.to_owned(),
                id: tenant.id.to_string(),
                stamp_attribute: tenant.stamp_attribute,
            })
        };
        let mut home: std::collections::BTreeSet<&str> = std::collections::BTreeSet::new();
        let pairs = profile.pairs.iter().filter_map(|pair| {
            let tenants = Sides { a: tenant(&pair.a)?, b: tenant(&pair.b)? };
            // A tenant's static contacts are published by the first pair that has it.
            let homes: Vec<Side> = Side::BOTH.into_iter().filter(|side| home.insert(pair.tenant(*side))).collect();
            let statics: Vec<(Side, Recipient)> = homes
                .into_iter()
                .flat_map(|side| profile.static_contacts_of(pair.tenant(side)).map(move |contact| (side, contact.recipient())))
                .collect();
            let stand = |published: Side| {
                let told = statics
                    .iter()
                    .filter(|(side, _)| *side == published.other())
                    .map(|(_, recipient)| (recipient.anchor, &recipient.values));
                format!("{:?}", told.collect::<Vec<_>>())
            };
            // A conflict that is held is looked at again under another policy.
            let settings = |side| gal::values::fingerprint(&format!("{} {:?} {}", pair.fingerprint(side), pair.conflicts, stand(side)));
            Some(PairSetup { name: pair.name(), policy: pair.policy(), tenants, settings: Sides::from_fn(settings), statics })
        });
        let pairs = pairs.collect();
        Self { client: profile.client.clone(), tenants: profile.tenants.keys().filter_map(|name| tenant(name)).collect(), pairs }
    }
}
