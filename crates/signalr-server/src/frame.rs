//! What is written to a client at once.

use bytes::Bytes;
use serde::Serialize;
use signalr::Invocation;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// One hub message or several, encoded; clones share the bytes, so that what goes to many is encoded once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Frame(Utf8Bytes);

impl Frame {
    /// What an encoder of the protocol writes, which takes about so many bytes.
    pub fn encode(capacity: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut out = Vec::with_capacity(capacity);
        write(&mut out);
        // JSON is UTF-8, so nothing is ever lost here.
        Self(Utf8Bytes::try_from(Bytes::from(out)).unwrap_or_default())
    }

    /// A message that is always the same.
    pub(crate) const fn from_static(text: &'static str) -> Self {
        Self(Utf8Bytes::from_static(text))
    }

    /// An event for clients: a method of theirs, and its one argument.
    pub fn event(target: &str, argument: &impl Serialize) -> Self {
        Self::encode(256, |out| Invocation::encode_event(target, argument, out))
    }

    /// The messages as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
