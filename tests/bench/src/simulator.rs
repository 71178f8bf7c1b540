//! The simulator as a program of its own, its calls below `/_sim`, and a clock that follows its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use engine::ports::Clock;
use jiff::{SignedDuration, Timestamp};
use microsoft365::{Exchanged, Observer, PathClass};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::Problem;

/// How far a request moves a manual clock.
const STEP: SignedDuration = SignedDuration::from_millis(50);

/// A tenant that it has.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tenant {
    pub(crate) name: String,
    pub(crate) id: Uuid,
    pub(crate) app_id: Uuid,
}

/// A running simulator. It ends when this is dropped.
pub(crate) struct Simulator {
    pub(crate) address: String,
    pub(crate) tenants: Vec<Tenant>,
    client: reqwest::Client,
    _process: Child,
    _certificate: tempfile::NamedTempFile,
}

/// The program that was built beside this one.
fn program() -> Result<PathBuf, Problem> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name("m365-simulator");
    if path.exists() { Ok(path) } else { Err("the program m365-simulator is missing: cargo build --release -p m365-simulator".into()) }
}

impl Simulator {
    /// Starts one without faults, for an application with this certificate.
    pub(crate) async fn start(tenants: &[(&str, usize)], certificate: &str, more: &[&str]) -> Result<Self, Problem> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(certificate.as_bytes())?;
        let mut command = Command::new(program()?);
        command.args(["--listen", "127.0.0.1:0", "--seed", "7", "--faults", "none", "--quota", "off", "--client-cert"]).arg(file.path());
        for (name, count) in tenants {
            command.args(["--tenant", &format!("{name}:{count}")]);
        }
        let mut process = command.args(more).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut first = String::new();
        BufReader::new(process.stdout.take().ok_or("the simulator says nothing")?).read_line(&mut first).await?;
        #[derive(Deserialize)]
        struct Started {
            address: String,
            tenants: Vec<Tenant>,
        }
        let Started { address, tenants } = serde_json::from_str(&first)?;
        Ok(Self { address, tenants, client: reqwest::Client::new(), _process: process, _certificate: file })
    }

    /// `GET /_sim/…`
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Problem> {
        answer(self.client.get(format!("{}/_sim/{path}", self.address))).await
    }

    /// `POST /_sim/…`
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Problem> {
        answer(self.client.post(format!("{}/_sim/{path}", self.address)).body(body.to_string())).await
    }

    /// The anchors of the users in a tenant's address list.
    pub(crate) async fn users(&self, tenant: &str) -> Result<Vec<Value>, Problem> {
        let gal = self.get(&format!("tenants/{tenant}/gal")).await?;
        let entries = gal.as_array().into_iter().flatten();
        Ok(entries.filter(|entry| entry["kind"] == "user").map(|entry| entry["anchor"].clone()).collect())
    }

    /// A clock that follows its manual clock.
    pub(crate) async fn clock(&self) -> Result<FollowingClock, Problem> {
        let now = moment(&self.get("clock").await?)?;
        let requests = Mutex::default();
        Ok(FollowingClock {
            address: self.address.clone(),
            client: self.client.clone(),
            now: Mutex::new(now),
            moving: tokio::sync::Mutex::default(),
            requests,
        })
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value, Problem> {
    let body = request.send().await?.error_for_status()?.bytes().await?;
    if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&body)?) }
}

fn moment(answer: &Value) -> Result<Timestamp, Problem> {
    Ok(answer["now"].as_str().unwrap_or_default().parse()?)
}

/// Requests to Microsoft that a client ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Requests {
    /// To the token endpoint.
    pub(crate) tokens: u64,
    /// For members of include groups.
    pub(crate) members: u64,
    /// All others.
    pub(crate) others: u64,
}

impl Requests {
    fn count(&mut self, path: PathClass) {
        match path {
            PathClass::Token => self.tokens += 1,
            PathClass::Members => self.members += 1,
            PathClass::UsersDelta | PathClass::ContactsDelta | PathClass::GroupsDelta | PathClass::Keys | PathClass::Cmdlet(_) => {
                self.others += 1;
            }
        }
    }
}

/// The simulator's manual clock, seen from here: whoever waits moves it on.
pub(crate) struct FollowingClock {
    address: String,
    client: reqwest::Client,
    now: Mutex<Timestamp>,
    moving: tokio::sync::Mutex<()>,
    requests: Mutex<Requests>,
}

impl FollowingClock {
    /// Lets time pass on both sides.
    pub(crate) async fn advance(&self, by: SignedDuration) -> Result<(), Problem> {
        let body = json!({"advance_seconds": by.as_secs_f64()}).to_string();
        let now = moment(&answer(self.client.post(format!("{}/_sim/clock", self.address)).body(body)).await?)?;
        self.at_least(now);
        Ok(())
    }

    /// The requests since this was last asked.
    pub(crate) fn take_requests(&self) -> Requests {
        std::mem::take(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn at_least(&self, moment: Timestamp) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = moment.max(*now);
    }
}

#[async_trait]
impl Clock for FollowingClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now() + SignedDuration::try_from(duration).unwrap_or(SignedDuration::ZERO);
        let _one = self.moving.lock().await;
        let missing = until.duration_since(self.now());
        if missing > SignedDuration::ZERO && self.advance(missing).await.is_err() {
            tokio::time::sleep(missing.unsigned_abs()).await;
            self.at_least(until);
        }
    }
}

impl Observer for FollowingClock {
    fn exchanged(&self, exchange: &Exchanged<'_>) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now += STEP;
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).count(exchange.path);
    }
}

/// The machine's clock, for a simulator on the wall clock.
pub(crate) struct WallClock;

#[async_trait]
impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the benchmark's own wiring")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
