use engine::ports::{Store, StoreError};
use gal::{Anchor, Side};

use crate::samples::{anchor, at};

fn anchors(range: std::ops::Range<u32>) -> Vec<Anchor> {
    range.map(anchor).collect()
}

pub(super) async fn seen_anchors_read_back(store: &impl Store) {
    store.put_seen("p", Side::A, at(0), 0, &anchors(0..10_000)).await.unwrap();
    store.put_seen("p", Side::A, at(0), 1, &anchors(10_000..20_000)).await.unwrap();
    // Written again after a crash: replaced, not added.
    store.put_seen("p", Side::A, at(0), 1, &anchors(10_000..10_003)).await.unwrap();
    store.put_seen("p", Side::A, at(1), 0, &anchors(7..8)).await.unwrap();
    store.put_seen("p", Side::B, at(0), 0, &[]).await.unwrap();
    assert_eq!(store.seen("p", Side::A, at(0), 2).await.unwrap(), anchors(0..10_003));
    assert_eq!(store.seen("p", Side::A, at(0), 1).await.unwrap().len(), 10_000);
    assert!(store.seen("p", Side::A, at(0), 0).await.unwrap().is_empty());
    assert!(store.seen("p", Side::B, at(0), 1).await.unwrap().is_empty());
    store.forget_seen("p", Side::A, at(0), 2).await.unwrap();
    store.forget_seen("p", Side::A, at(0), 2).await.unwrap();
    assert_eq!(store.seen("p", Side::A, at(1), 1).await.unwrap(), anchors(7..8));
}

/// Law 3: what a lost chunk held would count as absent.
pub(super) async fn a_missing_chunk_is_an_error(store: &impl Store) {
    store.put_seen("p", Side::A, at(0), 0, &anchors(0..5)).await.unwrap();
    store.put_seen("p", Side::A, at(0), 2, &anchors(5..9)).await.unwrap();
    let error = store.seen("p", Side::A, at(0), 3).await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt { item, .. } if item.ends_with("#000001")), "{error}");
}

pub(super) async fn groups_of_any_size_read_back(store: &impl Store) {
    let group = anchor(999_999);
    let read = async || store.group_members("p", Side::A, group).await.unwrap();
    assert_eq!(read().await, None);
    for count in [0, 1, 10_000, 10_001, 35_000, 25_000, 3] {
        store.put_group_members("p", Side::A, group, &anchors(0..count)).await.unwrap();
        assert_eq!(read().await, Some(anchors(0..count)), "{count} members");
    }
    assert_eq!(store.group_members("p", Side::B, group).await.unwrap(), None);
    assert_eq!(store.group_members("p", Side::A, anchor(1)).await.unwrap(), None);
}
