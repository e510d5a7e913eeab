//! What functions answer, as a relay reads it: messages stay raw, for they are passed on as they came.

use std::sync::Arc;

use chat::cursor::{Arrival, Page};
use chat::wire::{Presence, SentConversation};
use chat::{Actor, Parties, PartyPresence, Refusal, ServiceRequestId, Status};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::door::History;
use crate::post::Post;

/// The answer to a batch of sends.
#[derive(Deserialize)]
pub(crate) struct SendAnswer<'a> {
    /// The database's history; `None` when it was not asked.
    pub(crate) epoch: Option<Box<str>>,
    /// In the order of the items.
    #[serde(borrow)]
    pub(crate) outcomes: Vec<Outcome<'a>>,
    /// The conversations that have got messages.
    pub(crate) conversations: Vec<SentConversation>,
}

/// What became of one send.
#[derive(Deserialize)]
pub(crate) struct Outcome<'a> {
    /// Whether it was stored just now.
    #[serde(default)]
    pub(crate) new: bool,
    /// The message, when it is stored.
    #[serde(borrow)]
    pub(crate) message: Option<&'a RawValue>,
    /// Why not, when it isn't.
    pub(crate) error: Option<Refusal>,
}

/// The answer to a join.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinAnswer<'a> {
    /// The last number.
    pub(crate) last_seq: i64,
    /// Numbers up to this one are gone.
    #[serde(default)]
    pub(crate) purged_through: i64,
    /// The database's history.
    pub(crate) epoch: Box<str>,
    /// Whether it takes messages.
    pub(crate) status: Status,
    /// When it was closed, while it is.
    pub(crate) closed_at: Option<DateTime<Utc>>,
    /// The number of its last change.
    pub(crate) version: i64,
    /// Its parties as a client sees them.
    pub(crate) parties: Vec<PartyPresence>,
    /// Its parties.
    pub(crate) who: Parties,
    /// The first page after the client's number.
    #[serde(borrow)]
    pub(crate) messages: Vec<&'a RawValue>,
    /// Whether the client's number counts as 0.
    pub(crate) replay: bool,
}

/// A page of history.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryPage<'a> {
    /// The messages, ascending.
    #[serde(borrow)]
    pub(crate) messages: Vec<&'a RawValue>,
    /// The last number of the conversation.
    pub(crate) last_seq: i64,
    /// Numbers up to this one are gone.
    #[serde(default)]
    pub(crate) purged_through: i64,
}

/// A signed event, after its MAC was checked.
#[derive(Deserialize)]
pub(crate) struct Event<'a> {
    /// The node that it is for.
    pub(crate) to: Box<str>,
    /// When it was made, in milliseconds since 1970.
    pub(crate) at: i64,
    /// The database's history that it comes from.
    pub(crate) epoch: Box<str>,
    /// What has changed.
    #[serde(borrow)]
    pub(crate) conversations: Vec<EventConversation<'a>>,
}

/// What has changed in one conversation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventConversation<'a> {
    /// Which one.
    pub(crate) id: ServiceRequestId,
    /// The number of its last change.
    pub(crate) version: i64,
    /// Its parties as of that change.
    pub(crate) who: Parties,
    /// Whether it takes messages.
    pub(crate) status: Status,
    /// When it was closed, while it is.
    pub(crate) closed_at: Option<DateTime<Utc>>,
    /// The new messages.
    #[serde(borrow, default)]
    pub(crate) messages: Vec<&'a RawValue>,
    /// Who has come or gone.
    #[serde(default)]
    pub(crate) presence: Vec<Presence>,
}

/// Reads messages for one reader's line.
pub(crate) fn page(
    messages: &[&RawValue],
    purged_through: i64,
    last: i64,
    reader: &Actor,
) -> Result<History, serde_json::Error> {
    let arrivals = messages.iter().map(|message| Post::read(message).map(|post| post.arrival(reader)));
    let messages = arrivals.collect::<Result<Vec<Arrival<Arc<Post>>>, _>>()?;
    Ok(Page { messages, purged_through, last })
}
