//! Every message of the hub protocol after the handshake.

use crate::fields::Fields;
use crate::{
    Ack, CancelInvocation, Close, Completion, Invocation, Ping, ProtocolError, Sequence, StreamInvocation, StreamItem,
};

/// A message of the hub protocol after the handshake.
#[derive(Clone, Debug)]
pub enum HubMessage<'a> {
    /// A method is invoked.
    Invocation(Invocation<'a>),
    /// An item of a stream.
    StreamItem(StreamItem<'a>),
    /// An invocation or a stream has ended.
    Completion(Completion<'a>),
    /// A method is invoked that answers with a stream.
    StreamInvocation(StreamInvocation<'a>),
    /// The peer wants no more of a stream.
    CancelInvocation(CancelInvocation<'a>),
    /// The peer is there.
    Ping(Ping),
    /// The peer is about to go.
    Close(Close<'a>),
    /// The peer has received messages.
    Ack(Ack),
    /// The peer goes on after a reconnect.
    Sequence(Sequence),
    /// A message of a type that this version doesn't know, to be ignored.
    Unknown,
}

impl<'a> HubMessage<'a> {
    /// Reads one message, without its separator.
    ///
    /// # Errors
    /// Returns a [`ProtocolError`] for what is no message. A message of an unknown type is none: later versions may add
    /// types, and peers ignore those they don't know.
    pub fn parse(json: &'a [u8]) -> Result<Self, ProtocolError> {
        let fields = Fields::read(json)?;
        let message = match fields.kind()? {
            Invocation::TYPE => Self::Invocation(Invocation::read(&fields)?),
            StreamItem::TYPE => Self::StreamItem(StreamItem::read(&fields)?),
            Completion::TYPE => Self::Completion(Completion::read(&fields)?),
            StreamInvocation::TYPE => Self::StreamInvocation(StreamInvocation::read(&fields)?),
            CancelInvocation::TYPE => Self::CancelInvocation(CancelInvocation::read(&fields)?),
            Ping::TYPE => Self::Ping(Ping),
            Close::TYPE => Self::Close(Close::read(&fields)?),
            Ack::TYPE => Self::Ack(Ack::read(&fields)?),
            Sequence::TYPE => Self::Sequence(Sequence::read(&fields)?),
            _ => Self::Unknown,
        };
        Ok(message)
    }
}
