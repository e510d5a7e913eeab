//! Who used the processors, and who the memory: what Linux tells of processes under `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What `/proc` counts processor time in: `USER_HZ`, which is 100 wherever this runs.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processes that count as one: those named and all that descend from them.
#[derive(Debug, Clone)]
pub struct Group {
    /// What the group is called in reports.
    pub name: &'static str,
    /// Its first processes.
    pub roots: Vec<u32>,
}

/// Processor time used up to a moment, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    groups: BTreeMap<&'static str, f64>,
    /// By everybody, the kernel included.
    machine: f64,
}

impl Sample {
    /// Looks at the groups now.
    ///
    /// # Errors
    /// The system is not Linux.
    pub fn take(groups: &[Group]) -> Result<Self> {
        let machine = fs::read_to_string("/proc/stat").context("processor time is only known on Linux")?;
        let processes = processes(Path::new("/proc"))?;
        let of = |group: &Group| (group.name, used(&processes, &group.roots) as f64 / TICKS_PER_SECOND);
        Ok(Self {
            groups: groups.iter().map(of).collect(),
            machine: busy(&machine).context("/proc/stat has no total")? as f64 / TICKS_PER_SECOND,
        })
    }

    /// The seconds that each group used since an earlier sample, and `others` for the rest of the machine.
    pub fn since(&self, earlier: &Self) -> BTreeMap<String, f64> {
        let mut used: BTreeMap<String, f64> = BTreeMap::new();
        for (name, seconds) in &self.groups {
            let before = earlier.groups.get(name).copied().unwrap_or_default();
            used.insert((*name).to_owned(), seconds - before);
        }
        let ours: f64 = used.values().sum();
        used.insert("others".to_owned(), (self.machine - earlier.machine - ours).max(0.0));
        used
    }
}

/// The memory that a process holds at this moment, in bytes.
///
/// # Errors
/// There is no such process, or the system is not Linux.
pub fn resident(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))
        .with_context(|| format!("nothing is known of process {process}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a process without memory")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}

/// One process, as its `stat` tells.
#[derive(Debug, PartialEq)]
struct Process {
    id: u32,
    parent: u32,
    /// Processor time, that of children that have ended included.
    ticks: u64,
}

fn processes(proc: &Path) -> Result<Vec<Process>> {
    let entries = fs::read_dir(proc)?.flatten();
    // A process may end while we look.
    Ok(entries.filter_map(|entry| parse(&fs::read_to_string(entry.path().join("stat")).ok()?)).collect())
}

/// Reads a line such as `42 (a name) S 1 …`; the name may hold anything, parentheses too.
fn parse(stat: &str) -> Option<Process> {
    let (id, rest) = stat.split_once(" (")?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let times = fields.get(11..15)?.iter().map(|field| field.parse::<u64>());
    Some(Process {
        id: id.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        ticks: times.sum::<Result<u64, _>>().ok()?,
    })
}

/// The time of these processes and all that descend from them.
fn used(processes: &[Process], roots: &[u32]) -> u64 {
    let mut members: Vec<u32> = roots.to_vec();
    let mut next = 0;
    while let Some(member) = members.get(next).copied() {
        members.extend(processes.iter().filter(|process| process.parent == member).map(|process| process.id));
        next += 1;
    }
    processes.iter().filter(|process| members.contains(&process.id)).map(|process| process.ticks).sum()
}

/// The busy time of all processors: everything of the first line but idle and waiting.
fn busy(stat: &str) -> Option<u64> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let fields: Vec<u64> = fields.map(|field| field.parse().ok()).collect::<Option<_>>()?;
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are contained in user.
    Some(fields.iter().take(8).enumerate().filter(|(place, _)| ![3, 4].contains(place)).map(|(_, ticks)| ticks).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_it_is_called() {
        let stat = "42 (a) S 9 (b) S 7 1 1 0 -1 4194560 100 0 0 0 10 20 3 4 20 0 1 0 5 6 7";
        assert_eq!(parse(stat), Some(Process { id: 42, parent: 7, ticks: 37 }));
        assert_eq!(parse("42 (a) S"), None);
    }

    #[test]
    fn descendants_count() {
        let process = |id, parent, ticks| Process { id, parent, ticks };
        let all = [process(1, 0, 1000), process(2, 1, 10), process(3, 2, 20), process(4, 3, 30), process(5, 1, 500)];
        assert_eq!(used(&all, &[2]), 60);
        assert_eq!(used(&all, &[2, 5]), 560);
        assert_eq!(used(&all, &[]), 0);
    }

    #[test]
    fn idle_and_waiting_are_not_busy() {
        assert_eq!(busy("cpu  1 2 4 8 16 32 64 128 999 999\ncpu0 1"), Some(1 + 2 + 4 + 32 + 64 + 128));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn our_own_work_is_seen() {
        let group = [Group { name: "us", roots: vec![std::process::id()] }];
        let before = Sample::take(&group).unwrap();
        let mut number = 1_u64;
        let start = std::time::Instant::now();
        while start.elapsed().as_millis() < 100 {
            number = std::hint::black_box(number.wrapping_mul(31));
        }
        let used = Sample::take(&group).unwrap().since(&before);
        assert!(used["us"] >= 0.03, "{used:?}");
        assert!(resident(std::process::id()).unwrap() > 100_000);
    }
}
