//! The quiet cycle: what it costs to find that nothing changed.

use std::sync::Arc;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::pair::{Pair, credential};
use crate::process::cpu;
use crate::simulator::Simulator;
use crate::{Problem, median};

/// What a quiet cycle costs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Quiet {
    /// Requests to Microsoft, without tokens and include groups: the most that a cycle made.
    pub(crate) microsoft: u64,
    /// Requests to the state: the most that a cycle made.
    pub(crate) state: u64,
    /// CPU time of this process, in milliseconds: the median.
    pub(crate) cpu_ms: Option<f64>,
}

/// People of a pilot: enough that the pair has links and is served.
const LINKED: u64 = 100;

/// Measures a pair with so many recipients on both sides together.
pub(crate) async fn measure(recipients: usize, cycles: usize) -> Result<Quiet, Problem> {
    let credential = credential()?;
    let a = recipients * 5 / 8;
    let tenants = [("contoso", a), ("fabrikam", recipients - a)];
    let simulator = Simulator::start(&tenants, &credential.public_certificate_pem()?, &["--clock", "manual"]).await?;
    let clock = Arc::new(simulator.clock().await?);
    let pair = Pair::over(&simulator, credential, clock.clone(), Some(clock.clone())).await?;
    pair.snapshot().await?;
    pair.merge(Some(LINKED)).await?;
    // What was written is read again for an hour; then nothing has changed for over an hour.
    for _ in 0..30 {
        clock.advance(SignedDuration::from_mins(10)).await?;
        pair.cycle().await?;
    }
    let mut quiet = Quiet { microsoft: 0, state: 0, cpu_ms: None };
    let mut times = Vec::new();
    for _ in 0..cycles {
        clock.advance(SignedDuration::from_mins(10)).await?;
        clock.take_requests();
        let (before, state) = (cpu(), pair.state.requests().total());
        if pair.cycle().await? {
            return Err("a quiet cycle found something due".into());
        }
        let used = cpu().zip(before).map(|(after, before)| after.saturating_sub(before));
        let requests = clock.take_requests();
        quiet.microsoft = quiet.microsoft.max(requests.others);
        quiet.state = quiet.state.max(pair.state.requests().total() - state);
        // Signing for a token is no part of a cycle; every sixth has one.
        if requests.tokens == 0 {
            times.extend(used.map(|used| used.as_secs_f64() * 1e3));
        }
    }
    quiet.cpu_ms = median(times);
    Ok(quiet)
}
