//! Whatever the schedule, the queue or a person sends to a function.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    fuzz::messages::kinds(data);
});
