//! What the alarms go by, while a disaster goes on: both functions as the schedule and the queue call them, against two simulated tenants.
//! `Attention` is a level, told by every cycle, so that no alarm comes twice for one matter; where a cycle cannot tell, `Success` is missing.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use credentials::{Credential, CredentialError};
use engine::ports::Store as _;
use engine::records::MergeOptions;
use gal::Side;
use gal::policy::MergeMode;
use jiff::{SignedDuration, Timestamp};
use m365_simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};
use serverless::message::WakeUp;
use serverless::{Client, Credentials, Parts, ServerlessError, Waker, reconcile, snapshot};
use state::StateStore;
use uuid::Uuid;

use crate::{Follow, served, settings};

const PAIR: &str = "contoso-fabrikam";
const PEOPLE: usize = 20;

thread_local! {
    /// What went to CloudWatch; each test runs in a thread of its own.
    static LINES: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
}

fn tell(line: &str) {
    LINES.with_borrow_mut(|lines| lines.push(serde_json::from_str(line).unwrap()));
}

/// What the alarms know after one tick of the schedule.
#[derive(Debug, PartialEq)]
struct Alarms {
    success: bool,
    attention: Option<i64>,
    /// A function failed, which Lambda counts.
    failed: bool,
}

const WELL: Alarms = Alarms { success: true, attention: Some(0), failed: false };

struct Same(Credential);

#[async_trait]
impl Credentials for Same {
    async fn credential(&self, _secret: &str) -> Result<Credential, CredentialError> {
        Ok(self.0.clone())
    }
}

/// The queue.
#[derive(Default)]
struct Queue(Mutex<Vec<WakeUp>>);

#[async_trait]
impl Waker for Queue {
    async fn wake(&self, message: &WakeUp) -> Result<(), ServerlessError> {
        self.0.lock().unwrap().push(message.clone());
        Ok(())
    }
}

/// A merged pair whose functions run.
struct Stack {
    simulator: Simulator,
    client: Client,
    store: StateStore,
    queue: Queue,
    tenants: String,
    people: Vec<Uuid>,
}

impl Stack {
    async fn merged() -> Self {
        static CREDENTIAL: OnceLock<Credential> = OnceLock::new();
        let before = SimulatorConfig::default().start - SignedDuration::from_hours(1);
        let credential = CREDENTIAL.get_or_init(|| Credential::generate("galbridge", before, 365).unwrap()).clone();
        let (simulator, tenants) = served(SimulatorConfig::default(), false).await;
        simulator.register_certificate(None, &credential.public_certificate_pem().unwrap()).unwrap();
        let store = StateStore::memory().unwrap();
        let clock = Arc::new(Follow(simulator.clone()));
        let credentials = Arc::new(Same(credential));
        let client = Client::new(Parts { settings: settings(), store: store.clone(), credentials, clock, seed: || [7; 32], tell });
        let people: Vec<Value> = (0..PEOPLE).map(person).collect();
        let people = simulator.apply_json("contoso", people.into()).unwrap().into_iter().flatten().collect();
        let stack = Self { simulator, client, store, queue: Queue::default(), tenants, people };
        stack.push("").await;
        let engine = stack.client.engine(PAIR, "by-hand", &Side::BOTH).await.unwrap();
        engine.snapshot(PAIR, engine::snapshot::SnapshotOptions::default(), stack.end()).await.unwrap();
        engine.merge(PAIR, &MergeOptions::of(MergeMode::TwoWay), None, stack.end()).await.unwrap();
        assert_eq!((stack.shown(), stack.ticks(3).await), (PEOPLE, WELL));
        stack
    }

    async fn push(&self, scope: &str) {
        let version = self.store.profile().await.unwrap().map_or(0, |stored| stored.version);
        let profile = format!("{}[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n{scope}", self.tenants);
        self.store.put_profile(&profile, version).await.unwrap();
    }

    fn end(&self) -> Timestamp {
        self.client.now() + SignedDuration::from_mins(15)
    }

    fn shown(&self) -> usize {
        self.simulator.gal("fabrikam", false).len()
    }

    /// Some ticks, ten minutes apart; what is known after the last.
    async fn ticks(&self, count: usize) -> Alarms {
        let mut last = self.tick(false).await;
        for _ in 1..count {
            last = self.tick(false).await;
        }
        last
    }

    /// The schedule ticks, and what it wakes runs.
    async fn tick(&self, full: bool) -> Alarms {
        self.simulator.advance_clock(Duration::from_mins(10));
        LINES.take();
        let event = json!({"version": 1, "pair": PAIR, "tick": self.client.now(), "full": full});
        let mut failed = snapshot::serve(&self.client, &self.queue, event, "tick", self.end()).await.is_err();
        let woken = std::mem::take(&mut *self.queue.0.lock().unwrap());
        for message in woken {
            let body = serde_json::to_string(&message).unwrap();
            let event = json!({"Records": [{"messageId": "1", "body": body}]});
            failed |= reconcile::serve(&self.client, event, "woken", self.end()).await.is_err();
        }
        let lines = LINES.take();
        let told = |name: &str| lines.iter().filter_map(|line| line[name].as_i64()).next_back();
        Alarms { success: told("Success").is_some(), attention: told("Attention"), failed }
    }
}

