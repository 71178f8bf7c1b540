//! `make bench`: what galbridge must reach, measured.
//!
//! Each figure is taken in a process of its own, so that memory and CPU time are that figure's alone: this program
//! starts itself again. The simulator is a third process. Nothing is asserted; a figure that misses its target says so.

#![allow(
    clippy::cast_precision_loss,
    clippy::type_complexity,
    clippy::unused_async,
    clippy::unit_arg,
    clippy::items_after_statements,
    clippy::no_effect_underscore_binding,
    clippy::unnecessary_operation,
    reason = "a tool for developers: plain shapes before fine ones"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

mod cost;
mod duckdb;
mod functions;
mod merge;
mod pair;
mod people;
mod plan;
mod process;
mod quiet;
mod simulator;
mod table;

use std::process::{Command, ExitCode};

use clap::{Parser, ValueEnum};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::table::{Row, Table};

/// The product's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why something could not be measured.
pub(crate) type Problem = Box<dyn std::error::Error>;

/// Measures galbridge.
#[derive(Parser)]
struct Arguments {
    /// What to measure; everything if nothing is named.
    names: Vec<Name>,
    /// Smaller sizes: to see that it runs, not how fast.
    #[arg(long)]
    quick: bool,
    /// Measure this here, and print it as JSON.
    #[arg(long, hide = true)]
    child: Option<Child>,
    /// How large.
    #[arg(long, hide = true, num_args = 1..)]
    size: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// The quiet cycle of a pair, by size.
    Quiet,
    /// The first merge of two directories.
    Merge,
    /// The write rate under real latency.
    Rate,
    /// The plan of a million links in the core alone, and DuckDB beside it.
    Plan,
    /// Size and start of the Lambda functions that `make e2e` built.
    Functions,
    /// What a client costs a month on AWS.
    Cost,
}

#[derive(Clone, Copy, ValueEnum)]
enum Child {
    Quiet,
    Merge,
    Rate,
    Plan,
    Day,
}

/// Measures time that passes.
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts it.
    #[expect(clippy::disallowed_methods, reason = "measuring is what a benchmark is for")]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// What has passed.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// The middle one.
