//! A request as it came in, and the answer before it becomes HTTP.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

/// A request with everything handlers ask of it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// `scheme://host[:port]` the caller used: links in answers lead back there.
    pub(crate) base: String,
    /// Host without the port.
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) arrived: Timestamp,
}

impl Asked {
    /// A header's text, empty if absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The absolute URL.
    pub(crate) fn url(&self) -> String {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        format!("{}{}{query}", self.base, self.path)
    }

    /// The bearer token, if there is one.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization").split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// The decoded query options in order.
    pub(crate) fn options(&self) -> Vec<(String, String)> {
        decode_form(&self.query)
    }
}

/// Decodes `a=b&c=d` with percent signs and pluses.
pub(crate) fn decode_form(form: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    form.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Put into the response's extensions when the simulated connection broke before the answer came. Over a socket the
/// connection is closed without a byte; in process the body ends in an error, and this says so beforehand.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionDropped;

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    /// The connection breaks instead of carrying this.
    pub(crate) dropped: bool,
    /// Whether a write was committed.
    pub(crate) committed: bool,
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Bytes::new(), dropped: false, committed: false }
    }

    /// A JSON answer.
    pub(crate) fn json(status: u16, body: &Value) -> Reply {
        Reply::text(status, "application/json; charset=utf-8", body.to_string())
    }

    /// An answer of this content type.
    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Reply {
        Reply { body: body.into(), ..Reply::empty(status) }.with("Content-Type", content_type)
    }

    /// No answer at all.
    pub(crate) fn dropped() -> Reply {
        Reply { dropped: true, ..Reply::empty(502) }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The HTTP response.
    pub(crate) fn into_response(self) -> Response<Body> {
        let body = if self.dropped { Body::new(BrokenBody) } else { Body::from(self.body) };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes())) {
                response.headers_mut().append(name, value);
            }
        }
        if self.dropped {
            response.extensions_mut().insert(ConnectionDropped);
        }
        response
    }
}

/// A body that breaks off at once.
struct BrokenBody;

impl hyper::body::Body for BrokenBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
        let reset = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the simulated connection was reset");
        std::task::Poll::Ready(Some(Err(reset)))
    }
}
