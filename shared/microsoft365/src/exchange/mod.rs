//! Exchange Online through `InvokeCommand` (MICROSOFT.md 3.3, 4 and 5).

mod class;
mod command;
mod envelope;
mod error;
mod opath;
mod parameters;
mod read;
mod recent;
mod row;
mod rows;
mod write;

use std::time::Duration;

use engine::ports::TenantError;
use http::Uri;
use uuid::Uuid;

use class::Class;
pub use command::{Command, Route, Routes};
use envelope::{Invocation, Reply};
use error::{ExchangeError, Form};
use recent::Recent;

use crate::error::WireError;
use crate::hosts::Origin;
use crate::pace::later;
use crate::resource::{CallError, Service};
use crate::retry::{Again, Failure, Patience, Retries, exponential, with_retries};
use crate::wire::{Answer, Call, Repeat, until};

/// Below this share of `Rate-Limit-Remaining` requests are spread (MICROSOFT.md 7).
const LOW_RATE: f64 = 0.10;

/// Exchange of one tenant.
pub(crate) struct Exchange {
    service: Service,
    origin: Origin,
    patience: Patience,
    routes: Routes,
    /// `connection-id`: one for the life of this client.
    connection: Uuid,
    recent: Recent,
}

/// Why a cmdlet did not succeed.
#[derive(Clone, Debug)]
enum ExchangeFailure {
    /// No answer.
    Call(CallError),
    /// An error answer, with what it means.
    Service(ExchangeError, Class),
    /// A success that cannot be understood.
    Malformed(String),
}

impl Failure for ExchangeFailure {
    /// What was certainly not carried out may always be sent again; what may have been, only if that does no harm.
    fn again(&self, call: &Call) -> Again {
        let again = match self {
            Self::Call(CallError::Wire(WireError::NotSent { .. })) => return Again::After(None),
            Self::Service(error, Class::Throttled) => return Again::After(error.retry_after),
            Self::Call(CallError::Wire(WireError::Interrupted { .. } | WireError::TimedOut { .. })) => Again::After(None),
            Self::Malformed(_) => Again::Once,
            Self::Service(error, Class::Transient | Class::DualWrite) => Again::After(error.retry_after),
            Self::Call(
                CallError::Tenant(_) | CallError::Wire(WireError::Host { .. } | WireError::Client { .. } | WireError::TooLarge { .. }),
            )
            | Self::Service(
                _,
                Class::NotFound
                | Class::ManagerNotFound
                | Class::AddressInUse
                | Class::NameInUse
                | Class::Ambiguous
                | Class::DirectorySynced
                | Class::Refused
                | Class::CreationQuota
                | Class::RoleMissing
                | Class::ParameterUnknown
                | Class::Dehydrated
                | Class::Unauthorized
                | Class::Strange,
            ) => Again::No,
        };
        match call.repeat {
            Repeat::Freely => again,
            Repeat::IfNotExecuted => Again::No,
        }
    }
}

impl Exchange {
    pub(crate) fn new(service: Service, origin: Origin, patience: Patience, routes: Routes) -> Self {
        let connection = service.wire.ids.uuid();
        Self { service, origin, patience, routes, connection, recent: Recent::default() }
    }

    /// How many requests may be in flight.
    pub(crate) fn concurrency(&self) -> usize {
        self.service.pace.most()
    }

    /// The application roles in the Exchange token.
    pub(crate) async fn roles(&self) -> Result<Vec<String>, TenantError> {
        self.service.roles().await
    }

    /// The first page of a cmdlet.
    async fn invoke(&self, invocation: &Invocation, select: Option<&str>) -> Result<Reply, ExchangeFailure> {
        let path = self.routes.path(invocation.command, self.service.wire.label.id);
        let query = select.map(|select| format!("?$select={select}")).unwrap_or_default();
        let unusable = |_| ExchangeFailure::Call(CallError::Tenant(self.service.wire.protocol("a URL of Exchange cannot be built")));
        let uri = self.origin.url(&format!("{path}{query}")).parse().map_err(unusable)?;
        self.run(invocation, uri).await
    }

    /// A further page: the same body and headers, posted to the link.
    async fn next_page(&self, invocation: &Invocation, link: &str) -> Result<Reply, ExchangeFailure> {
        let uri = self.link(link).map_err(|error| ExchangeFailure::Call(CallError::Tenant(error)))?;
        self.run(invocation, uri).await
    }

    /// A link that leads anywhere but to Exchange is never followed: it would be given the token.
    fn link(&self, link: &str) -> Result<Uri, TenantError> {
        self.origin.own_link(link).map_err(|elsewhere| {
            let what = format!("a link of Exchange leads to {elsewhere} instead of {}; nothing was sent there", self.origin.host());
            self.service.wire.protocol(&what)
        })
    }

    async fn run(&self, invocation: &Invocation, uri: Uri) -> Result<Reply, ExchangeFailure> {
        let call = invocation.call(uri, self.service.wire.label.id, self.connection);
        let retries = Retries::new(&self.service.wire, self.patience);
        let attempt = |call: Call| async move { self.attempt(invocation, &call).await };
        with_retries(retries, tower::service_fn(attempt), call).await
    }

