//! The wake-up of the reconcile function.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;

use engine::ports::with_causes;

use crate::ServerlessError;
use crate::message::WakeUp;

/// Wakes the reconcile function.
#[async_trait]
pub trait Waker: Send + Sync {
    /// Sends a wake-up. The same pair and tick twice are one.
    async fn wake(&self, message: &WakeUp) -> Result<(), ServerlessError>;
}

/// An SQS FIFO queue, a group a pair: one pair never waits for another.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    address: String,
}

impl Queue {
    /// The queue at this address. No request is made yet.
    pub fn new(config: &SdkConfig, address: String) -> Self {
        Self { client: Client::new(config), address }
    }
}

#[async_trait]
impl Waker for Queue {
    async fn wake(&self, message: &WakeUp) -> Result<(), ServerlessError> {
        let failed = |detail: String| ServerlessError::Queue { pair: message.pair.clone(), detail };
        let body = serde_json::to_string(message).map_err(|error| failed(error.to_string()))?;
        // Ids of duplicates count across groups: the pair is part of them.
        let id = format!("{}-{}", message.pair, message.tick.as_millisecond());
        let request = self.client.send_message().queue_url(&self.address).message_body(body);
        let sent = request.message_group_id(&message.pair).message_deduplication_id(id).send().await;
        sent.map(drop).map_err(|error| failed(error.message().map_or_else(|| with_causes(&error), str::to_owned)))
    }
}
