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
    /// The first number that is kept: what came before is deleted, and a cursor before it jumps there.
    pub first_seq: i64,
    /// The last number of the conversation; one less than the first when nothing is kept.
    pub last_seq: i64,
}
