//! Cutting what arrives into messages.

use bytes::{Buf, Bytes, BytesMut};

use crate::ProtocolError;
use crate::oversized::Oversized;

/// Ends every message: the ASCII record separator.
pub const SEPARATOR: u8 = 0x1e;

/// What has arrived whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Framed {
    /// A message, without its separator.
    Message(Bytes),
    /// An invocation that is larger than a message may be. Nothing of it is left but its name, by which to refuse it.
    TooLarge {
        /// What its caller calls it.
        invocation_id: String,
    },
}

/// Cuts what arrives into messages, however the transport has cut it before.
///
/// Whole messages are handed out without copying; only a message that arrives in pieces is put together. It holds no more
/// than the largest message and one piece: what is larger than that is read as it goes by ([`Self::refuse_up_to`]).
#[derive(Debug)]
pub struct Frames {
    /// What has arrived and wasn't handed out.
    rest: Bytes,
    /// How much of `rest` is known to hold no separator, so that many small pieces aren't searched again and again.
    searched: usize,
    limit: usize,
    /// The most bytes of a message that are gone through for the name of its invocation.
    most: usize,
    /// The message that goes by, for it is too large.
    oversized: Option<Box<Oversized>>,
}

impl Frames {
    /// Takes messages of up to `limit` bytes, separator included; a larger one is an error.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { rest: Bytes::new(), searched: 0, limit, most: limit, oversized: None }
    }

    /// Goes through messages of up to so many bytes from now on to find out which invocation is too large; only what is none,
    /// or larger still, is an error.
    pub fn refuse_up_to(&mut self, most: usize) {
        self.most = most;
    }

    /// Takes bytes that have arrived.
    pub fn push(&mut self, bytes: Bytes) {
        if self.rest.is_empty() {
            self.rest = bytes;
        } else {
            // A buffer of our own grows in place, so that a message in a thousand pieces isn't copied a thousand times.
            let mut joined = match std::mem::take(&mut self.rest).try_into_mut() {
                Ok(own) => own,
                Err(shared) => BytesMut::from(shared.as_ref()),
            };
            joined.extend_from_slice(&bytes);
            self.rest = joined.freeze();
        }
    }

    /// Hands out what is whole next; `None` when more must arrive first.
    ///
    /// # Errors
    /// Returns [`ProtocolError::TooLarge`] when what arrived can't become a message within the limit, nor be refused as an
    /// invocation. Nothing can be taken after that.
    pub fn next_message(&mut self) -> Result<Option<Framed>, ProtocolError> {
        if let Some(oversized) = self.oversized.take() {
            return self.go_by(oversized);
        }
        let window = self.rest.len().min(self.limit);
        let fresh = self.rest.get(self.searched..window).unwrap_or_default();
        if let Some(found) = fresh.iter().position(|byte| *byte == SEPARATOR) {
            let message = self.rest.split_to(self.searched + found);
            self.end_message();
            return Ok(Some(Framed::Message(message)));
        }
        self.searched = window;
        if self.rest.len() <= self.limit { Ok(None) } else { self.go_by(Box::default()) }
    }

    /// Lets what has arrived of a message that is too large go by.
    fn go_by(&mut self, mut oversized: Box<Oversized>) -> Result<Option<Framed>, ProtocolError> {
        let end = self.rest.iter().position(|byte| *byte == SEPARATOR);
        let piece = self.rest.split_to(end.unwrap_or(self.rest.len()));
        oversized.read(&piece);
        let too_large = ProtocolError::TooLarge { limit: self.limit };
        if oversized.is_broken() || oversized.size() >= self.most {
            return Err(too_large);
        }
        if end.is_none() {
            self.rest = Bytes::new();
            self.oversized = Some(oversized);
            return Ok(None);
        }
        self.end_message();
        oversized.invocation_id().map(|invocation_id| Some(Framed::TooLarge { invocation_id })).ok_or(too_large)
    }

    /// Goes on behind the separator that is next.
    fn end_message(&mut self) {
        self.rest.advance(1);
        self.searched = 0;
        // An empty slice would keep the allocation of the last frame alive on an idle connection.
        if self.rest.is_empty() {
            self.rest = Bytes::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(frames: &mut Frames) -> Result<Vec<String>, ProtocolError> {
        let told = |framed| match framed {
            Framed::Message(message) => String::from_utf8(message.into()).unwrap(),
            Framed::TooLarge { invocation_id } => format!("too large: {invocation_id}"),
        };
        std::iter::from_fn(|| frames.next_message().transpose()).map(|framed| framed.map(told)).collect()
    }

    #[test]
    fn several_messages_in_one_piece() {
        let mut frames = Frames::new(100);
        frames.push(Bytes::from_static(b"one\x1e\x1etwo\x1ethr"));
        assert_eq!(drain(&mut frames).unwrap(), ["one", "", "two"]);
        frames.push(Bytes::from_static(b"ee\x1e"));
        assert_eq!(drain(&mut frames).unwrap(), ["three"]);
    }

    #[test]
    fn the_limit_counts_the_separator() {
        let mut frames = Frames::new(4);
        frames.push(Bytes::from_static(b"abc\x1eabcd"));
        assert_eq!(drain(&mut frames).unwrap(), ["abc"], "a separator may still follow");
        frames.push(Bytes::from_static(b"\x1e"));
        assert_eq!(frames.next_message(), Err(ProtocolError::TooLarge { limit: 4 }));
    }

    fn invocation(id: u8, size: usize) -> String {
        format!(r#"{{"arguments":["{}"],"invocationId":"{id}","target":"M","type":1}}"#, "x".repeat(size))
    }

    #[test]
    fn an_invocation_that_is_too_large_is_named_and_the_next_is_taken() {
        let mut frames = Frames::new(100);
        frames.refuse_up_to(10_000);
        let wire = format!("{}\u{1e}{}\u{1e}ok\u{1e}", invocation(1, 9_000), invocation(2, 100));
        let mut got = Vec::new();
        for piece in wire.as_bytes().chunks(64) {
            frames.push(Bytes::copy_from_slice(piece));
            got.extend(drain(&mut frames).unwrap());
            assert!(frames.rest.len() <= 164, "no more than a message and a piece is held");
        }
        assert_eq!(got, ["too large: 1", "too large: 2", "ok"]);
    }

    #[test]
    fn what_can_not_be_refused_by_itself_is_an_error() {
        let too_large = Err(ProtocolError::TooLarge { limit: 100 });
        for wire in [
            format!("{}\u{1e}", "x".repeat(200)),
            "x".repeat(200),
            format!("{}\u{1e}", invocation(1, 200).replace("\"invocationId\":\"1\",", "")),
            format!("{}\u{1e}", invocation(1, 1_000)),
            invocation(1, 1_000),
        ] {
            let mut frames = Frames::new(100);
            frames.refuse_up_to(1_000);
            frames.push(Bytes::from(wire));
            assert_eq!(frames.next_message(), too_large);
        }
    }

    proptest! {
        #[test]
        fn messages_are_the_same_however_they_are_cut(
            messages in proptest::collection::vec("[a-z]{0,20}", 0..20),
            cuts in proptest::collection::vec(1_usize..30, 0..40),
        ) {
            let wire: String = messages.iter().map(|message| format!("{message}\x1e")).collect();
            let mut frames = Frames::new(21);
            frames.refuse_up_to(1_000);
            let mut got = Vec::new();
            let mut rest = Bytes::from(wire);
            for cut in cuts {
                frames.push(rest.split_to(cut.min(rest.len())));
                got.extend(drain(&mut frames).unwrap());
            }
            frames.push(rest);
            got.extend(drain(&mut frames).unwrap());
            prop_assert_eq!(got, messages);
        }
    }
}
