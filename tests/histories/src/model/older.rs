//! What an older state leaves: one that was lost and rebuilt, one that was restored.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Memo, Model, NOTE, Phase, Way};
use crate::script::TENANTS;
use crate::view::{Fields, Object, View};

impl Model {
    /// The state was lost and rebuilt: what only it knew is forgotten.
    pub(crate) fn rebuilt(&mut self, views: &[View]) {
        self.memos.retain(|_, memo| memo.phase != Phase::Suppressed);
        let said: Vec<((Way, Uuid), Fields)> = self
            .memos
            .iter()
            .filter_map(|(key, memo)| {
                let (way, person) = key;
                let person = views[way.from].0.get(person)?;
                // Whoever is hidden is not kept in step: what his contact does not know yet is news when he is back.
                let is_hidden = memo.made && self.wanted(*way, person).is_none();
                Some((*key, if is_hidden { memo.shown.clone() } else { self.says(*way, person) }))
            })
            .collect();
        for (key, said) in said {
            if let Some(memo) = self.memos.get_mut(&key) {
                memo.said = said;
            }
        }
        for memo in self.memos.values_mut() {
            memo.deletions = 0;
            memo.before.clone_from(&memo.shown);
            memo.wrote.clear();
        }
    }

    /// An earlier state was restored, and everything came to rest. What it did not know is forgotten; what stands there must still
    /// be right: whoever is wanted is there once, and as he says; nobody else is shown.
    pub(crate) fn restored(&mut self, then: &Self, views: &[View]) -> Vec<String> {
        let mut wrong = Vec::new();
        let now = std::mem::take(&mut self.memos);
        self.released.clear();
        for way in self.ways.clone() {
            for person in views[way.from].0.values().filter(|person| !person.made) {
                let key = (way, person.anchor);
                let (was, is) = (then.memos.get(&key), now.get(&key));
                let contacts: Vec<&Object> = views[way.to]
                    .0
                    .values()
                    .filter(|one| one.made && self.is_of(one, way) && !one.addresses().is_disjoint(&person.addresses()))
                    .filter(|one| !self.is_known(one.anchor))
                    .collect();
                // Who was suppressed then stays so, unless he was published again since; and who is deleted for the second time is.
                let deleted = |was: &Memo| was.phase == Phase::Live && was.made && !views[way.to].0.contains_key(&was.contact);
                let vetoed = |was: &&Memo| was.phase == Phase::Suppressed || deleted(was) && was.deletions > 0;
                if let Some(was) = was.filter(vetoed).filter(|_| contacts.is_empty()) {
                    self.memos.insert(key, Memo { phase: Phase::Suppressed, ..was.clone() });
                    continue;
                }
                let found = [is, was].into_iter().flatten().find(|memo| !memo.made && views[way.to].0.contains_key(&memo.contact));
                let wanted = self.wanted(way, person).is_some();
                let blank = |contact: &Object| Memo {
                    contact: contact.anchor,
                    made: contact.made,
                    before: contact.fields(),
                    wrote: BTreeSet::new(),
                    // Whoever is hidden is not kept in step: what his contact does not know yet is news when he is back.
                    said: if wanted { self.says(way, person) } else { was.map_or_else(|| contact.fields(), |was| was.said.clone()) },
                    shown: contact.fields(),
                    hidden: is.or(was).is_some_and(|memo| memo.hidden),
                    // Where the one of then is gone, that counts as deleted: this one is what was made again.
                    deletions: was.map_or(0, |was| if deleted(was) { 1 } else { was.deletions }),
                    phase: if wanted { Phase::Live } else { Phase::Staged },
                    note: contact.text(NOTE).map(str::to_owned),
                    edits: Vec::new(),
                    deleted: false,
                };
                match (contacts.as_slice(), found) {
                    ([], Some(found)) if wanted => {
                        let memo = blank(&views[way.to].0[&found.contact]);
                        self.memos.insert(key, memo);
                    }
                    ([contact], _) => {
                        let memo = blank(contact);
                        // What the profile does not publish is its administrator's.
                        let shown: Fields = memo
                            .shown
                            .iter()
                            .filter(|(field, _)| self.is_published(field))
                            .map(|(field, value)| (*field, value.clone()))
                            .collect();
                        if wanted && shown != memo.said {
                            wrong.push(format!("{}: {:?} instead of {:?}", TENANTS[way.to], memo.shown, memo.said));
                        }
                        if !wanted && !contact.hidden && !is.is_some_and(|is| is.phase == Phase::Kept) {
                            wrong.push(format!("{}: {:?} is shown, though nobody is to be", TENANTS[way.to], contact.text("DisplayName")));
                        }
                        let kept = !wanted && !contact.hidden;
                        self.memos.insert(key, if kept { Memo { phase: Phase::Kept, ..memo } } else { memo });
                    }
                    // Whoever is missing is complained of by the joining.
                    ([], _) => {}
                    (several, _) => wrong.push(format!("{}: {} contacts for one", TENANTS[way.to], several.len())),
                }
            }
        }
        // Whose people are gone.
        for (key, memo) in now {
            let (way, person) = key;
            let contact = views[way.to].0.get(&memo.contact).filter(|contact| contact.made && !self.is_known(contact.anchor));
            if let Some(contact) = contact.filter(|_| !views[way.from].0.contains_key(&person)) {
                let phase = if contact.hidden { Phase::Staged } else { Phase::Kept };
                if phase == Phase::Kept && memo.phase != Phase::Kept {
                    wrong.push(format!("{}: {:?} is shown, though nobody is to be", TENANTS[way.to], contact.text("DisplayName")));
                }
                self.memos.insert(key, Memo { phase, shown: contact.fields(), ..memo });
            }
        }
        wrong
    }
}
