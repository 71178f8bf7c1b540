use engine::ports::{ReplicaWrite, Store};
use gal::Side;

use crate::samples::{anchor, at, link, link_key, operation, replica_of, row, write};

/// A query answers at most 1 MB a page.
pub(super) async fn many_items_beyond_a_page(store: &impl Store) {
    let operations: Vec<_> = (1..=300).map(|number| operation(number, 8_000)).collect();
    store.put_operations("r", &operations, at(1_000)).await.unwrap();
    assert_eq!(store.operations("r").await.unwrap(), operations);

    let rows: Vec<_> = (0..600).map(|n| row(n, i64::from(n), 1)).collect();
    store.put_agenda("p", &rows).await.unwrap();
    assert_eq!(store.due("p", at(10_000), 10_000).await.unwrap(), rows);
    assert_eq!(store.due("p", at(10_000), 599).await.unwrap(), rows[..599]);
    assert_eq!(store.due("p", at(399), 10_000).await.unwrap(), rows[..400]);

    let links: Vec<_> = (0..130).map(link).collect();
    for link in &links {
        store.put_link("p", link, None).await.unwrap();
    }
    let keys: Vec<_> = (0..210).map(link_key).collect();
    let mut found: Vec<_> = store.links("p", &keys).await.unwrap().into_iter().map(|link| link.item).collect();
    found.sort_unstable_by_key(|link| link.key);
    let mut links = links;
    links.sort_unstable_by_key(|link| link.key);
    assert_eq!(found, links);
}

/// A batch of gets answers at most 16 MB, a shard's page 1 MB.
pub(super) async fn large_items_beyond_a_batch(store: &impl Store) {
    let large = |n| ReplicaWrite { replica: replica_of(n, 1, 360_000), agenda: None, ..write(n, None, 1) };
    for chunk in 0..5 {
        assert!(store.put_replicas("p", (chunk * 20..(chunk + 1) * 20).map(large).collect()).await.unwrap().is_empty());
    }
    let anchors: Vec<_> = (0..101).map(anchor).collect();
    let mut found: Vec<_> = store.replicas("p", Side::A, &anchors).await.unwrap().into_iter().map(|replica| replica.anchor).collect();
    found.sort_unstable();
    assert_eq!(found, anchors[..100]);
    let mut shards = Vec::new();
    for shard in 0..16 {
        shards.extend(store.replica_shard("p", Side::A, shard).await.unwrap().into_iter().map(|replica| replica.anchor));
    }
    shards.sort_unstable();
    assert_eq!(shards, anchors[..100]);
    assert!(store.replica_shard("p", Side::B, 3).await.unwrap().is_empty());
}
