//! Errors over HTTP.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::{ErrorCode, FieldError, Refusal};

/// An error over HTTP: `application/problem+json` of [RFC 9457].
///
/// [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// Names the kind of error; one for each code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence, for a person to read.
    pub detail: String,
    /// The code that clients decide by.
    pub code: ErrorCode,
    /// The fields at fault, when the code is [`ErrorCode::Invalid`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// The media type.
    pub const MEDIA_TYPE: &str = "application/problem+json";

    /// A problem of this code, about no field in particular.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        code.refusal(detail).into()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, detail, errors, .. } = refusal;
        Self {
            kind: format!("urn:hubline:error:{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            detail,
            code,
            errors,
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code, detail: problem.detail, errors: problem.errors, retry_after: None }
    }
}

impl Refusal {
    /// The refusal as the answer to a request: a [`Problem`], with what its code demands of headers. Who is to try again is told
    /// when, after a second if nothing else is known.
    #[must_use]
    pub fn into_response(self) -> Response<Vec<u8>> {
        let (code, seconds) = (self.code, self.retry_after.unwrap_or(1));
        // Strings and numbers always have an encoding.
        let json = serde_json::to_vec(&Problem::from(self)).unwrap_or_default();
        let mut response = Response::new(json);
        *response.status_mut() = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
        // What one user may hear is not kept for the next.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match code {
            ErrorCode::Unauthenticated => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            ErrorCode::RateLimited | ErrorCode::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_members_of_the_contract() {
        let problem = Problem::new(ErrorCode::NotFound, "no service request \"x\"");
        assert_eq!(
            serde_json::to_value(&problem).unwrap(),
            serde_json::json!({
                "type": "urn:hubline:error:not_found",
                "title": "There is no such thing here",
                "status": 404,
                "detail": "no service request \"x\"",
                "code": "not_found",
            })
        );
        let invalid = Refusal::invalid(vec![FieldError::new("body", "must not be empty")]);
        let text = serde_json::to_string(&Problem::from(invalid.clone())).unwrap();
        assert_eq!(Refusal::from(serde_json::from_str::<Problem>(&text).unwrap()), invalid);
    }

    #[test]
    fn over_http_it_says_what_its_code_demands() {
        let response = ErrorCode::NotFound.refusal("no such thing").into_response();
        assert_eq!(
            (response.status(), &response.headers()[CONTENT_TYPE]),
            (StatusCode::NOT_FOUND, &HeaderValue::from_static(Problem::MEDIA_TYPE))
        );
        assert!(!response.headers().contains_key(RETRY_AFTER));
        assert_eq!(serde_json::from_slice::<Problem>(response.body()).unwrap().code, ErrorCode::NotFound);
        let later = Refusal { retry_after: Some(7), ..ErrorCode::RateLimited.refusal("too often") }.into_response();
        assert_eq!(
            (later.status(), &later.headers()[RETRY_AFTER]),
            (StatusCode::TOO_MANY_REQUESTS, &HeaderValue::from(7))
        );
        assert_eq!(ErrorCode::Unavailable.refusal("x").into_response().headers()[RETRY_AFTER], "1");
        assert_eq!(ErrorCode::Unauthenticated.refusal("x").into_response().headers()[WWW_AUTHENTICATE], "Bearer");
    }
}
