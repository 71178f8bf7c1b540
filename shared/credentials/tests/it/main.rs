//! The credentials crate from outside: what is made, what is read, what is refused, and that nothing leaks.

#![expect(clippy::unwrap_used, reason = "tests may panic; their helpers too")]

mod files;
mod made;
mod material;
mod pem;
mod pkcs12;
mod secrecy;
