//! What a client costs a month: a day of a pair, played and counted, times the price list.

use std::sync::Arc;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Problem;
use crate::pair::{Pair, credential};
use crate::simulator::Simulator;

/// What a working day of a pair asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Day {
    /// Cycles that found something due, and so had a run after them.
    pub(crate) runs: u64,
    /// Requests to Microsoft of all cycles and of all runs.
    pub(crate) microsoft: u64,
    /// DynamoDB's read units: 4 KB, strongly consistent.
    pub(crate) read_units: f64,
    /// DynamoDB's write units: 1 KB.
    pub(crate) write_units: f64,
}

/// Ticks of a day.
const TICKS: usize = 144;
/// People edited that day.
const EDITS: usize = 50;

/// Plays a day of a pair with so many recipients on both sides together, which has been merged before: edits over the working hours
/// and one full reading.
pub(crate) async fn day(recipients: usize) -> Result<Day, Problem> {
    let credential = credential()?;
    let a = recipients * 5 / 8;
    let tenants = [("contoso", a), ("fabrikam", recipients - a)];
    let simulator = Simulator::start(&tenants, &credential.public_certificate_pem()?, &["--clock", "manual"]).await?;
    let clock = Arc::new(simulator.clock().await?);
    let mut pair = Pair::over(&simulator, credential, clock.clone(), Some(clock.clone())).await?;
    // As on AWS: the requests that are made to the service, not those to a file.
    let meter = pair.in_service()?;
    pair.snapshot().await?;
    pair.merge(None).await?;
    // What was written is read again for an hour.
    for _ in 0..12 {
        clock.advance(SignedDuration::from_mins(10)).await?;
        pair.cycle().await?;
    }
    let users = simulator.users("contoso").await?;
    meter.count_units();
    clock.take_requests();
    let mut day = Day { runs: 0, microsoft: 0, read_units: 0.0, write_units: 0.0 };
    let mut edited = users.iter().cycle();
    for tick in 0..TICKS {
        clock.advance(SignedDuration::from_mins(10)).await?;
        let due = edits_before(tick + 1) - edits_before(tick);
        for anchor in edited.by_ref().take(due) {
            let operation = json!([{"op": "update", "anchor": anchor, "set": {"Title": format!("Title {tick}")}}]);
            simulator.post("tenants/contoso/apply", &operation).await?;
        }
        day.runs += u64::from(if tick == 0 { pair.full_cycle().await? } else { pair.cycle().await? });
    }
    let microsoft = clock.take_requests();
    day.microsoft = microsoft.others + microsoft.members + microsoft.tokens;
    (day.read_units, day.write_units) = meter.units();
    Ok(day)
}

/// How many edits there were before a tick: none at night, the same number in each hour from 8 to 18.
fn edits_before(tick: usize) -> usize {
    let (from, until) = (8 * 6, 18 * 6);
    EDITS * tick.clamp(from, until).saturating_sub(from) / (until - from)
}

/// Prices of us-east-1, `x86_64`, in dollars (AWS's public price list, November 2026).
mod price {
    pub(super) const SECRET: f64 = 0.40;
    pub(super) const SECRET_CALL: f64 = 0.05 / 10_000.0;
    pub(super) const METRIC: f64 = 0.30;
    pub(super) const ALARM: f64 = 0.10;
    pub(super) const GIGABYTE_SECOND: f64 = 0.000_016_666_7;
    pub(super) const INVOCATION: f64 = 0.20 / 1e6;
    pub(super) const READ_UNIT: f64 = 0.125 / 1e6;
    pub(super) const WRITE_UNIT: f64 = 0.625 / 1e6;
    pub(super) const TABLE_GIGABYTE: f64 = 0.25 + 0.20;
    pub(super) const QUEUE_REQUEST: f64 = 0.50 / 1e6;
    pub(super) const LOG_GIGABYTE: f64 = 0.50;
}

/// A line of the bill.
pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) arithmetic: String,
    pub(crate) dollars: f64,
}

/// What is assumed, because it cannot be counted here.
mod assumed {
    /// Seconds that Microsoft takes for a request.
    pub(super) const SECONDS_A_REQUEST: f64 = 0.3;
    /// Memory of a function in gigabytes, the template's default.
    pub(super) const GIGABYTES: f64 = 0.5;
    /// Pollers of the event source, each three times a minute: the upper bound.
    pub(super) const POLLS: f64 = 5.0 * 3.0 * 60.0 * 24.0 * DAYS;
    pub(super) const LOG_GIGABYTES: f64 = 0.03;
    pub(super) const TABLE_GIGABYTES: f64 = 0.02;
    pub(super) const DAYS: f64 = 30.0;
}

/// The bill of a month whose days are all like this one, for two tenants and one pair.
pub(crate) fn bill(day: &Day) -> Vec<Line> {
    let days = assumed::DAYS;
    let invocations = (TICKS as f64 + 1.0 + day.runs as f64) * days;
    let seconds = day.microsoft as f64 * assumed::SECONDS_A_REQUEST * days;
    let polls = assumed::POLLS + day.runs as f64 * days * 3.0;
    let line = |what, arithmetic: String, dollars| Line { what, arithmetic, dollars };
    vec![
        line("secrets", "2 × 0.40".to_owned(), 2.0 * price::SECRET),
        line("secrets, calls", format!("at most {invocations:.0} × 2"), invocations * 2.0 * price::SECRET_CALL),
        line("metrics of our own", "3 × 0.30".to_owned(), 3.0 * price::METRIC),
        line("alarms", "6 × 0.10".to_owned(), 6.0 * price::ALARM),
        line(
            "Lambda, time",
            format!("{} requests to Microsoft × 0.3 s (assumed) × 0.5 GB × 30", day.microsoft),
            seconds * assumed::GIGABYTES * price::GIGABYTE_SECOND,
        ),
        line("Lambda, invocations", format!("{invocations:.0}"), invocations * price::INVOCATION),
        line("DynamoDB, reading", format!("{:.0} units × 30", day.read_units), day.read_units * days * price::READ_UNIT),
        line("DynamoDB, writing", format!("{:.0} units × 30", day.write_units), day.write_units * days * price::WRITE_UNIT),
        line("DynamoDB, storage and recovery", "20 MB (assumed)".to_owned(), assumed::TABLE_GIGABYTES * price::TABLE_GIGABYTE),
        line("SQS", format!("{polls:.0} requests (polling: upper bound)"), polls * price::QUEUE_REQUEST),
        line("logs", "30 MB (assumed)".to_owned(), assumed::LOG_GIGABYTES * price::LOG_GIGABYTE),
    ]
}
