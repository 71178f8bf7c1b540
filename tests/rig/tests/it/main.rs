//! Two simulated tenants and a real engine: what an administrator lives through, a file a subject. One program, since each would
//! compile the whole engine anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails where its set-up fails"
)]

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// From one cycle of the schedule to the next.
const TICK: Duration = Duration::from_secs(600);

mod act;
mod addresses;
mod consent;
mod copies;
mod damage;
mod disasters;
mod first_merge;
mod generated;
mod handed_on;
mod hostile;
mod late_ids;
mod laws;
mod life;
mod made_again;
mod neighbours;
mod operator;
mod readings;
mod restored;
mod shared_contacts;
mod static_contacts;
mod undo;
