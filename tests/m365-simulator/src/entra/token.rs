//! `POST /{tenant}/oauth2/v2.0/token`: client credentials with a certificate. MICROSOFT.md sections 1.1 to 1.4.

use serde_json::json;

use super::access_token::AccessToken;
use super::assertion;
use super::error::{EntraError, headers};
use crate::cloud::{Cloud, Service};
use crate::reply::{Asked, Reply, decode_form};
use crate::simulator::Inner;
use crate::tenant::{MANAGE_AS_APP, Tenant};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What the requested scope stands for.
enum Resource {
    /// A host of the tenant's cloud.
    Of(Service),
    /// The simulator's own address: both services in one.
    Own,
}

/// Answers a token request.
pub(crate) fn answer(inner: &Inner, tenant: &Tenant, asked: &Asked, segment: &str) -> Reply {
    let trace_id = inner.draw_uuid();
    match issue(inner, tenant, asked, segment) {
        Ok((token, lifetime)) => {
            let body = json!({
                "token_type": "Bearer",
                "expires_in": lifetime,
                "ext_expires_in": lifetime,
                "access_token": inner.key.issue(&token),
            });
            headers(Reply::json(200, &body), asked, trace_id)
        }
        Err(error) => {
            tenant.lock().stats.refused(&format!("AADSTS{}", error.code));
            error.reply(asked, trace_id)
        }
    }
}

/// Answers a token request for a tenant that does not exist.
pub(crate) fn unknown_tenant(inner: &Inner, asked: &Asked, segment: &str) -> Reply {
    let error = match segment {
        "common" | "organizations" | "consumers" => EntraError::new(
            50059,
            400,
            "invalid_request",
            "No tenant-identifying information found in either the request or implied by any provided credentials.",
        ),
        _ if segment.parse::<uuid::Uuid>().is_ok() || segment.contains('.') => EntraError::tenant_not_found(segment),
        _ => EntraError::new(
            900_023,
            400,
            "invalid_request",
            format!("Specified tenant identifier '{segment}' is neither a valid DNS name, nor a valid external domain."),
        ),
    };
    error.reply(asked, inner.draw_uuid())
}

fn issue(inner: &Inner, tenant: &Tenant, asked: &Asked, segment: &str) -> Result<(AccessToken, i64), EntraError> {
    let now = asked.arrived;
    let form = decode_form(&String::from_utf8_lossy(&asked.body));
    let field = |name: &str| {
        let found = form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    };
    let needed = |name: &str| {
        field(name).ok_or_else(|| {
            EntraError::new(900_144, 400, "invalid_request", format!("The request body must contain the following parameter: '{name}'."))
        })
    };
    right_cloud(asked, tenant, segment)?;
    if needed("grant_type")? != "client_credentials" {
        return Err(EntraError::new(70003, 400, "unsupported_grant_type", "The app requested an unsupported grant type."));
    }
    let client_id = needed("client_id")?;
    if client_id.parse().ok() != Some(tenant.info.app_id) {
        return Err(EntraError::new(
            700_016,
            400,
            "unauthorized_client",
            format!(
                "Application with identifier '{client_id}' was not found in the directory '{}'. This can happen if the \
                 application has not been installed by the administrator of the tenant or consented to by any user in \
                 the tenant. You may have sent your authentication request to the wrong tenant.",
                tenant.info.name
            ),
        ));
    }
    let scope = needed("scope")?;
    if field("client_secret").is_some() {
        return Err(EntraError::new(
            7_000_215,
            401,
            "invalid_client",
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, \
             not the client secret ID, for a secret added to app.",
        ));
    }
    let assertion = field("client_assertion").ok_or_else(|| {
        EntraError::new(
            7_000_218,
            401,
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )
    })?;
    if needed("client_assertion_type")? != ASSERTION_TYPE {
        return Err(EntraError::new(50027, 400, "invalid_request", "The client_assertion_type is not supported."));
    }
    let mut state = tenant.lock();
    assertion::verify(&mut state, assertion, client_id, &audiences(asked, tenant, segment), now)?;
    let resource = resource(asked, tenant, scope)?;
    let roles: Vec<String> = state
        .roles
        .iter()
        .filter(|role| match resource {
            Resource::Of(Service::Exchange) => *role == MANAGE_AS_APP,
            Resource::Of(Service::Graph) => *role != MANAGE_AS_APP,
            Resource::Own => true,
        })
        .cloned()
        .collect();
    let drawn = i64::try_from(state.chance.between(3_599, 5_399)).unwrap_or(3_599);
    let lifetime = inner.config.token_lifetime.map_or(drawn, |fixed| i64::try_from(fixed.as_secs()).unwrap_or(drawn));
    let token = AccessToken {
        aud: scope.trim_end_matches(".default").trim_end_matches('/').to_owned(),
        iss: format!("https://sts.windows.net/{}/", tenant.info.id),
        iat: now.as_second(),
        nbf: now.as_second(),
        exp: now.as_second() + lifetime + 1,
        appid: tenant.info.app_id,
        oid: tenant.info.app_object_id,
        tid: tenant.info.id,
        uti: state.chance.hex(22),
        ver: "1.0".to_owned(),
        roles,
    };
    Ok((token, lifetime))
}

