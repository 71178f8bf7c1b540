//! The sweep: which links have something to decide, over whole directories at once.
//!
//! Of a million linked recipients a plan of everything finds that nearly all are as they were left.
//! The sweep finds the others without a [`crate::World`]: it needs the values of both sides and the bases
//! of the links, each packed end to end, so that a million of everything fits into half a gigabyte.
//! What it finds goes through [`crate::merge::projection`], field by field; what it passes over is
//! what that function would leave alone. The property test at the end says so.
//!
//! ```
//! use gal::sweep::{Finding, Rows, Tie, Ties, sweep};
//! use gal::merge::{Verdict, Why};
//! use gal::{Anchor, Base, Field, FieldSet, Values};
//!
//! let (ann, copy): (Anchor, Anchor) = ("11111111-1111-1111-1111-111111111111".parse()?, "22222222-2222-2222-2222-222222222222".parse()?);
//! let was: Values = [(Field::Title, "Clerk")].into_iter().collect();
//! let tie = Tie { source: ann, target: copy, base_source: Base::of(&was), base_target: Base::of(&was) };
//! let sources: Rows = [(ann, was.with(Field::Title, Some("Head")))].into_iter().collect();
//! let targets: Rows = [(copy, was)].into_iter().collect();
//! let ties: Ties = [tie].into_iter().collect();
//! let found = sweep(&sources.into(), &targets.into(), &ties, FieldSet::defaults(), false);
//! assert_eq!(found[0].finding, Finding::Fields(vec![(Field::Title, Verdict::WriteTarget(Why::Edited))]));
//! # Ok::<(), uuid::Error>(())
//! ```

mod packed;

use std::borrow::Borrow;
use std::collections::BTreeMap;

use crate::base::{self, Base};
use crate::field::{Field, FieldSet, Normaliser};
use crate::link::{Link, Phase, Role};
use crate::merge::{Verdict, projection};
use crate::normalise::compared;
use crate::recipient::Anchor;
use crate::values::{self, Values, fingerprint};

use packed::{Packed, Spot};
use xxhash_rust::xxh3::xxh3_64;

/// The values of many recipients, packed end to end in the order they came.
///
/// For a side of sources: the mapped values, in the target's terms, as bases remember them.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    places: Vec<Place>,
    packed: Packed,
}

#[derive(Clone, Debug)]
struct Place {
    anchor: Anchor,
    spot: Spot,
    length: u32,
}

impl<V: Borrow<Values>> Extend<(Anchor, V)> for Rows {
    /// Adds rows, shard by shard. Nothing of what is given is kept but a copy of its bytes.
    fn extend<T: IntoIterator<Item = (Anchor, V)>>(&mut self, rows: T) {
        for (anchor, values) in rows {
            let bytes = values.borrow().packed();
            // A value is bounded by its field's limit, so a row never comes near four gigabytes.
            let length = u32::try_from(bytes.len()).unwrap_or_default();
            self.places.push(Place { anchor, spot: self.packed.add(&[bytes]), length });
        }
    }
}

impl<V: Borrow<Values>> FromIterator<(Anchor, V)> for Rows {
    fn from_iter<T: IntoIterator<Item = (Anchor, V)>>(rows: T) -> Self {
        let mut all = Self::default();
        all.extend(rows);
        all
    }
}

/// Rows that are found by their anchor.
#[derive(Clone, Debug, Default)]
pub struct ByAnchor {
    /// Sorted by anchor, each anchor once.
    places: Vec<Place>,
    packed: Packed,
    /// Where the anchors that begin with each bit pattern begin in `places`.
    buckets: Vec<usize>,
}

impl From<Rows> for ByAnchor {
    /// The last row of an anchor counts.
    fn from(rows: Rows) -> Self {
        let Rows { mut places, packed } = rows;
        if !places.is_sorted_by(|left, right| left.anchor < right.anchor) {
            // In the order they came: of two that start at the same place, the first is an empty one.
            places.sort_unstable_by_key(|place| (place.anchor, place.spot, place.length));
            places.dedup_by(|later, kept| {
                let again = later.anchor == kept.anchor;
                if again {
                    kept.clone_from(later);
                }
                again
            });
        }
        let count = places.len().next_power_of_two().min(1 << 24);
        let mut buckets = Vec::with_capacity(count);
        for (position, place) in places.iter().enumerate() {
            while buckets.len() <= bucket_of(place.anchor, count) {
                buckets.push(position);
            }
        }
        buckets.resize(count, places.len());
        Self { places, packed, buckets }
    }
}

impl ByAnchor {
    /// How many recipients there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The values of a recipient.
    pub fn get(&self, anchor: Anchor) -> Option<Values> {
        self.find(anchor).map(Values::from_packed)
    }

