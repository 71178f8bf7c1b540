//! The adapter from outside: against services that follow a script, and against the simulator.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic; their helpers too")]

mod budget;
mod bytes;
mod errors;
mod graph;
mod https;
mod observer;
mod reading;
mod script;
mod simulator;
mod tokens;
mod world;
mod writing;
