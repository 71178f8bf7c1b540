//! `POST /adminapi/beta/{tenant}/InvokeCommand`: from the request to the cmdlet and back. MICROSOFT.md section 4.

use std::fmt::Write as _;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::error::ExchangeError;
use super::organization;
use super::parameters::{Bound, bind};
use super::row::write_string;
use super::{read, write};
use crate::clock::{earlier, later};
use crate::faults::Faults;
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::tenant::{ExchangeRole, Tenant, TenantState};

/// Requests in a window of Exchange's own counting.
const RATE_LIMIT: u32 = 30_000;
/// How long such a window is.
const RATE_WINDOW: Duration = Duration::from_secs(30);

/// A cmdlet about to run.
pub(crate) struct Invocation<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) tenant: &'a Tenant,
    pub(crate) asked: &'a Asked,
    pub(crate) bound: Bound,
    /// The whole body, which every page must repeat.
    pub(crate) body: Value,
    /// `$select`, if given.
    pub(crate) select: Option<Vec<String>>,
    /// How far the domain controller that answers is behind.
    pub(crate) lag: Duration,
}

impl Invocation<'_> {
    /// The instant whose directory this domain controller knows.
    pub(crate) fn as_of(&self) -> Timestamp {
        earlier(self.asked.arrived, self.lag)
    }

    /// The fault plan.
    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.inner.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URL of `InvokeCommand`, as the caller reached it.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}/adminapi/beta/{}/InvokeCommand", self.asked.base, self.tenant.info.id)
    }

    /// The `odata.maxpagesize` of the Prefer header.
    pub(crate) fn page_preference(&self) -> Option<usize> {
        let prefer = self.asked.header("prefer");
        prefer.split([',', ';']).find_map(|word| {
            let (name, value) = word.split_once('=')?;
            name.trim().eq_ignore_ascii_case("odata.maxpagesize").then(|| value.trim().parse().ok())?
        })
    }
}

/// The body of a request, as far as it has the right shape.
pub(crate) struct Command {
    pub(crate) body: Value,
    pub(crate) cmdlet: String,
    pub(crate) parameters: Map<String, Value>,
}

/// Reads the envelope.
pub(crate) fn command(asked: &Asked) -> Result<Command, ExchangeError> {
    let unreadable = |why: &str| ExchangeError::new("envelope", 400, "Microsoft.Exchange.Admin.OData.Core.ODataServiceException", why);
    if !asked.header("content-type").to_ascii_lowercase().starts_with("application/json") {
        return Err(unreadable("The Content-Type of the request must be application/json."));
    }
    let body: Value = serde_json::from_slice(&asked.body).map_err(|_| unreadable("The body of the request is not valid JSON."))?;
    let input = body.get("CmdletInput").and_then(Value::as_object);
    let input = input.ok_or_else(|| unreadable("The body of the request has no CmdletInput."))?;
    let cmdlet = input.get("CmdletName").and_then(Value::as_str);
    let cmdlet = cmdlet.ok_or_else(|| unreadable("The CmdletInput has no CmdletName."))?.to_owned();
    let parameters = match input.get("Parameters") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(parameters)) => parameters.clone(),
        Some(_) => {
            return Err(unreadable("The Parameters of the CmdletInput are no object."));
        }
    };
    Ok(Command { body: body.clone(), cmdlet, parameters })
}

/// Whether a cmdlet changes the directory.
pub(crate) fn writes(cmdlet: &str) -> bool {
    !cmdlet.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("Get-"))
}

/// Whether the application's Exchange role lets it run the cmdlet.
pub(crate) fn may_run(role: &ExchangeRole, cmdlet: &str, app: uuid::Uuid) -> Result<(), ExchangeError> {
    match role {
        ExchangeRole::None => Err(ExchangeError::new(
            "role-missing",
            403,
            "System.UnauthorizedAccessException",
            format!(
                "[FailureCategory=AuthZ-CmdletAccessDeniedException] The role assigned to application {app} isn't \
                 supported in this scenario. Please check online documentation for assigning correct Directory Roles \
                 to Azure AD Application for EXO App-Only Authentication."
            ),
        )),
        ExchangeRole::Read if writes(cmdlet) => Err(ExchangeError::access_denied("cmdlet-not-in-role")),
        ExchangeRole::Cmdlets(allowed) if !allowed.iter().any(|one| one.eq_ignore_ascii_case(cmdlet)) => {
            Err(ExchangeError::access_denied("cmdlet-not-in-role"))
        }
        ExchangeRole::Read | ExchangeRole::Write | ExchangeRole::Cmdlets(_) => Ok(()),
    }
}

