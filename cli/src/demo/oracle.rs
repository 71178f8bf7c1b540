//! What both address lists must be, said once more and independently: from the simulator's view of the
//! two directories and the rules of the manual. It asks neither the engine nor its plan nor its state.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::view::{Object, View};

/// A thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    /// What must hold.
    pub(crate) what: String,
    /// How many objects it was looked at for.
    pub(crate) looked_at: u64,
    /// Where it does not hold.
    pub(crate) wrong: Vec<String>,
}

impl Check {
    /// A check of nothing yet.
    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self { what: what.into(), looked_at: 0, wrong: Vec::new() }
    }

    /// Looks at one more thing.
    pub(crate) fn look(&mut self, right: bool, wrong: impl FnOnce() -> String) {
        self.looked_at += 1;
        if !right {
            self.wrong.push(wrong());
        }
    }
}

/// One of the two tenants.
pub(crate) struct Side<'v> {
    /// Its name.
    pub(crate) name: &'v str,
    /// Its mail domain.
    pub(crate) domain: &'v str,
    /// Its directory now.
    pub(crate) now: &'v View,
    /// Its directory before galbridge first wrote, with what its administrator did since.
    pub(crate) own: &'v View,
    /// What its people's names look like in the other tenant.
    pub(crate) suffix: &'v str,
}

/// What the oracle is told beyond the directories.
#[derive(Default)]
pub(crate) struct Known {
    /// Objects that administrators changed since the beginning.
    pub(crate) touched: BTreeSet<Uuid>,
    /// Addresses whose two halves may differ: a conflict that is held.
    pub(crate) differing: BTreeSet<String>,
    /// Whether contacts of people who left may still be there, hidden.
    pub(crate) staged: bool,
}

/// The fields that a published contact shows.
const FIELDS: [&str; 12] = [
    "FirstName",
    "LastName",
    "Title",
    "Company",
    "Department",
    "Office",
    "Phone",
    "MobilePhone",
    "City",
    "StateOrProvince",
    "PostalCode",
    "CountryOrRegion",
];

/// Where galbridge keeps its stamp, and other tools their marks.
const STAMP: &str = "CustomAttribute15";

/// The kinds that are published.
const KINDS: [&str; 7] = ["user", "shared", "room", "equipment", "contact", "distribution-group", "microsoft365-group"];

/// Looks at everything.
pub(crate) fn look(a: &Side<'_>, b: &Side<'_>, known: &Known) -> Vec<Check> {
    let mut checks = Vec::new();
    for (source, target) in [(a, b), (b, a)] {
        checks.extend(direction(source, target, known));
    }
    for side in [a, b] {
        checks.push(once(side));
        checks.push(untouched(side, known));
    }
    checks
}

/// Whether somebody is to be seen by the other tenant, and under which address.
fn published<'o>(object: &'o Object, source: &Side<'_>, target: &Side<'_>) -> Option<(&'o Object, String)> {
    let refused = object.made()
        || object.hidden
        || !KINDS.contains(&object.kind.as_str())
        || object.kind == "user" && object.flag("AccountDisabled")
        || object.text("UserPrincipalName").is_some_and(|name| name.contains("#EXT#"))
        || object.flag("RequireSenderAuthenticationEnabled");
    if refused {
        return None;
    }
    let address = object.address()?;
    // Neither its own people back to a tenant, nor contacts that stand for people of either.
    let stands_in = object.kind == "contact" && owns(source, &address);
    (!stands_in && !owns(target, &address)).then_some((object, address))
}

/// Whether an address is in one of a tenant's own domains.
fn owns(side: &Side<'_>, address: &str) -> bool {
    let stem = side.domain.split('.').next().unwrap_or_default();
    let Some((_, domain)) = address.rsplit_once('@') else { return false };
    domain == side.domain
        || domain.starts_with(&format!("{stem}-labs."))
        || domain.starts_with(&format!("relay.{stem}."))
        || domain.starts_with(&format!("{stem}.onmicrosoft."))
}

