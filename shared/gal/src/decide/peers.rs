//! Peers: both halves are mail contacts, edited on both sides.

use super::make::{blank_link, creation};
use super::update::Merged;
use super::{Case, Decision, MergeRules, Serve};
use crate::base::Base;
use crate::desired::desired_peer;
use crate::join::admissible;
use crate::link::{Phase, Provenance, Suppression};
use crate::merge;
use crate::merge::{PeerRules, Verdict};
use crate::normalise;
use crate::operation::{Action, LinkPatch, Quiet, QuietChange, Reason};
use crate::policy::{ConflictPolicy, Direction, MergeMode};
use crate::reason::Note;
use crate::recipient::Side;
use crate::world::Entry;
use jiff::{SignedDuration, Timestamp};

impl Case<'_, '_> {
    /// One three-way merge over both halves of a peer link; up to one operation a side.
    pub(super) fn merge_peers(&self, source: &Entry, contact: &Entry) -> Decision {
        let desired = desired_peer(self.context, self.world, self.link.key.origin, source, contact);
        let rules = self.peer_rules(source, contact);
        let (mut to_target, mut to_source) = (Merged::default(), Merged::default());
        for field in desired.fields.iter() {
            let (left, right) = (desired.values.get(field), desired.other.get(field));
            let mut verdict = merge::peer(field, left, right, &self.link.base_source, &self.link.base_target, rules);
            if verdict == Verdict::Differing {
                verdict = self.truth(field, left, right, rules);
            }
            let Some(verdict) = self.allowed(verdict, field, source, (left, right)) else {
                to_target.refused(field, left, right);
                continue;
            };
            if field == crate::Field::ExternalEmailAddress {
                to_target.patch.address = agreed(verdict, left, right).filter(|address| *address != self.link.address);
            }
            match verdict {
                Verdict::WriteSource(why) => {
                    to_source.write(field, left, right.map(str::to_owned), why);
                    to_source.remember(field, right, right);
                }
                Verdict::InStep | Verdict::Differing | Verdict::WriteTarget(_) | Verdict::Conflict => {
                    to_target.take(verdict, field, left, right, self.link);
                }
            }
        }
        if self.link.provenance == Provenance::Made {
            self.unpublished(&desired, contact, &mut to_target);
        }
        self.hidden_veto(contact, None, &mut to_target);
        self.tell_conflicts(&mut to_target);
        to_target.notes.extend(desired.notes.iter().cloned());
        let reason = to_target.reason(Action::Update);
        let mut write_target = self.operation(Action::Update, self.link.target_side(), reason, Some(contact));
        if self.link.provenance == Provenance::Made {
            write_target.extras = self.upkeep(&desired, source, contact);
        }
        write_target.changes = to_target.changes;
        write_target.notes = to_target.notes;
        write_target.patch = to_target.patch;
        let mut decision = self.finish(Decision::nothing(), write_target);
        if !to_source.changes.is_empty() {
            let mut write_source =
                self.operation(Action::Update, self.link.target_side().other(), to_source.reason(Action::Update), Some(source));
            write_source.changes = to_source.changes;
            write_source.patch = to_source.patch;
            decision.operations.push(write_source);
        }
        decision
    }

    /// Which fields wait for a person is remembered, for whoever looks at the status.
    fn tell_conflicts(&self, merged: &mut Merged) {
        let conflict = |note: &Note| if let Note::Conflict { field } = note { Some(*field) } else { None };
        let conflicts: Vec<crate::Field> = merged.notes.iter().filter_map(conflict).collect();
        if conflicts != self.link.conflicts {
            merged.patch.conflicts = Some(conflicts);
        }
    }

    /// In a merge that names a side as the truth, its values that are not blank are written where linked peers differ.
    pub(super) fn truth(&self, field: crate::Field, source: Option<&str>, target: Option<&str>, rules: PeerRules) -> Verdict {
        match self.context.serve {
            Serve::Merge(MergeRules { mode: mode @ (MergeMode::AToB | MergeMode::BToA), .. }) => {
                merge::joining(field, source, target, rules.source_side, mode, false, Some(rules))
            }
            Serve::Merge(MergeRules { mode: MergeMode::TwoWay | MergeMode::LinkOnly, .. }) | Serve::Everybody | Serve::LinkedOnly => {
                Verdict::Differing
            }
        }
    }

    /// Whether the source half may be written: its side is published into, it is not mastered on-premises, and not closed by `unpublish`.
    fn writes_source(&self, source: &Entry) -> bool {
        let closed = *self.context.closed.get(self.link.target_side().other());
        self.context.pair.direction == Direction::TwoWay && !source.recipient.directory_synced && !closed
    }

