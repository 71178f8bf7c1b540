//! Telemetry from outside: what is written, and above all what is not.

#![expect(clippy::unwrap_used, reason = "tests may panic; their helpers too")]

mod lines;
mod panics;
mod people;
mod planted;

use std::io;
use std::sync::{Arc, Mutex};

use telemetry::{Format, Settings};

/// The ways a line can look.
fn every_look() -> [Settings; 3] {
    let look = |format, ansi| Settings { format, ansi, filter: String::from("trace") };
    [look(Format::Text, false), look(Format::Text, true), look(Format::Json, false)]
}

/// A writer that keeps what was written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A log in memory.
struct Log {
    paper: Paper,
    dispatch: tracing::Dispatch,
}

impl Log {
    fn new(settings: &Settings) -> Self {
        let paper = Paper::default();
        let pages = paper.clone();
        let subscriber = telemetry::subscriber(settings, move || pages.clone()).unwrap();
        Self { paper, dispatch: tracing::Dispatch::new(subscriber) }
    }

    /// What is logged while `work` runs.
    fn written(&self, work: impl FnOnce()) -> String {
        tracing::dispatcher::with_default(&self.dispatch, work);
        let bytes = std::mem::take(&mut *self.paper.0.lock().unwrap());
        String::from_utf8(bytes).unwrap()
    }
}

/// What is logged with these settings while `work` runs.
fn logged(settings: &Settings, work: impl FnOnce()) -> String {
    Log::new(settings).written(work)
}

/// The lines as JSON, each of which must be an object.
fn json_lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
