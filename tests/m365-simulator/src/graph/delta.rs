//! Delta queries over users, contacts and groups. MICROSOFT.md sections 3.1 and 9.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::delta_token::{DeltaToken, Position};
use super::error::GraphError;
use super::property::{self, Property, odata_type};
use crate::directory::entry::{Class, Entry};
use crate::directory::facet;
use crate::directory::store::{Altered, Directory};
use crate::faults::{Drawn, Fault};
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::tenant::{Tenant, TenantState};

/// How long a delta token lives.
const TOKEN_SECONDS: i64 = 7 * 86_400;
/// Most members told with one occurrence of a group.
const MEMBERS_AT_ONCE: usize = 100;
/// Most ids in a delta's `$filter`.
const MOST_IDS: usize = 50;

/// One page being made.
struct Page<'a> {
    directory: &'a Directory,
    class: Class,
    selected: Vec<Property>,
    ids: &'a [Uuid],
    size: usize,
    now: jiff::Timestamp,
    minimal: bool,
    show_deleted: bool,
    hidden_members: bool,
    value: Vec<Value>,
}

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
    let latest = asked
        .options()
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("$deltatoken") && value == "latest");
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

fn written(
    inner: &Inner,
    asked: &Asked,
    class: Class,
    token: &DeltaToken,
    following: &DeltaToken,
    value: &[Value],
) -> Reply {
    let collection = property::collection(class);
    let (name, parameter) = if following.is_delta {
        ("@odata.deltaLink", "$deltatoken")
    } else {
        ("@odata.nextLink", "$skiptoken")
    };
    let mut context = format!("{}/v1.0/$metadata#{collection}", asked.base);
    if let Some(list) = &token.select {
        context.push_str(&format!("({list})"));
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
    if wants_minimal(asked) {
        reply.with("Preference-Applied", "return=minimal")
    } else {
        reply
    }
}

fn wants_minimal(asked: &Asked) -> bool {
    asked
        .header("prefer")
        .to_ascii_lowercase()
        .contains("return=minimal")
}

fn expired() -> GraphError {
    GraphError::new(
        400,
        "syncStateNotFound",
        "The sync state generation is not found. The delta token is expired and data must be synchronized again.",
    )
}

fn resync(asked: &Asked, class: Class) -> GraphError {
    let location = format!(
        "{}/v1.0/{}/delta?$deltatoken=",
        asked.base,
        property::collection(class)
    );
    GraphError::new(
        410,
        "resyncRequired",
        "Resync required. Discard all data you have and start over.",
    )
    .with("Location", location)
}

/// The token of the request, or a fresh one for a first request.
fn token_of(
    inner: &Inner,
    tenant: &Tenant,
    state: &TenantState,
    asked: &Asked,
    class: Class,
) -> Result<DeltaToken, GraphError> {
    let collection = property::collection(class);
    let options = asked.options();
    let option = |wanted: &str| {
        options
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    };
    for (name, _) in &options {
        if ["$expand", "$orderby", "$search"]
            .iter()
            .any(|refused| name.eq_ignore_ascii_case(refused))
        {
            return Err(GraphError::unsupported(format!(
                "The query parameter {name} is not supported for delta queries."
            )));
        }
    }
    let given = option("$skiptoken")
        .or_else(|| option("$deltatoken").filter(|token| !token.is_empty() && *token != "latest"));
    if let Some(given) = given {
        if option("$select").is_some() || option("$filter").is_some() {
            return Err(GraphError::bad_request(
                "Query options cannot be combined with a token: the token has them.",
            ));
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
    let ids = option("$filter")
        .map(filter_ids)
        .transpose()?
        .unwrap_or_default();
    Ok(DeltaToken {
        tenant: tenant.info.id,
        collection: collection.to_owned(),
        select,
        ids,
        generation: state.generation,
        position: Position::Enumerating {
            after: None,
            members_told: 0,
            log: state.directory.visible_end(class, asked.arrived),
        },
        is_delta: false,
        after_empty: false,
        minimal: false,
        issued: asked.arrived.as_second(),
        nonce: 0,
    })
}

/// `id eq '…' or id eq '…'`, and nothing else.
fn filter_ids(filter: &str) -> Result<Vec<Uuid>, GraphError> {
    let refused = || {
        GraphError::unsupported(
            "Only id eq '…' (or …) is supported in the $filter of a delta query.",
        )
    };
    let mut ids = Vec::new();
    for clause in filter.split(" or ") {
        let clause = clause
            .trim()
            .trim_start_matches('(')
            .trim_end_matches(')')
            .trim();
        let id = clause.strip_prefix("id eq ").ok_or_else(refused)?;
        ids.push(
            id.trim()
                .trim_matches('\'')
                .parse()
                .map_err(|_| refused())?,
        );
    }
    if ids.len() > MOST_IDS {
        return Err(GraphError::unsupported(
            "Too many ids in the $filter of a delta query: the most is 50.",
        ));
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

impl Page<'_> {
    /// Adds objects from this position on; where to go on, or none at the end.
    fn fill(&mut self, from: &Position, visible: usize) -> Option<Position> {
        match from {
            Position::Enumerating {
                after,
                members_told,
                log,
            } => self.enumerate(*after, *members_told, *log),
            Position::Changes { log } => self.changes(*log, visible),
        }
    }

    fn is_wanted(&self, anchor: Uuid) -> bool {
        self.ids.is_empty() || self.ids.contains(&anchor)
    }

    fn tells_members(&self) -> bool {
        self.selected.iter().any(|(name, _)| *name == "members")
    }

    fn enumerate(
        &mut self,
        after: Option<Uuid>,
        members_told: usize,
        log: usize,
    ) -> Option<Position> {
        let directory = self.directory;
        let from = match after {
            // A group whose members are not all told yet comes again.
            Some(anchor) if members_told > 0 => std::ops::Bound::Included(anchor),
            Some(anchor) => std::ops::Bound::Excluded(anchor),
            None => std::ops::Bound::Unbounded,
        };
        let mut told = members_told;
        let mut budget = self.size;
        let mut last = after;
        for anchor in directory
            .class(self.class)
            .range((from, std::ops::Bound::Unbounded))
        {
            if budget == 0 {
                return Some(Position::Enumerating {
                    after: last,
                    members_told: 0,
                    log,
                });
            }
            last = Some(*anchor);
            let Some(entry) = directory.get(*anchor) else {
                continue;
            };
            if !self.is_wanted(*anchor) || entry.graph_from > self.now {
                continue;
            }
            if !entry.is_live() {
                if self.show_deleted {
                    self.value.push(removed(*anchor, "changed"));
                    budget -= 1;
                }
                continue;
            }
            let mut object = self.object(entry, u64::MAX);
            budget -= 1;
            if self.tells_members() && !(entry.hidden_membership && !self.hidden_members) {
                let chunk: Vec<Uuid> = entry
                    .members
                    .iter()
                    .skip(told)
                    .take(MEMBERS_AT_ONCE)
                    .copied()
                    .collect();
                told += chunk.len();
                if !chunk.is_empty() {
                    object.insert("members@delta".to_owned(), self.members(&chunk, &[]));
                }
                if told < entry.members.len() {
                    self.value.push(Value::Object(object));
                    return Some(Position::Enumerating {
                        after: Some(*anchor),
                        members_told: told,
                        log,
                    });
                }
                told = 0;
            }
            self.value.push(Value::Object(object));
        }
        None
    }

    fn changes(&mut self, from: usize, visible: usize) -> Option<Position> {
        let mask = self.selected.iter().fold(0, |mask, (_, bits)| mask | bits);
        let mut order: Vec<Uuid> = Vec::new();
        let mut altered: HashMap<Uuid, (u64, BTreeMap<Uuid, bool>)> = HashMap::new();
        let mut at = from;
        let log = self.directory.log(self.class);
        while at < visible && order.len() < self.size {
            let change = &log[at];
            at += 1;
            if !self.is_wanted(change.anchor) {
                continue;
            }
            let relevant = match &change.what {
                Altered::Facets(bits) => *bits == u64::MAX || bits & mask != 0,
                Altered::Removed => true,
                Altered::Members { .. } => self.tells_members(),
            };
            if !relevant {
                continue;
            }
            let (bits, members) = altered.entry(change.anchor).or_insert_with(|| {
                order.push(change.anchor);
                (0, BTreeMap::new())
            });
            match &change.what {
                Altered::Facets(changed) => *bits |= changed,
                Altered::Removed => *bits = u64::MAX,
                Altered::Members { added, removed } => {
                    members.extend(added.iter().map(|member| (*member, true)));
                    members.extend(removed.iter().map(|member| (*member, false)));
                }
            }
        }
        for anchor in order {
            let (bits, members) = altered.remove(&anchor).unwrap_or_default();
            match self.directory.get(anchor) {
                None => self.value.push(removed(anchor, "deleted")),
                Some(entry) if !entry.is_live() => self.value.push(removed(anchor, "changed")),
                Some(entry) => {
                    let mut object = self.object(entry, if self.minimal { bits } else { u64::MAX });
                    if !members.is_empty() && !(entry.hidden_membership && !self.hidden_members) {
                        let of = |present: bool| -> Vec<Uuid> {
                            members
                                .iter()
                                .filter(|(_, there)| **there == present)
                                .map(|(member, _)| *member)
                                .collect()
                        };
                        object.insert(
                            "members@delta".to_owned(),
                            self.members(&of(true), &of(false)),
                        );
                    }
                    self.value.push(Value::Object(object));
                }
            }
        }
        (at < visible).then_some(Position::Changes { log: at })
    }

    /// The object with the selected properties whose facets are among `bits`; what was never set is left out.
    fn object(&self, entry: &Entry, bits: u64) -> Map<String, Value> {
        let mut object = Map::new();
        for (name, facets) in &self.selected {
            let changed = *facets == 0 || facets & bits != 0;
            if !changed || *name == "members" || *name == "hideFromAddressLists" {
                continue;
            }
            let value = property::value(self.directory, entry, name);
            if *name == "manager" {
                if !value.is_null() {
                    object.insert("manager@delta".to_owned(), json!([value]));
                }
                continue;
            }
            if !property::is_empty(&value)
                || entry.ever_set & facets != 0 && *facets & !facet::SHOWN != 0
            {
                object.insert((*name).to_owned(), value);
            }
        }
        object
    }

    fn members(&self, added: &[Uuid], gone: &[Uuid]) -> Value {
        let kind = |member: &Uuid| {
            let class = self
                .directory
                .get(*member)
                .and_then(|entry| entry.kind.class());
            odata_type(class.unwrap_or(Class::User))
        };
        let there = added
            .iter()
            .map(|member| json!({"@odata.type": kind(member), "id": member}));
        let left = gone.iter().map(|member| {
            json!({"@odata.type": kind(member), "id": member, "@removed": {"reason": "deleted"}})
        });
        Value::Array(there.chain(left).collect())
    }
}

fn removed(anchor: Uuid, reason: &str) -> Value {
    json!({"id": anchor, "@removed": {"reason": reason}})
}
