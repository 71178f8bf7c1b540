//! The certificate of a tenant's application: made and rolled inside AWS, as Secrets Manager or a person asks.

use credentials::SecretsManager;
use serverless::{rotate, serve, started};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let (client, config) = started().await?;
    let vault = SecretsManager::new(&config);
    let (client, vault) = (&client, &vault);
    serve(|event, _, end| Box::pin(rotate::serve(client, vault, event, end))).await
}
