//! Progress bars on standard error, where it is a terminal.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use engine::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::stop::Stop;

/// One line for each kind of work.
pub(crate) struct Bars {
    stop: Stop,
    shown: bool,
    all: MultiProgress,
    known: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    /// Bars, or silence where standard error is no terminal.
    pub(crate) fn new(stop: Stop, shown: bool) -> Self {
        Self { stop, shown, all: MultiProgress::new(), known: Mutex::default() }
    }

    /// Takes the bars away, before something else is printed.
    pub(crate) fn clear(&self) {
        for (_, bar) in std::mem::take(&mut *self.known.lock().unwrap_or_else(PoisonError::into_inner)) {
            bar.finish_and_clear();
        }
    }

    fn bar(&self, what: &str, total: u64) -> ProgressBar {
        let form = if total > 0 { "{msg:32} {bar:30} {pos}/{len} {eta}" } else { "{msg:32} {spinner} {pos}" };
        let bar = self.all.add(ProgressBar::new(total));
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar
    }
}

impl Progress for Bars {
    fn step(&self, what: &str, done: u64, total: u64) {
        if !self.shown {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = known.entry(what.to_owned()).or_insert_with(|| self.bar(what, total));
        if bar.length() != Some(total) {
            bar.set_length(total);
        }
        bar.set_position(done);
    }

    fn stop_asked(&self) -> bool {
        self.stop.asked()
    }
}
