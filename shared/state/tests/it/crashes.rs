//! A crash at any request loses nothing: what was answered is there, and the order of writes holds.

use engine::ports::{ReplicaWrite, Store, StoreError};
use engine::records::{Approval, LeaseKind, Stage, WritingState};
use gal::{Anchor, Field, Side};
use state::StateStore;
use state::testing::{Fault, Faults, Faulty};

use crate::samples::{anchor, at, lease, replica, write};

const FAULTS: [Fault; 2] = [Fault::Before, Fault::After];

/// Calls `scenario` with a crash at the first request, the second and so on, until it gets through.
async fn at_every_request(scenario: impl AsyncFn(&StateStore, &Faults, u64, Fault)) {
    for fault in FAULTS {
        let mut request = 1;
        loop {
            let faults = Faults::default();
            let store = state::testing::memory(&faults).unwrap();
            scenario(&store, &faults, request, fault).await;
            if !faults.fired() {
                break;
            }
            request += 1;
        }
        assert!(request > 1, "nothing was tested");
    }
}

async fn holders(store: &StateStore, key: &str) -> Vec<Anchor> {
    store.holders("p", Side::A, key).await.unwrap()
}

/// Law 5: wherever it dies, a stored replica has its holder rows and its agenda row, and doing it again succeeds.
#[tokio::test]
async fn replicas_never_stand_without_holders_and_agenda() {
    at_every_request(async |store, faults, request, fault| {
        let key = |n: u32| format!("person{n}@contoso.example");
        faults.crash_at(request, fault);
        let result = store.put_replicas("p", (0..60).map(|n| write(n, None, 1)).collect()).await;
        assert_eq!(result.is_err(), faults.fired());
        faults.revive();
        let due = store.due("p", at(9), 100).await.unwrap();
        for n in 0..60 {
            let stored = store.replica("p", Side::A, anchor(n)).await.unwrap().is_some();
            assert_eq!(stored, due.iter().any(|row| row.anchor == anchor(n)), "replica and agenda row are one");
            assert!(!stored || holders(store, &key(n)).await == [anchor(n)], "stored without holder row");
        }
        // The next process does it again: stored ones are refused as known, the others are stored.
        store.put_replicas("p", (0..60).map(|n| write(n, None, 1)).collect()).await.unwrap();
        assert_eq!(store.due("p", at(9), 100).await.unwrap().len(), 60);
    })
    .await;
}

/// An address that leaves is taken out of the index last.
#[tokio::test]
async fn a_moving_address_is_always_found() {
    at_every_request(async |store, faults, request, fault| {
        let before = write(1, None, 1);
        let mut moved = write(1, Some(1), 2);
        moved.holders = vec!["new@contoso.example".to_owned()];
        moved.holders_before.clone_from(&before.holders);
        store.put_replicas("p", vec![before]).await.unwrap();
        faults.crash_at(request, fault);
        let _ = store.put_replicas("p", vec![moved]).await;
        faults.revive();
        let version = store.replica("p", Side::A, anchor(1)).await.unwrap().unwrap().version;
        let key = if version == 1 { "person1@contoso.example" } else { "new@contoso.example" };
        assert_eq!(holders(store, key).await, [anchor(1)], "version {version}");
    })
    .await;
}

/// A state that outgrew its item is the old one or the new one, never a mixture.
#[tokio::test]
async fn a_large_half_is_old_or_new() {
    let state = |checksum: &str, count: usize| {
        let operations = (0..count).map(|n| format!("delete {checksum} {n:040}")).collect();
        let mut state = WritingState { stage: Stage::Merged, ..WritingState::default() };
        state.approvals.a = vec![Approval { checksum: checksum.to_owned(), at: at(0), operations, settings: Some(7) }];
        state
    };
    for (from, to) in [(4_000, 5_000), (4_000, 10), (10, 4_000), (20_000, 20_000)] {
        at_every_request(async |store, faults, request, fault| {
            let (old, new) = (state("old", from), state("new", to));
            store.acquire("p", LeaseKind::Writing, &lease("one", 60), at(0)).await.unwrap();
            store.save_writing("p", "one", &old, Some(at(60))).await.unwrap();
            faults.crash_at(request, fault);
            let result = store.save_writing("p", "one", &new, Some(at(60))).await;
            faults.revive();
            let read = store.pair("p").await.unwrap().writing;
            assert!(read == new || (read == old && result.is_err()));
            store.save_writing("p", "one", &new, None).await.unwrap();
            assert_eq!(store.acquire("p", LeaseKind::Writing, &lease("two", 60), at(0)).await.unwrap().writing, new);
        })
        .await;
    }
}

/// The same for the members of a large group.
#[tokio::test]
async fn a_large_group_is_old_or_new() {
    let group = anchor(77);
    let (old, new): (Vec<_>, Vec<_>) = ((0..25_000).map(anchor).collect(), (5..31_000).map(anchor).collect());
    at_every_request(async |store, faults, request, fault| {
        store.put_group_members("p", Side::A, group, &old).await.unwrap();
        faults.crash_at(request, fault);
        let result = store.put_group_members("p", Side::A, group, &new).await;
        faults.revive();
        let read = store.group_members("p", Side::A, group).await.unwrap().unwrap();
        assert!(read == new || (read == old && result.is_err()));
    })
    .await;
}

#[tokio::test]
async fn whole_calls_fail_by_plan() {
    let faults = Faults::default();
    let store = Faulty::new(StateStore::memory().unwrap(), faults.clone());
    faults.fail_at(2, Fault::Before);
    store.put_replicas("p", vec![write(1, None, 1)]).await.unwrap();
    let error = store.put_replicas("p", vec![write(2, None, 1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert_eq!(store.replica("p", Side::A, anchor(2)).await.unwrap(), None);
    faults.crash_at(1, Fault::After);
    store.put_replicas("p", vec![ReplicaWrite { agenda: None, ..write(3, None, 1) }]).await.unwrap_err();
    store.replica("p", Side::A, anchor(3)).await.unwrap_err();
    assert_eq!(store.inner().replica("p", Side::A, anchor(3)).await.unwrap(), Some(replica(3, 1)));
    faults.revive();
    assert!(store.replica("p", Side::A, anchor(3)).await.unwrap().is_some() && faults.fired() && faults.calls() == 6);
    assert_eq!(replica(3, 1).holder_keys(Field::CustomAttribute15).len(), 3);
}
