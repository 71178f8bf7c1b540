//! Who is a source (DESIGN.md "Who is a source").
//!
//! [`Scope::source`] asks in a fixed order and answers the first reason against; SEMANTICS.md has
//! the same order. What is the recipient's own nature comes first, the profile's wishes after it,
//! addresses last.

mod rule;
mod settings;
mod when;

#[cfg(test)]
mod tests;

pub use crate::expression::Name;
pub use settings::{AuthenticatedSenders, ExcludeRule, ForeignMark, MarkPlace, RoutingAddress, ScopeSettings, Test};

use std::collections::BTreeSet;

use crate::normalise;
use crate::reason::SkipReason;
use crate::recipient::{Anchor, Kind, Recipient, domain_of};
use crate::setting::{Setting, SettingError};
use rule::{CompiledMark, Rule};
use when::When;

/// Who is a source, compiled.
#[derive(Clone, Debug)]
pub struct Scope {
    kinds: BTreeSet<Kind>,
    include_groups: Vec<Anchor>,
    exclude: Vec<Rule>,
    when: Option<When>,
    include_onmicrosoft: bool,
    routing: RoutingAddress,
    foreign_marks: Vec<CompiledMark>,
    include: BTreeSet<String>,
    authenticated_senders: AuthenticatedSenders,
}

impl Scope {
    /// Compiles the settings; the first error, in the order of [`Scope::problems`].
    pub fn compile(settings: ScopeSettings) -> Result<Self, SettingError> {
        let exclude = settings.exclude.iter().enumerate().map(|(position, rule)| Rule::compile(Setting::Exclude(position), rule));
        let marks = settings.foreign_marks.iter().enumerate();
        let marks = marks.map(|(position, mark)| CompiledMark::compile(Setting::ForeignMark(position), mark));
        let include = settings.include.iter().enumerate().map(|(position, text)| included(position, text));
        Ok(Self {
            exclude: exclude.collect::<Result<_, _>>()?,
            when: settings.when.as_deref().map(When::compile).transpose()?,
            routing: routing(settings.routing)?,
            foreign_marks: marks.collect::<Result<_, _>>()?,
            include: include.collect::<Result<_, _>>()?,
            kinds: settings.kinds.into_iter().collect(),
            include_groups: settings.include_groups,
            include_onmicrosoft: settings.include_onmicrosoft,
            authenticated_senders: settings.authenticated_senders,
        })
    }

    /// Everything that is wrong with the settings, for a profile that is refused only once.
    pub fn problems(settings: &ScopeSettings) -> Vec<SettingError> {
        let exclude =
            settings.exclude.iter().enumerate().filter_map(|(position, rule)| Rule::compile(Setting::Exclude(position), rule).err());
        let when = settings.when.as_deref().and_then(|source| When::compile(source).err());
        let marks = settings.foreign_marks.iter().enumerate();
        let marks = marks.filter_map(|(position, mark)| CompiledMark::compile(Setting::ForeignMark(position), mark).err());
        let include = settings.include.iter().enumerate().filter_map(|(position, text)| included(position, text).err());
        exclude.chain(when).chain(routing(settings.routing.clone()).err()).chain(marks).chain(include).collect()
    }

    /// The groups whose transitive members are published; empty means everybody.
    pub fn include_groups(&self) -> &[Anchor] {
        &self.include_groups
    }

    /// The mark of another tool that stands on a recipient, as in the profile: neither source nor adopted.
    pub fn foreign_mark(&self, recipient: &Recipient) -> Option<&str> {
        self.foreign_marks.iter().find(|mark| mark.stands_on(recipient)).map(|mark| mark.text.as_str())
    }

    /// Whether the profile names one of the recipient's addresses in `include`. A disabled user
    /// that became a shared mailbox stays out unless it does.
    pub fn included_by_name(&self, recipient: &Recipient) -> bool {
        // The list is short, people's addresses are many.
        self.include.iter().any(|address| recipient.holds(address) || recipient.primary.as_ref() == Some(address))
    }

    /// Whether a recipient is a source for the other side, judged by itself alone: nothing about the target is asked here.
    ///
    /// `in_groups`: whether it is a transitive member of one of the include groups (true where there are none).
    pub fn source(&self, recipient: &Recipient, in_groups: bool) -> Result<(), SkipReason> {
        self.nature(recipient)?;
        let by_name = !self.include.is_empty() && self.included_by_name(recipient);
        if recipient.kind == Kind::User && recipient.enabled == Some(false) && !by_name {
            return Err(SkipReason::Disabled);
        }
        if recipient.hidden {
            return Err(SkipReason::Hidden);
        }
        if recipient.authenticated_senders_only && self.authenticated_senders == AuthenticatedSenders::Skip {
            return Err(SkipReason::AuthenticatedSendersOnly);
        }
        let address = self.address(recipient);
        if !by_name {
            self.wishes(recipient, in_groups, address.as_deref().ok())?;
        }
        address.map(drop)
    }

