//! The functions and their database, in memory, obeying a script of faults.

mod routes;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chat::wire::{
    DeliveryKey, Event, EventConversation, HistoryPage, JoinAnswer, JoinRequest, LeaveRequest, Outcome, Presence,
    SendAnswer, SendItem, SendRequest, SentConversation, SweepAnswer, SweepChange, SweepRequest,
};
use chat::{Actor, ErrorCode, Message, Parties, PartyPresence, Problem, Refusal, Role, ServiceRequestId, Status};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use identity::{Settings, Verifier};
use relay::{CallError, Functions};
use uuid::Uuid;

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
    /// It panics.
    Panic,
    /// It never answers, and does nothing.
    Hang,
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
    registered: Vec<(String, ServiceRequestId, String)>,
    batches: Vec<usize>,
}

#[derive(Clone)]
struct Conversation {
    version: i64,
    parties: Parties,
    status: Status,
    messages: Vec<Message>,
    purged_through: i64,
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
                batches: Vec::new(),
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
                messages: Vec::new(),
                purged_through: 0,
            });
            conversation.version += 1;
            conversation.parties = parties;
            conversation.status = status;
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

    pub fn messages(&self, name: &str) -> Vec<Message> {
        self.state().conversations.get(name).unwrap().messages.clone()
    }

    pub fn batches(&self) -> Vec<usize> {
        self.state().batches.clone()
    }

    pub fn registered(&self) -> Vec<(String, String)> {
        let state = self.state();
        state.registered.iter().map(|(node, id, user)| (format!("{node}/{id}"), user.clone())).collect()
    }

    /// The next calls of a route go wrong.
    pub fn fail(&self, route: &'static str, faults: &[Fault]) {
        self.state().faults.entry(route).or_default().extend(faults);
    }

    /// Nothing goes wrong with a route any longer.
    pub fn heal(&self, route: &'static str) {
        self.state().faults.remove(route);
    }

    pub fn poison(&self, body: &str) {
        self.state().poison = Some(body.to_owned());
    }

    /// A signed event for a node that says who has come or gone on another.
    pub fn presence(&self, node: &str, name: &str, user: &str, online: bool) -> Vec<u8> {
        std::thread::sleep(Duration::from_millis(2));
        let mut event: Event = {
            let signed = self.state().event(node, name, Vec::new());
            serde_json::from_slice(&signed[65..]).unwrap()
        };
        event.conversations[0].presence = vec![Presence { user_id: user.parse().unwrap(), online }];
        event.sign(&DeliveryKey::new(DELIVERY_KEY.as_bytes()).unwrap()).unwrap()
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
    fn send(&mut self, actor: &Actor, item: &SendItem) -> Result<(bool, Message), Refusal> {
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
            return Ok((false, message.clone()));
        }
        if conversation.status == Status::Closed {
            return Err(ErrorCode::Closed.refusal("the service request is closed"));
        }
        Ok((true, self.store(&item.service_request_id, actor.user.as_str(), role, name, &item.body)))
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
            sent_at: chrono::Utc::now(),
        };
        conversation.messages.push(message.clone());
        message
    }

    fn events(&self, name: &str, messages: Vec<Message>, except: Option<&str>) -> Vec<(std::net::SocketAddr, Vec<u8>)> {
        let holds = |node: &str| self.registered.iter().any(|(holder, id, _)| holder == node && id.as_str() == name);
        let rung = self.nodes.iter().filter(|(node, _)| Some(node.as_str()) != except && holds(node));
        rung.map(|(node, address)| (*address, self.event(node, name, messages.clone()))).collect()
    }

    fn event(&self, node: &str, name: &str, messages: Vec<Message>) -> Vec<u8> {
        let conversation = self.conversations.get(name).unwrap();
        let event = Event {
            to: node.parse().unwrap(),
            at: chrono::Utc::now().timestamp_millis(),
            epoch: self.epoch.clone(),
            conversations: vec![EventConversation {
                id: id(name),
                version: conversation.version,
                who: conversation.parties.clone(),
                status: conversation.status,
                closed_at: None,
                messages,
                presence: Vec::new(),
            }],
        };
        event.sign(&DeliveryKey::new(DELIVERY_KEY.as_bytes()).unwrap()).unwrap()
    }
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
                Some(Fault::Panic) => panic!("as the script says"),
                Some(Fault::LostAnswer | Fault::SlowAnswer(_)) | None => {}
            }
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
