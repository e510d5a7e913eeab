//! Registrations that are to be taken back: their users have gone.

use std::collections::HashSet;

use chat::{ServiceRequestId, UserId};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The most leaves in one call.
const AT_MOST: usize = 500;

/// The most leaves that wait. Registrations that stay beyond that are found by the inventory.
const WAITING_AT_MOST: usize = 100_000;

/// A user of a conversation.
pub(crate) type Name = (ServiceRequestId, UserId);

/// Who has gone from what and is still registered.
#[derive(Default)]
pub(crate) struct LeaveQueue {
    state: Mutex<State>,
    /// Notified when somebody has gone.
    pub(crate) some: Notify,
    /// Notified when a call has ended.
    done: Notify,
}

#[derive(Default)]
struct State {
    waiting: HashSet<Name>,
    under_way: HashSet<Name>,
}

impl LeaveQueue {
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
    pub(crate) fn are_waiting(&self) -> bool {
        !self.state.lock().waiting.is_empty()
    }

    /// The user is about to join again: a leave that waits is dropped, and one under way is waited for, lest it take back the
    /// new registration.
    pub(crate) async fn cancel(&self, id: &ServiceRequestId, user: &UserId) {
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

    /// Takes some of those that wait; they are under way until [`Self::end`].
    pub(crate) fn take(&self) -> Vec<Name> {
        let mut state = self.state.lock();
        let names: Vec<Name> = state.waiting.iter().take(AT_MOST).cloned().collect();
        for name in &names {
            state.waiting.remove(name);
        }
        state.under_way.extend(names.iter().cloned());
        names
    }

    /// They could not be posted.
    pub(crate) fn put_back(&self, names: Vec<Name>) {
        let mut state = self.state.lock();
        if state.waiting.len() < WAITING_AT_MOST {
            state.waiting.extend(names);
        }
    }

    /// Nothing is under way any longer.
    pub(crate) fn end(&self) {
        self.state.lock().under_way = HashSet::new();
        self.done.notify_waiters();
    }
}
