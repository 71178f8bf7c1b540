//! Skip and delta tokens: opaque to the client, bound to tenant, query and generation. MICROSOFT.md section 3.1.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entra::access_token::TokenKey;

/// Where a delta query stands.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub(crate) enum Position {
    /// In the first enumeration, after this object, with so many of the next one's members told.
    Enumerating {
        after: Option<Uuid>,
        members_told: usize,
        /// Where the change log stood when the enumeration began.
        log: usize,
    },
    /// Reading the change log from here.
    Changes { log: usize },
}

/// Everything a delta query needs to go on.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub(crate) struct DeltaToken {
    pub(crate) tenant: Uuid,
    pub(crate) collection: String,
    /// Names of the selected properties; none is the default selection.
    pub(crate) select: Option<String>,
    /// The ids of `$filter`.
    pub(crate) ids: Vec<Uuid>,
    pub(crate) generation: u64,
    pub(crate) position: Position,
    /// Whether it is a deltaLink's.
    pub(crate) is_delta: bool,
    /// Whether the page before was an empty one on purpose.
    pub(crate) after_empty: bool,
    pub(crate) minimal: bool,
    pub(crate) issued: i64,
    /// Makes each token another text.
    pub(crate) nonce: u64,
}

impl DeltaToken {
    /// The opaque text.
    pub(crate) fn seal(&self, key: &TokenKey) -> String {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        scramble(&mut bytes);
        key.seal(&URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads an opaque text; none if it is not one of ours.
    pub(crate) fn open(key: &TokenKey, text: &str) -> Option<DeltaToken> {
        let mut bytes = URL_SAFE_NO_PAD.decode(key.open(text)?).ok()?;
        scramble(&mut bytes);
        serde_json::from_slice(&bytes).ok()
    }
}

/// Nobody should be tempted to look inside.
fn scramble(bytes: &mut [u8]) {
    for (byte, mask) in bytes.iter_mut().zip((0_u8..=255).cycle()) {
        *byte ^= mask.wrapping_mul(73).wrapping_add(41);
    }
}
