//! The reconcile function: woken by the queue it does what is due; asked by hand it answers.

use engine::EngineError;
use engine::act::{Action, Answer};
use engine::check::{Finding, Level, TenantFindings};
use engine::ports::StoreError;
use engine::records::RunSummary;
use gal::Side;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tracing::{error, info};

use crate::message::{self, ByHand, Page, WakeUp};
use crate::metrics::Told;
use crate::{Client, ServerlessError, deadline};

/// What an event came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Served {
    /// The answer to a person.
    Answer(Box<Answer>),
    /// An answer that is too large for one message.
    Paged(Paged),
    /// What became of the wake-ups.
    Woken {
        /// One a message.
        wake_ups: Vec<Woken>,
    },
}

/// An answer in pages: Lambda sends 6 MB at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", content = "of", rename_all = "kebab-case")]
pub enum Paged {
    /// It is stored for a day; together the pages are the JSON of the answer.
    Stored {
        /// Its id.
        id: String,
        /// How many pages it has; ask for each with `{"version": 1, "pair": "…", "page": {"id": "…", "number": 0}}`.
        pages: u64,
    },
    /// One page.
    Page(String),
}

/// The largest answer in one message, in bytes: Lambda's limit is 6 MB, and what is sent is JSON in JSON for some clients.
const LARGEST: usize = 4_000_000;
/// The size of a page; packed it fits into an item.
const PAGE: usize = 1_000_000;

/// What a wake-up came to. Each of these is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "came_to", rename_all = "kebab-case")]
pub enum Woken {
    /// Nothing was due any more.
    NothingDue,
    /// A run, whatever its outcome: it is recorded, and what is left stands on the agenda.
    Ran {
        /// The run.
        run: Box<RunSummary>,
    },
    /// A run failed as a whole, or could not begin; the next tick tries again.
    Failed {
        /// Why.
        why: String,
    },
    /// Another run of the pair is going on, which does what is due.
    Missed,
    /// A later tick is there already, or about to be.
    Stale,
}

/// Serves an event. `request`: the id of the invocation; `end`: when Lambda ends it.
///
/// # Errors
/// What is not understood: a wake-up is delivered again then, and dead-lettered with an alarm; the state is right all the same. Or what a
/// person asked, and could not be served.
pub async fn serve(client: &Client, event: Value, request: &str, end: Timestamp) -> Result<Served, ServerlessError> {
    if event.get("Records").is_none() {
        return Box::pin(by_hand(client, message::read(event)?, request, end)).await;
    }
    let mut wake_ups = Vec::new();
    for message in message::wake_ups(event)? {
        wake_ups.push(wake_up(client, message, request, end).await);
    }
    Ok(Served::Woken { wake_ups })
}

async fn wake_up(client: &Client, message: WakeUp, request: &str, end: Timestamp) -> Woken {
    let WakeUp { pair, tick, .. } = message;
    let deadline = deadline::of(Some(tick), client.settings().tick, end);
    if client.now() >= deadline {
        info!(%pair, %tick, "the next tick is there already; its own wake-up does what is due");
        return Woken::Stale;
    }
    let ran = match client.engine(&pair, request, &Side::BOTH).await {
        Ok(engine) => engine.reconcile(&pair, deadline).await.map_err(ServerlessError::from),
        Err(error) => Err(error),
    };
    match ran {
        Ok(Some(run)) => {
            client.tell(&pair, Told::run(&run));
            info!(%pair, run = %run.id, outcome = ?run.outcome, left = run.left, "run done");
            Woken::Ran { run: Box::new(run) }
        }
        Ok(None) => {
            client.tell(&pair, Told { success: true, attention: None, certificate_days: None });
            Woken::NothingDue
        }
        Err(ServerlessError::Engine(EngineError::Store(StoreError::LeaseHeld { owner, until, .. }))) => {
            info!(%pair, %owner, %until, "another run is going on; this wake-up is left out");
            Woken::Missed
        }
        // Whatever it is, the next tick wakes again what is due, and `NoSuccess` alarms if that does not help. Left in the queue, the
        // message would keep the pair's other wake-ups back until it is delivered again: longer than a tick, and then it is stale.
        Err(failed) => {
            error!(%pair, error = %failed, "the run failed");
            Woken::Failed { why: failed.to_string() }
        }
    }
}

async fn by_hand(client: &Client, asked: ByHand, request: &str, end: Timestamp) -> Result<Served, ServerlessError> {
    let ByHand { pair, action, page, .. } = asked;
    let action = match (action, page) {
        (Some(action), None) => action,
        (None, Some(Page { id, number })) => {
            let found = client.store().answer_page(&id, number).await?;
            let gone =
                || ServerlessError::Event(format!("there is no page {number} of an answer {id}, or it is over a day old: ask again"));
            return Ok(Served::Paged(Paged::Page(found.ok_or_else(gone)?)));
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(ServerlessError::Event("it asks for neither an action nor a page, or for both".to_owned()));
        }
    };
    if let Action::Check { probe } = action {
        return check(client, &pair, request, probe).await.map(|found| Served::Answer(Box::new(Answer::Checked(found))));
    }
    let engine = client.engine(&pair, request, action.tenants()).await?;
    let mut answer = engine.act(&pair, action, deadline::of(None, client.settings().tick, end)).await?;
    if let Answer::Status(status) = &mut answer {
        for side in Side::BOTH {
            let one = status.sides.get_mut(side);
            (one.certificate, one.certificate_ends) = client.certificate(&one.tenant).await;
        }
    }
    let text = serde_json::to_string(&answer).map_err(|error| ServerlessError::Event(error.to_string()))?;
    if text.len() <= LARGEST {
        return Ok(Served::Answer(Box::new(answer)));
    }
    store_pages(client, request, &text).await.map(Served::Paged)
}

/// Looks at each tenant by itself: one without a certificate hides nothing of the other.
async fn check(client: &Client, pair: &str, request: &str, probe: bool) -> Result<Vec<TenantFindings>, ServerlessError> {
    let mut all = Vec::new();
    for side in Side::BOTH {
        all.push(match client.engine(pair, request, &[side]).await {
            Ok(engine) => {
                let mut found = engine.check_side(pair, side, probe).await?;
                found.findings.insert(0, client.credential(&found.tenant).await?.expiry(client.now()).finding());
                found
            }
            Err(ServerlessError::Credential { tenant, error }) => {
                let finding = Finding { level: Level::Fail, what: "certificate".to_owned(), text: error.to_string() };
                TenantFindings { tenant, findings: vec![finding] }
            }
            Err(other) => return Err(other),
        });
    }
    Ok(all)
}

/// Stores an answer in pages, under the id of the invocation.
async fn store_pages(client: &Client, id: &str, text: &str) -> Result<Paged, ServerlessError> {
    let (mut rest, mut pages) = (text, 0);
    while !rest.is_empty() {
        let (page, after) = rest.split_at(rest.floor_char_boundary(PAGE));
        client.store().put_answer_page(id, pages, page, client.now()).await?;
        (rest, pages) = (after, pages + 1);
    }
    Ok(Paged::Stored { id: id.to_owned(), pages })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_pages_reads_as_the_command_expects() {
        let stored = Served::Paged(Paged::Stored { id: "i".to_owned(), pages: 3 });
        assert_eq!(serde_json::to_value(stored).unwrap(), serde_json::json!({"answer": "stored", "of": {"id": "i", "pages": 3}}));
        let page = Served::Paged(Paged::Page("{".to_owned()));
        assert_eq!(serde_json::to_value(page).unwrap(), serde_json::json!({"answer": "page", "of": "{"}));
    }
}
