//! The directory of a tenant, as both Entra and Exchange see it.

pub(crate) mod address;
pub(crate) mod admin;
pub(crate) mod attribute;
pub(crate) mod country;
pub(crate) mod entry;
pub(crate) mod facet;
mod index;
pub(crate) mod session;
pub(crate) mod store;
