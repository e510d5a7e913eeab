//! Reads, which belong to another function.

use chat::{Activity, ErrorCode, Refusal};
use function::{Answer, Instance, Request, bearer, path, send};
use http::{Request as Forwarded, header};
use spin_sdk::http::EmptyBody;

/// Inside the process: another function of the same application.
const HISTORY: &str = "http://message-history.spin.internal/internal/service-requests";

/// Passes a read on to `message-history`, and its answer back unopened. What who asks may see is for that function to check;
/// how often, for this one.
pub(crate) async fn to_history(id: &str, request: &Request) -> Result<Answer, Refusal> {
    // What is no name must not become part of another address.
    let id = path::service_request_id(id)?;
    let instance = Instance::get().await?;
    let identity = instance.identify(bearer(request.headers())?).await?;
    instance.admit(&identity.subject, Activity::Reads)?;
    let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
    let mut forwarded = Forwarded::get(format!("{HISTORY}/{id}/messages{query}"))
        .body(EmptyBody::new())
        .map_err(|error| ErrorCode::Malformed.refusal(format!("the query can't be read: {error}")))?;
    let headers = forwarded.headers_mut();
    for value in request.headers().get_all(header::AUTHORIZATION) {
        headers.append(header::AUTHORIZATION, value.clone());
    }
    send(forwarded).await.map(Answer::Passed).map_err(|error| {
        eprintln!("message-history can't be reached: {error}");
        ErrorCode::Unavailable.refusal("the history can't be read now")
    })
}
