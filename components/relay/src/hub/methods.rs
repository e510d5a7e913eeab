//! The hub's methods: what a client may ask.

use std::borrow::Cow;
use std::sync::Arc;

use chat::{Activity, ErrorCode, ServiceRequestId, whole_number};
use serde::Deserialize;
use signalr::{Arguments, BindError, Invocation};
use signalr_server::Flow;
use tokio::time::Instant;
use uuid::Uuid;

use super::caller::Caller;
use super::join::Join;
use super::message_argument::MessageArgument;
use crate::node::Node;
use crate::sending::{Crowded, Item, PendingSend};
use crate::upkeep::Urgency;

/// The argument that says which conversation is meant.
const SERVICE_REQUEST: &str = "serviceRequestId";

/// What stands for an argument that is missing.
const NOTHING: &str = "null";

/// What a client may invoke. Names are matched without case, as at the reference.
#[derive(Clone, Copy)]
pub(crate) enum HubMethod {
    Send,
    Join,
    Leave,
}

impl HubMethod {
    /// The method of this name.
    pub(crate) fn named(target: &str) -> Option<Self> {
        match target {
            _ if target.eq_ignore_ascii_case("SendMessage") => Some(Self::Send),
            _ if target.eq_ignore_ascii_case("JoinServiceRequest") => Some(Self::Join),
            _ if target.eq_ignore_ascii_case("LeaveServiceRequest") => Some(Self::Leave),
            _ => None,
        }
    }
}

impl Node {
    /// Calls the method that is invoked.
    ///
    /// # Errors
    /// Refuses arguments that don't fit.
    pub(crate) fn call(self: &Arc<Self>, caller: &Arc<Caller>, invocation: &Invocation<'_>) -> Result<Flow, BindError> {
        let (id, arguments) = (invocation.invocation_id.as_deref(), &invocation.arguments);
        match HubMethod::named(&invocation.target) {
            Some(HubMethod::Send) => self.send_message(caller, id, arguments),
            Some(HubMethod::Join) => self.join_service_request(caller, id, arguments),
            Some(HubMethod::Leave) => self.leave_service_request(caller, id, arguments),
            // The server asks first whether there is such a method.
            None => Ok(Flow::Next),
        }
    }

    fn send_message(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        invocation_id: Option<&str>,
        arguments: &Arguments<'_>,
    ) -> Result<Flow, BindError> {
        arguments.expect(2, 2)?;
        let conversation = Text::bind(arguments, 0, SERVICE_REQUEST)?;
        let argument: MessageArgument<'_> = arguments.bind(1, "message", "an object")?;
        let name = Text::read(argument.client_message_id.unwrap_or(NOTHING), "message.clientMessageId")?;
        let body = Text::read(argument.body.unwrap_or(NOTHING), "message.body")?;
        if caller.is_joining(&conversation.value) {
            return Ok(Flow::Later);
        }

        let json = format!(
            "\"serviceRequestId\":{},\"clientMessageId\":{},\"body\":{}}}",
            conversation.json, name.json, body.json
        );
        let queued = Instant::now();
        let name = Uuid::try_parse(&name.value).ok();
        let key = self.lanes.key(&conversation.value);
        let mut holds = caller.holds.lock();
        let message = match holds.admit(key, name, queued) {
            Ok(message) => message,
            Err(refusal) => {
                self.metrics.held_back.add(1);
                caller.refuse(invocation_id, &refusal.to_string());
                return Ok(Flow::Next);
            }
        };
        if let Err(refusal) = self.limited(caller.accounts.take(Activity::Messages, queued)) {
            holds.refused(&message, &refusal, queued, self.limits.hold);
            caller.refuse(invocation_id, &refusal.to_string());
            return Ok(Flow::Next);
        }
        let begin = |id| PendingSend::new(caller, invocation_id, id, queued + self.limits.send, message);
        let pending = match ServiceRequestId::parse(&conversation.value) {
            Ok(id) => self.groups.with(&id, |group| {
                let pending = begin(Some(id.clone()));
                group.send(name, &pending);
                pending
            }),
            // The function says what is wrong with the id.
            Err(_) => begin(None),
        };
        let outcome = self.queue(Item { pending, json: json.into_bytes().into(), queued });
        drop(holds);
        if let Err((item, crowded)) = outcome {
            self.metrics.crowded_out.add(1);
            let reason = match crowded {
                Crowded::Sender => "too many messages of yours are waiting",
                Crowded::Everybody => "too many messages are waiting",
            };
            let refusal = ErrorCode::RateLimited.refusal(format!("{reason}; try again in 1 s"));
            self.refuse(vec![(item.pending, refusal)]);
        }
        Ok(Flow::Next)
    }

    fn join_service_request(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        invocation_id: Option<&str>,
        arguments: &Arguments<'_>,
    ) -> Result<Flow, BindError> {
        arguments.expect(1, 3)?;
        let conversation = Text::bind(arguments, 0, SERVICE_REQUEST)?;
        let after = match arguments.json(1) {
            NOTHING => None,
            json => {
                Some(whole_number(json).ok_or(BindError::Value { argument: "afterSeq", expected: "a whole number" })?)
            }
        };
        let epoch: Option<Box<str>> = arguments.bind(2, "epoch", "a string")?;
        if caller.is_joining(&conversation.value) {
            return Ok(Flow::Later);
        }
        if let Err(refusal) = self.limited(caller.accounts.take(Activity::Joins, Instant::now())) {
            caller.refuse(invocation_id, &refusal.to_string());
            return Ok(Flow::Next);
        }
        caller.holds.lock().joined(self.lanes.key(&conversation.value));
        let join = Join { id: conversation.value.into(), invocation_id: invocation_id.map(Box::from), after, epoch };
        self.begin_join(caller, join);
        Ok(Flow::Next)
    }

    fn leave_service_request(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        invocation_id: Option<&str>,
        arguments: &Arguments<'_>,
    ) -> Result<Flow, BindError> {
        arguments.expect(1, 1)?;
        let conversation = Text::bind(arguments, 0, SERVICE_REQUEST)?;
        if caller.is_joining(&conversation.value) {
            return Ok(Flow::Later);
        }
        if let Some(group) = self.groups.get(&conversation.value) {
            let aftermath = group.leave(caller);
            self.follow_up(&group, aftermath, Urgency::Soon);
        }
        caller.answer(invocation_id, &());
        Ok(Flow::Next)
    }
}

/// A string of a client, known to be one: half a surrogate pair in one message would make a whole batch unreadable.
struct Text<'a> {
    json: &'a str,
    value: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Text<'a> {
    fn bind(arguments: &Arguments<'a>, index: usize, argument: &'static str) -> Result<Self, BindError> {
        Self::read(arguments.json(index), argument)
    }

    /// Reads a string. One that is missing or null is empty: the function says what is wrong with that.
    fn read(json: &'a str, argument: &'static str) -> Result<Self, BindError> {
        let json = if json == NOTHING { "\"\"" } else { json };
        let wrong = BindError::Value { argument, expected: "a string" };
        let Borrowed(value) = serde_json::from_str(json).map_err(|_| wrong)?;
        Ok(Self { json, value })
    }
}
