//! The hub's methods: what a client may ask.

use std::borrow::Cow;
use std::sync::Arc;

use chat::{Activity, ErrorCode, ServiceRequestId, whole_number};
use serde::Deserialize;
use signalr::{Arguments, BindError, Close, HubMessage, InvocationError, ProtocolError, StreamInvocation};
use tokio::time::Instant;
use uuid::Uuid;

use crate::connection::Connection;
use crate::form::Form;
use crate::join::Join;
use crate::lane::Item;
use crate::relay::{Inner, Urgency};
use crate::ticket::{SEND_MESSAGE, Ticket};
use crate::waiting::Crowded;

/// The argument that says which conversation is meant.
const SERVICE_REQUEST: &str = "serviceRequestId";

/// What stands for an argument that is missing.
const NOTHING: &str = "null";

/// What a client may invoke. Names are matched without case, as at the reference.
#[derive(Clone, Copy)]
enum Method {
    Send,
    Join,
    Leave,
}

impl Method {
    fn named(target: &str) -> Option<Self> {
        match target {
            _ if target.eq_ignore_ascii_case(SEND_MESSAGE) => Some(Self::Send),
            _ if target.eq_ignore_ascii_case("JoinServiceRequest") => Some(Self::Join),
            _ if target.eq_ignore_ascii_case("LeaveServiceRequest") => Some(Self::Leave),
            _ => None,
        }
    }
}

/// What to do after a message.
pub(crate) enum Flow {
    /// Take the next one.
    Next,
    /// It was a ping. Take the next one.
    Pinged,
    /// Take this one again, once something that is under way has ended.
    Later,
    /// End the connection.
    End(Close<'static>),
}

impl Inner {
    /// Takes one message of a client.
    ///
    /// # Errors
    /// Returns the error of bytes that are no message.
    pub(crate) fn receive(self: &Arc<Self>, connection: &Arc<Connection>, json: &[u8]) -> Result<Flow, ProtocolError> {
        let invocation = match HubMessage::parse(json)? {
            HubMessage::Invocation(invocation) => invocation,
            HubMessage::StreamInvocation(invocation) => {
                refuse_stream(connection, &invocation);
                return Ok(Flow::Next);
            }
            HubMessage::Close(_) => return Ok(Flow::End(Close::WELL)),
            HubMessage::Ping(_) => return Ok(Flow::Pinged),
            // Nothing streams and nobody asks clients for results, so these concern nothing.
            HubMessage::StreamItem(_)
            | HubMessage::Completion(_)
            | HubMessage::CancelInvocation(_)
            | HubMessage::Ack(_)
            | HubMessage::Sequence(_)
            | HubMessage::Unknown => return Ok(Flow::Next),
        };
        let id = invocation.invocation_id.as_deref();
        let target = &*invocation.target;
        let arguments = &invocation.arguments;
        let streams = invocation.stream_ids.len();
        let outcome = match Method::named(target) {
            None => Err(InvocationError::UnknownMethod { target }),
            Some(_) if streams > 0 => Err(InvocationError::Streams { target, given: streams }),
            Some(method) => {
                let taken = match method {
                    Method::Send => self.send_message(connection, id, arguments),
                    Method::Join => self.join_service_request(connection, id, arguments),
                    Method::Leave => self.leave_service_request(connection, id, arguments),
                };
                taken.map_err(|error| InvocationError::Arguments { target, error })
            }
        };
        Ok(outcome.unwrap_or_else(|error: InvocationError<'_>| {
            connection.refuse(id, &coded(&error));
            Flow::Next
        }))
    }

    fn send_message(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
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
        let key = self.key(&conversation.value);
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
        let ticket = |door| Ticket::new(connection, invocation_id, door, queued + self.limits.send, message);
        let ticket = match ServiceRequestId::parse(&conversation.value) {
            Ok(id) => self.doors.at(&id, |door| {
                let ticket = ticket(Some(Arc::clone(door)));
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
        connection: &Arc<Connection>,
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
        connection.holds.lock().joined(self.key(&conversation.value));
        let join = Join { id: conversation.value.into(), invocation_id: invocation_id.map(Box::from), after, epoch };
        self.begin_join(connection, join);
        Ok(Flow::Next)
    }

    fn leave_service_request(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
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

fn refuse_stream(connection: &Connection, invocation: &StreamInvocation<'_>) {
    let target = &*invocation.target;
    let error: InvocationError<'_> = match Method::named(target) {
        Some(_) => InvocationError::NotStreaming { target },
        None => InvocationError::UnknownMethod { target },
    };
    connection.refuse(Some(&invocation.invocation_id), &coded(&error));
}

/// An error as the contract spells all of them, `code: text`; the text is the reference's.
fn coded(error: &InvocationError<'_>) -> String {
    let code = match error {
        InvocationError::UnknownMethod { .. } => ErrorCode::NotFound,
        _ => ErrorCode::Malformed,
    };
    format!("{code}: {error}")
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
