//! `$batch`: up to twenty requests in one. MICROSOFT.md section 6.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::error::{GraphError, with_headers};
use super::route;
use super::throttle::{Standing, budget};
use crate::directory::entry::Class;
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::tenant::Tenant;

/// Most requests of a batch.
const MOST: usize = 20;

/// Answers a batch.
pub(crate) fn answer(inner: &Inner, tenant: &Tenant, asked: &Asked, roles: &[String]) -> Result<Reply, GraphError> {
    let malformed = |why: &str| GraphError::new(400, "BadRequest", format!("Invalid batch payload format. {why}"));
    let body: Value = serde_json::from_slice(&asked.body).map_err(|_| malformed("It is not JSON."))?;
    let requests = body.get("requests").and_then(Value::as_array).ok_or_else(|| malformed("It has no requests."))?;
    if requests.is_empty() || requests.len() > MOST {
        return Err(malformed("It must have 1 to 20 requests."));
    }
    let mut responses: Vec<Value> = Vec::new();
    for request in requests {
        let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, url) = (text("id"), text("url"));
        if id.is_empty() || !url.starts_with('/') || text("method").is_empty() {
            return Err(malformed("Every request needs an id, a method and a relative url."));
        }
        if responses.iter().any(|known| known["id"] == id) {
            return Err(malformed("The ids of the requests must be unique."));
        }
        let failed = request.get("dependsOn").and_then(Value::as_array).is_some_and(|needed| {
            needed.iter().any(|one| responses.iter().any(|known| known["id"] == *one && known["status"].as_u64().unwrap_or(0) >= 400))
        });
        if failed {
            responses.push(json!({"id": id, "status": 424, "headers": {}, "body": {"error": {
                "code": "FailedDependency", "message": "A request this one depends on failed."}}}));
            continue;
        }
        let reply = one(inner, tenant, asked, roles, request, url, text("method"));
        let headers: Map<String, Value> = reply.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let mut response = json!({"id": id, "status": reply.status, "headers": headers});
        if let Ok(body) = serde_json::from_slice::<Value>(&reply.body) {
            response["body"] = body;
        }
        responses.push(response);
    }
    Ok(Reply::text(200, "application/json", json!({"responses": responses}).to_string()))
}

fn one(inner: &Inner, tenant: &Tenant, outer: &Asked, roles: &[String], request: &Value, url: &str, method: &str) -> Reply {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let body = request.get("body").map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let mut asked = Asked {
        method: method.parse().unwrap_or(http::Method::GET),
        path: format!("/v1.0{path}"),
        query: query.to_owned(),
        body,
        ..outer.clone()
    };
    for (name, value) in request.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let parsed = (http::HeaderName::from_bytes(name.as_bytes()), http::HeaderValue::from_str(value.as_str().unwrap_or("")));
        if let (Ok(name), Ok(value)) = parsed {
            asked.headers.insert(name, value);
        }
    }
    let request_id = inner.draw_uuid();
    let route = route::recognise(path);
    let standing = {
        let mut state = tenant.lock();
        let users = state.directory.class(Class::User).len();
        state.units.spend(route.units(&asked), budget(users), outer.arrived)
    };
    let result = match (standing, &route) {
        (Standing::Over(seconds), _) => {
            Err(GraphError::new(429, "TooManyRequests", "Too many requests.").with("Retry-After", seconds.to_string()))
        }
        (Standing::Within(_), route::Route::Batch) => Err(GraphError::bad_request("A batch cannot hold a batch.")),
        (Standing::Within(_), _) => route::answer(inner, tenant, &asked, &route, roles, &[]),
    };
    with_headers(result.unwrap_or_else(|error| error.reply(&asked, request_id)), &asked, request_id)
}
