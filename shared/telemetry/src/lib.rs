//! Tracing and redaction.
