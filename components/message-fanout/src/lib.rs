//! The doorbell: an event from this node's Redis channel, handed to its relay unopened.
//!
//! The event is signed, and the relay checks the signature: this function holds no key, and who can write to Redis forges
//! nothing. An event that gets lost costs latency, since the relay sweeps.

use std::{cell::OnceCell, time::Duration};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use function::within;
use http::{Request, Uri, header};
use spin_sdk::{
    http::{FullBody, send},
    variables,
};

/// How long the relay may take. Under Spin the next event waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

thread_local! {
    // An instance has one thread, and its variables never change.
    static EVENTS: OnceCell<Uri> = const { OnceCell::new() };
}

#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "the generated export, which the host calls with memory that it filled")]
mod trigger {
    use bytes::Bytes;
    use function::steady;

    #[spin_sdk::redis_subscriber]
    async fn on_event(event: Bytes) -> anyhow::Result<()> {
        steady(super::forward(event)).await
    }
}

/// Hands an event to the relay.
///
/// # Errors
/// Says why it was not handed over; the host logs it, and nobody tries again.
pub async fn forward(event: Bytes) -> Result<()> {
    let request = Request::post(events().await?)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, event.len())
        .body(FullBody::new(event))?;
    let response = within(PATIENCE, send(request)).await.context("the relay does not answer")?;
    let status = response.context("the relay can't be reached")?.status();
    if !status.is_success() {
        bail!("the relay answers {status}");
    }
    Ok(())
}

/// Where the relay takes events.
async fn events() -> Result<Uri> {
    if let Some(known) = EVENTS.with(|cell| cell.get().cloned()) {
        return Ok(known);
    }
    let relay = variables::get("relay_url").await.context("relay_url is not set")?;
    let events: Uri =
        format!("{}/internal/events", relay.trim_end_matches('/')).parse().context("relay_url is no address")?;
    Ok(EVENTS.with(|cell| cell.get_or_init(|| events).clone()))
}
