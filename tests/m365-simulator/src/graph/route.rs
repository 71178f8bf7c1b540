//! Which Graph request is which: path, role, cost, and who answers.

use super::batch;
use super::delta;
use super::error::GraphError;
use super::keys;
use super::members::{self, Asking};
use super::objects;
use super::throttle::cost;
use crate::directory::entry::Class;
use crate::faults::Drawn;
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::tenant::Tenant;

/// A request of Graph, recognised.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Route {
    Delta(Class),
    List {
        class: Class,
        count: bool,
    },
    Single {
        class: Class,
        id: String,
    },
    Members {
        group: String,
        transitive: bool,
        cast: Option<Class>,
        count: bool,
    },
    MemberOf {
        class: Class,
        id: String,
    },
    /// An application rolls its own keys.
    AddKey {
        application: String,
    },
    RemoveKey {
        application: String,
    },
    Batch,
    Unknown,
}

fn class_of(segment: &str) -> Option<Class> {
    match segment.to_ascii_lowercase().as_str() {
        "users" => Some(Class::User),
        "contacts" => Some(Class::Contact),
        "groups" => Some(Class::Group),
        _ => None,
    }
}

fn cast_of(segment: &str) -> Option<Class> {
    match segment.trim_start_matches("microsoft.").to_ascii_lowercase().as_str() {
        "graph.user" => Some(Class::User),
        "graph.orgcontact" => Some(Class::Contact),
        "graph.group" => Some(Class::Group),
        _ => None,
    }
}

/// Whether a segment calls the delta function, in any of its spellings.
fn is_delta(segment: &str) -> bool {
    let name = segment.trim_end_matches("()").to_ascii_lowercase();
    matches!(name.as_str(), "delta" | "microsoft.graph.delta" | "graph.delta")
}

/// Recognises a path below `/v1.0`.
pub(crate) fn recognise(path: &str) -> Route {
    let decoded = percent_encoding::percent_decode_str(path.trim_matches('/')).decode_utf8_lossy().into_owned();
    let segments: Vec<&str> = decoded.split('/').collect();
    if segments.as_slice() == ["$batch"] {
        return Route::Batch;
    }
    // `users('id')` is `users/id`.
    let first = segments.first().copied().unwrap_or_default();
    if let Some((collection, rest)) = first.split_once("('")
        && let (Some(class), Some(id), 1) = (class_of(collection), rest.strip_suffix("')"), segments.len())
    {
        return Route::Single { class, id: id.to_owned() };
    }
    if let Some(route) = key_route(&segments) {
        return route;
    }
    let Some(class) = class_of(first) else {
        return Route::Unknown;
    };
    match segments.as_slice() {
        [_] => Route::List { class, count: false },
        [_, "$count"] => Route::List { class, count: true },
        [_, delta] if is_delta(delta) => Route::Delta(class),
        [_, id] => Route::Single { class, id: (*id).to_owned() },
        [_, id, "memberOf"] => Route::MemberOf { class, id: (*id).to_owned() },
        [_, group, "members", rest @ ..] if class == Class::Group => members_route(group, false, rest),
        [_, group, "transitiveMembers", rest @ ..] if class == Class::Group => members_route(group, true, rest),
        _ => Route::Unknown,
    }
}

/// `applications/{id}/addKey`, or `applications(appId='…')/addKey`.
fn key_route(segments: &[&str]) -> Option<Route> {
    let (application, action) = match segments {
        ["applications", id, action] => (*id, *action),
        [first, action] => (first.strip_prefix("applications(")?.strip_suffix(')')?, *action),
        _ => return None,
    };
    let application = application.to_owned();
    match action {
        "addKey" | "microsoft.graph.addKey" => Some(Route::AddKey { application }),
        "removeKey" | "microsoft.graph.removeKey" => Some(Route::RemoveKey { application }),
        _ => None,
    }
}

