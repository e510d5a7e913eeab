//! What a server says about itself: the histograms of its `/metrics`.

use std::collections::BTreeMap;

use serde::Serialize;

/// Sum and count of each histogram, by its name and labels.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Metrics(BTreeMap<String, Total>);

#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Total {
    sum: f64,
    count: f64,
}

/// What one histogram saw between two looks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    /// Name and labels of the histogram.
    pub name: String,
    /// How often, a second, on all nodes together.
    pub per_second: f64,
    /// The mean, in the histogram's own unit.
    pub mean: f64,
}

impl Metrics {
    /// Reads [Prometheus text](https://prometheus.io/docs/instrumenting/exposition_formats/); what is no histogram is
    /// passed over.
    pub fn parse(text: &str) -> Self {
        let mut totals: BTreeMap<String, Total> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let (name, labels) = series.find('{').map_or((series, ""), |at| series.split_at(at));
            let Ok(value) = value.parse::<f64>() else { continue };
            if let Some(name) = name.strip_suffix("_sum") {
                totals.entry(format!("{name}{labels}")).or_default().sum = value;
            } else if let Some(name) = name.strip_suffix("_count") {
                totals.entry(format!("{name}{labels}")).or_default().count = value;
            }
        }
        Self(totals)
    }

    /// Adds what another node says: histograms of the same name and labels become one.
    pub fn add(&mut self, other: &Self) {
        for (name, theirs) in &other.0 {
            let ours = self.0.entry(name.clone()).or_default();
            ours.sum += theirs.sum;
            ours.count += theirs.count;
        }
    }

    /// What happened since an earlier look, that many seconds ago; histograms that saw nothing are left out.
    pub fn since(&self, earlier: &Self, seconds: f64) -> Vec<Hop> {
        let hops = self.0.iter().filter_map(|(name, now)| {
            let before = earlier.0.get(name).copied().unwrap_or_default();
            let (sum, count) = (now.sum - before.sum, now.count - before.count);
            (count > 0.0).then(|| Hop { name: name.clone(), per_second: count / seconds, mean: sum / count })
        });
        hops.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_compared_with_an_earlier_look() {
        let before = Metrics::parse("call_seconds_sum{c=\"a b\"} 1\ncall_seconds_count{c=\"a b\"} 10\n");
        let now = Metrics::parse(
            "# TYPE call_seconds histogram\ncall_seconds_bucket{c=\"a b\",le=\"1\"} 30\ncall_seconds_sum{c=\"a b\"} 3\n\
             call_seconds_count{c=\"a b\"} 30\nidle_seconds_sum 0\nidle_seconds_count 0\nconnections 7\n",
        );
        assert_eq!(
            now.since(&before, 2.0),
            [Hop { name: "call_seconds{c=\"a b\"}".into(), per_second: 10.0, mean: 0.1 }]
        );
    }

    #[test]
    fn nodes_are_added_up() {
        let mut all = Metrics::parse("call_seconds_sum 1\ncall_seconds_count 10\n");
        all.add(&Metrics::parse(
            "call_seconds_sum 5\ncall_seconds_count 20\nring_seconds_sum 1\nring_seconds_count 1\n",
        ));
        let hop = |name: &str, per_second, mean| Hop { name: name.to_owned(), per_second, mean };
        assert_eq!(
            all.since(&Metrics::default(), 1.0),
            [hop("call_seconds", 30.0, 0.2), hop("ring_seconds", 1.0, 1.0)]
        );
    }

    #[test]
    fn anything_else_is_passed_over() {
        assert_eq!(Metrics::parse("\nnot metrics at all\n{}\n_sum"), Metrics::default());
    }
}
