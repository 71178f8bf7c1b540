//! What the sweep finds, against the merge.

use super::*;
use proptest::prelude::*;
use uuid::Uuid;

const FIELDS: [Field; 6] =
    [Field::DisplayName, Field::Title, Field::City, Field::CountryOrRegion, Field::MailTip, Field::ExternalEmailAddress];

fn anchor(number: u32) -> Anchor {
    // Some of them alike in their first bits, so that buckets are searched.
    Anchor(Uuid::from_u128(u128::from(number % 3) << 126 | u128::from(number)))
}

/// Few values, so that halves often agree: spellings of one value, blank ones, different ones.
fn some_values() -> impl Strategy<Value = Values> {
    let spelling = prop::sample::select(vec![
        "CH",
        "Switzerland",
        " switzerland ",
        "A@b.example",
        "smtp:a@B.example",
        "a",
        "b",
        " ",
        "<html><body>a</body></html>",
    ]);
    prop::collection::vec((prop::sample::select(FIELDS.to_vec()), spelling), 0..6).prop_map(|entries| entries.into_iter().collect())
}

/// One link: its bases, what its halves say now (`None`: as remembered), and whether they exist.
type Life = (Values, Option<Values>, Option<Values>, Option<Values>, bool, bool);

fn some_life() -> impl Strategy<Value = Life> {
    let now = || prop::option::weighted(0.4, some_values());
    (some_values(), now(), now(), now(), prop::bool::weighted(0.9), prop::bool::weighted(0.9))
}

/// The long way: every field of every link through the merge.
fn decided(lives: &[Life], fields: FieldSet, enforce: bool) -> Vec<Found> {
    let mut all = Vec::new();
    for (number, (was, other, source, target, has_source, has_target)) in lives.iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        let other = other.as_ref().unwrap_or(was);
        let (base_source, base_target) = (Base::of(was), Base::of(other));
        let (source, target) = (source.as_ref().unwrap_or(was), target.as_ref().unwrap_or(other));
        let verdicts = Field::all().filter(|field| fields.contains(*field)).filter_map(|field| {
            let (left, right) = (source.get(field), target.get(field));
            let verdict = projection(field, left, right, &base_source, &base_target, enforce);
            let moved = !base_source.holds(field, left) || !base_target.holds(field, right);
            (moved || !matches!(verdict, Verdict::InStep | Verdict::Differing)).then_some((field, verdict))
        });
        let verdicts: Vec<_> = verdicts.collect();
        let (source, target) = (anchor(number), anchor(number + 1_000));
        if !has_source || !has_target {
            all.push(Found { source, target, finding: Finding::Missing });
        } else if !verdicts.is_empty() {
            all.push(Found { source, target, finding: Finding::Fields(verdicts) });
        }
    }
    all.sort_by_key(|found| found.source);
    all
}

fn swept(lives: &[Life], fields: FieldSet, enforce: bool) -> Vec<Found> {
    let numbered = || lives.iter().zip(0_u32..);
    let source_of = |life: &Life| life.2.clone().unwrap_or_else(|| life.0.clone());
    let target_of = |life: &Life| life.3.clone().or_else(|| life.1.clone()).unwrap_or_else(|| life.0.clone());
    let sources: Rows = numbered().filter(|(life, _)| life.4).map(|(life, number)| (anchor(number), source_of(life))).collect();
    let targets: Rows = numbered().filter(|(life, _)| life.5).map(|(life, number)| (anchor(number + 1_000), target_of(life))).collect();
    let ties: Ties = numbered()
        .map(|(life, number)| Tie {
            source: anchor(number),
            target: anchor(number + 1_000),
            base_source: Base::of(&life.0),
            base_target: Base::of(life.1.as_ref().unwrap_or(&life.0)),
        })
        .collect();
    sweep(&sources.into(), &targets.into(), &ties, fields, enforce)
}

proptest! {
    #[test]
    fn the_sweep_finds_what_the_merge_decides(
        lives in prop::collection::vec(some_life(), 0..150),
        without in prop::sample::select(FIELDS.to_vec()),
        enforce: bool,
    ) {
        let fields: FieldSet = FIELDS.into_iter().filter(|field| *field != without).collect();
        prop_assert_eq!(swept(&lives, fields, enforce), decided(&lives, fields, enforce));
    }

    #[test]
    fn rows_are_found_in_any_order(rows in prop::collection::vec((0_u32..60, some_values()), 0..80)) {
        let all: Rows = rows.iter().map(|(number, values)| (anchor(*number), values)).collect();
        let all = ByAnchor::from(all);
        for number in 0..70 {
            let last = rows.iter().rev().find(|(candidate, _)| *candidate == number).map(|(_, values)| values.clone());
            prop_assert_eq!(all.get(anchor(number)), last);
        }
    }
}

