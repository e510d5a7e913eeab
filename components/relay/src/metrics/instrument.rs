//! Counters and histograms, and how Prometheus reads them.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// What stands before every name.
const PREFIX: &str = "hubline_relay_";

/// Something that only grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// So many more.
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many there were.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How something is distributed.
pub(crate) struct Histogram {
    bounds: &'static [f64],
    /// How many were within each bound and beyond the one before it; the last counts what is beyond all.
    counts: Vec<AtomicU64>,
    /// The sum in millionths.
    sum: AtomicU64,
}

impl Histogram {
    /// A histogram with these upper bounds, ascending.
    pub(crate) fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Counts one value.
    pub(crate) fn observe(&self, value: f64) {
        let index = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        // Never negative and far below 2^53: casts saturate besides.
        self.sum.fetch_add((value * 1_000_000.0) as u64, Ordering::Relaxed);
    }
}

/// Prometheus text in the making.
#[derive(Default)]
pub(crate) struct Text(String);

impl Text {
    /// Adds a counter.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        self.line(name, "", value);
    }

    /// Adds a gauge.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: usize) {
        self.head(name, help, "gauge");
        self.line(name, "", value);
    }

    /// Adds a histogram.
    pub(crate) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, help, "histogram");
        let mut total = 0;
        let bounds = histogram.bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&histogram.counts) {
            total += count.load(Ordering::Relaxed);
            self.line(name, &format!("_bucket{{le=\"{bound}\"}}"), total);
        }
        let sum = histogram.sum.load(Ordering::Relaxed);
        self.line(name, "_sum", format_args!("{}.{:06}", sum / 1_000_000, sum % 1_000_000));
        self.line(name, "_count", total);
    }

    /// The whole text.
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
    }

    fn line(&mut self, name: &str, suffix: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{PREFIX}{name}{suffix} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_reads_as_prometheus_wants_it() {
        let histogram = Histogram::new(&[0.5, 1.0]);
        for value in [0.25, 0.5, 0.75, 9.0] {
            histogram.observe(value);
        }
        let mut text = Text::default();
        text.histogram("x_seconds", "help", &histogram);
        assert_eq!(
            text.into_string(),
            "# HELP hubline_relay_x_seconds help\n# TYPE hubline_relay_x_seconds histogram\n\
             hubline_relay_x_seconds_bucket{le=\"0.5\"} 2\nhubline_relay_x_seconds_bucket{le=\"1\"} 3\n\
             hubline_relay_x_seconds_bucket{le=\"+Inf\"} 4\nhubline_relay_x_seconds_sum 10.500000\n\
             hubline_relay_x_seconds_count 4\n"
        );
    }
}
