//! What every function does at its start: logging, settings, ports; and how it is asked.

use std::fmt::Display;
use std::io::Write as _;
use std::sync::Arc;

use aws_config::{BehaviorVersion, SdkConfig};
use credentials::SecretsManager;
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;
use state::StateStore;
use telemetry::Format;
use tenants::SystemClock;

use crate::{Client, Parts, ServerlessError, Settings};

/// Starts a function: its log, its settings, its ports.
///
/// # Errors
/// A setting that is missing: Lambda then says so at the first invocation.
pub async fn started() -> Result<(Client, SdkConfig), lambda_runtime::Error> {
    #[expect(clippy::disallowed_methods, reason = "settings are read once, at the start")]
    let settings = Settings::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))?;
    telemetry::init(&telemetry::Settings { format: Format::Json, filter: settings.log.clone(), ansi: false })?;
    let config = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
    // Marks this process's writes to the table.
    let writer = uuid::Uuid::from_bytes(rand::random()).simple().to_string();
    let store = StateStore::service(&config, &settings.table, &writer);
    let credentials = Arc::new(SecretsManager::new(&config));
    let parts = Parts { settings, store, credentials, clock: Arc::new(SystemClock), seed: rand::random, tell };
    Ok((Client::new(parts), config))
}

/// A line of its own on standard output. There is nobody to tell that nobody listens.
fn tell(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Serves events until Lambda ends the process. `serve` gets the event, the id of the invocation, and when it ends.
///
/// # Errors
/// The Runtime API is gone.
pub async fn serve<T, F>(serve: impl Fn(Value, String, Timestamp) -> F) -> Result<(), lambda_runtime::Error>
where
    T: Serialize,
    F: Future<Output = Result<T, ServerlessError>>,
{
    let serve = &serve;
    let answer = |event: LambdaEvent<Value>| async move {
        let (event, context) = event.into_parts();
        let end = i64::try_from(context.deadline).ok().and_then(|end| Timestamp::from_millisecond(end).ok());
        let end = end.ok_or_else(|| diagnostic("Deadline", "Lambda gave no deadline"))?;
        // In a box: the compiler cannot lay out so deep a future within another.
        Box::pin(serve(event, context.request_id, end)).await.map_err(|error| {
            tracing::error!(%error, "the event was not served");
            diagnostic(&format!("{:?}", error.fault()), error)
        })
    };
    lambda_runtime::run(service_fn(answer)).await
}

fn diagnostic(kind: &str, message: impl Display) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: message.to_string() }
}
