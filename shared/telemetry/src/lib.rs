//! Tracing and redaction.
//!
//! Logs go to stderr, one line per event: a readable sentence, and the same values as fields. Ids only; whatever
//! tells who a person is goes through [`Personal`] and shows at debug and trace alone. Keys, tokens and assertions
//! are never logged at any level.
//!
//! That is the habit. Beneath it lies a net that asks for no habit: every line, from whichever crate it comes, passes
//! [`Mask`], which hides what looks like a key, a token or a password at every level, and what looks like an address
//! or a telephone number at info and above. Panic messages pass it too.
//!
//! ```
//! let settings = telemetry::Settings::default();
//! telemetry::init(&settings)?;
//! let address = "adele@contoso.example";
//! tracing::info!(anchor = "5f2c", address = %telemetry::Personal(address), "contact created");
//! # Ok::<(), telemetry::TelemetryError>(())
//! ```

mod json;
mod mask;
mod personal;
mod start;
mod writer;

pub use mask::Mask;
pub use personal::Personal;
pub use start::{Format, Settings, TelemetryError, init, subscriber};
