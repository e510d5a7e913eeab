//! Reads, which belong to another function.

use chat::{ErrorCode, Refusal};
use function::{Answer, Request, path};
use http::{HeaderValue, Request as Forwarded, header};
use spin_sdk::http::{EmptyBody, send};

/// Inside the process: another function of the same application.
const HISTORY: &str = "http://message-history.spin.internal/internal/service-requests";

/// Tells `message-history` that a client of the public API reads the answer.
const PUBLIC: &str = "x-hubline-public";

/// Passes a read on to `message-history`, and its answer back unopened. Who asks is for that function to check.
pub(crate) async fn to_history(id: &str, request: &Request) -> Result<Answer, Refusal> {
    // What is no name must not become part of another address.
    let id = path::service_request_id(id)?;
    let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
    let mut forwarded = Forwarded::get(format!("{HISTORY}/{id}/messages{query}"))
        .body(EmptyBody::new())
        .map_err(|error| ErrorCode::Malformed.refusal(format!("the query can't be read: {error}")))?;
    let headers = forwarded.headers_mut();
    headers.insert(PUBLIC, HeaderValue::from_static("1"));
    for value in request.headers().get_all(header::AUTHORIZATION) {
        headers.append(header::AUTHORIZATION, value.clone());
    }
    send(forwarded).await.map(Answer::Passed).map_err(|error| {
        eprintln!("message-history can't be reached: {error}");
        ErrorCode::Unavailable.refusal("the history can't be read now")
    })
}
