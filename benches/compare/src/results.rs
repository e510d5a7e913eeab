//! What was measured, and what it comes to: medians, shares and ratios.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::budget::Budget;
use crate::load::Case;
use crate::median::median;
use crate::metrics::Hop;
use crate::shares::{Journey, Shares};

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
    /// What the nodes say of their parts, all of them together.
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

    /// Messages that were acknowledged in a second.
    pub fn accepted(&self) -> f64 {
        self.number("/acceptedPerSecond")
    }

    /// Microseconds of a group's processor time per accepted message.
    fn micros(&self, group: &str) -> f64 {
        let accepted = self.number("/accepted").max(1.0);
        self.processor.get(group).copied().unwrap_or_default() * 1e6 / accepted
    }

    /// Milliseconds, where the report has such a latency and there was anything to measure.
    fn latency(&self, pointer: &str) -> Option<Latency> {
        let quantiles = self.report.pointer(pointer)?;
        let at = |name: &str| quantiles.get(name).and_then(Value::as_f64);
        Some(Latency { p50: at("p50")?, p95: at("p95")?, p99: at("p99")? })
    }

    /// The mean of what the case is about: from send to receive, or from posting a batch to its answer.
    fn mean(&self) -> f64 {
        match self.case {
            Case::Batches { .. } => self.number("/acknowledge/mean"),
            _ => self.number("/receive/mean"),
        }
    }

    /// Where that time went.
    fn shares(&self) -> Option<Shares> {
        let journey = match (self.case, self.nodes) {
            (Case::Batches { .. }, _) => Journey::Batch,
            (_, 1) => Journey::Within,
            _ => Journey::Across,
        };
        Shares::of(journey, self.mean(), &self.hops)
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
        write!(f, "{contestant} on {nodes}, {case}: ")?;
        match self.latency("/receive") {
            Some(receive) => write!(f, "{:.0}/s, receive {receive}", self.number("/deliveredPerSecond"))?,
            None => {
                let batch = self.latency("/acknowledge").unwrap_or_default();
                write!(f, "{:.0}/s, a batch {batch}", self.number("/acceptedPerSecond"))?;
            }
        }
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

/// Milliseconds that half, nineteen of twenty and all but a hundredth took at most.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// Half of all.
    pub p50: f64,
    /// All but a twentieth.
    pub p95: f64,
    /// All but a hundredth.
    pub p99: f64,
}

impl Latency {
    /// The medians of each; `None` for none.
    fn medians(all: &[Self]) -> Option<Self> {
        let middle = |value: fn(&Self) -> f64| median(all.iter().map(value).collect());
        (!all.is_empty()).then(|| Self { p50: middle(|it| it.p50), p95: middle(|it| it.p95), p99: middle(|it| it.p99) })
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p95, p99 } = self;
        write!(f, "p50 {p50:.2} ms, p95 {p95:.2} ms, p99 {p99:.2} ms")
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
    /// Messages a second that arrived; none do of batches, which nobody receives.
    pub delivered: f64,
    /// From send to receive; not of batches.
    pub receive: Option<Latency>,
    /// From send to acknowledgement, or from posting a batch to its answer.
    pub acknowledge: Latency,
    /// Microseconds of processor time per accepted message, by group.
    pub micros: BTreeMap<String, f64>,
    /// What the nodes said of their parts in the run whose mean latency is the median.
    pub hops: Vec<Hop>,
    /// Where the time of a message went in that run.
    pub shares: Option<Shares>,
    /// How many runs were at fault.
    pub at_fault: usize,
}

impl Summary {
    /// Sums up runs of one contestant and case; `None` for no runs.
    fn of(runs: &[&Run]) -> Option<Self> {
        let first = runs.first()?;
        let middle = |value: &dyn Fn(&Run) -> f64| median(runs.iter().map(|run| value(run)).collect());
        let number = |pointer: &'static str| middle(&|run| run.number(pointer));
        let latency =
            |pointer| Latency::medians(&runs.iter().filter_map(|run| run.latency(pointer)).collect::<Vec<_>>());
        let typical = middle_run(runs);
        Some(Self {
            contestant: first.contestant,
            nodes: first.nodes,
            case: first.case,
            accepted: number("/acceptedPerSecond"),
            delivered: number("/deliveredPerSecond"),
            receive: latency("/receive"),
            acknowledge: latency("/acknowledge").unwrap_or_default(),
            micros: first.processor.keys().map(|group| (group.clone(), middle(&|run| run.micros(group)))).collect(),
            hops: typical.map(|run| run.hops.clone()).unwrap_or_default(),
            shares: typical.and_then(Run::shares),
            at_fault: runs.iter().filter(|run| run.complaint.is_some()).count(),
        })
    }

    /// What the design asks of this case as an absolute number; the rest of it is ratios.
    pub fn budget(&self) -> Option<Budget> {
        match self.case {
            Case::Batches { messages: 64, .. } => Some(Budget::batches(self.accepted)),
            _ => None,
        }
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

/// The run whose mean latency is the median.
fn middle_run<'a>(runs: &[&'a Run]) -> Option<&'a Run> {
    let mut runs = runs.to_vec();
    runs.sort_by(|a, b| a.mean().total_cmp(&b.mean()));
    runs.get(runs.len() / 2).copied()
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
    fn a_summary_has_the_median_of_each_quantile() {
        let mut runs = vec![run("a", 1.0), run("a", 1.0), run("a", 1.0)];
        for (run, (p95, mean)) in runs.iter_mut().zip([(30.0, 9.0), (10.0, 1.0), (20.0, 2.0)]) {
            run.report = serde_json::json!({"receive": {"p50": 1.0, "p95": p95, "p99": 40.0, "mean": mean}});
            run.hops =
                vec![Hop { name: "hubline_relay_queue_wait_seconds".to_owned(), per_second: 1.0, mean: mean / 4e3 }];
        }
        let summaries = Summary::all(&runs);
        assert_eq!(summaries[0].receive, Some(Latency { p50: 1.0, p95: 20.0, p99: 40.0 }));
        let shares = summaries[0].shares.as_ref().unwrap();
        assert_eq!((shares.mean, shares.parts[0].milliseconds, shares.parts[0].share), (2.0, 0.5, 0.25));
    }

    #[test]
    fn noise_is_the_share_of_strangers() {
        assert!((run("a", 1.0).noise() - 0.75).abs() < 1e-9);
    }
}
