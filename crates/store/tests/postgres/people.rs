//! Who takes part in these tests, and what they do.

use chat::{
    Actor, Attendance, Draft, ErrorCode, Message, NodeName, Page, Report, Role, ServiceRequestId,
    wire::{Follower, Held, HistoryPage, JoinAnswer, Outcome, ServiceRequest, SweepAnswer, SweepRequest},
};
use store::{Expected, Item, Join, Put, Sent};
use uuid::Uuid;

use crate::client::Client;

fn actor(user: &str, role: Role, center: Option<&str>) -> Actor {
    let center = center.map(|center| center.parse().unwrap());
    Actor { user: user.parse().unwrap(), roles: vec![role], center }
}

/// The customer of every service request.
pub fn carla() -> Actor {
    actor("carla", Role::Customer, None)
}

/// The technician of every service request.
pub fn theo() -> Actor {
    actor("theo", Role::Technician, Some("north"))
}

/// Another technician of the same centre: a stranger.
pub fn tina() -> Actor {
    actor("tina", Role::Technician, Some("north"))
}

/// Somebody of the service centre of every service request.
pub fn nora() -> Actor {
    actor("nora", Role::ServiceCenter, Some("north"))
}

/// The platform: it reads everything and writes nothing.
pub fn platform() -> Actor {
    actor("platform", Role::Platform, None)
}

pub fn id(text: &str) -> ServiceRequestId {
    text.parse().unwrap()
}

pub fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

/// What a node holds of which it knows nobody to be there.
pub fn held(service_request: &str, version: i64) -> Held {
    let nobody = Attendance::NOBODY;
    Held { id: id(service_request), version, here: nobody, coming: nobody, elsewhere: nobody }
}

/// A user who follows on a node.
pub fn follower(service_request: &str, user: &str, role: Role) -> Follower {
    Follower { service_request_id: id(service_request), user_id: user.parse().unwrap(), role }
}

/// A new message.
pub fn draft(service_request: &str, body: &str) -> Draft {
    draft_again(service_request, Uuid::new_v4(), body)
}

/// A message with a name that may have been used before.
pub fn draft_again(service_request: &str, client_message_id: Uuid, body: &str) -> Draft {
    Draft::parse(service_request, &client_message_id.to_string(), body).unwrap()
}

/// What the platform reports of a service request of Carla and Theo, as JSON with the given members put in.
pub fn report(json: serde_json::Value) -> Report {
    let mut report = serde_json::json!({
        "customerId": "carla", "technicianId": "theo", "serviceCenterId": "north", "status": "open", "closedAt": null,
    });
    for (name, value) in json.as_object().unwrap() {
        report[name] = value.clone();
    }
    serde_json::from_value(report).unwrap()
}

impl Client {
    /// Reports an open service request of Carla and Theo.
    pub async fn open(&self, service_request: &str) {
        self.put(service_request, serde_json::json!({})).await;
    }

    /// Reports a service request, which is stored.
    pub async fn put(&self, service_request: &str, members: serde_json::Value) -> ServiceRequest {
        match self.report(service_request, members, &Expected::default()).await {
            Put::Stored { service_request, .. } => *service_request,
            refused => panic!("{refused:?}"),
        }
    }

    /// Reports a service request, whatever becomes of it.
    pub async fn report(&self, service_request: &str, members: serde_json::Value, expected: &Expected) -> Put {
        store::put_service_request(self, &id(service_request), &report(members), expected).await.unwrap()
    }

    /// Sends a batch.
    pub async fn send(&self, items: &[(&Actor, &Draft)]) -> Sent {
        self.send_within(items, None).await
    }

    /// Sends a batch, and waits so many milliseconds for a conversation that another transaction holds.
    pub async fn send_within(&self, items: &[(&Actor, &Draft)], patience: Option<i64>) -> Sent {
        let items: Vec<_> = items.iter().map(|(actor, draft)| Item { actor, draft }).collect();
        store::send(self, &items, patience).await.unwrap()
    }

