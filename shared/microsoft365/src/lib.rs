//! The wire of Entra, Graph and Exchange: one tenant of Microsoft 365 behind the engine's ports.
//!
//! ```text
//! Tenant365 ── graph     ┐                 ┌ pace, budget   (when may it leave)
//!           └─ exchange  ┴─ resource ──────┼ entra          (with which token)
//!                            │             └ wire           (one request, one answer, observed)
//!                            └ retry (tower::retry)              │
//!                                                          transport (tower::Service: reqwest, or a router in-process)
//! ```
//!
//! Each service has its own error table (`entra/error.rs`, `graph/error.rs`, `exchange/class.rs`) and turns it into the
//! errors of `engine::ports`. Nothing here reads a clock or draws a number: time is
//! [`engine::ports::Clock`], chance is [`Ids`].
//!
//! Invariants:
//!
//! 1. A token is sent only to the origin it is for. Links are checked first, redirects are not followed.
//! 2. `New-MailContact` is sent again only if it certainly was not carried out.
//! 3. A place in the [`Budget`] is held only while a request is in flight.
//! 4. No `Get-` cmdlet is sent with a null identity, and no text of others gets into a filter unquoted.
//! 5. Tokens and assertions are in no log, no error and no `Debug`; names and addresses only in debug logs and in
//!    the messages of `WriteError`.

mod budget;
mod entra;
mod error;
mod exchange;
mod graph;
mod hosts;
mod ids;
mod observer;
mod pace;
mod resource;
mod retry;
mod tenant;
mod transport;
mod wire;

pub use budget::Budget;
pub use error::WireError;
pub use exchange::{Command, Route, Routes};
pub use hosts::{Cloud, Hosts};
pub use ids::{Ids, SeededIds};
pub use observer::{Exchanged, Observer, PathClass};
pub use retry::Patience;
pub use tenant::{Parts, Settings, Tenant365};
pub use transport::{LARGEST_ANSWER, Request, Response, Timeouts, Transport};
