//! Single objects, and plain lists. MICROSOFT.md section 3.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::error::GraphError;
use super::property::{self, Property};
use crate::directory::entry::{Class, Entry};
use crate::directory::store::{Directory, fold};
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::tenant::Tenant;

/// The query options of a list.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) select: Option<String>,
    pub(crate) filter: Option<String>,
    pub(crate) top: Option<usize>,
    pub(crate) count: bool,
    skip: Option<String>,
}

impl Query {
    pub(crate) fn read(asked: &Asked) -> Result<Query, GraphError> {
        let mut query = Query::default();
        for (name, value) in asked.options() {
            match name.to_ascii_lowercase().as_str() {
                "$select" => query.select = Some(value),
                "$filter" => query.filter = Some(value),
                "$top" => {
                    let top = value.parse().ok().filter(|top| (1..=999).contains(top));
                    query.top = Some(top.ok_or_else(|| {
                        GraphError::unsupported("Invalid page size specified: '$top'. Must be between 1 and 999 inclusive.")
                    })?);
                }
                "$count" => query.count = value == "true",
                "$skiptoken" => query.skip = Some(value),
                "$format" => {}
                other => {
                    return Err(GraphError::unsupported(format!("The query parameter {other} is not supported.")));
                }
            }
        }
        Ok(query)
    }
}

/// Which rows of a list to answer with.
pub(crate) struct ListPage {
    pub(crate) from: usize,
    pub(crate) size: usize,
    next: Option<String>,
}

/// Works out the page of a list of these objects, which are in the order of their ids. A token says after which id to go on, so that
/// what comes and goes meanwhile shifts nothing.
pub(crate) fn page_of(
    inner: &Inner,
    tenant: &Tenant,
    asked: &Asked,
    path: &str,
    query: &Query,
    ids: &[Uuid],
) -> Result<ListPage, GraphError> {
    let expired = || {
        GraphError::new(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        )
    };
    let from = match &query.skip {
        None => 0,
        Some(token) => {
            let payload = inner.key.open(token).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
            let text = payload.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(expired)?;
            let last = text.strip_prefix(&format!("{}:{path}:", tenant.info.id)).and_then(|rest| rest.parse::<Uuid>().ok());
            let last = last.ok_or_else(expired)?;
            ids.partition_point(|id| *id <= last)
        }
    };
    let size = query.top.unwrap_or(100);
    let last = ids.get(from + size - 1).filter(|_| from + size < ids.len());
    let next = last.map(|last| {
        let token = inner.key.seal(&URL_SAFE_NO_PAD.encode(format!("{}:{path}:{last}", tenant.info.id)));
        let others: Vec<&str> =
            asked.query.split('&').filter(|pair| !pair.is_empty() && !pair.to_ascii_lowercase().contains("skiptoken=")).collect();
        let separator = if others.is_empty() { "" } else { "&" };
        format!("{}/v1.0/{path}?{}{separator}$skiptoken={token}", asked.base, others.join("&"))
    });
    Ok(ListPage { from, size, next })
}

impl ListPage {
    pub(crate) fn reply(self, asked: &Asked, kind: &str, select: Option<&str>, count: Option<usize>, rows: Vec<Value>) -> Reply {
        let select = select.map(|list| format!("({list})")).unwrap_or_default();
        let mut body = Map::new();
        body.insert("@odata.context".to_owned(), json!(format!("{}/v1.0/$metadata#{kind}{select}", asked.base)));
        if let Some(count) = count {
            body.insert("@odata.count".to_owned(), json!(count));
        }
        if let Some(next) = self.next {
            body.insert("@odata.nextLink".to_owned(), json!(next));
        }
        body.insert("value".to_owned(), Value::Array(rows));
        json_reply(&Value::Object(body))
    }
}

fn json_reply(body: &Value) -> Reply {
    Reply::text(200, "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8", body.to_string())
}

/// The object with all its selected properties, unset ones as null.
fn whole(directory: &Directory, entry: &Entry, selected: &[Property], id_selected: bool) -> Map<String, Value> {
    selected
        .iter()
        .filter(|(name, _)| !matches!(*name, "members" | "manager") && (id_selected || *name != "id"))
        .map(|(name, _)| ((*name).to_owned(), property::value(directory, entry, name)))
        .collect()
}

fn selection(class: Class, query: &Query, single: bool) -> Result<(Vec<Property>, bool), GraphError> {
    match &query.select {
        Some(list) => Ok((property::select(class, list, single)?, list.split(',').any(|name| name.trim() == "id"))),
        None => Ok((property::default_selection(class), true)),
    }
}

