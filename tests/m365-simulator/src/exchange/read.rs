//! The Get cmdlets: what they find, in which order, page by page. MICROSOFT.md sections 3.3 and 4.2.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use super::columns::{self, Column};
use super::error::ExchangeError;
use super::filter;
use super::identity::{resolve, works_on};
use super::invoke::{Invocation, envelope};
use super::paging::Search;
use super::property::{Lens, Property, Value};
use super::row::write_row;
use crate::directory::attribute::Text;
use crate::directory::entry::{Entry, Kind};
use crate::directory::store::fold;
use crate::reply::Reply;
use crate::tenant::TenantState;

/// Most rows of a page.
const LARGEST_PAGE: usize = 1000;
/// Rows that come without a `ResultSize`.
const USUAL_RESULT: usize = 1000;

/// The type details a cmdlet's caller may name.
const TYPE_DETAILS: &str = "UserMailbox SharedMailbox RoomMailbox EquipmentMailbox SchedulingMailbox LinkedMailbox \
    TeamMailbox DiscoveryMailbox GroupMailbox MailUser GuestMailUser SharedWithMailUser RemoteUserMailbox \
    RemoteSharedMailbox RemoteRoomMailbox RemoteEquipmentMailbox RemoteTeamMailbox MailContact MailForestContact \
    MailUniversalDistributionGroup MailUniversalSecurityGroup MailNonUniversalGroup DynamicDistributionGroup RoomList \
    PublicFolder PublicFolderMailbox User DisabledUser Contact UniversalDistributionGroup UniversalSecurityGroup \
    LegacyMailbox LinkedUser";

/// Answers the first page of a search.
pub(crate) fn first_page(call: &Invocation<'_>, state: &mut TenantState) -> Result<Reply, ExchangeError> {
    let columns = selected_columns(call);
    let as_of = call.as_of();
    let mut found = find(call, state, as_of)?;
    let result_size = call.bound.text("ResultSize");
    let limit = match result_size.as_deref() {
        None => USUAL_RESULT,
        Some(word) => word.parse().unwrap_or(usize::MAX),
    };
    let truncated = found.len() > limit;
    found.truncate(limit);
    // Without either, the service hands out one row at a time.
    let page = match (call.page_preference(), &result_size) {
        (Some(preferred), _) => preferred.clamp(1, LARGEST_PAGE),
        (None, Some(_)) => LARGEST_PAGE,
        (None, None) => 1,
    };
    let mut search = Search::new(found, columns, page, call.body.clone());
    search.truncated = truncated || (page == 1 && search.anchors.len() > 1);
    search.as_of_lag = call.lag;
    Ok(write_page(call, state, Source::New(search), 0))
}

/// Answers a page after the first.
pub(crate) fn next_page(call: &Invocation<'_>, state: &mut TenantState, token: &str) -> Result<Reply, ExchangeError> {
    let now = call.asked.arrived;
    let (id, offset) = state.searches.find(&call.inner.key, token, now).ok_or_else(|| {
        ExchangeError::new(
            "page-expired",
            400,
            "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
            "The skip token is not valid or has expired.",
        )
    })?;
    if state.searches.get(id).is_none_or(|search| search.body != call.body) {
        return Err(ExchangeError::new(
            "page-body",
            400,
            "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
            "The body of the request is not the one the skip token was issued for.",
        ));
    }
    Ok(write_page(call, state, Source::Open(id), offset))
}

enum Source {
    New(Search),
    Open(u64),
}

fn write_page(call: &Invocation<'_>, state: &mut TenantState, source: Source, offset: usize) -> Reply {
    let now = call.asked.arrived;
    let mut rows = String::with_capacity(64 * 1024);
    let (total, end, truncated) = {
        let search = match &source {
            Source::New(search) => search,
            Source::Open(id) => match state.searches.get(*id) {
                Some(search) => search,
                None => return Reply::empty(400),
            },
        };
        let end = (offset + search.page).min(search.anchors.len());
        let lens = Lens { directory: &state.directory, organisation: &call.tenant.info.initial_domain };
        let as_of = crate::clock::earlier(now, search.as_of_lag);
        for anchor in &search.anchors[offset.min(end)..end] {
            if let Some(entry) = state.directory.view(*anchor, as_of) {
                if !rows.is_empty() {
                    rows.push(',');
                }
                write_row(&mut rows, lens, &entry, &search.columns);
            }
        }
        (search.anchors.len(), end, search.truncated)
    };
    let mut warnings = Vec::new();
    let mut next = None;
    if end < total {
        let id = match source {
            Source::New(search) => state.searches.keep(search, now),
            Source::Open(id) => id,
        };
        let token = state.searches.token(&call.inner.key, id, end, now);
        next = Some(format!("{}?$skiptoken={token}", call.endpoint()));
    }
    if truncated && (end >= total || offset == 0) {
        warnings.push(
            "By default, only the first 1000 items are returned. Use the ResultSize parameter to specify the number of \
             items returned. To return all items, specify \"-ResultSize Unlimited\". Be aware that, depending on the \
             actual number of items, returning all items can take a long time and consume a large amount of memory."
                .to_owned(),
        );
    }
    envelope(call, &warnings, next.as_deref(), &rows)
}

