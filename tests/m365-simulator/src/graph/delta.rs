//! Delta queries over users, contacts and groups. MICROSOFT.md sections 3.1 and 9.

use serde_json::{Value, json};
use uuid::Uuid;

use super::delta_page::Page;
use super::delta_token::{DeltaToken, Position};
use super::error::GraphError;
use super::property;
use crate::directory::entry::Class;
use crate::faults::{Drawn, Fault};
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::tenant::{Tenant, TenantState};

/// How long a delta token lives.
const TOKEN_SECONDS: i64 = 7 * 86_400;
/// Most ids in a delta's `$filter`.
const MOST_IDS: usize = 50;

/// Answers a delta request.
pub(crate) fn answer(
    inner: &Inner,
    tenant: &Tenant,
    asked: &Asked,
    class: Class,
    roles: &[String],
    drawn: &[Drawn],
) -> Result<Reply, GraphError> {
    let state = &mut *tenant.lock();
    let mut token = token_of(inner, tenant, state, asked, class)?;
    let has = |fault: Fault| drawn.iter().any(|one| one.fault == fault);
    if has(Fault::ExpireDelta400) {
        return Err(expired());
    }
    if has(Fault::Resync410) || token.generation != state.generation {
        return Err(resync(asked, class));
    }
    let latest = asked.options().iter().any(|(name, value)| name.eq_ignore_ascii_case("$deltatoken") && value == "latest");
    let selected = match &token.select {
        Some(list) => property::select(class, list, false)?,
        None => property::default_selection(class),
    };
    if let Position::Changes { log } = &mut token.position
        && has(Fault::Replay)
        && token.is_delta
    {
        *log = log.saturating_sub(3);
    }
    let visible = state.directory.visible_end(class, asked.arrived);
    let mut page = Page {
        directory: &state.directory,
        class,
        selected,
        ids: &token.ids,
        size: inner.config.graph_page.clamp(1, 200),
        now: asked.arrived,
        minimal: token.minimal,
        show_deleted: has(Fault::RemovedInInitialSync),
        hidden_members: roles.iter().any(|role| role == "Member.Read.Hidden"),
        value: Vec::new(),
    };
    let empty = has(Fault::EmptyPages) && !token.after_empty && !latest;
    let next = if latest {
        None
    } else if empty {
        Some(token.position.clone())
    } else {
        page.fill(&token.position, visible)
    };
    let mut value = page.value;
    disturb(&mut value, state, has(Fault::Replay), has(Fault::Reorder));
    let log = match token.position {
        Position::Enumerating { log, .. } if !latest => log,
        _ => visible,
    };
    let is_delta = next.is_none();
    let following = DeltaToken {
        position: next.unwrap_or(Position::Changes { log }),
        is_delta,
        after_empty: empty,
        minimal: !is_delta && token.minimal,
        issued: asked.arrived.as_second(),
        nonce: state.chance.below(u64::MAX),
        ..token.clone()
    };
    Ok(written(inner, asked, class, &token, &following, &value))
}

fn written(inner: &Inner, asked: &Asked, class: Class, token: &DeltaToken, following: &DeltaToken, value: &[Value]) -> Reply {
    let collection = property::collection(class);
    let (name, parameter) = if following.is_delta { ("@odata.deltaLink", "$deltatoken") } else { ("@odata.nextLink", "$skiptoken") };
    let mut context = format!("{}/v1.0/$metadata#{collection}", asked.base);
    if let Some(list) = &token.select {
        context = format!("{context}({list})");
    }
    let body = json!({
        "@odata.context": context,
        name: format!("{}/v1.0/{collection}/delta?{parameter}={}", asked.base, following.seal(&inner.key)),
        "value": value,
    });
    let reply = Reply::text(
        200,
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
        body.to_string(),
    );
    if wants_minimal(asked) { reply.with("Preference-Applied", "return=minimal") } else { reply }
}

fn wants_minimal(asked: &Asked) -> bool {
    asked.header("prefer").to_ascii_lowercase().contains("return=minimal")
}

