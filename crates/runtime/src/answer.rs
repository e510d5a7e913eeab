//! What the runtime itself answers.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

/// Why a call has no answer of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No route leads anywhere.
    NotFound,
    /// As many calls as may be are under way, and none ended in time.
    Busy,
    /// The function trapped.
    Trapped,
    /// The function was ended with an instance that another call broke.
    Interrupted,
    /// The function took too long.
    Overtime,
    /// The function answered more than it may.
    TooLarge,
}

impl Failure {
    /// The answer to whoever called: `application/problem+json`, with nothing of the inside in it.
    ///
    /// What a function did before it failed stays done, so all that its caller can be told is that the outcome is not
    /// known. The failure itself is among the answer's extensions, for the log.
    pub fn answer(self) -> Response<Bytes> {
        let (status, code, title, detail) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "Not found", "there is nothing here"),
            Self::Busy | Self::Trapped | Self::Interrupted | Self::Overtime | Self::TooLarge => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable", "the outcome is not known; try again")
            }
        };
        let body = format!(
            r#"{{"type":"about:blank","title":"{title}","status":{},"detail":"{detail}","code":"{code}"}}"#,
            status.as_u16()
        );
        let length = HeaderValue::from(body.len());
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CONTENT_LENGTH, length);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_a_problem() {
        use Failure::{Busy, Interrupted, NotFound, Overtime, TooLarge, Trapped};
        for (failure, status, code) in [
            (NotFound, 404, "not_found"),
            (Busy, 503, "unavailable"),
            (Trapped, 503, "unavailable"),
            (Interrupted, 503, "unavailable"),
            (Overtime, 503, "unavailable"),
            (TooLarge, 503, "unavailable"),
        ] {
            let response = failure.answer();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
            let problem: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()));
            assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 503);
        }
    }
}