    /// The address mail to the published contact is sent to (lower case).
    pub fn routing_address(&self, recipient: &Recipient) -> Option<String> {
        self.address(recipient).ok().map(str::to_owned)
    }

    /// What a recipient is, whoever is asked: what Exchange does not know, what is not read, what comes from elsewhere.
    fn nature(&self, recipient: &Recipient) -> Result<(), SkipReason> {
        if !recipient.exchange {
            return Err(SkipReason::NoExchangeRecipient);
        }
        if !recipient.complete {
            return Err(SkipReason::NotReadYet);
        }
        if recipient.external_identity {
            return Err(SkipReason::ExternalIdentity);
        }
        if recipient.published() {
            return Err(SkipReason::Published);
        }
        if let Some(mark) = self.foreign_mark(recipient) {
            return Err(SkipReason::ForeignMark { mark: mark.to_owned() });
        }
        let kind = recipient.kind;
        if self.kinds.contains(&kind) { Ok(()) } else { Err(SkipReason::KindNotPublished { kind }) }
    }

    /// What the profile wants. Where there is no routing address, rules look at the primary one.
    fn wishes(&self, recipient: &Recipient, in_groups: bool, address: Option<&str>) -> Result<(), SkipReason> {
        if !self.include_groups.is_empty() && !in_groups {
            return Err(SkipReason::NotInGroups);
        }
        let address = address.or(recipient.primary.as_deref()).unwrap_or_default();
        if let Some(rule) = self.exclude.iter().find(|rule| rule.matches(recipient, address)) {
            return Err(SkipReason::Excluded { rule: rule.text.clone() });
        }
        match self.when.as_ref().map(|when| when.holds(recipient, address)) {
            None | Some(Ok(true)) => Ok(()),
            Some(Ok(false)) => Err(SkipReason::WhenFalse),
            Some(Err(error)) => Err(SkipReason::WhenFailed { error }),
        }
    }

    /// The routing address, or why there is none.
    fn address<'r>(&self, recipient: &'r Recipient) -> Result<&'r str, SkipReason> {
        // A contact's mail goes where the contact points, whatever else it holds.
        let points_elsewhere = matches!(recipient.kind, Kind::Contact | Kind::MailUser | Kind::Guest);
        let held: &[String] = if points_elsewhere { &[] } else { &recipient.addresses };
        let mut candidates = recipient.primary.iter().chain(held).map(String::as_str).filter(|address| address.contains('@')).peekable();
        if candidates.peek().is_none() {
            return Err(SkipReason::NoAddress);
        }
        let mut candidates = candidates.filter(|address| self.include_onmicrosoft || !is_onmicrosoft(address)).peekable();
        if candidates.peek().is_none() {
            return Err(SkipReason::OnMicrosoftOnly);
        }
        match &self.routing {
            RoutingAddress::Domain(domain) if !points_elsewhere => candidates
                .find(|address| domain_of(address) == Some(domain))
                .ok_or_else(|| SkipReason::NoAddressInDomain { domain: domain.clone() }),
            RoutingAddress::Domain(_) | RoutingAddress::Primary => candidates.next().ok_or(SkipReason::NoAddress),
        }
    }
}

/// Whether an address is in the domain every tenant is born with, in any cloud.
fn is_onmicrosoft(address: &str) -> bool {
    const BORN_WITH: [&str; 3] = [".onmicrosoft.com", ".onmicrosoft.us", ".onmschina.cn"];
    domain_of(address).is_some_and(|domain| BORN_WITH.iter().any(|end| domain.ends_with(end)))
}

/// An address of `include`, in the form recipients hold it.
fn included(position: usize, text: &str) -> Result<String, SettingError> {
    let address = normalise::address(text);
    if domain_of(&address).is_some() {
        Ok(address)
    } else {
        Err(SettingError::NotPossible { setting: Setting::Include(position), reason: "not a mail address" })
    }
}

/// The routing setting, its domain in lower case.
fn routing(routing: RoutingAddress) -> Result<RoutingAddress, SettingError> {
    let RoutingAddress::Domain(domain) = routing else { return Ok(routing) };
    let domain = domain.trim().to_lowercase();
    let is_domain = domain.contains('.') && domain.split('.').all(|label| !label.is_empty()) && !domain.contains(['@', ' ', '/', ':']);
    if is_domain {
        Ok(RoutingAddress::Domain(domain))
    } else {
        Err(SettingError::NotPossible { setting: Setting::RoutingAddress, reason: "neither \"primary\" nor a domain" })
    }
}
