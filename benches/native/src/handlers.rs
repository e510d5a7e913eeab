//! What the functions do, in the order of the components: all of it by the domain and the store.

use std::collections::BTreeMap;

use chat::wire::{
    EventConversation, HistoryPage, JoinAnswer, JoinRequest, LeaveAnswer, LeaveRequest, Outcome, SendAnswer,
    SendRequest, ServiceRequest, SweepAnswer, SweepRequest,
};
use chat::{Actor, Draft, ErrorCode, Message, NodeName, Page, Refusal, ReportForm, ServiceRequestId};
use store::{Conversation, Expected, Item, Join, Put, Sent};

use crate::functions::Native;

impl Native {
    /// Stores a batch, and rings the other nodes that hold its conversations.
    pub async fn send(&self, request: SendRequest) -> Result<SendAnswer, Refusal> {
        let actors: Vec<_> = request.tokens.iter().map(|token| self.bearers.identify(token)).collect();
        let drafts: Vec<_> = request.items.iter().map(|item| draft(item, &actors)).collect();
        let items = drafts.iter().flatten().map(|(actor, draft)| Item { actor, draft }).collect::<Vec<_>>();
        let Sent { epoch, outcomes, conversations } =
            store::send(&self.database, &items, request.patience).await.map_err(unavailable)?;
        self.ring(request.node.as_ref(), &epoch, &outcomes, &conversations);
        let mut stored = outcomes.into_iter();
        let missing = || Outcome::Refused { error: ErrorCode::Unavailable.refusal("the database named no outcome") };
        let outcomes = drafts.iter().map(|draft| match draft {
            Ok(_) => stored.next().unwrap_or_else(missing),
            Err(error) => Outcome::Refused { error: error.clone() },
        });
        Ok(SendAnswer {
            epoch: Some(epoch).filter(|epoch| !epoch.is_empty()),
            outcomes: outcomes.collect(),
            conversations: conversations.into_iter().map(Into::into).collect(),
            vouchers: Vec::new(),
        })
    }

    fn ring(&self, from: Option<&NodeName>, epoch: &str, outcomes: &[Outcome], conversations: &[Conversation]) {
        let mut rings: BTreeMap<NodeName, Vec<EventConversation>> = BTreeMap::new();
        for conversation in conversations {
            for node in conversation.nodes.iter().filter(|node| Some(*node) != from) {
                let event = conversation.event(messages_of(&conversation.id, outcomes));
                rings.entry(node.clone()).or_default().push(event);
            }
        }
        self.backplane.ring(epoch, rings);
    }

    /// Registers a user at a node. Nobody is told that they came: in a benchmark all come before anything counts.
    pub async fn join(&self, request: JoinRequest) -> Result<JoinAnswer, Refusal> {
        let actor = self.bearers.identify(&request.token)?;
        let id = service_request_id(&request.service_request_id)?;
        let join = Join {
            node: &request.node,
            incarnation: request.incarnation,
            actor: &actor,
            service_request_id: &id,
            after_seq: request.after_seq,
            epoch: request.epoch.as_deref(),
        };
        let joined = store::join(&self.database, &join).await.map_err(unavailable)?;
        joined.map(|joined| joined.answer).ok_or_else(stranger)
    }

    /// Takes registrations back.
    pub async fn leave(&self, request: LeaveRequest) -> Result<LeaveAnswer, Refusal> {
        let LeaveRequest { node, incarnation, left } = request;
        store::leave(&self.database, &node, incarnation, &left).await.map_err(unavailable)?;
        Ok(LeaveAnswer {})
    }

    /// Tells what has changed.
    pub async fn sweep(&self, request: SweepRequest) -> Result<SweepAnswer, Refusal> {
        store::sweep(&self.database, &request).await.map_err(unavailable)
    }

    /// Reads a page after a number.
    pub async fn history(&self, id: &str, token: &str, query: Option<&str>) -> Result<HistoryPage, Refusal> {
        let actor = self.bearers.identify(token)?;
        let cursor = query.and_then(|query| query.strip_prefix("afterSeq=")).unwrap_or("0");
        let page =
            Page::after(Page::parse_cursor(cursor).map_err(|error| ErrorCode::Invalid.refusal(error.to_string()))?);
        let read = store::history(&self.database, &service_request_id(id)?, &actor, page).await;
        read.map_err(unavailable)?.ok_or_else(stranger)
    }

    /// Creates or replaces a service request. Nobody is rung: a benchmark reports before anyone joins.
    pub async fn report(&self, id: &str, token: &str, body: &[u8]) -> Result<ServiceRequest, Refusal> {
        if !self.bearers.identify(token)?.is(chat::Role::Platform) {
            return Err(ErrorCode::Forbidden.refusal("only the platform reports service requests"));
        }
        let report = ReportForm::from_json(body)?.check()?;
        let expected = Expected::default();
        let put = store::put_service_request(&self.database, &service_request_id(id)?, &report, &expected).await;
        match put.map_err(unavailable)? {
            Put::Stored { service_request, .. } => Ok(*service_request),
            Put::ClosedInFuture => Err(ErrorCode::Invalid.refusal("closedAt is in the future")),
            Put::Stale | Put::Mismatch => Err(ErrorCode::Stale.refusal("a later report is stored")),
        }
    }
}

/// What an item's own user wants to send.
fn draft<'a>(item: &chat::wire::SendItem, actors: &'a [Result<Actor, Refusal>]) -> Result<(&'a Actor, Draft), Refusal> {
    let actor = actors.get(item.token).ok_or_else(|| ErrorCode::Unauthenticated.refusal("the item names no token"))?;
    let actor = actor.as_ref().map_err(Clone::clone)?;
    Ok((actor, Draft::parse(&item.service_request_id, &item.client_message_id, &item.body)?))
}

/// The new messages of one conversation.
fn messages_of(id: &ServiceRequestId, outcomes: &[Outcome]) -> Vec<Message> {
    let new = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Stored { new: true, message } if message.service_request_id == *id => Some((**message).clone()),
        _ => None,
    });
    new.collect()
}

fn service_request_id(text: &str) -> Result<ServiceRequestId, Refusal> {
    ServiceRequestId::parse(text).map_err(|_| stranger())
}

fn stranger() -> Refusal {
    ErrorCode::NotFound.refusal("there is no such service request")
}

fn unavailable(error: store::StoreError) -> Refusal {
    eprintln!("{error}");
    Refusal::from(&error)
}
