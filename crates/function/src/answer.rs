//! Answers, good and bad.

use bytes::Bytes;
use chat::{ErrorCode, Refusal};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use spin_sdk::{
    http::{FullBody, IntoResponse, Response as PassedResponse},
    wasip3::http::types,
};

use crate::body;

/// The largest answer of another function that can be passed on in one piece: more than any has.
const PASSED: usize = 8 * 1024 * 1024;

/// An answer.
pub enum Answer {
    /// Of this function.
    Own(Response<Bytes>),
    /// Of another function, passed on unopened.
    Passed(PassedResponse),
}

/// An answer with JSON.
#[must_use]
pub fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(json) => Answer::Own(response(status, "application/json", json)),
        // No type that is answered here can fail to be written; if one did, its caller would not know what was done.
        Err(error) => {
            eprintln!("the answer can't be written: {error}");
            refused(ErrorCode::Unavailable.refusal("the answer can't be written"))
        }
    }
}

/// An answer with JSON about work that is begun and not done: the same request goes on with it, at once.
#[must_use]
pub fn once_more(value: &impl Serialize) -> Answer {
    match json(StatusCode::ACCEPTED, value) {
        Answer::Own(mut response) => {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("0"));
            Answer::Own(response)
        }
        answer @ Answer::Passed(_) => answer,
    }
}

/// The answer to who has it already, by its entity tag.
#[must_use]
pub fn not_modified(tag: &str) -> Answer {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Answer::Own(response).tagged(tag)
}

/// An answer without content.
#[must_use]
pub fn nothing() -> Answer {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Answer::Own(response)
}

/// Why something was not done, as `application/problem+json`.
#[must_use]
pub fn refused(refusal: Refusal) -> Answer {
    Answer::Own(problem(refusal))
}

/// The refusal of a method, with those that there are.
#[must_use]
pub fn method_not_allowed(allowed: &'static str) -> Answer {
    let mut response = problem(ErrorCode::MethodNotAllowed.refusal(format!("use {allowed}")));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    Answer::Own(response)
}

fn problem(refusal: Refusal) -> Response<Bytes> {
    refusal.into_response().map(Bytes::from)
}

fn response(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // What one user may read is not kept for the next.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl From<Result<Answer, Refusal>> for Answer {
    fn from(outcome: Result<Answer, Refusal>) -> Self {
        outcome.unwrap_or_else(refused)
    }
}

impl Answer {
    /// The same with an entity tag, which is given without its quotes.
    #[must_use]
    pub fn tagged(self, tag: &str) -> Self {
        match (self, HeaderValue::from_str(&format!("\"{tag}\""))) {
            (Self::Own(mut response), Ok(value)) => {
                response.headers_mut().insert(header::ETAG, value);
                Self::Own(response)
            }
            (answer, _) => answer,
        }
    }

    /// The answer in one piece: status, headers and body.
    pub async fn whole(self) -> (u16, Vec<(String, Vec<u8>)>, Vec<u8>) {
        let response = match self {
            Self::Own(response) => response,
            Self::Passed(response) => received(response).await,
        };
        let (head, body) = response.into_parts();
        let header = |(name, value): (&HeaderName, &HeaderValue)| (name.as_str().to_owned(), value.as_bytes().to_vec());
        (head.status.as_u16(), head.headers.iter().map(header).collect(), body.into())
    }
}

/// Waits for all of another function's answer.
async fn received(response: PassedResponse) -> Response<Bytes> {
    let (head, body) = response.into_parts();
    match body::read_answer(&head.headers, body, PASSED).await {
        Ok(body) => Response::from_parts(head, body.into()),
        Err(error) => {
            eprintln!("an answer can't be passed on: {error}");
            problem(ErrorCode::Unavailable.refusal("the answer can't be read"))
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Result<types::Response, types::ErrorCode> {
        match self {
            Self::Own(response) => response.map(FullBody::new).into_response(),
            Self::Passed(response) => response.into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use chat::Problem;

    use super::*;

    fn own(answer: Answer) -> Response<Bytes> {
        match answer {
            Answer::Own(response) => response,
            Answer::Passed(_) => panic!("not passed on"),
        }
    }

    #[test]
    fn a_refusal_is_a_problem_with_its_headers() {
        for code in ErrorCode::ALL {
            let response = own(refused(code.refusal("why")));
            assert_eq!(response.status().as_u16(), code.status());
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
            let problem: Problem = serde_json::from_slice(response.body()).unwrap();
            assert_eq!((problem.code, problem.status, problem.detail.as_str()), (code, code.status(), "why"));
            let retries = matches!(code, ErrorCode::RateLimited | ErrorCode::Unavailable);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), retries);
            let authenticates = code == ErrorCode::Unauthenticated;
            assert_eq!(response.headers().contains_key(header::WWW_AUTHENTICATE), authenticates);
        }
    }

    #[test]
    fn a_method_that_there_is_not_names_those_that_there_are() {
        let response = own(method_not_allowed("GET, PUT"));
        assert_eq!(
            (response.status().as_u16(), &response.headers()[header::ALLOW]),
            (405, &"GET, PUT".parse().unwrap())
        );
    }

    #[test]
    fn json_is_not_kept_by_anybody() {
        let response = own(json(StatusCode::CREATED, &[1, 2]));
        assert_eq!((response.status(), response.body().as_ref()), (StatusCode::CREATED, b"[1,2]".as_slice()));
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(own(nothing()).status(), StatusCode::NO_CONTENT);
    }

    #[test]
    fn what_is_named_by_a_tag_has_it_in_quotes() {
        let response = own(not_modified("e.1.2"));
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers()[header::ETAG], "\"e.1.2\"");
        assert!(response.body().is_empty());
    }

    #[test]
    fn what_is_not_done_yet_is_asked_for_once_more() {
        let response = own(once_more(&[1]));
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(response.headers()[header::RETRY_AFTER], "0");
    }
}
