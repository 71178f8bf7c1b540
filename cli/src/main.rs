//! The operator's command: keeps the address lists of Microsoft 365 tenants in step.

fn main() {}
