//! Entra's token endpoint. MICROSOFT.md section 1.

pub(crate) mod access_token;
pub(crate) mod assertion;
pub(crate) mod certificate;
pub(crate) mod discovery;
pub(crate) mod error;
pub(crate) mod token;
