//! The functions and their database, in memory, obeying a script of faults.

mod presence;
mod routes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use chat::wire::{
    DeliveryKey, Event, EventConversation, HistoryPage, Inventory, JoinAnswer, JoinRequest, LeaveRequest, LimitsAnswer,
    LimitsRequest, Outcome, SendAnswer, SendItem, SendRequest, SentConversation, SweepAnswer, SweepChange,
    SweepRequest, Taken,
};
use chat::{
    Actor, Attendance, ErrorCode, Message, NodeName, Parties, Problem, Refusal, Role, ServiceRequestId, Status, UserId,
};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use identity::{Settings, Verifier};
use relay::{CallError, Functions};
use uuid::Uuid;

use presence::Registration;

pub const SECRET: &str = "a secret of thirty-two bytes, yes";
pub const RELAY_KEY: &str = "relay key";
pub const DELIVERY_KEY: &str = "delivery key";

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It does its work, and the answer is lost.
    LostAnswer,
    /// It answers 503 and does nothing.
    Unavailable,
    /// It takes so long, then works.
    Slow(Duration),
    /// It works at once, and takes so long to say so.
    SlowAnswer(Duration),
    /// Nobody hears of it again, and it works after so long all the same.
    Late(Duration),
    /// It panics.
    Panic,
    /// It never answers, and does nothing.
    Hang,
    /// Whoever has asked is told at once that it failed, and it works after so long all the same.
    GivenUp(Duration),
    /// It does nothing, and its answer makes no sense.
    Unreadable,
}

/// The system behind the relays.
#[derive(Clone)]
pub struct Fake {
    state: Arc<Mutex<State>>,
    verifier: Arc<Verifier>,
    /// Whether events are published.
    pub ringing: Arc<AtomicBool>,
    /// Whether anything works at all.
    pub working: Arc<AtomicBool>,
    /// Calls by route.
    pub calls: Arc<Calls>,
}

#[derive(Default)]
pub struct Calls {
    pub send: AtomicUsize,
    pub join: AtomicUsize,
    pub history: AtomicUsize,
    pub sweep: AtomicUsize,
}

struct State {
    epoch: String,
    conversations: BTreeMap<ServiceRequestId, Conversation>,
    faults: BTreeMap<&'static str, VecDeque<Fault>>,
    /// A body that traps whatever instance reads it.
    poison: Option<String>,
    /// Where nodes take events.
    nodes: BTreeMap<String, std::net::SocketAddr>,
    registered: Vec<Registration>,
    /// Nodes that have not been heard of for too long.
    silent: BTreeSet<String>,
    /// Until when nodes that are not heard of may be there all the same.
    early: Option<Instant>,
    batches: Vec<usize>,
    /// With what functions vouch for tokens, if they do.
    vouching: Option<&'static str>,
    /// What was shown beside the tokens of each batch.
    vouchers: Vec<Vec<Option<String>>>,
    /// When the buckets that all nodes share are full again.
    buckets: BTreeMap<(String, String), Instant>,
}

#[derive(Clone)]
struct Conversation {
    version: i64,
    parties: Parties,
    status: Status,
    closed_at: Option<DateTime<Utc>>,
    messages: Vec<Message>,
    purged_through: i64,
    /// Whether another transaction holds it: whoever waits for it, waits in vain.
    locked: bool,
}

impl Conversation {
    fn last(&self) -> i64 {
        i64::try_from(self.messages.len()).unwrap()
    }

    fn after(&self, after: i64, limit: usize) -> Vec<Message> {
        let kept = self.messages.iter().filter(|message| message.seq > after.max(self.purged_through));
        kept.take(limit).cloned().collect()
    }
}

pub fn settings() -> Settings {
    Settings { secret: Some(SECRET.to_owned()), ..Settings::default() }
}

