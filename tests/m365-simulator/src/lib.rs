//! An adversarial stand-in for Entra, Graph and Exchange Online.
//!
//! It speaks the wire of Microsoft 365 as its documents and public traces show it, and shares no code with the client:
//! one misunderstanding cannot hide in both. Tests call [`Simulator::router`] in process; the program of the same name
//! serves it over a socket.

mod clock;
mod cloud;
mod config;
mod dice;
mod directory;
mod entra;
mod exchange;
mod faults;
mod generate;
mod graph;
mod perform;
mod pipeline;
mod reply;
mod serve;
mod sim_api;
mod simulator;
mod spoil;
mod stats;
mod tenant;
mod trace;

pub use clock::ClockKind;
pub use cloud::Cloud;
pub use config::{Latency, SimulatorConfig, TenantInfo, TenantSpec};
pub use directory::address::{AcceptedDomain, DomainType};
pub use directory::admin::Operation;
pub use directory::entry::{Kind, MadeBy};
pub use faults::{Fault, FaultCall, FaultLevel, FaultPlan, SetAnswer};
pub use reply::ConnectionDropped;
pub use serve::{ServeError, TlsFiles, serve};
pub use simulator::{GalEntry, Simulator};
pub use stats::{Stats, TenantStats};
pub use tenant::ExchangeRole;
