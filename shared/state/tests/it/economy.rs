//! Requests cost money and time: what the design promises, counted.

use engine::ports::{ReplicaWrite, Store};
use engine::records::{LeaseKind, ReadingState, WritingState};
use gal::Side;
use state::testing::Faults;
use state::{Requests, StateStore};

use crate::samples::{anchor, at, lease, link_key, row, write};

/// Whatever the size of the directory.
async fn filled(recipients: u32) -> StateStore {
    let store = StateStore::memory().unwrap();
    let writes = (0..recipients).map(|n| ReplicaWrite { agenda: None, ..write(n, None, 1) });
    store.put_replicas("p", writes.collect()).await.unwrap();
    let later: Vec<_> = (0..recipients).map(|n| row(n, 100_000, 1)).collect();
    store.put_agenda("p", &later).await.unwrap();
    store.acquire("p", LeaseKind::Writing, &lease("earlier", 1), at(0)).await.unwrap();
    store.save_writing("p", "earlier", &WritingState { paused: Some("x".to_owned()), ..WritingState::default() }, None).await.unwrap();
    store
}

async fn count(store: &StateStore, work: impl AsyncFnOnce()) -> Requests {
    let before = store.requests();
    work().await;
    store.requests().since(&before)
}

#[tokio::test]
async fn a_quiet_cycle_is_three_requests() {
    for recipients in [10, 500] {
        let store = filled(recipients).await;
        let made = count(&store, async || {
            store.acquire("p", LeaseKind::Reading, &lease("run", 60), at(0)).await.unwrap();
            assert!(store.due("p", at(0), 1_000).await.unwrap().is_empty());
            store.save_reading("p", "run", &ReadingState::default(), None).await.unwrap();
        })
        .await;
        assert_eq!(made.to_string(), "3 requests: Query 1, UpdateItem 2");
    }
}

#[tokio::test]
async fn a_replica_costs_what_it_must() {
    let store = filled(10).await;
    let one = count(&store, async || drop(store.put_replicas("p", vec![write(1, Some(1), 2)]).await.unwrap())).await;
    assert_eq!(one.to_string(), "1 requests: TransactWriteItems 1", "holders did not change");
    let quiet = ReplicaWrite { agenda: None, ..write(1, Some(2), 3) };
    let one = count(&store, async || drop(store.put_replicas("p", vec![quiet]).await.unwrap())).await;
    assert_eq!(one.to_string(), "1 requests: PutItem 1", "no agenda row, no transaction");
    let new = count(&store, async || drop(store.put_replicas("p", (100..150).map(|n| write(n, None, 1)).collect()).await.unwrap())).await;
    // A replica, its agenda row and three holder keys each (two addresses and the Name): 250 items, a hundred a transaction.
    assert_eq!(new.to_string(), "3 requests: TransactWriteItems 3");
}

#[tokio::test]
async fn many_are_read_by_the_hundred() {
    let store = filled(250).await;
    let anchors: Vec<_> = (0..250).map(anchor).collect();
    let keys: Vec<_> = (0..250).map(link_key).collect();
    let made = count(&store, async || {
        assert_eq!(store.replicas("p", Side::A, &anchors).await.unwrap().len(), 250);
        assert!(store.links("p", &keys).await.unwrap().is_empty());
        store.replicas("p", Side::A, &[]).await.unwrap();
    })
    .await;
    assert_eq!(made.to_string(), "6 requests: BatchGetItem 6");
    let made = count(&store, async || drop(store.due("p", at(200_000), 10).await.unwrap())).await;
    assert_eq!(made.to_string(), "1 requests: Query 1");
    let made = count(&store, async || drop(store.holders("p", Side::A, "person7@contoso.example").await.unwrap())).await;
    assert_eq!(made.to_string(), "1 requests: Query 1");
}

/// To the service smaller transactions go, and single items as plain puts: a transaction costs double.
#[tokio::test(start_paused = true)]
async fn the_service_is_asked_the_cheaper_way() {
    let store = state::testing::service_in_memory(&Faults::default()).unwrap();
    let made = count(&store, async || drop(store.put_replicas("p", (0..50).map(|n| write(n, None, 1)).collect()).await.unwrap())).await;
    assert_eq!(made.to_string(), "11 requests: BatchWriteItem 6, TransactWriteItems 5");
    let quiet = (0..50).map(|n| ReplicaWrite { agenda: None, ..write(n, Some(1), 2) }).collect();
    let made = count(&store, async || drop(store.put_replicas("p", quiet).await.unwrap())).await;
    assert_eq!(made.to_string(), "50 requests: PutItem 50");
    let rows: Vec<_> = (0..50).map(|n| row(n, 5, 1)).collect();
    let made = count(&store, async || store.put_agenda("p", &rows).await.unwrap()).await;
    assert_eq!(made.to_string(), "50 requests: PutItem 50");
}