/// Whoever holds his bases is passed over without the merge, in whatever spelling; whoever does not is not.
#[test]
fn what_is_held_is_passed_over() {
    for (field, value, other) in [
        (Field::Title, "Clerk", "Clerks"),
        (Field::Title, " Clerk", "Clerks"),
        (Field::Title, "Clerk ", "Clerks"),
        (Field::Title, "a\r\nb", "a"),
        (Field::Title, "Zürich", "Zurich"),
        (Field::CountryOrRegion, "CH", "AT"),
        (Field::ExternalEmailAddress, "SMTP:A@b.example", "a@c.example"),
        (Field::MailTip, "<html><body>a</body></html>", "b"),
    ] {
        let fields: FieldSet = [field].into_iter().collect();
        let row = |text| [(field, text)].into_iter().collect::<Values>();
        let base = Base::of(&row(value));
        let mut prints = Prints::default();
        for _ in 0..2 {
            assert!(prints.hold(base.packed(), row(value).packed(), fields), "{value:?}");
            assert!(!prints.hold(base.packed(), row(other).packed(), fields), "{other:?}");
        }
        let source = row(value);
        let halves = Halves { source: source.packed(), target: source.packed(), base_source: base.packed(), base_target: base.packed() };
        assert!(halves.quiet(&mut prints, fields, true));
        // Two halves that differ since the join are written only where the operator enforces it.
        let (target, base_target) = (row(other), Base::of(&row(other)));
        let apart = Halves { target: target.packed(), base_target: base_target.packed(), ..halves };
        assert_eq!([false, true].map(|enforce| apart.quiet(&mut prints, fields, enforce)), [true, false]);
    }
}

/// Only what is kept in step as a projection, and waits for nobody.
#[test]
fn what_is_swept() {
    let link = |change: &dyn Fn(&mut Link)| {
        let key = crate::link::LinkKey { origin: crate::link::Origin::A, anchor: anchor(1) };
        let mut link = Link::sample(key, anchor(2), Phase::Live);
        change(&mut link);
        Tie::of(&link).is_some()
    };
    let retry_at = jiff::Timestamp::UNIX_EPOCH;
    assert!(link(&|_| ()));
    assert!(!link(&|link| link.target = None));
    assert!(!link(&|link| link.role = Role::Peer));
    assert!(!link(&|link| link.phase = Phase::Kept));
    assert!(!link(&|link| link.conflicts = vec![Field::Title]));
    assert!(!link(&|link| link.quarantine = Some(crate::link::Quarantine { reason: String::new(), attempts: 1, retry_at })));
}

/// Sorted, and some of them twice: the last one counts.
#[test]
fn rows_in_order() {
    let row = |text| [(Field::Title, text)].into_iter().collect::<Values>();
    let all = ByAnchor::from([(anchor(3), row("a")), (anchor(3), row("b")), (anchor(6), row("c"))].into_iter().collect::<Rows>());
    assert_eq!((all.len(), all.is_empty(), all.get(anchor(3))), (2, false, Some(row("b"))));
    assert!(ByAnchor::default().is_empty() && ByAnchor::default().get(anchor(3)).is_none());
    let none = Ties::default();
    let tie = Tie { source: anchor(1), target: anchor(2), base_source: Base::default(), base_target: Base::default() };
    let two: Ties = [tie.clone(), tie].into_iter().collect();
    assert_eq!((none.len(), none.is_empty(), two.len(), two.is_empty()), (0, true, 2, false));
}

#[test]
fn both_edited_alike_is_found_so_that_the_bases_follow() {
    let was: Values = [(Field::Title, "Clerk")].into_iter().collect();
    let is = was.with(Field::Title, Some("Head"));
    let found = swept(&[(was, None, Some(is.clone()), Some(is), true, true)], FieldSet::defaults(), false);
    assert_eq!(found[0].finding, Finding::Fields(vec![(Field::Title, Verdict::InStep)]));
}
