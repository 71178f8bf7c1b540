//! Reading: recipients, details, domains, groups (MICROSOFT.md 3.3).

use engine::ports::{AcceptedDomain, Detail, DetailRow, DynamicGroup, ExchangePage, ExchangeRow, ReadError, RecipientQuery};

use super::class::Class;
use super::command::Command;
use super::envelope::{Invocation, Reply};
use super::row::Row;
use super::{Exchange, ExchangeFailure, opath, rows};

/// The most pages a small list (domains, groups) may have.
const LIST_PAGES: usize = 1000;

impl Exchange {
    /// One page of `Get-Recipient`.
    pub(crate) async fn recipients(&self, query: &RecipientQuery, next: Option<&str>) -> Result<ExchangePage<ExchangeRow>, ReadError> {
        let invocation = asked(Command::GetRecipient, query);
        let reply = self.page(&invocation, &rows::recipient_select(), next).await?;
        let page = self.rows(reply, Command::GetRecipient, rows::recipient);
        let now = self.service.wire.clock.now();
        for row in &page.rows {
            self.recent.seen(&row.half.name, row.half.guid, now);
        }
        Ok(page)
    }

    /// One page of a detail cmdlet.
    pub(crate) async fn details(
        &self,
        detail: Detail,
        query: &RecipientQuery,
        next: Option<&str>,
    ) -> Result<ExchangePage<DetailRow>, ReadError> {
        let command = rows::command(detail);
        let query = match query {
            // Get-Contact shows no Entra id, so it cannot be asked for one.
            RecipientQuery::Anchor(_) if detail == Detail::Contact => match self.recipients(query, None).await?.rows.first() {
                Some(row) => RecipientQuery::Guid(row.half.guid),
                None => return Ok(ExchangePage { rows: Vec::new(), next: None }),
            },
            RecipientQuery::ChangedSince(_)
            | RecipientQuery::CreatedIn { .. }
            | RecipientQuery::Guid(_)
            | RecipientQuery::Anchor(_)
            | RecipientQuery::Name(_)
            | RecipientQuery::Address(_) => query.clone(),
        };
        let reply = self.page(&asked(command, &query), &rows::detail_select(detail), next).await?;
        Ok(self.rows(reply, command, |row| rows::detail(detail, row)))
    }

    /// The accepted domains.
    pub(crate) async fn accepted_domains(&self) -> Result<Vec<AcceptedDomain>, ReadError> {
        let domains = self.list(Command::GetAcceptedDomain, "Name,DomainName,DomainType", rows::accepted_domain).await?;
        if domains.is_empty() {
            // Every tenant has one. Without them the guard against mail loops would be blind.
            return Err(self.service.wire.protocol("Exchange shows no accepted domain").into());
        }
        Ok(domains)
    }

    /// The dynamic distribution groups.
    pub(crate) async fn dynamic_groups(&self) -> Result<Vec<DynamicGroup>, ReadError> {
        self.list(Command::GetDynamicDistributionGroup, "Name,DisplayName,RecipientFilter", rows::dynamic_group).await
    }

    async fn list<T>(&self, command: Command, select: &str, read: fn(&Row) -> Option<T>) -> Result<Vec<T>, ReadError> {
        let invocation = Invocation::new(command).with("ResultSize", "Unlimited");
        let mut all = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..LIST_PAGES {
            let reply = self.page(&invocation, select, next.as_deref()).await?;
            let page = self.rows(reply, command, read);
            all.extend(page.rows);
            match page.next {
                Some(link) => next = Some(link),
                None => return Ok(all),
            }
        }
        Err(self.service.wire.protocol(&format!("{} does not come to an end", command.as_str())).into())
    }

    /// A page; an object that is not found is a page without rows.
    async fn page(&self, invocation: &Invocation, select: &str, next: Option<&str>) -> Result<Reply, ReadError> {
        let read = match next {
            None => self.invoke(invocation, Some(select)).await,
            Some(link) => self.next_page(invocation, link).await,
        };
        match read {
            Ok(reply) => {
                if let Some(link) = &reply.next {
                    self.link(link)?;
                }
                Ok(reply)
            }
            // A list is never "not found": that is the answer of something on the way, and says nothing of who is there.
            Err(ExchangeFailure::Service(_, Class::NotFound)) if next.is_none() && invocation.parameters.contains_key("Identity") => {
                Ok(Reply::default())
            }
            Err(failure) => Err(self.read_error(&failure, invocation.command, next.is_some())),
        }
    }

