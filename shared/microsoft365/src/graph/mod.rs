//! Graph: the change signal, deletions, attributes of users, members of groups (MICROSOFT.md 3.1, 7, 9).

mod error;
mod keys;
mod page;
mod select;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use engine::ports::{ChangePage, GraphCursor, NextPage, ReadError, TenantError};
use gal::Anchor;
use gal::reading::Collection;
use http::header::{ACCEPT, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Uri};

use error::{GraphError, GraphFailure, Meaning};
use page::Envelope;

use crate::hosts::Origin;
use crate::observer::PathClass;
use crate::pace::later;
use crate::resource::{CallError, Service};
use crate::retry::{Patience, Retries, exponential, with_retries};
use crate::wire::{Answer, Call, Repeat};

/// How long a warning of `x-ms-throttle-limit-percentage` counts: the window of the token bucket.
const BUCKET_WINDOW: Duration = Duration::from_secs(10);

/// How often an enumeration of members begins again when its page token expires.
const MEMBER_READINGS: u32 = 3;

/// The most pages an enumeration of members may have: ten million members.
const MEMBER_PAGES: usize = 10_000;

/// Graph of one tenant.
pub(crate) struct Graph {
    service: Service,
    origin: Origin,
    patience: Patience,
    units: AtomicU64,
}

impl Graph {
    pub(crate) fn new(service: Service, origin: Origin, patience: Patience) -> Self {
        Self { service, origin, patience, units: AtomicU64::new(0) }
    }

    /// One page of a delta.
    pub(crate) async fn changes(&self, collection: Collection, cursor: &GraphCursor) -> Result<ChangePage, ReadError> {
        let path = select::path_class(collection);
        let (uri, whole, link) = match cursor {
            GraphCursor::Start => {
                let path = format!("/v1.0/{}/delta?$select={}", collection.as_str(), select::select(collection));
                (self.uri(&path)?, true, false)
            }
            GraphCursor::Enumerating(link) => (self.link(link)?, true, true),
            GraphCursor::Following(link) | GraphCursor::Delta(link) => (self.link(link)?, false, true),
        };
        // `return=minimal` is for rounds of changes; whole objects are wanted of the first enumeration.
        let call = call(uri, path, !whole);
        let page = self.make(call, |body| page::change_page(body, collection, whole)).await;
        let page = page.map_err(|failure| self.read_error(&failure, path, link))?;
        let (NextPage::More(link) | NextPage::Complete(link)) = &page.next;
        self.link(link)?;
        Ok(page)
    }

    /// All transitive members of a group, sorted.
    pub(crate) async fn transitive_members(&self, group: Anchor) -> Result<Vec<Anchor>, ReadError> {
        let mut reading = 1;
        loop {
            match self.member_reading(group).await {
                Err(ReadError::CursorExpired) if reading < MEMBER_READINGS => reading += 1,
                Err(ReadError::CursorExpired) => return Err(ReadError::PageExpired),
                other => return other,
            }
        }
    }

    async fn member_reading(&self, group: Anchor) -> Result<Vec<Anchor>, ReadError> {
        let mut uri = self.uri(&format!("/v1.0/groups/{group}/transitiveMembers?$select=id&$top=999"))?;
        let mut members = Vec::new();
        for page in 0..MEMBER_PAGES {
            let read = self.make(call(uri, PathClass::Members, false), Envelope::parse).await;
            let envelope = read.map_err(|failure| match &failure {
                GraphFailure::Service(error) if error.meaning == Meaning::Missing => ReadError::GroupGone(group),
                GraphFailure::Service(_) | GraphFailure::Call(_) | GraphFailure::Malformed(_) => {
                    self.read_error(&failure, PathClass::Members, page > 0)
                }
            })?;
            // A member without a readable id would silently shrink the scope (law 3).
            let unreadable = || self.service.wire.protocol("a member of a group has no readable id");
            let ids: Option<Vec<Anchor>> = envelope.value.iter().map(page::anchor).collect();
            members.extend(ids.ok_or_else(unreadable)?);
            let Some(next) = envelope.next else {
                members.sort_unstable();
                members.dedup();
                return Ok(members);
            };
            uri = self.link(&next)?;
        }
        Err(self.service.wire.protocol("the members of a group do not come to an end").into())
    }

    /// The display names of the groups that a mail contact is a direct member of, sorted (`/contacts/{id}/memberOf`).
    pub(crate) async fn groups_of(&self, contact: Anchor) -> Result<Vec<String>, ReadError> {
        let mut uri = self.uri(&format!("/v1.0/contacts/{contact}/memberOf?$select=id,displayName&$top=999"))?;
        let mut names = Vec::new();
        for page in 0..MEMBER_PAGES {
            let read = self.make(call(uri, PathClass::Members, false), Envelope::parse).await;
            let envelope = match read {
                // Not yet, or no more, in Entra: a member of nothing.
                Err(GraphFailure::Service(error)) if error.meaning == Meaning::Missing => return Ok(Vec::new()),
                read => read.map_err(|failure| self.read_error(&failure, PathClass::Members, page > 0))?,
            };
            names.extend(envelope.value.iter().filter_map(|group| group["displayName"].as_str().map(str::to_owned)));
            let Some(next) = envelope.next else {
                names.sort_unstable();
                return Ok(names);
            };
            uri = self.link(&next)?;
        }
        Err(self.service.wire.protocol("the groups of a contact do not come to an end").into())
    }

