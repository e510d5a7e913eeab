//! Asking an issuer for its keys.

use std::time::Duration;

use http::Request;
use spin_sdk::http::EmptyBody;

use crate::{body, send, within};

/// How long one waits for the issuer. Less than whoever waits for this function does.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// The largest key set. Real ones have some kilobytes.
const LARGEST_SET: usize = 256 * 1024;

/// The key set at this address, which is one that keys can be read from.
///
/// # Errors
/// Says in words why there is none.
pub(crate) async fn fetch(url: &str) -> Result<String, String> {
    let fetched = within(PATIENCE, get(url)).await.unwrap_or_else(|| Err("no answer in time".to_owned()))?;
    identity::check_jwks(&fetched).map_err(|error| error.to_string())?;
    Ok(fetched)
}

async fn get(url: &str) -> Result<String, String> {
    let request = Request::get(url).body(EmptyBody::new()).map_err(|error| error.to_string())?;
    let response = send(request).await.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(format!("status {}", response.status()));
    }
    let (head, body) = response.into_parts();
    let bytes = body::read_answer(&head.headers, body, LARGEST_SET).await.map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}
