//! The last stop of every line: masks it, then writes it in one piece.

use std::io::{self, Write};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use crate::json;
use crate::{Format, Mask};

/// Makes writers that mask what passes through them.
pub(crate) struct Masked<W> {
    inner: W,
    mask: Mask,
    format: Format,
}

impl<W> Masked<W> {
    pub(crate) fn new(inner: W, mask: Mask, format: Format) -> Self {
        Self { inner, mask, format }
    }

    fn event<I: Write>(&self, inner: I, level: Level) -> MaskedEvent<'_, I> {
        MaskedEvent { inner, mask: &self.mask, format: self.format, level, event: Vec::new() }
    }
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Masked<W> {
    type Writer = MaskedEvent<'a, W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        // A writer for nobody knows what: hide the most.
        self.event(self.inner.make_writer(), Level::ERROR)
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        self.event(self.inner.make_writer_for(metadata), *metadata.level())
    }
}

/// Collects one event, so that a secret which arrives in pieces is still seen whole, and writes it when dropped.
pub(crate) struct MaskedEvent<'a, W: Write> {
    inner: W,
    mask: &'a Mask,
    format: Format,
    level: Level,
    event: Vec<u8>,
}

impl<W: Write> Write for MaskedEvent<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.event.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // The end of the event is what flushes: see Drop.
        Ok(())
    }
}

impl<W: Write> Drop for MaskedEvent<'_, W> {
    fn drop(&mut self) {
        if self.event.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&self.event);
        let mut line = match self.format {
            Format::Text => self.mask.text(&text, self.level).into_owned(),
            Format::Json => json::masked(&text, self.mask, self.level),
        };
        // A key that was cut off is masked up to the end of the event, its line break included.
        if text.ends_with('\n') && !line.ends_with('\n') {
            line.push('\n');
        }
        // A log that cannot be written has nowhere to complain.
        let _ = self.inner.write_all(line.as_bytes()).and_then(|()| self.inner.flush());
    }
}
