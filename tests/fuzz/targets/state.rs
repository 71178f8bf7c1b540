//! Items of the state, as an import or another program may have left them.
#![no_main]

use fuzz::wait_for;
use libfuzzer_sys::fuzz_target;
use state::StateStore;

fuzz_target!(|data: &[u8]| {
    let store = StateStore::memory().expect("a state");
    wait_for(fuzz::items::survive(&store, data));
});
