//! Messages to functions: refused with their place, or they survive their own writing. For the fuzz target, and for the tests of
//! `serverless`.

use serde::Serialize;
use serde_json::Value;
use serverless::message::{ByHand, Message, Tick, WakeUp, read, wake_ups};

/// How many kinds of message it is. Panics where one does not survive.
pub fn kinds(event: &[u8]) -> usize {
    let Ok(event) = serde_json::from_slice::<Value>(event) else { return 0 };
    let batch = wake_ups(event.clone()).is_ok_and(|messages| !messages.is_empty());
    [again::<Tick>(&event), again::<WakeUp>(&event), again::<ByHand>(&event), batch].into_iter().filter(|is| *is).count()
}

fn again<T: Message + Serialize + PartialEq + std::fmt::Debug>(event: &Value) -> bool {
    match read::<T>(event.clone()) {
        Ok(message) => {
            let written = serde_json::to_value(&message).map(|written| read::<T>(written).ok());
            assert!(written.as_ref().is_ok_and(|again| again.as_ref() == Some(&message)), "{message:?} became {written:?}");
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}
