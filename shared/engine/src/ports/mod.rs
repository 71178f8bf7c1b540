//! The ports: what the engine needs from the outside, one trait a capability.

mod clock;
mod directory;
mod signer;
mod store;
mod writer;

pub use clock::Clock;
pub use directory::{
    AcceptedDomain, ChangePage, Detail, DetailRow, DirectoryChange, DirectoryReader, DomainType, DynamicGroup, ExchangePage, ExchangeRow,
    GraphCursor, NextPage, RecipientQuery, Removal,
};
pub use signer::{Prover, Signer, SigningError};
pub use store::{ReplicaWrite, Store, StoreError, Versioned};
pub use writer::{ContactChange, ContactWriter, CreatedContact, NewContact, WriteError};

mod error;
pub use error::{ReadError, TenantError, with_causes};
