//! A bearer token, and the answer that grants it (MICROSOFT.md 1.3).

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use serde::Deserialize;

use super::claims::{self, Claims};
use crate::pace::later;

/// How long before its expiry a token is replaced; a short-lived one after four fifths of its life.
const MARGIN: Duration = Duration::from_mins(5);

/// A bearer token. It has no `Debug`: it is never shown.
#[derive(Clone)]
pub(crate) struct Token {
    text: Arc<str>,
    header: HeaderValue,
    fresh_until: Timestamp,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Lifetime,
}

/// A number; Entra's older endpoint sends it as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lifetime {
    Number(u32),
    Text(String),
}

impl Token {
    /// Reads a token endpoint's success; none if it is none.
    pub(super) fn granted(body: &[u8], now: Timestamp) -> Option<Self> {
        let granted: Granted = serde_json::from_slice(body).ok()?;
        let seconds = match granted.expires_in {
            Lifetime::Number(seconds) => seconds,
            Lifetime::Text(text) => text.parse().ok()?,
        };
        let lifetime = Duration::from_secs(seconds.into());
        let fresh_until = later(now, lifetime.saturating_sub(MARGIN.min(lifetime / 5)));
        let mut header = HeaderValue::try_from(format!("Bearer {}", granted.access_token)).ok()?;
        header.set_sensitive(true);
        (!granted.access_token.is_empty()).then(|| Self { text: granted.access_token.into(), header, fresh_until })
    }

    /// `Authorization`, marked as sensitive.
    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// What it says of itself.
    pub(crate) fn claims(&self) -> Option<Claims> {
        claims::claims(&self.text)
    }

    /// Whether it can still be used.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.fresh_until
    }

    /// Whether it is the same token.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
