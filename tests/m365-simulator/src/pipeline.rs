//! Which service a request is for, and who asks it.

use std::sync::Arc;

use serde_json::json;

use crate::cloud::Service;
use crate::directory::entry::Class;
use crate::entra;
use crate::entra::access_token::AccessToken;
use crate::entra::error::EntraError;
use crate::exchange::error::ExchangeError;
use crate::exchange::{invoke, parameters};
use crate::faults::Call;
use crate::graph;
use crate::graph::error::GraphError;
use crate::graph::route::{self, Route};
use crate::graph::throttle::{Standing, budget};
use crate::perform::perform;
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::spoil::{From, challenge};
use crate::tenant::{MANAGE_AS_APP, Tenant};

/// Answers a request to any of Microsoft's services.
pub(crate) async fn serve(inner: Arc<Inner>, asked: Asked) -> Reply {
    let path = asked.path.clone();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let reply = match segments.as_slice() {
        ["v1.0", ..] => graph(&inner, &asked).await,
        ["beta", ..] => unknown_path(),
        ["adminapi", version, tenant, rest @ ..] => exchange(&inner, &asked, version, tenant, rest).await,
        [tenant, "oauth2", "v2.0", "token"] => token(&inner, &asked, tenant).await,
        [tenant, "v2.0", ".well-known", "openid-configuration"] => entra::discovery::openid_configuration(&inner, &asked, tenant),
        ["common", "discovery", "instance"] => entra::discovery::instance(&asked),
        [_, "discovery", "v2.0", "keys"] => Reply::json(200, &json!({"keys": []})),
        _ => unknown_path(),
    };
    reply.with("Date", crate::clock::http_time(inner.clock.now()))
}

fn unknown_path() -> Reply {
    Reply::json(404, &json!({"error": {"code": "NotFound", "message": "There is nothing at this address."}}))
}

async fn token(inner: &Inner, asked: &Asked, segment: &str) -> Reply {
    let Some(tenant) = inner.tenant_named(segment) else {
        inner.count_unknown();
        return entra::token::unknown_tenant(inner, asked, segment);
    };
    if asked.method != http::Method::POST {
        return EntraError::new(900_561, 400, "invalid_request", "The endpoint only accepts POST requests.")
            .reply(asked, inner.draw_uuid());
    }
    let call = Call { tenant: tenant.info.name.clone(), endpoint: "token", ..Call::default() };
    perform(inner, asked, tenant, call, From::Entra, (100, 200), |asked, _| entra::token::answer(inner, tenant, asked, segment)).await
}

/// The tenant and the claims of a bearer token meant for this service.
fn authenticated<'a>(inner: &'a Inner, asked: &Asked, service: Service) -> Option<(&'a Tenant, AccessToken)> {
    let token = inner.key.read(asked.bearer()?, asked.arrived)?;
    let tenant = inner.tenants.iter().find(|tenant| tenant.info.id == token.tid)?;
    let authority = token.aud.split_once("://").map_or(token.aud.as_str(), |(_, rest)| rest);
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
        let text = if asked.bearer().is_none() { "Access token is empty." } else { "Access token has expired or is not yet valid." };
        let reply = GraphError::new(401, "InvalidAuthenticationToken", text).reply(asked, request_id);
        return graph::error::with_headers(reply, asked, request_id).with("WWW-Authenticate", "Bearer realm=\"\"");
    };
    let route = route::recognise(asked.path.trim_start_matches("/v1.0"));
    let uses_delta_token = matches!(route, Route::Delta(_))
        && asked.options().iter().any(|(name, value)| name.eq_ignore_ascii_case("$deltatoken") && !value.is_empty() && value != "latest");
    let call = Call {
        tenant: tenant.info.name.clone(),
        endpoint: route.endpoint(),
        uses_delta_token,
        identity: match &route {
            Route::Single { id, .. } | Route::MemberOf { id, .. } => id.clone(),
            Route::Members { group, .. } => group.clone(),
            _ => String::new(),
        },
        ..Call::default()
    };
    perform(inner, asked, tenant, call, From::Graph, (50, 150), |asked, drawn| {
        let units = route.units(asked);
        let (standing, share_header) = {
            let mut state = tenant.lock();
            let users = state.directory.class(Class::User).len();
            let standing = state.units.spend(units, budget(users), asked.arrived);
            state.stats.resource_units += units;
            (standing, format!("Tenant_Application/ReadWrite/{}/{}", token.appid, token.tid))
        };
        let result = match standing {
            Standing::Over(seconds) => Err(GraphError::new(429, "TooManyRequests", "Too many requests.")
                .with("Retry-After", seconds.to_string())
                .with("x-ms-throttle-scope", share_header)
                .with("x-ms-throttle-information", "ResourceUnitLimitExceeded")),
            Standing::Within(_) => route::answer(inner, tenant, asked, &route, &token.roles, drawn),
        };
        let mut reply = match result {
            Ok(reply) => reply,
            Err(error) => {
                tenant.lock().stats.refused(error.code);
                error.reply(asked, request_id)
            }
        };
        reply = graph::error::with_headers(reply, asked, request_id).with("x-ms-resource-unit", units.to_string());
        match standing {
            Standing::Within(share) if share >= 0.8 => reply.with("x-ms-throttle-limit-percentage", format!("{share:.2}")),
            _ => reply,
        }
    })
    .await
}

async fn exchange(inner: &Inner, asked: &Asked, version: &str, segment: &str, rest: &[&str]) -> Reply {
    let request_id = inner.draw_uuid();
    let wrong = |status: u16, code: &str, message: &str| {
        Reply::json(status, &json!({"error": {"code": code, "message": message}})).with("request-id", request_id.to_string())
    };
    let is_invoke = matches!(rest, [name] if name.eq_ignore_ascii_case("InvokeCommand"));
    if version == "v1.0" && is_invoke {
        return wrong(405, "MethodNotAllowed", "The requested resource does not support this http method.");
    }
    if version != "beta" || !is_invoke {
        return wrong(404, "NotFound", "No HTTP resource was found that matches the request URI.");
    }
    if asked.method != http::Method::POST {
        return wrong(405, "MethodNotAllowed", "The requested resource does not support this http method.");
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
        let found = command.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned()
    };
    let call = Call {
        tenant: tenant.info.name.clone(),
        endpoint: "invoke",
        cmdlet: known.unwrap_or(&command.cmdlet).to_owned(),
        identity: [text("Identity"), text("Name"), text("ExternalEmailAddress"), text("Filter")].join("\n"),
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
    perform(inner, asked, tenant, call, From::Exchange, millis, |asked, _| {
        let role = tenant.lock().exchange_role.clone();
        let result = known
            .ok_or_else(|| ExchangeError::access_denied("unknown-cmdlet"))
            .and_then(|cmdlet| invoke::may_run(&role, cmdlet, token.appid).map(|()| cmdlet))
            .and_then(|cmdlet| invoke::run(inner, tenant, asked, cmdlet, command));
        result.unwrap_or_else(|error| {
            tenant.lock().stats.refused(error.reason);
            error.reply()
        })
    })
    .await
}
