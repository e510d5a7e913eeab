//! `StreamInvocation`, type 4.

use std::borrow::Cow;

use serde::Serialize;

use crate::fields::Fields;
use crate::{Arguments, ProtocolError, write};

/// A method of the peer is invoked, and its caller wants a stream.
#[derive(Clone, Debug)]
pub struct StreamInvocation<'a> {
    /// Names the stream in its items and its completion.
    pub invocation_id: Cow<'a, str>,
    /// The method.
    pub target: Cow<'a, str>,
    /// Its arguments.
    pub arguments: Arguments<'a>,
    /// The streams that the caller will send along.
    pub stream_ids: Vec<Cow<'a, str>>,
}

impl<'a> StreamInvocation<'a> {
    pub(crate) const TYPE: i64 = 4;

    pub(crate) fn read(fields: &Fields<'a>) -> Result<Self, ProtocolError> {
        fields.check_headers()?;
        Ok(Self {
            invocation_id: fields.required_invocation_id()?,
            target: fields.target()?,
            arguments: fields.arguments()?,
            stream_ids: fields.stream_ids()?,
        })
    }

    /// Appends the message and its separator.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let Self { invocation_id, target, arguments, stream_ids } = self;
        write::message(out, &Wire { kind: Self::TYPE, invocation_id, target, arguments: arguments.raw(), stream_ids });
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a, A: Serialize> {
    #[serde(rename = "type")]
    kind: i64,
    invocation_id: &'a str,
    target: &'a str,
    arguments: A,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stream_ids: &'a [Cow<'a, str>],
}
