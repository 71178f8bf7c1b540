//! Items of the state, as an import or another program may have left them: each is read or is an error; what is damaged can be
//! dropped, and then nothing is. For the fuzz target, and for the tests of `state`.

use std::io::Cursor;

use engine::ports::Store as _;
use gal::{Anchor, Side};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use state::{Existing, StateStore};

const PAIR: &str = "contoso-fabrikam";

/// An export with these lines, its count and checksum right.
fn export(items: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = items.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let items: Vec<u8> = lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect();
    let head = r#"{"format":"galbridge-state","schema":2,"installation":null,"exported_at":"2026-01-15T08:00:00Z"}"#;
    let tail = format!("{{\"items\":{},\"sha256\":\"{}\"}}\n", lines.len(), hex::encode(Sha256::digest(&items)));
    [head.as_bytes(), b"\n", &items, tail.as_bytes()].concat()
}

/// Imports, reads and repairs; answers whether it was imported. Panics where that breaks.
pub async fn survive(store: &StateStore, items: &[u8]) -> bool {
    let now = Timestamp::UNIX_EPOCH;
    if store.import(&mut Cursor::new(export(items)), Existing::Refuse, now).await.is_err() {
        return false;
    }
    read_everything(store).await;
    let damages = store.damages().await.unwrap_or_default();
    if store.drop_damaged(&damages, now).await.is_ok() {
        let left = store.damages().await;
        assert!(left.as_ref().is_ok_and(Vec::is_empty), "damaged still: {left:?}");
    }
    read_everything(store).await;
    true
}

async fn read_everything(store: &StateStore) {
    drop((store.installation("fuzz").await, store.profile().await, store.pair(PAIR).await, store.tenant("contoso").await));
    drop((store.due(PAIR, Timestamp::MAX, 100).await, store.runs(PAIR, 10).await, store.operations("r").await));
    for side in Side::BOTH {
        let nobody = Anchor(uuid::Uuid::nil());
        drop((store.group_members(PAIR, side, nobody).await, store.seen(PAIR, side, Timestamp::UNIX_EPOCH, 2).await));
        for shard in 0..16 {
            drop(store.replica_shard(PAIR, side, shard).await);
        }
    }
    for shard in 0..16 {
        drop(store.link_shard(PAIR, shard).await);
    }
}
