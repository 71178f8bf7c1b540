//! The simulator as others hold it: in process, or behind a socket.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::{SimulatorConfig, TenantInfo};
use crate::dice::Dice;
use crate::directory::admin::{self, Operation};
use crate::entra::access_token::TokenKey;
use crate::entra::certificate::Certificate;
use crate::faults::{FaultPlan, Faults};
use crate::generate;
use crate::pipeline;
use crate::reply::{Asked, Reply};
use crate::sim_api;
use crate::stats::Stats;
use crate::tenant::Tenant;
use crate::trace::Trace;

/// Everything there is of Microsoft 365. Clones share it.
#[derive(Clone)]
pub struct Simulator {
    inner: Arc<Inner>,
}

/// What all requests share.
pub(crate) struct Inner {
    pub(crate) config: SimulatorConfig,
    pub(crate) clock: Clock,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) key: TokenKey,
    trace: Option<Trace>,
    unknown: AtomicU64,
    ids: Mutex<Dice>,
}

impl Inner {
    /// The tenant that a URL segment means.
    pub(crate) fn tenant_named(&self, segment: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.is_named(segment))
    }

    /// The tenant of this short name.
    pub(crate) fn tenant(&self, name: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.info.name == name)
    }

    /// An id for a request.
    pub(crate) fn draw_uuid(&self) -> Uuid {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).uuid()
    }

    /// A request named no tenant we know.
    pub(crate) fn count_unknown(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> Stats {
        let tenants = self.tenants.iter().map(|tenant| (tenant.info.name.clone(), tenant.lock().stats.summed_up(self.config.concurrency)));
        Stats { tenants: tenants.collect(), unknown_tenant: self.unknown.load(Ordering::Relaxed) }
    }

    pub(crate) fn apply(&self, tenant: &Tenant, operations: &[Operation]) -> Result<Vec<Option<Uuid>>, String> {
        admin::apply(tenant, &self.faults, self.clock.now(), self.config.certificate_delay, operations)
    }

    /// Answers the id of the key, as a portal shows it.
    pub(crate) fn register(&self, tenant: &Tenant, pem: &str) -> Result<Uuid, String> {
        let known_from = crate::clock::later(self.clock.now(), self.config.certificate_delay);
        let mut state = tenant.lock();
        let key_id = state.ids.uuid();
        let certificate = Certificate::from_pem(pem.as_bytes(), key_id, known_from).map_err(|error| error.to_string())?;
        state.certificates.push(certificate);
        Ok(key_id)
    }
}

impl Simulator {
    /// Makes the tenants. Fails only if the trace file cannot be written.
    ///
    /// With [`crate::ClockKind::Tokio`] call it inside the runtime whose time it is to follow.
    pub fn new(config: SimulatorConfig) -> std::io::Result<Simulator> {
        let trace = config.trace.as_deref().map(Trace::create).transpose()?;
        let clock = Clock::new(config.clock, config.start);
        let tenants = generate::tenants(&config, clock.now());
        let inner = Inner {
            faults: Mutex::new(Faults::new(config.faults)),
            key: TokenKey::new(config.seed),
            trace,
            unknown: AtomicU64::new(0),
            ids: Mutex::new(Dice::new(config.seed, "requests")),
            clock,
            tenants,
            config,
        };
        Ok(Simulator { inner: Arc::new(inner) })
    }

