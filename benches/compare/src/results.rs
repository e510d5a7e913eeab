//! What was measured, and what it comes to: medians, shares and ratios.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::load::Case;
use crate::metrics::Hop;

/// One measurement of one contestant.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Whose.
    pub contestant: &'static str,
    /// On how many nodes.
    pub nodes: usize,
    /// Of what.
    pub case: Case,
    /// Seconds of processor time: of the load, the server's nodes, each database, and others on the machine.
    pub processor: BTreeMap<String, f64>,
    /// What the first node says of its parts.
    pub hops: Vec<Hop>,
    /// The generator's report.
    pub report: Value,
    /// Why it should not count: faults or errors.
    pub complaint: Option<String>,
}

impl Run {
    /// A number of the generator's report, by its path in the JSON.
    fn number(&self, pointer: &str) -> f64 {
        self.report.pointer(pointer).and_then(Value::as_f64).unwrap_or_default()
    }

    /// Microseconds of a group's processor time per accepted message.
    fn micros(&self, group: &str) -> f64 {
        let accepted = self.number("/accepted").max(1.0);
        self.processor.get(group).copied().unwrap_or_default() * 1e6 / accepted
    }

    /// The share of the processor time that was spent by strangers: above a few hundredths, nothing is measured.
    fn noise(&self) -> f64 {
        let all: f64 = self.processor.values().sum();
        self.processor.get("others").copied().unwrap_or_default() / all.max(f64::MIN_POSITIVE)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { contestant, nodes, case, .. } = self;
        let (rate, p50, p99) =
            (self.number("/deliveredPerSecond"), self.number("/receive/p50"), self.number("/receive/p99"));
        write!(f, "{contestant} on {nodes}, {case}: {rate:.0}/s, p50 {p50:.2} ms, p99 {p99:.2} ms")?;
        write!(f, ", others {:.0} %", self.noise() * 100.0)?;
        match &self.complaint {
            Some(complaint) => write!(f, " · AT FAULT: {complaint}"),
            None => Ok(()),
        }
    }
}

/// What an idle connection costs in memory.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Whom.
    pub contestant: &'static str,
    /// How many there were.
    pub connections: usize,
    /// Per connection.
    pub bytes: f64,
    /// Of the whole process before them.
    pub before: u64,
    /// Why it should not count.
    pub complaint: Option<String>,
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { contestant, connections, bytes, .. } = self;
        let (kilobytes, whole) = (bytes / 1024.0, self.before as f64 / 1024.0 / 1024.0);
        write!(
            f,
            "{contestant}: {kilobytes:.1} KiB per idle connection ({connections} of them, on top of {whole:.0} MiB)"
        )?;
        match &self.complaint {
            Some(complaint) => write!(f, " · AT FAULT: {complaint}"),
            None => Ok(()),
        }
    }
}

/// The medians of a contestant's runs of one case.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Whose.
    pub contestant: &'static str,
    /// On how many nodes.
    pub nodes: usize,
    /// Of what.
    pub case: Case,
    /// Messages a second that were acknowledged.
    pub accepted: f64,
    /// Messages a second that arrived.
    pub delivered: f64,
    /// Milliseconds from send to receive: half of all, and all but a hundredth.
    pub receive: [f64; 2],
    /// The same from send to acknowledgement.
    pub acknowledge: [f64; 2],
    /// Microseconds of processor time per accepted message, by group.
    pub micros: BTreeMap<String, f64>,
    /// What the first node said of its parts in the run whose throughput is the median.
    pub hops: Vec<Hop>,
    /// How many runs were at fault.
    pub at_fault: usize,
}

impl Summary {
    /// Sums up runs of one contestant and case; `None` for no runs.
    fn of(runs: &[&Run]) -> Option<Self> {
        let first = runs.first()?;
        let middle = |value: &dyn Fn(&Run) -> f64| median(runs.iter().map(|run| value(run)).collect());
        let number = |pointer: &'static str| middle(&|run| run.number(pointer));
        Some(Self {
            contestant: first.contestant,
            nodes: first.nodes,
            case: first.case,
            accepted: number("/acceptedPerSecond"),
            delivered: number("/deliveredPerSecond"),
            receive: [number("/receive/p50"), number("/receive/p99")],
            acknowledge: [number("/acknowledge/p50"), number("/acknowledge/p99")],
            micros: first.processor.keys().map(|group| (group.clone(), middle(&|run| run.micros(group)))).collect(),
            hops: middle_run(runs).map(|run| run.hops.clone()).unwrap_or_default(),
            at_fault: runs.iter().filter(|run| run.complaint.is_some()).count(),
        })
    }

    /// Sums up all runs: one summary a contestant and case, in the order in which they were first measured.
    pub fn all(runs: &[Run]) -> Vec<Self> {
        let mut summaries: Vec<Self> = Vec::new();
        for run in runs {
            let same = |nodes, case, contestant| (nodes, case, contestant) == (run.nodes, run.case, run.contestant);
            if summaries.iter().any(|it| same(it.nodes, it.case, it.contestant)) {
                continue;
            }
            let alike: Vec<&Run> = runs.iter().filter(|it| same(it.nodes, it.case, it.contestant)).collect();
            summaries.extend(Self::of(&alike));
        }
        summaries
    }
}

/// The run whose throughput is the median.
fn middle_run<'a>(runs: &[&'a Run]) -> Option<&'a Run> {
    let mut runs = runs.to_vec();
    runs.sort_by(|a, b| a.number("/delivered").total_cmp(&b.number("/delivered")));
    runs.get(runs.len() / 2).copied()
}

/// The middle of some numbers; of an even count the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or_default();
    if values.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|at| values.get(at)).copied().unwrap_or_default();
    (lower + upper) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(contestant: &'static str, accepted: f64) -> Run {
        Run {
            contestant,
            nodes: 1,
            case: Case::Closed { conversations: 1 },
            processor: [("server".to_owned(), 2.0), ("others".to_owned(), 6.0)].into(),
            hops: Vec::new(),
            report: serde_json::json!({"accepted": accepted, "acceptedPerSecond": accepted / 10.0}),
            complaint: None,
        }
    }

    #[test]
    fn the_median_counts() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![]), 0.0);
    }

    #[test]
    fn runs_are_summed_up_by_contestant_and_case() {
        let mut runs = vec![run("a", 100.0), run("b", 1000.0), run("b", 1000.0), run("a", 300.0), run("a", 200.0)];
        let summaries = Summary::all(&runs);
        assert_eq!(summaries.len(), 2);
        assert_eq!((summaries[0].contestant, summaries[0].accepted), ("a", 20.0));
        assert_eq!(summaries[1].micros["server"], 2000.0);
        if let Some(run) = runs.first_mut() {
            run.nodes = 2;
        }
        assert_eq!(Summary::all(&runs).len(), 3);
    }

    #[test]
    fn noise_is_the_share_of_strangers() {
        assert!((run("a", 1.0).noise() - 0.75).abs() < 1e-9);
    }
}
