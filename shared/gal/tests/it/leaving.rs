//! What the operator takes away (`unpublish`, `make-way`), by the link or by the stamp alone.

use gal::decide::{leave_operation, link_from_stamp, purge_at};
use gal::operation::Reason;
use gal::stamp::Mark;
use gal::{Entry, Field, FieldSet, Phase, Provenance, Recipient, Side, Stamp};
use jiff::Timestamp;

use crate::pair::{INSTALLATION, ago, ann, copy_of, link, link_said, now, published, set};
use crate::written::{Table, matches};

fn restamp(contact: &mut Recipient, change: impl FnOnce(&mut Stamp)) {
    if let Mark::Stamp(stamp) = &mut contact.mark {
        change(stamp);
    }
}

#[test]
fn what_the_operator_takes_away() {
    let mut table = Table::default();
    for provenance in [Provenance::Made, Provenance::Found] {
        for purge in [true, false] {
            for (name, staged, edited) in [("live", false, false), ("live, edited since", false, true), ("staged", true, false)] {
                let mut contact = copy_of(&ann(), Side::B, 1);
                restamp(&mut contact, |stamp| stamp.provenance = provenance);
                let phase = if staged { Phase::Staged { since: ago(1), side: Side::B } } else { Phase::Live };
                let link = link(&ann(), Side::A, &contact, provenance, phase);
                contact.hidden = staged;
                if edited {
                    set(&mut contact, Field::City, Some("Bern"));
                    set(&mut contact, Field::Title, Some("Boss"));
                }
                let reason = Reason::Operator { command: "unpublish".to_owned() };
                let operation = leave_operation(INSTALLATION, &link, &Entry::new(contact), reason, "Ann", purge, published().b);
                let told: Vec<String> = operation
                    .told()
                    .into_iter()
                    .map(|told| format!("{}: {} → {}", told.property, told.before.unwrap_or("-".into()), told.after.unwrap_or("-".into())))
                    .collect();
                let after = operation.patch.apply(&link).map_or("forgotten".to_owned(), |link| link_said(&link));
                let said = format!("{} ({}) {} ⇒ {after}", operation.action, operation.reason, told.join("; "));
                table.add(&format!("{provenance}, {}", if purge { "purge" } else { "release" }), name, &[said]);
            }
        }
    }
    matches("leaving.txt", &table.text());
}

/// What galbridge wrote is put back: a blank too, and a field that is no longer published. A blank that it did not write is not.
#[test]
fn a_found_contact_gets_back_what_was_written_over() {
    let title = |published: bool, written: Option<&str>| {
        let mut source = ann();
        set(&mut source, Field::Title, written);
        let mut contact = copy_of(&source, Side::B, 1);
        restamp(&mut contact, |stamp| stamp.provenance = Provenance::Found);
        let link = link(&source, Side::A, &contact, Provenance::Found, Phase::Live);
        let fields = if published { [Field::Title].into_iter().collect() } else { FieldSet::default() };
        let reason = Reason::Operator { command: "unpublish".to_owned() };
        let operation = leave_operation(INSTALLATION, &link, &Entry::new(contact), reason, "Ann", false, fields);
        operation.changes.into_iter().find(|change| change.field == Field::Title).and_then(|change| change.after)
    };
    let back = Some("Before".to_owned());
    assert_eq!([title(true, Some("Clerk")), title(true, None), title(false, Some("Clerk"))], [back.clone(), back.clone(), back]);
    assert_eq!(title(false, None), None, "its administrator's own blank");
}

#[test]
fn what_a_stamp_tells_where_the_link_is_lost() {
    type Change<'c> = &'c dyn Fn(&mut Recipient);
    let stamped = |change: &dyn Fn(&mut Stamp)| {
        let mut contact = copy_of(&ann(), Side::B, 1);
        restamp(&mut contact, |stamp| change(stamp));
        contact
    };
    let of = |change: Change<'_>| {
        let mut contact = stamped(&|_| {});
        change(&mut contact);
        contact
    };
    let cases = [
        ("ours", stamped(&|_| {})),
        ("ours, found", stamped(&|stamp| stamp.provenance = Provenance::Found)),
        ("ours, of a static contact", stamped(&|stamp| "static".clone_into(&mut stamp.origin_tenant))),
        ("ours, staged and hidden", {
            let mut contact = stamped(&|stamp| stamp.staged = Some(ago(3)));
            contact.hidden = true;
            contact
        }),
        ("ours, hidden", of(&|contact| contact.hidden = true)),
        ("another pair's", stamped(&|stamp| "third-id".clone_into(&mut stamp.origin_tenant))),
        ("another installation's", stamped(&|stamp| "there".clone_into(&mut stamp.installation))),
        ("without a stamp", of(&|contact| contact.mark = Mark::None)),
    ];
    let mut table = Table::default();
    for side in Side::BOTH {
        for (name, contact) in &cases {
            let published: FieldSet = [Field::DisplayName].into_iter().collect();
            let told = link_from_stamp(INSTALLATION, side, "contoso-id", published, contact);
            let said = told.map_or("nothing".to_owned(), |link| {
                assert_eq!((link.target, link.target_guid), (Some(contact.anchor), contact.guid));
                assert!(link.base_target.holds(Field::Title, Some("Clerk")) && link.base_source.holds(Field::Title, None));
                assert!(link.base_source.holds(Field::DisplayName, Some("Ann")));
                format!("{} <{}> {}", link.key, link.address, link_said(&link))
            });
            table.add(&format!("in {side}"), name, &[said]);
        }
    }
    matches("stamps.txt", &table.text());
}

#[test]
fn a_grace_period_ends_to_the_second() {
    assert_eq!(purge_at(ago(14), 14), now());
    assert_eq!(purge_at(now(), 0), now());
    assert_eq!(purge_at(Timestamp::MAX, 30), Timestamp::MAX);
}
