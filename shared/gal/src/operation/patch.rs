//! What an operation leaves in the stored link.

use serde::{Deserialize, Serialize};

use crate::field::Field;
use crate::link::{Link, LinkKey, Phase, Role};

/// What is remembered of a link once an operation is done. Absent parts stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPatch {
    /// The new phase.
    #[serde(default)]
    pub phase: Option<Phase>,
    /// What the source said, field by field, as [`crate::base::Base::print`] tells it.
    #[serde(default)]
    pub base_source: Vec<(Field, Option<u64>)>,
    /// What now stands in the target, field by field.
    #[serde(default)]
    pub base_target: Vec<(Field, Option<u64>)>,
    /// Whether the target's administrator hides the contact.
    #[serde(default)]
    pub base_hidden: Option<bool>,
    /// The address by which it is published.
    #[serde(default)]
    pub address: Option<String>,
    /// The Name of the contact.
    #[serde(default)]
    pub name: Option<String>,
    /// The fields that wait for a person from now on; empty: none any more.
    #[serde(default)]
    pub conflicts: Option<Vec<Field>>,
    /// Who writes it from now on, where that changes with the source.
    #[serde(default)]
    pub role: Option<Role>,
    /// The link moves to another source anchor.
    #[serde(default)]
    pub rekey: Option<LinkKey>,
    /// Nothing is left to be refused: the quarantine ends.
    #[serde(default)]
    pub freed: bool,
    /// The link is forgotten.
    #[serde(default)]
    pub forget: bool,
}

impl LinkPatch {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A patch that forgets the link.
    pub fn forget() -> Self {
        Self { forget: true, ..Self::default() }
    }

    /// A patch of the phase.
    pub fn phase(phase: Phase) -> Self {
        Self { phase: Some(phase), ..Self::default() }
    }

    /// The link with the patch made; `None` if it is forgotten.
    pub fn apply(&self, link: &Link) -> Option<Link> {
        if self.forget {
            return None;
        }
        let mut next = link.clone();
        next.base_source = link.base_source.with_prints(&self.base_source);
        next.base_target = link.base_target.with_prints(&self.base_target);
        next.settle_begun();
        next.phase = self.phase.clone().unwrap_or(next.phase);
        next.claimed &= matches!(next.phase, Phase::Staged { .. });
        next.base_hidden = self.base_hidden.unwrap_or(next.base_hidden);
        next.address = self.address.clone().unwrap_or(next.address);
        next.name = self.name.clone().unwrap_or(next.name);
        next.conflicts = self.conflicts.clone().unwrap_or(next.conflicts);
        next.role = self.role.unwrap_or(next.role);
        next.key = self.rekey.unwrap_or(next.key);
        next.quarantine = next.quarantine.filter(|_| !self.freed);
        Some(next)
    }
}