/// A host of another cloud does not know the tenant.
fn right_cloud(asked: &Asked, tenant: &Tenant, segment: &str) -> Result<(), EntraError> {
    let foreign = Cloud::is_microsoft_host(&asked.host) && !tenant.info.cloud.authorities().contains(&&*asked.host);
    if foreign { Err(EntraError::tenant_not_found(segment)) } else { Ok(()) }
}

/// The audiences an assertion may have: the URL it is posted to, or the tenant's issuer.
fn audiences(asked: &Asked, tenant: &Tenant, segment: &str) -> Vec<String> {
    let mut all = Vec::new();
    for authority in tenant.info.cloud.authorities() {
        all.push(format!("https://{authority}/{segment}/oauth2/v2.0/token"));
        all.push(format!("https://{authority}/{segment}/v2.0"));
    }
    all.push(format!("{}/{segment}/oauth2/v2.0/token", asked.base));
    all.push(format!("{}/{segment}/v2.0", asked.base));
    all
}

fn resource(asked: &Asked, tenant: &Tenant, scope: &str) -> Result<Resource, EntraError> {
    let invalid = |reason: &str| {
        EntraError::new(
            70011,
            400,
            "invalid_scope",
            format!(
                "The provided request must include a 'scope' input parameter. The provided value for the input \
                     parameter 'scope' is not valid. {reason} The scope {scope} is not valid."
            ),
        )
    };
    if scope.split_whitespace().count() != 1 {
        return Err(invalid("It names more than one resource."));
    }
    let Some(resource) = scope.strip_suffix("/.default") else {
        return Err(invalid("It does not end in /.default."));
    };
    let resource = resource.trim_end_matches('/');
    match resource {
        "00000003-0000-0000-c000-000000000000" => return Ok(Resource::Of(Service::Graph)),
        "00000002-0000-0ff1-ce00-000000000000" => return Ok(Resource::Of(Service::Exchange)),
        own if own.eq_ignore_ascii_case(&asked.base) => return Ok(Resource::Own),
        _ => {}
    }
    let authority = resource.split_once("://").map_or(resource, |(_, rest)| rest);
    let host = authority.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
    if let Some(service) = tenant.info.cloud.service_of(&host) {
        return Ok(Resource::Of(service));
    }
    if Cloud::is_microsoft_host(&host) {
        return Err(EntraError::tenant_not_found(&tenant.info.id.to_string()));
    }
    Err(EntraError::new(
        500_011,
        400,
        "invalid_resource",
        format!(
            "The resource principal named {resource} was not found in the tenant named {}. This can happen if the \
             application has not been installed by the administrator of the tenant or consented to by any user in the \
             tenant.",
            tenant.info.name
        ),
    ))
}
