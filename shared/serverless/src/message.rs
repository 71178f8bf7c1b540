//! What the functions are told: by the schedule, by the queue, by hand.

use aws_lambda_events::sqs::SqsEvent;
use engine::act::Action;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ServerlessError;

/// The version of all messages.
pub const VERSION: u32 = engine::act::MESSAGES;

/// The schedule's word to the snapshot function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    /// [`VERSION`].
    pub version: u32,
    /// The pair.
    pub pair: String,
    /// When the schedule ticked (`<aws.scheduler.scheduled-time>`); by hand: not at all.
    #[serde(default)]
    pub tick: Option<Timestamp>,
    /// Reads everything, not only what changed: once a day.
    #[serde(default)]
    pub full: bool,
}

/// The snapshot function's word to the reconcile function: something is due. Only a wake-up; the agenda is the truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WakeUp {
    /// [`VERSION`].
    pub version: u32,
    /// The pair.
    pub pair: String,
    /// The tick it comes of.
    pub tick: Timestamp,
}

/// A person's word to the reconcile function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByHand {
    /// [`VERSION`].
    pub version: u32,
    /// The pair.
    pub pair: String,
    /// What is asked.
    #[serde(default)]
    pub action: Option<Action>,
    /// Or a page of an answer that was too large for one message.
    #[serde(default)]
    pub page: Option<Page>,
}

/// A page of a stored answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The answer's id.
    pub id: String,
    /// From 0.
    pub number: u64,
}

/// What a function can be told.
pub trait Message: DeserializeOwned {
    /// How it looks, for whoever sent something else.
    const LIKE: &str;
}

impl Message for Tick {
    const LIKE: &str = r#"{"version": 1, "pair": "contoso-fabrikam"}, with "full": true if everything is to be read"#;
}

impl Message for WakeUp {
    const LIKE: &str = r#"{"version": 1, "pair": "contoso-fabrikam", "tick": "2026-11-25T10:20:00Z"}"#;
}

impl Message for ByHand {
    const LIKE: &str = r#"{"version": 1, "pair": "contoso-fabrikam", "action": {"do": "status"}}"#;
}

/// Reads a message, its version first: what another version says is not guessed at.
///
/// # Errors
/// `Version`, or `Event` with the place of what is wrong, and how it looks.
pub fn read<T: Message>(event: Value) -> Result<T, ServerlessError> {
    match event.get("version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) => return Err(ServerlessError::Version { found: u32::try_from(version).unwrap_or(u32::MAX), known: VERSION }),
        None => {
            return Err(ServerlessError::Event(format!("it has no version; it looks like {}", T::LIKE)));
        }
    }
    serde_path_to_error::deserialize(event).map_err(|error| {
        let place = error.path().to_string();
        let at = if place == "." { String::new() } else { format!("{place}: ") };
        ServerlessError::Event(format!("{at}{}; it looks like {}", error.inner(), T::LIKE))
    })
}

/// Reads what the queue delivers: the wake-ups of a batch.
///
/// # Errors
/// `Event` where it is no batch, or one of its messages no JSON; else as [`read`].
pub fn wake_ups(event: Value) -> Result<Vec<WakeUp>, ServerlessError> {
    let event: SqsEvent = serde_json::from_value(event).map_err(|error| ServerlessError::Event(error.to_string()))?;
    let bodies = event.records.into_iter().map(|record| record.body.unwrap_or_default());
    let read = |body: String| match serde_json::from_str(&body) {
        Ok(body) => self::read(body),
        Err(error) => Err(ServerlessError::Event(format!("a message is no JSON ({error})"))),
    };
    bodies.map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_of_other_versions_and_nonsense_are_refused() {
        let tick: Tick = read(json!({"version": 1, "pair": "p", "tick": "2026-11-25T10:20:00Z"})).unwrap();
        assert_eq!((tick.full, tick.tick.is_some()), (false, true));
        assert!(matches!(read::<Tick>(json!({"version": 2, "pair": "p"})), Err(ServerlessError::Version { found: 2, known: 1 })));
        assert!(read::<ByHand>(json!({"pair": "p"})).unwrap_err().to_string().contains("\"do\": \"status\""));
        let nonsense = json!({"version": 1, "pair": "p", "action": {"do": "delete-everything"}});
        assert!(read::<ByHand>(nonsense).unwrap_err().to_string().contains("delete-everything"));
        let late = read::<Tick>(json!({"version": 1, "pair": "p", "tick": "tomorrow"})).unwrap_err().to_string();
        assert!(late.contains("tick: ") && late.contains("\"full\""), "{late}");
    }
}