    fn find(&self, anchor: Anchor) -> Option<&[u8]> {
        let place = self.place(anchor)?;
        self.packed.get(place.spot, usize::try_from(place.length).ok()?)
    }

    /// Anchors are random, so that a bucket holds one or two of them; where they are not, it is searched.
    fn place(&self, anchor: Anchor) -> Option<&Place> {
        let bucket = bucket_of(anchor, self.buckets.len());
        let (start, end) = (*self.buckets.get(bucket)?, self.buckets.get(bucket + 1).copied().unwrap_or(self.places.len()));
        let within = self.places.get(start..end)?;
        within.binary_search_by_key(&anchor, |place| place.anchor).ok().and_then(|found| within.get(found))
    }
}

/// The bucket of an anchor by its first bits; `count` is a power of two, at most of 32 bits.
fn bucket_of(anchor: Anchor, count: usize) -> usize {
    let (first, _, _, _) = anchor.0.as_fields();
    let shift = 32 - count.checked_ilog2().unwrap_or(0).min(32);
    usize::try_from(u64::from(first) >> shift).unwrap_or(usize::MAX)
}

/// What the sweep must know of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tie {
    /// The source's anchor.
    pub source: Anchor,
    /// The published contact's anchor.
    pub target: Anchor,
    /// What the source said when it was last published, in the target's terms.
    pub base_source: Base,
    /// What stood in the target when it was last written or read.
    pub base_target: Base,
}

impl Tie {
    /// The tie of a link that is kept in step as a projection. Every other link is for the plan: it is
    /// in the middle of something, merged by the rules of peers, or set aside.
    pub fn of(link: &Link) -> Option<Self> {
        let swept = link.phase == Phase::Live && link.role == Role::Projection && link.quarantine.is_none() && link.conflicts.is_empty();
        let (base_source, base_target) = (link.base_source.clone(), link.base_target.clone());
        link.target.filter(|_| swept).map(|target| Self { source: link.key.anchor, target, base_source, base_target })
    }
}

/// Ties, their bases packed end to end; two equal bases of a link are held once.
#[derive(Clone, Debug, Default)]
pub struct Ties {
    knots: Vec<Knot>,
    packed: Packed,
}

/// The source's base is the first `source_length` bytes from `spot`; the target's follows, or is the same.
#[derive(Clone, Debug)]
struct Knot {
    source: Anchor,
    target: Anchor,
    spot: Spot,
    source_length: u16,
    /// `None`: both bases are equal.
    target_length: Option<u16>,
}

impl Ties {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.knots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.knots.is_empty()
    }

    fn bases(&self, knot: &Knot) -> Option<(&[u8], &[u8])> {
        let source = usize::from(knot.source_length);
        let Some(target) = knot.target_length else { return self.packed.get(knot.spot, source).map(|base| (base, base)) };
        self.packed.get(knot.spot, source + usize::from(target))?.split_at_checked(source)
    }
}

impl Extend<Tie> for Ties {
    fn extend<T: IntoIterator<Item = Tie>>(&mut self, ties: T) {
        for tie in ties {
            // A base has at most one entry of nine bytes a field.
            let length = |base: &Base| u16::try_from(base.packed().len()).unwrap_or_default();
            let apart = tie.base_source != tie.base_target;
            let (source, target) = (tie.base_source.packed(), tie.base_target.packed());
            let spot = self.packed.add(&[source, if apart { target } else { &[] }]);
            self.knots.push(Knot {
                source: tie.source,
                target: tie.target,
                spot,
                source_length: length(&tie.base_source),
                target_length: apart.then(|| length(&tie.base_target)),
            });
        }
    }
}

impl FromIterator<Tie> for Ties {
    fn from_iter<T: IntoIterator<Item = Tie>>(ties: T) -> Self {
        let mut all = Self::default();
        all.extend(ties);
        all
    }
}

/// A link with something to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The source's anchor.
    pub source: Anchor,
    /// The published contact's anchor.
    pub target: Anchor,
    /// What there is to decide.
    pub finding: Finding,
}

/// What there is to decide about a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A half was not among the rows: gone, out of scope, or not loaded. The plan decides.
    Missing,
    /// The fields that no longer hold their base on one side, or that are to be written, in the table's
    /// order. `InStep` among them: both sides say the same, and a base must follow.
    Fields(Vec<(Field, Verdict)>),
}

