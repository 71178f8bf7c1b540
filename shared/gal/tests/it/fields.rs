//! "One field of a linked pair" and "At a join" of SEMANTICS.md, every cell.

use gal::mapping::{FieldMapping, Mapping};
use gal::merge::{PeerRules, Verdict, equal, joining, peer, projection};
use gal::policy::{ConflictPolicy, MergeMode};
use gal::{Base, Field, Phase, Provenance, Role, Side, Values};

use crate::pair::{Asked, ann, copy_of, link, set, world};
use crate::written::{Table, matches};

/// Nothing, and three values.
const VALUES: [Option<&str>; 4] = [None, Some("x"), Some("y"), Some("z")];
const FIELD: Field = Field::Title;

fn base(value: Option<&str>) -> Base {
    Base::of(&Values::default().with(FIELD, value))
}

fn said(value: Option<&str>) -> &str {
    value.unwrap_or("·")
}

fn verdict(verdict: Verdict) -> [String; 1] {
    [format!("{verdict:?}")]
}

/// Source and target, each with its base: `x y (x x)`.
fn each(mut look: impl FnMut(&str, Option<&str>, Option<&str>, &Base, &Base)) {
    for source in VALUES {
        for target in VALUES {
            for base_source in VALUES {
                for base_target in VALUES {
                    let case = format!("{}{} ({}{})", said(source), said(target), said(base_source), said(base_target));
                    look(&case, source, target, &base(base_source), &base(base_target));
                }
            }
        }
    }
}

#[test]
fn one_field_of_a_projection() {
    let mut table = Table::default();
    for enforce in [false, true] {
        let heading = if enforce { "with --enforce: source target (their bases)" } else { "source target (their bases)" };
        each(|case, source, target, base_source, base_target| {
            table.add(heading, case, &verdict(projection(FIELD, source, target, base_source, base_target, enforce)));
        });
    }
    matches("field_projection.txt", &table.text());
}

#[test]
fn one_field_of_a_peer() {
    let mut table = Table::default();
    for (conflicts, newer) in rules() {
        let rules = PeerRules { conflicts, source_side: Side::A, newer };
        let heading = format!("policy {conflicts:?}, newer {newer:?}: source target (their bases)");
        each(|case, source, target, base_source, base_target| {
            table.add(&heading, case, &verdict(peer(FIELD, source, target, base_source, base_target, rules)));
        });
    }
    matches("field_peer.txt", &table.text());
}

fn rules() -> Vec<(ConflictPolicy, Option<Side>)> {
    let newest = [None, Some(Side::A), Some(Side::B)].map(|newer| (ConflictPolicy::Newest, newer));
    [ConflictPolicy::Hold, ConflictPolicy::A, ConflictPolicy::B].map(|policy| (policy, Some(Side::A))).into_iter().chain(newest).collect()
}

#[test]
fn one_field_at_a_join() {
    let mut table = Table::default();
    for mode in [MergeMode::TwoWay, MergeMode::AToB, MergeMode::BToA, MergeMode::LinkOnly] {
        for source_side in Side::BOTH {
            for enforce in [false, true] {
                let peers = rules().into_iter().map(|(conflicts, newer)| Some(PeerRules { conflicts, source_side, newer }));
                for peers in std::iter::once(None).chain(peers) {
                    let who = peers.map_or("projection".to_owned(), |rules| format!("peers {:?} {:?}", rules.conflicts, rules.newer));
                    let heading = format!("{mode:?} from {source_side}{}", if enforce { ", --enforce" } else { "" });
                    for source in [None, Some("x"), Some("y")] {
                        for target in [None, Some("x"), Some(" ")] {
                            let case = format!("{who}: {} {}", said(source), said(target).replace(' ', "␠"));
                            table.add(&heading, &case, &verdict(joining(FIELD, source, target, source_side, mode, enforce, peers)));
                        }
                    }
                }
            }
        }
    }
    matches("field_join.txt", &table.text());
}

#[test]
fn what_the_service_takes_for_one_value() {
    let cases = [
        (Field::Title, None, None, true),
        (Field::Title, Some(" "), None, true),
        (Field::Title, None, Some("\t"), true),
        (Field::Title, Some("x"), None, false),
        (Field::Title, Some(" x "), Some("x"), true),
        (Field::Title, Some("X"), Some("x"), false),
        (Field::ExternalEmailAddress, Some("SMTP:Ann@a.Example"), Some("ann@A.example"), true),
        (Field::CountryOrRegion, Some("CH"), Some("Switzerland"), true),
        (Field::CountryOrRegion, Some("CH"), Some("Sweden"), false),
    ];
    for (field, left, right, same) in cases {
        assert_eq!(equal(field, left, right), same, "{field} {left:?} {right:?}");
        assert_eq!(equal(field, right, left), same, "{field} {right:?} {left:?}");
    }
}

/// What the profile publishes no more is cleared once in what galbridge made; but nobody is shown without a name.
#[test]
fn a_name_that_is_published_no_more_stays() {
    let mut asked = Asked::default();
    let off = [Field::DisplayName, Field::Title].map(|field| (field, FieldMapping::Off)).into();
    asked.policy.publishing.a.mapping = Mapping::compile(&off).unwrap();
    let contact = copy_of(&ann(), Side::B, 7);
    let link = link(&ann(), Side::A, &contact, Provenance::Made, Phase::Live);
    let plan = asked.plan(&world(vec![ann()], vec![contact], vec![link]));
    let cleared: Vec<_> = plan.operations.iter().flat_map(|one| &one.changes).map(|change| (change.field, &change.after)).collect();
    assert_eq!(cleared, [(Field::Title, &None)], "{plan:?}");
}

/// What an administrator writes into a field that was never published is remembered as his; between two contacts it would be a conflict
/// when the field comes to be shared, and is not remembered. What is remembered already is not remembered again.
#[test]
fn an_administrators_value_in_a_field_that_is_not_published() {
    let mut asked = Asked::default();
    for side in Side::BOTH {
        asked.policy.publishing.get_mut(side).mapping = Mapping::compile(&[(Field::Notes, FieldMapping::Off)].into()).unwrap();
    }
    for (role, known, remembered) in [(Role::Projection, None, true), (Role::Projection, Some("his"), false), (Role::Peer, None, false)] {
        let mut contact = copy_of(&ann(), Side::B, 7);
        let mut link = link(&ann(), Side::A, &contact, Provenance::Made, Phase::Live);
        set(&mut contact, Field::Notes, Some("his"));
        link.base_target = link.base_target.with([(Field::Notes, known)]);
        let source = if role == Role::Peer { crate::pair::recipient(Side::A, 1, gal::Kind::Contact, "ann@contoso.example") } else { ann() };
        link.role = role;
        let plan = asked.plan(&world(vec![source], vec![contact], vec![link]));
        let notes = plan.quiet.iter().flat_map(|change| &change.patch.base_target).filter(|(field, _)| *field == Field::Notes).count();
        assert_eq!(notes, usize::from(remembered), "{role:?}, {known:?}: {plan:?}");
    }
}
