//! The simulator behind a socket.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use openssl::ssl::{Ssl, SslAcceptor, SslFiletype, SslMethod};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::reply::ConnectionDropped;
use crate::simulator::Simulator;

/// A certificate and its key, in PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why the simulator could not be served.
#[derive(Debug)]
pub enum ServeError {
    /// The socket failed.
    Io(io::Error),
    /// The TLS files cannot be used.
    Tls(openssl::error::ErrorStack),
}

impl std::fmt::Display for ServeError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ServeError::Io(error) => write!(formatter, "the socket failed: {error}"),
            ServeError::Tls(error) => write!(formatter, "the TLS files cannot be used: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}

impl From<io::Error> for ServeError {
    fn from(error: io::Error) -> Self {
        ServeError::Io(error)
    }
}

impl From<openssl::error::ErrorStack> for ServeError {
    fn from(error: openssl::error::ErrorStack) -> Self {
        ServeError::Tls(error)
    }
}

/// Serves until the task is dropped.
pub async fn serve(simulator: Simulator, listener: TcpListener, tls: Option<TlsFiles>) -> Result<(), ServeError> {
    let acceptor = match tls {
        None => None,
        Some(files) => {
            let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
            builder.set_certificate_chain_file(files.certificate)?;
            builder.set_private_key_file(files.key, SslFiletype::PEM)?;
            Some(builder.build())
        }
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // One connection that failed to be accepted is not the end.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let simulator = simulator.clone();
        match &acceptor {
            None => {
                tokio::spawn(connection(simulator, stream));
            }
            Some(acceptor) => {
                let ssl = Ssl::new(acceptor.context())?;
                tokio::spawn(async move {
                    if let Ok(mut stream) = tokio_openssl::SslStream::new(ssl, stream)
                        && Pin::new(&mut stream).accept().await.is_ok()
                    {
                        connection(simulator, stream).await;
                    }
                });
            }
        }
    }
}

/// Serves one connection. A dropped reply closes it without a byte.
async fn connection(simulator: Simulator, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let router = simulator.router();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let request = request.map(axum::body::Body::new);
            let response = match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            if response.extensions().get::<ConnectionDropped>().is_some() {
                return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the simulated connection was reset"));
            }
            Ok(response)
        }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
