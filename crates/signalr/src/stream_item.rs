//! `StreamItem`, type 2.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::fields::Fields;
use crate::{ProtocolError, write};

/// An item of a stream.
#[derive(Clone, Debug)]
pub struct StreamItem<'a> {
    /// The stream.
    pub invocation_id: Cow<'a, str>,
    /// The item.
    pub item: &'a RawValue,
}

impl<'a> StreamItem<'a> {
    pub(crate) const TYPE: i64 = 2;

    pub(crate) fn read(fields: &Fields<'a>) -> Result<Self, ProtocolError> {
        fields.check_headers()?;
        Ok(Self { invocation_id: fields.required_invocation_id()?, item: fields.item()? })
    }

    /// Appends the message and its separator.
    pub fn encode(&self, out: &mut Vec<u8>) {
        write::message(out, &Wire { kind: Self::TYPE, invocation_id: &self.invocation_id, item: self.item });
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: i64,
    invocation_id: &'a str,
    item: &'a RawValue,
}
