//! The engine as Lambda functions. The functions themselves are a `main` each; what is theirs and not the engine's is here:
//!
//! - [`Settings`]: what the template tells a function;
//! - [`message`]: the tick of the schedule, the wake-up in the queue, a request by hand;
//! - [`Client`]: from the stored profile and the secrets to an engine;
//! - [`rotate`]: certificates that are made and rolled inside AWS;
//! - [`snapshot`] and [`reconcile`]: what is acknowledged, what is handed back to be delivered again, and when work stops.

mod client;
mod deadline;
mod error;
pub mod message;
mod metrics;
pub mod reconcile;
pub mod rotate;
mod settings;
pub mod snapshot;
mod start;
mod wake;

pub use client::{Client, Credentials, Parts};
pub use error::ServerlessError;
pub use settings::Settings;
pub use start::{serve, started};
pub use wake::{Queue, Waker};
