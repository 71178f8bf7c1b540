//! From the SDK's errors to the engine's.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use engine::ports::{StoreError, with_causes};

/// What `SQLite` says of a damaged file.
const DAMAGED: [&str; 4] = ["malformed", "not a database", "not a valid SQLite", "file is encrypted"];

/// Which words an embedded engine's answer has when its file is damaged.
pub(crate) fn damaged(answer: &str) -> bool {
    DAMAGED.iter().any(|words| answer.contains(words))
}

/// Turns an error of the SDK into the engine's. `place` names the table or the file.
pub(crate) fn failed<E>(place: &str, doing: &str, error: &SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let detail = match error {
        SdkError::ServiceError(context) => {
            let error = context.err();
            let message = error.message().unwrap_or("no reason given");
            if error.code() == Some("InternalServerError") && damaged(message) {
                return StoreError::Malformed { place: place.to_owned(), detail: message.to_owned() };
            }
            match error.code() {
                Some(code) => format!("{code}: {message}"),
                None => message.to_owned(),
            }
        }
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) | _ => with_causes(error),
    };
    unavailable(place, doing, detail)
}

pub(crate) fn unavailable(place: &str, doing: &str, detail: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable { doing: format!("{doing} ({place})"), detail: detail.to_string() }
}
