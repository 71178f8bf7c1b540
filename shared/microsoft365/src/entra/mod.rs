//! Tokens: client credentials with a certificate (MICROSOFT.md 1).
//!
//! One token per resource, cached until five minutes before it expires. Whoever needs a token
//! while one is being fetched waits for that one.

mod assertion;
mod claims;
mod error;
mod token;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use engine::ports::{Signer, TenantError};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

pub(crate) use claims::challenge;
use error::{Context, EntraError, Trouble};
pub(crate) use token::Token;

use crate::error::WireError;
use crate::hosts::Hosts;
use crate::observer::PathClass;
use crate::pace::later;
use crate::retry::{Again, Failure, Patience, Retries, with_retries};
use crate::wire::{Call, Repeat, Wire};

/// How long a certificate is new: so long the token endpoint may not know it everywhere (MICROSOFT.md 12).
const CERTIFICATE_NEW: SignedDuration = SignedDuration::from_hours(1);

/// A new certificate is tried so often more, after so long each (MICROSOFT.md 1.4).
const NEW_CERTIFICATE_TRIES: u32 = 3;
const NEW_CERTIFICATE_WAIT: Duration = Duration::from_secs(10);

/// A refusal that a person must mend is not asked for again within this time: many operations may be waiting.
const REFUSAL_KEPT: Duration = Duration::from_secs(10);

/// RFC 3986's unreserved characters are sent as they are.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Graph,
    Exchange,
}

/// What is known of one resource.
#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Held(Token),
    Refused(TenantError, Timestamp),
}

/// The tokens of one tenant.
pub(crate) struct Tokens {
    wire: Arc<Wire>,
    hosts: Hosts,
    app: Uuid,
    signer: Arc<dyn Signer>,
    patience: Patience,
    /// Since when the certificate is in use; only a new one is worth waiting for.
    certificate_since: Option<Timestamp>,
    graph: tokio::sync::Mutex<Slot>,
    exchange: tokio::sync::Mutex<Slot>,
    /// How far the service's clock is ahead of ours, once it complained.
    skew: Mutex<SignedDuration>,
}

impl Tokens {
    pub(crate) fn new(
        wire: Arc<Wire>,
        hosts: Hosts,
        app: Uuid,
        signer: Arc<dyn Signer>,
        patience: Patience,
        certificate_since: Option<Timestamp>,
    ) -> Self {
        Self {
            wire,
            hosts,
            app,
            signer,
            patience,
            certificate_since,
            graph: tokio::sync::Mutex::default(),
            exchange: tokio::sync::Mutex::default(),
            skew: Mutex::new(SignedDuration::ZERO),
        }
    }

