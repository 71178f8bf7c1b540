//! The inputs of the fuzz target `state` (tests/fuzz), as they are and spoilt: items as another program may have left them are read
//! or are errors, what is damaged can be dropped, and then nothing is.

use std::path::Path;

use proptest::prelude::*;
use state::StateStore;

#[allow(unreachable_pub, reason = "the fuzz target has it too")]
#[path = "../../../../tests/fuzz/src/items.rs"]
mod items;

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/state");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn survives(items: &[u8]) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(items::survive(&StateStore::memory().unwrap(), items))
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
