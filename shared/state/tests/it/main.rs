//! The state store from outside: the contract of the port on every database, files, faults, economy, export.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic; their helpers too")]

mod contract;
mod samples;

mod crashes;
mod economy;
mod embedded;
mod files;
mod fuzzed;
mod schema;
mod service;
mod stack;
mod transfer;
