//! Members of groups, direct and transitive. MICROSOFT.md section 9.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::error::GraphError;
use super::objects::{Query, page_of};
use super::property::{self, odata_type};
use crate::directory::entry::Class;
use crate::directory::store::Directory;
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::tenant::Tenant;

/// Which members are asked for.
pub(crate) struct Asking<'a> {
    pub(crate) group: &'a str,
    pub(crate) transitive: bool,
    /// A cast: `microsoft.graph.user` or the like.
    pub(crate) cast: Option<Class>,
    /// `$count` as the last segment.
    pub(crate) count_only: bool,
    /// The path after `/v1.0`, for the links.
    pub(crate) path: &'a str,
}

/// The members of a group as they were last worked out, for the pages after the first.
pub(crate) struct Closure {
    group: Uuid,
    version: u64,
    members: Arc<Vec<Uuid>>,
}

/// Everyone in a group, those of its groups included, each once.
fn transitive(directory: &Directory, group: Uuid) -> Vec<Uuid> {
    let mut found = BTreeSet::new();
    let mut open = vec![group];
    while let Some(next) = open.pop() {
        let Some(entry) = directory.live(next) else {
            continue;
        };
        for member in entry.members.iter() {
            if *member != group && directory.live(*member).is_some() && found.insert(*member) {
                open.push(*member);
            }
        }
    }
    found.into_iter().collect()
}

/// Answers `/groups/{id}/members`, `/groups/{id}/transitiveMembers` and their casts.
pub(crate) fn answer(inner: &Inner, tenant: &Tenant, asked: &Asked, roles: &[String], asking: &Asking<'_>) -> Result<Reply, GraphError> {
    let state = &mut *tenant.lock();
    let query = Query::read(asked)?;
    let advanced = asked.header("consistencylevel").eq_ignore_ascii_case("eventual");
    if asking.count_only && !advanced {
        return Err(GraphError::bad_request("$count is not currently supported."));
    }
    let id: Uuid = asking.group.parse().map_err(|_| GraphError::not_found(asking.group))?;
    let group = state.directory.live(id).filter(|entry| entry.kind.is_group() && entry.graph_from <= asked.arrived);
    let group = group.ok_or_else(|| GraphError::not_found(asking.group))?;
    let hidden = group.hidden_membership && !roles.iter().any(|role| role == "Member.Read.Hidden");
    let all = match (hidden, asking.transitive) {
        (true, _) => Arc::default(),
        (false, true) => {
            let version = state.directory.version();
            let known = state.closure.take().filter(|closure| closure.group == id && closure.version == version);
            let closure = known.unwrap_or_else(|| Closure { group: id, version, members: Arc::new(transitive(&state.directory, id)) });
            let members = closure.members.clone();
            state.closure = Some(closure);
            members
        }
        (false, false) => Arc::new(group.members.iter().filter(|member| state.directory.live(**member).is_some()).copied().collect()),
    };
    let of_class = |member: &Uuid| {
        let class = state.directory.get(*member).and_then(|entry| entry.kind.class());
        asking.cast.is_none_or(|cast| class == Some(cast))
    };
    let all: Arc<Vec<Uuid>> = match asking.cast {
        None => all,
        Some(_) => Arc::new(all.iter().filter(|member| of_class(member)).copied().collect()),
    };
    if asking.count_only {
        return Ok(Reply::text(200, "text/plain", all.len().to_string()));
    }
    let page = page_of(inner, tenant, asked, asking.path, &query, &all)?;
    let rows = rows(&state.directory, &query, all.iter().skip(page.from).take(page.size));
    let kind = asking.cast.map_or("directoryObjects", property::collection);
    let count = (query.count && advanced && page.from == 0).then_some(all.len());
    Ok(page.reply(asked, kind, query.select.as_deref(), count, rows))
}

/// Answers `/contacts/{id}/memberOf` and its siblings: the groups that an object is a direct member of.
pub(crate) fn member_of(inner: &Inner, tenant: &Tenant, asked: &Asked, class: Class, id: &str) -> Result<Reply, GraphError> {
    let state = tenant.lock();
    let query = Query::read(asked)?;
    let anchor: Uuid = id.parse().map_err(|_| GraphError::not_found(id))?;
    let found = state.directory.live(anchor).filter(|entry| entry.kind.class() == Some(class) && entry.graph_from <= asked.arrived);
    found.ok_or_else(|| GraphError::not_found(id))?;
    let mut all = state.directory.groups_of(anchor);
    all.sort_unstable();
    let path = asked.path.trim_start_matches("/v1.0/");
    let page = page_of(inner, tenant, asked, path, &query, &all)?;
    let rows = rows(&state.directory, &query, all.iter().skip(page.from).take(page.size));
    Ok(page.reply(asked, "directoryObjects", query.select.as_deref(), None, rows))
}

/// Objects of mixed types as rows; each has the selected properties that its type knows.
fn rows<'i>(directory: &Directory, query: &Query, ids: impl Iterator<Item = &'i Uuid>) -> Vec<Value> {
    let mut rows = Vec::new();
    for member in ids {
        let Some(entry) = directory.live(*member) else {
            continue;
        };
        let Some(class) = entry.kind.class() else {
            continue;
        };
        let selected = match &query.select {
            Some(list) => {
                let known: Vec<&str> = list.split(',').map(str::trim).filter(|name| property::select(class, name, false).is_ok()).collect();
                property::select(class, &known.join(","), false).unwrap_or_default()
            }
            None => property::default_selection(class),
        };
        let mut row = Map::new();
        row.insert("@odata.type".to_owned(), json!(odata_type(class)));
        let id_selected = query.select.as_ref().is_none_or(|list| list.split(',').any(|name| name.trim() == "id"));
        for (name, _) in selected {
            if name == "members" || name == "manager" || name == "id" && !id_selected {
                continue;
            }
            row.insert(name.to_owned(), property::value(directory, entry, name));
        }
        if query.select.is_none() && class == Class::User {
            row.insert("preferredLanguage".to_owned(), Value::Null);
        }
        rows.push(Value::Object(row));
    }
    rows
}
