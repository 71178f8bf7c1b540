use engine::ports::{ReplicaWrite, Store};
use gal::{Anchor, Side};

use crate::samples::{anchor, at, replica, write};

fn with_holders(n: u32, expected: Option<u64>, version: u64, before: &[&str], now: &[&str]) -> ReplicaWrite {
    let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
    ReplicaWrite { holders: owned(now), holders_before: owned(before), ..write(n, expected, version) }
}

async fn holders(store: &impl Store, key: &str) -> Vec<Anchor> {
    let mut anchors = store.holders("p", Side::A, key).await.unwrap();
    anchors.sort_unstable();
    anchors
}

pub(super) async fn a_replica_reads_back(store: &impl Store) {
    assert_eq!(store.replica("p", Side::A, anchor(1)).await.unwrap(), None);
    let writes = vec![write(1, None, 1), ReplicaWrite { agenda: None, ..write(2, None, 1) }];
    assert!(store.put_replicas("p", writes).await.unwrap().is_empty());
    assert_eq!(store.replica("p", Side::A, anchor(1)).await.unwrap(), Some(replica(1, 1)));
    // Unknown ones are left out, doubles come once.
    let mut found = store.replicas("p", Side::A, &[anchor(3), anchor(2), anchor(1), anchor(2)]).await.unwrap();
    found.sort_unstable_by_key(|replica| replica.anchor);
    assert_eq!(found, [replica(1, 1), replica(2, 1)]);
    assert!(store.replicas("p", Side::A, &[]).await.unwrap().is_empty());
    assert!(store.put_replicas("p", Vec::new()).await.unwrap().is_empty());
    let due = store.due("p", at(0), 10).await.unwrap();
    assert_eq!(due, [write(1, None, 1).agenda.unwrap()]);
}

pub(super) async fn a_write_needs_the_expected_version(store: &impl Store) {
    let put = async |write| store.put_replicas("p", vec![write]).await.unwrap();
    let quiet = |expected, version| ReplicaWrite { agenda: None, ..write(1, expected, version) };
    assert_eq!(put(write(1, Some(1), 2)).await, [anchor(1)], "it does not exist");
    assert!(put(write(1, None, 1)).await.is_empty());
    assert_eq!(put(write(1, None, 1)).await, [anchor(1)], "it exists");
    assert!(put(write(1, Some(1), 2)).await.is_empty());
    assert_eq!(put(write(1, Some(1), 3)).await, [anchor(1)], "somebody was faster");
    assert_eq!(put(quiet(Some(1), 3)).await, [anchor(1)], "without agenda row too");
    assert_eq!(put(quiet(None, 3)).await, [anchor(1)]);
    assert!(put(quiet(Some(2), 3)).await.is_empty());
    assert_eq!(store.replica("p", Side::A, anchor(1)).await.unwrap().unwrap().version, 3);
}

pub(super) async fn a_refused_write_leaves_no_agenda_row(store: &impl Store) {
    let refused = store.put_replicas("p", vec![write(1, None, 1), write(2, Some(7), 8), write(3, None, 1)]).await.unwrap();
    assert_eq!(refused, [anchor(2)]);
    let mut due: Vec<Anchor> = store.due("p", at(9), 10).await.unwrap().iter().map(|row| row.anchor).collect();
    due.sort_unstable();
    assert_eq!(due, [anchor(1), anchor(3)]);
}

/// Writes travel together, each is judged alone.
pub(super) async fn refused_writes_do_not_stop_the_others(store: &impl Store) {
    store.put_replicas("p", (0..200).filter(|n| n % 7 == 0).map(|n| write(n, None, 1)).collect()).await.unwrap();
    let mut writes: Vec<_> = (0..200).map(|n| write(n, None, 2)).collect();
    writes.extend((200..230).map(|n| ReplicaWrite { agenda: None, ..write(n, (n % 2 == 0).then_some(1), 2) }));
    // One of them twice: the second is refused, or both orders of the two were tried and one was.
    writes.push(write(1, None, 2));
    let refused = store.put_replicas("p", writes).await.unwrap();
    let expected: Vec<Anchor> = (0..230).filter(|n| if *n < 200 { n % 7 == 0 } else { n % 2 == 0 }).chain([1]).map(anchor).collect();
    let sorted = |mut anchors: Vec<Anchor>| {
        anchors.sort_unstable();
        anchors
    };
    assert_eq!(sorted(refused), sorted(expected));
    for n in 0..230 {
        let version = store.replica("p", Side::A, anchor(n)).await.unwrap().map(|replica| replica.version);
        let expected = match n {
            0..200 if n % 7 == 0 => Some(1),
            200..230 if n % 2 == 0 => None,
            _ => Some(2),
        };
        assert_eq!(version, expected, "{n}");
    }
    assert_eq!(store.due("p", at(9), 1_000).await.unwrap().len(), 200);
}

