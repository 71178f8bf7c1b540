//! Rolling a certificate: the four steps against the simulated tenant, each also asked for twice, and what cannot be rolled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use credentials::{Credential, CredentialError};
use engine::act::PublicPart;
use engine::ports::Store as _;
use jiff::SignedDuration;
use m365_simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};
use serverless::rotate::{self, Rotated, Vault};
use serverless::{Client, Credentials, Parts, ServerlessError};
use state::StateStore;

use crate::{Follow, served, settings};

const SECRET: &str = "galbridge/acme/contoso";
const ARN: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:galbridge/acme/contoso-AbCdEf";

/// Secrets Manager, as far as a rotation sees it.
#[derive(Default)]
struct Memory(Mutex<(Option<String>, BTreeMap<String, Credential>)>, Mutex<Option<String>>);

#[async_trait]
impl Vault for Memory {
    async fn current(&self, secret: &str) -> Result<Option<Credential>, CredentialError> {
        if secret != SECRET && secret != ARN {
            return Ok(None);
        }
        let (current, versions) = &*self.0.lock().unwrap();
        Ok(current.as_ref().and_then(|version| versions.get(version)).cloned())
    }

    async fn version(&self, _secret: &str, version: &str) -> Result<Option<Credential>, CredentialError> {
        Ok(self.0.lock().unwrap().1.get(version).cloned())
    }

    async fn put(&self, secret: &str, version: &str, credential: &Credential, current: bool) -> Result<(), CredentialError> {
        if secret != SECRET && secret != ARN {
            return Err(CredentialError::Secret { secret: secret.to_owned(), detail: "there is no such secret".to_owned() });
        }
        let (now, versions) = &mut *self.0.lock().unwrap();
        if versions.contains_key(version) {
            // A version never changes.
            return Err(CredentialError::Secret { secret: secret.to_owned(), detail: "ResourceExistsException".to_owned() });
        }
        versions.insert(version.to_owned(), credential.clone());
        if current {
            *now = Some(version.to_owned());
        } else {
            *self.1.lock().unwrap() = Some(version.to_owned());
        }
        Ok(())
    }

    async fn pending(&self, _secret: &str) -> Result<Option<String>, CredentialError> {
        let pending = self.1.lock().unwrap().clone();
        Ok(pending.filter(|version| self.0.lock().unwrap().0.as_ref() != Some(version)))
    }

    async fn promote(&self, _secret: &str, version: &str) -> Result<(), CredentialError> {
        self.0.lock().unwrap().0 = Some(version.to_owned());
        Ok(())
    }
}

struct Nobody;

#[async_trait]
impl Credentials for Nobody {
    async fn credential(&self, secret: &str) -> Result<Credential, CredentialError> {
        panic!("nobody asks for {secret}")
    }
}

struct Stage {
    simulator: Simulator,
    client: Client,
    vault: Memory,
    store: StateStore,
    profile: String,
}

impl Stage {
    /// A simulated tenant at an address of its own, and a stack whose profile names it.
    async fn new(object_id: bool) -> Self {
        let stage = Self::without_profile(object_id).await;
        stage.push().await;
        stage
    }

    async fn push(&self) {
        self.store.put_profile(&self.profile, 0).await.unwrap();
    }

    /// A stack that was deployed, and nothing more.
    async fn without_profile(object_id: bool) -> Self {
        let config = SimulatorConfig { certificate_delay: Duration::from_mins(2), ..SimulatorConfig::default() };
        let (simulator, mut profile) = served(config, object_id).await;
        profile += "[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n";
        let store = StateStore::memory().unwrap();
        let clock = Arc::new(Follow(simulator.clone()));
        let client = Client::new(Parts {
            settings: settings(),
            store: store.clone(),
            credentials: Arc::new(Nobody),
            clock,
            seed: rand::random,
            tell: |_| {},
        });
        Self { simulator, client, vault: Memory::default(), store, profile }
    }

    async fn ask(&self, event: Value) -> Result<Rotated, ServerlessError> {
        rotate::serve(&self.client, &self.vault, event, self.client.now() + SignedDuration::from_mins(15)).await
    }

    async fn step(&self, step: &str, version: &str) -> Result<Rotated, ServerlessError> {
        self.ask(json!({"Step": step, "SecretId": ARN, "ClientRequestToken": version})).await
    }

    async fn certificate(&self) -> PublicPart {
        match self.ask(json!({"version": 1, "tenant": "contoso", "do": "certificate"})).await.unwrap() {
            Rotated::Certificate(part) => part,
            other @ Rotated::Step(_) => panic!("{other:?}"),
        }
    }

    /// The application's keys by thumbprint, as the tenant has them.
    fn keys(&self) -> Vec<String> {
        self.simulator.application_keys("contoso").into_iter().map(|(_, thumbprint)| thumbprint).collect()
    }
}

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

