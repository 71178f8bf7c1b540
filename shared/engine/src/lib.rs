//! The use-cases of galbridge over ports: read what changed, plan, guard, write, remember.
//!
//! The engine knows no wire and no database. It owns the ports it needs ([`ports`]); adapters
//! implement them, binaries tie them together.

pub mod act;
pub mod check;
mod engine;
mod error;
pub mod explain;
mod load;
pub mod merge;
pub mod operate;
pub mod ports;
mod reconcile;
pub mod records;
pub mod setup;
pub mod snapshot;
pub mod undo;

pub use engine::{Engine, Progress, Silent};
pub use error::{EngineError, Fault};