pub(super) async fn of_many_writers_one_wins(store: &impl Store) {
    store.put_replicas("p", vec![write(1, None, 1)]).await.unwrap();
    let attempts = (2..14).map(|version| store.put_replicas("p", vec![write(1, Some(1), version)]));
    let results = futures::future::join_all(attempts).await;
    let refused = results.into_iter().map(|result| result.unwrap().len()).sum::<usize>();
    assert_eq!(refused, 11);
    let winner = store.replica("p", Side::A, anchor(1)).await.unwrap().unwrap().version;
    let due = store.due("p", at(9), 10).await.unwrap();
    assert_eq!(due.iter().map(|row| row.version).collect::<Vec<_>>(), [winner], "one row under the key, the winner's");
}

pub(super) async fn holders_follow_the_replica(store: &impl Store) {
    let shared = "info@contoso.example";
    let writes = vec![with_holders(1, None, 1, &[], &["ann@x.example", shared]), with_holders(2, None, 1, &[], &[shared])];
    store.put_replicas("p", writes).await.unwrap();
    assert_eq!(holders(store, shared).await, [anchor(1), anchor(2)]);
    assert_eq!(holders(store, "ann@x.example").await, [anchor(1)]);
    assert!(holders(store, "bob@x.example").await.is_empty());
    let moved = with_holders(1, Some(1), 2, &["ann@x.example", shared], &["ann@y.example", "ann@x.example"]);
    store.put_replicas("p", vec![moved]).await.unwrap();
    assert_eq!(holders(store, shared).await, [anchor(2)]);
    assert_eq!(holders(store, "ann@y.example").await, [anchor(1)]);
    assert_eq!(holders(store, "ann@x.example").await, [anchor(1)]);
    // A refused write removes nothing.
    let refused = with_holders(1, Some(1), 3, &["ann@y.example"], &[]);
    assert_eq!(store.put_replicas("p", vec![refused]).await.unwrap(), [anchor(1)]);
    assert_eq!(holders(store, "ann@y.example").await, [anchor(1)]);
}

pub(super) async fn holder_keys_are_exact(store: &impl Store) {
    let long = "l".repeat(3_000);
    let longer = "l".repeat(3_001);
    let keys = [
        "name:a",
        "name:a#b",
        "name:a#0",
        "name:",
        "",
        &long,
        &longer,
        "stamp:11111111-1111-1111-1111-111111111111/x",
        "name:ß 漢 \u{1f600}",
    ];
    let writes = keys.iter().zip(1..).map(|(key, n)| with_holders(n, None, 1, &[], &[key]));
    store.put_replicas("p", writes.collect()).await.unwrap();
    for (key, n) in keys.iter().zip(1..) {
        assert_eq!(holders(store, key).await, [anchor(n)], "{key:.20}");
    }
}

/// A key leaves the replica in version 2 and returns in version 3, whose writer was faster than the
/// second's last step: the row must stay.
pub(super) async fn an_older_writer_takes_no_holder_from_a_newer(store: &impl Store) {
    let key = "ann@x.example";
    store.put_replicas("p", vec![with_holders(1, None, 1, &[], &[key])]).await.unwrap();
    store.put_replicas("p", vec![with_holders(1, Some(1), 3, &[], &[key])]).await.unwrap();
    // The late step of version 2, as part of a write that is otherwise good for another recipient's state.
    let late = with_holders(1, Some(3), 2, &[key], &[]);
    store.put_replicas("p", vec![late]).await.unwrap();
    assert_eq!(holders(store, key).await, [anchor(1)]);
}

pub(super) async fn sides_and_pairs_are_apart(store: &impl Store) {
    store.put_replicas("p", vec![write(1, None, 1)]).await.unwrap();
    store.put_replicas("p", vec![ReplicaWrite { side: Side::B, ..write(1, None, 5) }]).await.unwrap();
    store.put_replicas("p-2", vec![write(1, None, 9)]).await.unwrap();
    assert_eq!(store.replica("p", Side::A, anchor(1)).await.unwrap().unwrap().version, 1);
    assert_eq!(store.replica("p", Side::B, anchor(1)).await.unwrap().unwrap().version, 5);
    assert_eq!(store.replica("p-2", Side::A, anchor(1)).await.unwrap().unwrap().version, 9);
    assert_eq!(store.replica("p-2", Side::B, anchor(1)).await.unwrap(), None);
    assert_eq!(store.due("p-2", at(9), 10).await.unwrap().len(), 1);
}