    async fn attempt(&self, invocation: &Invocation, call: &Call) -> Result<Reply, ExchangeFailure> {
        let command = invocation.command;
        let answer = self.service.once(call).await.map_err(ExchangeFailure::Call)?;
        self.learn(&answer);
        if !answer.status.is_success() {
            let error = ExchangeError::parse(&answer, answer.retry_after(self.service.wire.clock.now()));
            return Err(self.mind(invocation, error));
        }
        let reply = match Reply::parse(&answer.body, answer.header("x-warnings")) {
            Ok(reply) => reply,
            // A Set or Remove that succeeded has nothing to say that matters.
            Err(_) if command.writes() && command != Command::NewMailContact => Reply::default(),
            Err(what) => return Err(ExchangeFailure::Malformed(what)),
        };
        for delay in reply.warnings.iter().filter_map(|warning| micro_delay(warning)) {
            self.service.pace.slow_next(delay);
        }
        match reply.errors.first() {
            Some(text) => Err(self.mind(invocation, ExchangeError::within_success(answer.status.as_u16(), text))),
            None => Ok(reply),
        }
    }

    /// Spreads requests when the service's own window is nearly used up.
    fn learn(&self, answer: &Answer) {
        let number = |name| answer.header(name).parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        let (Some(limit), Some(remaining)) = (number("rate-limit-limit"), number("rate-limit-remaining")) else { return };
        if limit <= 0.0 || remaining / limit >= LOW_RATE {
            return;
        }
        let now = self.service.wire.clock.now();
        let reset = answer.header("rate-limit-reset").parse().unwrap_or_else(|_| later(now, Duration::from_secs(16)));
        self.service.pace.slow_down(until(now, reset).div_f64(remaining.max(1.0)), reset);
    }

    /// Takes an error to heart: a pause for everybody, if it asks for one.
    fn mind(&self, invocation: &Invocation, error: ExchangeError) -> ExchangeFailure {
        let class = match error.class() {
            Class::NotFound if invocation.names_somebody_else(&error.text) => Class::ManagerNotFound,
            class => class,
        };
        tracing::debug!(
            tenant = %self.service.wire.label.name,
            cmdlet = invocation.command.as_str(),
            status = error.status,
            kind = error.short_kind(),
            form = ?error.form,
            class = ?class,
            "a cmdlet was refused"
        );
        if class == Class::Throttled {
            tracing::info!(tenant = %self.service.wire.label.name, status = error.status, "Exchange throttles");
            // Form E speaks of concurrency alone; a 429 of everything.
            let pause = error.retry_after.or_else(|| (error.form != Form::Plain).then(|| exponential(1)));
            if let Some(pause) = pause {
                self.service.pace.pause_for(pause);
            }
        }
        ExchangeFailure::Service(error, class)
    }

    /// What a failure means for the tenant as a whole; none if it concerns one object alone.
    fn tenant_error(&self, failure: &ExchangeFailure, command: Command) -> Option<TenantError> {
        let wire = &self.service.wire;
        let cmdlet = command.as_str();
        let (error, class) = match failure {
            ExchangeFailure::Call(CallError::Tenant(error)) => return Some(error.clone()),
            ExchangeFailure::Call(CallError::Wire(error)) => return Some(wire.broken(error)),
            ExchangeFailure::Malformed(what) => return Some(wire.protocol(&format!("{cmdlet}: {what}"))),
            ExchangeFailure::Service(error, class) => (error, class),
        };
        let sign = match error.short_kind() {
            "" => format!("status {}", error.status),
            kind => format!("status {}, {kind}", error.status),
        };
        match class {
            Class::RoleMissing => {
                let what = format!(
                    "Exchange does not let the application run {cmdlet} ({sign}); give it the Entra role Exchange Recipient Administrator or an Exchange \
                     role group that holds {cmdlet}. A new role takes up to two hours"
                );
                Some(wire.configuration("exchange-role", &what))
            }
            Class::ParameterUnknown => {
                let what = format!(
                    "{cmdlet} does not take a parameter that is needed ({sign}); the application's Exchange role probably leaves it out. Give it the whole cmdlet"
                );
                Some(wire.configuration("exchange-parameter", &what))
            }
            Class::Dehydrated => {
                let what = "the Exchange organisation was never customised; run Enable-OrganizationCustomization and wait half an hour";
                Some(wire.configuration("exchange-dehydrated", what))
            }
            Class::Unauthorized => {
                let what = format!(
                    "Exchange refuses the token even when it is new ({sign}); grant the application permission Exchange.ManageAsApp and give admin consent"
                );
                Some(wire.configuration("exchange-unauthorized", &what))
            }
            Class::Throttled => Some(wire.transient(&format!("Exchange throttles {cmdlet} ({sign})"), error.retry_after)),
            Class::Transient | Class::DualWrite => Some(wire.transient(&format!("{cmdlet} failed for now ({sign})"), error.retry_after)),
            Class::Strange => Some(wire.protocol(&format!("{cmdlet} was answered strangely ({sign})"))),
            Class::NotFound
            | Class::ManagerNotFound
            | Class::AddressInUse
            | Class::NameInUse
            | Class::Ambiguous
            | Class::DirectorySynced
            | Class::Refused
            | Class::CreationQuota => None,
        }
    }
}

/// `Micro delay applied. Actual delayed: 1234 msecs`
fn micro_delay(warning: &str) -> Option<Duration> {
    let (_, rest) = warning.split_once("Actual delayed:")?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micro_delays_are_read() {
        assert_eq!(micro_delay("Micro delay applied. Actual delayed: 1234 msecs, Enforced: True"), Some(Duration::from_millis(1234)));
        assert_eq!(micro_delay("The command completed successfully but no settings of 'x' have been modified."), None);
        assert_eq!(micro_delay("Actual delayed: soon"), None);
    }
}
