//! The doorbell: an event from this node's Redis channel, handed to its relay unopened.
//!
//! The event is signed, and the relay checks the signature: this function holds no key, and who can write to Redis forges
//! nothing. An event that gets lost costs latency, since the relay sweeps.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use function::within;
use http::{Request, header};
use spin_sdk::{
    http::{FullBody, send},
    variables,
};

/// How long the relay may take. Under Spin the next event waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "the generated export, which the host calls with memory that it filled")]
mod trigger {
    use bytes::Bytes;

    #[spin_sdk::redis_subscriber]
    async fn on_event(event: Bytes) -> anyhow::Result<()> {
        super::forward(event).await
    }
}

/// Hands an event to the relay.
///
/// # Errors
/// Says why it was not handed over; the host logs it, and nobody tries again.
pub async fn forward(event: Bytes) -> Result<()> {
    let relay = variables::get("relay_url").await.context("relay_url is not set")?;
    let request = Request::post(format!("{}/internal/events", relay.trim_end_matches('/')))
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, event.len())
        .body(FullBody::new(event))
        .context("relay_url is no address")?;
    let response = within(PATIENCE, send(request)).await.context("the relay does not answer")?;
    let status = response.context("the relay can't be reached")?.status();
    if !status.is_success() {
        bail!("the relay answers {status}");
    }
    Ok(())
}
