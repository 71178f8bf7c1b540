//! Whatever the schedule, the queue or a person sends to a function: refused with its place, or it survives its own writing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serverless::message::{ByHand, Message, Tick, WakeUp, read};

fuzz_target!(|data: &[u8]| {
    let Ok(event) = serde_json::from_slice::<serde_json::Value>(data) else { return };
    again::<Tick>(&event);
    again::<WakeUp>(&event);
    again::<ByHand>(&event);
});

fn again<T: Message + serde::Serialize + PartialEq + std::fmt::Debug>(event: &serde_json::Value) {
    match read::<T>(event.clone()) {
        Ok(message) => {
            let written = serde_json::to_value(&message).expect("a message can be written");
            assert_eq!(read::<T>(written).ok(), Some(message));
        }
        Err(error) => drop(error.to_string()),
    }
}
