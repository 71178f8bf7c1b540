//! The schedule's tick of a pair: reads both sides, and wakes `reconcile` if anything is due.

use serverless::{Queue, ServerlessError, serve, snapshot, started};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let (client, config) = started().await?;
    let address = client.settings().queue.clone();
    let address = address.ok_or(ServerlessError::Setting { name: "GALBRIDGE_QUEUE", problem: "is missing".to_owned() })?;
    let queue = Queue::new(&config, address);
    let (client, queue) = (&client, &queue);
    serve(|event, request, end| async move { snapshot::serve(client, queue, event, &request, end).await }).await
}
