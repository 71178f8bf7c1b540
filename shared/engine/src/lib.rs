//! The use-cases of galbridge over ports: read what changed, plan, guard, write, remember.
//!
//! The engine knows no wire and no database. It owns the ports it needs ([`ports`]); adapters
//! implement them, binaries tie them together.

pub mod ports;
pub mod records;