pub fn parties(customer: &str, technician: Option<&str>, center: &str) -> Parties {
    Parties {
        customer_id: customer.parse().unwrap(),
        technician_id: technician.map(|technician| technician.parse().unwrap()),
        service_center_id: center.parse().unwrap(),
    }
}

fn id(id: &str) -> ServiceRequestId {
    id.parse().unwrap()
}

impl Fake {
    pub fn new() -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                epoch: "first".to_owned(),
                conversations: BTreeMap::new(),
                faults: BTreeMap::new(),
                poison: None,
                nodes: BTreeMap::new(),
                registered: Vec::new(),
                silent: BTreeSet::new(),
                early: None,
                batches: Vec::new(),
                vouching: None,
                vouchers: Vec::new(),
                buckets: BTreeMap::new(),
            })),
            verifier: Arc::new(Verifier::new(&settings()).unwrap()),
            ringing: Arc::new(AtomicBool::new(true)),
            working: Arc::new(AtomicBool::new(true)),
            calls: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Events for this node go there from now on.
    pub fn connect(&self, node: &str, address: std::net::SocketAddr) {
        self.state().nodes.insert(node.to_owned(), address);
    }

    /// Reports a service request, and rings.
    pub fn put(&self, name: &str, parties: Parties, status: Status) {
        let events = {
            let mut state = self.state();
            let conversation = state.conversations.entry(id(name)).or_insert_with(|| Conversation {
                version: 0,
                parties: parties.clone(),
                status,
                closed_at: None,
                messages: Vec::new(),
                purged_through: 0,
                locked: false,
            });
            conversation.version += 1;
            conversation.parties = parties;
            conversation.status = status;
            conversation.closed_at = (status == Status::Closed).then(Utc::now);
            state.events(name, Vec::new(), None)
        };
        self.ring(events);
    }

    /// A party posts over HTTP: every node that holds the conversation is rung.
    pub fn post(&self, name: &str, sender: &str, role: Role, body: &str) -> Message {
        let (message, events) = {
            let mut state = self.state();
            let message = state.store(name, sender, role, Uuid::new_v4(), body);
            state.conversations.get_mut(name).unwrap().version += 1;
            let events = state.events(name, vec![message.clone()], None);
            (message, events)
        };
        self.ring(events);
        message
    }

    /// Deletes old messages.
    pub fn purge(&self, name: &str, through: i64) {
        let mut state = self.state();
        let conversation = state.conversations.get_mut(name).unwrap();
        conversation.purged_through = through;
        conversation.version += 1;
    }

    /// Replaces the database by an earlier state of itself.
    pub fn restore(&self, epoch: &str, keep: usize) {
        let mut state = self.state();
        state.epoch = epoch.to_owned();
        state.registered.clear();
        for conversation in state.conversations.values_mut() {
            conversation.messages.truncate(keep);
            conversation.version = i64::try_from(keep).unwrap() + 1;
        }
    }

    /// Promotes a standby that lacks the last commits: this one's messages after a number, and as many changes.
    pub fn lose(&self, name: &str, after: i64) {
        let mut state = self.state();
        let conversation = state.conversations.get_mut(name).unwrap();
        conversation.version -= conversation.last() - after;
        conversation.messages.truncate(usize::try_from(after).unwrap());
    }

    /// The same, and so many others are in their place before anybody asks. A standby knows of no registrations.
    pub fn replace(&self, name: &str, after: i64, others: usize) {
        let mut state = self.state();
        state.registered.retain(|registration| registration.id.as_str() != name);
        let conversation = state.conversations.get_mut(name).unwrap();
        conversation.version -= conversation.last() - after;
        conversation.messages.truncate(usize::try_from(after).unwrap());
        for _ in 0..others {
            state.store(name, "theo", Role::Technician, Uuid::new_v4(), "in its place");
            state.conversations.get_mut(name).unwrap().version += 1;
        }
    }

    /// Another transaction takes hold of a conversation, or lets go of it.
    pub fn lock(&self, name: &str, locked: bool) {
        self.state().conversations.get_mut(name).unwrap().locked = locked;
    }

    pub fn messages(&self, name: &str) -> Vec<Message> {
        self.state().conversations.get(name).unwrap().messages.clone()
    }

    /// From now on functions vouch for whom they know, with this key.
    pub fn vouch_with(&self, key: &'static str) {
        self.state().vouching = Some(key);
    }

    /// What was shown beside the tokens of each batch.
    pub fn vouchers(&self) -> Vec<Vec<Option<String>>> {
        self.state().vouchers.clone()
    }

    pub fn batches(&self) -> Vec<usize> {
        self.state().batches.clone()
    }

    pub fn registered(&self) -> Vec<(String, String)> {
        let state = self.state();
        state.registered.iter().map(|it| (format!("{}/{}", it.node, it.id), it.user.to_string())).collect()
    }

    /// Whether the calls of a route have failed as often as they were told to.
    pub fn is_sound(&self, route: &str) -> bool {
        self.state().faults.get(route).is_none_or(VecDeque::is_empty)
    }

    /// The next calls of a route go wrong.
    pub fn fail(&self, route: &'static str, faults: &[Fault]) {
        self.state().faults.entry(route).or_default().extend(faults);
    }

    /// Nothing goes wrong with a route any longer.
    pub fn heal(&self, route: &'static str) {
        self.state().faults.remove(route);
    }

    /// Whether every fault of a route has been met.
    pub fn is_healed(&self, route: &str) -> bool {
        self.state().faults.get(route).is_none_or(VecDeque::is_empty)
    }

    pub fn poison(&self, body: &str) {
        self.state().poison = Some(body.to_owned());
    }

    /// A signed event for a node that says what is in the database now.
    pub fn event(&self, node: &str, name: &str, messages: Vec<Message>) -> Vec<u8> {
        self.state().event(node, name, messages)
    }

    fn ring(&self, events: Vec<(std::net::SocketAddr, Vec<u8>)>) {
        if self.ringing.load(Ordering::SeqCst) {
            tokio::spawn(async move {
                for (address, event) in events {
                    crate::node::post_event(address, event).await;
                }
            });
        }
    }
}

