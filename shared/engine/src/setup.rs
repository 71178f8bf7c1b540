//! What a pair is made of, as the engine needs it: from the profile, once, at the start.

use std::collections::BTreeSet;
use std::sync::Arc;

use gal::field::FieldSet;
use gal::policy::{PairPolicy, TenantFacts};
use gal::{Anchor, Entry, Field, Origin, Recipient, Side, Sides};

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
    /// Whether it is the pair that publishes the static contacts of a tenant, if there are any.
    pub homes: Sides<bool>,
    /// A fingerprint of everything that decides who is published and what, per publishing side.
    pub settings: Sides<u64>,
}

impl PairSetup {
    /// The fingerprint of what decides who is published into a side, and what of them.
    pub fn settings_into(&self, side: Side) -> u64 {
        *self.settings.get(side.other())
    }

    /// The fields that are published into a side.
    pub fn published_into(&self, side: Side) -> FieldSet {
        self.policy.publishing.get(side.other()).mapping.fields()
    }

    /// What stamps of an origin say.
    pub fn origin_tenant(&self, origin: Origin) -> &str {
        origin.source_side().map_or("static", |side| &self.tenants.get(side).id)
    }

    /// The static contacts published on a side that have one of these addresses.
    pub fn statics_with(&self, side: Side, addresses: &BTreeSet<String>) -> Vec<Anchor> {
        let published = self.statics.iter().filter(|(target, _)| *target == side).map(|(_, recipient)| recipient);
        let waits = published.filter(|recipient| recipient.addresses.iter().any(|address| addresses.contains(address)));
        waits.map(|recipient| recipient.anchor).collect()
    }

    /// The static contacts as the world takes them.
    pub fn static_entries(&self) -> impl Iterator<Item = (Origin, Entry)> {
        self.statics.iter().map(|(side, recipient)| (Origin::static_on(*side), Entry::new(recipient.clone())))
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
        let mut home: BTreeSet<&str> = BTreeSet::new();
        let pairs = profile.pairs.iter().filter_map(|pair| {
            let tenants = Sides { a: tenant(&pair.a)?, b: tenant(&pair.b)? };
            // A tenant's static contacts are published by the first pair that has it.
            let homes = Sides::from_fn(|side| home.insert(pair.tenant(side)));
            let statics: Vec<(Side, Recipient)> = Side::BOTH
                .into_iter()
                .filter(|side| *homes.get(*side))
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
            Some(PairSetup { name: pair.name(), policy: pair.policy(), tenants, settings: Sides::from_fn(settings), statics, homes })
        });
        let pairs = pairs.collect();
        Self { client: profile.client.clone(), tenants: profile.tenants.keys().filter_map(|name| tenant(name)).collect(), pairs }
    }
}
