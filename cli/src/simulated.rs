//! The simulator's own calls, and a clock that follows it: hours pass in no time.
//!
//! The simulator's clock stands still but for 50 ms a request and what `POST /_sim/clock` adds. The
//! client's clock is told of every exchange and adds the same; and where it should wait, it moves the
//! simulator's clock instead, and takes over what that clock then says.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use engine::ports::Clock;
use jiff::{SignedDuration, Timestamp};
use microsoft365::{Exchanged, Observer};
use serde_json::{Value, json};

use crate::error::CliError;

/// How far a request moves the simulator's clock.
const STEP: SignedDuration = SignedDuration::from_millis(50);

/// Calls below `/_sim`.
#[derive(Clone, Debug)]
pub(crate) struct SimulatorApi {
    client: reqwest::Client,
    base: String,
}

impl SimulatorApi {
    /// The simulator at this address.
    pub(crate) fn new(base: &str) -> Result<Self, CliError> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            // The time is this machine's own matter: no proxy and no other address says it.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        let client = client.map_err(|error| CliError::failed(format!("no HTTP client can be made: {error}")))?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned() })
    }

    /// `GET /_sim/…`
    pub(crate) async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.answer(path, self.client.get(self.url(path))).await
    }

    /// `POST /_sim/…` with JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.answer(path, self.client.post(self.url(path)).body(body.to_string())).await
    }

    /// `POST /_sim/…` with text.
    pub(crate) async fn post_text(&self, path: &str, body: String) -> Result<Value, CliError> {
        self.answer(path, self.client.post(self.url(path)).body(body)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/_sim/{path}", self.base)
    }

    async fn answer(&self, path: &str, request: reqwest::RequestBuilder) -> Result<Value, CliError> {
        let failed = |what: String| CliError::failed(format!("the simulator at {} ({path}): {what}", self.base));
        let nobody = "nobody answers there; `galbridge demo --keep` starts one and tells its address";
        let unsent = |error: reqwest::Error| if error.is_connect() { nobody.to_owned() } else { error.without_url().to_string() };
        let response = request.send().await.map_err(|error| failed(unsent(error)))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| failed(error.without_url().to_string()))?;
        if !status.is_success() {
            return Err(failed(String::from_utf8_lossy(&body).into_owned()));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| failed(format!("an answer that is no JSON: {error}")))
    }

    /// What its clock says.
    async fn now(&self) -> Result<Timestamp, CliError> {
        moment(&self.get("clock").await?)
    }

    /// Moves its clock on.
    async fn advance(&self, by: SignedDuration) -> Result<Timestamp, CliError> {
        moment(&self.post("clock", &json!({"advance_seconds": by.as_secs_f64()})).await?)
    }
}

fn moment(answer: &Value) -> Result<Timestamp, CliError> {
    let text = answer.get("now").and_then(Value::as_str).unwrap_or_default();
    text.parse().map_err(|_| CliError::failed("the simulator does not say what time it is"))
}

/// A clock that follows a simulator's.
#[derive(Debug)]
pub(crate) struct SimulatorClock {
    api: SimulatorApi,
    now: Mutex<Timestamp>,
    moving: tokio::sync::Mutex<()>,
}

impl SimulatorClock {
    /// Follows the clock of this simulator.
    pub(crate) async fn follow(api: SimulatorApi) -> Result<Self, CliError> {
        let now = Mutex::new(api.now().await?);
        Ok(Self { api, now, moving: tokio::sync::Mutex::default() })
    }

    /// Lets time pass on both sides.
    pub(crate) async fn advance(&self, by: SignedDuration) -> Result<(), CliError> {
        let now = self.api.advance(by).await?;
        self.at_least(now);
        Ok(())
    }

    fn at_least(&self, moment: Timestamp) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = moment.max(*now);
    }
}

#[async_trait]
impl Clock for SimulatorClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now() + SignedDuration::try_from(duration).unwrap_or(SignedDuration::ZERO);
        // Others who wait meanwhile are then already there, or wait for the rest.
        let _one = self.moving.lock().await;
        let missing = until.duration_since(self.now());
        if missing <= SignedDuration::ZERO {
            return;
        }
        if self.advance(missing).await.is_err() {
            // A simulator on the wall clock, or none any more: real waiting is right as well.
            tokio::time::sleep(missing.unsigned_abs()).await;
            self.at_least(until);
        }
    }
}

impl Observer for SimulatorClock {
    fn exchanged(&self, _exchange: &Exchanged<'_>) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now += STEP;
    }
}
