//! The pure core of galbridge: what is published to whom, and why.
//!
//! Everything here is a function of its arguments. There is no I/O, no async, no clock and no
//! randomness: time is a parameter, and no order ever comes from a hash map. The shell (crate
//! `engine`) reads, calls these functions, and writes what they say.
//!
//! The way through the core is the way of the data:
//! [`reading`] → [`recipient`] → [`scope`] → [`join`] → [`mapping`] → [`merge`] → [`decide`] →
//! [`plan`] → [`guard`].

pub mod base;
pub mod decide;
mod desired;
mod expression;
pub mod field;
pub mod guard;
pub mod join;
pub mod link;
pub mod managers;
pub mod mapping;
pub mod merge;
pub mod normalise;
pub mod operation;
mod phone;
pub mod plan;
pub mod policy;
pub mod reading;
pub mod reason;
pub mod recipient;
pub mod scope;
pub mod setting;
pub mod stamp;
pub mod sweep;
pub mod undo;
pub mod values;
pub mod world;

pub use base::Base;
pub use field::{Field, FieldSet};
pub use link::{Link, LinkKey, Origin, Phase, Provenance, Role};
pub use recipient::{Anchor, Kind, Recipient, Side, Sides};
pub use stamp::Stamp;
pub use values::Values;
pub use world::{Entry, World};