    /// What may be written of what the merge wants. Where the pair publishes one way by now, the owner wins in what was made. An address
    /// goes where somebody else's would: into no tenant that owns its domain. `None`: nothing now.
    fn allowed(
        &self,
        verdict: Verdict,
        field: crate::Field,
        source: &Entry,
        (left, right): (Option<&str>, Option<&str>),
    ) -> Option<Verdict> {
        let target = self.link.target_side();
        let leads = |side: Side, address: Option<&str>| {
            field != crate::Field::ExternalEmailAddress
                || address.is_some_and(|address| admissible(self.context, side, &normalise::address(address)).is_ok())
        };
        match verdict {
            Verdict::WriteSource(_) if self.writes_source(source) && leads(target.other(), right) => Some(verdict),
            Verdict::WriteSource(_) if self.context.pair.direction != Direction::TwoWay && self.link.provenance == Provenance::Made => {
                Some(Verdict::WriteTarget(merge::Why::Drift))
            }
            Verdict::WriteTarget(_) if leads(target, left) => Some(verdict),
            Verdict::WriteSource(_) | Verdict::WriteTarget(_) => None,
            Verdict::InStep | Verdict::Differing | Verdict::Conflict => Some(verdict),
        }
    }

    pub(super) fn peer_rules(&self, source: &Entry, contact: &Entry) -> PeerRules {
        peer_rules(self.context.pair.conflicts, self.link.target_side().other(), source, contact)
    }

    /// The half at the origin was deleted.
    #[expect(clippy::match_same_arms, reason = "one arm for one row of the table in SEMANTICS.md")]
    pub(super) fn origin_deleted(&self, contact: &Entry, peer_deletions: bool) -> Decision {
        // Made again under the same address: joined anew, never taken away and made again (law 6).
        let address = contact.recipient.primary.as_deref().unwrap_or(&self.link.address);
        let side = self.link.target_side().other();
        if self.link.provenance == Provenance::Found && (self.held_by_another(side, address) || self.is_followed(side, address)) {
            return self.forget();
        }
        let edited = self.edited_since(&self.link.base_target, self.link.target_side(), contact);
        match (self.link.provenance, edited, peer_deletions) {
            // Our twin follows the deletion of its peer.
            (Provenance::Made, false, true | false) => self.stage(contact, self.link.target_side(), Reason::PeerGone),
            // Somebody edited the twin since: it becomes the administrator's.
            (Provenance::Made, true, true | false) => self.hand_over(contact),
            // Two contacts that were there before: the other half follows only if the profile says so …
            (Provenance::Found, false, true) => self.stage(contact, self.link.target_side(), Reason::PeerGone),
            // … and an edit on it wins: it stands alone, and is published anew.
            (Provenance::Found, true, true) => self.forget(),
            (Provenance::Found, true | false, false) => self.suppress(Suppression::PeerDeleted),
        }
    }

    /// Whether a half was edited since its base, in any field that both halves share. (What is not shared never comes into step.)
    fn edited_since(&self, base: &Base, side: Side, half: &Entry) -> bool {
        let mapping = |side: Side| &self.context.pair.publishing.get(side).mapping;
        let said = mapping(side).copy(&half.recipient, None);
        let shared = crate::desired::peer_fields().filter(|field| Side::BOTH.iter().all(|side| mapping(*side).fields().contains(*field)));
        shared.filter(|field| !said.left_alone.contains(*field)).any(|field| !base.holds(field, said.values.get(field)))
    }

    /// Whether somebody who is published from that side, and has no contact yet, holds the address.
    fn is_followed(&self, side: Side, address: &str) -> bool {
        self.world.holders(side, address).any(|entry| {
            let anchor = entry.recipient.anchor;
            self.world.link_of(side, anchor).is_none() && self.context.eligible(side, entry).is_ok()
        })
    }

    /// The half on the target side was deleted; `half` is what is left, on `side`.
    pub(super) fn half_deleted(&self, half: &Entry, side: Side, peer_deletions: bool) -> Decision {
        if self.held_by_another(side.other(), half.recipient.primary.as_deref().unwrap_or(&self.link.address)) {
            return self.forget();
        }
        if !peer_deletions {
            return self.suppress(Suppression::PeerDeleted);
        }
        if !self.edited_since(&self.link.base_source, side, half) {
            return self.stage(half, side, Reason::PeerGone);
        }
        let address = half.recipient.primary.clone().unwrap_or_else(|| self.link.address.clone());
        let link = blank_link(self.context, self.link.key, half, &address, Provenance::Made);
        let mut operation = creation(self.context, self.world, link, half, &address);
        operation.reason = Reason::EditWins;
        Decision::operation(operation)
    }

