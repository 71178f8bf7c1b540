//! A service over HTTP: the contract on MiniStack (`.ci/with-ministack`), and what happens when nobody answers.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use engine::ports::{Store, StoreError};
use state::StateStore;
use state::testing::Faults;

use crate::contract;

/// Never reaches for the real service: the endpoint and the keys are given.
async fn config(endpoint: &str) -> SdkConfig {
    let keys = aws_sdk_dynamodb::config::Credentials::new("000000000000", "fake", None, None, "test");
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .credentials_provider(keys)
        .region(Region::new("us-east-1"))
        .load()
        .await
}

#[cfg(feature = "ministack")]
async fn table(config: &SdkConfig, name: &str) -> StateStore {
    let store = StateStore::service(config, name, name);
    store.create_table_if_missing().await.unwrap();
    store.create_table_if_missing().await.unwrap();
    store
}

/// `.ci/with-ministack` starts one; `make test` does so, and turns the feature on.
#[cfg(feature = "ministack")]
#[tokio::test(flavor = "multi_thread")]
async fn on_ministack() {
    use std::sync::atomic::{AtomicU32, Ordering};

    let endpoint = std::env::var_os("MINISTACK_ENDPOINT").expect(".ci/with-ministack sets MINISTACK_ENDPOINT");
    let config = config(endpoint.to_str().unwrap()).await;
    let count = AtomicU32::new(0);
    contract::run(async || table(&config, &format!("contract-{}-{}", std::process::id(), count.fetch_add(1, Ordering::Relaxed))).await)
        .await;
}

#[tokio::test]
async fn an_unreachable_service_is_unavailable() {
    // A port that was just free: nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = config(&format!("http://127.0.0.1:{port}")).await;
    let store = StateStore::service(&config, "contoso", "writer");
    let error = store.pair("p").await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { doing, .. } if doing.contains("table contoso")), "{error}");
}

/// The SDK repeats a write whose answer was lost, and then meets what it wrote itself: that is success, not a conflict.
#[tokio::test(start_paused = true)]
async fn lost_answers_are_not_conflicts() {
    for every in [3, 5] {
        contract::run(async || {
            let faults = Faults::default();
            faults.lose_every(every);
            state::testing::service_in_memory(&faults).unwrap()
        })
        .await;
    }
}

/// Batches half done and transactions in each other's way: everything is done in the end.
#[tokio::test(start_paused = true)]
async fn a_service_short_of_throughput_is_waited_for() {
    contract::run(async || {
        let faults = Faults::default();
        faults.be_scarce(7);
        state::testing::memory(&faults).unwrap()
    })
    .await;
}

/// But not for ever: it says so, and what was stored stays.
#[tokio::test(start_paused = true)]
async fn a_service_without_throughput_is_unavailable() {
    let faults = Faults::default();
    faults.be_scarce(0);
    let store = state::testing::service_in_memory(&faults).unwrap();
    let error = store.put_replicas("p", vec![crate::samples::write(1, None, 1)]).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { detail, .. } if detail.contains("throttled")), "{error}");
    let error = store.replicas("p", gal::Side::A, &[crate::samples::anchor(1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    faults.revive();
    assert!(store.put_replicas("p", vec![crate::samples::write(1, None, 1)]).await.unwrap().is_empty());
}
