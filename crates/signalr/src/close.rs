//! Close, type 7.

use std::borrow::Cow;

use serde::Serialize;

use crate::fields::Fields;
use crate::{ProtocolError, write};

/// The peer is about to go, and says whether it may be called again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Close<'a> {
    /// Why; `None` when all is well.
    pub error: Option<Cow<'a, str>>,
    /// Whether the other side may reconnect by itself.
    pub allow_reconnect: bool,
}

impl<'a> Close<'a> {
    pub(crate) const TYPE: i64 = 7;

    /// All is well, and no reconnect is wanted.
    pub const WELL: Close<'static> = Close { error: None, allow_reconnect: false };

    /// An end after an error, in the words of the reference. A client that reconnects by itself does so.
    pub fn failed(error: impl std::fmt::Display) -> Close<'static> {
        let error = format!("Connection closed with an error. {error}");
        Close { error: Some(Cow::Owned(error)), allow_reconnect: true }
    }

    pub(crate) fn read(fields: &Fields<'a>) -> Result<Self, ProtocolError> {
        Ok(Self { error: fields.error()?, allow_reconnect: fields.allow_reconnect()? })
    }

    /// Appends the message and its separator.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let Self { error, allow_reconnect } = self;
        write::message(out, &Wire { kind: Self::TYPE, error: error.as_deref(), allow_reconnect: *allow_reconnect });
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    allow_reconnect: bool,
}
