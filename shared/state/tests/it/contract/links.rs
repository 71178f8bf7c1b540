use engine::ports::{Store, StoreError};
use gal::{Link, LinkKey, Origin};

use crate::samples::{anchor, link, link_key};

pub(super) async fn a_link_reads_back(store: &impl Store) {
    assert!(store.link("p", link_key(1)).await.unwrap().is_none());
    assert_eq!(store.put_link("p", &link(1), None).await.unwrap(), 1);
    let twin = Link { key: LinkKey { origin: Origin::StaticB, anchor: anchor(1) }, ..link(1) };
    assert_eq!(store.put_link("p", &twin, None).await.unwrap(), 1);
    let found = store.link("p", link_key(1)).await.unwrap().unwrap();
    assert_eq!((found.item, found.version), (link(1), 1));
    let found = store.links("p", &[link_key(2), link_key(1), twin.key, link_key(1)]).await.unwrap();
    let mut keys: Vec<LinkKey> = found.iter().map(|link| link.item.key).collect();
    keys.sort_unstable();
    assert_eq!(keys, [link_key(1), twin.key]);
    let mut shards = Vec::new();
    for shard in 0..16 {
        shards.extend(store.link_shard("p", shard).await.unwrap().into_iter().map(|link| link.item.key));
    }
    shards.sort_unstable();
    assert_eq!(shards, keys);
    assert!(store.link("q", link_key(1)).await.unwrap().is_none());
}

pub(super) async fn a_link_needs_the_expected_version(store: &impl Store) {
    let conflict = |result: Result<u64, StoreError>| matches!(result, Err(StoreError::Conflict { .. }));
    assert!(conflict(store.put_link("p", &link(1), Some(1)).await), "it does not exist");
    store.put_link("p", &link(1), None).await.unwrap();
    assert!(conflict(store.put_link("p", &link(1), None).await), "it exists");
    let changed = Link { deletions: 1, ..link(1) };
    assert_eq!(store.put_link("p", &changed, Some(1)).await.unwrap(), 2);
    assert!(conflict(store.put_link("p", &link(1), Some(1)).await), "somebody was faster");
    let found = store.link("p", link_key(1)).await.unwrap().unwrap();
    assert_eq!((found.item, found.version), (changed, 2));
}

pub(super) async fn a_link_is_removed_by_version(store: &impl Store) {
    store.put_link("p", &link(1), None).await.unwrap();
    store.put_link("p", &link(1), Some(1)).await.unwrap();
    let error = store.delete_link("p", link_key(1), 1).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    assert!(store.link("p", link_key(1)).await.unwrap().is_some());
    store.delete_link("p", link_key(1), 2).await.unwrap();
    assert!(store.link("p", link_key(1)).await.unwrap().is_none());
    // Gone already is as good as removed.
    store.delete_link("p", link_key(1), 2).await.unwrap();
    assert_eq!(store.put_link("p", &link(1), None).await.unwrap(), 1);
}

pub(super) async fn of_many_links_one_wins(store: &impl Store) {
    let links: Vec<Link> = (0..12).map(|deletions| Link { deletions, ..link(1) }).collect();
    let results = futures::future::join_all(links.iter().map(|link| store.put_link("p", link, None))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().all(|result| matches!(result, Ok(1) | Err(StoreError::Conflict { .. }))));
}
