//! What an instant query gives.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rollback::validation::Measurement;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PrometheusError;
use crate::Rejection;

/// One series at one time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Sample {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value, which may be no number.
    pub value: f64,
    /// The time that the value is of.
    pub at: DateTime<Utc>,
}

/// What an instant query gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The series.
    pub samples: Vec<Sample>,
    /// Whether part of the data may be missing.
    pub warned: bool,
}

impl Answer {
    /// The one number that was asked for. Several series are none: which of them was meant can't be told.
    #[must_use]
    pub fn measurement(&self) -> Measurement {
        match self.samples.as_slice() {
            _ if self.warned => Measurement::Warned,
            [] => Measurement::Empty,
            [sample] => Measurement::Sample { value: sample.value, at: sample.at },
            _ => Measurement::Unanswered,
        }
    }

    /// The one number that was asked for, when there is one and it is finite.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self.measurement() {
            Measurement::Sample { value, .. } if value.is_finite() => Some(value),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data {
    result_type: String,
    result: Value,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

pub(super) fn answer(data: Data, warned: bool) -> Result<Answer, PrometheusError> {
    let garbled = |_| PrometheusError::from(Rejection::garbled("a result of another shape than its type"));
    let series: Vec<Series> = match data.result_type.as_str() {
        "vector" => serde_json::from_value(data.result).map_err(garbled)?,
        "scalar" => {
            let value = serde_json::from_value(data.result).map_err(garbled)?;
            vec![Series { metric: BTreeMap::new(), value }]
        }
        _ => return Err(Rejection::garbled("neither a vector nor a scalar").into()),
    };
    let samples = series.into_iter().map(sample).collect::<Option<_>>();
    let samples = samples.ok_or_else(|| Rejection::garbled("a sample that can't be read"))?;
    Ok(Answer { samples, warned })
}

fn sample(series: Series) -> Option<Sample> {
    let (time, text) = series.value;
    // Prometheus writes `NaN`, `+Inf` and `-Inf` as texts, which parse as what they say.
    let value = text.parse().ok()?;
    // Milliseconds are what Prometheus keeps; what is outside the calendar becomes the end of it by `as`, and then is none.
    let at = DateTime::from_timestamp_millis((time * 1e3).round() as i64)?;
    Some(Sample { labels: series.metric, value, at })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Response, prometheus::read_query};

    fn query(result_type: &str, result: &Value, warnings: &[&str]) -> Result<Answer, PrometheusError> {
        let data = json!({"resultType": result_type, "result": result});
        read_query(&Response::of_json(200, &json!({"status": "success", "data": data, "warnings": warnings})))
    }

    fn one(value: &str) -> Value {
        json!([{"metric": {"job": "orders"}, "value": [1_714_557_600.123, value]}])
    }

    #[test]
    fn a_number_is_a_sample() {
        let answer = query("vector", &one("0.25"), &[]).unwrap();
        let at = "2024-05-01T10:00:00.123Z".parse().unwrap();
        assert_eq!(answer.measurement(), Measurement::Sample { value: 0.25, at });
        assert_eq!(answer.samples[0].labels["job"], "orders");
        assert_eq!(query("scalar", &json!([1_714_557_600.123, "7"]), &[]).unwrap().number(), Some(7.0));
    }

    #[test]
    fn what_is_no_number_is_never_one() {
        assert_eq!(query("vector", &json!([]), &[]).unwrap().measurement(), Measurement::Empty);
        assert_eq!(query("vector", &one("0.25"), &["one of two stores is away"]).unwrap().number(), None);
        for text in ["NaN", "+Inf", "-Inf"] {
            let answer = query("vector", &one(text), &[]).unwrap();
            assert_eq!(answer.number(), None, "{text}");
            assert!(matches!(answer.measurement(), Measurement::Sample { value, .. } if !value.is_finite()));
        }
        let two = json!([one("1")[0], one("2")[0]]);
        assert_eq!(query("vector", &two, &[]).unwrap().measurement(), Measurement::Unanswered);
    }

    #[test]
    fn another_shape_is_garbled() {
        for (kind, result) in [
            ("matrix", json!([])),
            ("string", json!([1, "a"])),
            ("vector", json!({})),
            ("vector", json!([{"metric": {}, "value": [1, "many"]}])),
            ("vector", json!([{"metric": {}, "value": [1e300, "1"]}])),
            ("scalar", json!([1])),
        ] {
            let error = query(kind, &result, &[]).unwrap_err();
            assert!(matches!(error, PrometheusError::Rejected(Rejection::Garbled(_))), "{kind} {result}: {error}");
        }
    }
}
