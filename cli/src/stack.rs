//! A client's stack in AWS, asked with the operator's own credentials: its table and its functions, found by the stack's outputs.
//!
//! What needs no tenant is done here, over the stack's table; what calls a tenant is asked of the function `reconcile`, which alone
//! has the certificates.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_cloudformation::types::Stack as Described;
use aws_sdk_lambda::config::StalledStreamProtectionConfig;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use engine::act::{Action, Answer, MESSAGES, PublicPart, Wish};
use engine::ports::with_causes;
use serde_json::{Value, json};
use state::StateStore;
use uuid::Uuid;

use crate::error::{CliError, Exit};

/// The output by which a stack says that it is one of ours, with the version of what is agreed between it and the command.
const MARK: &str = "Galbridge";
const AGREED: &str = "1";

/// A stack.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// Its name.
    pub(crate) name: String,
    table: String,
    reconcile: String,
    rotate: String,
    config: SdkConfig,
}

impl Stack {
    /// The operator's own settings: environment, profile, single sign-on.
    pub(crate) async fn settings() -> SdkConfig {
        aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await
    }

    /// Finds a stack by its name, in the account and region of the operator's credentials.
    pub(crate) async fn find(name: &str) -> Result<Self, CliError> {
        let config = Self::settings().await;
        let client = aws_sdk_cloudformation::Client::new(&config);
        let answer = client.describe_stacks().stack_name(name).send().await;
        let stacks = answer.map_err(|error| {
            let text = why(&error);
            if text.contains("does not exist") {
                CliError::wrong(format!("stack {name}: there is none by this name in this account and region"))
            } else {
                unanswered(&format!("stack {name}: CloudFormation does not answer"), &text)
            }
        })?;
        let found = stacks.stacks().first().ok_or_else(|| CliError::wrong(format!("stack {name}: there is none by this name")))?;
        Self::of(found, &config)
    }

