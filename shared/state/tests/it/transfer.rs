//! Export and import: everything comes back, and half an import starts no run.

use std::collections::BTreeSet;
use std::io::{Cursor, Write as _};

use engine::ports::{Store, StoreError};
use engine::records::{LeaseKind, ReadingState, Stage, WritingState};
use gal::Side;
use state::testing::{Fault, Faults};
use state::{Existing, StateStore};

use crate::samples::{anchor, at, lease, link, link_key, operation, replica, row, run, write};

/// One of everything.
async fn fill(store: &StateStore) {
    store.installation("the installation").await.unwrap();
    store.put_profile("client = \"ß\"", 0).await.unwrap();
    store.put_replicas("p", (0..60).map(|n| write(n, None, 1)).collect()).await.unwrap();
    store.put_link("p", &link(1), None).await.unwrap();
    store.put_seen("p", Side::B, at(0), 0, &[anchor(1), anchor(2)]).await.unwrap();
    store.put_group_members("p", Side::A, anchor(9), &(0..10_500).map(anchor).collect::<Vec<_>>()).await.unwrap();
    store.put_run(&run("r", "p", 0)).await.unwrap();
    store.put_operations("r", &[operation(1, 5)], at(500)).await.unwrap();
    store.acquire("p", LeaseKind::Writing, &lease("x", 60), at(0)).await.unwrap();
    store.save_writing("p", "x", &WritingState { stage: Stage::Merged, ..WritingState::default() }, None).await.unwrap();
}

async fn export(store: &StateStore) -> Vec<u8> {
    let mut file = Vec::new();
    store.export(&mut file, at(100)).await.unwrap();
    file
}

async fn import(store: &StateStore, file: &[u8], existing: Existing) -> Result<u64, StoreError> {
    store.import(&mut Cursor::new(file), existing, at(100)).await.map(|done| done.items)
}

/// The lines of items, whatever their order.
fn items(file: &[u8]) -> BTreeSet<String> {
    let lines: Vec<&str> = std::str::from_utf8(file).unwrap().lines().collect();
    lines[1..lines.len() - 1].iter().map(|line| (*line).to_owned()).collect()
}

async fn is_empty(store: &StateStore) -> bool {
    items(&export(store).await).is_empty()
}

