//! Waiting for something, but not for ever.

use std::{pin::pin, time::Duration};

use chat::{ErrorCode, Refusal};
use futures_util::future::{Either, select};

/// How long a request may take in all, whatever it waits for one after another: the database, the issuer's keys, the database
/// again. Shorter than a relay waits.
const REQUEST: Duration = Duration::from_millis(3250);

/// Waits for a future for so long at most. What was begun is cancelled: the host drops it where it stands.
pub async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), pin!(spin_sdk::time::sleep(limit))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

/// Does what a request asks for in the time that it has.
///
/// # Errors
/// Returns [`ErrorCode::Unavailable`] when that is over, beside the work's own.
pub async fn in_time<T>(work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    within(REQUEST, work).await.unwrap_or_else(|| {
        eprintln!("a request has taken {REQUEST:?}");
        Err(ErrorCode::Unavailable.refusal("this takes too long; the outcome is not known"))
    })
}
