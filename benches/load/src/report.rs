//! What a run has shown, as a table for people and as JSON for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::ledger::{Faults, Ledger};
use crate::tally::Run;

/// The result of one run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `closed`, `open` or `idle`.
    pub mode: &'static str,
    /// Conversations of two.
    pub conversations: usize,
    /// Length of the measured window.
    pub seconds: f64,
    /// Acknowledged in the window.
    pub accepted: u64,
    /// The same, per second.
    pub accepted_per_second: f64,
    /// Arrived at the other party in the window.
    pub delivered: u64,
    /// The same, per second.
    pub delivered_per_second: f64,
    /// Milliseconds from when a send was due to its arrival at the other party.
    pub receive: Latency,
    /// Milliseconds from when a send was due to its acknowledgement.
    pub acknowledge: Latency,
    /// The P99 of the same, for each second of the window by itself.
    pub acknowledge_p99_by_second: Vec<f64>,
    /// Milliseconds from when a send was due to when it was written: the generator's own part of the two above.
    pub late: Latency,
    /// What no correct system shows.
    pub faults: Faults,
    /// How often a number reached a connection before a lower one, acknowledgements included.
    pub overtaken: u64,
    /// Sends that were not answered in time.
    pub unanswered: u64,
    /// Failed sends and lost connections, by their text.
    pub errors: BTreeMap<String, u64>,
    /// Processor time of the generator itself per accepted message, where the platform tells it.
    pub generator_micros: Option<f64>,
}

/// Quantiles, in milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    p50: f64,
    p95: f64,
    p99: f64,
    p999: f64,
    max: f64,
    mean: f64,
}

impl Latency {
    /// The quantiles of a histogram of microseconds.
    pub fn of(micros: &Histogram<u64>) -> Self {
        let at = |quantile| micros.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: micros.max() as f64 / 1e3,
            mean: micros.mean() / 1e3,
        }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p95, p99, p999, max, .. } = self;
        write!(f, "{p50:>9.2}{p95:>9.2}{p99:>9.2}{p999:>9.2}{max:>9.2}")
    }
}

/// Writes latencies as a table.
pub fn write_latencies(f: &mut fmt::Formatter<'_>, latencies: &[(&str, &Latency)]) -> fmt::Result {
    writeln!(f, "{:<20}{:>9}{:>9}{:>9}{:>9}{:>9}", "milliseconds", "p50", "p95", "p99", "p99.9", "max")?;
    for (name, latency) in latencies {
        writeln!(f, "{name:<20}{latency}")?;
    }
    Ok(())
}

/// Writes what every report ends with: what the generator itself took, and which errors there were.
pub fn write_ending(
    f: &mut fmt::Formatter<'_>,
    generator_micros: Option<f64>,
    errors: &BTreeMap<String, u64>,
) -> fmt::Result {
    if let Some(micros) = generator_micros {
        writeln!(f, "the generator itself: {micros:.1} µs of processor time per accepted message")?;
    }
    errors.iter().try_for_each(|(error, count)| writeln!(f, "{count} × {error}"))
}

/// Microseconds of the generator's processor time per accepted message, when there is any.
pub fn generator_micros(processor: Option<Duration>, accepted: u64) -> Option<f64> {
    processor.filter(|_| accepted > 0).map(|time| time.as_secs_f64() * 1e6 / accepted as f64)
}

impl Report {
    /// Sums up a run that has ended.
    pub fn new<'a>(
        mode: &'static str,
        run: &Run,
        ledgers: impl Iterator<Item = &'a Ledger>,
        processor: Option<Duration>,
    ) -> Self {
        let (mut faults, mut overtaken, mut unanswered, mut conversations) = (Faults::default(), 0, 0, 0);
        for ledger in ledgers {
            faults.add(&ledger.faults());
            overtaken += ledger.overtaken();
            unanswered += ledger.unanswered();
            conversations += 1;
        }
        let window = run.window();
        let seconds = (window.end - window.start) as f64 / 1e9;
        run.read(|tally| Self {
            mode,
            conversations,
            seconds,
            accepted: tally.accepted,
            accepted_per_second: tally.accepted as f64 / seconds,
            delivered: tally.delivered,
            delivered_per_second: tally.delivered as f64 / seconds,
            receive: Latency::of(&tally.receive),
            acknowledge: Latency::of(&tally.acknowledge),
            acknowledge_p99_by_second: tally
                .acknowledge_by_second
                .iter()
                .map(|second| Latency::of(second).p99)
                .collect(),
            late: Latency::of(&tally.late),
            faults,
            overtaken,
            unanswered,
            errors: tally.errors.clone(),
            generator_micros: generator_micros(processor, tally.accepted),
        })
    }

    /// Whether the system did all that it was asked, correctly.
    pub fn clean(&self) -> bool {
        !self.faults.any() && self.errors.is_empty() && self.unanswered == 0
    }
}

impl Report {
    fn write_figures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "accepted   {:>10}  {:>10.0}/s", self.accepted, self.accepted_per_second)?;
        writeln!(f, "delivered  {:>10}  {:>10.0}/s", self.delivered, self.delivered_per_second)?;
        write_latencies(
            f,
            &[("send to receive", &self.receive), ("send to ack", &self.acknowledge), ("generator late", &self.late)],
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} conversations of two, {} s", self.mode, self.conversations, self.seconds)?;
        if self.accepted > 0 {
            self.write_figures(f)?;
        }
        let Faults { lost, duplicated, out_of_order, gaps, strays } = self.faults;
        writeln!(f, "lost {lost}, duplicated {duplicated}, out of order {out_of_order}, gaps {gaps}, strays {strays}")?;
        writeln!(f, "overtaken {}, unanswered {}", self.overtaken, self.unanswered)?;
        write_ending(f, self.generator_micros, &self.errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Seat;

    #[test]
    fn a_report_sums_up_all_conversations() {
        let run = Run::start(Duration::ZERO, Duration::from_secs(2), String::new()).unwrap();
        let mut ledgers = [Ledger::new([0; 6]), Ledger::new([0; 6])];
        for ledger in &mut ledgers {
            let (number, _) = ledger.send(Seat::Customer, 1);
            ledger.acknowledged(Seat::Customer, number, 1);
            run.acknowledged(1);
        }
        let report = Report::new("closed", &run, ledgers.iter(), Some(Duration::from_micros(30)));
        assert_eq!((report.accepted, report.faults.lost, report.conversations), (2, 2, 2));
        assert_eq!(report.generator_micros, Some(15.0));
        assert!(!report.clean());
        assert!(report.to_string().contains("lost 2"), "{report}");
        assert_eq!(serde_json::to_value(&report).unwrap()["faults"]["outOfOrder"], 0);
    }
}
