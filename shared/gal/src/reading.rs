//! What the two services said of a recipient, before it is composed into one [`Recipient`].
//!
//! Reading is hybrid (DESIGN.md "Reading is hybrid"; MICROSOFT.md 3): Graph delta is the change
//! signal, gives deletions, and the attributes of users; Exchange gives what Graph cannot. Each
//! attribute has one source, so that two services which lag behind each other never make a value
//! flap: **users' text attributes come from Graph, everything of contacts and groups from
//! Exchange, and what only Exchange has comes from Exchange.**

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::field::{Field, FieldSet};
use crate::normalise;
use crate::recipient::{Anchor, Kind, Presence, Recipient};
use crate::stamp::Mark;
use crate::values::Values;

/// Which Graph collection an object was seen in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Collection {
    /// `/users`
    Users,
    /// `/contacts` (orgContact)
    Contacts,
    /// `/groups`
    Groups,
}

impl Collection {
    /// All collections, in the order they are read.
    pub const ALL: [Self; 3] = [Self::Users, Self::Contacts, Self::Groups];

    /// The path segment.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Contacts => "contacts",
            Self::Groups => "groups",
        }
    }
}

/// What Graph said of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphHalf {
    /// The collection it is in.
    pub collection: Collection,
    /// Attribute values (users only; blank for others).
    #[serde(default)]
    pub values: Values,
    /// `accountEnabled`.
    #[serde(default)]
    pub account_enabled: Option<bool>,
    /// `userPrincipalName`.
    #[serde(default)]
    pub user_principal_name: Option<String>,
    /// `userType`: `Member` or `Guest`.
    #[serde(default)]
    pub user_type: Option<String>,
    /// `creationType`: `Invitation` for B2B identities, null for the tenant's own people.
    #[serde(default)]
    pub creation_type: Option<String>,
    /// `onPremisesSyncEnabled`.
    #[serde(default)]
    pub on_premises_sync: Option<bool>,
    /// `mail`.
    #[serde(default)]
    pub mail: Option<String>,
}

impl GraphHalf {
    /// A half of which nothing is known yet.
    pub fn new(collection: Collection) -> Self {
        Self {
            collection,
            values: Values::default(),
            account_enabled: None,
            user_principal_name: None,
            user_type: None,
            creation_type: None,
            on_premises_sync: None,
            mail: None,
        }
    }
}

/// What Exchange said of an object: a row of `Get-Recipient`, completed by the detail cmdlets.
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own on the wire")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeHalf {
    /// `Guid`.
    pub guid: Uuid,
    /// `Name`.
    pub name: String,
    /// `RecipientTypeDetails`, as sent.
    pub type_details: String,
    /// Attribute values, from the row and the details.
    pub values: Values,
    /// `EmailAddresses`, as sent, with prefixes (`SMTP:`, `smtp:`, `X500:` …).
    pub email_addresses: Vec<String>,
    /// `PrimarySmtpAddress`, as sent.
    #[serde(default)]
    pub primary_smtp_address: Option<String>,
    /// `ExternalEmailAddress`, as sent.
    #[serde(default)]
    pub external_email_address: Option<String>,
    /// `HiddenFromAddressListsEnabled`.
    pub hidden: bool,
    /// `IsDirSynced`.
    #[serde(default)]
    pub directory_synced: bool,
    /// `Manager`, by Name.
    #[serde(default)]
    pub manager_name: Option<String>,
    /// `LegacyExchangeDN`, from the details.
    #[serde(default)]
    pub legacy_exchange_dn: Option<String>,
    /// `RequireSenderAuthenticationEnabled`, from the details.
    #[serde(default)]
    pub authenticated_senders_only: bool,
    /// Whether the detail cmdlets have been read for this state of the object.
    #[serde(default)]
    pub detailed: bool,
    /// `WhenChangedUTC`.
    pub when_changed: Timestamp,
    /// `WhenCreatedUTC`.
    pub when_created: Timestamp,
}

impl ExchangeHalf {
    /// Without the attributes that Graph tells of this kind: each has one source, and is kept once.
    #[must_use]
    pub fn without_graphs(mut self) -> Self {
        if needs_graph(Kind::from_type_details(&self.type_details)) {
            let from_graph = graph_fields();
            self.values = self.values.iter().filter(|(field, _)| !from_graph.contains(*field)).collect();
        }
        self
    }
}

/// Both halves, as far as they have been read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Graph's half.
    #[serde(default)]
    pub graph: Option<GraphHalf>,
    /// Exchange's half.
    #[serde(default)]
    pub exchange: Option<ExchangeHalf>,
}

/// The fields that Graph is asked for, for users.
pub fn graph_fields() -> FieldSet {
    Field::all().filter(|field| field.row().graph.is_some() && !is_custom_attribute(*field)).collect()
}

/// Custom attributes are read from Exchange for all kinds: that is where they are written.
fn is_custom_attribute(field: Field) -> bool {
    (Field::CustomAttribute1..=Field::CustomAttribute15).contains(&field)
}