impl State {
    fn send(&mut self, actor: &Actor, item: &SendItem) -> Result<Outcome, Refusal> {
        let missing = || ErrorCode::NotFound.refusal("there is no such service request");
        let name = Uuid::try_parse(&item.client_message_id)
            .map_err(|_| ErrorCode::Invalid.refusal("clientMessageId must be a uuid"))?;
        if item.body.trim().is_empty() {
            return Err(ErrorCode::Invalid.refusal("body must not be empty"));
        }
        let conversation = self.conversations.get(item.service_request_id.as_str()).ok_or_else(missing)?;
        let role = conversation.parties.role_of(actor).ok_or_else(missing)?;
        let of_sender = |message: &&Message| message.client_message_id == name && message.sender_id == actor.user;
        if let Some(message) = conversation.messages.iter().find(of_sender) {
            return Ok(Outcome::Stored { new: false, message: Box::new(message.clone()) });
        }
        if conversation.status == Status::Closed {
            return Err(ErrorCode::Closed.refusal("the service request is closed"));
        }
        if conversation.locked {
            return Ok(Outcome::BUSY);
        }
        let message = self.store(&item.service_request_id, actor.user.as_str(), role, name, &item.body);
        Ok(Outcome::Stored { new: true, message: Box::new(message) })
    }

    fn store(&mut self, name: &str, sender: &str, role: Role, client_message_id: Uuid, body: &str) -> Message {
        let conversation = self.conversations.get_mut(name).unwrap();
        let message = Message {
            id: Uuid::now_v7(),
            service_request_id: id(name),
            seq: conversation.last() + 1,
            sender_id: sender.parse().unwrap(),
            sender_role: role,
            client_message_id,
            body: body.to_owned(),
            sent_at: Utc::now(),
        };
        conversation.messages.push(message.clone());
        message
    }

