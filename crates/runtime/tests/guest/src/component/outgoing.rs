//! HTTP as WASI 0.2 has it: with calls that are over when they return.

use anyhow::{Result, anyhow};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{ErrorCode, Fields, IncomingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

/// The status and the body that a place answers with.
pub fn get(url: &str) -> Result<(u16, String)> {
    let uri: http::Uri = url.parse()?;
    let request = OutgoingRequest::new(Fields::new());
    let scheme = if uri.scheme_str() == Some("https") { Scheme::Https } else { Scheme::Http };
    let refused = |()| anyhow!("the request is refused");
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(uri.authority().map(http::uri::Authority::as_str)).map_err(refused)?;
    request.set_path_with_query(uri.path_and_query().map(http::uri::PathAndQuery::as_str)).map_err(refused)?;

    let failed = |error: ErrorCode| anyhow!("{error:?}");
    let answer = handle(request, None).map_err(failed)?;
    answer.subscribe().block();
    let answer = answer.get().ok_or_else(|| anyhow!("not ready"))?.map_err(|()| anyhow!("taken"))?.map_err(failed)?;

    let body: IncomingBody = answer.consume().map_err(refused)?;
    let stream = body.stream().map_err(refused)?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(1 << 16) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => return Err(anyhow!(error.to_debug_string())),
        }
    }
    Ok((answer.status(), String::from_utf8(bytes)?))
}