#[tokio::test]
async fn everything_comes_back() {
    let store = StateStore::memory().unwrap();
    fill(&store).await;
    let file = export(&store).await;
    let other = StateStore::memory().unwrap();
    let count = import(&other, &file, Existing::Refuse).await.unwrap();
    assert_eq!(count, items(&file).len() as u64);
    assert_eq!(items(&export(&other).await), items(&file));
    assert_eq!(other.installation("another").await.unwrap(), "the installation");
    assert_eq!(other.replica("p", Side::A, anchor(7)).await.unwrap(), Some(replica(7, 1)));
    assert_eq!(other.link("p", link_key(1)).await.unwrap().unwrap().item, link(1));
    assert_eq!(other.group_members("p", Side::A, anchor(9)).await.unwrap().unwrap().len(), 10_500);
    assert_eq!(other.acquire("p", LeaseKind::Writing, &lease("y", 200), at(100)).await.unwrap().writing.stage, Stage::Merged);
    assert_eq!(other.due("p", at(9), 1_000).await.unwrap().len(), 60);
    // An export is for people too, however the table keeps bodies.
    assert!(items(&file).iter().any(|line| line.contains(r#"\"DisplayName\""#)));
    assert!(!items(&file).iter().any(|line| line.contains(r#""body":{"B""#)));
    // The order that keeps cursors behind what they cover.
    let text = String::from_utf8(file).unwrap();
    let last_item = text.lines().rev().nth(1).unwrap();
    assert!(last_item.contains(r#""pk":{"S":"P#p"},"sk":{"S":"STATE"}"#), "{last_item}");
    assert!(text.starts_with(r#"{"format":"galbridge-state","schema":2,"installation":"the installation","exported_at":"#));
}

#[tokio::test]
async fn an_empty_table_comes_back() {
    let file = export(&StateStore::memory().unwrap()).await;
    let store = StateStore::memory().unwrap();
    assert_eq!(import(&store, &file, Existing::Refuse).await.unwrap(), 0);
    assert!(is_empty(&store).await);
    assert_eq!(store.installation("mine").await.unwrap(), "mine");
}

#[tokio::test]
async fn a_table_in_use_is_neither_exported_nor_replaced() {
    let store = StateStore::memory().unwrap();
    fill(&store).await;
    let file = export(&store).await;
    let error = import(&store, &file, Existing::Refuse).await.unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
    store.acquire("p", LeaseKind::Reading, &lease("run", 160), at(100)).await.unwrap();
    let error = store.export(&mut Vec::new(), at(159)).await.unwrap_err();
    assert!(matches!(&error, StoreError::LeaseHeld { pair, .. } if pair == "p"), "{error}");
    let error = store.import(&mut Cursor::new(&file), Existing::Replace, at(159)).await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseHeld { .. }), "{error}");
    store.save_reading("p", "run", &ReadingState::default(), None).await.unwrap();
    store.put_agenda("q", &[row(1, 0, 1)]).await.unwrap();
    import(&store, &file, Existing::Replace).await.unwrap();
    assert_eq!(items(&export(&store).await), items(&file), "what was there before is gone");
}

#[tokio::test]
async fn a_damaged_or_newer_file_changes_nothing() {
    let store = StateStore::memory().unwrap();
    fill(&store).await;
    let file = String::from_utf8(export(&store).await).unwrap();
    let lines: Vec<&str> = file.lines().collect();
    let without = |skip: usize| [&lines[..skip], &lines[skip + 1..]].concat().join("\n") + "\n";
    let mut damaged = vec![String::new(), "{}\n".to_owned(), lines[0].to_owned(), without(0), without(5), without(lines.len() - 1)];
    damaged.extend([file.replacen("Clerk", "Clark", 1), file.replacen(r#""v":{"N":"2"}"#, r#""v":{"N":"3"}"#, 1)]);
    damaged.extend([file.replacen(r#""schema":2"#, r#""schema":3"#, 1), file.replacen("galbridge-state", "another", 1)]);
    damaged.extend([1, 100, file.len() / 2, file.len() - 2].map(|end| file.get(..end).unwrap_or_default().to_owned()));
    for (number, text) in damaged.into_iter().enumerate() {
        let target = StateStore::memory().unwrap();
        let error = import(&target, text.as_bytes(), Existing::Refuse).await.unwrap_err();
        let known = matches!(error, StoreError::BadExport { .. } | StoreError::NewerSchema { .. } | StoreError::Unavailable { .. });
        assert!(known && is_empty(&target).await, "{number}: {error}");
    }
}

/// Dies at each request in turn: the table starts no run until an import has succeeded, and the import may be repeated.
#[tokio::test]
async fn half_an_import_starts_no_run() {
    let source = StateStore::memory().unwrap();
    fill(&source).await;
    let file = export(&source).await;
    for fault in [Fault::Before, Fault::After] {
        for request in 1.. {
            let faults = Faults::default();
            let store = state::testing::memory(&faults).unwrap();
            faults.crash_at(request, fault);
            let result = import(&store, &file, Existing::Refuse).await;
            if !faults.fired() {
                result.unwrap();
                break;
            }
            faults.revive();
            let begun = !matches!(store.installation("mine").await.as_deref(), Ok("mine" | "the installation"));
            if begun {
                let error = store.installation("mine").await.unwrap_err();
                assert!(error.to_string().contains("import"), "{error}");
                store.export(&mut Vec::new(), at(100)).await.unwrap_err();
                if store.pair("p").await.unwrap().writing == WritingState::default() {
                    let error = store.acquire("p", LeaseKind::Reading, &lease("run", 200), at(100)).await.unwrap_err();
                    assert!(matches!(error, StoreError::HalfAnImport { .. }), "{error}");
                }
                import(&store, &file, Existing::Refuse).await.unwrap();
                assert_eq!(items(&export(&store).await), items(&file));
            }
        }
    }
}

#[tokio::test]
async fn what_has_expired_is_swept() {
    let store = StateStore::memory().unwrap();
    fill(&store).await;
    assert_eq!(store.sweep_expired(at(500)).await.unwrap(), 0);
    assert_eq!(store.sweep_expired(at(501)).await.unwrap(), 1);
    assert!(store.operations("r").await.unwrap().is_empty());
    assert_eq!(store.runs("p", 9).await.unwrap().len(), 1);
    // The full reading's chunk after 30 days, the run after 400.
    assert_eq!(store.sweep_expired(at(31 * 86_400)).await.unwrap(), 1);
    assert_eq!(store.sweep_expired(at(401 * 86_400)).await.unwrap(), 1);
    assert!(store.replica("p", Side::A, anchor(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_full_disk_is_an_error_of_the_export() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    Full.flush().unwrap();
    let error = StateStore::memory().unwrap().export(&mut Full, at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
}
