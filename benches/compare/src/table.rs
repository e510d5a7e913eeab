//! The summaries as a table for people.

use std::fmt;

use crate::metrics::Hop;
use crate::results::{Memory, Summary};

/// Whom the ratios are of.
const OURS: &str = "hubline";

/// Everything that was measured.
pub struct Table<'a> {
    /// The medians, in the order in which they were measured.
    pub summaries: &'a [Summary],
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
    write!(f, "  {:<9}{:>10}{:>11}", "", "accepted", "delivered")?;
    write!(f, "{:>10}{:>9}{:>9}{:>9}", "recv p50", "p99", "ack p50", "p99")?;
    writeln!(f, "   µs of processor per message")?;
    for summary in case {
        let Summary { contestant, accepted, delivered, receive, acknowledge, micros, at_fault, .. } = summary;
        let ([receive50, receive99], [acknowledge50, acknowledge99]) = (receive, acknowledge);
        write!(f, "  {contestant:<9}{accepted:>8.0}/s{delivered:>9.0}/s")?;
        write!(f, "{receive50:>10.2}{receive99:>9.2}{acknowledge50:>9.2}{acknowledge99:>9.2}   ")?;
        let parts: Vec<_> = micros.iter().map(|(group, micros)| format!("{group} {micros:.0}")).collect();
        write!(f, "{}", parts.join(", "))?;
        writeln!(f, "{}", if *at_fault > 0 { format!("   {at_fault} RUNS AT FAULT") } else { String::new() })?;
    }
    let Some(ours) = case.iter().find(|summary| summary.contestant == OURS) else { return Ok(()) };
    for theirs in case.iter().filter(|summary| summary.contestant != OURS) {
        let ratio = |value: &dyn Fn(&Summary) -> f64| value(ours) / value(theirs);
        let server = |summary: &Summary| summary.micros.get("server").copied().unwrap_or_default();
        writeln!(
            f,
            "  {OURS} ÷ {}: delivered {:.2}, receive p50 {:.2}, p99 {:.2}, processor of the server {:.2}",
            theirs.contestant,
            ratio(&|summary| summary.delivered),
            ratio(&|summary| summary.receive[0]),
            ratio(&|summary| summary.receive[1]),
            ratio(&server),
        )?;
    }
    write_hops(f, ours)
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