    pub(super) fn restore_peer(&self, source: &Entry, contact: &Entry) -> Decision {
        let mut decision = self.merge_peers(source, contact);
        let side = self.link.target_side();
        let found = decision.operations.iter().position(|operation| operation.side == side);
        let mut operation = match found {
            Some(index) => {
                // They are told again with it.
                decision.notes.clear();
                decision.operations.remove(index)
            }
            None => self.operation(Action::Restore, side, Reason::Back, Some(contact)),
        };
        // It was we who hid it.
        for notes in [&mut decision.notes, &mut operation.notes] {
            notes.retain(|note| *note != Note::HiddenByAdministrator);
        }
        operation.action = Action::Restore;
        operation.reason = Reason::Back;
        operation.extras.hidden = contact.recipient.hidden.then_some(self.link.base_hidden).filter(|hidden| !hidden);
        if self.link.provenance == Provenance::Made {
            operation.extras.stamp = Some(Some(self.context.stamp(self.link, None)));
            operation.extras.rename = self.own_name(contact);
        }
        operation.patch.phase = Some(Phase::Live);
        operation.patch.base_hidden = None;
        decision.quiet.clear();
        self.finish(decision, operation)
    }

    /// Two contacts that were there before: neither is stamped; blanks are filled both ways.
    pub(super) fn join_peers(&self, source: &Entry, contact: &Entry) -> Decision {
        let desired = desired_peer(self.context, self.world, self.link.key.origin, source, contact);
        let rules = self.peer_rules(source, contact);
        let (mut to_target, mut to_source) = (Merged::default(), Merged::default());
        for field in desired.fields.iter() {
            let (left, right) = (desired.values.get(field), desired.other.get(field));
            let verdict = merge::joining(field, left, right, rules.source_side, self.context.mode(), self.context.enforce(), Some(rules));
            let Some(verdict) = self.allowed(verdict, field, source, (left, right)) else {
                to_target.refused(field, left, right);
                continue;
            };
            match verdict {
                Verdict::WriteSource(why) => {
                    to_source.write(field, left, right.map(str::to_owned), why);
                    to_target.remember(field, right, right);
                }
                verdict @ (Verdict::InStep | Verdict::Differing | Verdict::WriteTarget(_) | Verdict::Conflict) => {
                    to_target.take(verdict, field, left, right, self.link);
                }
            }
        }
        self.tell_conflicts(&mut to_target);
        let patch = LinkPatch { phase: Some(Phase::Live), ..to_target.patch };
        let reason = Reason::SameAddress { address: self.link.address.clone() };
        let mut operations = Vec::new();
        let mut halves =
            [(self.link.target_side(), contact, to_target.changes), (self.link.target_side().other(), source, to_source.changes)];
        // In the order in which a plan runs them: what the last one remembers is true only when both are written.
        halves.sort_by_key(|(side, ..)| *side);
        for (side, half, changes) in halves {
            if !changes.is_empty() {
                let mut operation = self.operation(Action::Adopt, side, reason.clone(), Some(half));
                operation.changes = changes;
                operations.push(operation);
            }
        }
        let mut decision = Decision { notes: to_target.notes, ..Decision::default() };
        if let Some(last) = operations.last_mut() {
            // The bases count once everything is written.
            last.patch = patch;
            last.notes.clone_from(&decision.notes);
            decision.operations = operations;
        } else {
            let change = QuietChange { quiet: Quiet::LinkPeers, link: self.link.clone(), new: true, patch, title: self.title.clone() };
            decision.quiet.push(change);
        }
        decision
    }
}

/// The address that both halves have, or get: what people know the link by.
fn agreed(verdict: Verdict, source: Option<&str>, target: Option<&str>) -> Option<String> {
    match verdict {
        Verdict::InStep | Verdict::WriteTarget(_) => source.map(normalise::address),
        Verdict::WriteSource(_) => target.map(normalise::address),
        // Each keeps its own.
        Verdict::Differing | Verdict::Conflict => None,
    }
}

/// Who wins a conflict, with the times that may be believed: a change time that can be our own write says nothing.
pub(super) fn peer_rules(conflicts: ConflictPolicy, source_side: Side, source: &Entry, contact: &Entry) -> PeerRules {
    let newer = match (edit_time(source), edit_time(contact)) {
        (Some(left), Some(right)) if left > right => Some(source_side),
        (Some(left), Some(right)) if left < right => Some(source_side.other()),
        (Some(_) | None, Some(_) | None) => None,
    };
    PeerRules { conflicts, source_side, newer }
}

/// When an object was last edited by somebody else, if that can be known.
pub(super) fn edit_time(entry: &Entry) -> Option<Timestamp> {
    let changed = entry.recipient.when_changed?;
    let ours = entry.written_at.is_some_and(|written| changed <= written + SETTLING);
    (!ours).then_some(changed)
}

/// How long after our own write a change time may still be that write's (clock skew and lag).
pub const SETTLING: SignedDuration = SignedDuration::from_mins(5);