/// Real names that no object has a value for come as null when selected.
fn add_unused(row: &mut Map<String, Value>, class: Class, query: &Query) {
    for name in query.select.iter().flat_map(|list| list.split(',')).map(str::trim) {
        let modelled = property::all(class).iter().any(|(known, _)| *known == name);
        if !modelled {
            let many = ["assignedLicenses", "assignedPlans", "otherMails", "imAddresses", "identities", "provisionedPlans"];
            row.insert(name.to_owned(), if many.contains(&name) { json!([]) } else { Value::Null });
        }
    }
    if query.select.is_none() && class == Class::User {
        row.insert("preferredLanguage".to_owned(), Value::Null);
    }
}

/// Answers `/users/{id}`, `/contacts/{id}` and `/groups/{id}`.
pub(crate) fn single(tenant: &Tenant, asked: &Asked, class: Class, id: &str) -> Result<Reply, GraphError> {
    let state = tenant.lock();
    let query = Query::read(asked)?;
    let directory = &state.directory;
    let found = match id.parse::<Uuid>() {
        Ok(anchor) => directory.live(anchor).cloned(),
        Err(_) => directory
            .labelled(id)
            .iter()
            .filter_map(|anchor| directory.live(*anchor))
            .find(|entry| entry.upn.as_deref().is_some_and(|upn| upn.eq_ignore_ascii_case(id)))
            .cloned(),
    };
    let entry = found
        .filter(|entry| entry.kind.class() == Some(class) && entry.graph_from <= asked.arrived)
        .ok_or_else(|| GraphError::not_found(id))?;
    let (selected, _) = selection(class, &query, true)?;
    let mut row = whole(directory, &entry, &selected, true);
    add_unused(&mut row, class, &query);
    let select = query.select.map(|list| format!("({list})")).unwrap_or_default();
    let context = format!("{}/v1.0/$metadata#{}{select}/$entity", asked.base, property::collection(class));
    row.insert("@odata.context".to_owned(), json!(context));
    Ok(json_reply(&Value::Object(row)))
}

/// Answers `/users`, `/contacts`, `/groups`, and their `$count`.
pub(crate) fn list(inner: &Inner, tenant: &Tenant, asked: &Asked, class: Class, count_only: bool) -> Result<Reply, GraphError> {
    let state = tenant.lock();
    let query = Query::read(asked)?;
    let advanced = asked.header("consistencylevel").eq_ignore_ascii_case("eventual");
    if count_only && !advanced {
        return Err(GraphError::bad_request("$count is not currently supported."));
    }
    let directory = &state.directory;
    let condition = query.filter.as_deref().map(|filter| Condition::parse(class, filter)).transpose()?;
    let all: Vec<Arc<Entry>> = directory
        .class(class)
        .iter()
        .filter_map(|anchor| directory.live(*anchor))
        .filter(|entry| entry.graph_from <= asked.arrived)
        .filter(|entry| condition.as_ref().is_none_or(|condition| condition.admits(directory, entry)))
        .cloned()
        .collect();
    if count_only {
        return Ok(Reply::text(200, "text/plain", all.len().to_string()));
    }
    let (selected, id_selected) = selection(class, &query, false)?;
    let page =
        page_of(inner, tenant, asked, property::collection(class), &query, &all.iter().map(|entry| entry.anchor).collect::<Vec<_>>())?;
    let rows = all
        .iter()
        .skip(page.from)
        .take(page.size)
        .map(|entry| {
            let mut row = whole(directory, entry, &selected, id_selected);
            add_unused(&mut row, class, &query);
            Value::Object(row)
        })
        .collect();
    let count = (query.count && advanced && page.from == 0).then_some(all.len());
    Ok(page.reply(asked, property::collection(class), query.select.as_deref(), count, rows))
}

/// `name eq 'value'` or `startswith(name,'value')`: what the simulator understands of `$filter`.
struct Condition {
    name: &'static str,
    begins: bool,
    wanted: String,
}

impl Condition {
    fn parse(class: Class, filter: &str) -> Result<Condition, GraphError> {
        let refused = || GraphError::unsupported("Unsupported or invalid query filter clause specified.");
        let (name, begins, rest) = if let Some(rest) = filter.trim().strip_prefix("startswith(") {
            let (name, value) = rest.trim_end_matches(')').split_once(',').ok_or_else(refused)?;
            (name, true, value)
        } else {
            let (name, value) = filter.split_once(" eq ").ok_or_else(refused)?;
            (name, false, value)
        };
        let known = property::all(class).iter().find(|(known, _)| *known == name.trim()).ok_or_else(refused)?;
        let wanted = rest.trim().trim_start_matches('\'').trim_end_matches('\'').replace("''", "'");
        Ok(Condition { name: known.0, begins, wanted: fold(&wanted) })
    }

    fn admits(&self, directory: &Directory, entry: &Entry) -> bool {
        let known = match property::value(directory, entry, self.name) {
            Value::String(text) => fold(&text),
            Value::Bool(flag) => flag.to_string(),
            _ => return false,
        };
        if self.begins { known.starts_with(&self.wanted) } else { known == self.wanted }
    }
}