pub(crate) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.child {
        Some(child) => run(child, &arguments.size),
        None => Ok(all(&arguments)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Measures one figure in this process.
fn run(child: Child, size: &[usize]) -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (first, second) = (size.first().copied().unwrap_or_default(), size.get(1).copied().unwrap_or_default());
    match child {
        Child::Quiet => print(&runtime.block_on(quiet::measure(first, second))?),
        Child::Merge => print(&runtime.block_on(merge::measure(first, second))?),
        Child::Rate => print(&runtime.block_on(merge::rate(first, second))?),
        Child::Plan => print(&plan::measure(first)?),
        Child::Day => print(&runtime.block_on(cost::day(first))?),
    }
}

fn print(figures: &impl Serialize) -> Result<(), Problem> {
    println!("{}", serde_json::to_string(figures)?);
    Ok(())
}

/// Measures one figure in a process of its own.
fn apart<T: DeserializeOwned>(child: Child, size: &[usize]) -> Result<T, Problem> {
    let name = child.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    eprintln!("measuring {name} {size:?}");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--child", &name, "--size"]).args(size.iter().map(ToString::to_string));
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("measuring {name} {size:?} failed").into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Measures everything that was named, and prints the table.
fn all(arguments: &Arguments) {
    let mut table = Table::default();
    let wanted = |name| arguments.names.is_empty() || arguments.names.contains(&name);
    let groups: [(Name, fn(bool, &mut Table) -> Result<(), Problem>); 6] = [
        (Name::Plan, plan_rows),
        (Name::Merge, merge_rows),
        (Name::Quiet, quiet_rows),
        (Name::Rate, rate_rows),
        (Name::Functions, function_rows),
        (Name::Cost, cost_rows),
    ];
    for (name, rows) in groups {
        if wanted(name)
            && let Err(problem) = rows(arguments.quick, &mut table)
        {
            table.note(format!("not measured: {problem}"));
        }
    }
    println!("{table}");
}

/// Each size in several processes, in turn: where a process lies in memory and beside which others it runs
/// moves its CPU time by a fifth.
fn quiet_rows(quick: bool, table: &mut Table) -> Result<(), Problem> {
    let (sizes, cycles, rounds) = if quick { ([100, 300, 1_000], 30, 1) } else { ([1_000, 10_000, 100_000], 1_000, 5) };
    let mut of_size: [Vec<quiet::Quiet>; 3] = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for (size, measured) in sizes.iter().zip(&mut of_size) {
            measured.push(apart(Child::Quiet, &[*size, cycles])?);
        }
    }
    let mut times = Vec::new();
    for (size, measured) in sizes.iter().zip(&of_size) {
        let most = |of: fn(&quiet::Quiet) -> u64| measured.iter().map(of).max().unwrap_or_default() as f64;
        let what = format!("quiet cycle, {} recipients", table::grouped(*size));
        table.row(Row::at_most(format!("{what}: requests to Microsoft"), 8.0, most(|quiet| quiet.microsoft), ""));
        table.row(Row::at_most(format!("{what}: requests to DynamoDB"), 3.0, most(|quiet| quiet.state), ""));
        times.push(median(measured.iter().filter_map(|quiet| quiet.cpu_ms).collect()));
        if let Some(Some(cpu)) = times.last() {
            table.row(Row::plain(format!("{what}: CPU time"), *cpu, "ms"));
        }
    }
    if let (Some(Some(first)), Some(Some(last))) = (times.first(), times.last()) {
        let what = format!("quiet cycle: CPU time at {} ÷ at {}", table::grouped(sizes[2]), table::grouped(sizes[0]));
        table.row(Row::at_most(what, 1.1, last / first, ""));
    }
    Ok(())
}

fn merge_rows(quick: bool, table: &mut Table) -> Result<(), Problem> {
    let size = if quick { [500, 300] } else { [10_000, 6_000] };
    let rounds = if quick { 1 } else { 3 };
    let firsts = (0..rounds).map(|_| apart(Child::Merge, &size)).collect::<Result<Vec<merge::First>, _>>()?;
    let middle = |of: fn(&merge::First) -> Option<f64>| median(firsts.iter().filter_map(of).collect());
    let what = format!("first merge, {} + {} recipients", table::grouped(size[0]), table::grouped(size[1]));
    let whole = middle(|first| Some(first.read_seconds + first.merge_seconds)).unwrap_or(f64::NAN);
    table.row(Row::at_most(what.clone(), 60.0, whole, "s"));
    table.row(Row::plain(format!("{what}: of it reading"), middle(|first| Some(first.read_seconds)).unwrap_or(f64::NAN), "s"));
    table.row(Row::plain(format!("{what}: CPU time of galbridge"), middle(|first| first.cpu_seconds).unwrap_or(f64::NAN), "s"));
    table.row(Row::at_most(format!("{what}: peak memory"), 300.0, middle(|first| first.peak_megabytes).unwrap_or(f64::NAN), "MB"));
    table.row(Row::plain(
        format!("{what}: peak memory of the reading"),
        middle(|first| first.read_peak_megabytes).unwrap_or(f64::NAN),
        "MB",
    ));
    Ok(())
}

fn rate_rows(quick: bool, table: &mut Table) -> Result<(), Problem> {
    let size = if quick { [20, 10] } else { [180, 120] };
    let rate: merge::Rate = apart(Child::Rate, &size)?;
    let what = format!("first merge of {} recipients, real latency", size[0] + size[1]);
    table.row(Row::at_least(format!("{what}: write rate ÷ allowed"), 0.95, rate.share, ""));
    for (tenant, writes, reached, allowed) in &rate.tenants {
        table.note(format!("{what}: {tenant} {writes} writes, {reached:.2} of {allowed:.2} a second"));
    }
    Ok(())
}

fn function_rows(_: bool, table: &mut Table) -> Result<(), Problem> {
    eprintln!("measuring functions");
    for (name, function) in functions::measure()? {
        table.row(Row::at_most(format!("function {name}: zip"), 8.0, function.zip_megabytes, "MB"));
        table.row(Row::at_most(format!("function {name}: start to first poll"), 20.0, function.start_ms, "ms"));
        table.row(Row::plain(format!("function {name}: memory at its first poll"), function.peak_megabytes, "MB"));
    }
    Ok(())
}

fn cost_rows(quick: bool, table: &mut Table) -> Result<(), Problem> {
    let sizes: [usize; 2] = if quick { [100, 300] } else { [500, 10_000] };
    let mut together = Vec::new();
    for size in sizes {
        let day: cost::Day = apart(Child::Day, &[size])?;
        let bill = cost::bill(&day);
        let what = format!("a month of {} recipients", table::grouped(size));
        for line in &bill {
            table.note(format!("{what}: {:.3} dollars for {}: {}", line.dollars, line.what, line.arithmetic));
        }
        together.push(bill.iter().map(|line| line.dollars).sum::<f64>());
        table.row(match together.as_slice() {
            [first] => Row::at_most(what, 3.0, *first, "dollars"),
            [first, .., last] => Row::at_most(what, first * 1.1, *last, "dollars"),
            [] => continue,
        });
    }
    Ok(())
}

fn plan_rows(quick: bool, table: &mut Table) -> Result<(), Problem> {
    let (count, rounds) = if quick { (50_000, 1) } else { (1_000_000, 3) };
    let plans = (0..rounds).map(|_| apart(Child::Plan, &[count])).collect::<Result<Vec<plan::Planned>, _>>()?;
    let middle = |of: fn(&plan::Planned) -> Option<f64>| median(plans.iter().filter_map(of).collect()).unwrap_or(f64::NAN);
    let what = format!("plan of {} links, 12 fields, 1 % edited", table::grouped(count));
    table.row(Row::at_most(what.clone(), 1.0, middle(|plan| Some(plan.seconds)), "s"));
    table.row(Row::plain(format!("{what}: without sorting"), middle(|plan| Some(plan.sweep_seconds)), "s"));
    table.row(Row::at_most(format!("{what}: peak memory"), 600.0, middle(|plan| plan.peak_megabytes), "MB"));
    eprintln!("measuring DuckDB");
    match duckdb::measure(count) {
        Ok(joined) => {
            let what = format!("DuckDB {}, one thread: full join and comparison", joined.version);
            table.row(Row::plain(what.clone(), joined.seconds, "s"));
            table.row(Row::plain(format!("{what}: peak memory"), joined.peak_megabytes, "MB"));
        }
        Err(problem) => table.note(format!("DuckDB: skipped: {problem}")),
    }
    Ok(())
}
