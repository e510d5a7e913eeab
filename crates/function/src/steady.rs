//! Waiting without being asked for nothing.

use futures_util::FutureExt;
use futures_util::future::{abortable, pending};

/// Runs a request's work so that the host comes back when there is something to go on with, and not before.
///
/// The executor of a component's tasks keeps them in a set that asks to be polled again, at once, whenever all of it has
/// been polled. A request is all of its set: so behind each of its waits it yields, and the host takes the trouble to call
/// it for nothing. With a companion in the set that never asks to be polled, the set is never polled as a whole. It ends
/// with the work, since a task without an end would keep the request open.
///
/// A task that the work spawns and then waits for needs the executor's attention once: see [`send`](crate::send).
pub async fn steady<T>(work: impl Future<Output = T>) -> T {
    let (companion, end) = abortable(pending::<()>());
    spin_sdk::wit_bindgen::spawn(companion.map(|_| ()));
    let done = work.await;
    end.abort();
    done
}
