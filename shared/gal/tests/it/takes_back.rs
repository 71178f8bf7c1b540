//! Undo: what it puts back, and what it leaves alone, for each kind of operation.

use gal::operation::{Action, Operation};
use gal::recipient::Presence;
use gal::stamp::Mark;
use gal::undo::{Deed, Undoing, Written, undo};
use gal::{Entry, Field, Link, Phase, Provenance, Recipient, Side};
use jiff::SignedDuration;

use crate::pair::{INSTALLATION, ago, ann, copy_of, link, link_said, published, set, world};
use crate::written::matches;

fn deed(operations: &[Action], changes: &[(&str, Option<&str>, Option<&str>)]) -> Deed {
    let written = |(property, before, after): &(&str, Option<&str>, Option<&str>)| Written {
        property: (*property).to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    Deed {
        link: link(&ann(), Side::A, &copy_of(&ann(), Side::B, 1), Provenance::Made, Phase::Live).key,
        side: Side::B,
        operations: operations.iter().map(|action| action.as_str().to_owned()).collect(),
        changes: changes.iter().map(written).collect(),
    }
}

fn said(done: Result<Operation, gal::undo::Left>, link: Option<&Link>) -> String {
    let operation = match done {
        Ok(operation) => operation,
        Err(left) => return format!("left alone, {}: {left}", left.code()),
    };
    let told: Vec<String> = operation
        .told()
        .into_iter()
        .map(|told| format!("{}: {} → {}", told.property, told.before.unwrap_or("-".to_owned()), told.after.unwrap_or("-".to_owned())))
        .collect();
    let before = operation.start.as_deref().or(link);
    let after = before.and_then(|link| operation.patch.apply(link)).map_or("forgotten".to_owned(), |link| link_said(&link));
    format!("{} ({}) {} ⇒ {after}", operation.action, operation.reason, told.join("; "))
}

#[test]
fn what_is_put_back_and_what_is_left_alone() {
    let title = ("Title", Some("Clerk"), Some("Head"));
    let hidden = ("HiddenFromAddressListsEnabled", Some("false"), Some("true"));
    let shown = ("HiddenFromAddressListsEnabled", Some("true"), Some("false"));
    let stamp = ("Stamp", None, Some("whatever"));
    let managed = |was: &'static str| ("Manager", Some(was), None);
    let contact = |change: &dyn Fn(&mut Recipient)| {
        let mut contact = copy_of(&ann(), Side::B, 1);
        change(&mut contact);
        contact
    };
    let head = |contact: &mut Recipient| set(contact, Field::Title, Some("Head"));
    let staged = |contact: &mut Recipient| {
        contact.hidden = true;
        if let Mark::Stamp(stamp) = &mut contact.mark {
            stamp.staged = Some(ago(1));
        }
    };
    let source_side = Deed { side: Side::A, ..deed(&[Action::Update], &[title]) };
    let cases: Vec<(&str, Deed, Option<Recipient>)> = vec![
        ("an edit that stands", deed(&[Action::Update], &[title]), Some(contact(&head))),
        (
            "an edit of the source's half",
            source_side,
            Some({
                let mut ann = ann();
                head(&mut ann);
                ann
            }),
        ),
        ("an edit that was edited since", deed(&[Action::Update], &[title]), Some(contact(&|one| set(one, Field::Title, Some("Boss"))))),
        ("an edit that was cleared since", deed(&[Action::Update], &[title]), Some(contact(&|one| set(one, Field::Title, None)))),
        (
            "a value that was cleared",
            deed(&[Action::Update], &[("Title", Some("Head"), None)]),
            Some(contact(&|one| set(one, Field::Title, None))),
        ),
        ("a value put where none was", deed(&[Action::Update], &[("Title", None, Some("Head"))]), Some(contact(&head))),
        ("another spelling only", deed(&[Action::Update], &[("Title", Some(" Head"), Some("Head"))]), Some(contact(&head))),
        ("the stamp only", deed(&[Action::Update], &[stamp]), Some(contact(&|_| {}))),
        ("the stamp and a field", deed(&[Action::Update], &[stamp, title]), Some(contact(&head))),
        ("a staging", deed(&[Action::Stage], &[hidden]), Some(contact(&staged))),
        ("a staging, shown since", deed(&[Action::Stage], &[hidden]), Some(contact(&|_| {}))),
        ("a restoring", deed(&[Action::Restore], &[shown]), Some(contact(&|_| {}))),
        ("a restoring, hidden since", deed(&[Action::Restore], &[shown]), Some(contact(&|one| one.hidden = true))),
        ("a creation", deed(&[Action::Create], &[("Title", None, Some("Clerk"))]), Some(contact(&|_| {}))),
        ("a creation that was resumed", deed(&[Action::Resume], &[("Title", None, Some("Clerk"))]), Some(contact(&|_| {}))),
        ("a creation, edited since", deed(&[Action::Create], &[("Title", None, Some("Clerk"))]), Some(contact(&head))),
        ("an adoption", deed(&[Action::Adopt], &[title]), Some(contact(&head))),
        ("an adopted guest", deed(&[Action::AdoptGuest], &[title]), Some(contact(&head))),
        ("a purge", deed(&[Action::Purge], &[]), None),
        ("a removal", deed(&[Action::Remove], &[]), None),
        ("a release", deed(&[Action::Release], &[]), Some(contact(&|_| {}))),
        ("a handing over", deed(&[Action::HandOver], &[]), Some(contact(&|_| {}))),
        ("an abandoned creation", deed(&[Action::Abandon], &[]), Some(contact(&|_| {}))),
        ("a re-linking", deed(&[Action::Relink], &[title]), Some(contact(&head))),
        ("gone since", deed(&[Action::Update], &[title]), None),
        ("deleted since", deed(&[Action::Update], &[title]), Some(contact(&|one| one.presence = Presence::Gone(ago(0))))),
        ("a manager who is there", deed(&[Action::Update], &[managed("galbridge-boss")]), Some(contact(&|_| {}))),
        ("a manager who is gone", deed(&[Action::Update], &[managed("galbridge-gone")]), Some(contact(&|_| {}))),
        ("a manager who is gone, and a title", deed(&[Action::Update], &[managed("galbridge-gone"), title]), Some(contact(&head))),
        (
            "another's stamp",
            deed(&[Action::Update], &[title]),
            Some(contact(&|one| {
                head(one);
                if let Mark::Stamp(stamp) = &mut one.mark {
                    stamp.anchor = crate::pair::anchor(Side::A, 9);
                }
            })),
        ),
        (
            "another installation's stamp",
            deed(&[Action::Update], &[title]),
            Some(contact(&|one| {
                head(one);
                if let Mark::Stamp(stamp) = &mut one.mark {
                    (stamp.anchor, stamp.installation) = (crate::pair::anchor(Side::A, 9), "there".to_owned());
                }
            })),
        ),
        (
            "an edit of a source's half that bears somebody's stamp",
            Deed { side: Side::A, ..deed(&[Action::Update], &[title]) },
            Some(contact(&|one| {
                head(one);
                if let Mark::Stamp(stamp) = &mut one.mark {
                    stamp.anchor = crate::pair::anchor(Side::A, 9);
                }
            })),
        ),
        ("mastered on-premises", deed(&[Action::Update], &[title]), Some(contact(&|one| one.directory_synced = true))),
    ];
    let mut boss = copy_of(&ann(), Side::B, 2);
    "galbridge-boss".clone_into(&mut boss.name);
    let world = world(vec![], vec![boss], vec![]);
    let asked = Undoing { installation: INSTALLATION, run: "run-7", now: ago(0), world: &world, published: published() };
    // Who was made is suppressed before his contact is removed: a crash in between must not make him again.
    let ours = link(&ann(), Side::A, &copy_of(&ann(), Side::B, 1), Provenance::Made, Phase::Live);
    let removal = undo(&asked, &deed(&[Action::Create], &[]), Some(&ours), Some(&Entry::new(contact(&|_| {})))).unwrap();
    assert!(matches!(removal.start.as_deref(), Some(Link { phase: Phase::Suppressed { .. }, .. })), "{removal:?}");
    let mut told = String::new();
    for (name, deed, entry) in cases {
        for provenance in [Provenance::Made, Provenance::Found] {
            let phase = if deed.operations == ["stage"] { Phase::Staged { since: ago(1), side: Side::B } } else { Phase::Live };
            let mut before = copy_of(&ann(), Side::B, 1);
            if provenance == Provenance::Found {
                head(&mut before);
            }
            let link = link(&ann(), Side::A, &before, provenance, phase);
            let entry = entry.clone().map(Entry::new);
            let done = undo(&asked, &deed, Some(&link), entry.as_ref());
            told.push_str(&format!("{name}, {provenance}\n    {}\n", said(done, Some(&link))));
        }
    }
    let unlinked = undo(&asked, &deed(&[Action::Update], &[title]), None, Some(&Entry::new(contact(&head))));
    for (when, written) in [("four minutes ago", 4), ("five minutes ago", 5)] {
        let link = link(&ann(), Side::A, &copy_of(&ann(), Side::B, 1), Provenance::Made, Phase::Live);
        let written_at = Some(ago(0) - SignedDuration::from_mins(written));
        let entry = Entry { written_at, ..Entry::new(contact(&head)) };
        let done = undo(&asked, &deed(&[Action::Update], &[title]), Some(&link), Some(&entry));
        told.push_str(&format!("an edit of {when}\n    {}\n", said(done, Some(&link))));
    }
    told.push_str(&format!("linked no more\n    {}\n", said(unlinked, None)));
    matches("undo.txt", &told);
}

/// What stands as before is not written once more; and a contact that is shown is kept from the first moment, should the answer be lost.
#[test]
fn only_what_is_not_back_yet_is_put_back() {
    let world = world(vec![], vec![], vec![]);
    let asked = Undoing { installation: INSTALLATION, run: "run-7", now: ago(0), world: &world, published: published() };
    let mut contact = copy_of(&ann(), Side::B, 1);
    let linked = |phase| link(&ann(), Side::A, &copy_of(&ann(), Side::B, 1), Provenance::Made, phase);
    set(&mut contact, Field::Title, Some("Head"));
    set(&mut contact, Field::City, Some("Bern"));
    let both = deed(&[Action::Update], &[("Title", Some("Clerk"), Some("Head")), ("City", Some("Bern"), Some("Basel"))]);
    let operation = undo(&asked, &both, Some(&linked(Phase::Live)), Some(&Entry::new(contact.clone()))).unwrap();
    let fields: Vec<Field> = operation.changes.iter().map(|change| change.field).collect();
    assert_eq!((fields, operation.patch.base_target.len()), (vec![Field::Title], 1), "{operation:?}");

    contact.hidden = true;
    let hiding = deed(&[Action::Stage], &[("HiddenFromAddressListsEnabled", Some("false"), Some("true"))]);
    let staged = linked(Phase::Staged { since: ago(1), side: Side::B });
    let operation = undo(&asked, &hiding, Some(&staged), Some(&Entry::new(contact))).unwrap();
    assert_eq!(operation.start.map(|link| link.phase), Some(Phase::Kept));
}
