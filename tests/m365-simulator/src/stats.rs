//! What the services were asked and how it went: the answer of `GET /_sim/stats`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::clock::millis_between;

/// Counts of one tenant.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TenantStats {
    /// Requests, of any outcome.
    pub requests: u64,
    /// Requests by endpoint.
    pub endpoints: BTreeMap<String, u64>,
    /// `InvokeCommand` requests by cmdlet.
    pub cmdlets: BTreeMap<String, u64>,
    /// Refused requests by reason.
    pub refusals: BTreeMap<String, u64>,
    /// Faults that were injected, by name.
    pub faults: BTreeMap<String, u64>,
    /// The most requests that were in flight at once.
    pub max_in_flight: u32,
    /// The most Exchange requests that were in flight at once.
    pub max_exchange_in_flight: u32,
    /// Writes that Exchange committed.
    pub writes: u64,
    /// When the first of them arrived.
    pub first_write_at: Option<Timestamp>,
    /// When the last of them was done.
    pub last_write_at: Option<Timestamp>,
    /// Committed writes a second, from the first arrival to the last completion.
    pub rate_reached: Option<f64>,
    /// Writes a second that three in flight allow at their mean service time.
    pub rate_allowed: Option<f64>,
    /// Mean service time of the writes in milliseconds.
    pub mean_write_ms: Option<f64>,
    /// Resource units spent on Graph.
    pub resource_units: u64,
    #[serde(skip)]
    write_millis: u64,
    #[serde(skip)]
    in_flight: u32,
    #[serde(skip)]
    exchange_in_flight: u32,
}

impl TenantStats {
    /// A request came in.
    pub(crate) fn arrived(&mut self, endpoint: &str, cmdlet: &str) {
        self.requests += 1;
        *self.endpoints.entry(endpoint.to_owned()).or_default() += 1;
        if !cmdlet.is_empty() {
            *self.cmdlets.entry(cmdlet.to_owned()).or_default() += 1;
        }
        self.in_flight += 1;
        self.max_in_flight = self.max_in_flight.max(self.in_flight);
    }

    /// A request is done with.
    pub(crate) fn left(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Takes a place among the Exchange requests. False if all `places` are taken.
    pub(crate) fn enter_exchange(&mut self, places: u32) -> bool {
        if self.exchange_in_flight >= places {
            return false;
        }
        self.exchange_in_flight += 1;
        self.max_exchange_in_flight = self.max_exchange_in_flight.max(self.exchange_in_flight);
        true
    }

    /// Gives the place back.
    pub(crate) fn leave_exchange(&mut self) {
        self.exchange_in_flight = self.exchange_in_flight.saturating_sub(1);
    }

    /// Exchange requests in flight now.
    pub(crate) fn exchange_in_flight(&self) -> u32 {
        self.exchange_in_flight
    }

    /// A request was refused.
    pub(crate) fn refused(&mut self, reason: &str) {
        *self.refusals.entry(reason.to_owned()).or_default() += 1;
    }

    /// A fault was injected.
    pub(crate) fn faulted(&mut self, fault: &str) {
        *self.faults.entry(fault.to_owned()).or_default() += 1;
    }

    /// A write was committed.
    pub(crate) fn wrote(&mut self, arrived: Timestamp, done: Timestamp) {
        self.writes += 1;
        self.write_millis += millis_between(arrived, done);
        self.first_write_at = Some(self.first_write_at.map_or(arrived, |first| first.min(arrived)));
        self.last_write_at = Some(self.last_write_at.map_or(done, |last| last.max(done)));
    }

    /// These counts with the rates worked out.
    #[expect(clippy::cast_precision_loss, reason = "counts of a simulation")]
    pub(crate) fn summed_up(&self, concurrency: u32) -> TenantStats {
        let mut summary = self.clone();
        if let (Some(first), Some(last)) = (self.first_write_at, self.last_write_at) {
            let seconds = millis_between(first, last) as f64 / 1000.0;
            let mean = self.write_millis as f64 / self.writes as f64;
            summary.mean_write_ms = Some(mean);
            summary.rate_reached = (seconds > 0.0).then(|| self.writes as f64 / seconds);
            summary.rate_allowed = (mean > 0.0).then(|| f64::from(concurrency) * 1000.0 / mean);
        }
        summary
    }

    /// Begins again, but for what is in flight.
    pub(crate) fn reset(&mut self) {
        let (in_flight, exchange_in_flight) = (self.in_flight, self.exchange_in_flight);
        *self = TenantStats { in_flight, exchange_in_flight, ..TenantStats::default() };
    }
}

/// The answer of `GET /_sim/stats`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stats {
    /// By the tenant's short name.
    pub tenants: BTreeMap<String, TenantStats>,
    /// Requests that named no tenant the simulator knows.
    pub unknown_tenant: u64,
}
