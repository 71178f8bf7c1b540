//! What is due for a pair: planned, guarded, applied. Woken by the queue, or asked by hand.

use serverless::{reconcile, serve, started};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let (client, _) = started().await?;
    let client = &client;
    serve(|event, request, end| async move { reconcile::serve(client, event, &request, end).await }).await
}
