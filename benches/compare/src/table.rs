//! The summaries as a table for people.

use std::fmt;

use crate::first::First;
use crate::metrics::Hop;
use crate::results::{Latency, Memory, Summary};

/// Whom the ratios are of.
const OURS: &str = "hubline";

/// Everything that was measured.
pub struct Table<'a> {
    /// The medians, in the order in which they were measured.
    pub summaries: &'a [Summary],
    /// The first requests after a start.
    pub firsts: &'a [First],
    /// The memory of idle connections.
    pub memory: &'a [Memory],
    /// Why none of this is a result, if it is none.
    pub caveat: Option<&'a str>,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_caveat(f)?;
        for case in self.summaries.chunk_by(|a, b| (a.nodes, a.case) == (b.nodes, b.case)) {
            write_case(f, case)?;
        }
        if let Some(budget) = First::budget(self.firsts) {
            writeln!(f, "\nthe first request to a component after its node has started, {OURS}")?;
            for first in self.firsts {
                writeln!(f, "  {first}")?;
            }
            writeln!(f, "  {budget}")?;
        }
        if !self.memory.is_empty() {
            writeln!(f, "\nmemory")?;
        }
        for memory in self.memory {
            writeln!(f, "  {memory}")?;
        }
        self.write_caveat(f)
    }
}

impl Table<'_> {
    /// Above and below everything, so that nobody copies a figure without it.
    fn write_caveat(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.caveat {
            Some(caveat) => writeln!(f, "\n*** {caveat} ***"),
            None => Ok(()),
        }
    }
}

/// All contestants in one case, and how the first compares with the others.
fn write_case(f: &mut fmt::Formatter<'_>, case: &[Summary]) -> fmt::Result {
    let Some(first) = case.first() else { return Ok(()) };
    let nodes = if first.nodes == 1 { "one node".to_owned() } else { format!("{} nodes", first.nodes) };
    writeln!(f, "\n{nodes}, {}", first.case)?;
    write!(f, "  {:<9}{:>10}", "", "accepted")?;
    if first.receive.is_some() {
        write!(f, "{:>11}{:>10}{:>9}{:>9}", "delivered", "recv p50", "p95", "p99")?;
    }
    writeln!(f, "{:>9}{:>9}{:>9}   µs of processor per message", "ack p50", "p95", "p99")?;
    for summary in case {
        write_row(f, summary)?;
    }
    for summary in case {
        if let Some(shares) = &summary.shares {
            writeln!(f, "  {}, where the time goes: {shares}", summary.contestant)?;
        }
    }
    let Some(ours) = case.iter().find(|summary| summary.contestant == OURS) else { return Ok(()) };
    for theirs in case.iter().filter(|summary| summary.contestant != OURS) {
        write_ratios(f, ours, theirs)?;
    }
    if let Some(budget) = ours.budget() {
        writeln!(f, "  {budget}")?;
    }
    write_hops(f, ours)
}

fn write_row(f: &mut fmt::Formatter<'_>, summary: &Summary) -> fmt::Result {
    let Summary { contestant, accepted, delivered, receive, acknowledge, micros, at_fault, .. } = summary;
    write!(f, "  {contestant:<9}{accepted:>8.0}/s")?;
    if let Some(Latency { p50, p95, p99 }) = receive {
        write!(f, "{delivered:>9.0}/s{p50:>10.2}{p95:>9.2}{p99:>9.2}")?;
    }
    let Latency { p50, p95, p99 } = acknowledge;
    let parts: Vec<_> = micros.iter().map(|(group, micros)| format!("{group} {micros:.0}")).collect();
    write!(f, "{p50:>9.2}{p95:>9.2}{p99:>9.2}   {}", parts.join(", "))?;
    writeln!(f, "{}", if *at_fault > 0 { format!("   {at_fault} RUNS AT FAULT") } else { String::new() })
}

fn write_ratios(f: &mut fmt::Formatter<'_>, ours: &Summary, theirs: &Summary) -> fmt::Result {
    write!(f, "  {OURS} ÷ {}: accepted {:.2}", theirs.contestant, ours.accepted / theirs.accepted)?;
    if let (Some(ours_receive), Some(theirs_receive)) = (ours.receive, theirs.receive) {
        write!(
            f,
            ", delivered {:.2}, receive p50 {:.2}, p95 {:.2}, p99 {:.2}",
            ours.delivered / theirs.delivered,
            ours_receive.p50 / theirs_receive.p50,
            ours_receive.p95 / theirs_receive.p95,
            ours_receive.p99 / theirs_receive.p99,
        )?;
    }
    let server = |summary: &Summary| summary.micros.get("server").copied().unwrap_or_default();
    writeln!(f, ", processor of the server {:.2}", server(ours) / server(theirs))
}

/// What the server says of its parts: those first that are busy longest.
fn write_hops(f: &mut fmt::Formatter<'_>, summary: &Summary) -> fmt::Result {
    let mut hops: Vec<_> = summary.hops.iter().collect();
    let busy = |hop: &Hop| hop.per_second * hop.mean;
    hops.sort_by(|a, b| busy(b).total_cmp(&busy(a)));
    for Hop { name, per_second, mean } in hops {
        let mean = if name.contains("_seconds") { format!("{:.3} ms", mean * 1e3) } else { format!("{mean:.1}") };
        writeln!(f, "    {per_second:>9.1}/s  {mean:>11}  {name}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::load::Case;
    use crate::results::Run;

    fn run(case: Case, contestant: &'static str, report: serde_json::Value) -> Run {
        let processor = [("server".to_owned(), 1.0)].into();
        Run { contestant, nodes: 1, case, processor, hops: Vec::new(), report, complaint: None }
    }

    #[test]
    fn batches_have_no_receivers_and_a_budget() {
        let case = Case::Batches { conversations: 400, messages: 64, in_flight: 2 };
        let quantiles = json!({"p50": 5.0, "p95": 6.0, "p99": 7.0, "mean": 5.2});
        let report = json!({"accepted": 1000, "acceptedPerSecond": 19_000.0, "acknowledge": quantiles});
        let summaries = Summary::all(&[run(case, "hubline", report.clone()), run(case, "native", report)]);
        let text = Table { summaries: &summaries, firsts: &[], memory: &[], caveat: Some("NO RESULT") }.to_string();
        assert!(!text.contains("recv"), "{text}");
        assert!(text.contains("hubline ÷ native: accepted 1.00, processor of the server 1.00"), "{text}");
        assert!(text.contains("function: 19000, MISSED"), "{text}");
        assert_eq!(text.matches("*** NO RESULT ***").count(), 2);
    }

    #[test]
    fn receivers_have_three_quantiles() {
        let case = Case::Closed { conversations: 100 };
        let quantiles = json!({"p50": 5.0, "p95": 6.25, "p99": 7.0, "mean": 5.2});
        let report = json!({"accepted": 1000, "delivered": 1000, "receive": quantiles, "acknowledge": quantiles});
        let summaries = Summary::all(&[run(case, "hubline", report)]);
        let text = Table { summaries: &summaries, firsts: &[], memory: &[], caveat: None }.to_string();
        assert_eq!(text.matches("p95").count(), 2, "{text}");
        assert_eq!(text.matches("6.25").count(), 2, "{text}");
        assert!(!text.contains("budget") && !text.contains("***"), "{text}");
    }
}
