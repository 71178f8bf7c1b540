//! Lines, levels and filters.

use telemetry::{Format, Settings, TelemetryError};
use tracing::{debug, error, info, info_span, warn};

use crate::{json_lines, logged};

fn with_filter(filter: &str) -> Settings {
    Settings { filter: filter.to_owned(), ..Settings::default() }
}

#[test]
fn text_is_a_sentence_and_its_fields() {
    let text = logged(&Settings::default(), || {
        info!(pair = "contoso-fabrikam", written = 3, "cycle done");
    });
    assert_eq!(text.lines().count(), 1);
    assert!(text.contains(" INFO ") && text.contains("cycle done pair=\"contoso-fabrikam\" written=3"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn json_has_the_fields_at_its_top_and_the_span() {
    let settings = Settings { format: Format::Json, ..Settings::default() };
    let text = logged(&settings, || {
        let _run = info_span!("run", pair = "contoso-fabrikam").entered();
        info!(written = 3, "cycle done");
    });
    let lines = json_lines(&text);
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["message"], &lines[0]["written"]), (&"cycle done".into(), &3.into()));
    assert_eq!(lines[0]["span"]["pair"], "contoso-fabrikam");
    assert_eq!(lines[0]["level"], "INFO");
}

#[test]
fn the_filter_decides() {
    let speak = || {
        debug!("a detail");
        info!("a fact");
        error!("a fault");
    };
    let text = logged(&with_filter("info"), speak);
    assert!(!text.contains("a detail") && text.contains("a fact") && text.contains("a fault"), "{text}");
    assert_eq!(logged(&with_filter("off"), speak), "");
    let text = logged(&with_filter("error,it=debug"), speak);
    assert!(text.contains("a detail"), "{text}");
}

#[test]
fn talkative_crates_are_held_at_warn_unless_named() {
    let speak = || {
        debug!(target: "hyper::proto", "a whole request");
        warn!(target: "aws_smithy_runtime::client", "a retry");
    };
    let text = logged(&with_filter("trace"), speak);
    assert!(!text.contains("a whole request") && text.contains("a retry"), "{text}");
    assert!(logged(&with_filter("info,hyper=debug"), speak).contains("a whole request"));
    assert_eq!(logged(&with_filter("error"), speak), "", "never louder than asked for");
}

#[test]
fn what_cannot_be_read_is_refused_with_an_example() {
    let refused = telemetry::subscriber(&with_filter("info,=="), std::io::sink).err().unwrap();
    assert!(matches!(refused, TelemetryError::Filter { .. }));
    assert!(refused.to_string().contains("info,microsoft365=debug"), "{refused}");
    assert_eq!("json".parse::<Format>().unwrap(), Format::Json);
    assert!("xml".parse::<Format>().unwrap_err().to_string().contains("\"text\" or \"json\""));
}

#[test]
fn a_process_starts_logging_once() {
    let settings = Settings { filter: String::from("off"), ..Settings::default() };
    telemetry::init(&settings).unwrap();
    assert!(matches!(telemetry::init(&settings), Err(TelemetryError::AlreadyStarted)));
}
