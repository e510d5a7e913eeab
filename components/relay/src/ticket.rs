//! A send that somebody waits for.

use std::sync::Arc;

use chat::{ErrorCode, Refusal, ServiceRequestId};
use tokio::time::Instant;

use crate::caller::Caller;
use crate::holds::Message;
use crate::post::Post;

/// The method by which messages are sent.
pub(crate) const SEND_MESSAGE: &str = "SendMessage";

/// A send that a client waits for, or at least has asked for.
pub(crate) struct Ticket {
    /// Who sends.
    pub(crate) connection: Arc<Caller>,
    /// Where to, unless the id names nothing that could exist.
    pub(crate) conversation: Option<ServiceRequestId>,
    /// When the client must have an answer.
    pub(crate) deadline: Instant,
    /// What its connection knows it by.
    pub(crate) message: Message,
    invocation_id: Option<Box<str>>,
}

impl Ticket {
    /// A send begins.
    pub(crate) fn new(
        connection: &Arc<Caller>,
        invocation_id: Option<&str>,
        conversation: Option<ServiceRequestId>,
        deadline: Instant,
        message: Message,
    ) -> Arc<Self> {
        connection.begin();
        Arc::new(Self {
            connection: Arc::clone(connection),
            conversation,
            deadline,
            message,
            invocation_id: invocation_id.map(Box::from),
        })
    }

    /// Whether this message has to be stored before that one: it is of the same connection and conversation.
    pub(crate) fn precedes(&self, later: &Self) -> bool {
        let (one, other) = (&self.message, &later.message);
        one.rank < other.rank
            && one.conversation == other.conversation
            && Arc::ptr_eq(&self.connection, &later.connection)
    }

    /// Whether an earlier message of its connection was refused that has to be sent again first.
    pub(crate) fn is_behind(&self) -> bool {
        self.connection.holds.lock().is_behind(&self.message, Instant::now())
    }

    /// The message is stored: queues the answer to the client.
    pub(crate) fn complete(&self, post: &Post) {
        if let Some(id) = &self.invocation_id {
            self.connection.queue(post.completion(id));
        }
    }

    /// The message is not stored, or nobody knows: tells the client.
    pub(crate) fn refuse(&self, refusal: &Refusal) {
        self.connection.refuse(self.invocation_id.as_deref(), &refusal.to_string());
    }
}

// A ticket is itself and no other.
impl PartialEq for Ticket {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.connection.finish();
    }
}

/// Nobody knows what became of a message.
pub(crate) fn unknown() -> Refusal {
    ErrorCode::Unavailable
        .refusal("whether the message is stored is not known; send it again with the same clientMessageId")
}
