//! Random histories: `histories --seeds FROM..TO` plays one for each seed, and says of each that fails its seed and the smallest
//! part of it that still fails. The last line counts.

#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

mod dice;
mod model;
mod peers;
mod play;
mod rivals;
mod script;
mod shrink;
mod view;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;

use crate::play::{Counted, play};
use crate::script::{Script, Shape};

/// A history makes and drops millions of small things.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Plays random histories.
#[derive(Parser)]
struct Arguments {
    /// Which seeds: FROM..TO, the end not included.
    #[arg(long, default_value = "0..200", value_parser = seeds)]
    seeds: std::ops::Range<u64>,
    /// Only of this shape: pair, one-way, chain, mesh, star, peers, rivals.
    #[arg(long, value_parser = shape)]
    shape: Option<Shape>,
    /// Hostile days also have what is rare: every form of Exchange's errors, and answers that never come.
    #[arg(long)]
    rare: bool,
    /// Shows every history before it is played.
    #[arg(long)]
    show: bool,
    /// Does not look for the smallest part that fails.
    #[arg(long)]
    no_shrink: bool,
    /// How many are played at once.
    #[arg(long, default_value_t = 2)]
    threads: u64,
}

fn seeds(text: &str) -> Result<std::ops::Range<u64>, String> {
    let wrong = || "two numbers, as 0..2000".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    Ok(from.parse().map_err(|_| wrong())?..to.parse().map_err(|_| wrong())?)
}

fn shape(text: &str) -> Result<Shape, String> {
    let known = || Shape::ALL.map(Shape::name).join(", ");
    Shape::ALL.into_iter().find(|shape| shape.name() == text).ok_or_else(|| format!("one of {}", known()))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let next = AtomicU64::new(arguments.seeds.start);
    let told = Mutex::new((0_u64, 0_u64, Counted::default()));
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= arguments.seeds.end {
                        return;
                    }
                    one(seed, &arguments, &told);
                }
            });
        }
    });
    let (passed, failed, counted) = told.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Counted { acts, skipped, cycles, deaths, judged, calls, requests } = counted;
    println!(
        "{acts} acts ({skipped} without sense), {cycles} cycles, {deaths} processes died, judged {judged} times; {calls} calls to Microsoft, {requests} requests to the state"
    );
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64, arguments: &Arguments, told: &Mutex<(u64, u64, Counted)>) {
    let script = Script { rare: arguments.rare, ..Script::of(seed, arguments.shape) };
    if arguments.show {
        println!("{script}");
    }
    let played = play(&script);
    let report = match &played {
        Ok(_) => None,
        Err(failure) if arguments.no_shrink => Some((script, failure.clone())),
        Err(failure) => Some(shrink::shrink(&script, failure.clone())),
    };
    let mut told = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match (played, report) {
        (Ok(counted), _) => {
            told.0 += 1;
            let sum = &mut told.2;
            sum.acts += counted.acts;
            sum.skipped += counted.skipped;
            sum.cycles += counted.cycles;
            sum.deaths += counted.deaths;
            sum.judged += counted.judged;
            sum.calls += counted.calls;
            sum.requests += counted.requests;
        }
        (Err(_), Some((script, failure))) => {
            told.1 += 1;
            println!("FAILED seed {seed}, at step {}:", failure.step);
            for line in failure.what.iter().take(8) {
                println!("    {line}");
            }
            println!("  the smallest that fails: {script}");
        }
        (Err(_), None) => told.1 += 1,
    }
}
