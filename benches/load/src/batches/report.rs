//! What a run of batches has shown.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::ledger::Faults;
use crate::options::Batching;
use crate::report::{Latency, generator_micros, write_ending, write_latencies};
use crate::tally::Run;

/// The result of one run; members that the report of a talk has too mean the same.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `batches`.
    pub mode: &'static str,
    /// Conversations that the batches went round.
    pub conversations: usize,
    /// Messages of a batch.
    pub batch: usize,
    /// Batches that were unanswered at any time.
    pub in_flight: usize,
    /// Length of the measured window.
    pub seconds: f64,
    /// Messages that were acknowledged in the window.
    pub accepted: u64,
    /// The same, per second.
    pub accepted_per_second: f64,
    /// Milliseconds from when a batch was posted to its answer.
    pub acknowledge: Latency,
    /// What no correct system shows.
    pub faults: Faults,
    /// Batches that were not answered in time.
    pub unanswered: u64,
    /// Refused messages and lost connections, by their code or text.
    pub errors: BTreeMap<String, u64>,
    /// Processor time of the generator itself per accepted message, where the platform tells it.
    pub generator_micros: Option<f64>,
}

impl Report {
    /// Sums up a run that has ended.
    pub fn new(
        run: &Run,
        conversations: usize,
        batching: &Batching,
        faults: Faults,
        unanswered: u64,
        processor: Option<Duration>,
    ) -> Self {
        let window = run.window();
        let seconds = (window.end - window.start) as f64 / 1e9;
        run.read(|tally| Self {
            mode: "batches",
            conversations,
            batch: batching.batch,
            in_flight: batching.in_flight,
            seconds,
            accepted: tally.accepted,
            accepted_per_second: tally.accepted as f64 / seconds,
            acknowledge: Latency::of(&tally.acknowledge),
            faults,
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

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batch, in_flight, conversations, seconds, .. } = self;
        writeln!(f, "batches of {batch}, {in_flight} in flight, {conversations} conversations, {seconds} s")?;
        writeln!(f, "accepted   {:>10}  {:>10.0}/s", self.accepted, self.accepted_per_second)?;
        write_latencies(f, &[("post to answer", &self.acknowledge)])?;
        let Faults { duplicated, out_of_order, gaps, strays, .. } = self.faults;
        writeln!(f, "duplicated {duplicated}, out of order {out_of_order}, gaps {gaps}, strays {strays}")?;
        writeln!(f, "unanswered {}", self.unanswered)?;
        write_ending(f, self.generator_micros, &self.errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_and_batches_are_timed() {
        let run = Run::start(Duration::ZERO, Duration::from_secs(2), String::new()).unwrap();
        run.accepted(0, 64);
        run.accepted(0, 63);
        run.failed("closed".to_owned());
        let batching = Batching { key: String::new(), batch: 64, in_flight: 2 };
        let report = Report::new(&run, 400, &batching, Faults::default(), 0, Some(Duration::from_micros(254)));
        assert_eq!((report.accepted, report.accepted_per_second), (127, 63.5));
        assert_eq!(report.generator_micros, Some(2.0));
        assert!(!report.clean());
        assert!(report.to_string().contains("1 × closed"), "{report}");
    }
}
