//! The calls in one instance.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::answer::Failure;

/// Whoever waits for the answer to a call.
pub(super) type Reply<O> = oneshot::Sender<Result<O, Failure>>;

/// Who waits for an answer. It lives outside of the store, so that they can be answered when the store is gone.
pub(super) struct Open<O>(Mutex<Calling<O>>);

struct Calling<O> {
    next: u64,
    calls: BTreeMap<u64, (Instant, Reply<O>)>,
}

impl<O> Default for Open<O> {
    fn default() -> Self {
        Self(Mutex::new(Calling { next: 0, calls: BTreeMap::new() }))
    }
}

impl<O> Open<O> {
    /// Notes a call and gives it a number; none if nobody waits for it any more.
    pub fn enter(&self, reply: Reply<O>) -> Option<u64> {
        if reply.is_closed() {
            return None;
        }
        let mut calling = self.0.lock();
        let number = calling.next;
        calling.next += 1;
        calling.calls.insert(number, (Instant::now(), reply));
        Some(number)
    }

    /// Answers a call.
    pub fn leave(&self, number: u64, outcome: Result<O, Failure>) {
        let call = self.0.lock().calls.remove(&number);
        if let Some((_, reply)) = call {
            drop(reply.send(outcome));
        }
    }

    /// Answers all that are left: their instance broke. A call that was alone in it broke it.
    pub fn fail(&self) {
        let calls = std::mem::take(&mut self.0.lock().calls);
        let failure = if calls.len() == 1 { Failure::Trapped } else { Failure::Interrupted };
        for (_, reply) in calls.into_values() {
            drop(reply.send(Err(failure)));
        }
    }

    /// Ends when a call has been open for longer than `limit`.
    pub async fn overdue(&self, limit: Duration) {
        loop {
            // The first is the oldest: numbers rise with time.
            let oldest = self.0.lock().calls.first_key_value().map(|(_, (since, _))| *since);
            let due = oldest.map_or_else(|| Instant::now() + limit, |since| since + limit);
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }
}
