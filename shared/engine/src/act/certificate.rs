//! What is asked of whoever keeps certificates, and what it answers: the function `rotate-certificate`, and the command that asks it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a person may ask about a tenant's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// Makes the first certificate, if there is none, and shows the current one's public part.
    Certificate,
    /// Makes another first one, to be uploaded, whatever there is.
    Replace,
    /// A new one in the place of the current one.
    Rotate,
}

/// The public part of a credential: what an administrator uploads, and compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicPart {
    /// The tenant.
    pub tenant: String,
    /// Whether it was made just now.
    pub made: bool,
    /// The certificate as PEM.
    pub pem: String,
    /// Its SHA-1 thumbprint, as portals show it.
    pub thumbprint: String,
    /// The end of its life.
    pub not_after: Timestamp,
}
