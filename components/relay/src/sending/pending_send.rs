//! A send whose invocation is pending.

use std::sync::Arc;

use chat::{ErrorCode, Refusal, ServiceRequestId};
use tokio::time::Instant;

use super::holds::Message;
use crate::groups::Post;
use crate::hub::Caller;

/// A send whose invocation is pending: its client waits for the answer, if it wants one.
pub(crate) struct PendingSend {
    /// Who sends.
    pub(crate) caller: Arc<Caller>,
    /// Where to, unless the id names nothing that could exist.
    pub(crate) conversation: Option<ServiceRequestId>,
    /// When the client must have an answer.
    pub(crate) deadline: Instant,
    /// What its connection knows it by.
    pub(crate) message: Message,
    invocation_id: Option<Box<str>>,
}

impl PendingSend {
    /// A send begins.
    pub(crate) fn new(
        caller: &Arc<Caller>,
        invocation_id: Option<&str>,
        conversation: Option<ServiceRequestId>,
        deadline: Instant,
        message: Message,
    ) -> Arc<Self> {
        caller.begin();
        Arc::new(Self {
            caller: Arc::clone(caller),
            conversation,
            deadline,
            message,
            invocation_id: invocation_id.map(Box::from),
        })
    }

    /// Whether this message has to be stored before that one: it is of the same connection and conversation.
    pub(crate) fn precedes(&self, later: &Self) -> bool {
        let (one, other) = (&self.message, &later.message);
        one.rank < other.rank && one.conversation == other.conversation && Arc::ptr_eq(&self.caller, &later.caller)
    }

    /// Whether an earlier message of its connection was refused that has to be sent again first.
    pub(crate) fn is_behind(&self) -> bool {
        self.caller.holds.lock().is_behind(&self.message, Instant::now())
    }

    /// The message is stored: queues the answer to the client.
    pub(crate) fn complete(&self, post: &Post) {
        if let Some(id) = &self.invocation_id {
            self.caller.queue(post.completion(id));
        }
    }

    /// The message is not stored, or nobody knows: tells the client.
    pub(crate) fn refuse(&self, refusal: &Refusal) {
        self.caller.refuse(self.invocation_id.as_deref(), &refusal.to_string());
    }
}

// A pending send equals only itself.
impl PartialEq for PendingSend {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Drop for PendingSend {
    fn drop(&mut self) {
        self.caller.finish();
    }
}

/// Nobody knows what became of a message.
pub(crate) fn unknown_outcome() -> Refusal {
    ErrorCode::Unavailable
        .refusal("whether the message is stored is not known; send it again with the same clientMessageId")
}
