//! Taking a run back: what it wrote into a contact is put back to what stood there before, if nobody has touched that since.
//!
//! Whether somebody has cannot be told for five minutes after our own write, while what is read may still be older: until then
//! the contact is left alone.
//!
//! What a run removed or gave back cannot come again by a write, and is left alone with its reason. What is put back stays: the bases
//! remember it as a difference that nobody edited, so that the next run writes it only when the source is edited anew.

use std::fmt;

use jiff::Timestamp;

use crate::base::Base;
use crate::decide::{SETTLING, contact_of, leave_operation};
use crate::desired::current;
use crate::field::{Field, FieldSet};
use crate::link::{Link, LinkKey, Phase, Suppression};
use crate::operation::{Action, Extras, FieldChange, LinkPatch, Operation, Reason};
use crate::recipient::{Side, Sides};
use crate::world::{Entry, World};

/// What a run did to one object: its operations, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// The link.
    pub link: LinkKey,
    /// The side that was written.
    pub side: Side,
    /// The words of its operations, such as `create`.
    pub operations: Vec<String>,
    /// What was written: the property, what stood there before the first, and what stood there after the last.
    pub changes: Vec<Written>,
}

/// One property that a run wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The property, as the record of the run names it.
    pub property: String,
    /// What stood there.
    pub before: Option<String>,
    /// What was written.
    pub after: Option<String>,
}

/// What is asked for, and what is known.
#[derive(Clone, Copy, Debug)]
pub struct Undoing<'w> {
    /// This installation.
    pub installation: &'w str,
    /// The id of the run that is taken back.
    pub run: &'w str,
    /// Now.
    pub now: Timestamp,
    /// Both sides.
    pub world: &'w World,
    /// The fields that the profile publishes into each side.
    pub published: Sides<FieldSet>,
}

/// Why something is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// It was written just now: what is read may still be older, and hide what somebody did since.
    Settling {
        /// When it can be told.
        until: Timestamp,
    },
    /// What the run wrote does not stand there any more: what stood there before does.
    AsBefore,
    /// Only its manager was written, and the contact of the manager before is gone.
    ManagerGone,
    /// It belongs to no link any more.
    NotLinked,
    /// The object is gone.
    Gone,
    /// Somebody changed it since.
    Edited {
        /// What.
        property: String,
        /// What stands there now.
        stands: Option<String>,
    },
    /// It was removed: it cannot come again with its memberships.
    Removed,
    /// It was given back, and is its administrator's.
    GivenBack,
    /// It stands for another account since.
    Relinked,
    /// It stands for somebody of another pair by now.
    Anothers,
    /// The run took it over from another pair.
    TakenOver,
    /// It is mastered on-premises.
    DirectorySynced,
    /// Only bookkeeping was written.
    Nothing,
}

impl Left {
    /// The reason in one word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Settling { .. } => "written-just-now",
            Self::AsBefore => "as-before",
            Self::ManagerGone => "manager-gone",
            Self::NotLinked => "not-linked",
            Self::Gone => "gone-since",
            Self::Edited { .. } => "edited-since",
            Self::Removed => "removed-for-good",
            Self::GivenBack => "given-back",
            Self::Relinked => "relinked",
            Self::Anothers => "stands-for-another",
            Self::TakenOver => "taken-over",
            Self::DirectorySynced => "directory-synced",
            Self::Nothing => "nothing-to-put-back",
        }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settling { until } => {
                write!(out, "it was written just now, and an edit since might not be seen yet; ask again after {}", until.strftime("%H:%M:%S UTC"))
            }
            Self::AsBefore => out.write_str("it stands as it did before the run"),
            Self::ManagerGone => out.write_str("only its manager changed, and the contact of the one before is gone"),
            Self::NotLinked => out.write_str("it is linked no more"),
            Self::Gone => out.write_str("the contact is gone since"),
            Self::Edited { property, stands } => {
                write!(
                    out,
                    "{property} was changed since, and is {} now",
                    stands.as_deref().map_or("blank".to_owned(), |value| format!("\"{value}\""))
                )
            }
            Self::Removed => out.write_str("it was removed for good; it is made anew when its source is published again (`galbridge explain` says whether it is suppressed)"),
            Self::GivenBack => out.write_str("it was given back, and is its administrator's"),
            Self::Relinked => out.write_str("it stands for an account that was made again"),
            Self::Anothers => out.write_str("it stands for somebody of another pair by now"),
            Self::TakenOver => out.write_str("it was another pair's, and hidden for its deletion; to hide it again, take its source out of the scope"),
            Self::DirectorySynced => out.write_str("it is mastered on-premises"),
            Self::Nothing => out.write_str("only stamp, Name or reply addresses were written"),
        }
    }
}

/// How the run is named in reasons.
fn reason(run: &str) -> Reason {
    Reason::Operator { command: format!("undo {run}") }
}

