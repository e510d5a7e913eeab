//! Sequence, type 9.

use serde::Serialize;

use crate::fields::Fields;
use crate::{ProtocolError, write};

/// The peer goes on with this number after a reconnect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sequence {
    /// The number of a message.
    pub sequence_id: i64,
}

impl Sequence {
    pub(crate) const TYPE: i64 = 9;

    pub(crate) fn read(fields: &Fields<'_>) -> Result<Self, ProtocolError> {
        Ok(Self { sequence_id: fields.sequence_id()? })
    }

    /// Appends the message and its separator.
    pub fn encode(&self, out: &mut Vec<u8>) {
        write::message(out, &Wire { kind: Self::TYPE, sequence_id: self.sequence_id });
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(rename = "type")]
    kind: i64,
    sequence_id: i64,
}
