//! The operator's command: keeps the address lists of Microsoft 365 tenants in step.
//!
//! ```text
//! arguments ── verbs ──┬─ session ── wiring   (the profile, the state, the tenants; clock, chance and environment)
//!                      ├─ show                (plans, runs and states for people, as JSON, as CSV)
//!                      └─ demo                (simulated tenants, a first merge, a working day, an oracle)
//! ```
//!
//! No verb decides anything: they ask the engine and show what it says.

mod arguments;
mod demo;
mod error;
mod files;
mod progress;
mod screen;
mod session;
mod show;
mod simulated;
mod stack;
mod stop;
mod verbs;
mod wiring;

use std::process::ExitCode;

/// glibc's own takes longer for each piece the larger the state in memory was (`make bench quiet`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    wiring::run().into()
}
