//! A conversation, as of the transaction that touched it.

use chat::{
    Message, NodeName, Parties, ServiceRequestId, Status,
    wire::{EventConversation, SentConversation},
};
use chrono::{DateTime, Utc};

/// A conversation, as of the transaction that touched it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conversation {
    /// The service request.
    pub id: ServiceRequestId,
    /// The number of its last change.
    pub version: i64,
    /// The number of its last message.
    pub last_seq: i64,
    /// Its parties.
    pub parties: Parties,
    /// Whether it takes messages.
    pub status: Status,
    /// When it was closed, while it is.
    pub closed_at: Option<DateTime<Utc>>,
    /// The nodes that hold it and have been heard of lately: those to ring.
    pub nodes: Vec<NodeName>,
}

impl Conversation {
    /// What an event says of it, with these messages.
    #[must_use]
    pub fn event(&self, messages: Vec<Message>) -> EventConversation {
        EventConversation {
            id: self.id.clone(),
            version: self.version,
            last_seq: self.last_seq,
            who: self.parties.clone(),
            status: self.status,
            closed_at: self.closed_at,
            messages,
        }
    }
}

impl From<Conversation> for SentConversation {
    fn from(conversation: Conversation) -> Self {
        let Conversation { id, version, last_seq, parties, status, closed_at, nodes } = conversation;
        Self { id, version, last_seq, status, closed_at, parties, nodes }
    }
}
