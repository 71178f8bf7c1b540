//! The reference model of outside addresses that two pairs show in one directory: "Two pairs, one contact" in SEMANTICS.md. One contact
//! stands there for one of the two, as he says; what its administrator edits flows back to him and never to the other.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::script::TENANTS;
use crate::view::{Fields, Object, View};

/// The directory that both pairs publish to.
pub(crate) const THERE: usize = 2;

/// A contact that stands there, or is hidden for its deletion.
#[derive(Clone, Debug)]
struct Standing {
    contact: Uuid,
    /// The contact that it stands for, in another tenant.
    owner: Uuid,
    live: bool,
    /// Whether its administrator hid it, and whether he deleted it.
    hidden: bool,
    deleted: bool,
}

/// Somebody's contact of another company.
#[derive(Clone, Debug)]
struct Source {
    tenant: usize,
    address: String,
    says: Fields,
}

/// The model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rivals {
    sources: BTreeMap<Uuid, Source>,
    /// By address.
    standing: BTreeMap<String, Standing>,
    suppressed: BTreeSet<Uuid>,
    /// Whether an older state was restored since: who of two is published is open then.
    restored: bool,
}

impl Rivals {
    /// The contact that stands for somebody.
    pub(crate) fn contact(&self, owner: Uuid) -> Option<Uuid> {
        self.standing.values().find(|one| one.owner == owner && one.live && !one.deleted).map(|one| one.contact)
    }

    /// Whether it is not published any more.
    pub(crate) fn is_suppressed(&self, owner: Uuid) -> bool {
        self.suppressed.contains(&owner)
    }

    /// Whether it can be said what must be once an earlier state is restored: the same people are suppressed, and what stood there then
    /// does so still. (What was removed since, by galbridge itself, looks like its administrator's deletion to the earlier state.)
    pub(crate) fn may_be_restored(&self, then: &Self, there: Option<&View>) -> bool {
        let stands = |one: &Standing| there.is_some_and(|view| view.0.contains_key(&one.contact));
        self.suppressed == then.suppressed && then.standing.values().all(stands)
    }

    /// Somebody's administrator, or that of what stands for him, edited it: at rest both say the same.
    pub(crate) fn edited(&mut self, half: Uuid, field: &'static str, value: Option<&str>) {
        let owner = self.standing.values().find(|one| one.contact == half).map_or(half, |one| one.owner);
        let Some(source) = self.sources.get_mut(&owner) else { return };
        match value.map(str::trim).filter(|value| !value.is_empty()) {
            Some(value) => source.says.insert(field, value.to_owned()),
            None => source.says.remove(field),
        };
    }

    fn standing_as(&mut self, contact: Uuid) -> Option<&mut Standing> {
        self.standing.values_mut().find(|one| one.contact == contact)
    }

    /// The administrator there hid it, or showed it.
    pub(crate) fn hidden(&mut self, contact: Uuid, hidden: bool) {
        if let Some(one) = self.standing_as(contact) {
            one.hidden = hidden;
        }
    }

    /// … or deleted it.
    pub(crate) fn deleted(&mut self, contact: Uuid) {
        if let Some(one) = self.standing_as(contact) {
            one.deleted = true;
        }
    }

    /// The operator made way.
    pub(crate) fn made_way(&mut self, owner: Uuid) {
        let before = self.standing.len();
        self.standing.retain(|_, one| one.owner != owner);
        if self.standing.len() < before {
            self.suppressed.insert(owner);
        }
    }

    /// The operator publishes it again.
    pub(crate) fn unsuppressed(&mut self, owner: Uuid) {
        self.suppressed.remove(&owner);
    }

    /// Everything of a tenant was taken back.
    pub(crate) fn unpublished(&mut self, tenant: usize) {
        let sources = &self.sources;
        self.standing.retain(|_, one| sources.get(&one.owner).is_some_and(|source| source.tenant != tenant));
    }

    /// Grace periods ended.
    pub(crate) fn weeks_passed(&mut self) {
        self.standing.retain(|_, one| one.live);
    }

    /// The state was lost, and rebuilt from stamps: who was suppressed is not known any more.
    pub(crate) fn rebuilt(&mut self) {
        self.suppressed.clear();
    }

    /// An older state was restored.
    pub(crate) fn restored(&mut self) {
        self.restored = true;
    }

    /// Everything came to rest: what is wrong. `own`: what administrators made, as they left it.
    pub(crate) fn settle(&mut self, own: &BTreeMap<(usize, Uuid), Object>, views: &[View], ids: &[String]) -> Vec<String> {
        self.look_at_sources(own);
        let mut wrong = Vec::new();
        let addresses: BTreeSet<String> =
            self.sources.values().map(|source| source.address.clone()).chain(self.standing.keys().cloned()).collect();
        for address in addresses {
            self.one(&address, views, ids, &mut wrong);
        }
        // What was hidden for its deletion keeps its owner's name until then.
        let kept: BTreeSet<Uuid> = self.standing.values().map(|one| one.owner).collect();
        self.sources.retain(|anchor, source| kept.contains(anchor) || views[source.tenant].0.contains_key(anchor));
        self.suppressed.retain(|anchor| self.sources.contains_key(anchor));
        wrong.extend(self.sources_untouched(views));
        wrong.extend(self.nobody_else(views));
        self.restored = false;
        wrong
    }

