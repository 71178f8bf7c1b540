//! The database inside the process: dynoxide over `SQLite`, under the same SDK as the service.

mod batch;
mod connector;
mod lock;
mod scarce;
mod weigh;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, IdentityCache, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use dynoxide::{Database, DynoxideError};
use engine::ports::StoreError;

pub(crate) use connector::Gate;
use connector::{Connector, Engine};
use lock::FileLock;
#[cfg(feature = "testing")]
pub(crate) use weigh::Units;

use crate::keys::{PK, SK};
use crate::table::{Table, damaged, unavailable};

/// The table's name within the file.
pub(crate) const NAME: &str = "galbridge";

/// A table in memory. `gate` may let requests fail, for tests.
pub(crate) fn memory(gate: Option<Arc<dyn Gate>>) -> Result<Table, StoreError> {
    let place = "the state in memory".to_owned();
    let database = Database::memory().map_err(|error| failed(&place, "opening it", &error))?;
    open(Engine { database, _lock: None }, place, gate)
}

/// A table in a file, which this process alone uses until the last clone of the table is gone.
pub(crate) fn file(path: &Path, gate: Option<Arc<dyn Gate>>) -> Result<Table, StoreError> {
    let path = real_path(path)?;
    let place = format!("the state file {}", path.display());
    let lock = FileLock::take(&path)?;
    make_private(&path).map_err(|error| unavailable(&place, "opening it", error))?;
    let name = path.to_str().ok_or_else(|| unavailable(&place, "opening it", "its path is not UTF-8"))?;
    let database = Database::new(name).map_err(|error| failed(&place, "opening it", &error))?;
    open(Engine { database, _lock: Some(lock) }, place, gate)
}

/// The wire of a table in memory, for a client with settings of its own.
#[cfg(feature = "testing")]
pub(crate) fn http_client(gate: Option<Arc<dyn Gate>>) -> Result<SharedHttpClient, StoreError> {
    let place = "the state in memory";
    let database = Database::memory().map_err(|error| failed(place, "opening it", &error))?;
    make_table(&database).map_err(|error| failed(place, "making the table", &error))?;
    Ok(wire(Connector::new(Engine { database, _lock: None }, gate)))
}

fn wire(connector: Connector) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

fn open(engine: Engine, place: String, gate: Option<Arc<dyn Gate>>) -> Result<Table, StoreError> {
    make_table(&engine.database).map_err(|error| failed(&place, "making the table", &error))?;
    let client = client(Connector::new(engine, gate));
    Ok(Table::new(client, NAME.to_owned(), place, None))
}

/// An SDK client that never waits: no retries, timeouts, sockets or threads. Nothing is signed, as nothing leaves the process:
/// signing took a tenth of the time that histories take.
fn client(connector: Connector) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("local"))
        .endpoint_url("http://embedded.invalid")
        .allow_no_auth()
        .auth_scheme_preference([AuthSchemeId::from("noAuth")])
        .identity_cache(IdentityCache::no_cache())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(wire(connector))
        .build();
    Client::from_conf(config)
}

fn make_table(database: &Database) -> Result<(), DynoxideError> {
    if database.get_table_metadata(NAME)?.is_some() {
        return Ok(());
    }
    let request = serde_json::json!({
        "TableName": NAME,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": PK, "AttributeType": "S"}, {"AttributeName": SK, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": PK, "KeyType": "HASH"}, {"AttributeName": SK, "KeyType": "RANGE"}],
    });
    let request = serde_json::from_value(request).map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
    database.create_table(request).map(drop)
}

/// The path without links, so that two names of one file mean one lock.
fn real_path(path: &Path) -> Result<PathBuf, StoreError> {
    let place = format!("the state file {}", path.display());
    let not_found = |error| unavailable(&place, "opening it", error);
    if path.exists() {
        return path.canonicalize().map_err(not_found);
    }
    let name = path.file_name().ok_or_else(|| unavailable(&place, "opening it", "this is not the path of a file"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(folder.canonicalize().map_err(not_found)?.join(name))
}

/// Makes the file if there is none, for its owner's eyes only; takes rights of others from one that is there.
/// `SQLite` gives its journals the same rights.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata()?.permissions().mode();
        if mode & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(mode & 0o700))?;
        }
    }
    drop(file);
    Ok(())
}

/// From dynoxide's errors to the engine's.
fn failed(place: &str, doing: &str, error: &DynoxideError) -> StoreError {
    let detail = error.to_string();
    if damaged(&detail) {
        return StoreError::Malformed { place: place.to_owned(), detail };
    }
    unavailable(place, doing, detail)
}
