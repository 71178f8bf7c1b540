//! OIDC and instance discovery, for the libraries that ask before they sign in.

use serde_json::json;

use super::error::EntraError;
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`. An unknown tenant is a 400 with 90002.
pub(crate) fn openid_configuration(inner: &Inner, asked: &Asked, segment: &str) -> Reply {
    let shared = matches!(segment, "common" | "organizations");
    let tenant = inner.tenant_named(segment);
    if tenant.is_none() && !shared {
        return EntraError::tenant_not_found(segment).reply(asked, inner.draw_uuid());
    }
    let issuer_tenant = tenant.map_or_else(|| "{tenantid}".to_owned(), |tenant| tenant.info.id.to_string());
    let base = &asked.base;
    Reply::json(
        200,
        &json!({
            "token_endpoint": format!("{base}/{segment}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{base}/{segment}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{base}/{issuer_tenant}/v2.0"),
            "authorization_endpoint": format!("{base}/{segment}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/{segment}/oauth2/v2.0/devicecode"),
            "tenant_region_scope": "NA",
            "cloud_instance_name": "microsoftonline.com",
        }),
    )
}

/// `GET /common/discovery/instance`, which MSAL asks of an authority it does not know.
pub(crate) fn instance(asked: &Asked) -> Reply {
    let authority = asked.base.split_once("://").map_or(asked.base.as_str(), |(_, authority)| authority);
    let options = asked.options();
    let endpoint = options.iter().find(|(name, _)| name == "authorization_endpoint").map(|(_, value)| value.as_str());
    let segment = endpoint.and_then(|url| url.split('/').nth(3)).unwrap_or("common");
    Reply::json(
        200,
        &json!({
            "tenant_discovery_endpoint": format!("{}/{segment}/v2.0/.well-known/openid-configuration", asked.base),
            "api-version": "1.1",
            "metadata": [{
                "preferred_network": authority,
                "preferred_cache": authority,
                "aliases": [authority],
            }],
        }),
    )
}
