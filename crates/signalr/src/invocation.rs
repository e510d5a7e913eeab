//! Invocation, type 1.

use std::borrow::Cow;

use serde::Serialize;

use crate::fields::Fields;
use crate::{Arguments, ProtocolError, write};

/// A method of the peer is invoked.
#[derive(Clone, Debug)]
pub struct Invocation<'a> {
    /// Names the invocation in its completion. Without it nobody waits for one, and none may be sent.
    pub invocation_id: Option<Cow<'a, str>>,
    /// The method.
    pub target: Cow<'a, str>,
    /// Its arguments.
    pub arguments: Arguments<'a>,
    /// The streams that the caller will send along.
    pub stream_ids: Vec<Cow<'a, str>>,
}

impl<'a> Invocation<'a> {
    pub(crate) const TYPE: i64 = 1;

    pub(crate) fn read(fields: &Fields<'a>) -> Result<Self, ProtocolError> {
        fields.check_headers()?;
        Ok(Self {
            invocation_id: fields.invocation_id()?,
            target: fields.target()?,
            arguments: fields.arguments()?,
            stream_ids: fields.stream_ids()?,
        })
    }

    /// Appends the message and its separator.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let Self { invocation_id, target, arguments, stream_ids } = self;
        write::message(
            out,
            &Wire {
                kind: Self::TYPE,
                invocation_id: invocation_id.as_deref(),
                target,
                arguments: arguments.raw(),
                stream_ids,
            },
        );
    }

    /// Appends an invocation that nobody answers, of a method with one argument, and its separator: an event.
    pub fn encode_event<T: Serialize + ?Sized>(target: &str, argument: &T, out: &mut Vec<u8>) {
        let wire = Wire { kind: Self::TYPE, invocation_id: None, target, arguments: [argument], stream_ids: &[] };
        write::message(out, &wire);
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a, A: Serialize> {
    #[serde(rename = "type")]
    kind: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation_id: Option<&'a str>,
    target: &'a str,
    arguments: A,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stream_ids: &'a [Cow<'a, str>],
}