/// The operation that takes a deed back, or why it is left alone. `entry`: the object that was written, as it stands now.
pub fn undo(asked: &Undoing<'_>, deed: &Deed, link: Option<&Link>, entry: Option<&Entry>) -> Result<Operation, Left> {
    let Undoing { installation, now, .. } = *asked;
    let did = |words: &[Action]| deed.operations.iter().any(|word| words.iter().any(|action| action.as_str() == word));
    if did(&[Action::Purge, Action::Remove]) {
        return Err(Left::Removed);
    }
    if did(&[Action::Release, Action::HandOver, Action::Abandon]) {
        return Err(Left::GivenBack);
    }
    if did(&[Action::Relink]) {
        return Err(Left::Relinked);
    }
    if did(&[Action::Claim, Action::TakeOver]) {
        return Err(Left::TakenOver);
    }
    let link = link.ok_or(Left::NotLinked)?;
    let entry = entry.filter(|entry| entry.recipient.is_present()).ok_or(Left::Gone)?;
    if entry.recipient.directory_synced {
        return Err(Left::DirectorySynced);
    }
    let stamp = entry.recipient.mark.stamp().filter(|stamp| deed.side == link.target_side() && stamp.installation == installation);
    if stamp.is_some_and(|stamp| stamp.anchor != link.key.anchor) {
        return Err(Left::Anothers);
    }
    if let Some(until) = entry.written_at.map(|written| written + SETTLING).filter(|until| *until > now) {
        return Err(Left::Settling { until });
    }
    untouched(deed, entry)?;
    // Of two contacts that were joined the one at the origin gets back what it said, like any other that was edited.
    if deed.side == link.target_side() && did(&[Action::Create, Action::Resume, Action::Adopt, Action::AdoptGuest]) {
        return Ok(never_made(asked, link, entry));
    }
    let staged = did(&[Action::Stage]);
    let (operation, manager_gone) = put_back(asked, deed, link, entry, staged);
    match (operation.changes.is_empty() && operation.extras.is_empty(), manager_gone) {
        (false, _) => Ok(operation),
        (true, true) => Err(Left::ManagerGone),
        (true, false) => Err(Left::Nothing),
    }
}

/// Nobody has changed since what the run wrote. What stands as it did before was not written, or was put back already.
fn untouched(deed: &Deed, entry: &Entry) -> Result<(), Left> {
    let hidden = entry.recipient.hidden.to_string();
    let (mut as_before, mut as_written) = (false, false);
    for Written { property, before, after } in &deed.changes {
        let (is, stands) = match Field::from_property(property) {
            Some(field) => {
                let stands = current(&entry.recipient, field);
                let print = |value: Option<&str>| Base::print(field, value);
                ([after, before].map(|value| print(stands) == print(value.as_deref())), stands)
            }
            None if property == HIDDEN => ([after, before].map(|value| value.as_deref() == Some(&hidden)), Some(hidden.as_str())),
            // Stamp, Name and reply addresses are ours.
            None => ([true, true], None),
        };
        match is {
            [true, true] => {}
            [true, false] => as_written = true,
            [false, true] => as_before = true,
            [false, false] => return Err(Left::Edited { property: property.clone(), stands: stands.map(str::to_owned) }),
        }
    }
    if as_before && !as_written { Err(Left::AsBefore) } else { Ok(()) }
}

const HIDDEN: &str = "HiddenFromAddressListsEnabled";

/// What was made is removed, what was adopted is given back; neither is published again until a person says so.
fn never_made(asked: &Undoing<'_>, link: &Link, entry: &Entry) -> Operation {
    let phase = Phase::Suppressed { reason: Suppression::Undone };
    let published = *asked.published.get(link.target_side());
    let mut operation = leave_operation(asked.installation, link, entry, reason(asked.run), entry.recipient.title(), true, published);
    operation.patch = LinkPatch::phase(phase.clone());
    operation.start = Some(Box::new(Link { phase, ..link.clone() }));
    operation
}

/// Fields and the hidden flag as they were; and whether a manager stays as he is, because the one before is gone.
fn put_back(asked: &Undoing<'_>, deed: &Deed, link: &Link, entry: &Entry, staged: bool) -> (Operation, bool) {
    let mut manager_gone = false;
    let on_target = deed.side == link.target_side();
    let mut patch = LinkPatch::default();
    let mut changes = Vec::new();
    let mut extras = Extras::default();
    for Written { property, before, after } in &deed.changes {
        if let Some(field) = Field::from_property(property) {
            let [stood, meant, stands] =
                [before.as_deref(), after.as_deref(), current(&entry.recipient, field)].map(|value| Base::print(field, value));
            if stood == meant || stood == stands {
                continue;
            }
            if field == Field::Manager && before.as_deref().is_some_and(|name| asked.world.named(deed.side, name).is_none()) {
                manager_gone = true;
                continue;
            }
            let bases = if on_target { &mut patch.base_target } else { &mut patch.base_source };
            bases.push((field, Base::print(field, before.as_deref())));
            changes.push(FieldChange { field, before: current(&entry.recipient, field).map(str::to_owned), after: before.clone() });
        } else if property == HIDDEN {
            extras.hidden = Some(after.as_deref() != Some("true"));
        }
    }
    if staged {
        // Shown against its source's word: its administrator keeps it, until the source is back.
        extras.stamp = entry.recipient.mark.stamp().map(|stamp| Some(crate::Stamp { staged: None, ..stamp.clone() }));
        patch.phase = Some(Phase::Kept);
    } else if extras.hidden == Some(true) {
        // Hidden again: a veto, or the next run would show it.
        patch.base_hidden = Some(true);
    }
    let operation = Operation {
        action: Action::Update,
        side: deed.side,
        key: link.key,
        title: entry.recipient.title().to_owned(),
        address: link.address.clone(),
        reason: reason(asked.run),
        contact: contact_of(entry),
        changes,
        extras,
        // Should the answer be lost, it was we who showed it, and nobody takes it for a hiding that was half done.
        start: staged.then(|| Box::new(Link { phase: Phase::Kept, ..link.clone() })),
        patch,
        manager: None,
        notes: Vec::new(),
    };
    (operation, manager_gone)
}
