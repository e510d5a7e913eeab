//! What is sent, and what came of it.

use chat::{Actor, Draft, wire::Outcome};

use crate::Conversation;

/// A message to store, and who sends it.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The sender.
    pub actor: &'a Actor,
    /// The message.
    pub draft: &'a Draft,
}

/// What became of a batch.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The database's history.
    pub epoch: String,
    /// In the order of the items.
    pub outcomes: Vec<Outcome>,
    /// The conversations of the messages that are stored now, whether by this call or by an earlier one.
    pub conversations: Vec<Conversation>,
}
