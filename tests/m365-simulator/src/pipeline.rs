//! The way of a request: who it is for, what goes wrong, how long it takes, what is counted.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::json;

use crate::cloud::Service;
use crate::config::Latency;
use crate::directory::entry::Class;
use crate::entra;
use crate::entra::access_token::AccessToken;
use crate::entra::error::EntraError;
use crate::exchange::error::{ExchangeError, Form};
use crate::exchange::{invoke, parameters};
use crate::faults::{Call, Drawn, Fault};
use crate::graph;
use crate::graph::error::GraphError;
use crate::graph::route::{self, Route};
use crate::graph::throttle::{Standing, budget};
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::tenant::{MANAGE_AS_APP, Tenant};

/// How long a hanging request hangs: the service's own limit for a cmdlet.
const HANG: Duration = Duration::from_secs(900);

/// Whose error bodies a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Entra,
    Graph,
    Exchange,
}

/// Answers a request to any of Microsoft's services.
pub(crate) async fn serve(inner: Arc<Inner>, asked: Asked) -> Reply {
    let path = asked.path.clone();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let reply = match segments.as_slice() {
        ["v1.0", ..] => graph(&inner, &asked).await,
        ["beta", ..] => unknown_path(),
        ["adminapi", version, tenant, rest @ ..] => {
            exchange(&inner, &asked, version, tenant, rest).await
        }
        [tenant, "oauth2", "v2.0", "token"] => token(&inner, &asked, tenant).await,
        [tenant, "v2.0", ".well-known", "openid-configuration"] => {
            entra::discovery::openid_configuration(&inner, &asked, tenant)
        }
        ["common", "discovery", "instance"] => entra::discovery::instance(&asked),
        [_, "discovery", "v2.0", "keys"] => Reply::json(200, &json!({"keys": []})),
        _ => unknown_path(),
    };
    reply.with("Date", crate::clock::http_time(inner.clock.now()))
}

fn unknown_path() -> Reply {
    Reply::json(
        404,
        &json!({"error": {"code": "NotFound", "message": "There is nothing at this address."}}),
    )
}

/// Does the work of one request with everything around it.
async fn perform(
    inner: &Inner,
    asked: &Asked,
    tenant: &Tenant,
    call: Call,
    from: From,
    millis: (u64, u64),
    work: impl FnOnce(&Asked, &[Drawn]) -> Reply,
) -> Reply {
    let (drawn, wait, admitted) = {
        let mut state = tenant.lock();
        state.stats.arrived(call.endpoint, &call.cmdlet);
        let admitted =
            from != From::Exchange || state.stats.enter_exchange(inner.config.concurrency);
        if !admitted {
            state.stats.refused("concurrency");
        }
        let mut faults = inner.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = if admitted {
            faults.draw(&call, &mut state.chance)
        } else {
            Vec::new()
        };
        for one in &drawn {
            state.stats.faulted(&fault_name(one.fault));
        }
        let wait = match inner.config.latency {
            Latency::None => 0,
            Latency::Real => state.latency.between(millis.0, millis.1),
        };
        let delay: u64 = drawn
            .iter()
            .filter(|one| one.fault == Fault::Delay)
            .filter_map(|one| one.call.delay_ms)
            .sum();
        (drawn, wait + delay, admitted)
    };
    if !admitted {
        tenant.lock().stats.left();
        let error = ExchangeError::new("concurrency", 429, "", "").in_form(Form::E);
        return error.reply();
    }
    let early = drawn
        .iter()
        .find_map(|one| early(inner, asked, tenant, one, from));
    let mut reply = if let Some(reply) = early {
        sleep(wait.min(100)).await;
        reply
    } else {
        sleep(wait * 7 / 10).await;
        let at_work = Asked {
            arrived: inner.clock.now(),
            ..asked.clone()
        };
        let reply = work(&at_work, &drawn);
        sleep(wait - wait * 7 / 10).await;
        late(inner, asked, &drawn, from, reply).await
    };
    let mut state = tenant.lock();
    if from == From::Exchange {
        let id = state.chance.uuid();
        reply = invoke::with_headers(reply, asked, &mut state, id);
        state.stats.leave_exchange();
    }
    if reply.committed {
        state.stats.wrote(asked.arrived, inner.clock.now());
    }
    state.stats.left();
    reply
}

