//! One tenant: its directory, its application, and what its services remember.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::later;
use crate::config::TenantInfo;
use crate::dice::Dice;
use crate::directory::address::AcceptedDomain;
use crate::directory::entry::Class;
use crate::directory::store::Directory;
use crate::entra::certificate::Certificate;
use crate::exchange::paging::Searches;
use crate::faults::Faults;
use crate::graph::members::Closure;
use crate::graph::throttle::ResourceUnits;
use crate::stats::TenantStats;

/// What the application may do in Exchange, whatever its token says. MICROSOFT.md section 2.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExchangeRole {
    /// No role is assigned.
    None,
    /// `View-Only Recipients`.
    Read,
    /// `Mail Recipients` and `Mail Recipient Creation`.
    Write,
    /// A custom role of exactly these cmdlets.
    Cmdlets(BTreeSet<String>),
}

/// One tenant.
pub(crate) struct Tenant {
    pub(crate) info: TenantInfo,
    state: Mutex<TenantState>,
}

/// What changes in a tenant.
pub(crate) struct TenantState {
    pub(crate) directory: Directory,
    pub(crate) accepted_domains: Vec<AcceptedDomain>,
    pub(crate) certificates: Vec<Certificate>,
    /// Application roles that were consented to, of Graph and of Exchange.
    pub(crate) roles: BTreeSet<String>,
    pub(crate) exchange_role: ExchangeRole,
    /// Assertions by their `jti`, with their digest and expiry.
    pub(crate) assertions: HashMap<String, (Vec<u8>, Timestamp)>,
    /// Identifiers of new objects.
    pub(crate) ids: Dice,
    /// Faults, lags, and whatever else varies.
    pub(crate) chance: Dice,
    pub(crate) latency: Dice,
    /// When the application created contacts, for the quota.
    pub(crate) creations: VecDeque<Timestamp>,
    /// Whether what is made now has to wait for its Entra id.
    pub(crate) dual_write_waits: bool,
    pub(crate) searches: Searches,
    /// Transitive members that were asked for last.
    pub(crate) closure: Option<Closure>,
    pub(crate) units: ResourceUnits,
    /// Counted up when all delta tokens become void.
    pub(crate) generation: u64,
    /// Exchange's window of request counting: when it ends, and what is left.
    pub(crate) rate_window: (Timestamp, u32),
    pub(crate) stats: TenantStats,
    /// Answers of Set and Remove alternate by this.
    pub(crate) answered_sets: u64,
}

/// Roles that a client needs, and that a new tenant has consented to.
pub(crate) const GRAPH_ROLES: [&str; 3] = ["User.Read.All", "GroupMember.Read.All", "OrgContact.Read.All"];

/// The role that lets an application run Exchange cmdlets.
pub(crate) const MANAGE_AS_APP: &str = "Exchange.ManageAsApp";

impl Tenant {
    pub(crate) fn new(info: TenantInfo, state: TenantState) -> Tenant {
        Tenant { info, state: Mutex::new(state) }
    }

    /// The state, for one step of work. Never held across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, TenantState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a URL's tenant segment means this tenant.
    pub(crate) fn is_named(&self, segment: &str) -> bool {
        segment.parse::<Uuid>().is_ok_and(|id| id == self.info.id)
            || self.info.initial_domain.eq_ignore_ascii_case(segment)
            || self.lock().accepted_domains.iter().any(|known| known.domain_name.eq_ignore_ascii_case(segment))
    }
}

impl TenantState {
    /// A tenant as it is on its first day, without objects.
    pub(crate) fn new(seed: u64, name: &str, accepted_domains: Vec<AcceptedDomain>) -> TenantState {
        let mut roles: BTreeSet<String> = GRAPH_ROLES.iter().map(|role| (*role).to_owned()).collect();
        roles.insert(MANAGE_AS_APP.to_owned());
        TenantState {
            directory: Directory::default(),
            accepted_domains,
            certificates: Vec::new(),
            roles,
            exchange_role: ExchangeRole::Write,
            assertions: HashMap::new(),
            ids: Dice::new(seed, &format!("{name}/ids")),
            chance: Dice::new(seed, &format!("{name}/chance")),
            latency: Dice::new(seed, &format!("{name}/latency")),
            creations: VecDeque::new(),
            dual_write_waits: false,
            searches: Searches::default(),
            closure: None,
            units: ResourceUnits::default(),
            generation: 1,
            rate_window: (Timestamp::UNIX_EPOCH, 0),
            stats: TenantStats::default(),
            answered_sets: 0,
        }
    }

    /// When Graph will show a change that happens now.
    pub(crate) fn graph_shows_at(&mut self, faults: &Faults, now: Timestamp, from_exchange: bool) -> Timestamp {
        let (low, high) = faults.graph_delay(from_exchange);
        later(now, Duration::from_millis(self.chance.between(low, high)))
    }

    /// Notable groups: what tests and people scope by.
    pub(crate) fn notable_groups(&self) -> BTreeMap<String, Uuid> {
        let mut groups = BTreeMap::new();
        for anchor in self.directory.class(Class::Group) {
            if let Some(entry) = self.directory.live(*anchor)
                && let Some(word) = entry.name.strip_prefix("scope-")
            {
                groups.insert(word.to_owned(), *anchor);
            }
        }
        groups
    }
}
