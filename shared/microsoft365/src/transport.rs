//! The seam to the network: a boxed `tower::Service` over `http` types.
//!
//! In production it is `reqwest` ([`Transport::https`]); in simulation it is the simulator's
//! router called in-process ([`Transport::in_process`]). Both are bounded in time and in size,
//! and neither follows a redirect.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use tower::timeout::TimeoutLayer;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt as _};

use crate::error::WireError;
use crate::hosts::Origin;

/// A request, whole.
pub type Request = http::Request<Bytes>;
/// An answer, whole.
pub type Response = http::Response<Bytes>;

/// The largest answer that is read. A page of 1000 recipients has two to four megabytes.
pub const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// How long a transport waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes of an answer.
    pub read: Duration,
    /// For a whole exchange. Exchange's own limit is 15 minutes (MICROSOFT.md 4.2); nobody here waits that long.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), read: Duration::from_secs(150), whole: Duration::from_mins(3) }
    }
}

/// Sends a request and gives its answer. Cloning is cheap.
#[derive(Clone)]
pub struct Transport(BoxCloneSyncService<Request, Response, WireError>);

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Transport")
    }
}

impl Transport {
    /// Any service, bounded in time.
    pub fn new<S>(service: S, timeouts: Timeouts) -> Self
    where
        S: Service<Request, Response = Response, Error = WireError> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let bounded = ServiceBuilder::new().layer(TimeoutLayer::new(timeouts.whole)).service(service);
        let limit = timeouts.whole;
        Self(BoxCloneSyncService::new(tower::service_fn(move |request: Request| {
            let bounded = bounded.clone();
            let host = host(&request);
            async move { bounded.oneshot(request).await.map_err(|error| timed_out(error, host, limit)) }
        })))
    }

    /// HTTPS over the system's certificate authorities, with rustls. Plain http only to this machine.
    pub fn https(timeouts: Timeouts) -> Result<Self, WireError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("galbridge/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| WireError::Client { detail: error.to_string() })?;
        Ok(Self::new(
            tower::service_fn(move |request: Request| {
                let client = client.clone();
                async move { by_reqwest(&client, request).await }
            }),
            timeouts,
        ))
    }

    /// A router called in this process, such as the simulator's. Every request runs as a task of its own:
    /// who stops waiting for the answer undoes nothing that the router did.
    pub fn in_process<S, B>(router: S, timeouts: Timeouts) -> Self
    where
        S: Service<http::Request<Full<Bytes>>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError> + Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self::new(
            tower::service_fn(move |request: Request| {
                let router = router.clone();
                async move {
                    let host = host(&request);
                    let broken = |detail: String| WireError::Interrupted { host: host.clone(), detail };
                    let task = tokio::spawn(async move {
                        let host = self::host(&request);
                        match router.oneshot(request.map(Full::new)).await {
                            Ok(response) => whole(response, host).await,
                            Err(error) => Err(WireError::Interrupted { host, detail: error.into().to_string() }),
                        }
                    });
                    task.await.map_err(|error| broken(error.to_string()))?
                }
            }),
            timeouts,
        )
    }

    /// Sends a request.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, WireError> {
        self.0.clone().oneshot(request).await
    }
}

async fn by_reqwest(client: &reqwest::Client, request: Request) -> Result<Response, WireError> {
    let host = host(&request);
    let secure = request.uri().scheme_str() == Some("https") || Origin::of(request.uri()).is_some_and(|origin| origin.is_loopback());
    if !secure {
        return Err(WireError::Host { host, reason: "plain http is for this machine only; use https" });
    }
    let unusable = |error: reqwest::Error| WireError::NotSent { host: host.clone(), detail: reason(error) };
    let request = reqwest::Request::try_from(request).map_err(unusable)?;
    match client.execute(request).await {
        Ok(response) => whole(http::Response::from(response), host).await,
        Err(error) if error.is_connect() || error.is_builder() => Err(WireError::NotSent { host, detail: reason(error) }),
        Err(error) => Err(WireError::Interrupted { host, detail: reason(error) }),
    }
}

/// Reads the whole body, if it is not too large.
async fn whole<B>(response: http::Response<B>, host: String) -> Result<Response, WireError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let (parts, body) = response.into_parts();
    match Limited::new(body, LARGEST_ANSWER).collect().await {
        Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(WireError::TooLarge { host, limit: LARGEST_ANSWER }),
        Err(error) => Err(WireError::Interrupted { host, detail: innermost(error.as_ref()) }),
    }
}

/// What `reqwest` says, without the URL: links carry tokens.
fn reason(error: reqwest::Error) -> String {
    innermost(&error.without_url())
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source()).last().map(ToString::to_string).unwrap_or_default()
}

fn timed_out(error: BoxError, host: String, limit: Duration) -> WireError {
    match error.downcast::<WireError>() {
        Ok(error) => *error,
        // The only other error of the stack is the time-out.
        Err(_) => WireError::TimedOut { host, limit },
    }
}

fn host(request: &Request) -> String {
    request.uri().authority().map_or_else(String::new, |authority| authority.host().to_owned())
}
