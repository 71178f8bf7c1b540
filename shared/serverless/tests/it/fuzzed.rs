//! The inputs of the fuzz target `message` (tests/fuzz), as they are and spoilt: a message is refused with its place, or survives its
//! own writing.

use std::path::Path;

use proptest::prelude::*;

#[allow(unreachable_pub, reason = "the fuzz target has it too")]
#[path = "../../../../tests/fuzz/src/messages.rs"]
mod messages;

use messages::kinds;

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/message");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn fuzzed_messages_as_they_are() {
    let kinds: usize = corpus().iter().map(|event| kinds(event)).sum();
    assert!(kinds > 8, "some of them are real: {kinds}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fuzzed_messages_that_are_spoilt(which: prop::sample::Index, spoilt in prop::collection::vec((any::<prop::sample::Index>(), 32_u8..127), 1..4)) {
        let corpus = corpus();
        let mut event = which.get(&corpus).clone();
        for (at, byte) in spoilt {
            let at = at.index(event.len());
            event[at] = byte;
        }
        kinds(&event);
    }
}
