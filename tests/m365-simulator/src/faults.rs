//! What goes wrong, and when: by probability, or at an exact call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dice::Dice;

/// How hostile the services are when nobody says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultLevel {
    /// Nothing goes wrong and nothing lags.
    None,
    /// A usual day: short lags, replays, a throttled or failing call now and then.
    Usual,
    /// A bad day.
    Hostile,
}

/// One kind of fault. The names are those of the fault plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Does the work, then closes the connection without an answer.
    CommitThenDrop,
    /// Closes the connection without doing anything.
    DropBeforeCommit,
    /// Does the work, then answers 504.
    #[serde(rename = "commit-then-504")]
    CommitThen504,
    /// Does the work, then lets the caller wait 15 minutes and closes the connection.
    CommitThenHang,
    /// Answers `status` without doing anything.
    Status,
    /// 429 with Retry-After.
    #[serde(rename = "429")]
    Throttle,
    /// 429 without Retry-After.
    #[serde(rename = "429-bare")]
    ThrottleBare,
    /// Answers 500.
    #[serde(rename = "500")]
    InternalError,
    /// Answers 503.
    #[serde(rename = "503")]
    Unavailable,
    /// Answers 504 without doing anything.
    #[serde(rename = "504")]
    GatewayTimeout,
    /// Exchange error in form A, of `type` and `message`.
    FormA,
    /// Exchange error in form B.
    FormB,
    /// Exchange error in form C.
    FormC,
    /// Exchange's 403 of NUL bytes.
    FormD,
    /// Exchange's plain text about concurrent requests.
    FormE,
    /// Exchange's proxied wrapper around form A.
    FormF,
    /// Does the work, and cuts the answer in the middle.
    TruncatedJson,
    /// Takes `delay_ms` longer.
    Delay,
    /// Exchange: a short delay that a warning tells of.
    MicroDelay,
    /// Exchange: a reading answers without its rows, as a controller does that does not know of the change yet.
    LeaveOut,
    /// Graph: the delta token is expired (400 syncStateNotFound).
    #[serde(rename = "expire-delta-400")]
    ExpireDelta400,
    /// Graph: 410 with a Location.
    #[serde(rename = "resync-410")]
    Resync410,
    /// Graph delta: an object of the page appears twice, once as it is on an earlier page.
    Replay,
    /// Graph delta: a page without objects before the real one.
    EmptyPages,
    /// Graph delta: the objects of the page in another order.
    Reorder,
    /// Graph delta: deleted users among the first enumeration.
    RemovedInInitialSync,
}

/// An exact place for a fault. All the selectors that are given must fit.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultCall {
    /// Short name of the tenant.
    #[serde(default)]
    pub tenant: Option<String>,
    /// `token`, `users-delta`, `contacts-delta`, `groups-delta`, `members`, `object`, `list`, `batch` or `invoke`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The cmdlet, with endpoint `invoke`.
    #[serde(default)]
    pub cmdlet: Option<String>,
    /// A part of the cmdlet's Identity, Name or address, any case.
    #[serde(default)]
    pub identity: Option<String>,
    /// Only the n-th fitting call, counted from one.
    #[serde(default)]
    pub nth: Option<u64>,
    /// Every n-th fitting call.
    #[serde(default)]
    pub every: Option<u64>,
    /// Each fitting call with this probability.
    #[serde(default)]
    pub probability: Option<f64>,
    /// At most this often.
    #[serde(default)]
    pub times: Option<u64>,
    /// What happens.
    #[serde(rename = "do")]
    pub fault: Option<Fault>,
    /// With `status`: which one. With a form: the HTTP status, instead of the usual one.
    #[serde(default)]
    pub status: Option<u16>,
    /// Seconds for Retry-After.
    #[serde(default)]
    pub retry_after: Option<u32>,
    /// With `delay`: how long.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// With a form: the .NET type.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// With a form: the text.
    #[serde(default)]
    pub message: Option<String>,
}

