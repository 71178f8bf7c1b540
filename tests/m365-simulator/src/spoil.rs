//! What goes wrong with a request: instead of its work, or after it.

use std::time::Duration;

use crate::entra::error::EntraError;
use crate::exchange::error::{ExchangeError, Form};
use crate::faults::{Drawn, Fault};
use crate::graph;
use crate::graph::error::GraphError;
use crate::reply::{Asked, Reply};
use crate::simulator::Inner;
use crate::tenant::Tenant;

/// How long a hanging request hangs: the service's own limit for a cmdlet.
const HANG: Duration = Duration::from_mins(15);

/// Whose error bodies a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Entra,
    Graph,
    Exchange,
}

/// The fault's name in a plan and in the statistics.
pub(crate) fn fault_name(fault: Fault) -> String {
    serde_json::to_value(fault).ok().and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

/// Faults that keep the work from being done.
pub(crate) fn early(inner: &Inner, asked: &Asked, tenant: &Tenant, drawn: &Drawn, from: From) -> Option<Reply> {
    let call = &drawn.call;
    let seconds = || call.retry_after.map_or_else(|| tenant.lock().chance.between(1, 10), u64::from).to_string();
    let exchange_error = |form: Form, status: u16| {
        let kind = call.kind.as_deref().unwrap_or("Microsoft.Exchange.Data.Directory.ADTransientException");
        let text = call.message.as_deref().unwrap_or("The issue may be transient. Please try again.");
        let mut error = ExchangeError::new("injected", call.status.unwrap_or(status), kind, text).in_form(form);
        if form == Form::D {
            error.kind = call.kind.clone().unwrap_or_else(|| "CmdletAccessDeniedException".to_owned());
        }
        let reply = error.reply();
        match call.retry_after {
            Some(seconds) => reply.with("Retry-After", seconds.to_string()),
            None => reply,
        }
    };
    Some(match drawn.fault {
        Fault::DropBeforeCommit => Reply::dropped(),
        Fault::Throttle => refusal(inner, asked, from, 429).with("Retry-After", seconds()),
        Fault::ThrottleBare => refusal(inner, asked, from, 429),
        Fault::InternalError => refusal(inner, asked, from, 500),
        Fault::Unavailable => refusal(inner, asked, from, 503),
        Fault::GatewayTimeout => refusal(inner, asked, from, 504),
        Fault::Status => {
            let reply = refusal(inner, asked, from, call.status.unwrap_or(500));
            match call.retry_after {
                Some(seconds) => reply.with("Retry-After", seconds.to_string()),
                None => reply,
            }
        }
        Fault::FormA => exchange_error(Form::A, 500),
        Fault::FormB => exchange_error(Form::B, 400),
        Fault::FormC => exchange_error(Form::C, 400),
        Fault::FormD => exchange_error(Form::D, 403),
        Fault::FormE => exchange_error(Form::E, 429),
        Fault::FormF => exchange_error(Form::F, 500),
        Fault::CommitThenDrop
        | Fault::CommitThen504
        | Fault::CommitThenHang
        | Fault::TruncatedJson
        | Fault::Delay
        | Fault::MicroDelay
        | Fault::LeaveOut
        | Fault::ExpireDelta400
        | Fault::Resync410
        | Fault::Replay
        | Fault::EmptyPages
        | Fault::Reorder
        | Fault::RemovedInInitialSync => return None,
    })
}

/// Faults that spoil the answer after the work is done.
pub(crate) async fn late(inner: &Inner, asked: &Asked, drawn: &[Drawn], from: From, mut reply: Reply) -> Reply {
    for one in drawn {
        let committed = reply.committed;
        let spoilt = match one.fault {
            Fault::CommitThenDrop => Reply::dropped(),
            Fault::CommitThen504 => refusal(inner, asked, from, 504),
            Fault::CommitThenHang => {
                tokio::time::sleep(HANG).await;
                Reply::dropped()
            }
            Fault::TruncatedJson => {
                let half = reply.body.len() / 2;
                Reply { body: reply.body.slice(..half), ..reply.clone() }
            }
            Fault::LeaveOut => without_rows(&reply),
            _ => continue,
        };
        reply = Reply { committed, ..spoilt };
    }
    reply
}

/// An answer of the same kind, with nobody in it.
fn without_rows(reply: &Reply) -> Reply {
    let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&reply.body) else { return reply.clone() };
    if let Some(rows) = body.get_mut("value").and_then(serde_json::Value::as_array_mut) {
        rows.clear();
    }
    Reply { body: body.to_string().into(), ..reply.clone() }
}

/// What a service answers with this status and no better reason.
fn refusal(inner: &Inner, asked: &Asked, from: From, status: u16) -> Reply {
    let id = inner.draw_uuid();
    match from {
        From::Entra => match status {
            429 => EntraError::new(50196, 429, "temporarily_unavailable", "The server terminated the request.").reply(asked, id),
            _ => EntraError::new(90033, status, "temporarily_unavailable", "A transient error has occurred. Please try again.")
                .reply(asked, id),
        },
        From::Graph => {
            let (code, message) = match status {
                401 => ("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
                429 => ("TooManyRequests", "Too many requests."),
                503 => ("serviceNotAvailable", "The service is temporarily unavailable."),
                504 => ("GatewayTimeout", "The service did not answer in time."),
                _ => ("generalException", "An internal server error occurred."),
            };
            let reply = GraphError::new(status, code, message).reply(asked, id);
            graph::error::with_headers(reply, asked, id)
        }
        From::Exchange if status == 401 => challenge(asked),
        From::Exchange => ExchangeError::new(
            "injected",
            status,
            "Microsoft.Exchange.Data.Directory.ADTransientException",
            "The issue may be transient. Please try again.",
        )
        .reply(),
    }
}

/// 401 of Exchange, which has no body.
pub(crate) fn challenge(asked: &Asked) -> Reply {
    let base = &asked.base;
    Reply::empty(401).with(
        "WWW-Authenticate",
        format!(
            "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", trusted_issuers=\"\", token_types=\"app_asserted_user_v1 \
             service_asserted_app_v1\", authorization_uri=\"{base}/common/oauth2/authorize\", error=\"invalid_token\""
        ),
    )
}
