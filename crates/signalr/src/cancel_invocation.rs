//! `CancelInvocation`, type 5.

use std::borrow::Cow;

use serde::Serialize;

use crate::fields::Fields;
use crate::{ProtocolError, write};

/// The peer wants no more of a stream.
#[derive(Clone, Debug)]
pub struct CancelInvocation<'a> {
    /// The stream.
    pub invocation_id: Cow<'a, str>,
}

impl<'a> CancelInvocation<'a> {
    pub(crate) const TYPE: i64 = 5;

    pub(crate) fn read(fields: &Fields<'a>) -> Result<Self, ProtocolError> {
        fields.check_headers()?;
        Ok(Self { invocation_id: fields.required_invocation_id()? })
    }

    /// Appends the message and its separator.
    pub fn encode(&self, out: &mut Vec<u8>) {
        write::message(out, &Wire { kind: Self::TYPE, invocation_id: &self.invocation_id });
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: i64,
    invocation_id: &'a str,
}
