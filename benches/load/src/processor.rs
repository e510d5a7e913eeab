//! The processor time of this process.

use std::fs;
use std::time::Duration;

/// The processor time that all threads have used so far, as Linux counts it; `None` elsewhere.
pub fn time() -> Option<Duration> {
    let threads = fs::read_dir("/proc/self/task").ok()?;
    let nanos = threads.filter_map(|thread| {
        let counts = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        counts.split_whitespace().next()?.parse::<u64>().ok()
    });
    Some(Duration::from_nanos(nanos.sum()))
}
