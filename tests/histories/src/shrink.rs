//! The smallest history that fails like a long one: parts are left out as long as it still fails.

use crate::play::{Failure, play};
use crate::script::{Mishap, Policy, Script};

/// How many smaller ones are tried.
const TRIES: usize = 400;

/// Leaves out what is not needed.
pub(crate) fn shrink(script: &Script, failure: Failure) -> (Script, Failure) {
    let (mut best, mut failed) = (script.clone(), failure);
    best.steps.truncate(failed.step + 1);
    let mut tries = 0;
    loop {
        let mut smaller = None;
        for candidate in candidates(&best) {
            tries += 1;
            if tries > TRIES {
                return (best, failed);
            }
            if let Err(failure) = play(&candidate) {
                smaller = Some((candidate, failure));
                break;
            }
        }
        match smaller {
            Some((candidate, failure)) => (best, failed) = (candidate, failure),
            None => return (best, failed),
        }
    }
}

/// Everything with one part less, large parts first.
fn candidates(script: &Script) -> Vec<Script> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Script)| {
        let mut smaller = script.clone();
        change(&mut smaller);
        if smaller != *script {
            all.push(smaller);
        }
    };
    for step in 1..script.steps.len() {
        with(&|script| drop(script.steps.remove(step)));
    }
    with(&|script| script.policy = Policy::default());
    for step in 0..script.steps.len() {
        with(&|script| script.steps[step].faults = 0);
        with(&|script| script.steps[step].cycles.clear());
        with(&|script| script.steps[step].full = false);
        for act in 0..script.steps[step].acts.len() {
            with(&|script| drop(script.steps[step].acts.remove(act)));
        }
        for cycle in 0..script.steps[step].cycles.len() {
            with(&|script| {
                script.steps[step].cycles.remove(cycle);
            });
            with(&|script| script.steps[step].cycles[cycle] = Mishap::None);
        }
    }
    all
}