#[tokio::test]
async fn a_certificate_is_made_uploaded_and_rolled_step_by_step() {
    // Before the application exists there is no profile that could name it.
    let stage = Stage::without_profile(true).await;
    let first = stage.certificate().await;
    assert!(first.made && first.pem.contains("BEGIN CERTIFICATE") && !first.pem.contains("PRIVATE"), "{}", first.pem);
    assert!(!stage.certificate().await.made, "the second time it is only shown");
    stage.simulator.register_certificate(Some("contoso"), &first.pem).unwrap();
    stage.push().await;
    stage.simulator.advance_clock(Duration::from_mins(5));
    for step in STEPS {
        for time in 1..=2 {
            stage.step(step, "second").await.unwrap_or_else(|error| panic!("{step}, time {time}: {error}"));
        }
    }
    let second = stage.certificate().await;
    assert_ne!(second.thumbprint, first.thumbprint);
    assert_eq!(stage.keys(), [first.thumbprint.clone(), second.thumbprint.clone()], "the old one serves until it ends");
    // Years later: what galbridge added and what has expired is removed; what a person uploaded is his.
    stage.simulator.advance_clock(Duration::from_hours(24 * 400));
    stage.ask(json!({"version": 1, "tenant": "contoso", "do": "rotate"})).await.unwrap();
    let third = stage.certificate().await;
    stage.simulator.advance_clock(Duration::from_hours(24 * 400));
    stage.ask(json!({"version": 1, "tenant": "contoso", "do": "rotate"})).await.unwrap();
    let fourth = stage.certificate().await;
    assert_eq!(stage.keys(), [first.thumbprint, third.thumbprint, fourth.thumbprint]);
}

/// Once each attempt by hand after one that was cut off made another key, and another certificate at the application.
#[tokio::test]
async fn a_rotation_that_was_cut_off_goes_on() {
    let stage = Stage::new(true).await;
    let first = stage.certificate().await;
    stage.simulator.register_certificate(Some("contoso"), &first.pem).unwrap();
    stage.simulator.advance_clock(Duration::from_mins(5));
    stage.step("createSecret", "begun").await.unwrap();
    stage.step("setSecret", "begun").await.unwrap();
    stage.ask(json!({"version": 1, "tenant": "contoso", "do": "rotate"})).await.unwrap();
    assert_eq!(stage.vault.0.lock().unwrap().0.as_deref(), Some("begun"));
    assert_eq!((stage.keys().len(), stage.vault.0.lock().unwrap().1.len()), (2, 2));
    stage.simulator.advance_clock(Duration::from_hours(24 * 30));
    stage.ask(json!({"version": 1, "tenant": "contoso", "do": "rotate"})).await.unwrap();
    assert_ne!(stage.vault.0.lock().unwrap().0.as_deref(), Some("begun"), "the next one is another");
    // One that was replaced by hand is no rotation that was cut off, whatever label it still bears.
    let former = stage.certificate().await;
    stage.simulator.advance_clock(Duration::from_hours(24 * 30));
    let Rotated::Certificate(another) = stage.ask(json!({"version": 1, "tenant": "contoso", "do": "replace"})).await.unwrap() else {
        panic!()
    };
    stage.simulator.register_certificate(Some("contoso"), &another.pem).unwrap();
    stage.simulator.advance_clock(Duration::from_mins(5));
    stage.ask(json!({"version": 1, "tenant": "contoso", "do": "rotate"})).await.unwrap();
    assert!(![former.thumbprint, another.thumbprint].contains(&stage.certificate().await.thumbprint));
}

/// Two operators ask at once: one certificate is made, and both see it.
#[tokio::test]
async fn the_first_certificate_is_made_once() {
    let stage = Stage::new(true).await;
    let (one, other) = tokio::join!(stage.certificate(), stage.certificate());
    assert_eq!((&one.thumbprint, one.made || other.made), (&other.thumbprint, true));
    assert_eq!(stage.vault.0.lock().unwrap().1.len(), 1);
    let another = stage.ask(json!({"version": 1, "tenant": "contoso", "do": "replace"})).await.unwrap();
    let Rotated::Certificate(another) = another else { panic!("{another:?}") };
    assert_ne!(another.thumbprint, one.thumbprint);
    assert_eq!(stage.certificate().await.thumbprint, another.thumbprint, "it is the current one");
}

#[tokio::test]
async fn what_cannot_be_rolled_says_so_and_the_current_certificate_stays() {
    let stage = Stage::new(false).await;
    let none = stage.step("createSecret", "v").await.unwrap_err().to_string();
    assert!(none.contains("no certificate to roll") && none.contains("certificate new"), "{none}");
    let first = stage.certificate().await;
    for asked in [
        json!({"Step": "createSecret", "SecretId": ARN, "ClientRequestToken": "v"}),
        json!({"version": 1, "tenant": "contoso", "do": "rotate"}),
    ] {
        let no_id = stage.ask(asked).await.unwrap_err().to_string();
        assert!(no_id.contains("app_object_id"), "{no_id}");
    }
    assert_eq!(stage.vault.pending(ARN).await.unwrap(), None, "nothing stands in a later rotation's way");
    assert_eq!(stage.certificate().await, PublicPart { made: false, ..first });

    let stage = Stage::new(true).await;
    stage.certificate().await;
    stage.step("createSecret", "v").await.unwrap();
    let unregistered = stage.step("setSecret", "v").await.unwrap_err().to_string();
    assert!(unregistered.contains("contoso") && unregistered.contains("not registered"), "{unregistered}");
    for wrong in [
        json!({"Step": "setSecret", "SecretId": "arn:aws:secretsmanager:us-east-1:1:secret:other/contoso-AbCdEf", "ClientRequestToken": "v"}),
        json!({"Step": "deleteSecret", "SecretId": ARN, "ClientRequestToken": "v"}),
        json!({"version": 1, "tenant": "initech", "do": "rotate"}),
        json!({"version": 1, "tenant": "contoso", "do": "show-me-the-key"}),
        json!({"version": 2, "tenant": "contoso", "do": "certificate"}),
    ] {
        assert!(stage.ask(wrong.clone()).await.is_err(), "{wrong}");
    }
}