    /// Who is new says what his administrator wrote.
    fn look_at_sources(&mut self, own: &BTreeMap<(usize, Uuid), Object>) {
        for ((tenant, anchor), object) in own.iter().filter(|((tenant, _), object)| *tenant != THERE && object.kind == "contact") {
            if let Some(address) = object.address() {
                self.sources.entry(*anchor).or_insert_with(|| Source { tenant: *tenant, address, says: object.fields() });
            }
        }
    }

    /// One address.
    fn one(&mut self, address: &str, views: &[View], ids: &[String], wrong: &mut Vec<String>) {
        let mut was = self.standing.remove(address);
        if let Some(gone) = was.take_if(|was| was.deleted) {
            // Its administrator's deletion is a word: not published again, as long as there is somebody.
            self.suppressed.insert(gone.owner);
        }
        let wanted: Vec<Uuid> = self
            .sources
            .iter()
            .filter(|(anchor, source)| {
                let here = views[source.tenant].0.get(*anchor).is_some_and(|object| !object.hidden);
                here && source.address == address && !self.suppressed.contains(*anchor)
            })
            .map(|(anchor, _)| *anchor)
            .collect();
        let rivals: Vec<Uuid> = self.sources.iter().filter(|(_, source)| source.address == address).map(|(anchor, _)| *anchor).collect();
        let made: Vec<&Object> = views[THERE].holders(address).filter(|one| one.made).collect();
        let owner = |one: &Object, among: &[Uuid]| {
            let stamp = one.text("CustomAttribute15").unwrap_or_default();
            among.iter().find(|anchor| stamp.contains(&ids[self.sources[*anchor].tenant])).copied()
        };
        match (wanted.as_slice(), was, made.as_slice()) {
            ([], None, []) => {}
            // Made between two acts, for somebody who is not wanted any more.
            ([], None, [one]) if one.hidden && owner(one, &rivals).is_some() => {
                let owner = owner(one, &rivals).unwrap_or_default();
                let standing = Standing { contact: one.anchor, owner, live: false, hidden: false, deleted: false };
                self.standing.insert(address.to_owned(), standing);
            }
            ([], Some(was), [one]) if one.anchor == was.contact => {
                if !one.hidden {
                    wrong.push(format!("<{address}> is shown, though nobody is to be"));
                }
                // Between two acts it may have changed hands, and been given up by the other one too.
                let tenant = |owner: &Uuid| self.sources.get(owner).map(|source| source.tenant);
                let owner = owner(one, &rivals).filter(|owner| tenant(owner) != tenant(&was.owner)).unwrap_or(was.owner);
                self.standing.insert(address.to_owned(), Standing { live: false, owner, ..was });
            }
            ([_, ..], was, [one]) => {
                let Some(owner) = owner(one, &wanted) else {
                    wrong.push(format!("<{address}> bears the stamp {:?}: of none who is wanted", one.text("CustomAttribute15")));
                    return;
                };
                let same = was.as_ref().is_some_and(|was| was.owner == owner);
                // An account that is made again has the contact of the one before, and what its administrator said of it.
                let ours = was.as_ref().is_some_and(|was| self.sources[&was.owner].tenant == self.sources[&owner].tenant);
                if was.as_ref().is_some_and(|was| was.contact != one.anchor) {
                    wrong.push(format!("<{address}> is another contact than before"));
                }
                if was.as_ref().is_some_and(|was| was.live && !same && wanted.contains(&was.owner)) && !self.restored {
                    wrong.push(format!("<{address}> was taken from somebody who is wanted as before"));
                }
                let hidden = ours && was.is_some_and(|was| was.hidden);
                if one.hidden != hidden {
                    wrong.push(format!("<{address}>: hidden is {}, not {hidden}", one.hidden));
                }
                let says = &self.sources[&owner].says;
                if one.fields() != *says {
                    wrong.push(format!("<{address}> is {:?}, not {says:?}", one.fields()));
                }
                let standing = Standing { contact: one.anchor, owner, live: true, hidden, deleted: false };
                self.standing.insert(address.to_owned(), standing);
            }
            (wanted, was, made) => {
                let made: Vec<_> = made.iter().map(|one| (one.text("DisplayName"), one.hidden)).collect();
                wrong.push(format!("<{address}> is wanted by {}, was {was:?}, and stands there as {made:?}", wanted.len()));
            }
        }
    }

    /// Nothing is written into a source but what was edited in his own contact.
    fn sources_untouched(&self, views: &[View]) -> Vec<String> {
        let differs = |(anchor, source): (&Uuid, &Source)| {
            let now = views[source.tenant].0.get(anchor)?.fields();
            (now != source.says).then(|| format!("{}: <{}> says {now:?}, not {:?}", TENANTS[source.tenant], source.address, source.says))
        };
        self.sources.iter().filter_map(differs).collect()
    }

    fn nobody_else(&self, views: &[View]) -> Vec<String> {
        let known: BTreeSet<Uuid> = self.standing.values().map(|one| one.contact).collect();
        let all = views.iter().enumerate().flat_map(|(tenant, view)| view.0.values().map(move |object| (tenant, object)));
        let strangers = all.filter(|(_, object)| object.made && !known.contains(&object.anchor));
        strangers.map(|(tenant, object)| format!("{}: a contact for nobody: {:?}", TENANTS[tenant], object.address())).collect()
    }
}