/// The columns that `$select` leaves; names the cmdlet does not know are passed over.
pub(crate) fn selected_columns(call: &Invocation<'_>) -> Vec<Column> {
    let all = columns::of(call.bound.cmdlet);
    match &call.select {
        None => all.to_vec(),
        Some(wanted) => all.iter().filter(|(name, _)| wanted.iter().any(|other| other.eq_ignore_ascii_case(name))).copied().collect(),
    }
}

/// The objects of a reading, in order.
fn find(call: &Invocation<'_>, state: &TenantState, as_of: Timestamp) -> Result<Vec<Uuid>, ExchangeError> {
    let lens = Lens { directory: &state.directory, organisation: &call.tenant.info.initial_domain };
    let bound = &call.bound;
    let details = checked_details(&bound.words("RecipientTypeDetails"))?;
    let types = bound.words("RecipientType");
    let expression = match bound.text("Filter").filter(|filter| !filter.trim().is_empty()) {
        Some(filter) => Some(
            filter::parse(&filter)
                .map_err(|text| ExchangeError::new("filter", 400, "Microsoft.Exchange.Data.Directory.Recipient.ParsingException", text))?,
        ),
        None => None,
    };
    let anr = bound.text("Anr").or_else(|| bound.text("ANR")).map(|anr| fold(&anr));
    let with_deleted = ["IncludeSoftDeletedRecipients", "SoftDeletedMailUser", "SoftDeletedMailbox"].iter().any(|flag| bound.flag(flag));
    let named = |words: &[String], known: &str| words.is_empty() || words.iter().any(|one| one.eq_ignore_ascii_case(known));
    let wanted =
        |kind: &Kind| works_on(bound.cmdlet, *kind) && named(&details, kind.type_details()) && named(&types, kind.recipient_type());
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(wanted).collect();
    let fits = |entry: &Entry| {
        (entry.is_live() || with_deleted)
            && kinds.contains(&entry.kind)
            && expression.as_ref().is_none_or(|expression| expression.admits(lens, entry))
            && anr.as_deref().is_none_or(|anr| resembles(entry, anr))
    };
    if matches!(bound.cmdlet, "Get-DistributionGroupMember" | "Get-UnifiedGroupLinks") {
        return members(call, lens, as_of);
    }
    if let Some(identity) = bound.text("Identity") {
        let entry = resolve(lens, bound.cmdlet, &identity, as_of)?;
        return Ok(if fits(&entry) { vec![entry.anchor] } else { Vec::new() });
    }
    let directory = &state.directory;
    let mut found: Vec<Uuid> = Vec::new();
    let unsettled = directory.unsettled(as_of);
    let mut take = |anchor: Uuid| {
        let passes = if unsettled.is_empty() {
            directory.get(anchor).is_some_and(|entry| fits(entry))
        } else {
            directory.view(anchor, as_of).is_some_and(|entry| fits(&entry))
        };
        if passes {
            found.push(anchor);
        }
    };
    let candidates = expression.as_ref().and_then(|expression| expression.candidates(lens));
    if let Some(candidates) = candidates {
        let unique: BTreeSet<Uuid> = candidates.into_iter().chain(unsettled.iter().copied()).collect();
        unique.into_iter().for_each(&mut take);
    } else {
        directory.in_name_order().filter(|anchor| !unsettled.contains(anchor)).for_each(&mut take);
        unsettled.iter().copied().for_each(&mut take);
    }
    if with_deleted {
        directory.deleted().iter().copied().filter(|anchor| !unsettled.contains(anchor)).for_each(&mut take);
    }
    if let Some(property) = bound.text("SortBy").or_else(|| bound.text("Sortby")).and_then(|name| Property::parse(&name)) {
        let key = |anchor: &Uuid| match directory.view(*anchor, as_of) {
            Some(entry) => match lens.value(&entry, property) {
                Value::Text(text) => fold(&text),
                _ => String::new(),
            },
            None => String::new(),
        };
        found.sort_by_cached_key(key);
    }
    Ok(found)
}

fn checked_details(given: &[String]) -> Result<Vec<String>, ExchangeError> {
    for word in given {
        if !TYPE_DETAILS.split_whitespace().any(|known| known.eq_ignore_ascii_case(word)) {
            return Err(ExchangeError::binding(format!(
                "Cannot process argument transformation on parameter 'RecipientTypeDetails'. Cannot convert value \
                 \"{word}\" to type \"Microsoft.Exchange.Data.Directory.Recipient.RecipientTypeDetails[]\"."
            )));
        }
    }
    Ok(given.to_vec())
}

/// Ambiguous name resolution: the beginning of a name or an address.
fn resembles(entry: &Entry, anr: &str) -> bool {
    let begins = |text: &str| fold(text).starts_with(anr);
    [Text::DisplayName, Text::FirstName, Text::LastName].into_iter().any(|text| begins(entry.text(text)))
        || begins(&entry.alias)
        || begins(&entry.name)
        || entry.addresses.iter().any(|address| begins(crate::directory::entry::bare(address)))
}

fn members(call: &Invocation<'_>, lens: Lens<'_>, as_of: Timestamp) -> Result<Vec<Uuid>, ExchangeError> {
    let identity = call.bound.text("Identity").unwrap_or_default();
    let group = resolve(lens, call.bound.cmdlet, &identity, as_of)?;
    let live =
        |anchor: &&Uuid| lens.directory.live(**anchor).is_some_and(|entry| entry.kind.is_recipient() || entry.kind == Kind::PlainUser);
    Ok(group.members.iter().filter(live).copied().collect())
}
