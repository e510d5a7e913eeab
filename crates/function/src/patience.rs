//! Waiting for something, but not for ever.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};

/// Waits for a future for so long at most. What was begun is cancelled: the host drops it where it stands.
pub async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), pin!(spin_sdk::time::sleep(limit))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}
