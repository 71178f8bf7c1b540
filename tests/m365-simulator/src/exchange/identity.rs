//! Finds the object an Identity means. MICROSOFT.md section 4.3.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::error::ExchangeError;
use super::property::Lens;
use crate::directory::entry::{Entry, Kind};
use crate::directory::store::fold;

/// Whether a cmdlet works on objects of this kind.
pub(crate) fn works_on(cmdlet: &str, kind: Kind) -> bool {
    match cmdlet {
        "Get-Recipient" => kind.is_recipient(),
        "Get-User" | "Set-User" => kind.class() == Some(crate::directory::entry::Class::User),
        "Get-Contact" | "Set-Contact" | "Get-MailContact" | "Set-MailContact" | "Remove-MailContact" => kind == Kind::Contact,
        "Get-MailUser" | "Set-MailUser" => matches!(kind, Kind::MailUser | Kind::Guest),
        "Get-Mailbox" => kind.is_mailbox(),
        "Get-DistributionGroup" => {
            matches!(kind, Kind::DistributionGroup | Kind::MailSecurityGroup | Kind::RoomList)
        }
        "Get-DistributionGroupMember" => {
            matches!(kind, Kind::DistributionGroup | Kind::MailSecurityGroup | Kind::RoomList)
        }
        "Get-UnifiedGroup" | "Get-UnifiedGroupLinks" => kind == Kind::Microsoft365Group,
        "Get-DynamicDistributionGroup" => kind == Kind::DynamicDistributionGroup,
        _ => false,
    }
}

/// Every live object that answers to this identity, as it is seen at `as_of`.
fn meant(lens: Lens<'_>, identity: &str, as_of: Timestamp) -> Vec<Arc<Entry>> {
    let directory = lens.directory;
    let mut anchors: BTreeSet<Uuid> = directory.unsettled(as_of);
    let fixed = identity.parse::<Uuid>().ok();
    if let Some(id) = fixed {
        anchors.extend(directory.by_guid(id));
        anchors.insert(id);
    }
    let last = identity.rsplit('/').next().unwrap_or(identity);
    for name in [identity, last, common_name(identity)] {
        anchors.extend(directory.by_name(name));
    }
    anchors.extend(directory.labelled(identity));
    let proxy = if identity.contains(':') { identity.to_owned() } else { format!("smtp:{identity}") };
    anchors.extend(directory.holder(&proxy));
    anchors.extend(directory.holder(&format!("x500:{identity}")));
    anchors
        .into_iter()
        .filter_map(|anchor| directory.view(anchor, as_of))
        .filter(|entry| entry.is_live())
        .filter(|entry| answers_to(lens, entry, identity, fixed))
        .collect()
}

/// `ann` of `CN=ann,OU=…`.
fn common_name(identity: &str) -> &str {
    identity.strip_prefix("CN=").and_then(|rest| rest.split(",OU=").next()).unwrap_or(identity)
}

fn answers_to(lens: Lens<'_>, entry: &Entry, identity: &str, fixed: Option<Uuid>) -> bool {
    if let Some(id) = fixed
        && (entry.guid == id || entry.anchor == id)
    {
        return true;
    }
    let wanted = fold(identity);
    let is = |text: &str| !text.is_empty() && fold(text) == wanted;
    is(&entry.name)
        || is(&entry.alias)
        || is(entry.upn.as_deref().unwrap_or(""))
        || is(entry.text(crate::directory::attribute::Text::DisplayName))
        || is(&entry.legacy_dn)
        || is(&lens.distinguished_name(entry))
        || is(&format!("{}/{}", lens.organisation, entry.name))
        || entry.addresses.iter().any(|proxy| is(proxy) || is(crate::directory::entry::bare(proxy)))
}

/// The one object of the cmdlet's kinds that this identity means.
pub(crate) fn resolve(lens: Lens<'_>, cmdlet: &str, identity: &str, as_of: Timestamp) -> Result<Arc<Entry>, ExchangeError> {
    let mut found = meant(lens, identity, as_of);
    found.retain(|entry| works_on(cmdlet, entry.kind));
    match found.as_slice() {
        [] => Err(ExchangeError::not_found(identity)),
        [one] => Ok(one.clone()),
        _ => Err(ExchangeError::ambiguous(identity)),
    }
}

/// Any live recipient or user this identity means, for parameters such as Manager.
pub(crate) fn resolve_any(lens: Lens<'_>, identity: &str, as_of: Timestamp) -> Result<Arc<Entry>, ExchangeError> {
    match meant(lens, identity, as_of).as_slice() {
        [] => Err(ExchangeError::not_found(identity)),
        [one] => Ok(one.clone()),
        _ => Err(ExchangeError::ambiguous(identity)),
    }
}
