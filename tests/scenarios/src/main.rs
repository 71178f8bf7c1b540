//! Plays two-way synchronisation scenarios against the core and the engine.

fn main() {}