async fn sleep(millis: u64) {
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

fn fault_name(fault: Fault) -> String {
    serde_json::to_value(fault)
        .ok()
        .and_then(|value| value.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

/// Faults that keep the work from being done.
fn early(
    inner: &Inner,
    asked: &Asked,
    tenant: &Tenant,
    drawn: &Drawn,
    from: From,
) -> Option<Reply> {
    let call = &drawn.call;
    let seconds = || {
        call.retry_after
            .map_or_else(|| tenant.lock().chance.between(1, 10), u64::from)
            .to_string()
    };
    let exchange_error = |form: Form, status: u16| {
        let kind = call
            .kind
            .as_deref()
            .unwrap_or("Microsoft.Exchange.Data.Directory.ADTransientException");
        let text = call
            .message
            .as_deref()
            .unwrap_or("The issue may be transient. Please try again.");
        let mut error =
            ExchangeError::new("injected", call.status.unwrap_or(status), kind, text).in_form(form);
        if form == Form::D {
            error.kind = call
                .kind
                .clone()
                .unwrap_or_else(|| "CmdletAccessDeniedException".to_owned());
        }
        let reply = error.reply();
        match call.retry_after {
            Some(seconds) => reply.with("Retry-After", seconds.to_string()),
            None => reply,
        }
    };
    Some(match drawn.fault {
        Fault::DropBeforeCommit => Reply::dropped(),
        Fault::Throttle => refusal(inner, asked, from, 429).with("Retry-After", seconds()),
        Fault::ThrottleBare => refusal(inner, asked, from, 429),
        Fault::InternalError => refusal(inner, asked, from, 500),
        Fault::Unavailable => refusal(inner, asked, from, 503),
        Fault::GatewayTimeout => refusal(inner, asked, from, 504),
        Fault::Status => {
            let reply = refusal(inner, asked, from, call.status.unwrap_or(500));
            match call.retry_after {
                Some(seconds) => reply.with("Retry-After", seconds.to_string()),
                None => reply,
            }
        }
        Fault::FormA => exchange_error(Form::A, 500),
        Fault::FormB => exchange_error(Form::B, 400),
        Fault::FormC => exchange_error(Form::C, 400),
        Fault::FormD => exchange_error(Form::D, 403),
        Fault::FormE => exchange_error(Form::E, 429),
        Fault::FormF => exchange_error(Form::F, 500),
        Fault::CommitThenDrop
        | Fault::CommitThen504
        | Fault::CommitThenHang
        | Fault::TruncatedJson
        | Fault::Delay
        | Fault::ExpireDelta400
        | Fault::Resync410
        | Fault::Replay
        | Fault::EmptyPages
        | Fault::Reorder
        | Fault::RemovedInInitialSync => return None,
    })
}

/// Faults that spoil the answer after the work is done.
async fn late(
    inner: &Inner,
    asked: &Asked,
    drawn: &[Drawn],
    from: From,
    mut reply: Reply,
) -> Reply {
    for one in drawn {
        let committed = reply.committed;
        let spoilt = match one.fault {
            Fault::CommitThenDrop => Reply::dropped(),
            Fault::CommitThen504 => refusal(inner, asked, from, 504),
            Fault::CommitThenHang => {
                tokio::time::sleep(HANG).await;
                Reply::dropped()
            }
            Fault::TruncatedJson => {
                let half = reply.body.len() / 2;
                Reply {
                    body: reply.body.slice(..half),
                    ..reply.clone()
                }
            }
            _ => continue,
        };
        reply = Reply {
            committed,
            ..spoilt
        };
    }
    reply
}

/// What a service answers with this status and no better reason.
fn refusal(inner: &Inner, asked: &Asked, from: From, status: u16) -> Reply {
    let id = inner.draw_uuid();
    match from {
        From::Entra => match status {
            429 => EntraError::new(
                50196,
                429,
                "temporarily_unavailable",
                "The server terminated the request.",
            )
            .reply(asked, id),
            _ => EntraError::new(
                90033,
                status,
                "temporarily_unavailable",
                "A transient error has occurred. Please try again.",
            )
            .reply(asked, id),
        },
        From::Graph => {
            let (code, message) = match status {
                401 => (
                    "InvalidAuthenticationToken",
                    "Access token has expired or is not yet valid.",
                ),
                429 => ("TooManyRequests", "Too many requests."),
                503 => (
                    "serviceNotAvailable",
                    "The service is temporarily unavailable.",
                ),
                504 => ("GatewayTimeout", "The service did not answer in time."),
                _ => ("generalException", "An internal server error occurred."),
            };
            let reply = GraphError::new(status, code, message).reply(asked, id);
            graph::error::with_headers(reply, asked, id)
        }
        From::Exchange if status == 401 => challenge(asked),
        From::Exchange => ExchangeError::new(
            "injected",
            status,
            "Microsoft.Exchange.Data.Directory.ADTransientException",
            "The issue may be transient. Please try again.",
        )
        .reply(),
    }
}

async fn token(inner: &Inner, asked: &Asked, segment: &str) -> Reply {
    let Some(tenant) = inner.tenant_named(segment) else {
        inner.count_unknown();
        return entra::token::unknown_tenant(inner, asked, segment);
    };
    if asked.method != http::Method::POST {
        return EntraError::new(
            900_561,
            400,
            "invalid_request",
            "The endpoint only accepts POST requests.",
        )
        .reply(asked, inner.draw_uuid());
    }
    let call = Call {
        tenant: tenant.info.name.clone(),
        endpoint: "token",
        ..Call::default()
    };
    perform(
        inner,
        asked,
        tenant,
        call,
        From::Entra,
        (100, 200),
        |asked, _| entra::token::answer(inner, tenant, asked, segment),
    )
    .await
}

/// The tenant and the claims of a bearer token meant for this service.
fn authenticated<'a>(
    inner: &'a Inner,
    asked: &Asked,
    service: Service,
) -> Option<(&'a Tenant, AccessToken)> {
    let token = inner.key.read(asked.bearer()?, asked.arrived)?;
    let tenant = inner
        .tenants
        .iter()
        .find(|tenant| tenant.info.id == token.tid)?;
    let authority = token
        .aud
        .split_once("://")
        .map_or(token.aud.as_str(), |(_, rest)| rest);
    let host = authority.split(['/', ':']).next().unwrap_or_default();
    let meant = match tenant.info.cloud.service_of(host) {
        Some(other) => other == service,
        None => match token.aud.as_str() {
            "00000003-0000-0000-c000-000000000000" => service == Service::Graph,
            "00000002-0000-0ff1-ce00-000000000000" => service == Service::Exchange,
            own => own.contains("://"),
        },
    };
    meant.then_some((tenant, token))
}

async fn graph(inner: &Inner, asked: &Asked) -> Reply {
    let request_id = inner.draw_uuid();
    let Some((tenant, token)) = authenticated(inner, asked, Service::Graph) else {
        inner.count_unknown();
        let text = if asked.bearer().is_none() {
            "Access token is empty."
        } else {
            "Access token has expired or is not yet valid."
        };
        let reply =
            GraphError::new(401, "InvalidAuthenticationToken", text).reply(asked, request_id);
        return graph::error::with_headers(reply, asked, request_id)
            .with("WWW-Authenticate", "Bearer realm=\"\"");
    };
    let route = route::recognise(asked.path.trim_start_matches("/v1.0"));
    let uses_delta_token = matches!(route, Route::Delta(_))
        && asked.options().iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("$deltatoken") && !value.is_empty() && value != "latest"
        });
    let call = Call {
        tenant: tenant.info.name.clone(),
        endpoint: route.endpoint(),
        uses_delta_token,
        identity: match &route {
            Route::Single { id, .. } => id.clone(),
            Route::Members { group, .. } => group.clone(),
            _ => String::new(),
        },
        ..Call::default()
    };
    perform(
        inner,
        asked,
        tenant,
        call,
        From::Graph,
        (50, 150),
        |asked, drawn| {
            let units = route.units(asked);
            let (standing, share_header) = {
                let mut state = tenant.lock();
                let users = state.directory.class(Class::User).len();
                let standing = state.units.spend(units, budget(users), asked.arrived);
                state.stats.resource_units += units;
                (
                    standing,
                    format!("Tenant_Application/ReadWrite/{}/{}", token.appid, token.tid),
                )
            };
            let result = match standing {
                Standing::Over(seconds) => {
                    Err(
                        GraphError::new(429, "TooManyRequests", "Too many requests.")
                            .with("Retry-After", seconds.to_string())
                            .with("x-ms-throttle-scope", share_header)
                            .with("x-ms-throttle-information", "ResourceUnitLimitExceeded"),
                    )
                }
                Standing::Within(_) => {
                    route::answer(inner, tenant, asked, &route, &token.roles, drawn)
                }
            };
            let mut reply = match result {
                Ok(reply) => reply,
                Err(error) => {
                    tenant.lock().stats.refused(error.code);
                    error.reply(asked, request_id)
                }
            };
            reply = graph::error::with_headers(reply, asked, request_id)
                .with("x-ms-resource-unit", units.to_string());
            match standing {
                Standing::Within(share) if share >= 0.8 => {
                    reply.with("x-ms-throttle-limit-percentage", format!("{share:.2}"))
                }
                _ => reply,
            }
        },
    )
    .await
}

