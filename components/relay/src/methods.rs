//! The hub's methods: what a client may ask.

use std::borrow::Cow;
use std::sync::Arc;

use chat::{ErrorCode, ServiceRequestId};
use serde::Deserialize;
use serde_json::value::RawValue;
use signalr::{Arguments, BindError, Close, HubMessage, InvocationError, ProtocolError, StreamInvocation};
use tokio::time::Instant;
use uuid::Uuid;

use crate::connection::Connection;
use crate::join::Join;
use crate::lane::Item;
use crate::relay::{Inner, Urgency};
use crate::ticket::{SEND_MESSAGE, Ticket};

const JOIN: &str = "JoinServiceRequest";
const LEAVE: &str = "LeaveServiceRequest";

/// What to do after a message.
pub(crate) enum Flow {
    /// Take the next one.
    Next,
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
            // Nothing streams and nobody asks clients for results, so these concern nothing.
            HubMessage::StreamItem(_)
            | HubMessage::Completion(_)
            | HubMessage::CancelInvocation(_)
            | HubMessage::Ping(_)
            | HubMessage::Ack(_)
            | HubMessage::Sequence(_)
            | HubMessage::Unknown => return Ok(Flow::Next),
        };
        let id = invocation.invocation_id.as_deref();
        let target = &*invocation.target;
        let arguments = &invocation.arguments;
        let streams = invocation.stream_ids.len();
        let outcome = match target {
            SEND_MESSAGE | JOIN | LEAVE if streams > 0 => Err(InvocationError::Streams { target, given: streams }),
            SEND_MESSAGE => self.send_message(connection, id, arguments),
            JOIN => self.join_service_request(connection, id, arguments),
            LEAVE => self.leave_service_request(connection, id, arguments),
            _ => Err(InvocationError::UnknownMethod { target }),
        };
        Ok(outcome.unwrap_or_else(|error: InvocationError<'_>| {
            connection.refuse(id, &coded(&error));
            Flow::Next
        }))
    }

    fn send_message<'a>(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        invocation_id: Option<&str>,
        arguments: &Arguments<'_>,
    ) -> Result<Flow, InvocationError<'a>> {
        let wrong = |error| InvocationError::Arguments { target: SEND_MESSAGE, error };
        arguments.expect(2, 2).map_err(wrong)?;
        let conversation = Text::bind(arguments, 0).map_err(wrong)?;
        let form: Form<'_> = arguments.bind(1).map_err(wrong)?;
        let name = Text::read(form.client_message_id).map_err(wrong)?;
        let body = Text::read(form.body).map_err(wrong)?;
        if connection.is_joining(&conversation.value) {
            return Ok(Flow::Later);
        }

        let json = format!(
            "\"serviceRequestId\":{},\"clientMessageId\":{},\"body\":{}}}",
            conversation.json, name.json, body.json
        );
        let queued = Instant::now();
        let ticket = |door| Ticket::new(connection, invocation_id, door, queued + self.limits.send);
        let ticket = match ServiceRequestId::parse(&conversation.value) {
            Ok(id) => self.doors.at(&id, |door| {
                let ticket = ticket(Some(Arc::clone(door)));
                door.send(Uuid::try_parse(&name.value).ok(), &ticket);
                ticket
            }),
            // The function says what is wrong with the id.
            Err(_) => ticket(None),
        };
        let item = Item { ticket, json: json.into_bytes().into(), queued };
        if let Err(item) = self.queue(&conversation.value, item) {
            self.metrics.crowded_out.add(1);
            let refusal = ErrorCode::RateLimited.refusal("too many messages are waiting; send it again in a moment");
            self.refuse(&item.ticket, &refusal);
        }
        Ok(Flow::Next)
    }

    fn join_service_request<'a>(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        invocation_id: Option<&str>,
        arguments: &Arguments<'_>,
    ) -> Result<Flow, InvocationError<'a>> {
        let wrong = |error| InvocationError::Arguments { target: JOIN, error };
        arguments.expect(1, 3).map_err(wrong)?;
        let conversation = Text::bind(arguments, 0).map_err(wrong)?;
        let after: Option<i64> = arguments.bind(1).map_err(wrong)?;
        let epoch: Option<Box<str>> = arguments.bind(2).map_err(wrong)?;
        if connection.is_joining(&conversation.value) {
            return Ok(Flow::Later);
        }
        let join = Join { id: conversation.value.into(), invocation_id: invocation_id.map(Box::from), after, epoch };
        self.begin_join(connection, join);
        Ok(Flow::Next)
    }

    fn leave_service_request<'a>(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        invocation_id: Option<&str>,
        arguments: &Arguments<'_>,
    ) -> Result<Flow, InvocationError<'a>> {
        let wrong = |error| InvocationError::Arguments { target: LEAVE, error };
        arguments.expect(1, 1).map_err(wrong)?;
        let conversation = Text::bind(arguments, 0).map_err(wrong)?;
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
    let error: InvocationError<'_> = match target {
        SEND_MESSAGE | JOIN | LEAVE => InvocationError::NotStreaming { target },
        _ => InvocationError::UnknownMethod { target },
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

/// What a client wants to send. Its properties stay raw, to be passed on as they came.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form<'a> {
    #[serde(borrow)]
    client_message_id: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// A string of a client, known to be one: half a surrogate pair in one message would make a whole batch unreadable.
struct Text<'a> {
    json: &'a str,
    value: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Text<'a> {
    fn bind(arguments: &Arguments<'a>, index: usize) -> Result<Self, BindError> {
        Self::read(arguments.raw().get(index).copied())
    }

    /// Reads a string. One that is missing or null is empty: the function says what is wrong with that.
    fn read(raw: Option<&'a RawValue>) -> Result<Self, BindError> {
        let json = raw.map(RawValue::get).filter(|json| *json != "null").unwrap_or("\"\"");
        let Borrowed(value) = serde_json::from_str(json).map_err(|_| BindError::Value)?;
        Ok(Self { json, value })
    }
}