/// How a Set or Remove answers success. MICROSOFT.md section 11, point 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SetAnswer {
    /// Always 200 with an empty list.
    #[serde(rename = "200")]
    Ok,
    /// Always 204.
    #[serde(rename = "204")]
    NoContent,
    /// Now the one, now the other.
    #[serde(rename = "mixed")]
    Mixed,
}

/// The body of `PUT /_sim/faults`. It replaces the plan before it; what it does not name falls back to its level.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// The level to begin from; none keeps the present one.
    #[serde(default)]
    pub level: Option<FaultLevel>,
    /// By fault: how likely a request that can have it has it.
    #[serde(default)]
    pub probabilities: BTreeMap<Fault, f64>,
    /// Exact calls.
    #[serde(default)]
    pub calls: Vec<FaultCall>,
    /// Lag of Exchange's domain controllers with an anchor, from and to, in milliseconds.
    #[serde(default)]
    pub replication_lag_ms: Option<(u64, u64)>,
    /// Lag without X-AnchorMailbox.
    #[serde(default)]
    pub unanchored_lag_ms: Option<(u64, u64)>,
    /// How long Graph takes to show a change.
    #[serde(default)]
    pub graph_delay_ms: Option<(u64, u64)>,
    /// How Set and Remove answer.
    #[serde(default)]
    pub set_answer: Option<SetAnswer>,
}

/// What a request is, for the selectors.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub(crate) tenant: String,
    pub(crate) endpoint: &'static str,
    pub(crate) cmdlet: String,
    pub(crate) identity: String,
    pub(crate) writes: bool,
    /// A deltaLink's first request, which alone can be told to start over.
    pub(crate) uses_delta_token: bool,
}

/// A fault that was drawn.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    pub(crate) fault: Fault,
    pub(crate) call: FaultCall,
}

/// The plan at work.
pub(crate) struct Faults {
    level: FaultLevel,
    plan: FaultPlan,
    probabilities: BTreeMap<Fault, f64>,
    /// How often each exact call fitted, and how often it happened.
    fitted: Vec<(u64, u64)>,
}

impl Faults {
    pub(crate) fn new(level: FaultLevel) -> Faults {
        let mut faults = Faults { level, plan: FaultPlan::default(), probabilities: BTreeMap::new(), fitted: Vec::new() };
        faults.set(FaultPlan::default());
        faults
    }

    /// Replaces the plan.
    pub(crate) fn set(&mut self, plan: FaultPlan) {
        self.level = plan.level.unwrap_or(self.level);
        self.probabilities = usual(self.level);
        self.probabilities.extend(plan.probabilities.iter().map(|(fault, often)| (*fault, *often)));
        self.fitted = vec![(0, 0); plan.calls.len()];
        self.plan = plan;
    }

    /// The plan in force, for `GET /_sim/faults`.
    pub(crate) fn plan(&self) -> FaultPlan {
        FaultPlan { level: Some(self.level), probabilities: self.probabilities.clone(), ..self.plan.clone() }
    }

    /// Every fault this request has.
    pub(crate) fn draw(&mut self, call: &Call, dice: &mut Dice) -> Vec<Drawn> {
        let mut drawn = Vec::new();
        for (planned, (fitted, happened)) in self.plan.calls.iter().zip(&mut self.fitted) {
            let Some(fault) = planned.fault else { continue };
            if !fits(planned, call) {
                continue;
            }
            *fitted += 1;
            let due = planned.nth.is_none_or(|nth| nth == *fitted)
                && planned.every.is_none_or(|every| every > 0 && *fitted % every == 0)
                && planned.times.is_none_or(|times| *happened < times)
                && planned.probability.is_none_or(|probability| dice.chance(probability));
            if due {
                *happened += 1;
                drawn.push(Drawn { fault, call: planned.clone() });
            }
        }
        for (fault, probability) in &self.probabilities {
            if can_have(*fault, call) && dice.chance(*probability) {
                drawn.push(Drawn { fault: *fault, call: FaultCall::default() });
            }
        }
        drawn
    }

