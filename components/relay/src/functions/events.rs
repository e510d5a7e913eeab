//! Events of the functions: what happened by way of other nodes.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chat::{ErrorCode, ServiceRequestId};
use http::StatusCode;

use super::answers::{Event, EventConversation};
use crate::groups::{Arrived, News, Post, Standing};
use crate::node::Node;
use crate::problem::problem;
use crate::upkeep::Urgency;

/// The largest event: a batch of the longest messages, several times over.
const LARGEST: usize = 8 * 1024 * 1024;

/// The route for events.
pub(crate) fn router(node: Arc<Node>) -> Router {
    Router::new().route("/internal/events", post(receive)).layer(DefaultBodyLimit::max(LARGEST)).with_state(node)
}

async fn receive(State(node): State<Arc<Node>>, signed: Bytes) -> Response {
    let refused = |reason: &str| {
        node.metrics.events_refused.add(1);
        problem(ErrorCode::Forbidden.refusal(reason))
    };
    let Ok(json) = node.delivery_key.open(&signed) else {
        return refused("the event is not signed with the delivery key");
    };
    let event: Event<'_> = match serde_json::from_slice(json) {
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(%error, "an event can't be read");
            return problem(ErrorCode::Malformed.refusal("the event can't be read"));
        }
    };
    if *event.to != *node.calls.node().as_str() {
        return refused("the event is for another node");
    }
    node.event_watch.arrived();
    let inquire = |id: &ServiceRequestId| {
        if node.groups.get(id.as_str()).is_some() {
            node.inquiries.push(id);
        }
    };
    if node.epoch.is(&event.epoch) {
        node.metrics.events.add(1);
        for conversation in event.conversations {
            node.take_event(conversation);
        }
        event.presence.iter().for_each(inquire);
    } else {
        // Of an older history, or of one that this node has yet to hear of from the database itself: so does one that has just
        // started, and whose first join is made and not answered. What is there to know is asked for.
        node.metrics.events_other_epoch.add(1);
        event.conversations.iter().map(|conversation| &conversation.id).for_each(inquire);
    }
    StatusCode::NO_CONTENT.into_response()
}

impl Node {
    fn take_event(self: &Arc<Self>, conversation: EventConversation<'_>) {
        let EventConversation { id, version, last_seq, who, status, closed_at, messages } = conversation;
        let Some(group) = self.groups.get(id.as_str()) else { return };
        let posts: Result<Vec<_>, _> =
            messages.iter().map(|message| Post::read(message).map(|post| Arrived { post, pending: None })).collect();
        let posts = posts.unwrap_or_else(|error| {
            tracing::warn!(%error, conversation = %id, "messages of an event can't be read");
            Vec::new()
        });
        let standing = Standing { status, closed_at };
        let aftermath = group.hear(&News { version, who, standing, last: last_seq, posts, asked: None });
        self.follow_up(&group, aftermath, Urgency::Soon);
    }
}
