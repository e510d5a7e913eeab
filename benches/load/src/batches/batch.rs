//! A batch and its answer, in the form in which relays send and read them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::hub::Message;

/// [`chat::wire::SendRequest`] with texts that are somebody else's: to copy 64 tokens for each batch would cost more than
/// the rest of it.
#[derive(Serialize)]
pub struct Batch<'a> {
    /// The relay that asks.
    pub node: &'a str,
    /// Each once.
    pub tokens: Vec<&'a str>,
    /// The messages.
    pub items: Vec<Item<'a>>,
}

/// One message of a batch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item<'a> {
    /// Whose: a place among the tokens.
    pub token: usize,
    /// Where it goes.
    pub service_request_id: &'a str,
    /// What its sender calls it.
    pub client_message_id: Uuid,
    /// What it says.
    pub body: &'a str,
}

/// The part of [`chat::wire::SendAnswer`] that is checked.
#[derive(Deserialize)]
pub struct Answer<'a> {
    /// In the order of the items.
    #[serde(borrow)]
    pub outcomes: Vec<Outcome<'a>>,
}

/// What became of one message.
#[derive(Deserialize)]
pub struct Outcome<'a> {
    /// Whether this batch has stored it.
    #[serde(default)]
    pub new: bool,
    /// The message, when it is stored.
    #[serde(borrow)]
    pub message: Option<Message<'a>>,
    /// Why it is not.
    #[serde(borrow)]
    pub error: Option<Refusal<'a>>,
}

/// Why a message is not stored.
#[derive(Deserialize)]
pub struct Refusal<'a> {
    /// The contract's name for it.
    #[serde(borrow)]
    pub code: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use chat::wire::SendRequest;

    use super::*;

    #[test]
    fn the_functions_read_what_a_relay_would_have_written() {
        let id = Uuid::from_u128(7);
        let item = |token, body| Item { token, service_request_id: "sr-1", client_message_id: id, body };
        let batch = Batch { node: "load", tokens: vec!["a.b.c", "d.e.f"], items: vec![item(0, "one"), item(1, "two")] };
        let json = serde_json::to_vec(&batch).unwrap();
        let read: SendRequest = serde_json::from_slice(&json).unwrap();
        assert_eq!(read.node.unwrap().as_str(), "load");
        assert_eq!(read.tokens, ["a.b.c", "d.e.f"]);
        let items: Vec<_> = read.items.iter().map(|item| (item.token, item.body.as_str())).collect();
        assert_eq!(items, [(0, "one"), (1, "two")]);
        assert_eq!(read.items[0].client_message_id, id.to_string());
    }
}
