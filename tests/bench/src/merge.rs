//! First merges.

use std::sync::Arc;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::pair::{Pair, credential};
use crate::process::{cpu, peak_megabytes};
use crate::simulator::{Simulator, WallClock};
use crate::{Problem, Stopwatch};

/// What a first merge took.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct First {
    /// Seconds of the first reading of both sides.
    pub(crate) read_seconds: f64,
    /// Seconds of plan and writes.
    pub(crate) merge_seconds: f64,
    /// CPU seconds of this process for both.
    pub(crate) cpu_seconds: Option<f64>,
    /// The most memory this process held, in megabytes, the state included.
    pub(crate) peak_megabytes: Option<f64>,
    /// The most it held after the reading.
    pub(crate) read_peak_megabytes: Option<f64>,
    /// Contacts that were made.
    pub(crate) created: u64,
}

/// A first merge of two directories: reading, plan and writes.
pub(crate) async fn measure(a: usize, b: usize) -> Result<First, Problem> {
    let credential = credential()?;
    let tenants = [("contoso", a), ("fabrikam", b)];
    let simulator = Simulator::start(&tenants, &credential.public_certificate_pem()?, &["--clock", "manual"]).await?;
    let clock = Arc::new(simulator.clock().await?);
    let pair = Pair::over(&simulator, credential, clock.clone(), Some(clock.clone())).await?;
    let watch = Stopwatch::start();
    pair.snapshot().await?;
    let read_seconds = watch.seconds();
    let read_peak_megabytes = peak_megabytes();
    let summary = pair.merge(None).await?;
    let merge_seconds = watch.seconds() - read_seconds;
    let created = summary.counters.a.created + summary.counters.b.created;
    let first = First {
        read_seconds,
        merge_seconds,
        cpu_seconds: cpu().map(|used| used.as_secs_f64()),
        peak_megabytes: peak_megabytes(),
        read_peak_megabytes,
        created,
    };
    // What was measured is a merge that is done: the next cycles find nothing.
    for _ in 0..12 {
        clock.advance(SignedDuration::from_mins(10)).await?;
        if !pair.cycle().await? {
            return Ok(first);
        }
    }
    Err("the merge does not come to rest".into())
}

/// How fast it writes where answers take as long as the real service's.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rate {
    /// Writes a second reached ÷ allowed by three requests in flight, of the slower tenant.
    pub(crate) share: f64,
    /// By tenant: writes, reached, allowed.
    pub(crate) tenants: Vec<(String, u64, f64, f64)>,
    /// Seconds of plan and writes.
    pub(crate) seconds: f64,
}

/// A first merge under real latency, on the wall clock.
pub(crate) async fn rate(a: usize, b: usize) -> Result<Rate, Problem> {
    let credential = credential()?;
    let tenants = [("contoso", a), ("fabrikam", b)];
    let more = ["--clock", "real", "--latency", "real"];
    let simulator = Simulator::start(&tenants, &credential.public_certificate_pem()?, &more).await?;
    let pair = Pair::over(&simulator, credential, Arc::new(WallClock), None).await?;
    pair.snapshot().await?;
    let watch = Stopwatch::start();
    pair.merge(None).await?;
    let seconds = watch.seconds();
    let stats = simulator.get("stats").await?;
    let mut tenants = Vec::new();
    for tenant in &simulator.tenants {
        let counts = &stats["tenants"][&tenant.name];
        let number = |name: &str| counts[name].as_f64().ok_or_else(|| format!("the simulator counted no {name} of {}", tenant.name));
        tenants.push((
            tenant.name.clone(),
            counts["writes"].as_u64().unwrap_or_default(),
            number("rate_reached")?,
            number("rate_allowed")?,
        ));
    }
    let share = tenants.iter().map(|(_, _, reached, allowed)| reached / allowed).fold(f64::INFINITY, f64::min);
    Ok(Rate { share, tenants, seconds })
}
