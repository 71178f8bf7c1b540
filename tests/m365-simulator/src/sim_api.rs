//! The simulator's own calls, below `/_sim`: for people and tests, never for a client of Microsoft.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::exchange_time;
use crate::directory::admin::Operation;
use crate::entra::certificate::hex;
use crate::exchange::columns;
use crate::exchange::property::{self, Lens};
use crate::faults::FaultPlan;
use crate::reply::{Asked, Reply};
use crate::simulator::{GalEntry, Inner};
use crate::tenant::Tenant;

/// Answers a `/_sim` call.
pub(crate) fn answer(inner: &Inner, asked: &Asked) -> Reply {
    let segments: Vec<&str> = asked.path.trim_matches('/').split('/').skip(1).collect();
    match (asked.method.as_str(), segments.as_slice()) {
        ("GET", ["tenants"]) => {
            let all: Vec<Value> = inner.tenants.iter().map(|tenant| json!(tenant.info)).collect();
            Reply::json(200, &json!(all))
        }
        ("GET", ["tenants", name, "gal"]) => with_tenant(inner, name, |tenant| {
            let all = asked.options().iter().any(|(name, value)| name == "all" && value != "0");
            Reply::json(200, &json!(gal(tenant, all)))
        }),
        ("POST", ["tenants", name, "apply"]) => {
            with_tenant(inner, name, |tenant| match serde_json::from_slice::<Vec<Operation>>(&asked.body) {
                Err(error) => refused(&error.to_string()),
                Ok(operations) => match inner.apply(tenant, &operations) {
                    Ok(anchors) => Reply::json(200, &json!(anchors)),
                    Err(reason) => refused(&reason),
                },
            })
        }
        ("POST", ["tenants", name, "certificates"]) => {
            with_tenant(inner, name, |tenant| match inner.register(tenant, &String::from_utf8_lossy(&asked.body)) {
                Ok(key_id) => Reply::json(200, &json!({"keyId": key_id})),
                Err(reason) => refused(&reason),
            })
        }
        ("GET", ["tenants", name, "certificates"]) => with_tenant(inner, name, |tenant| {
            let keys = tenant.lock().certificates.iter().map(|one| json!({"keyId": one.key_id, "thumbprint": hex(&one.sha1)})).collect();
            Reply::json(200, &Value::Array(keys))
        }),
        ("GET", ["clock"]) => Reply::json(200, &json!({"now": inner.clock.now()})),
        ("POST", ["clock"]) => advance(inner, asked),
        ("GET", ["faults"]) => {
            let faults = inner.faults.lock().unwrap_or_else(PoisonError::into_inner);
            Reply::json(200, &json!(faults.plan()))
        }
        ("PUT", ["faults"]) => match serde_json::from_slice::<FaultPlan>(&asked.body) {
            Err(error) => refused(&error.to_string()),
            Ok(plan) => {
                inner.faults.lock().unwrap_or_else(PoisonError::into_inner).set(plan);
                Reply::empty(204)
            }
        },
        ("GET", ["stats"]) => Reply::json(200, &json!(inner.stats())),
        ("POST", ["stats", "reset"]) => {
            for tenant in &inner.tenants {
                tenant.lock().stats.reset();
            }
            Reply::empty(204)
        }
        _ => Reply::json(404, &json!({"error": format!("there is no call {} {}", asked.method, asked.path)})),
    }
}

fn refused(reason: &str) -> Reply {
    Reply::json(400, &json!({"error": reason}))
}

fn with_tenant(inner: &Inner, name: &str, call: impl FnOnce(&Tenant) -> Reply) -> Reply {
    match inner.tenant(name) {
        Some(tenant) => call(tenant),
        None => Reply::json(404, &json!({"error": format!("there is no tenant {name}")})),
    }
}

/// Ten years, in seconds.
const MOST_ADVANCE: f64 = 10.0 * 366.0 * 86_400.0;

fn advance(inner: &Inner, asked: &Asked) -> Reply {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let Some(seconds) = body.get("advance_seconds").and_then(Value::as_f64).filter(|seconds| (0.0..=MOST_ADVANCE).contains(seconds)) else {
        return refused("the body is {\"advance_seconds\": N}, at most ten years");
    };
    if !inner.clock.advance(Duration::from_secs_f64(seconds)) {
        return refused("the wall clock cannot be moved: start with --clock manual");
    }
    Reply::json(200, &json!({"now": inner.clock.now()}))
}

/// The address list of a tenant, by name.
pub(crate) fn gal(tenant: &Tenant, all: bool) -> Vec<GalEntry> {
    let state = tenant.lock();
    let lens = Lens { directory: &state.directory, organisation: &tenant.info.initial_domain };
    let mut list = Vec::new();
    for anchor in state.directory.in_name_order() {
        let Some(entry) = state.directory.live(anchor) else {
            continue;
        };
        if !entry.kind.is_recipient() || entry.hidden && !all {
            continue;
        }
        let properties: BTreeMap<String, Value> =
            columns::everything().iter().map(|(name, property)| ((*name).to_owned(), shown(&lens.value(entry, *property)))).collect();
        list.push(GalEntry { anchor, kind: entry.kind.gal_name().to_owned(), made_by: entry.made_by, hidden: entry.hidden, properties });
    }
    list
}

fn shown(value: &property::Value<'_>) -> Value {
    match value {
        property::Value::Text(text) => json!(text),
        property::Value::Null => Value::Null,
        property::Value::Flag(flag) => json!(flag),
        property::Value::Number(number) => json!(number),
        property::Value::List(values) => json!(values),
        property::Value::Guid(guid) => json!(guid),
        property::Value::Date(at) => json!(exchange_time(*at, false)),
        property::Value::DateUtc(at) => json!(exchange_time(*at, true)),
    }
}