fn expired() -> GraphError {
    GraphError::new(
        400,
        "syncStateNotFound",
        "The sync state generation is not found. The delta token is expired and data must be synchronized again.",
    )
}

fn resync(asked: &Asked, class: Class) -> GraphError {
    let location = format!("{}/v1.0/{}/delta?$deltatoken=", asked.base, property::collection(class));
    GraphError::new(410, "resyncRequired", "Resync required. Discard all data you have and start over.").with("Location", location)
}

/// The token of the request, or a fresh one for a first request.
fn token_of(inner: &Inner, tenant: &Tenant, state: &TenantState, asked: &Asked, class: Class) -> Result<DeltaToken, GraphError> {
    let collection = property::collection(class);
    let options = asked.options();
    let option = |wanted: &str| options.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str());
    for (name, _) in &options {
        if ["$expand", "$orderby", "$search"].iter().any(|refused| name.eq_ignore_ascii_case(refused)) {
            return Err(GraphError::unsupported(format!("The query parameter {name} is not supported for delta queries.")));
        }
    }
    let given = option("$skiptoken").or_else(|| option("$deltatoken").filter(|token| !token.is_empty() && *token != "latest"));
    if let Some(given) = given {
        if option("$select").is_some() || option("$filter").is_some() {
            return Err(GraphError::bad_request("Query options cannot be combined with a token: the token has them."));
        }
        let mut token = DeltaToken::open(&inner.key, given)
            .filter(|token| token.tenant == tenant.info.id && token.collection == collection)
            .ok_or_else(|| GraphError::bad_request("The token is not valid for this request."))?;
        if token.is_delta != option("$deltatoken").is_some() {
            return Err(GraphError::bad_request("The token is not of this kind."));
        }
        if asked.arrived.as_second() - token.issued > TOKEN_SECONDS {
            return Err(expired());
        }
        if token.is_delta {
            token.minimal = wants_minimal(asked);
        }
        return Ok(token);
    }
    let select = option("$select").map(ToOwned::to_owned);
    let ids = option("$filter").map(filter_ids).transpose()?.unwrap_or_default();
    Ok(DeltaToken {
        tenant: tenant.info.id,
        collection: collection.to_owned(),
        select,
        ids,
        generation: state.generation,
        position: Position::Enumerating { after: None, members_told: 0, log: state.directory.visible_end(class, asked.arrived) },
        is_delta: false,
        after_empty: false,
        minimal: false,
        issued: asked.arrived.as_second(),
        nonce: 0,
    })
}

/// `id eq '…' or id eq '…'`, and nothing else.
fn filter_ids(filter: &str) -> Result<Vec<Uuid>, GraphError> {
    let refused = || GraphError::unsupported("Only id eq '…' (or …) is supported in the $filter of a delta query.");
    let mut ids = Vec::new();
    for clause in filter.split(" or ") {
        let clause = clause.trim().trim_start_matches('(').trim_end_matches(')').trim();
        let id = clause.strip_prefix("id eq ").ok_or_else(refused)?;
        ids.push(id.trim().trim_matches('\'').parse().map_err(|_| refused())?);
    }
    if ids.len() > MOST_IDS {
        return Err(GraphError::unsupported("Too many ids in the $filter of a delta query: the most is 50."));
    }
    Ok(ids)
}

/// Replays and other orders, as the service is allowed to do.
fn disturb(value: &mut Vec<Value>, state: &mut TenantState, replay: bool, reorder: bool) {
    if replay && !value.is_empty() {
        let copy = value[state.chance.index(value.len())].clone();
        // Before or after makes no difference: it is the same state. Groups tell members once.
        if copy.get("members@delta").is_none() {
            let at = state.chance.index(value.len());
            value.insert(at, copy);
        }
    }
    if reorder && value.iter().all(|one| one.get("members@delta").is_none()) {
        for at in (1..value.len()).rev() {
            let other = state.chance.index(at + 1);
            value.swap(at, other);
        }
    }
}
