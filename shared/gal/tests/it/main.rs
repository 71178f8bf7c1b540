//! The core's decisions, looked up like a table: every phase against every state of both halves, every holder of an address, every
//! limit. The tables under `tests/it/tables` are what a person reads beside SEMANTICS.md; a change of the code that changes one of
//! them shows as a difference there. `GALBRIDGE_WRITE_TABLES=1 cargo nextest run -p gal` writes them anew.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod announced;
mod fields;
mod joins;
mod leaving;
mod limits;
mod lives;
mod lost_links;
mod pair;
mod plans;
mod readings;
mod returns;
mod set_aside;
mod takes_back;
mod twins;
mod unread;
mod written;