    /// Every stack of ours in the account and region.
    pub(crate) async fn all(config: &SdkConfig) -> Result<Vec<Self>, CliError> {
        let client = aws_sdk_cloudformation::Client::new(config);
        let mut pages = client.describe_stacks().into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| unanswered("CloudFormation does not list the stacks", &why(&error)))?;
            let ours = page.stacks().iter().filter(|stack| output(stack, MARK).is_some());
            found.extend(ours.map(|stack| Self::of(stack, config)).collect::<Result<Vec<_>, _>>()?);
        }
        found.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(found)
    }

    fn of(found: &Described, config: &SdkConfig) -> Result<Self, CliError> {
        let name = found.stack_name().unwrap_or_default().to_owned();
        let told = |key: &str| output(found, key);
        match told(MARK) {
            Some(AGREED) => {}
            Some(other) => {
                return Err(CliError::wrong(format!(
                    "stack {name}: it speaks version {other}, and this galbridge speaks {AGREED}: use the galbridge that deployed it, or deploy it again"
                )));
            }
            None => return Err(CliError::wrong(format!("stack {name}: it is no stack of galbridge, or of an older one: deploy it again"))),
        }
        let needed = |key: &str| {
            let missing =
                || CliError::failed(format!("stack {name}: its output {key} is missing; deploy it again from an unchanged template.yaml"));
            told(key).map(str::to_owned).ok_or_else(missing)
        };
        let (table, reconcile, rotate) = (needed("Table")?, needed("ReconcileFunction")?, needed("RotateFunction")?);
        Ok(Self { name, table, reconcile, rotate, config: config.clone() })
    }

    /// The stack's table.
    pub(crate) fn store(&self, writer: Uuid) -> StateStore {
        StateStore::service(&self.config, &self.table, &writer.simple().to_string())
    }

    /// What its state is called in messages.
    pub(crate) fn state(&self) -> String {
        format!("table {} of the stack {}", self.table, self.name)
    }

    /// Asks the function `reconcile`.
    pub(crate) async fn act(&self, pair: &str, action: &Action) -> Result<Answer, CliError> {
        let asked = json!({"version": MESSAGES, "pair": pair, "action": action});
        let mut answer = self.ask(&self.reconcile, &asked).await?;
        if answer["answer"] == "stored" {
            answer = self.pages(pair, &answer["of"]).await?;
        }
        self.understood(answer)
    }

    /// An answer that is too large for one message, page by page.
    async fn pages(&self, pair: &str, stored: &Value) -> Result<Value, CliError> {
        let mut text = String::new();
        for number in 0..stored["pages"].as_u64().unwrap_or_default() {
            let asked = json!({"version": MESSAGES, "pair": pair, "page": {"id": stored["id"], "number": number}});
            let page = self.ask(&self.reconcile, &asked).await?;
            text.push_str(page["of"].as_str().unwrap_or_default());
        }
        serde_json::from_str(&text).map_err(|error| self.misunderstood(&error))
    }

    /// Asks the function `rotate-certificate`.
    pub(crate) async fn certificate(&self, tenant: &str, wish: Wish) -> Result<PublicPart, CliError> {
        let answer = self.ask(&self.rotate, &json!({"version": MESSAGES, "tenant": tenant, "do": wish})).await?;
        self.understood(answer["of"].clone())
    }

    async fn ask(&self, function: &str, asked: &Value) -> Result<Value, CliError> {
        // A run may take a quarter of an hour to answer, and must not be asked for twice.
        let settings = aws_sdk_lambda::config::Builder::from(&self.config)
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        let client = aws_sdk_lambda::Client::from_conf(settings);
        let sent = client.invoke().function_name(function).payload(Blob::new(asked.to_string())).send().await;
        let sent =
            sent.map_err(|error| unanswered(&format!("stack {}: the function {function} cannot be asked", self.name), &why(&error)))?;
        let body = sent.payload().map(|blob| blob.as_ref().to_vec()).unwrap_or_default();
        let answer: Value = serde_json::from_slice(&body).map_err(|error| self.misunderstood(&error))?;
        if sent.function_error().is_some() {
            return Err(refused(&self.name, &answer));
        }
        Ok(answer)
    }

    fn understood<T: serde::de::DeserializeOwned>(&self, answer: Value) -> Result<T, CliError> {
        serde_json::from_value(answer).map_err(|error| self.misunderstood(&error))
    }

    fn misunderstood(&self, error: &serde_json::Error) -> CliError {
        CliError::failed(format!(
            "stack {}: its answer is not understood ({error}): galbridge and the stack are of different versions",
            self.name
        ))
    }
}

/// What AWS says, or what kept it from answering.
fn why(error: &(impl ProvideErrorMetadata + std::error::Error + 'static)) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(_) | None, _) => with_causes(error),
    }
}

/// AWS does not answer: mostly because nobody has signed in.
fn unanswered(what: &str, why: &str) -> CliError {
    let signed_out = ["credentials", "ExpiredToken", "UnrecognizedClient", "InvalidClientTokenId", "region"];
    if signed_out.iter().any(|word| why.contains(word)) {
        return CliError::wrong(format!(
            "{what}: sign in to AWS first, and name the region (AWS_PROFILE, AWS_REGION, `aws sso login`): {why}"
        ));
    }
    CliError::failed(format!("{what}: {why}"))
}

/// What a function failed with. Its kind is whose turn it is, as the functions say it; what Lambda itself says has others.
fn refused(stack: &str, answer: &Value) -> CliError {
    let message = answer["errorMessage"].as_str().unwrap_or("it gave no reason");
    let kind = answer["errorType"].as_str().unwrap_or_default();
    let exit = match kind {
        "Input" => Exit::WrongInput,
        "Waits" => Exit::Held,
        _ => Exit::Failed,
    };
    // What Lambda itself says: the function was cut off, and could not say anything.
    let next = if kind.starts_with("Runtime.") || kind.starts_with("Sandbox.") {
        "; what was done is stored, and the next tick goes on; the function's log says more"
    } else {
        ""
    };
    CliError { exit, message: format!("stack {stack}: {message}{next}") }
}

fn output<'s>(stack: &'s Described, key: &str) -> Option<&'s str> {
    stack.outputs().iter().find(|output| output.output_key() == Some(key)).and_then(|output| output.output_value())
}
