//! Calling Graph or Exchange: at the service's pace, with a token, and with one new token after a 401.

use std::sync::Arc;
use std::time::Duration;

use engine::ports::TenantError;
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

use crate::entra::{Resource, Tokens, challenge};
use crate::error::WireError;
use crate::pace::Pace;
use crate::wire::{Answer, Call, Wire};

/// Why there is no answer at all.
#[derive(Clone, Debug)]
pub(crate) enum CallError {
    /// No token, or a pause too long to wait.
    Tenant(TenantError),
    /// The exchange broke.
    Wire(WireError),
}

/// One of the two services that take tokens.
pub(crate) struct Service {
    pub(crate) wire: Arc<Wire>,
    pub(crate) pace: Pace,
    tokens: Arc<Tokens>,
    resource: Resource,
}

impl Service {
    pub(crate) fn new(wire: Arc<Wire>, tokens: Arc<Tokens>, resource: Resource, pace: Pace) -> Self {
        Self { wire, pace, tokens, resource }
    }

    /// Sends a call once, or twice if the token was refused. Answers of any status are answers.
    pub(crate) async fn once(&self, call: &Call) -> Result<Answer, CallError> {
        let token = self.tokens.token(self.resource).await.map_err(CallError::Tenant)?;
        let answer = self.paced(call, &token).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let claims = challenge(answer.header(WWW_AUTHENTICATE.as_str()));
        tracing::debug!(tenant = %self.wire.label.name, path = call.path.as_str(), challenge = claims.is_some(), "the token was refused; getting a new one");
        let token = self.tokens.replace(self.resource, &token, claims.as_deref()).await.map_err(CallError::Tenant)?;
        self.paced(call, &token).await
    }

    /// The place in the budget is held for exactly this one exchange, and is taken away before anybody else gets it
    /// if the service says that it is one too many.
    async fn paced(&self, call: &Call, token: &crate::entra::Token) -> Result<Answer, CallError> {
        let place = self.pace.admit().await.map_err(|pause| CallError::Tenant(self.paused(pause)))?;
        let answer = self.wire.send(call, Some(token)).await.map_err(CallError::Wire)?;
        if is_too_much(&answer) {
            self.pace.refused();
        } else if answer.status.is_success() {
            self.pace.answered();
        }
        drop(place);
        Ok(answer)
    }

    fn paused(&self, pause: Duration) -> TenantError {
        self.wire.transient("the service asked for a longer pause", Some(pause))
    }

    /// The application roles in the token; none if it cannot be read.
    pub(crate) async fn roles(&self) -> Result<Vec<String>, TenantError> {
        let token = self.tokens.token(self.resource).await?;
        let unreadable = || self.wire.protocol("the token cannot be read, so its roles are not known");
        let claims = token.claims().ok_or_else(unreadable)?;
        let id = self.wire.label.id.hyphenated().to_string();
        match claims.tid {
            Some(tid) if !tid.eq_ignore_ascii_case(&id) => Err(self.wire.protocol(&format!("the token is for another tenant, {tid}"))),
            Some(_) | None => Ok(claims.roles),
        }
    }
}

/// 429, or Exchange's form E, whose status is not known (MICROSOFT.md 4.3).
fn is_too_much(answer: &Answer) -> bool {
    const CROWDED: &[u8] = b"maximum number of concurrent requests";
    let crowded = || answer.body.windows(CROWDED.len()).take(2000).any(|words| words.eq_ignore_ascii_case(CROWDED));
    answer.status == StatusCode::TOO_MANY_REQUESTS || (!answer.status.is_success() && crowded())
}
