//! Taking back registrations of users who have gone.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chat::wire::Leave;
use chat::{ServiceRequestId, UserId};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::relay::Inner;

/// How long to wait for more before leaves are posted: people come and go in crowds, and some come right back.
const CROWD: Duration = Duration::from_millis(100);

/// How long to wait before leaves that could not be posted are posted again.
const PAUSE: Duration = Duration::from_millis(500);

/// The most leaves in one call.
const AT_MOST: usize = 500;

/// The most leaves that wait. Registrations that stay beyond that are found by the inventory.
const WAITING_AT_MOST: usize = 100_000;

type Name = (ServiceRequestId, UserId);

/// Who has gone from what and is still registered.
#[derive(Default)]
pub(crate) struct Leaves {
    state: Mutex<State>,
    /// Rings when somebody has gone.
    some: Notify,
    /// Rings when a call has ended.
    done: Notify,
}

#[derive(Default)]
struct State {
    waiting: HashSet<Name>,
    under_way: HashSet<Name>,
}

impl Leaves {
    /// A user follows a conversation on this node no longer. Whether that is news.
    pub(crate) fn push(&self, id: &ServiceRequestId, user: UserId) -> bool {
        let name = (id.clone(), user);
        let mut state = self.state.lock();
        let is_news = !state.under_way.contains(&name);
        let is_news = state.waiting.len() < WAITING_AT_MOST && state.waiting.insert(name) && is_news;
        drop(state);
        self.some.notify_one();
        is_news
    }

    /// Whether some wait.
    fn are_waiting(&self) -> bool {
        !self.state.lock().waiting.is_empty()
    }

    /// The user is about to join again: a leave that waits is void, and one under way is waited for, lest it take back the
    /// new registration.
    pub(crate) async fn settle(&self, id: &ServiceRequestId, user: &UserId) {
        let name = (id.clone(), user.clone());
        loop {
            let done = self.done.notified();
            {
                let mut state = self.state.lock();
                state.waiting.remove(&name);
                if !state.under_way.contains(&name) {
                    return;
                }
            }
            done.await;
        }
    }

    fn take(&self) -> Vec<Name> {
        let mut state = self.state.lock();
        let names: Vec<Name> = state.waiting.iter().take(AT_MOST).cloned().collect();
        for name in &names {
            state.waiting.remove(name);
        }
        state.under_way.extend(names.iter().cloned());
        names
    }

    fn put_back(&self, names: Vec<Name>) {
        let mut state = self.state.lock();
        if state.waiting.len() < WAITING_AT_MOST {
            state.waiting.extend(names);
        }
    }

    fn end(&self) {
        self.state.lock().under_way = HashSet::new();
        self.done.notify_waiters();
    }
}

impl Inner {
    /// Posts leaves for as long as it is polled.
    pub(crate) async fn post_leaves(self: &Arc<Self>) {
        loop {
            self.leaves.some.notified().await;
            sleep(CROWD).await;
            while !self.post_some_leaves().await {}
            if self.leaves.are_waiting() {
                // They could not be posted, and somebody may be waiting to see who is there.
                sleep(PAUSE).await;
                self.leaves.some.notify_one();
            }
        }
    }

    /// Posts some leaves. Whether there is nothing more to do for now.
    pub(crate) async fn post_some_leaves(&self) -> bool {
        let mut names = self.leaves.take();
        // Whoever came back by another connection has not gone.
        names.retain(|(id, user)| self.doors.get(id.as_str()).is_none_or(|door| !door.is_followed_by(user)));
        if names.is_empty() {
            self.leaves.end();
            return true;
        }
        let leave = |(service_request_id, user_id): &Name| Leave {
            service_request_id: service_request_id.clone(),
            user_id: user_id.clone(),
        };
        let result = self.calls.leave(names.iter().map(leave).collect()).await;
        if let Err(failure) = &result {
            tracing::warn!(%failure, "registrations can't be taken back");
            self.leaves.put_back(names);
        }
        self.leaves.end();
        result.is_err()
    }
}