    fn rows<T>(&self, reply: Reply, command: Command, read: impl Fn(&Row) -> Option<T>) -> ExchangePage<T> {
        let sent = reply.rows.len();
        let rows: Vec<T> = reply.rows.iter().filter_map(read).collect();
        if rows.len() < sent {
            let (tenant, unreadable) = (&self.service.wire.label.name, sent - rows.len());
            tracing::warn!(%tenant, cmdlet = command.as_str(), unreadable, "rows without an id were left out");
        }
        ExchangePage { rows, next: reply.next }
    }

    fn read_error(&self, failure: &ExchangeFailure, command: Command, link: bool) -> ReadError {
        if link && is_expired_page(failure) {
            return ReadError::PageExpired;
        }
        match (self.tenant_error(failure, command), failure) {
            (Some(error), _) => error.into(),
            (None, ExchangeFailure::Service(error, class)) => {
                tracing::debug!(cmdlet = command.as_str(), text = error.text, "a reading was refused");
                let what = format!("{} was refused (status {}, {}, {class:?})", command.as_str(), error.status, error.short_kind());
                self.service.wire.protocol(&what).into()
            }
            (None, ExchangeFailure::Call(_) | ExchangeFailure::Malformed(_)) => {
                self.service.wire.protocol(&format!("{} failed", command.as_str())).into()
            }
        }
    }
}

/// How an expired link is refused is not documented: any refusal of a link that says nothing else is that.
fn is_expired_page(failure: &ExchangeFailure) -> bool {
    match failure {
        ExchangeFailure::Service(_, class) => match class {
            Class::Refused | Class::NotFound | Class::Strange => true,
            Class::ManagerNotFound
            | Class::AddressInUse
            | Class::NameInUse
            | Class::Ambiguous
            | Class::DirectorySynced
            | Class::DualWrite
            | Class::CreationQuota
            | Class::RoleMissing
            | Class::ParameterUnknown
            | Class::Dehydrated
            | Class::Throttled
            | Class::Transient
            | Class::Unauthorized => false,
        },
        ExchangeFailure::Call(_) | ExchangeFailure::Malformed(_) => false,
    }
}

/// The cmdlet for a query: by identity where the id is Exchange's own, else by filter. An absent identity is left
/// out: one that is null would mean everything too, but nobody would see that it was meant.
fn asked(command: Command, query: &RecipientQuery) -> Invocation {
    let invocation = Invocation::new(command).with("ResultSize", "Unlimited");
    let filter = match query {
        RecipientQuery::Guid(guid) => return invocation.with("Identity", guid.hyphenated().to_string()),
        RecipientQuery::ChangedSince(moment) => Some(opath::changed_since(*moment)),
        RecipientQuery::CreatedIn { from, to } => opath::created_in(*from, *to),
        RecipientQuery::Anchor(anchor) => Some(opath::anchor_is(*anchor)),
        RecipientQuery::Name(name) => Some(opath::name_is(name)),
        RecipientQuery::Address(address) if matches!(command, Command::GetUser | Command::GetContact) => Some(opath::shows(address)),
        RecipientQuery::Address(address) => Some(opath::holds(address)),
    };
    match filter {
        Some(filter) => invocation.with("Filter", filter),
        None => invocation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn queries_become_identity_or_filter() {
        let id = uuid::Uuid::max();
        let parameters = |command, query| Value::Object(asked(command, &query).parameters);
        let recipient = |query| parameters(Command::GetRecipient, query);
        assert_eq!(recipient(RecipientQuery::Guid(id)), json!({"ResultSize": "Unlimited", "Identity": id.to_string()}));
        assert_eq!(recipient(RecipientQuery::Name("O'Hara".into())), json!({"ResultSize": "Unlimited", "Filter": "Name -eq 'O''Hara'"}));
        assert_eq!(recipient(RecipientQuery::CreatedIn { from: None, to: None }), json!({"ResultSize": "Unlimited"}));
        assert_eq!(recipient(RecipientQuery::Address("a@b".into()))["Filter"], "EmailAddresses -eq 'a@b'");
        assert_eq!(parameters(Command::GetUser, RecipientQuery::Address("a@b".into()))["Filter"], "WindowsEmailAddress -eq 'a@b'");
        let anchor = gal::Anchor(id);
        assert_eq!(recipient(RecipientQuery::Anchor(anchor))["Filter"], format!("ExternalDirectoryObjectId -eq '{id}'"));
    }
}
