//! What this process has used so far, from `/proc`.

use std::time::Duration;

/// The most memory it ever held, in megabytes (`VmHWM`). `None` where there is no `/proc`.
pub(crate) fn peak_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}

/// The CPU time of its present threads, to the nanosecond where the kernel counts so, else to its tick.
pub(crate) fn cpu() -> Option<Duration> {
    by_thread().or_else(by_tick)
}

fn by_thread() -> Option<Duration> {
    let mut sum = 0;
    for thread in std::fs::read_dir("/proc/self/task").ok()? {
        let counted = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        sum += counted.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    (sum > 0).then(|| Duration::from_nanos(sum))
}

fn by_tick() -> Option<Duration> {
    let counted = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the program's name in brackets: state is the first field, utime and stime are the 12th and 13th.
    let (_, fields) = counted.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).take(2);
    let sum = ticks.next()?.parse::<u64>().ok()? + ticks.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(sum * 10))
}
