//! Prometheus: instant queries, and what an alerting rule does now.
//!
//! What can't be told is never read as a zero: no series, several series, `NaN`, a warning and an old sample each come out
//! as a [`Measurement`](rollback::validation::Measurement) that no check passes with.

mod query;
mod rules;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use crate::{Rejection, Request, Response, Secret, address, fault::faults};

pub use query::{Answer, Sample};
pub use rules::{Alert, AlertState, Health, Rule, Rules};

/// Where Prometheus is, and how it is reached.
#[derive(Clone, Debug)]
pub struct Prometheus {
    api: String,
    token: Option<Secret>,
}

/// Why Prometheus gave no answer that can be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PrometheusError {
    /// It, or something before it, did not take the request.
    #[error(transparent)]
    Rejected(Rejection),
    /// The query can't be read, or can't be computed.
    #[error("the query can't be computed{0}")]
    BadQuery(crate::Words),
    /// The query took longer than Prometheus lets it.
    #[error("the query took too long{0}")]
    QueryTimeout(crate::Words),
}

faults!(PrometheusError, "prometheus", {
    Self::BadQuery(_) => ("bad_query", crate::Retry::Never, Refused),
    Self::QueryTimeout(_) => ("query_timeout", crate::Retry::Later(None), TimedOut),
});

impl Prometheus {
    /// Prometheus at this address, and the bearer token that it asks for, if it does.
    #[must_use]
    pub fn new(api: &str, token: Option<Secret>) -> Self {
        Self { api: api.to_owned(), token }
    }

    /// What a query gives as of a time. The time is always said: what is judged is what was asked for.
    #[must_use]
    pub fn query(&self, query: &str, at: DateTime<Utc>) -> Request {
        let time = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        self.get("query", &[("query", query), ("time", &time), ("timeout", "4s")])
    }

    /// The alerting rules of this name, with what they do now.
    #[must_use]
    pub fn rules(&self, name: &str) -> Request {
        self.get("rules", &[("type", "alert"), ("rule_name[]", name)])
    }

    /// Every alerting rule, with what it does now.
    #[must_use]
    pub fn every_rule(&self) -> Request {
        self.get("rules", &[("type", "alert")])
    }

    /// All alerts that are pending or firing. [`Self::rules`] tells more: whether there is a rule at all.
    #[must_use]
    pub fn alerts(&self) -> Request {
        self.get("alerts", &[])
    }

    fn get(&self, what: &str, pairs: &[(&str, &str)]) -> Request {
        let query = address::pairs(pairs.iter().copied());
        let url = address::under(&self.api, &format!("api/v1/{what}"));
        let url = if query.is_empty() { url } else { format!("{url}?{query}") };
        Request::get(url).maybe_bearer(self.token.as_ref())
    }
}

/// Reads the answer to [`Prometheus::query`].
///
/// # Errors
/// Returns [`PrometheusError`].
pub fn read_query(response: &Response) -> Result<Answer, PrometheusError> {
    let (data, warned) = read(response)?;
    query::answer(data, warned)
}

/// Reads the answer to [`Prometheus::rules`].
///
/// # Errors
/// Returns [`PrometheusError`].
pub fn read_rules(response: &Response) -> Result<Rules, PrometheusError> {
    let (data, warned): (rules::Groups, bool) = read(response)?;
    Ok(Rules::of(data, warned))
}

/// Reads the answer to [`Prometheus::alerts`].
///
/// # Errors
/// Returns [`PrometheusError`].
pub fn read_alerts(response: &Response) -> Result<Vec<Alert>, PrometheusError> {
    #[derive(Deserialize)]
    struct Alerts {
        alerts: Vec<Alert>,
    }
    let (data, _): (Alerts, bool) = read(response)?;
    Ok(data.alerts)
}

/// What every answer is wrapped in.
#[derive(Deserialize)]
struct Envelope<T> {
    status: String,
    data: Option<T>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Trouble {
    #[serde(rename = "errorType", default)]
    kind: String,
    #[serde(default)]
    error: String,
}

/// The data, and whether a warning came with it. Notes about how a query could be written better (`infos`) are no warnings.
fn read<T: serde::de::DeserializeOwned>(response: &Response) -> Result<(T, bool), PrometheusError> {
    if response.status != 200 {
        let trouble: Trouble = response.json().unwrap_or_default();
        let words = crate::Words::new(&trouble.error);
        return Err(match trouble.kind.as_str() {
            "bad_data" | "execution" => PrometheusError::BadQuery(words),
            "timeout" | "canceled" => PrometheusError::QueryTimeout(words),
            _ => Rejection::of(response, &trouble.error).into(),
        });
    }
    let envelope: Envelope<T> = response.json()?;
    match (envelope.status.as_str(), envelope.data) {
        ("success", Some(data)) => Ok((data, !envelope.warnings.is_empty())),
        _ => Err(Rejection::garbled("neither success nor an error").into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Fault, Retry};

    fn prometheus() -> Prometheus {
        Prometheus::new("http://prometheus:9090/", None)
    }

    #[test]
    fn a_query_always_says_its_time() {
        let at = "2024-05-01T10:00:00Z".parse().unwrap();
        let request = prometheus().query("sum(rate(a{b=\"c\"}[2m]))", at);
        assert_eq!(
            request.url,
            "http://prometheus:9090/api/v1/query?query=sum%28rate%28a%7Bb%3D%22c%22%7D%5B2m%5D%29%29\
             &time=2024-05-01T10%3A00%3A00.000Z&timeout=4s"
        );
        assert!(request.headers.iter().all(|(name, _)| name != "authorization"));
        let guarded = Prometheus::new("https://prometheus/base", Some("canary".into())).alerts();
        assert_eq!(guarded.url, "https://prometheus/base/api/v1/alerts");
        assert!(guarded.headers.contains(&("authorization".to_owned(), "Bearer canary".to_owned())));
    }

    #[test]
    fn each_error_has_its_name() {
        let trouble = |status, kind: &str| {
            let body = json!({"status": "error", "errorType": kind, "error": "1:3: parse error"});
            let error = read_query(&Response::of_json(status, &body)).unwrap_err();
            (error.code(), error.retry())
        };
        assert_eq!(trouble(400, "bad_data"), ("bad_query", Retry::Never));
        assert_eq!(trouble(422, "execution"), ("bad_query", Retry::Never));
        assert_eq!(trouble(503, "timeout"), ("query_timeout", Retry::Later(None)));
        assert_eq!(trouble(500, "internal"), ("unavailable", Retry::Later(None)));
        let half = Response::for_test(200, &[], r#"{"status":"success","data":{"resu"#);
        assert_eq!(read_query(&half).unwrap_err().code(), "garbled");
        assert_eq!(read_query(&Response::of_json(200, &json!({"status": "error"}))).unwrap_err().code(), "garbled");
    }
}
