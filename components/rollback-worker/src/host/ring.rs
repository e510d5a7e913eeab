//! The ring on Redis: somebody has put something into the database that is due now. What it says is not read.

#[expect(unsafe_code, reason = "the generated export, which the host calls with memory that it filled")]
mod trigger {
    use bytes::Bytes;

    use crate::host::shift;

    #[spin_sdk::redis_subscriber]
    async fn on_ring(_: Bytes) -> anyhow::Result<()> {
        shift::work(shift::SHORT).map(drop).map_err(anyhow::Error::msg)
    }
}
