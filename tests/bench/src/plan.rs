//! The core alone: what is there to decide among linked recipients?

use gal::merge::{Verdict, Why};
use gal::sweep::{ByAnchor, Finding, Rows, Tie, Ties, sweep};
use gal::{Base, Field, FieldSet};
use serde::{Deserialize, Serialize};

use crate::people::{FIELDS, people};
use crate::process::peak_megabytes;
use crate::{Problem, Stopwatch, median};

/// What a plan took.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Planned {
    /// Seconds from unsorted rows to the list of what is to be done: sorting, joining and comparing.
    pub(crate) seconds: f64,
    /// Of these, seconds of joining and comparing; the median of several.
    pub(crate) sweep_seconds: f64,
    /// The most memory this process held, in megabytes.
    pub(crate) peak_megabytes: Option<f64>,
}

/// Plans so many links, one in a hundred with an edited source.
pub(crate) fn measure(count: usize) -> Result<Planned, Problem> {
    let (mut sources, mut targets, mut ties) = (Rows::default(), Rows::default(), Ties::default());
    for person in people(count) {
        let base = Base::of(&person.was);
        sources.extend([(person.source, &person.is)]);
        targets.extend([(person.target, &person.was)]);
        ties.extend([Tie { source: person.source, target: person.target, base_source: base.clone(), base_target: base }]);
    }
    let fields: FieldSet = FIELDS.into_iter().collect();
    let watch = Stopwatch::start();
    let (sources, targets) = (ByAnchor::from(sources), ByAnchor::from(targets));
    let indexed = watch.seconds();
    let mut times = Vec::new();
    for _ in 0..5 {
        let watch = Stopwatch::start();
        let found = sweep(&sources, &targets, &ties, fields, false);
        times.push(watch.seconds());
        let expected = Finding::Fields(vec![(Field::Title, Verdict::WriteTarget(Why::Edited))]);
        if found.len() != count.div_ceil(100) || found.iter().any(|found| found.finding != expected) {
            return Err("the sweep did not find what was edited".into());
        }
    }
    let sweep_seconds = median(times).unwrap_or_default();
    Ok(Planned { seconds: indexed + sweep_seconds, sweep_seconds, peak_megabytes: peak_megabytes() })
}
