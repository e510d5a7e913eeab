//! Cutting what arrives into messages.

use bytes::{Buf, Bytes, BytesMut};

use crate::ProtocolError;

/// Ends every message: the ASCII record separator.
pub const SEPARATOR: u8 = 0x1e;

/// Cuts what arrives into messages, however the transport has cut it before.
///
/// Whole messages are handed out without copying; only a message that arrives in pieces is put together.
#[derive(Debug)]
pub struct Frames {
    /// What has arrived and wasn't handed out.
    rest: Bytes,
    /// How much of `rest` is known to hold no separator, so that many small pieces aren't searched again and again.
    searched: usize,
    limit: usize,
}

impl Frames {
    /// Takes messages of up to `limit` bytes, separator included.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { rest: Bytes::new(), searched: 0, limit }
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

    /// Hands out the next message without its separator; `None` when more must arrive first.
    ///
    /// # Errors
    /// Returns [`ProtocolError::TooLarge`] when what arrived can't become a message within the limit, and then always.
    pub fn next_message(&mut self) -> Result<Option<Bytes>, ProtocolError> {
        let window = self.rest.len().min(self.limit);
        let fresh = self.rest.get(self.searched..window).unwrap_or_default();
        if let Some(found) = fresh.iter().position(|byte| *byte == SEPARATOR) {
            let message = self.rest.split_to(self.searched + found);
            self.rest.advance(1);
            self.searched = 0;
            // An empty slice would keep the allocation of the last frame alive on an idle connection.
            if self.rest.is_empty() {
                self.rest = Bytes::new();
            }
            return Ok(Some(message));
        }
        self.searched = window;
        if self.rest.len() > self.limit { Err(ProtocolError::TooLarge { limit: self.limit }) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(frames: &mut Frames) -> Result<Vec<Bytes>, ProtocolError> {
        std::iter::from_fn(|| frames.next_message().transpose()).collect()
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
        assert_eq!(frames.next_message(), Ok(Some(Bytes::from_static(b"abc"))));
        assert_eq!(frames.next_message(), Ok(None), "a separator may still follow");
        frames.push(Bytes::from_static(b"\x1e"));
        assert_eq!(frames.next_message(), Err(ProtocolError::TooLarge { limit: 4 }));
        assert_eq!(frames.next_message(), Err(ProtocolError::TooLarge { limit: 4 }));
    }

    proptest! {
        #[test]
        fn messages_are_the_same_however_they_are_cut(
            messages in proptest::collection::vec("[a-z]{0,20}", 0..20),
            cuts in proptest::collection::vec(1_usize..30, 0..40),
        ) {
            let wire: String = messages.iter().map(|message| format!("{message}\x1e")).collect();
            let mut frames = Frames::new(21);
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
