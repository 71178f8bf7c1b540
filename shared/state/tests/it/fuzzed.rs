//! The inputs of the fuzz target `state` (tests/fuzz), as they are and spoilt: items as another program may have left them are read
//! or are errors, what is damaged can be dropped, and then nothing is.

use std::io::Cursor;
use std::path::Path;

use engine::ports::Store;
use gal::Side;
use jiff::Timestamp;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use state::{Existing, StateStore};

use crate::samples::anchor;

const PAIR: &str = "contoso-fabrikam";

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/state");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// An export with these lines, its count and checksum right.
fn export(items: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = items.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let items: Vec<u8> = lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect();
    let head = r#"{"format":"galbridge-state","schema":2,"installation":null,"exported_at":"2026-01-15T08:00:00Z"}"#;
    let tail = format!("{{\"items\":{},\"sha256\":\"{}\"}}\n", lines.len(), hex::encode(Sha256::digest(&items)));
    [head.as_bytes(), b"\n", &items, tail.as_bytes()].concat()
}

/// Imports, reads and repairs; answers whether it was imported.
fn survives(items: &[u8]) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = StateStore::memory().unwrap();
        let file = export(items);
        if store.import(&mut Cursor::new(file), Existing::Refuse, Timestamp::UNIX_EPOCH).await.is_err() {
            return false;
        }
        read_everything(&store).await;
        let damages = store.damages().await.unwrap();
        if store.drop_damaged(&damages, Timestamp::UNIX_EPOCH).await.is_ok() {
            let left = store.damages().await.unwrap();
            assert!(left.is_empty(), "{left:?}");
        }
        read_everything(&store).await;
        true
    })
}

async fn read_everything(store: &StateStore) {
    drop((store.installation("fuzz").await, store.profile().await, store.pair(PAIR).await, store.tenant("contoso").await));
    drop((store.due(PAIR, Timestamp::MAX, 100).await, store.runs(PAIR, 10).await));
    for side in Side::BOTH {
        drop((store.group_members(PAIR, side, anchor(1)).await, store.seen(PAIR, side, Timestamp::UNIX_EPOCH, 2).await));
        for shard in 0..16 {
            drop(store.replica_shard(PAIR, side, shard).await);
        }
    }
    for shard in 0..16 {
        drop(store.link_shard(PAIR, shard).await);
    }
}

#[test]
fn fuzzed_items_as_they_are() {
    let imported = corpus().iter().filter(|items| survives(items)).count();
    assert!(imported > 40, "most of them are real: {imported}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fuzzed_items_that_are_spoilt(which: prop::sample::Index, spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let corpus = corpus();
        let mut items = which.get(&corpus).clone();
        for (at, byte) in spoilt {
            let at = at.index(items.len());
            items[at] = byte;
        }
        survives(&items);
    }
}
