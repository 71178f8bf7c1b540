//! The client's configuration file: parse, validate, defaults, schema.
//!
//! A profile is one TOML file (`example.toml` beside this crate shows every key). It is refused
//! with file, line and column, everything that is wrong at once, before anything runs. It holds no
//! secret; what looks like one is refused, and never repeated.
//!
//! [`Profile::parse`] does no I/O: files that the profile includes come from the caller's loader.

mod bundle;
mod contact;
mod error;
mod fingerprint;
mod keys;
mod model;
mod parse;
mod reader;
mod schema;
mod secret;
mod source;

pub use error::{Place, Problem, ProfileError, ProfileErrors, Warning};
pub use model::{Cloud, Hosts, MailboxList, Mailboxes, Pair, Profile, Publishing, StaticContact, Tenant};
pub use parse::{Loader, MAX_SIZE, is_this_machine};
pub use schema::schema;
