//! Requests of a function to others.

use std::{
    future::poll_fn,
    pin::pin,
    task::Poll::{Pending, Ready},
};

use spin_sdk::{
    http::{IntoRequest, Response},
    wasip3::http::types::ErrorCode,
};

/// Sends a request, and waits for the head of its answer.
///
/// The SDK has the body sent by a task of its own, and the executor looks at new tasks when it is polled the next time. In a
/// [`steady`](crate::steady) request nothing else has it polled: the task would wait for the answer, and the answer for the
/// body. So the executor is asked to look once more.
///
/// # Errors
/// Returns the host's word for why there is no answer.
pub async fn send(request: impl IntoRequest) -> Result<Response, ErrorCode> {
    let mut sending = pin!(spin_sdk::http::send(request));
    let begun = poll_fn(|context| {
        let progress = sending.as_mut().poll(context);
        context.waker().wake_by_ref();
        Ready(progress)
    });
    match begun.await {
        Ready(answer) => answer,
        Pending => sending.await,
    }
}