    /// Range of the lag of a domain controller, in milliseconds.
    pub(crate) fn replication_lag(&self, anchored: bool) -> (u64, u64) {
        let (given, usual) = if anchored {
            (self.plan.replication_lag_ms, [(0, 0), (0, 300), (0, 3_000)])
        } else {
            (self.plan.unanchored_lag_ms, [(0, 0), (0, 10_000), (0, 30_000)])
        };
        given.unwrap_or(usual[self.rank()])
    }

    /// Range of the delay until Graph shows a change, in milliseconds.
    pub(crate) fn graph_delay(&self, from_exchange: bool) -> (u64, u64) {
        let usual = if from_exchange { [(0, 0), (2_000, 20_000), (5_000, 120_000)] } else { [(0, 0), (0, 3_000), (0, 30_000)] };
        self.plan.graph_delay_ms.unwrap_or(usual[self.rank()])
    }

    /// How Set and Remove answer.
    pub(crate) fn set_answer(&self) -> SetAnswer {
        let usual = if self.level == FaultLevel::None { SetAnswer::Ok } else { SetAnswer::Mixed };
        self.plan.set_answer.unwrap_or(usual)
    }

    fn rank(&self) -> usize {
        match self.level {
            FaultLevel::None => 0,
            FaultLevel::Usual => 1,
            FaultLevel::Hostile => 2,
        }
    }
}

fn fits(planned: &FaultCall, call: &Call) -> bool {
    let same = |wanted: &Option<String>, known: &str| wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(known));
    same(&planned.tenant, &call.tenant)
        && same(&planned.endpoint, call.endpoint)
        && same(&planned.cmdlet, &call.cmdlet)
        && planned.identity.as_deref().is_none_or(|wanted| call.identity.to_lowercase().contains(&wanted.to_lowercase()))
}

/// Whether a fault by probability makes sense for this request.
fn can_have(fault: Fault, call: &Call) -> bool {
    let delta = call.endpoint.ends_with("-delta");
    match fault {
        Fault::CommitThenDrop | Fault::CommitThen504 | Fault::CommitThenHang => call.writes,
        Fault::FormA | Fault::FormB | Fault::FormC | Fault::FormD | Fault::FormE | Fault::FormF | Fault::MicroDelay => {
            call.endpoint == "invoke"
        }
        Fault::ExpireDelta400 | Fault::Resync410 => delta && call.uses_delta_token,
        Fault::Replay | Fault::EmptyPages | Fault::Reorder | Fault::RemovedInInitialSync => delta,
        Fault::Status => false,
        _ => true,
    }
}

/// What happens at each level when no plan says otherwise.
fn usual(level: FaultLevel) -> BTreeMap<Fault, f64> {
    let rows: &[(Fault, f64, f64)] = &[
        (Fault::CommitThenDrop, 0.002, 0.02),
        (Fault::DropBeforeCommit, 0.001, 0.01),
        (Fault::CommitThen504, 0.003, 0.02),
        (Fault::Throttle, 0.01, 0.05),
        (Fault::ThrottleBare, 0.002, 0.02),
        (Fault::InternalError, 0.002, 0.01),
        (Fault::Unavailable, 0.005, 0.02),
        (Fault::GatewayTimeout, 0.002, 0.01),
        (Fault::FormE, 0.002, 0.01),
        (Fault::FormF, 0.001, 0.01),
        (Fault::TruncatedJson, 0.0, 0.01),
        (Fault::MicroDelay, 0.02, 0.10),
        (Fault::Resync410, 0.0, 0.01),
        (Fault::ExpireDelta400, 0.0, 0.005),
        (Fault::Replay, 0.10, 0.30),
        (Fault::EmptyPages, 0.05, 0.20),
        (Fault::Reorder, 0.20, 0.50),
        (Fault::RemovedInInitialSync, 1.0, 1.0),
    ];
    match level {
        FaultLevel::None => BTreeMap::new(),
        FaultLevel::Usual => rows.iter().map(|(fault, often, _)| (*fault, *often)).collect(),
        FaultLevel::Hostile => rows.iter().map(|(fault, _, often)| (*fault, *often)).collect(),
    }
}
