//! A batch between its request and its answer.

use std::{borrow::Cow, rc::Rc};

use chat::{
    Actor, Draft, ErrorCode, Message, NodeName, Refusal, Role,
    wire::{Outcome, SentConversation},
};
use function::Rings;
use serde::Deserialize;
use store::{Conversation, Sent};

/// [`chat::wire::SendRequest`], read without copying its texts.
#[derive(Deserialize)]
pub(crate) struct Request<'a> {
    #[serde(default)]
    pub(crate) node: Option<NodeName>,
    #[serde(default)]
    pub(crate) patience: Option<i64>,
    /// No token needs an escape, so all of them can be borrowed.
    #[serde(borrow)]
    pub(crate) tokens: Vec<&'a str>,
    #[serde(borrow, default)]
    pub(crate) vouchers: Vec<Option<&'a str>>,
    #[serde(borrow)]
    pub(crate) items: Vec<Item<'a>>,
}

/// [`chat::wire::SendItem`], read without copying its texts, but for one with an escape.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item<'a> {
    pub(crate) token: usize,
    #[serde(borrow)]
    pub(crate) service_request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) client_message_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) body: Cow<'a, str>,
}

/// A batch with everything decided that can be without the database.
pub(crate) struct Batch {
    items: Vec<Result<Ready, Refusal>>,
}

/// A message that may go to the database, and who sends it.
struct Ready {
    actor: Rc<Actor>,
    draft: Draft,
}

impl Batch {
    /// Gives each item the user of its token; whose token does not hold, or whose item breaks a rule, is refused.
    pub(crate) fn new(actors: &[Result<Rc<Actor>, Refusal>], items: &[Item<'_>]) -> Self {
        Self { items: items.iter().map(|item| Ready::new(actors, item)).collect() }
    }

    /// What is left to ask the database for.
    pub(crate) fn items(&self) -> Vec<store::Item<'_>> {
        self.items.iter().flatten().map(|ready| store::Item { actor: &ready.actor, draft: &ready.draft }).collect()
    }

    /// The outcomes of all items, given those of [`Batch::items`].
    pub(crate) fn outcomes(&self, stored: Vec<Outcome>) -> Vec<Outcome> {
        let mut stored = stored.into_iter();
        let outcome = |item: &Result<Ready, Refusal>| match item {
            Ok(_) => stored.next().unwrap_or_else(|| Outcome::Refused {
                error: ErrorCode::Unavailable.refusal("the outcome is not known"),
            }),
            Err(error) => Outcome::Refused { error: error.clone() },
        };
        self.items.iter().map(outcome).collect()
    }
}

impl Ready {
    fn new(actors: &[Result<Rc<Actor>, Refusal>], item: &Item<'_>) -> Result<Self, Refusal> {
        let actor = match actors.get(item.token) {
            Some(actor) => actor.clone()?,
            None => return Err(ErrorCode::Malformed.refusal("the item names no token of its batch")),
        };
        if !may_write(&actor) {
            return Err(ErrorCode::Forbidden.refusal("the platform writes no messages"));
        }
        let draft = Draft::parse(&item.service_request_id, &item.client_message_id, &item.body)?;
        Ok(Self { actor, draft })
    }
}

/// Whether it is for the database to say. To the platform nothing is hidden, so it can be told that it may not.
fn may_write(actor: &Actor) -> bool {
    !actor.is(Role::Platform)
        || [Role::Customer, Role::Technician, Role::ServiceCenter].iter().any(|role| actor.is(*role))
}

/// Tells every node about the messages of the conversations that it holds; the batch's own node knows them.
///
/// Messages that were stored before are told once more: the call that stored them may have ended before it rang.
pub(crate) fn rings(sent: &Sent, own: Option<&NodeName>) -> Rings {
    let mut rings = Rings::default();
    for conversation in &sent.conversations {
        let mut others = conversation.nodes.iter().filter(|node| Some(*node) != own).peekable();
        if others.peek().is_some() {
            rings.add(others, &conversation.event(messages_of(conversation, &sent.outcomes)));
        }
    }
    rings
}

/// The messages of one conversation, ascending, each once.
fn messages_of(conversation: &Conversation, outcomes: &[Outcome]) -> Vec<Message> {
    let mut messages: Vec<Message> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Stored { message, .. } if message.service_request_id == conversation.id => Some(message),
            _ => None,
        })
        .map(|message| Message::clone(message))
        .collect();
    messages.sort_unstable_by_key(|message| message.seq);
    messages.dedup_by_key(|message| message.seq);
    messages
}

/// What the answer says of a conversation. Which nodes hold it is nothing that its relay needs.
pub(crate) fn answered(conversation: Conversation) -> SentConversation {
    SentConversation { nodes: Vec::new(), ..conversation.into() }
}

#[cfg(test)]
mod tests {
    use chat::{
        Parties, Status,
        wire::{SendItem, SendRequest},
    };
    use function::Rings;

    use super::*;

    const UUID: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

    fn actor(user: &str, roles: &[Role]) -> Result<Rc<Actor>, Refusal> {
        Ok(Rc::new(Actor { user: user.parse().unwrap(), roles: roles.to_vec(), center: None }))
    }

    fn item<'a>(token: usize, id: &'a str, body: &'a str) -> Item<'a> {
        Item { token, service_request_id: id.into(), client_message_id: UUID.into(), body: body.into() }
    }

