//! The directory of a tenant, as both Entra and Exchange see it.

pub(crate) mod address;
pub(crate) mod admin;
pub(crate) mod attribute;
pub(crate) mod country;
pub(crate) mod entry;
pub(crate) mod facet;
pub(crate) mod store;