    /// The services and `/_sim`, as a `tower::Service` over `http` types.
    pub fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(self.clone())
    }

    /// What clients must know of the tenants.
    pub fn tenants(&self) -> Vec<TenantInfo> {
        self.inner.tenants.iter().map(|tenant| tenant.info.clone()).collect()
    }

    /// The present instant of the simulator's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Moves the clock on. False on the wall clock.
    pub fn advance_clock(&self, by: Duration) -> bool {
        self.inner.clock.advance(by)
    }

    /// The GAL as its users see it, or with hidden objects if `all`. Empty for an unknown tenant.
    pub fn gal(&self, tenant: &str, all: bool) -> Vec<GalEntry> {
        self.inner.tenant(tenant).map(|tenant| sim_api::gal(tenant, all)).unwrap_or_default()
    }

    /// Does what an administrator would. All operations, or none and the reason.
    pub fn apply(&self, tenant: &str, operations: &[Operation]) -> Result<Vec<Option<Uuid>>, String> {
        let tenant = self.inner.tenant(tenant).ok_or_else(|| format!("there is no tenant {tenant}"))?;
        self.inner.apply(tenant, operations)
    }

    /// [`Simulator::apply`] with the operations as JSON.
    pub fn apply_json(&self, tenant: &str, operations: Value) -> Result<Vec<Option<Uuid>>, String> {
        let operations: Vec<Operation> = serde_json::from_value(operations).map_err(|error| error.to_string())?;
        self.apply(tenant, &operations)
    }

    /// Replaces the fault plan.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.inner.faults.lock().unwrap_or_else(PoisonError::into_inner).set(plan);
    }

    /// [`Simulator::set_faults`] with the plan as JSON.
    pub fn set_faults_json(&self, plan: Value) -> Result<(), String> {
        self.set_faults(serde_json::from_value(plan).map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Counts since the start, or since the last reset.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// Begins counting again.
    pub fn reset_stats(&self) {
        for tenant in &self.inner.tenants {
            tenant.lock().stats.reset();
        }
    }

    /// The keys of a tenant's application: their ids, and the SHA-1 thumbprints of their certificates.
    pub fn application_keys(&self, tenant: &str) -> Vec<(Uuid, String)> {
        let Some(tenant) = self.inner.tenant(tenant) else { return Vec::new() };
        tenant.lock().certificates.iter().map(|one| (one.key_id, crate::entra::certificate::hex(&one.sha1))).collect()
    }

    /// Registers a PEM certificate for one tenant's application, or for every tenant's.
    pub fn register_certificate(&self, tenant: Option<&str>, pem: &str) -> Result<(), String> {
        for known in &self.inner.tenants {
            if tenant.is_none_or(|tenant| tenant == known.info.name) {
                self.inner.register(known, pem)?;
            }
        }
        Ok(())
    }
}

/// One object of the GAL.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GalEntry {
    /// Its immutable id.
    pub anchor: Uuid,
    /// `user`, `contact`, …
    pub kind: String,
    /// Who made it.
    pub made_by: crate::directory::entry::MadeBy,
    /// Whether it is hidden from address lists.
    pub hidden: bool,
    /// Its properties by Exchange's names.
    pub properties: BTreeMap<String, Value>,
}

/// Every request: read whole, then worked on by a task of its own, so that a caller who leaves undoes nothing.
async fn handle(State(simulator): State<Simulator>, request: Request) -> Response<Body> {
    let task = tokio::spawn(async move { answer(simulator.inner, request).await });
    match task.await {
        Ok(reply) => reply.into_response(),
        Err(_) => Reply::empty(500).into_response(),
    }
}

async fn answer(inner: Arc<Inner>, request: Request) -> Reply {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Reply::empty(400);
    };
    inner.clock.tick();
    let scheme = parts.uri.scheme_str().unwrap_or(if inner.config.https { "https" } else { "http" }).to_owned();
    let authority = match parts.uri.authority() {
        Some(authority) => authority.to_string(),
        None => parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost").to_owned(),
    };
    let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host).to_ascii_lowercase();
    let asked = Asked {
        method: parts.method,
        base: format!("{scheme}://{authority}"),
        host,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: body.to_bytes(),
        arrived: inner.clock.now(),
    };
    if asked.path == "/_sim" || asked.path.starts_with("/_sim/") {
        return sim_api::answer(&inner, &asked);
    }
    let reply = pipeline::serve(inner.clone(), asked.clone()).await;
    if let Some(trace) = &inner.trace {
        trace.write(&asked, &reply);
    }
    reply
}