fn members_route(group: &str, transitive: bool, rest: &[&str]) -> Route {
    let group = group.to_owned();
    match rest {
        [] => Route::Members { group, transitive, cast: None, count: false },
        ["$count"] => Route::Members { group, transitive, cast: None, count: true },
        [cast] if cast_of(cast).is_some() => Route::Members { group, transitive, cast: cast_of(cast), count: false },
        [cast, "$count"] if cast_of(cast).is_some() => Route::Members { group, transitive, cast: cast_of(cast), count: true },
        _ => Route::Unknown,
    }
}

impl Route {
    /// The endpoint's name in faults and statistics.
    pub(crate) fn endpoint(&self) -> &'static str {
        match self {
            Route::Delta(Class::User) => "users-delta",
            Route::Delta(Class::Contact) => "contacts-delta",
            Route::Delta(Class::Group) => "groups-delta",
            Route::List { .. } => "list",
            Route::Single { .. } => "object",
            Route::Members { .. } => "members",
            Route::MemberOf { .. } => "member-of",
            Route::AddKey { .. } => "add-key",
            Route::RemoveKey { .. } => "remove-key",
            Route::Batch => "batch",
            Route::Unknown => "unknown",
        }
    }

    /// The application roles of which one is needed.
    fn roles(&self) -> &'static [&'static str] {
        let of = |class: &Class| -> &'static [&'static str] {
            match class {
                Class::User => &["User.Read.All", "Directory.Read.All"],
                Class::Contact => &["OrgContact.Read.All", "Directory.Read.All"],
                Class::Group => &["GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"],
            }
        };
        match self {
            Route::Delta(class) | Route::List { class, .. } | Route::Single { class, .. } | Route::MemberOf { class, .. } => of(class),
            Route::Members { .. } => of(&Class::Group),
            // An application needs no permission to roll its own keys.
            Route::AddKey { .. } | Route::RemoveKey { .. } | Route::Batch | Route::Unknown => &[],
        }
    }

    /// Its cost in resource units. MICROSOFT.md section 7.
    pub(crate) fn units(&self, asked: &Asked) -> u64 {
        let options = asked.options();
        let has = |wanted: &str| options.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let top = options.iter().find(|(name, _)| name == "$top").and_then(|(_, value)| value.parse().ok());
        let base = match self {
            Route::List { class: Class::User, .. } | Route::Delta(Class::User) => 2,
            Route::Members { transitive: false, .. } => 3,
            Route::Members { transitive: true, .. } => 5,
            _ => 1,
        };
        cost(base, has("$select"), top)
    }
}

/// Answers a recognised request of an application with these roles.
pub(crate) fn answer(
    inner: &Inner,
    tenant: &Tenant,
    asked: &Asked,
    route: &Route,
    roles: &[String],
    drawn: &[Drawn],
) -> Result<Reply, GraphError> {
    let needed = route.roles();
    if !needed.is_empty() && !needed.iter().any(|role| roles.iter().any(|known| known == role)) {
        return Err(GraphError::denied());
    }
    let posted = matches!(route, Route::Batch | Route::AddKey { .. } | Route::RemoveKey { .. });
    let right_method = if posted { http::Method::POST } else { http::Method::GET };
    if asked.method != right_method {
        return Err(GraphError::new(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."));
    }
    match route {
        Route::Delta(class) => delta::answer(inner, tenant, asked, *class, roles, drawn),
        Route::List { class, count } => objects::list(inner, tenant, asked, *class, *count),
        Route::Single { class, id } => objects::single(tenant, asked, *class, id),
        Route::Members { group, transitive, cast, count } => {
            let path = asked.path.trim_start_matches("/v1.0/");
            let asking = Asking { group, transitive: *transitive, cast: *cast, count_only: *count, path };
            members::answer(inner, tenant, asked, roles, &asking)
        }
        Route::MemberOf { class, id } => members::member_of(inner, tenant, asked, *class, id),
        Route::AddKey { application } => keys::add(inner, tenant, asked, application),
        Route::RemoveKey { application } => keys::remove(tenant, asked, application),
        Route::Batch => batch::answer(inner, tenant, asked, roles),
        Route::Unknown => Err(GraphError::new(
            400,
            "BadRequest",
            format!("Resource not found for the segment '{}'.", asked.path.rsplit('/').next().unwrap_or_default()),
        )),
    }
}