/// 401 of Exchange, which has no body.
fn challenge(asked: &Asked) -> Reply {
    let base = &asked.base;
    Reply::empty(401).with(
        "WWW-Authenticate",
        format!(
            "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", trusted_issuers=\"\", token_types=\"app_asserted_user_v1 \
             service_asserted_app_v1\", authorization_uri=\"{base}/common/oauth2/authorize\", error=\"invalid_token\""
        ),
    )
}

async fn exchange(
    inner: &Inner,
    asked: &Asked,
    version: &str,
    segment: &str,
    rest: &[&str],
) -> Reply {
    let request_id = inner.draw_uuid();
    let wrong = |status: u16, code: &str, message: &str| {
        Reply::json(
            status,
            &json!({"error": {"code": code, "message": message}}),
        )
        .with("request-id", request_id.to_string())
    };
    let is_invoke = matches!(rest, [name] if name.eq_ignore_ascii_case("InvokeCommand"));
    if version == "v1.0" && is_invoke {
        return wrong(
            405,
            "MethodNotAllowed",
            "The requested resource does not support this http method.",
        );
    }
    if version != "beta" || !is_invoke {
        return wrong(
            404,
            "NotFound",
            "No HTTP resource was found that matches the request URI.",
        );
    }
    if asked.method != http::Method::POST {
        return wrong(
            405,
            "MethodNotAllowed",
            "The requested resource does not support this http method.",
        );
    }
    let authenticated = authenticated(inner, asked, Service::Exchange);
    let Some((tenant, token)) = authenticated.filter(|(tenant, _)| tenant.is_named(segment)) else {
        inner.count_unknown();
        return challenge(asked).with("request-id", request_id.to_string());
    };
    if !token.roles.iter().any(|role| role == MANAGE_AS_APP) {
        tenant.lock().stats.refused("no-manage-as-app");
        return challenge(asked).with("request-id", request_id.to_string());
    }
    let command = match invoke::command(asked) {
        Ok(command) => command,
        Err(error) => {
            tenant.lock().stats.refused(error.reason);
            return error.reply().with("request-id", request_id.to_string());
        }
    };
    let known = parameters::known_cmdlet(&command.cmdlet);
    let writes = known.is_some_and(invoke::writes);
    let text = |name: &str| {
        let found = command
            .parameters
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found
            .and_then(|(_, value)| value.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let call = Call {
        tenant: tenant.info.name.clone(),
        endpoint: "invoke",
        cmdlet: known.unwrap_or(&command.cmdlet).to_owned(),
        identity: [
            text("Identity"),
            text("Name"),
            text("ExternalEmailAddress"),
            text("Filter"),
        ]
        .join("\n"),
        writes,
        uses_delta_token: false,
    };
    let single = !text("Identity").is_empty();
    let millis = match known {
        Some("New-MailContact") => (700, 1_300),
        Some(_) if writes => (400, 800),
        Some(_) if single => (150, 350),
        _ => (300, 900),
    };
    perform(
        inner,
        asked,
        tenant,
        call,
        From::Exchange,
        millis,
        |asked, _| {
            let role = tenant.lock().exchange_role.clone();
            let result = known
                .ok_or_else(|| ExchangeError::access_denied("unknown-cmdlet"))
                .and_then(|cmdlet| invoke::may_run(&role, cmdlet, token.appid).map(|()| cmdlet))
                .and_then(|cmdlet| invoke::run(inner, tenant, asked, cmdlet, command));
            result.unwrap_or_else(|error| {
                tenant.lock().stats.refused(error.reason);
                error.reply()
            })
        },
    )
    .await
}
