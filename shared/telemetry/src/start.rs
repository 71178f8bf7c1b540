//! Settings, and how logging is started.

use std::io::{self, Write as _};
use std::str::FromStr;

use thiserror::Error;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{Directive, ParseError};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::Mask;
use crate::personal::LevelAware;
use crate::writer::Masked;

/// Crates that print whole requests and keys' surroundings below `warn`. They are held there unless the filter names
/// them.
const TALKATIVE: [&str; 9] = [
    "aws_config",
    "aws_runtime",
    "aws_sdk_dynamodb",
    "aws_sigv4",
    "aws_smithy_http_client",
    "aws_smithy_runtime",
    "h2",
    "hyper",
    "reqwest",
];

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people: one line per event, the fields after the sentence.
    #[default]
    Text,
    /// For CloudWatch: one JSON object per line, the fields at its top level.
    Json,
}

/// Reads `text` or `json`, as settings spell them.
impl FromStr for Format {
    type Err = TelemetryError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(TelemetryError::Format { given: other.to_owned() }),
        }
    }
}

/// What the wiring decides about logging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How a line looks.
    pub format: Format,
    /// Which events are written: a level (`info`), or levels by crate (`info,microsoft365=debug`), as
    /// `tracing-subscriber` reads them. A crate that is not named, in a filter that names crates only, writes errors.
    pub filter: String,
    /// Colours; for [`Format::Text`] on a terminal only.
    pub ansi: bool,
}

impl Default for Settings {
    /// Text at level info, without colours.
    fn default() -> Self {
        Self { format: Format::Text, filter: String::from("info"), ansi: false }
    }
}

/// Why logging could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error(
        "the log filter {filter:?} cannot be read ({source}): give a level such as \"info\", or levels by crate such as \"info,microsoft365=debug\""
    )]
    Filter {
        /// The filter given.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// No such format.
    #[error("there is no log format {given:?}: give \"text\" or \"json\"")]
    Format {
        /// The name given.
        given: String,
    },
    /// The process logs already.
    #[error("logging was started before in this process: start it once, in main")]
    AlreadyStarted,
    /// A pattern of [`Mask`] does not compile.
    #[error("a pattern of the log mask does not compile ({0}): this is a defect of galbridge, report it")]
    Mask(#[from] regex::Error),
}

/// Starts logging to stderr for the whole process, and sends panic messages through the same mask.
///
/// Call it once, first thing in `main`.
pub fn init(settings: &Settings) -> Result<(), TelemetryError> {
    let mask = Mask::new()?;
    let subscriber = masked(settings, io::stderr, mask.clone())?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::AlreadyStarted)?;
    std::panic::set_hook(Box::new(move |panic| {
        let message = format!("{panic}\n");
        // Not an event: a filter must not be able to swallow it.
        let _ = io::stderr().write_all(mask.secrets_and_people(&message).as_bytes());
    }));
    Ok(())
}

/// The subscriber that [`init`] installs, over any writer: for tests that look at what is logged.
///
/// Metrics will be a layer of their own next to the lines (CloudWatch reads them from stdout in its embedded format).
pub fn subscriber<W>(settings: &Settings, writer: W) -> Result<impl Subscriber + Send + Sync + use<W>, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    masked(settings, writer, Mask::new()?)
}

fn masked<W>(settings: &Settings, writer: W, mask: Mask) -> Result<impl Subscriber + Send + Sync + use<W>, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let writer = Masked::new(writer, mask, settings.format);
    let lines = fmt::layer().with_writer(writer);
    let lines = match settings.format {
        Format::Text => lines.with_ansi(settings.ansi).map_event_format(LevelAware).boxed(),
        Format::Json => {
            let json = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            json.map_event_format(LevelAware).boxed()
        }
    };
    Ok(tracing_subscriber::registry().with(lines.with_filter(filter(&settings.filter)?)))
}

fn filter(text: &str) -> Result<EnvFilter, TelemetryError> {
    let refused = |source| TelemetryError::Filter { filter: text.to_owned(), source };
    let mut filter = EnvFilter::builder().parse(text).map_err(refused)?;
    let talks = filter.max_level_hint().is_none_or(|most| most > LevelFilter::WARN);
    for name in TALKATIVE.iter().filter(|name| talks && !text.contains(**name)) {
        let quiet: Directive = format!("{name}=warn").parse().map_err(refused)?;
        filter = filter.add_directive(quiet);
    }
    Ok(filter)
}