    /// The application roles in the Graph token.
    pub(crate) async fn roles(&self) -> Result<Vec<String>, TenantError> {
        self.service.roles().await
    }

    /// Resource units used so far (MICROSOFT.md 7).
    pub(crate) fn units(&self) -> u64 {
        self.units.load(Ordering::Relaxed)
    }

    /// Makes a call, as often as it takes and may be, and reads the answer.
    async fn make<T>(&self, call: Call, read: impl Fn(&[u8]) -> Result<T, String>) -> Result<T, GraphFailure> {
        let retries = Retries::new(&self.service.wire, self.patience);
        let attempt = |call: Call| {
            let read = &read;
            async move {
                let answer = self.service.once(&call).await.map_err(GraphFailure::Call)?;
                self.learn(&answer);
                if answer.status.is_success() {
                    return read(&answer.body).map_err(GraphFailure::Malformed);
                }
                let error = GraphError::parse(answer.status, &answer.body, answer.retry_after(self.service.wire.clock.now()));
                self.mind(&error);
                Err(GraphFailure::Service(error))
            }
        };
        with_retries(retries, tower::service_fn(attempt), call).await
    }

    /// Counts resource units, and slows down when the bucket is nearly empty.
    fn learn(&self, answer: &Answer) {
        let number = |name| answer.header(name).parse::<f64>().ok().filter(|number| number.is_finite());
        let units = answer.header("x-ms-resource-unit").parse().unwrap_or(0);
        self.units.fetch_add(units, Ordering::Relaxed);
        if let Some(used) = number("x-ms-throttle-limit-percentage")
            && used >= 0.8
        {
            // 0.8: 0.4 s a request; 1.0 and above: 2 s.
            let delay = Duration::from_secs_f64((0.4 + (used - 0.8) * 8.0).clamp(0.0, 4.0));
            self.service.pace.slow_down(delay, later(self.service.wire.clock.now(), BUCKET_WINDOW));
        }
    }

    /// A 429 concerns every request of the tenant, not this one alone.
    fn mind(&self, error: &GraphError) {
        if error.meaning == Meaning::Throttled {
            tracing::info!(tenant = %self.service.wire.label.name, "Graph throttles");
            self.service.pace.pause_for(error.retry_after.unwrap_or_else(|| exponential(1)));
        }
    }

    fn read_error(&self, failure: &GraphFailure, path: PathClass, link: bool) -> ReadError {
        let wire = &self.service.wire;
        let error = match failure {
            GraphFailure::Call(CallError::Tenant(error)) => return error.clone().into(),
            GraphFailure::Call(CallError::Wire(error)) => return wire.broken(error).into(),
            GraphFailure::Malformed(what) => return wire.protocol(what).into(),
            GraphFailure::Service(error) => error,
        };
        let doing = format!("reading {} failed ({})", path.as_str(), error.shown());
        let permission = select::permission(path);
        match error.meaning {
            Meaning::Expired => ReadError::CursorExpired,
            // A token in a link that Graph does not understand any more: MICROSOFT.md 3.1, "malformed token".
            Meaning::BadRequest if link => ReadError::CursorExpired,
            Meaning::Unauthorized => {
                let what =
                    format!("Graph refuses the token even when it is new ({}); check the application and its consent", error.shown());
                wire.configuration("graph-unauthorized", &what).into()
            }
            Meaning::Forbidden => {
                let what = format!(
                    "Graph does not let the application read {} ({}); grant the application permission {permission} and give admin consent",
                    path.as_str(),
                    error.shown()
                );
                wire.configuration("graph-permission", &what).into()
            }
            Meaning::Throttled | Meaning::Unavailable => wire.transient(&doing, error.retry_after).into(),
            Meaning::Missing | Meaning::BadRequest | Meaning::Other => wire.protocol(&doing).into(),
        }
    }

    fn uri(&self, path: &str) -> Result<Uri, TenantError> {
        self.origin.url(path).parse().map_err(|_| self.service.wire.protocol("a URL of Graph cannot be built"))
    }

    /// A link that leads anywhere but to Graph is never followed: it would be given the token.
    fn link(&self, link: &str) -> Result<Uri, TenantError> {
        self.origin.own_link(link).map_err(|elsewhere| {
            self.service
                .wire
                .protocol(&format!("a link of Graph leads to {elsewhere} instead of {}; nothing was sent there", self.origin.host()))
        })
    }
}

fn call(uri: Uri, path: PathClass, minimal: bool) -> Call {
    let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    if minimal {
        headers.insert(HeaderName::from_static("prefer"), HeaderValue::from_static("return=minimal"));
    }
    Call { method: Method::GET, uri, headers, body: Bytes::new(), path, repeat: Repeat::Freely }
}
