//! What tells who a person is: shown at debug and trace, hidden above.

use std::cell::Cell;
use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

const HIDDEN: &str = "[personal]";

thread_local! {
    /// Whether the event that is being written on this thread may show personal data.
    static SHOWN: Cell<bool> = const { Cell::new(false) };
}

/// A name, an address or a telephone number on its way into a log.
///
/// It prints its value in events of level debug and trace, and `[personal]` everywhere else: in events above, in the
/// fields of spans, outside of logging. So it is safe to put into any error or event; what the operator is to read on
/// the terminal takes the value itself. Ids (anchors, tenants, runs) need no wrapping.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Personal<T>(
    /// The value to be shown at debug only.
    pub T,
);

impl<T: fmt::Display> fmt::Display for Personal<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if SHOWN.get() { self.0.fmt(formatter) } else { formatter.write_str(HIDDEN) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Personal<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if SHOWN.get() { self.0.fmt(formatter) } else { formatter.write_str(HIDDEN) }
    }
}

/// Whether events of this level may show personal data. `tracing` orders levels by how much they say.
pub(crate) fn may_show(level: Level) -> bool {
    level >= Level::DEBUG
}

/// An event format that opens [`Personal`] while it writes an event of level debug or trace.
pub(crate) struct LevelAware<F>(pub(crate) F);

impl<S, N, F> FormatEvent<S, N> for LevelAware<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let _opened = Opened::for_level(*event.metadata().level());
        self.0.format_event(context, writer, event)
    }
}

/// Puts back what was before, also when a value's `Display` panics.
struct Opened {
    before: bool,
}

impl Opened {
    fn for_level(level: Level) -> Self {
        Self { before: SHOWN.replace(may_show(level)) }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        SHOWN.set(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_of_an_event_nothing_is_shown() {
        let address = Personal("adele@contoso.example");
        assert_eq!(format!("{address} {address:?}"), "[personal] [personal]");
        assert_eq!(format!("{:?}", Some(address)), "Some([personal])");
    }

    #[test]
    fn the_level_decides_and_is_put_back() {
        let address = Personal("adele@contoso.example");
        for level in [Level::ERROR, Level::WARN, Level::INFO] {
            let _opened = Opened::for_level(level);
            assert_eq!(address.to_string(), "[personal]", "{level}");
        }
        for level in [Level::DEBUG, Level::TRACE] {
            let _opened = Opened::for_level(level);
            assert_eq!(address.to_string(), "adele@contoso.example", "{level}");
        }
        assert_eq!(address.to_string(), "[personal]");
    }
}
