//! Taking back registrations of users who have gone.

use std::sync::Arc;
use std::time::Duration;

use chat::wire::Leave;
use tokio::time::sleep;

use super::leave_queue::Name;
use crate::node::Node;

/// How long to wait for more before leaves are posted: people come and go in crowds, and some come right back.
const CROWD: Duration = Duration::from_millis(100);

/// How long to wait before leaves that could not be posted are posted again.
const PAUSE: Duration = Duration::from_millis(500);

impl Node {
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
        names.retain(|(id, user)| self.groups.get(id.as_str()).is_none_or(|group| !group.is_followed_by(user)));
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
