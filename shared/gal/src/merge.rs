//! The three-way merge of one field: who wrote what since both sides were last in step, and who wins.
//!
//! Both functions are one exhaustive match; each arm says its rule in the user's words. A field is
//! compared with its base *per side*, and a base is what was written or read there, never what was
//! meant: so a side that was just written is not mistaken for one that was edited.

use crate::base::Base;
use crate::field::Field;
use crate::normalise::compared;
use crate::policy::{ConflictPolicy, MergeMode};
use crate::recipient::Side;

/// What happens to one field of a linked pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both sides say the same.
    InStep,
    /// They differ since the join, and nobody changed anything since: both values stay.
    Differing,
    /// The source's value is written to the target.
    WriteTarget(Why),
    /// The target's value is written to the source (peers only).
    WriteSource(Why),
    /// Both were edited differently; held for a person.
    Conflict,
}

/// Why a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It was edited on the side it comes from.
    Edited,
    /// The manager is another, or is published now, or no longer.
    Manager,
    /// People swapped their addresses; one contact moves aside for a moment, so that the other can move.
    Aside,
    /// Somebody edited the published copy; the owner wins.
    Drift,
    /// The other side is blank, and blanks are filled at a join.
    FillBlank,
    /// The policy of the pair or the mode of the merge decided.
    Policy,
}

/// How one side stands to its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    /// As it was.
    Same,
    /// Edited.
    Edited,
}

fn since(base: &Base, field: Field, value: Option<&str>) -> Since {
    if base.holds(field, value) { Since::Same } else { Since::Edited }
}

/// Whether two values of a field are one to the service.
pub fn equal(field: Field, left: Option<&str>, right: Option<&str>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => left == right || compared(field, left) == compared(field, right),
        (Some(value), None) | (None, Some(value)) => compared(field, value).is_empty(),
    }
}

/// One field of a projection: the owner wins, but what differed when a found contact was adopted stays until the owner changes it.
///
/// `source` is the mapped value. `enforce`: differing values are overwritten too.
#[expect(clippy::match_same_arms, reason = "one arm for one row of the table in SEMANTICS.md")]
pub fn projection(
    field: Field,
    source: Option<&str>,
    target: Option<&str>,
    base_source: &Base,
    base_target: &Base,
    enforce: bool,
) -> Verdict {
    if equal(field, source, target) {
        return Verdict::InStep;
    }
    let differed = base_source.get(field) != base_target.get(field);
    match (since(base_source, field, source), since(base_target, field, target), differed) {
        // The owner changed it: the copy follows, whatever stood there.
        (Since::Edited, Since::Same | Since::Edited, true | false) => Verdict::WriteTarget(Why::Edited),
        // Somebody edited the copy of a field that was in step: it is put right.
        (Since::Same, Since::Edited, false) => Verdict::WriteTarget(Why::Drift),
        // The field differed since the join, and the target's administrator may go on editing it.
        (Since::Same, Since::Edited | Since::Same, true) if !enforce => Verdict::Differing,
        (Since::Same, Since::Edited | Since::Same, true) => Verdict::WriteTarget(Why::Policy),
        // Nobody changed anything and the bases agree, yet the values differ: a spelling the service
        // no longer treats alike. The owner wins.
        (Since::Same, Since::Same, false) => Verdict::WriteTarget(Why::Drift),
    }
}

/// What a conflict between peers is decided by.
#[derive(Clone, Copy, Debug)]
pub struct PeerRules {
    /// The pair's policy.
    pub conflicts: ConflictPolicy,
    /// The side the source is on.
    pub source_side: Side,
    /// The side with the newer edit, where both times can be trusted and differ.
    pub newer: Option<Side>,
}

impl PeerRules {
    /// The side that wins a conflict, if one does.
    fn winner(self) -> Option<Side> {
        match self.conflicts {
            // A person decides.
            ConflictPolicy::Hold => None,
            // The later edit; where the times say nothing, a person.
            ConflictPolicy::Newest => self.newer,
            // The profile names the side.
            ConflictPolicy::A => Some(Side::A),
            ConflictPolicy::B => Some(Side::B),
        }
    }

    fn write_from(self, winner: Side, why: Why) -> Verdict {
        if winner == self.source_side { Verdict::WriteTarget(why) } else { Verdict::WriteSource(why) }
    }
}

/// One field of a peer link: an edit on either side reaches the other.
pub fn peer(field: Field, source: Option<&str>, target: Option<&str>, base_source: &Base, base_target: &Base, rules: PeerRules) -> Verdict {
    if equal(field, source, target) {
        return Verdict::InStep;
    }
    match (since(base_source, field, source), since(base_target, field, target)) {
        // Different since the join, and nobody touched it.
        (Since::Same, Since::Same) => Verdict::Differing,
        // Edited on one side only: it reaches the other.
        (Since::Edited, Since::Same) => Verdict::WriteTarget(Why::Edited),
        (Since::Same, Since::Edited) => Verdict::WriteSource(Why::Edited),
        // Edited on both sides, differently: the pair's policy.
        (Since::Edited, Since::Edited) => match rules.winner() {
            Some(winner) => rules.write_from(winner, Why::Policy),
            None => Verdict::Conflict,
        },
    }
}

/// One field at a join, when there is no base yet. `peers`: rules if both halves may be written; `None` for a projection.
#[expect(clippy::match_same_arms, reason = "one arm for one row of the table in SEMANTICS.md")]
pub fn joining(
    field: Field,
    source: Option<&str>,
    target: Option<&str>,
    source_side: Side,
    mode: MergeMode,
    enforce: bool,
    peers: Option<PeerRules>,
) -> Verdict {
    if equal(field, source, target) {
        return Verdict::InStep;
    }
    let blank = |value: Option<&str>| value.is_none_or(|value| compared(field, value).is_empty());
    match (mode, peers) {
        // Join and write nothing else: each side keeps its value as its base.
        (MergeMode::LinkOnly, _) => Verdict::Differing,
        // One side is the truth: its values that are not blank are written.
        (MergeMode::AToB | MergeMode::BToA, _) => {
            let truth = if mode == MergeMode::AToB { Side::A } else { Side::B };
            if truth == source_side && !blank(source) {
                Verdict::WriteTarget(Why::Policy)
            } else if truth != source_side && peers.is_some() && !blank(target) {
                Verdict::WriteSource(Why::Policy)
            } else {
                Verdict::Differing
            }
        }
        // The copy lacks what the owner says.
        (MergeMode::TwoWay, _) if blank(target) => Verdict::WriteTarget(Why::FillBlank),
        // Both may be written, and the source lacks what the target says.
        (MergeMode::TwoWay, Some(_)) if blank(source) => Verdict::WriteSource(Why::FillBlank),
        // Peers that differ: policy `a`, `b` or `newest` decides, else both keep their value.
        (MergeMode::TwoWay, Some(rules)) => rules.winner().map_or(Verdict::Differing, |winner| rules.write_from(winner, Why::Policy)),
        // A projection that differs is kept until its owner changes it, unless the operator enforces.
        (MergeMode::TwoWay, None) if enforce => Verdict::WriteTarget(Why::Policy),
        (MergeMode::TwoWay, None) => Verdict::Differing,
    }
}
