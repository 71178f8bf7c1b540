//! Snapshot, merge and reconcile as use-cases over ports.