fn person(number: usize) -> Value {
    let address = format!("person{number:02}@contoso.example");
    json!({"op": "create", "kind": "user", "set": {"DisplayName": format!("Person {number:02}"), "PrimarySmtpAddress": address}})
}

fn each(people: &[Uuid], operation: &str) -> Value {
    people.iter().map(|anchor| json!({"op": operation, "anchor": anchor})).collect()
}

#[tokio::test]
async fn a_hold_raises_the_alarm_as_long_as_it_lasts() {
    let stack = Stack::merged().await;
    stack.simulator.apply_json("contoso", each(&stack.people[..10], "delete")).unwrap();
    for _ in 0..4 {
        assert_eq!(stack.tick(false).await, Alarms { attention: Some(1), ..WELL });
    }
    assert_eq!(stack.shown(), PEOPLE, "nobody is gone");
    stack.simulator.apply_json("contoso", each(&stack.people[..10], "restore")).unwrap();
    assert_eq!((stack.ticks(4).await, stack.shown()), (WELL, PEOPLE));
}

#[tokio::test]
async fn a_group_that_is_emptied_raises_the_alarm() {
    let stack = Stack::merged().await;
    let group = json!([{"op": "create", "kind": "security-group", "set": {"DisplayName": "Published"}, "members": stack.people}]);
    let group = stack.simulator.apply_json("contoso", group).unwrap()[0].unwrap();
    stack.push(&format!("[pairs.a_to_b.scope]\ninclude_groups = [\"{group}\"]\n")).await;
    assert_eq!((stack.ticks(4).await, stack.shown()), (WELL, PEOPLE));
    let out: Value = stack.people.iter().map(|member| json!({"op": "remove-member", "anchor": group, "member": member})).collect();
    stack.simulator.apply_json("contoso", out).unwrap();
    let alarms = [stack.ticks(3).await, stack.tick(true).await, stack.ticks(2).await];
    assert!(alarms.iter().all(|alarms| alarms.attention == Some(1)), "{alarms:?}");
    assert_eq!(stack.shown(), PEOPLE);
}

/// The alarm on `Success` counts missing ones: no cycle may claim any while nothing can be read.
#[tokio::test]
async fn what_cannot_be_read_is_no_success() {
    let disasters = [
        json!({"tenant": "contoso", "endpoint": "invoke", "do": "503"}),
        json!({"tenant": "contoso", "endpoint": "users-delta", "do": "truncated-json"}),
        json!({"tenant": "fabrikam", "endpoint": "token", "do": "status", "status": 401}),
    ];
    for disaster in disasters {
        let stack = Stack::merged().await;
        // Tokens run out.
        stack.simulator.advance_clock(Duration::from_hours(25));
        stack.simulator.set_faults_json(json!({"calls": [disaster]})).unwrap();
        stack.simulator.apply_json("contoso", each(&stack.people[..2], "delete")).unwrap();
        for full in [true, false, false] {
            let alarms = stack.tick(full).await;
            assert!(!alarms.success && (alarms.failed || alarms.attention == Some(1)), "{disaster}: {alarms:?}");
        }
        assert_eq!(stack.shown(), PEOPLE, "{disaster}");
        stack.simulator.set_faults_json(json!({"calls": []})).unwrap();
        stack.simulator.advance_clock(Duration::from_hours(1));
        assert_eq!((stack.ticks(5).await, stack.shown()), (WELL, PEOPLE - 2), "{disaster}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_known_any_more_is_no_success() {
    let stack = Stack::merged().await;
    stack.simulator.apply_json("contoso", json!([{"op": "certificates", "clear": true}])).unwrap();
    stack.simulator.advance_clock(Duration::from_hours(2));
    stack.simulator.apply_json("contoso", each(&stack.people[..2], "delete")).unwrap();
    for _ in 0..3 {
        let alarms = stack.tick(false).await;
        assert!(!alarms.success && alarms.failed, "{alarms:?}");
    }
    assert_eq!(stack.shown(), PEOPLE);
}

/// The id of another client's tenant in the profile.
#[tokio::test]
async fn another_clients_tenant_in_the_profile_is_no_success() {
    let mut stack = Stack::merged().await;
    let right = stack.tenants.clone();
    let fabrikam = stack.simulator.tenants().into_iter().find(|tenant| tenant.name == "fabrikam").unwrap().id.to_string();
    stack.tenants = right.replace(&fabrikam, "99999999-9999-9999-9999-999999999999");
    stack.push("").await;
    stack.simulator.apply_json("contoso", each(&stack.people[..2], "delete")).unwrap();
    for _ in 0..3 {
        let alarms = stack.tick(false).await;
        assert!(!alarms.success && alarms.failed, "{alarms:?}");
    }
    assert_eq!(stack.shown(), PEOPLE);
    stack.tenants = right;
    stack.push("").await;
    assert_eq!((stack.ticks(4).await, stack.shown()), (WELL, PEOPLE - 2));
}
