//! Items of the state, as an import or another program may have left them: each is read or is an error; what is damaged can be
//! dropped, and then nothing is.
#![no_main]

use std::io::Cursor;

use engine::ports::Store as _;
use fuzz::wait_for;
use gal::{Anchor, Side};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};
use state::{Existing, StateStore};

const PAIR: &str = "contoso-fabrikam";

fuzz_target!(|data: &[u8]| {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(64).collect();
    let mut items = Vec::new();
    for line in &lines {
        items.extend_from_slice(line);
        items.push(b'\n');
    }
    let mut file = br#"{"format":"galbridge-state","schema":2,"installation":null,"exported_at":"2026-01-15T08:00:00Z"}"#.to_vec();
    file.push(b'\n');
    file.extend_from_slice(&items);
    let digest = hex::encode(Sha256::digest(&items));
    file.extend_from_slice(format!("{{\"items\":{},\"sha256\":\"{digest}\"}}\n", lines.len()).as_bytes());
    wait_for(async {
        let store = StateStore::memory().expect("a state");
        let now = Timestamp::UNIX_EPOCH;
        if store.import(&mut Cursor::new(file), Existing::Refuse, now).await.is_err() {
            return;
        }
        read_everything(&store).await;
        let Ok(damages) = store.damages().await else { return };
        if store.drop_damaged(&damages, now).await.is_ok() {
            let left = store.damages().await.expect("what is left can be looked at");
            assert!(left.is_empty(), "damaged still: {left:?}");
        }
        read_everything(&store).await;
    });
});

async fn read_everything(store: &StateStore) {
    drop(store.installation("fuzz").await);
    drop(store.profile().await);
    drop(store.pair(PAIR).await);
    drop(store.due(PAIR, Timestamp::MAX, 100).await);
    drop(store.runs(PAIR, 10).await);
    drop(store.operations("r").await);
    drop(store.tenant("contoso").await);
    for side in Side::BOTH {
        drop(store.group_members(PAIR, side, Anchor(uuid::Uuid::nil())).await);
        drop(store.seen(PAIR, side, Timestamp::UNIX_EPOCH, 2).await);
        for shard in 0..16 {
            drop(store.replica_shard(PAIR, side, shard).await);
        }
    }
    for shard in 0..16 {
        drop(store.link_shard(PAIR, shard).await);
    }
}