    fn message(id: &str, seq: i64) -> Message {
        serde_json::from_value(serde_json::json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "serviceRequestId": id, "seq": seq, "senderId": "carla",
            "senderRole": "customer", "clientMessageId": UUID, "body": "hello", "sentAt": "2024-02-29T23:59:59Z",
        }))
        .unwrap()
    }

    fn stored(id: &str, seq: i64) -> Outcome {
        Outcome::Stored { new: true, message: Box::new(message(id, seq)) }
    }

    fn code(outcome: &Outcome) -> Option<ErrorCode> {
        match outcome {
            Outcome::Refused { error } => Some(error.code),
            Outcome::Stored { .. } | Outcome::Busy { .. } => None,
        }
    }

    #[test]
    fn each_item_has_its_own_users_outcome() {
        let actors = [
            actor("carla", &[Role::Customer]),
            Err(ErrorCode::Unauthenticated.refusal("expired")),
            actor("platform", &[Role::Platform]),
            actor("theo", &[Role::Platform, Role::Technician]),
        ];
        let batch = Batch::new(
            &actors,
            &[
                item(0, "a", "one"),
                item(1, "a", "two"),
                item(2, "a", "three"),
                item(3, "a", "four"),
                item(4, "a", "five"),
                item(0, "a b", ""),
                item(0, "b", "seven"),
            ],
        );
        let users: Vec<_> = batch.items().iter().map(|item| item.actor.user.to_string()).collect();
        assert_eq!(users, ["carla", "theo", "carla"]);
        let outcomes = batch.outcomes(vec![
            stored("a", 1),
            Outcome::Refused { error: ErrorCode::NotFound.refusal("no") },
            stored("b", 1),
        ]);
        assert_eq!(
            outcomes.iter().map(code).collect::<Vec<_>>(),
            [
                None,
                Some(ErrorCode::Unauthenticated),
                Some(ErrorCode::Forbidden),
                Some(ErrorCode::NotFound),
                Some(ErrorCode::Malformed),
                Some(ErrorCode::Invalid),
                None
            ]
        );
        assert_eq!(outcomes[6], stored("b", 1));
    }

    #[test]
    fn a_request_of_a_relay_is_read_without_copies() {
        let sent = SendRequest {
            node: Some("main".parse().unwrap()),
            patience: Some(100),
            tokens: vec!["a.b.c".into()],
            vouchers: vec![Some("voucher".into())],
            items: ["plain", "with \"escapes\" \u{1}"]
                .map(|body| SendItem {
                    token: 0,
                    service_request_id: "a".into(),
                    client_message_id: UUID.into(),
                    body: body.into(),
                })
                .into(),
        };
        let json = serde_json::to_vec(&sent).unwrap();
        let read: Request<'_> = serde_json::from_slice(&json).unwrap();
        assert_eq!((read.node, read.patience), (sent.node, Some(100)));
        assert_eq!((read.tokens, read.vouchers), (vec!["a.b.c"], vec![Some("voucher")]));
        for (read, sent) in read.items.iter().zip(&sent.items) {
            assert_eq!(read.token, sent.token);
            assert_eq!(read.service_request_id, sent.service_request_id);
            assert_eq!(read.client_message_id, sent.client_message_id);
            assert_eq!(read.body, sent.body);
        }
        assert!(matches!(read.items[0].body, Cow::Borrowed(_)));
        let bare: Request<'_> = serde_json::from_str(r#"{"tokens":[],"items":[]}"#).unwrap();
        assert_eq!((bare.node, bare.patience, bare.vouchers), (None, None, Vec::new()));
    }

    #[test]
    fn an_outcome_that_the_database_does_not_give_is_unknown() {
        let batch = Batch::new(&[actor("carla", &[Role::Customer])], &[item(0, "a", "x")]);
        assert_eq!(batch.outcomes(Vec::new()).iter().map(code).collect::<Vec<_>>(), [Some(ErrorCode::Unavailable)]);
    }

    #[test]
    fn other_nodes_are_told_in_order_and_the_own_one_is_not() {
        let conversation = |id: &str, nodes: &[&str]| Conversation {
            id: id.parse().unwrap(),
            version: 1,
            last_seq: 7,
            parties: Parties {
                customer_id: "carla".parse().unwrap(),
                technician_id: None,
                service_center_id: "north".parse().unwrap(),
            },
            status: Status::Open,
            closed_at: None,
            nodes: nodes.iter().map(|name| name.parse().unwrap()).collect(),
        };
        let own: NodeName = "own".parse().unwrap();
        let mut sent = Sent {
            epoch: "e".into(),
            outcomes: vec![stored("a", 2), stored("b", 1), stored("a", 1), stored("a", 2)],
            conversations: vec![conversation("a", &["own", "other"]), conversation("b", &["own"])],
        };
        let seqs: Vec<_> = messages_of(&sent.conversations[0], &sent.outcomes).iter().map(|m| m.seq).collect();
        assert_eq!(seqs, [1, 2]);
        assert!(!rings(&sent, Some(&own)).is_empty());
        sent.conversations.remove(0);
        assert!(rings(&sent, Some(&own)).is_empty());
        assert!(!rings(&sent, None).is_empty());
        assert!(Rings::default().is_empty());
        let told = answered(conversation("a", &["x"]));
        assert!(told.nodes.is_empty());
        assert_eq!((told.last_seq, told.status), (7, Status::Open), "as of the transaction, whatever the batch has");
    }
}
