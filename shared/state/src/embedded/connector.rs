//! What stands in for the network: a request of the SDK becomes a call of dynoxide.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::batch;
use super::lock::FileLock;
use super::scarce;
use super::weigh::{self, Units};

/// What `X-Amz-Target` begins with.
const TARGET: &str = "DynamoDB_20120810.";

/// A database and the lock of its file. The database is closed before the lock is given back: fields are dropped in order.
pub(super) struct Engine {
    pub(super) database: Database,
    pub(super) _lock: Option<FileLock>,
}

/// Asked before and after each request; an error becomes a broken connection. For crash tests.
pub(crate) trait Gate: Send + Sync + fmt::Debug {
    /// The request is about to be made; answers its number.
    fn before(&self) -> Result<u64, String>;
    /// The request of that number was made; its answer is about to be given.
    fn after(&self, request: u64) -> Result<(), String>;
    /// How many entries of a batch are done at most, if the service is short of throughput; every other transaction
    /// is then cancelled because of others.
    fn scarcity(&self) -> Option<usize>;
    /// Whether the units of requests are counted.
    fn weighs(&self) -> bool;
    /// A request took so many.
    fn weighed(&self, units: Units);
}

/// The connector. A call is done, and durable, at the first poll; nothing is spawned.
#[derive(Clone)]
pub(super) struct Connector {
    engine: Arc<Engine>,
    gate: Option<Arc<dyn Gate>>,
}

impl Connector {
    pub(super) fn new(engine: Engine, gate: Option<Arc<dyn Gate>>) -> Self {
        Self { engine: Arc::new(engine), gate }
    }

    fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let broken = |detail: String| ConnectorError::io(detail.into());
        let operation = request.headers().get("x-amz-target").and_then(|target| target.strip_prefix(TARGET));
        let operation = operation.ok_or_else(|| ConnectorError::user("a request without X-Amz-Target".into()))?;
        let body = request.body().bytes().ok_or_else(|| ConnectorError::user("a request with a streaming body".into()))?;
        let number = self.gate.as_ref().map(|gate| gate.before()).transpose().map_err(broken)?;
        let scarcity = self.gate.as_ref().and_then(|gate| gate.scarcity());
        let (status, text) = match scarcity.zip(number) {
            Some((most, number)) => self.answer_scarcely(operation, body, most, number),
            None => match self.gate.as_ref().filter(|gate| gate.weighs()) {
                Some(gate) => self.answer_weighed(operation, body, gate.as_ref()),
                None => self.answer_fully(operation, body),
            },
        };
        if let (Some(gate), Some(number)) = (&self.gate, number) {
            gate.after(number).map_err(broken)?;
        }
        let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
        let mut response = HttpResponse::new(status, SdkBody::from(text));
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        Ok(response)
    }
}

impl Connector {
    fn answer_fully(&self, operation: &str, body: &[u8]) -> (u16, Vec<u8>) {
        match call(&self.engine.database, operation, body) {
            Ok(text) => (200, text),
            Err(error) => (error.status_code(), error.to_json().into_bytes()),
        }
    }

    /// Counting the units.
    fn answer_weighed(&self, operation: &str, body: &[u8], gate: &dyn Gate) -> (u16, Vec<u8>) {
        let Some(body) = weigh::asking(body) else { return self.answer_fully(operation, body) };
        // A batch as one commit would be billed as a transaction.
        let answer = match operation {
            "BatchWriteItem" => {
                read(&body).and_then(|request| self.engine.database.batch_write_item(request)).and_then(|done| write(&done))
            }
            _ => call(&self.engine.database, operation, &body),
        };
        match answer {
            Ok(text) => {
                gate.weighed(weigh::told(operation, &text));
                (200, text)
            }
            Err(error) => (error.status_code(), error.to_json().into_bytes()),
        }
    }

    /// As a service that is short of throughput.
    fn answer_scarcely(&self, operation: &str, body: &[u8], most: usize, number: u64) -> (u16, Vec<u8>) {
        if operation == "TransactWriteItems" && number.is_multiple_of(2) {
            return (400, scarce::conflict().into_bytes());
        }
        let Ok(mut request) = serde_json::from_slice(body) else { return self.answer_fully(operation, body) };
        let Some(left) = scarce::shorten(operation, &mut request, most) else { return self.answer_fully(operation, body) };
        // A batch of nothing is not a request.
        let (status, text) = if most == 0 { (200, b"{}".to_vec()) } else { self.answer_fully(operation, request.to_string().as_bytes()) };
        let Ok(mut answer) = serde_json::from_slice(&text) else { return (status, text) };
        if status == 200 {
            scarce::tell(&mut answer, left);
        }
        (status, answer.to_string().into_bytes())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.answer(&request) })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector")
    }
}

/// Calls the operation by its name on the wire.
fn call(database: &Database, operation: &str, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
    match operation {
        "GetItem" => write(&database.get_item(read(body)?)?),
        "PutItem" => write(&database.put_item(read(body)?)?),
        "UpdateItem" => write(&database.update_item(read(body)?)?),
        "DeleteItem" => write(&database.delete_item(read(body)?)?),
        "Query" => write(&database.query(read(body)?)?),
        "Scan" => write(&database.scan(read(body)?)?),
        "BatchGetItem" => write(&database.batch_get_item(read(body)?)?),
        "BatchWriteItem" => write(&batch::write(database, body)?),
        "TransactWriteItems" => {
            // The SDK invents a token; nothing rests on it, and remembering it would cost memory.
            let request = TransactWriteItemsRequest { client_request_token: None, ..read(body)? };
            write(&database.transact_write_items(request)?)
        }
        "DescribeTable" => write(&database.describe_table(read(body)?)?),
        "CreateTable" => write(&database.create_table(read(body)?)?),
        "UpdateTimeToLive" => write(&database.update_time_to_live(read(body)?)?),
        other => Err(DynoxideError::UnsupportedCapability(other.to_owned())),
    }
}

pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| DynoxideError::SerializationException(error.to_string()))
}

fn write<T: Serialize>(answer: &T) -> Result<Vec<u8>, DynoxideError> {
    serde_json::to_vec(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
