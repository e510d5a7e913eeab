//! The fan-out: an event from this node's Redis channel, handed to its relay unopened.
//!
//! The event is signed, and the relay checks the signature: this function holds no key, and who can write to Redis forges
//! nothing. An event that gets lost costs latency, since the relay sweeps.

mod errand;
mod relay;

use anyhow::{Result, bail};
use bytes::Bytes;

use crate::relay::Relay;

pub use crate::errand::{Errand, errand};

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
    let status = Relay::get().await?.post(event.into()).await?;
    if !(200..300).contains(&status) {
        bail!("the relay answers {status}");
    }
    Ok(())
}
