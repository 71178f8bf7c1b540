//! The pure core: recipients, field table, scope, mapping, join, merge, plan, guard.