fn direction(source: &Side<'_>, target: &Side<'_>, known: &Known) -> Vec<Check> {
    let (from, to) = (source.name, target.name);
    let mut there = Check::of(format!("everybody of {from} who is to be seen in {to} is there, once"));
    let mut right = Check::of(format!("what {to} shows of them is what {from} says"));
    let mut adopted = Check::of(format!("contacts that {to} had before were adopted, and their blanks filled"));
    let mut nobody = Check::of(format!("{to} shows nobody of {from} who is not to be seen"));
    let mut expected: BTreeMap<Uuid, &Object> = BTreeMap::new();
    for (object, address) in source.now.objects.values().filter_map(|object| published(object, source, target)) {
        let made: Vec<&Object> = target.now.holders(&address).filter(|one| one.made()).collect();
        let before: Vec<&Object> =
            object.addresses().iter().chain([&address]).flat_map(|address| target.own.holders(address)).filter(|one| !one.made()).collect();
        let before: BTreeMap<Uuid, &Object> = before.into_iter().map(|one| (one.anchor, one)).collect();
        match before.values().collect::<Vec<_>>().as_slice() {
            [] => {
                there.look(made.len() == 1 && made.iter().all(|one| !one.hidden), || {
                    format!("{} <{address}>: {} contacts in {to}", object.title(), made.len())
                });
                for contact in made {
                    expected.insert(contact.anchor, object);
                    if !known.differing.contains(&address) {
                        compare(&mut right, source, object, contact);
                    }
                }
            }
            // What another tool marked is its own: neither adopted nor published beside.
            [one] if one.kind == "contact" && !one.flag("IsDirSynced") && one.text(STAMP).is_none() => {
                if let Some(contact) = target.now.objects.get(&one.anchor) {
                    let unfilled = FIELDS.iter().find(|field| object.text(field).is_some() && contact.text(field).is_none());
                    adopted.look(made.is_empty() && unfilled.is_none(), || {
                        format!("{} <{address}>: {:?} is blank, {} made beside it", object.title(), unfilled, made.len())
                    });
                }
            }
            // Somebody else there holds the address: it is his.
            _ => nobody.look(made.is_empty(), || format!("{} <{address}> was made beside another holder of the address", object.title())),
        }
    }
    for contact in target.now.objects.values().filter(|one| one.made()) {
        let kept = contact.hidden && known.staged;
        nobody.look(kept || expected.contains_key(&contact.anchor), || {
            format!("{} <{}>", contact.title(), contact.address().unwrap_or_default())
        });
    }
    vec![there, right, adopted, nobody]
}

fn compare(right: &mut Check, source: &Side<'_>, object: &Object, contact: &Object) {
    // A contact that both administrators may edit is shared as it is; people get their tenant's mark.
    let shared = object.kind == "contact" && !object.flag("IsDirSynced");
    let suffix = if shared { "" } else { source.suffix };
    let name = format!("{}{suffix}", object.title());
    right.look(contact.title() == name, || format!("DisplayName: \"{}\" instead of \"{name}\"", contact.title()));
    for field in FIELDS {
        let (said, shown) = (object.text(field), contact.text(field));
        right.look(said == shown, || format!("{} {field}: {shown:?} instead of {said:?}", object.title()));
    }
}

/// Nobody stands in a list twice because of us.
fn once(side: &Side<'_>) -> Check {
    let mut check = Check::of(format!("no address is held twice in {}", side.name));
    for contact in side.now.objects.values().filter(|one| one.made()) {
        let Some(address) = contact.address() else { continue };
        let holders = side.now.holders(&address).count();
        check.look(holders == 1, || format!("{address} is held {holders} times"));
    }
    check
}

/// Nothing of the administrator's is changed, but for contacts that were adopted.
fn untouched(side: &Side<'_>, known: &Known) -> Check {
    let mut check = Check::of(format!("nothing of {} itself was changed: not one of its mailboxes, groups and guests", side.name));
    for before in side.own.objects.values().filter(|one| !one.made() && !known.touched.contains(&one.anchor)) {
        let Some(now) = side.now.objects.get(&before.anchor) else {
            check.look(false, || format!("{} is gone", before.title()));
            continue;
        };
        check.look(changed(before, now).is_none(), || format!("{} was changed: {:?}", before.title(), changed(before, now)));
    }
    check
}

/// Properties that follow from other objects: who manages whom, when somebody leaves.
const DERIVED: [&str; 4] = ["DirectReports", "Manager", "ManagedBy", "GroupMemberCount"];

/// The first property that differs. Contacts may be adopted: of those only what is never touched.
fn changed<'o>(before: &'o Object, now: &'o Object) -> Option<&'o str> {
    let kept = |name: &str| before.kind != "contact" || ["Name", "ExternalEmailAddress", "HiddenFromAddressListsEnabled"].contains(&name);
    let differs = |name: &&String| before.properties.get(*name) != now.properties.get(*name);
    before.properties.keys().filter(|name| kept(name) && !DERIVED.contains(&name.as_str())).find(differs).map(String::as_str)
}