impl Reading {
    /// Composes the recipient. `stamp_attribute` is the tenant's; its value becomes the mark and is no value.
    pub fn recipient(&self, anchor: Anchor, stamp_attribute: Field, presence: Presence) -> Recipient {
        let exchange = self.exchange.as_ref();
        let kind = self.kind();
        let (addresses, mut x500) = addresses(exchange, self.graph.as_ref());
        let legacy_exchange_dn = exchange.and_then(|half| half.legacy_exchange_dn.clone()).filter(|dn| !dn.is_empty());
        if let Some(dn) = &legacy_exchange_dn
            && !x500.iter().any(|held| held.eq_ignore_ascii_case(dn))
        {
            x500.push(dn.clone());
        }
        let mark = exchange.and_then(|half| half.values.get(stamp_attribute)).map_or(Mark::None, Mark::parse);
        Recipient {
            anchor,
            guid: exchange.map(|half| half.guid),
            kind,
            name: exchange.map(|half| half.name.clone()).unwrap_or_default(),
            values: self.values(kind, stamp_attribute),
            addresses,
            primary: self.primary(kind),
            x500,
            legacy_exchange_dn,
            hidden: exchange.is_some_and(|half| half.hidden),
            enabled: self.graph.as_ref().and_then(|half| half.account_enabled),
            directory_synced: exchange.is_some_and(|half| half.directory_synced)
                || self.graph.as_ref().and_then(|half| half.on_premises_sync).unwrap_or(false),
            external_identity: self.external_identity(kind),
            authenticated_senders_only: exchange.is_some_and(|half| half.authenticated_senders_only),
            mark,
            manager_name: exchange.and_then(|half| half.manager_name.clone()).filter(|name| !name.is_empty()),
            when_changed: exchange.map(|half| half.when_changed),
            exchange: exchange.is_some(),
            complete: exchange.is_some_and(|half| half.detailed) && (self.graph.is_some() || !needs_graph(kind)),
            presence,
        }
    }

    fn kind(&self) -> Kind {
        match (&self.exchange, &self.graph) {
            (Some(exchange), _) => Kind::from_type_details(&exchange.type_details),
            (None, Some(graph)) => match graph.collection {
                Collection::Users if graph.user_type.as_deref() == Some("Guest") => Kind::Guest,
                Collection::Users => Kind::User,
                Collection::Contacts => Kind::Contact,
                Collection::Groups => Kind::DistributionGroup,
            },
            (None, None) => Kind::Other,
        }
    }

    fn values(&self, kind: Kind, stamp_attribute: Field) -> Values {
        let from_graph = graph_fields();
        let graph = self.graph.as_ref().filter(|_| needs_graph(kind));
        let exchange = self.exchange.iter().flat_map(|half| half.values.iter());
        let exchange = exchange.filter(|(field, _)| graph.is_none() || !from_graph.contains(*field));
        let graph = graph.into_iter().flat_map(|half| half.values.iter()).filter(|(field, _)| from_graph.contains(*field));
        exchange
            .chain(graph)
            .filter(|(field, _)| *field != stamp_attribute && *field != Field::Manager)
            .map(|(field, value)| (field, normalise::shown(field, value).into_owned()))
            .chain(self.primary(kind).map(|address| (Field::ExternalEmailAddress, address)))
            .collect()
    }

    /// Where mail to this recipient goes: a contact's external address, anybody else's primary one.
    fn primary(&self, kind: Kind) -> Option<String> {
        let exchange = self.exchange.as_ref();
        let address = match kind {
            Kind::Contact | Kind::MailUser | Kind::Guest => {
                exchange.and_then(|half| half.external_email_address.as_deref().or(half.primary_smtp_address.as_deref()))
            }
            Kind::User | Kind::Shared | Kind::Room | Kind::Equipment | Kind::DistributionGroup | Kind::Microsoft365Group | Kind::Other => {
                exchange.and_then(|half| half.primary_smtp_address.as_deref())
            }
        };
        let address = address.filter(|address| !address.is_empty()).or_else(|| self.graph.as_ref().and_then(|half| half.mail.as_deref()));
        address.map(normalise::address).filter(|address| address.contains('@'))
    }

    fn external_identity(&self, kind: Kind) -> bool {
        kind == Kind::Guest
            || self.graph.as_ref().is_some_and(|half| {
                half.user_type.as_deref() == Some("Guest")
                    || half.user_principal_name.as_deref().is_some_and(|name| name.to_ascii_uppercase().contains("#EXT#"))
                    || half.creation_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("Invitation"))
            })
    }
}

/// Kinds that stand for an account: Graph says whether it is enabled and whose it is.
fn needs_graph(kind: Kind) -> bool {
    match kind {
        Kind::User | Kind::Shared | Kind::Room | Kind::Equipment | Kind::MailUser | Kind::Guest => true,
        Kind::Contact | Kind::DistributionGroup | Kind::Microsoft365Group | Kind::Other => false,
    }
}

/// SMTP addresses (lower case, no prefix, sorted) and X.500 addresses of an object.
fn addresses(exchange: Option<&ExchangeHalf>, graph: Option<&GraphHalf>) -> (Vec<String>, Vec<String>) {
    let mut smtp = Vec::new();
    let mut x500 = Vec::new();
    for proxy in exchange.iter().flat_map(|half| &half.email_addresses) {
        match proxy.split_once(':') {
            Some((prefix, address)) if prefix.eq_ignore_ascii_case("smtp") => smtp.push(address.to_lowercase()),
            Some((prefix, address)) if prefix.eq_ignore_ascii_case("x500") => x500.push(address.to_owned()),
            // SIP, SPO, EUM and what else there is: neither mail nor a reply address.
            Some(_) => {}
            None => smtp.push(proxy.to_lowercase()),
        }
    }
    let single = exchange.into_iter().flat_map(|half| [half.primary_smtp_address.as_deref(), half.external_email_address.as_deref()]);
    let single = single.chain([graph.and_then(|half| half.mail.as_deref())]).flatten();
    smtp.extend(single.map(normalise::address).filter(|address| address.contains('@')));
    smtp.sort_unstable();
    smtp.dedup();
    (smtp, x500)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cursor is stored under this word: another one would be another cursor.
    #[test]
    fn a_collections_word_is_its_path_at_graph() {
        assert_eq!(Collection::ALL.map(Collection::as_str), ["users", "contacts", "groups"]);
    }
}
