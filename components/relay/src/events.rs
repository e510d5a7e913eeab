//! Events of the functions: what happened by way of other nodes.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chat::ErrorCode;
use http::StatusCode;

use crate::answers::{Event, EventConversation};
use crate::door::{Arrived, News, Standing};
use crate::node::{Node, Urgency};
use crate::post::Post;
use crate::problem::problem;

/// The largest event: a batch of the longest messages, several times over.
const LARGEST: usize = 8 * 1024 * 1024;

/// The route for events.
pub(crate) fn router(relay: Arc<Node>) -> Router {
    Router::new().route("/internal/events", post(receive)).layer(DefaultBodyLimit::max(LARGEST)).with_state(relay)
}

async fn receive(State(relay): State<Arc<Node>>, signed: Bytes) -> Response {
    let refused = |reason: &str| {
        relay.metrics.events_refused.add(1);
        problem(ErrorCode::Forbidden.refusal(reason))
    };
    let Ok(json) = relay.delivery_key.open(&signed) else {
        return refused("the event is not signed with the delivery key");
    };
    let event: Event<'_> = match serde_json::from_slice(json) {
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(%error, "an event can't be read");
            return problem(ErrorCode::Malformed.refusal("the event can't be read"));
        }
    };
    if *event.to != *relay.calls.node().as_str() {
        return refused("the event is for another node");
    }
    relay.doorbell.rings();
    if relay.epoch.is(&event.epoch) {
        relay.metrics.events.add(1);
        for conversation in event.conversations {
            relay.take_event(conversation);
        }
        for id in &event.presence {
            if relay.doors.get(id.as_str()).is_some() {
                relay.inquiries.push(id);
            }
        }
    } else {
        // Of an older history, or of a newer one that this node has yet to hear of from the database itself.
        relay.metrics.events_refused.add(1);
    }
    StatusCode::NO_CONTENT.into_response()
}

impl Node {
    fn take_event(self: &Arc<Self>, conversation: EventConversation<'_>) {
        let EventConversation { id, version, last_seq, who, status, closed_at, messages } = conversation;
        let Some(door) = self.doors.get(id.as_str()) else { return };
        let posts: Result<Vec<_>, _> =
            messages.iter().map(|message| Post::read(message).map(|post| Arrived { post, ticket: None })).collect();
        let posts = posts.unwrap_or_else(|error| {
            tracing::warn!(%error, conversation = %id, "messages of an event can't be read");
            Vec::new()
        });
        let standing = Standing { status, closed_at };
        let aftermath = door.hear(&News { version, who, standing, last: last_seq, posts, asked: None });
        self.follow_up(&door, aftermath, Urgency::Soon);
    }
}
