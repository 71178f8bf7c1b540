//! One tenant of Microsoft 365, behind the engine's ports.

use std::sync::Arc;

use async_trait::async_trait;
use engine::ports::{
    AcceptedDomain, ChangePage, Clock, ContactChange, ContactWriter, CreatedContact, Detail, DetailRow, DirectoryReader, DynamicGroup,
    ExchangePage, ExchangeRow, GraphCursor, NewContact, Prover, ReadError, RecipientQuery, Signer, TenantError, WriteError,
};
use gal::Anchor;
use gal::reading::Collection;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::budget::Budget;
use crate::entra::{Resource, Tokens};
use crate::exchange::{Exchange, Routes};
use crate::graph::Graph;
use crate::hosts::Hosts;
use crate::ids::Ids;
use crate::observer::Observer;
use crate::pace::Pace;
use crate::resource::Service;
use crate::retry::Patience;
use crate::transport::Transport;
use crate::wire::{TenantLabel, Wire};

/// Requests to Graph that may be in flight for a tenant. The engine reads page by page; this is a bound, not a goal.
const GRAPH_PLACES: usize = 4;

/// What is known of a tenant from the profile.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its short name, for messages.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// The application's client id there.
    pub app_id: Uuid,
    /// Where it is.
    pub hosts: Hosts,
    /// Since when the certificate is in use, if that is known. A certificate younger than an hour that the token endpoint
    /// does not know yet (700027) is tried three times more, 10 s apart; any other is an error at once.
    pub certificate_since: Option<Timestamp>,
    /// How long one call may try.
    pub patience: Patience,
    /// Which cmdlet is sent where.
    pub routes: Routes,
}

impl Settings {
    /// With everything else as usual.
    pub fn new(name: impl Into<String>, id: Uuid, app_id: Uuid, hosts: Hosts) -> Self {
        Self { name: name.into(), id, app_id, hosts, certificate_since: None, patience: Patience::default(), routes: Routes::default() }
    }
}

/// What a tenant is reached with.
#[derive(Clone)]
pub struct Parts {
    /// The network, or the simulator.
    pub transport: Transport,
    /// Signs for the application.
    pub signer: Arc<dyn Signer>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids and jitter.
    pub ids: Arc<dyn Ids>,
    /// Exchange requests in flight: clone the same one into every client of the tenant in this process.
    pub budget: Budget,
    /// Is told of every exchange.
    pub observer: Option<Arc<dyn Observer>>,
}

/// One tenant: reads its address list and writes its mail contacts.
pub struct Tenant365 {
    tokens: Arc<Tokens>,
    graph: Graph,
    exchange: Exchange,
}

impl Tenant365 {
    /// A tenant. Nothing is sent yet.
    pub fn new(settings: Settings, parts: Parts) -> Self {
        let Settings { name, id, app_id, hosts, certificate_since, patience, routes } = settings;
        let Parts { transport, signer, clock, ids, budget, observer } = parts;
        let wire = Arc::new(Wire { label: TenantLabel { name, id }, transport, clock: clock.clone(), ids, observer });
        let tokens = Arc::new(Tokens::new(wire.clone(), hosts.clone(), app_id, signer, patience, certificate_since));
        let service = |resource, budget| Service::new(wire.clone(), tokens.clone(), resource, Pace::new(clock.clone(), budget));
        Self {
            tokens: tokens.clone(),
            graph: Graph::new(service(Resource::Graph, Budget::new(GRAPH_PLACES)), hosts.graph, patience),
            exchange: Exchange::new(service(Resource::Exchange, budget), hosts.exchange, patience, routes),
        }
    }

    /// Adds a certificate (DER) to the application with this object id, proven by a key that is registered and valid now, and
    /// answers the id of the new key. The token endpoint knows it after seconds to minutes (MICROSOFT.md 12).
    ///
    /// # Errors
    /// `Configuration` where the proof is refused; after `Transient` the key may be there all the same.
    pub async fn add_key(&self, object: Uuid, certificate: &[u8], prover: &dyn Prover) -> Result<Uuid, TenantError> {
        self.graph.add_key(object, certificate, prover).await
    }

    /// Removes a key of the application; one that is not there any more is removed.
    ///
    /// # Errors
    /// As for [`Tenant365::add_key`].
    pub async fn remove_key(&self, object: Uuid, key: Uuid, prover: &dyn Prover) -> Result<(), TenantError> {
        self.graph.remove_key(object, key, prover).await
    }

    /// Resource units of Graph used so far by this client (MICROSOFT.md 7).
    pub fn graph_units(&self) -> u64 {
        self.graph.units()
    }
}

#[async_trait]
impl DirectoryReader for Tenant365 {
    async fn changes(&self, collection: Collection, cursor: &GraphCursor) -> Result<ChangePage, ReadError> {
        self.graph.changes(collection, cursor).await
    }

    async fn recipients(&self, query: &RecipientQuery, next: Option<&str>) -> Result<ExchangePage<ExchangeRow>, ReadError> {
        self.exchange.recipients(query, next).await
    }

    async fn details(&self, detail: Detail, query: &RecipientQuery, next: Option<&str>) -> Result<ExchangePage<DetailRow>, ReadError> {
        self.exchange.details(detail, query, next).await
    }

    async fn accepted_domains(&self) -> Result<Vec<AcceptedDomain>, ReadError> {
        self.exchange.accepted_domains().await
    }

    async fn transitive_members(&self, group: Anchor) -> Result<Vec<Anchor>, ReadError> {
        self.graph.transitive_members(group).await
    }

    async fn groups_of(&self, contact: Anchor) -> Result<Vec<String>, ReadError> {
        self.graph.groups_of(contact).await
    }

    async fn dynamic_groups(&self) -> Result<Vec<DynamicGroup>, ReadError> {
        self.exchange.dynamic_groups().await
    }

    async fn roles(&self) -> Result<Vec<String>, TenantError> {
        let mut roles = self.graph.roles().await?;
        roles.extend(self.exchange.roles().await?);
        roles.sort_unstable();
        roles.dedup();
        Ok(roles)
    }
}

#[async_trait]
impl ContactWriter for Tenant365 {
    async fn create(&self, contact: &NewContact) -> Result<CreatedContact, WriteError> {
        self.exchange.create(contact).await
    }

    async fn change(&self, contact: Uuid, change: &ContactChange) -> Result<(), WriteError> {
        self.exchange.change(contact, change).await
    }

    async fn remove(&self, contact: Uuid) -> Result<(), WriteError> {
        self.exchange.remove(contact).await
    }

    async fn change_guest(&self, guest: Uuid, change: &ContactChange) -> Result<(), WriteError> {
        self.exchange.change_guest(guest, change).await
    }

    fn concurrency(&self) -> usize {
        self.exchange.concurrency()
    }

    fn clock_skew(&self) -> SignedDuration {
        self.tokens.skew()
    }
}
