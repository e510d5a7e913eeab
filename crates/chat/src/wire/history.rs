//! A page of history.

use serde::{Deserialize, Serialize};

use crate::Message;

/// A page of history, ascending.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPage {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether there are more in the direction of reading: later ones after an `afterSeq`, else earlier ones.
    pub has_more: bool,
    /// The last number of the conversation.
    pub last_seq: i64,
    /// Numbers up to this one are gone: a cursor jumps over them. Only relays are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purged_through: Option<i64>,
}