/// Runs a cmdlet. The one place where Exchange's work happens, after faults and waiting.
pub(crate) fn run(inner: &Inner, tenant: &Tenant, asked: &Asked, cmdlet: &'static str, command: Command) -> Result<Reply, ExchangeError> {
    let (low, high) = {
        let faults = inner.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.replication_lag(!asked.header("x-anchormailbox").is_empty())
    };
    let mut state = tenant.lock();
    let lag = Duration::from_millis(state.chance.between(low, high));
    let bound = bind(cmdlet, &command.parameters)?;
    let options = asked.options();
    let option = |wanted: &str| options.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let select = option("$select").map(|list| list.split(',').map(|name| name.trim().to_owned()).collect());
    let call = Invocation { inner, tenant, asked, bound, body: command.body, select, lag };
    let state = &mut *state;
    if let Some(token) = option("$skiptoken") {
        return read::next_page(&call, state, &token);
    }
    match cmdlet {
        "Get-AcceptedDomain" | "Get-OrganizationConfig" => {
            let rows = organization::rows(&call, state)?;
            let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
            Ok(envelope(&call, &[], None, &rows.join(",")))
        }
        _ if writes(cmdlet) => write::run(&call, state),
        _ => read::first_page(&call, state),
    }
}

/// The success envelope around rows that are JSON already.
pub(crate) fn envelope(call: &Invocation<'_>, warnings: &[String], next: Option<&str>, rows: &str) -> Reply {
    let mut body = String::with_capacity(rows.len() + 512);
    body.push_str("{\"@odata.context\":");
    let context = format!("{}/adminapi/beta/{}/$metadata#Collection(Exchange.GenericHashTable)", call.asked.base, call.tenant.info.id);
    write_string(&mut body, &context);
    body.push_str(",\"adminapi.warnings@odata.type\":\"#Collection(String)\",\"@adminapi.warnings\":[");
    for (at, warning) in warnings.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        write_string(&mut body, warning);
    }
    body.push(']');
    if let Some(next) = next {
        body.push_str(",\"@odata.nextLink\":");
        write_string(&mut body, next);
    }
    let _ = write!(body, ",\"value\":[{rows}]}}");
    Reply::text(200, "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8", body)
        .with("Preference-Applied", "odata.include-annotations=\"*\"")
}

/// The headers every answer of Exchange carries.
pub(crate) fn with_headers(reply: Reply, asked: &Asked, state: &mut TenantState, request_id: uuid::Uuid) -> Reply {
    let now = asked.arrived;
    if state.rate_window.0 <= now {
        state.rate_window = (later(now, RATE_WINDOW), RATE_LIMIT);
    }
    state.rate_window.1 = state.rate_window.1.saturating_sub(1);
    let in_flight = state.stats.exchange_in_flight().saturating_sub(1).to_string();
    let reply = reply
        .with("request-id", request_id.to_string())
        .with("OData-Version", "4.0")
        .with("Rate-Limit-Limit", RATE_LIMIT.to_string())
        .with("Rate-Limit-Remaining", state.rate_window.1.to_string())
        .with("Rate-Limit-Reset", state.rate_window.0.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        .with("X-CalculatedBETarget", "bn8pr01mb0001.namprd01.prod.outlook.com")
        .with("X-ConcurrencyCount", in_flight.clone())
        .with("X-CombinedAppOnlyConcurrencyCount", in_flight)
        .with("X-ExchangeVersion", "15.20.8000.0000")
        .with("Vary", "Accept-Encoding");
    match asked.header("client-request-id") {
        "" => reply,
        id => reply.with("client-request-id", id),
    }
}