    fn events(&self, name: &str, messages: Vec<Message>, except: Option<&str>) -> Vec<(std::net::SocketAddr, Vec<u8>)> {
        let rung = self.holders(name, except).into_iter();
        rung.map(|(node, address)| (address, self.event(node, name, messages.clone()))).collect()
    }

    /// The nodes that hold a conversation, and where they take events.
    fn holders(&self, name: &str, except: Option<&str>) -> Vec<(&str, std::net::SocketAddr)> {
        let holds = |node: &str| self.registered.iter().any(|it| it.node == node && it.id.as_str() == name);
        let rung = self.nodes.iter().filter(|(node, _)| Some(node.as_str()) != except && holds(node));
        rung.map(|(node, address)| (node.as_str(), *address)).collect()
    }

    fn event(&self, node: &str, name: &str, messages: Vec<Message>) -> Vec<u8> {
        let conversation = self.conversations.get(name).unwrap();
        signed(&Event {
            to: node.parse().unwrap(),
            epoch: self.epoch.clone(),
            conversations: vec![EventConversation {
                id: id(name),
                version: conversation.version,
                last_seq: conversation.last(),
                who: conversation.parties.clone(),
                status: conversation.status,
                closed_at: conversation.closed_at,
                messages,
            }],
            presence: Vec::new(),
        })
    }
}

fn signed(event: &Event) -> Vec<u8> {
    event.sign(&DeliveryKey::new(DELIVERY_KEY).unwrap()).unwrap()
}

impl Functions for Fake {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, CallError>> {
        let fake = self.clone();
        async move {
            let route = match request.uri().path() {
                "/internal/messages" => "send",
                "/internal/join" => "join",
                "/internal/sweep" => "sweep",
                "/internal/leave" => "leave",
                _ => "history",
            };
            let fault = fake.state().faults.get_mut(route).and_then(VecDeque::pop_front);
            let fault = if fake.working.load(Ordering::SeqCst) { fault } else { Some(Fault::Unavailable) };
            match fault {
                Some(Fault::Hang) => return std::future::pending().await,
                Some(Fault::Unavailable) => return Ok(response(Err(ErrorCode::Unavailable.refusal("down")))),
                Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
                Some(Fault::Late(time)) => {
                    tokio::spawn(async move {
                        tokio::time::sleep(time).await;
                        drop(fake.answer(&request));
                    });
                    return std::future::pending().await;
                }
                Some(Fault::GivenUp(time)) => {
                    tokio::spawn(async move {
                        tokio::time::sleep(time).await;
                        drop(fake.answer(&request));
                    });
                    return Err(CallError::new("it takes too long"));
                }
                Some(Fault::Unreadable) => return Ok(Response::new("no JSON".into())),
                Some(Fault::Panic) => panic!("as the script says"),
                Some(Fault::LostAnswer | Fault::SlowAnswer(_)) | None => {}
            }
            tokio::time::sleep(fake.wait(&request)).await;
            let answer = fake.answer(&request);
            if let Some(Fault::SlowAnswer(time)) = fault {
                tokio::time::sleep(time).await;
            }
            if matches!(fault, Some(Fault::LostAnswer)) {
                return Err(CallError::new("the connection was lost"));
            }
            Ok(response(answer))
        }
        .boxed()
    }
}

fn response(answer: Result<Vec<u8>, Refusal>) -> Response<Bytes> {
    match answer {
        Ok(body) => Response::new(body.into()),
        Err(refusal) => {
            let problem = Problem::from(refusal);
            let status = StatusCode::from_u16(problem.status).unwrap();
            Response::builder().status(status).body(serde_json::to_vec(&problem).unwrap().into()).unwrap()
        }
    }
}