    /// How far the service's clock is ahead of ours, once it complained.
    pub(crate) fn skew(&self) -> SignedDuration {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token for a resource, from the cache if it is fresh.
    pub(crate) async fn token(&self, resource: Resource) -> Result<Token, TenantError> {
        let mut slot = self.slot(resource).lock().await;
        let now = self.wire.clock.now();
        match &*slot {
            Slot::Held(token) if token.is_fresh(now) => return Ok(token.clone()),
            Slot::Refused(error, until) if now < *until => return Err(error.clone()),
            Slot::Empty | Slot::Held(_) | Slot::Refused(..) => {}
        }
        self.fill(&mut slot, resource, None).await
    }

    /// A new token in the place of one that the resource refused, for its claims challenge if it made one.
    /// If somebody else has replaced it meanwhile, that one.
    pub(crate) async fn replace(&self, resource: Resource, refused: &Token, claims: Option<&str>) -> Result<Token, TenantError> {
        let mut slot = self.slot(resource).lock().await;
        if let Slot::Held(token) = &*slot
            && !token.is(refused)
        {
            return Ok(token.clone());
        }
        self.fill(&mut slot, resource, claims).await
    }

    fn slot(&self, resource: Resource) -> &tokio::sync::Mutex<Slot> {
        match resource {
            Resource::Graph => &self.graph,
            Resource::Exchange => &self.exchange,
        }
    }

    async fn fill(&self, slot: &mut Slot, resource: Resource, claims: Option<&str>) -> Result<Token, TenantError> {
        let fetched = self.fetch(resource, claims).await;
        *slot = match &fetched {
            Ok(token) => Slot::Held(token.clone()),
            Err(error @ TenantError::Configuration { .. }) => Slot::Refused(error.clone(), later(self.wire.clock.now(), REFUSAL_KEPT)),
            Err(TenantError::Transient { .. } | TenantError::Protocol { .. }) => Slot::Empty,
        };
        fetched
    }

    /// Asks for a token: again with the right time after 700024, again after a while for a new certificate.
    async fn fetch(&self, resource: Resource, claims: Option<&str>) -> Result<Token, TenantError> {
        let mut clock_set = false;
        let mut tries_left = if self.certificate_is_new() { NEW_CERTIFICATE_TRIES } else { 0 };
        loop {
            let refusal = match self.ask(resource, claims).await {
                Ok(token) => return Ok(token),
                Err(failure) => failure,
            };
            match refusal {
                TokenFailure::Refused { error, skew: Some(skew) } if error.trouble == Trouble::Clock && !clock_set => {
                    clock_set = true;
                    tracing::warn!(tenant = %self.wire.label.name, seconds = skew.as_secs(), "this machine's clock differs from Microsoft's");
                    *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = skew;
                }
                TokenFailure::Refused { error, .. } if error.trouble == Trouble::CertificateUnknown && tries_left > 0 => {
                    tries_left -= 1;
                    tracing::info!(tenant = %self.wire.label.name, "the new certificate is not known everywhere yet; waiting");
                    self.wire.clock.sleep(NEW_CERTIFICATE_WAIT).await;
                }
                other => return Err(self.refusal(resource, other)),
            }
        }
    }

    fn certificate_is_new(&self) -> bool {
        self.certificate_since.is_some_and(|since| self.wire.clock.now().duration_since(since) < CERTIFICATE_NEW)
    }

    /// One token request, repeated while the endpoint is busy.
    async fn ask(&self, resource: Resource, claims: Option<&str>) -> Result<Token, TokenFailure> {
        let call = self.call(resource, claims).map_err(TokenFailure::Unsigned)?;
        let retries = Retries::new(&self.wire, self.patience);
        with_retries(retries, tower::service_fn(|call: Call| self.attempt(call)), call).await
    }

    async fn attempt(&self, call: Call) -> Result<Token, TokenFailure> {
        let answer = self.wire.send(&call, None).await.map_err(TokenFailure::Wire)?;
        let now = self.wire.clock.now();
        if answer.status == StatusCode::OK {
            return Token::granted(&answer.body, now).ok_or(TokenFailure::Unreadable(answer.status));
        }
        let retry_after = answer.retry_after(now);
        let busy = answer.status == StatusCode::TOO_MANY_REQUESTS
            || answer.status.is_server_error()
            || answer.status == StatusCode::REQUEST_TIMEOUT;
        match EntraError::parse(&answer.body) {
            _ if busy => Err(TokenFailure::Busy(answer.status, retry_after)),
            Some(error) if error.word == "temporarily_unavailable" => Err(TokenFailure::Busy(answer.status, retry_after)),
            Some(error) => {
                let theirs = answer.date().or_else(|| error.timestamp.parse().ok());
                Err(TokenFailure::Refused { skew: theirs.map(|theirs| theirs.duration_since(now)), error })
            }
            None => Err(TokenFailure::Unreadable(answer.status)),
        }
    }

    /// The request of MICROSOFT.md 1.2.
    fn call(&self, resource: Resource, claims: Option<&str>) -> Result<Call, String> {
        let url = self.hosts.authority.url(&format!("/{}/oauth2/v2.0/token", self.wire.label.id.hyphenated()));
        let skew = self.skew();
        let now = self.wire.clock.now();
        let now = now.checked_add(skew).unwrap_or(now);
        let assertion =
            assertion::assertion(&*self.signer, &url, self.app, self.wire.ids.uuid(), now).map_err(|error| error.to_string())?;
        let app = self.app.hyphenated().to_string();
        let scope = self.origin(resource).scope();
        let mut fields = vec![
            ("client_id", app.as_str()),
            ("scope", scope.as_str()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
            ("grant_type", "client_credentials"),
        ];
        fields.extend(claims.map(|claims| ("claims", claims)));
        let form: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, FORM))).collect();
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        let uri: Uri = url.parse().map_err(|_| "the token endpoint has no valid URL".to_owned())?;
        Ok(Call { method: Method::POST, uri, headers, body: Bytes::from(form.join("&")), path: PathClass::Token, repeat: Repeat::Freely })
    }

    fn origin(&self, resource: Resource) -> &crate::hosts::Origin {
        match resource {
            Resource::Graph => &self.hosts.graph,
            Resource::Exchange => &self.hosts.exchange,
        }
    }

    fn refusal(&self, resource: Resource, failure: TokenFailure) -> TenantError {
        match failure {
            TokenFailure::Unsigned(detail) => {
                self.wire.configuration("signing", &format!("the token request could not be signed: {detail}"))
            }
            TokenFailure::Wire(error) => self.wire.broken(&error),
            TokenFailure::Busy(status, retry_after) => {
                self.wire.transient(&format!("the token endpoint is busy (status {})", status.as_u16()), retry_after)
            }
            TokenFailure::Unreadable(status) => self.wire.protocol(&format!(
                "the token endpoint answered something that is neither a token nor an error (status {})",
                status.as_u16()
            )),
            TokenFailure::Refused { error, .. } => {
                // One that is not registered and has expired is not to be uploaded.
                let expired = self.signer.ends().is_some_and(|ends| ends < self.wire.clock.now());
                let error = if expired { error.of_an_expired_certificate() } else { error };
                let thumbprint = self.signer.thumbprint_sha256();
                let resource = self.origin(resource).url("");
                let context = Context { app: self.app, thumbprint: &thumbprint, resource: &resource, cloud: self.hosts.cloud };
                self.wire.configuration(error.name(), &error.advice(&context))
            }
        }
    }
}

/// Why there is no token.
#[derive(Debug)]
enum TokenFailure {
    /// The key did not sign.
    Unsigned(String),
    /// The exchange broke.
    Wire(WireError),
    /// 429, 5xx, `temporarily_unavailable`.
    Busy(StatusCode, Option<Duration>),
    /// Entra says no; with how far its clock is ahead of ours.
    Refused { error: EntraError, skew: Option<SignedDuration> },
    /// Neither a token nor an error.
    Unreadable(StatusCode),
}

impl Failure for TokenFailure {
    fn again(&self, _call: &Call) -> Again {
        match self {
            Self::Wire(WireError::NotSent { .. } | WireError::Interrupted { .. } | WireError::TimedOut { .. }) => Again::After(None),
            Self::Busy(_, retry_after) => Again::After(*retry_after),
            Self::Unreadable(_) => Again::Once,
            Self::Unsigned(_)
            | Self::Refused { .. }
            | Self::Wire(WireError::Host { .. } | WireError::Client { .. } | WireError::TooLarge { .. }) => Again::No,
        }
    }
}