    /// Sends one message, which is stored.
    pub async fn say(&self, actor: &Actor, draft: &Draft) -> Message {
        stored(&self.send(&[(actor, draft)]).await.outcomes[0]).1
    }

    /// Sends as many messages, and answers the last.
    pub async fn chatter(&self, service_request: &str, how_many: usize) -> Message {
        let (carla, theo) = (carla(), theo());
        let drafts: Vec<_> = (1..=how_many).map(|n| draft(service_request, &format!("message {n}"))).collect();
        let items: Vec<_> = drafts.iter().zip([&carla, &theo].into_iter().cycle()).map(|(d, a)| (a, d)).collect();
        let mut last = None;
        for batch in items.chunks(64) {
            last = self.send(batch).await.outcomes.pop();
        }
        stored(&last.unwrap()).1
    }

    /// Reads a page, as Carla.
    pub async fn page(&self, service_request: &str, page: Page) -> HistoryPage {
        store::history(self, &id(service_request), &carla(), page).await.unwrap().unwrap()
    }

    /// Reads everything that is there, as Carla.
    pub async fn everything(&self, service_request: &str) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        loop {
            let after = messages.last().map_or(0, |message| message.seq);
            let page = self.page(service_request, Page::after(after)).await;
            messages.extend(page.messages);
            if !page.has_more {
                return messages;
            }
        }
    }

    /// Joins on the first run of a node, without reading.
    pub async fn join(&self, actor: &Actor, service_request: &str, on: &str) -> JoinAnswer {
        self.join_after(actor, service_request, on, None, None).await
    }

    /// Joins on the first run of a node.
    pub async fn join_after(
        &self,
        actor: &Actor,
        service_request: &str,
        on: &str,
        after_seq: Option<i64>,
        epoch: Option<&str>,
    ) -> JoinAnswer {
        let (node, service_request_id) = (&node(on), &id(service_request));
        let join = Join { node, incarnation: Uuid::nil(), actor, service_request_id, after_seq, epoch };
        store::join(self, &join).await.unwrap().unwrap().answer
    }

    /// Sweeps on a run of a node, where everybody may be about to join and nobody is known to be elsewhere.
    pub async fn sweep(&self, on: &str, incarnation: Uuid, known: &[(&str, i64)]) -> SweepAnswer {
        let coming = Attendance::ROLES.into_iter().collect();
        let held = |(service_request, version): &(&str, i64)| Held { coming, ..held(service_request, *version) };
        let conversations = known.iter().map(held).collect();
        let (followers, inventory) = (Vec::new(), None);
        self.ask(&SweepRequest { node: node(on), incarnation, conversations, followers, inventory }).await
    }

    /// Sweeps.
    pub async fn ask(&self, request: &SweepRequest) -> SweepAnswer {
        store::sweep(self, request).await.unwrap()
    }

    /// The nodes that are rung for a message of Carla's.
    pub async fn rung(&self, service_request: &str) -> Vec<String> {
        let draft = draft(service_request, "ring");
        let sent = self.send(&[(&carla(), &draft)]).await;
        let mut nodes: Vec<_> = sent.conversations[0].nodes.iter().map(ToString::to_string).collect();
        nodes.sort();
        nodes
    }
}

/// A message that is stored, and whether it is new.
pub fn stored(outcome: &Outcome) -> (bool, Message) {
    match outcome {
        Outcome::Stored { new, message } => (*new, Message::clone(message)),
        Outcome::Refused { error } => panic!("{error}"),
        Outcome::Busy { .. } => panic!("another transaction holds it"),
    }
}

/// The code of a refusal.
pub fn refused(outcome: &Outcome) -> ErrorCode {
    match outcome {
        Outcome::Refused { error } => error.code,
        Outcome::Stored { .. } | Outcome::Busy { .. } => panic!("it is not refused"),
    }
}

/// The numbers of messages.
pub fn seqs(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.seq).collect()
}