/// The links that have something to decide, in the order of their anchors.
///
/// `fields`: those that are mapped. `enforce`: as for [`projection`]. A link is passed over only if both halves
/// hold their base in every one of `fields`, and (with `enforce`) the bases agree.
pub fn sweep(sources: &ByAnchor, targets: &ByAnchor, ties: &Ties, fields: FieldSet, enforce: bool) -> Vec<Found> {
    let (mut all, mut prints) = (Vec::new(), Prints::default());
    // In blocks: first where the halves are, then what they say, so that memory is waited for once for many.
    let mut places = Vec::with_capacity(BLOCK);
    for knots in ties.knots.chunks(BLOCK) {
        places.clear();
        places.extend(knots.iter().map(|knot| (sources.find(knot.source), targets.find(knot.target))));
        for (knot, (source, target)) in knots.iter().zip(&places) {
            let finding = match (source, target, ties.bases(knot)) {
                (Some(source), Some(target), Some((base_source, base_target))) => {
                    let halves = Halves { source, target, base_source, base_target };
                    if halves.quiet(&mut prints, fields, enforce) { None } else { halves.decide(fields, enforce) }
                }
                (None, _, _) | (_, None, _) | (_, _, None) => Some(Finding::Missing),
            };
            all.extend(finding.map(|finding| Found { source: knot.source, target: knot.target, finding }));
        }
    }
    all.sort_by_key(|found| (found.source, found.target));
    all
}

/// Links that are looked up at once.
const BLOCK: usize = 64;

/// Both halves of a link and their bases, packed.
struct Halves<'s> {
    source: &'s [u8],
    target: &'s [u8],
    base_source: &'s [u8],
    base_target: &'s [u8],
}

impl Halves<'_> {
    /// Whether there is surely nothing to decide.
    fn quiet(&self, prints: &mut Prints, fields: FieldSet, enforce: bool) -> bool {
        let one_base = self.base_source == self.base_target;
        if one_base && self.source == self.target {
            return prints.hold(self.base_source, self.source, fields);
        }
        // What differed at the join and was left alone since is written only if the operator enforces it.
        (one_base || !enforce) && prints.hold(self.base_source, self.source, fields) && prints.hold(self.base_target, self.target, fields)
    }

    /// Field by field, through the merge of the core.
    fn decide(&self, fields: FieldSet, enforce: bool) -> Option<Finding> {
        let (source, target) = (Values::from_packed(self.source), Values::from_packed(self.target));
        let (base_source, base_target) = (Base::from_packed(self.base_source), Base::from_packed(self.base_target));
        let decided: Vec<(Field, Verdict)> = fields
            .iter()
            .filter_map(|field| {
                let (left, right) = (source.get(field), target.get(field));
                let verdict = projection(field, left, right, &base_source, &base_target, enforce);
                let held = base_source.holds(field, left) && base_target.holds(field, right);
                let nothing = match verdict {
                    Verdict::InStep | Verdict::Differing => held,
                    Verdict::WriteTarget(_) | Verdict::WriteSource(_) | Verdict::Conflict => false,
                };
                (!nothing).then_some((field, verdict))
            })
            .collect();
        (!decided.is_empty()).then_some(Finding::Fields(decided))
    }
}

/// Fingerprints as bases hold them, faster for the many values that are their own compared form.
#[derive(Default)]
struct Prints {
    /// Countries are few, and each is looked up in a table of spellings.
    countries: BTreeMap<Vec<u8>, u64>,
}

/// Countries that are remembered.
const COUNTRIES: usize = 1_000;

impl Prints {
    /// Whether these values are, in each of the fields, those of the base: [`Base::holds`] for all fields in one
    /// walk over both.
    fn hold(&mut self, base: &[u8], values: &[u8], fields: FieldSet) -> bool {
        let mut entries = base::entries(base).filter(|(field, _)| fields.contains(*field));
        let mut values = values::raw(values).filter(|(field, _)| fields.contains(*field));
        values.all(|(field, value)| entries.next() == Some((field, self.print(field, value)))) && entries.next().is_none()
    }

    fn print(&mut self, field: Field, value: &[u8]) -> u64 {
        match field.row().normaliser {
            Normaliser::Text if is_plain(value) => xxh3_64(value),
            Normaliser::Country => {
                if let Some(print) = self.countries.get(value) {
                    return *print;
                }
                let print = slow_print(field, value);
                if self.countries.len() < COUNTRIES {
                    self.countries.insert(value.to_owned(), print);
                }
                print
            }
            Normaliser::Text | Normaliser::Address | Normaliser::MailTip | Normaliser::Name | Normaliser::Set => slow_print(field, value),
        }
    }
}

/// Whether a text is its own compared form: nothing to trim, and no line ending to replace.
fn is_plain(value: &[u8]) -> bool {
    let visible = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    visible(value.first()) && visible(value.last()) && !value.contains(&b'\r')
}

fn slow_print(field: Field, value: &[u8]) -> u64 {
    // Values are made of text.
    fingerprint(&compared(field, std::str::from_utf8(value).unwrap_or_default()))
}

#[cfg(test)]
mod tests;
