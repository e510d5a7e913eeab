//! What functions answer, as a relay reads it: messages stay raw, for they are passed on as they came.

use std::sync::Arc;

use chat::cursor::{Arrival, Page};
use chat::wire::SentConversation;
use chat::{Actor, Attendance, Parties, Refusal, ServiceRequestId, Status};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::groups::{History, Post};

/// The answer to a batch of sends.
#[derive(Deserialize)]
pub(crate) struct SendAnswer<'a> {
    /// The database's history; `None` when it was not asked.
    pub(crate) epoch: Option<Box<str>>,
    /// In the order of the items.
    #[serde(borrow)]
    pub(crate) outcomes: Vec<Outcome<'a>>,
    /// The conversations that have got messages, or had them already.
    pub(crate) conversations: Vec<SentConversation>,
    /// What the function vouches for, by the places of the tokens.
    #[serde(borrow, default)]
    pub(crate) vouchers: Vec<Option<&'a str>>,
}

/// What became of one send.
#[derive(Deserialize)]
pub(crate) struct Outcome<'a> {
    /// The message, when it is stored.
    #[serde(borrow)]
    pub(crate) message: Option<&'a RawValue>,
    /// Why not, when it isn't.
    pub(crate) error: Option<Refusal>,
    /// Whether it is not stored for now, because another transaction holds its conversation.
    #[serde(default)]
    pub(crate) busy: bool,
}

/// The answer to a join.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinAnswer<'a> {
    /// The first number that is kept.
    pub(crate) first_seq: i64,
    /// The last number.
    pub(crate) last_seq: i64,
    /// The database's history.
    pub(crate) epoch: Box<str>,
    /// Whether it takes messages.
    pub(crate) status: Status,
    /// When it was closed, while it is.
    pub(crate) closed_at: Option<DateTime<Utc>>,
    /// The number of its last change.
    pub(crate) version: i64,
    /// Its parties.
    pub(crate) who: Parties,
    /// Those of them that are on other nodes.
    pub(crate) elsewhere: Attendance,
    /// The first page after the client's number.
    #[serde(borrow)]
    pub(crate) messages: Vec<&'a RawValue>,
    /// Whether the client's number counts as 0.
    pub(crate) restarted: bool,
    /// What the function vouches for of the token.
    #[serde(default)]
    pub(crate) voucher: Option<&'a str>,
}

/// A page of history.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryPage<'a> {
    /// The messages, ascending.
    #[serde(borrow)]
    pub(crate) messages: Vec<&'a RawValue>,
    /// The first number that is kept.
    pub(crate) first_seq: i64,
    /// The last number of the conversation.
    pub(crate) last_seq: i64,
}

/// A signed event, after its MAC was checked.
#[derive(Deserialize)]
pub(crate) struct Event<'a> {
    /// The node that it is for.
    pub(crate) to: Box<str>,
    /// The database's history that it comes from.
    pub(crate) epoch: Box<str>,
    /// What has changed.
    #[serde(borrow)]
    pub(crate) conversations: Vec<EventConversation<'a>>,
    /// The conversations in which somebody has come or gone.
    #[serde(default)]
    pub(crate) presence: Vec<ServiceRequestId>,
}

/// What has changed in one conversation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventConversation<'a> {
    /// Which one.
    pub(crate) id: ServiceRequestId,
    /// The number of its last change.
    pub(crate) version: i64,
    /// The number of its last message as of that change, which need not be one of those below.
    pub(crate) last_seq: i64,
    /// Its parties as of that change.
    pub(crate) who: Parties,
    /// Whether it takes messages.
    pub(crate) status: Status,
    /// When it was closed, while it is.
    pub(crate) closed_at: Option<DateTime<Utc>>,
    /// Messages that are new, or that somebody has sent again.
    #[serde(borrow, default)]
    pub(crate) messages: Vec<&'a RawValue>,
}

/// Reads the messages of a page as they arrive for one reader.
pub(crate) fn read_page(
    messages: &[&RawValue],
    first: i64,
    last: i64,
    reader: &Actor,
) -> Result<History, serde_json::Error> {
    let arrivals = messages.iter().map(|message| Post::read(message).map(|post| post.arrival(reader)));
    let messages = arrivals.collect::<Result<Vec<Arrival<Arc<Post>>>, _>>()?;
    Ok(Page { messages, first, last })
}
