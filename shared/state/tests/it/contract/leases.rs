use engine::ports::{GraphCursor, Store, StoreError};
use engine::records::{Approval, LeaseKind, PairState, ReadingState, Stage, WritingState};
use gal::Side;

use crate::samples::{at, lease};

fn reading(link: &str) -> ReadingState {
    let mut state = ReadingState { last_success: Some(at(1)), ..ReadingState::default() };
    state.sides.a.cursors.insert("users".to_owned(), GraphCursor::Delta(link.to_owned()));
    state
}

fn writing(stage: Stage) -> WritingState {
    WritingState { stage, ..WritingState::default() }
}

pub(super) async fn fresh_pair_is_blank(store: &impl Store) {
    assert_eq!(store.pair("p").await.unwrap(), PairState::default());
    assert_eq!(store.acquire("p", LeaseKind::Reading, &lease("one", 60), at(0)).await.unwrap(), PairState::default());
    assert_eq!(store.pair("p").await.unwrap(), PairState::default());
}

pub(super) async fn a_lease_is_for_one(store: &impl Store) {
    store.acquire("p", LeaseKind::Reading, &lease("one", 60), at(0)).await.unwrap();
    match store.acquire("p", LeaseKind::Reading, &lease("two", 90), at(59)).await.unwrap_err() {
        StoreError::LeaseHeld { pair, owner, until } => assert_eq!((pair.as_str(), owner.as_str(), until), ("p", "one", at(60))),
        other => panic!("{other}"),
    }
    store.acquire("p", LeaseKind::Writing, &lease("two", 60), at(0)).await.unwrap();
    store.acquire("q", LeaseKind::Reading, &lease("two", 60), at(0)).await.unwrap();
    // An own lease is renewed.
    store.acquire("p", LeaseKind::Reading, &lease("one", 120), at(59)).await.unwrap();
    let error = store.acquire("p", LeaseKind::Reading, &lease("two", 150), at(100)).await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseHeld { until, .. } if until == at(120)), "{error}");
}

pub(super) async fn an_ended_lease_may_be_taken(store: &impl Store) {
    store.acquire("p", LeaseKind::Writing, &lease("one", 60), at(0)).await.unwrap();
    store.acquire("p", LeaseKind::Writing, &lease("two", 120), at(60)).await.unwrap();
    store.save_writing("p", "two", &writing(Stage::Merged), None).await.unwrap();
    // Given back: anybody may, at once.
    let state = store.acquire("p", LeaseKind::Writing, &lease("three", 120), at(61)).await.unwrap();
    assert_eq!(state.writing.stage, Stage::Merged);
}

pub(super) async fn the_two_halves_do_not_touch(store: &impl Store) {
    store.acquire("p", LeaseKind::Reading, &lease("reader", 60), at(0)).await.unwrap();
    let stale = store.acquire("p", LeaseKind::Writing, &lease("writer", 60), at(0)).await.unwrap();
    store.save_reading("p", "reader", &reading("https://graph.example/delta?token=1"), Some(at(90))).await.unwrap();
    assert_eq!(stale.reading, ReadingState::default());
    store.save_writing("p", "writer", &writing(Stage::LinkedOnly), None).await.unwrap();
    store.save_reading("p", "reader", &reading("https://graph.example/delta?token=2"), None).await.unwrap();
    let state = store.pair("p").await.unwrap();
    assert_eq!(state, PairState { reading: reading("https://graph.example/delta?token=2"), writing: writing(Stage::LinkedOnly) });
    assert_eq!(store.acquire("p", LeaseKind::Reading, &lease("x", 60), at(0)).await.unwrap(), state);
}

pub(super) async fn a_lost_lease_is_noticed(store: &impl Store) {
    let error = store.save_reading("p", "nobody", &reading("l"), None).await.unwrap_err();
    assert!(matches!(&error, StoreError::LeaseLost { pair } if pair == "p"), "{error}");
    store.acquire("p", LeaseKind::Reading, &lease("one", 60), at(0)).await.unwrap();
    store.acquire("p", LeaseKind::Reading, &lease("two", 120), at(61)).await.unwrap();
    let error = store.save_reading("p", "one", &reading("l"), Some(at(130))).await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost { .. }), "{error}");
    assert_eq!(store.pair("p").await.unwrap(), PairState::default());
    store.save_reading("p", "two", &reading("l"), None).await.unwrap();
    let error = store.save_reading("p", "two", &reading("m"), None).await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost { .. }), "given back: {error}");
    // The other half's lease is of no use.
    store.acquire("p", LeaseKind::Reading, &lease("three", 60), at(0)).await.unwrap();
    let error = store.save_writing("p", "three", &writing(Stage::Merged), None).await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost { .. }), "{error}");
}

pub(super) async fn of_many_at_once_one_gets_the_lease(store: &impl Store) {
    let attempts = (0..16).map(|n| async move { store.acquire("p", LeaseKind::Writing, &lease(&format!("run {n}"), 60), at(0)).await });
    let results = futures::future::join_all(attempts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(StoreError::LeaseHeld { .. }))));
}

/// The list of an approval may be larger than an item.
pub(super) async fn a_large_half_is_kept(store: &impl Store) {
    let large = |count: usize| {
        let operations = (0..count).map(|n| format!("create {:08}-0000-0000-0000-{n:012}", n * 7)).collect();
        let mut state = writing(Stage::Merged);
        *state.approvals.get_mut(Side::B) = vec![Approval { checksum: "c".to_owned(), at: at(0), operations, settings: Some(7) }];
        state
    };
    for (round, count) in [20_000, 20_001, 9_000, 3, 30_000].into_iter().enumerate() {
        store.acquire("p", LeaseKind::Writing, &lease("one", 60), at(0)).await.unwrap();
        let state = large(count);
        store.save_writing("p", "one", &state, None).await.unwrap();
        store.save_writing("p", "one", &writing(Stage::Unmerged), None).await.unwrap_err();
        let read = store.acquire("p", LeaseKind::Reading, &lease("reader", 60), at(0)).await.unwrap();
        assert_eq!(read.writing, state, "round {round}");
        store.save_reading("p", "reader", &reading("l"), None).await.unwrap();
        assert_eq!(store.pair("p").await.unwrap(), PairState { reading: reading("l"), writing: state });
    }
}
