//! The functions from outside: events, alarms, certificates that roll.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where its set-up fails")]

mod alarms;
mod events;
mod fuzzed;
mod rotate;

use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use engine::ports::Clock;
use jiff::{SignedDuration, Timestamp};
use m365_simulator::{ClockKind, Simulator, SimulatorConfig};
use serverless::Settings;

/// What the template tells.
fn settings() -> Settings {
    Settings {
        table: "acme-state".to_owned(),
        secrets: "galbridge/acme/".to_owned(),
        queue: None,
        tick: SignedDuration::from_mins(10),
        log: "info".to_owned(),
    }
}

/// The simulator's own time: whoever waits moves it on.
struct Follow(Simulator);

#[async_trait]
impl Clock for Follow {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.advance_clock(duration);
    }
}

/// Two empty tenants that are served at an address of their own, and what a profile says of them.
async fn served(config: SimulatorConfig, object_ids: bool) -> (Simulator, String) {
    let simulator = Simulator::new(SimulatorConfig { clock: ClockKind::Manual, ..config }).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(m365_simulator::serve(simulator.clone(), listener, None));
    let mut profile = "client = \"acme\"\n".to_owned();
    for tenant in simulator.tenants() {
        let _ = writeln!(profile, "[tenants.{}]\nid = \"{}\"\napp_id = \"{}\"", tenant.name, tenant.id, tenant.app_id);
        if object_ids {
            let _ = writeln!(profile, "app_object_id = \"{}\"", tenant.app_object_id);
        }
        let _ = writeln!(profile, "hosts = {{ login = \"{address}\", graph = \"{address}\", exchange = \"{address}\" }}");
    }
    (simulator, profile)
}
