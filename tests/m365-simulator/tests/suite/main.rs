//! The simulator's own tests: each bullet of MICROSOFT.md section 10, in process and on real wire bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may")]

mod exchange_errors;
mod exchange_read;
mod exchange_write;
mod faults;
mod generation;
mod graph_delta;
mod graph_objects;
mod sim_api;
mod time;
mod token;
mod world;
