//! The hub's methods: what a client may ask.

use std::borrow::Cow;
use std::sync::Arc;

use chat::{Activity, ErrorCode, ServiceRequestId, whole_number};
use serde::Deserialize;
use signalr::{Arguments, BindError, Invocation};
use signalr_server::Flow;
use tokio::time::Instant;
use uuid::Uuid;

use crate::caller::Caller;
use crate::form::Form;
use crate::join::Join;
use crate::lanes::Item;
use crate::node::{Node, Urgency};
use crate::ticket::{SEND_MESSAGE, Ticket};
use crate::waiting::Crowded;

/// The argument that says which conversation is meant.
const SERVICE_REQUEST: &str = "serviceRequestId";

/// What stands for an argument that is missing.
const NOTHING: &str = "null";

/// What a client may invoke. Names are matched without case, as at the reference.
#[derive(Clone, Copy)]
pub(crate) enum Method {
    Send,
    Join,
    Leave,
}

impl Method {
    /// The method of this name.
    pub(crate) fn named(target: &str) -> Option<Self> {
        match target {
            _ if target.eq_ignore_ascii_case(SEND_MESSAGE) => Some(Self::Send),
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
    pub(crate) fn call(
        self: &Arc<Self>,
        connection: &Arc<Caller>,
        invocation: &Invocation<'_>,
    ) -> Result<Flow, BindError> {
        let (id, arguments) = (invocation.invocation_id.as_deref(), &invocation.arguments);
        match Method::named(&invocation.target) {
            Some(Method::Send) => self.send_message(connection, id, arguments),
            Some(Method::Join) => self.join_service_request(connection, id, arguments),
            Some(Method::Leave) => self.leave_service_request(connection, id, arguments),
            // The server asks first whether there is such a method.
            None => Ok(Flow::Next),
        }
    }

    fn send_message(
        self: &Arc<Self>,
        connection: &Arc<Caller>,
        invocation_id: Option<&str>,
        arguments: &Arguments<'_>,
    ) -> Result<Flow, BindError> {
        arguments.expect(2, 2)?;
        let conversation = Text::bind(arguments, 0, SERVICE_REQUEST)?;
        let form: Form<'_> = arguments.bind(1, "message", "an object")?;
        let name = Text::read(form.client_message_id.unwrap_or(NOTHING), "message.clientMessageId")?;
        let body = Text::read(form.body.unwrap_or(NOTHING), "message.body")?;
        if connection.is_joining(&conversation.value) {
            return Ok(Flow::Later);
        }

        let json = format!(
            "\"serviceRequestId\":{},\"clientMessageId\":{},\"body\":{}}}",
            conversation.json, name.json, body.json
        );
        let queued = Instant::now();
        let name = Uuid::try_parse(&name.value).ok();
        let key = self.lanes.key(&conversation.value);
        let mut holds = connection.holds.lock();
        let message = match holds.admit(key, name, queued) {
            Ok(message) => message,
            Err(refusal) => {
                self.metrics.held_back.add(1);
                connection.refuse(invocation_id, &refusal.to_string());
                return Ok(Flow::Next);
            }
        };
        if let Err(refusal) = self.limited(connection.guest.take(Activity::Messages, queued)) {
            holds.refused(&message, &refusal, queued, self.limits.hold);
            connection.refuse(invocation_id, &refusal.to_string());
            return Ok(Flow::Next);
        }
        let ticket = |id| Ticket::new(connection, invocation_id, id, queued + self.limits.send, message);
        let ticket = match ServiceRequestId::parse(&conversation.value) {
            Ok(id) => self.doors.at(&id, |door| {
                let ticket = ticket(Some(id.clone()));
                door.send(name, &ticket);
                ticket
            }),
            // The function says what is wrong with the id.
            Err(_) => ticket(None),
        };
        let outcome = self.queue(Item { ticket, json: json.into_bytes().into(), queued });
        drop(holds);
        if let Err((item, crowded)) = outcome {
            self.metrics.crowded_out.add(1);
            let reason = match crowded {
                Crowded::Sender => "too many messages of yours are waiting",
                Crowded::Everybody => "too many messages are waiting",
            };
            let refusal = ErrorCode::RateLimited.refusal(format!("{reason}; try again in 1 s"));
            self.refuse(vec![(item.ticket, refusal)]);
        }
        Ok(Flow::Next)
    }

    fn join_service_request(
        self: &Arc<Self>,
        connection: &Arc<Caller>,
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
        if connection.is_joining(&conversation.value) {
            return Ok(Flow::Later);
        }
        if let Err(refusal) = self.limited(connection.guest.take(Activity::Joins, Instant::now())) {
            connection.refuse(invocation_id, &refusal.to_string());
            return Ok(Flow::Next);
        }
        connection.holds.lock().joined(self.lanes.key(&conversation.value));
        let join = Join { id: conversation.value.into(), invocation_id: invocation_id.map(Box::from), after, epoch };
        self.begin_join(connection, join);
        Ok(Flow::Next)
    }

    fn leave_service_request(
        self: &Arc<Self>,
        connection: &Arc<Caller>,
        invocation_id: Option<&str>,
        arguments: &Arguments<'_>,
    ) -> Result<Flow, BindError> {
        arguments.expect(1, 1)?;
        let conversation = Text::bind(arguments, 0, SERVICE_REQUEST)?;
        if connection.is_joining(&conversation.value) {
            return Ok(Flow::Later);
        }
        if let Some(door) = self.doors.get(&conversation.value) {
            let aftermath = door.leave(connection);
            self.follow_up(&door, aftermath, Urgency::Soon);
        }
        connection.answer(invocation_id, &());
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
